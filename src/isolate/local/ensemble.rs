//! All channels of a source, each isolated on its own, and identical ones once.

use crate::error::Failure;

/// All channels of a source on their way.
pub trait Ensemble {
    /// Takes an interleaved block.
    ///
    /// # Errors
    /// `Internal` when the network or a resampler fails.
    fn push(&mut self, block: &[f32]) -> Result<(), Failure>;

    /// There will be no more.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    fn end(&mut self) -> Result<(), Failure>;

    /// Does a part of the work, and appends what is ready, interleaved, to `output`: about a second at a time.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    fn work(&mut self, output: &mut Vec<f32>) -> Result<State, Failure>;

    /// How many frames have been isolated, about.
    fn done(&self) -> u64;
}

/// What an ensemble does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// There is more to work on.
    Busy,
    /// It needs more of the source.
    Hungry,
    /// As much has come out as went in.
    Complete,
}

/// Takes an interleaved block apart.
pub fn split(block: &[f32], channels: &mut [Vec<f32>]) {
    let step = channels.len();
    for (channel, samples) in channels.iter_mut().enumerate() {
        samples.clear();
        samples.extend(block.iter().skip(channel).step_by(step));
    }
}

/// Moves what all channels have ready to `output`, and returns how many frames that is. `None` is a channel that is the
/// same as the first one.
pub fn interleave(channels: &mut [Option<Vec<f32>>], output: &mut Vec<f32>) -> u64 {
    let frames = channels.iter().flatten().map(Vec::len).min().unwrap_or(0);
    output.reserve(frames * channels.len());
    for frame in 0..frames {
        let mut first = 0.0;
        for (channel, ready) in channels.iter().enumerate() {
            let sample = ready.as_ref().map_or(first, |ready| ready[frame]);
            if channel == 0 {
                first = sample;
            }
            output.push(sample);
        }
    }
    for ready in channels.iter_mut().flatten() {
        ready.drain(..frames);
    }
    frames as u64
}
