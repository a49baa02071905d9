//! What has to be known of a finished piece before it can be joined to its neighbours.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::lag::{LONGEST, Lag, lag};
use super::survey::HOPS_PER_SECOND;
use super::voice::Voice;
use crate::audio::decode::Decoder;
use crate::error::Failure;
use crate::source::{Input, Source};

/// What was measured of a reply.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(super) struct Measures {
    /// How many seconds it lags behind what was sent; `None` when they have nothing in common.
    pub lag: Option<f64>,
    /// By how many seconds more its second half does.
    pub drift: f64,
    /// The power of each hop in what it has in common with the piece before it, and with the piece behind it.
    pub head: Vec<f32>,
    pub tail: Vec<f32>,
}

impl Measures {
    /// Whether they can have been measured: a file may hold anything.
    pub(super) fn are_sound(&self) -> bool {
        self.lag.is_none_or(|lag| lag.abs() <= 2.0 * LONGEST)
    }
}

/// Measures a reply.
///
/// `sent` opens what it is the reply to: `frames` frames at `rate` Hz, of which the first and the last `overlap` belong to
/// its neighbours as well.
///
/// # Errors
/// `Service` when the reply cannot be decoded, `Input` when it cannot be opened, or what was sent cannot be read again.
pub(super) fn measure(
    sent: impl Fn() -> Result<Decoder, Failure>,
    rate: u32,
    frames: u64,
    overlap: u64,
    reply: &Path,
) -> Result<Measures, Failure> {
    let voice = |lag| Voice::open(open(reply)?, rate, lag);
    let found = lag(frames, sent, voice)?;
    let Lag { seconds, drift } = found.unwrap_or(Lag { seconds: 0.0, drift: 0.0 });
    let mut voice = voice(seconds)?;
    let overlap = overlap.min(frames);
    let head = envelope(&mut voice, overlap, rate)?;
    voice.skip_to((frames - overlap).max(overlap))?;
    let tail = envelope(&mut voice, overlap, rate)?;
    Ok(Measures { lag: found.map(|lag| lag.seconds), drift, head, tail })
}

/// Opens a reply.
///
/// # Errors
/// `Input` when it cannot be opened.
pub(super) fn open(reply: &Path) -> Result<Input, Failure> {
    Source::File(reply.to_owned()).open()
}

/// The power of each hop in the next `frames` frames.
fn envelope(voice: &mut Voice, frames: u64, rate: u32) -> Result<Vec<f32>, Failure> {
    let hop = rate / HOPS_PER_SECOND;
    let power = |_| {
        let samples = voice.mono(hop as usize)?;
        Ok(samples.iter().map(|sample| sample * sample).sum::<f32>() / hop as f32)
    };
    (0..frames / u64::from(hop)).map(power).collect()
}
