//! Audio in blocks of `f32`: recognising it, reading it, changing its sample rate, writing it.
//!
//! A frame is one sample of every channel; blocks are interleaved and nominally in −1…1. Nothing here
//! holds more than a block, whatever a header claims.

pub mod decode;
pub mod encode;
pub mod probe;
pub mod resample;
pub mod wav;

use crate::error::Failure;

/// How precisely a source stores its samples; lossless output keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Up to 16 bits, and every lossy codec.
    Int16,
    /// More than 16 bits, as integers.
    Int24,
    /// Floating point.
    Float32,
}

/// What every block of a stream has in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    /// Frames per second.
    pub rate: u32,
    /// Samples per frame.
    pub channels: u16,
    /// Precision of the source.
    pub depth: Depth,
}

/// The sample rates that are accepted, in Hz. Below, nothing of speech is left; above, no converter
/// records, so a header that says so is damaged.
pub const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;

/// The most channels that are accepted: the most that WAV, FLAC and the common codecs agree on.
pub const MAX_CHANNELS: u16 = 8;

impl Spec {
    /// Refuses rates and channel counts that no recording has.
    ///
    /// # Errors
    /// `Input` when the rate is outside [`RATES`] or the channel count outside 1 to [`MAX_CHANNELS`].
    pub fn checked(self) -> Result<Self, Failure> {
        if !RATES.contains(&self.rate) {
            return Err(Failure::input(
                format!("a sample rate of {} Hz cannot be right", self.rate),
                format!(
                    "rates from {} to {} Hz are accepted; the header may be damaged",
                    RATES.start(),
                    RATES.end()
                ),
            ));
        }
        if self.channels == 0 || self.channels > MAX_CHANNELS {
            return Err(Failure::input(
                format!("{} channels are not supported", self.channels),
                format!(
                    "1 to {MAX_CHANNELS} are; for more, pick some: ffmpeg -i IN -af 'pan=stereo|c0=c0|c1=c1' OUT.wav"
                ),
            ));
        }
        Ok(self)
    }

    /// The length of `frames` in seconds.
    #[must_use]
    pub fn seconds(self, frames: u64) -> f64 {
        frames as f64 / f64::from(self.rate)
    }
}

/// Interleaved frames as one channel: the mean of all.
pub fn mono(interleaved: &[f32], channels: usize) -> impl Iterator<Item = f32> {
    interleaved.chunks_exact(channels).map(move |frame| frame.iter().sum::<f32>() / channels as f32)
}

/// Where each channel in WAV's order is in Vorbis's, which Opus uses (RFC 7845, 5.1.1.2).
#[must_use]
pub fn vorbis_order(channels: usize) -> &'static [usize] {
    match channels {
        1 => &[0],
        2 => &[0, 1],
        3 => &[0, 2, 1],
        4 => &[0, 1, 2, 3],
        5 => &[0, 2, 1, 3, 4],
        6 => &[0, 2, 1, 5, 3, 4],
        7 => &[0, 2, 1, 6, 5, 3, 4],
        _ => &[0, 2, 1, 7, 5, 6, 3, 4],
    }
}
