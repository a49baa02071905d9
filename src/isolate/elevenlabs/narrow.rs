//! Any recording as what the service reads fastest: 16 kHz, mono, 16-bit samples.

use crate::audio::decode::Decoder;
use crate::audio::encode::{self, Format};
use crate::audio::resample::{Blocks, Resampler};
use crate::audio::{Depth, Spec};
use crate::error::Failure;
use crate::isolate::{Observer, Stage};
use crate::sink::Output;
use crate::source::{Input, spool};

/// The sample rate of `pcm_s16le_16`, in Hz.
pub(super) const RATE: u32 = 16_000;

/// The fewest samples that are converted at once.
const BLOCK: usize = 2048;

/// Decodes to the end, into a temporary file, unless `allowed` refuses the seconds so far. Returns that file, the number of frames that were read, and
/// what the user should know about them.
///
/// # Errors
/// `Input` when decoding fails, `Output` when the temporary file cannot be written.
pub(super) fn narrowed(
    mut decoder: Decoder,
    allowed: &dyn Fn(f64) -> Result<(), Failure>,
    observer: &dyn Observer,
) -> Result<(Input, u64, Vec<String>), Failure> {
    let spec = decoder.spec();
    let of = decoder.length().frames();
    let file = spool()?;
    let copy = file.try_clone().map_err(|error| Failure::writing(&error))?;
    let narrow = Spec { rate: RATE, channels: 1, depth: Depth::Int16 };
    let mut encoder = encode::to(Format::Pcm, narrow, None, Output::to_spool(copy))?;
    let blocks = Blocks::new(spec.rate, RATE, 1, BLOCK);
    let mut resampler = Resampler::new(blocks)?;
    // The first half of a block is the filter's delay.
    let mut delay = if resampler.is_identity() { 0 } else { blocks.b / 2 };
    let (mut block, mut waiting, mut converted) = (Vec::new(), Vec::new(), Vec::new());
    let (mut frames, mut written) = (0, 0);
    loop {
        let read = decoder.read(&mut block)?;
        frames += read as u64;
        allowed(spec.seconds(frames))?;
        let channels = usize::from(spec.channels);
        waiting.extend(block.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32));
        // Rounded up, so that the end is not lost.
        let whole = (frames * u64::from(RATE)).div_ceil(u64::from(spec.rate));
        loop {
            if read == 0 && written < whole && waiting.len() < blocks.a {
                waiting.resize(blocks.a, 0.0);
            }
            if waiting.len() < blocks.a {
                break;
            }
            converted.clear();
            resampler.process(&waiting[..blocks.a], &mut converted)?;
            waiting.drain(..blocks.a);
            let skipped = delay.min(converted.len());
            delay -= skipped;
            let left = if read == 0 { whole - written } else { u64::MAX };
            let kept = (converted.len() - skipped).min(usize::try_from(left).unwrap_or(usize::MAX));
            encoder.write(&converted[skipped..skipped + kept])?;
            written += kept as u64;
        }
        observer.stage(Stage::Isolating { spec, done: frames, of });
        if read == 0 {
            encoder.finish()?;
            return Ok((Input::of_spool(file)?, frames, decoder.warnings()));
        }
    }
}
