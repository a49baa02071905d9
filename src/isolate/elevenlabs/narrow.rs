//! Any recording as what the service reads fastest: 16 kHz, mono, 16-bit samples.

use crate::audio::encode::{self, Encode, Format};
use crate::audio::resample::{Blocks, Resampler};
use crate::audio::{Depth, Spec};
use crate::error::Failure;
use crate::sink::Output;

/// What `pcm_s16le_16` stands for.
pub(super) const NARROW: Spec = Spec { rate: 16_000, channels: 1, depth: Depth::Int16 };

/// The fewest samples that are converted at once.
const BLOCK: usize = 2048;

/// Writes frames of any kind as [`NARROW`] samples without a header.
pub(super) struct Narrow {
    samples: Box<dyn Encode>,
    spec: Spec,
    blocks: Blocks,
    resampler: Resampler,
    /// Samples that the resampler gives before the first one that belongs to the recording.
    delay: usize,
    /// Mono, at the recording's sample rate.
    waiting: Vec<f32>,
    converted: Vec<f32>,
    /// Frames that came, and samples that went.
    frames: u64,
    written: u64,
}

impl Narrow {
    /// Takes frames of `spec`.
    ///
    /// # Errors
    /// Those of [`encode::to`].
    pub(super) fn new(spec: Spec, output: Output) -> Result<Self, Failure> {
        let blocks = Blocks::new(spec.rate, NARROW.rate, 1, BLOCK);
        let resampler = Resampler::new(blocks)?;
        Ok(Self {
            samples: encode::to(Format::Pcm, NARROW, None, output)?,
            spec,
            blocks,
            // The first half of a block is the filter's delay.
            delay: if resampler.is_identity() { 0 } else { blocks.b / 2 },
            resampler,
            waiting: Vec::new(),
            converted: Vec::new(),
            frames: 0,
            written: 0,
        })
    }

    /// Converts the blocks that are full.
    fn convert(&mut self, most: u64) -> Result<(), Failure> {
        while self.waiting.len() >= self.blocks.a {
            self.converted.clear();
            self.resampler.process(&self.waiting[..self.blocks.a], &mut self.converted)?;
            self.waiting.drain(..self.blocks.a);
            let skipped = self.delay.min(self.converted.len());
            self.delay -= skipped;
            let left = usize::try_from(most - self.written).unwrap_or(usize::MAX);
            let kept = (self.converted.len() - skipped).min(left);
            self.samples.write(&self.converted[skipped..skipped + kept])?;
            self.written += kept as u64;
        }
        Ok(())
    }
}

impl Encode for Narrow {
    fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure> {
        let channels = usize::from(self.spec.channels);
        self.frames += (interleaved.len() / channels) as u64;
        let mono =
            interleaved.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32);
        self.waiting.extend(mono);
        self.convert(u64::MAX)
    }

    fn finish(mut self: Box<Self>) -> Result<u64, Failure> {
        // Rounded up, so that the end is not lost.
        let whole = (self.frames * u64::from(NARROW.rate)).div_ceil(u64::from(self.spec.rate));
        while self.written < whole {
            self.waiting.resize(self.blocks.a, 0.0);
            self.convert(whole)?;
        }
        self.samples.finish()
    }
}
