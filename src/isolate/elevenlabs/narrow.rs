//! Any recording as what the service reads fastest: 16 kHz, mono, 16-bit samples.

use crate::audio::encode::{self, Encode, Format};
use crate::audio::resample::Converter;
use crate::audio::{Depth, Spec, mono};
use crate::error::Failure;
use crate::sink::Output;

/// What `pcm_s16le_16` stands for.
pub(super) const NARROW: Spec = Spec { rate: 16_000, channels: 1, depth: Depth::Int16 };

/// The fewest samples that are converted at once.
const BLOCK: usize = 2048;

/// Writes frames of any kind as [`NARROW`] samples without a header.
pub(super) struct Narrow {
    samples: Box<dyn Encode>,
    channels: usize,
    converter: Converter,
    converted: Vec<f32>,
}

impl Narrow {
    /// Takes frames of `spec`.
    ///
    /// # Errors
    /// Those of [`encode::to`].
    pub(super) fn new(spec: Spec, output: Output) -> Result<Self, Failure> {
        Ok(Self {
            samples: encode::to(Format::Pcm, NARROW, None, output)?,
            channels: spec.channels.into(),
            converter: Converter::new(spec.rate, NARROW.rate, BLOCK)?,
            converted: Vec::new(),
        })
    }

    fn put(&mut self) -> Result<(), Failure> {
        let result = self.samples.write(&self.converted);
        self.converted.clear();
        result
    }
}

impl Encode for Narrow {
    fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure> {
        self.converter.push(mono(interleaved, self.channels), &mut self.converted)?;
        self.put()
    }

    fn finish(mut self: Box<Self>) -> Result<u64, Failure> {
        self.converter.finish(&mut self.converted)?;
        self.put()?;
        self.samples.finish()
    }
}
