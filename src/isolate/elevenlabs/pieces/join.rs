//! Joins isolated pieces to one recording.

use std::ops::Range;
use std::path::PathBuf;

use super::super::delivery::undecodable;
use super::measure::open;
use super::voice::Voice;
use crate::audio::encode::Encode;
use crate::audio::{Spec, decode, mono};
use crate::error::Failure;
use crate::isolate::{Observer, Stage};

/// How long both neighbours are heard, in seconds: as long as a short pause.
const FADE: f64 = 0.2;

/// Frames that are read at once.
const BLOCK: u64 = 16 * 1024;

/// A piece to be joined.
pub(super) struct Part {
    /// Its frames in the recording.
    pub range: Range<u64>,
    /// Where its voice is, and by how many seconds that lags.
    pub reply: PathBuf,
    pub lag: f64,
    /// What it is multiplied by.
    pub gain: f32,
}

/// How many channels the joined recording has: as many as the piece with the most.
///
/// # Errors
/// `Service` when a piece cannot be decoded, `Input` when it cannot be opened.
pub(super) fn channels(parts: &[Part]) -> Result<u16, Failure> {
    parts.iter().try_fold(1, |most, part| {
        let reply = decode::open_input(open(&part.reply)?, None, None).map_err(undecodable)?;
        Ok(reply.spec().channels.max(most))
    })
}

/// Writes all frames of a recording: each from the piece that it is in, and from both around a cut.
///
/// # Errors
/// As [`channels`], and those of `to`.
pub(super) fn join(
    parts: Vec<Part>,
    cuts: &[u64],
    spec: Spec,
    to: &mut dyn Encode,
    observer: &dyn Observer,
) -> Result<(), Failure> {
    let fade = (FADE * f64::from(spec.rate)) as u64;
    let total = parts.last().map_or(0, |part| part.range.end);
    let mut parts = parts.into_iter();
    let mut voices = std::iter::from_fn(|| parts.next().map(|part| Reader::open(&part, spec)));
    let Some(mut part) = voices.next().transpose()? else { return Ok(()) };
    let mut at = 0;
    // Behind the last cut there is only the rest.
    let ends = cuts.iter().map(|cut| (cut - fade / 2, true)).chain([(total, false)]);
    for (end, is_cut) in ends {
        while at < end {
            let count = BLOCK.min(end - at);
            to.write(&part.read(at, count)?)?;
            at += count;
            observer.stage(Stage::Joining { spec, done: at, of: total });
        }
        if !is_cut {
            break;
        }
        let Some(mut next) = voices.next().transpose()? else { break };
        let (before, behind) = (part.read(at, fade)?, next.read(at, fade)?);
        to.write(&crossfade(&before, &behind, usize::from(spec.channels)))?;
        at += fade;
        part = next;
    }
    Ok(())
}

/// Reads a piece by the frames of the recording.
struct Reader {
    start: u64,
    voice: Voice,
    gain: f32,
    channels: usize,
}

impl Reader {
    fn open(part: &Part, spec: Spec) -> Result<Self, Failure> {
        let voice = Voice::open(open(&part.reply)?, spec.rate, part.lag)?;
        Ok(Self { start: part.range.start, voice, gain: part.gain, channels: spec.channels.into() })
    }

    /// Frames from this one on.
    fn read(&mut self, at: u64, count: u64) -> Result<Vec<f32>, Failure> {
        self.voice.skip_to(at - self.start)?;
        let own = self.voice.channels();
        let mut frames = vec![0.0; count as usize * own];
        self.voice.read(&mut frames)?;
        for sample in &mut frames {
            *sample *= self.gain;
        }
        if own == self.channels {
            return Ok(frames);
        }
        // One of fewer channels among others: as mono.
        Ok(mono(&frames, own).flat_map(|sample| std::iter::repeat_n(sample, self.channels)).collect())
    }
}

/// Goes from one signal to another with the power that they have: for signals that have nothing in common these are the
/// curves of equal power, for the same signal those of equal amplitude, with which it does not become louder on the way.
fn crossfade(before: &[f32], behind: &[f32], channels: usize) -> Vec<f32> {
    let product = |a: &[f32], b: &[f32]| -> f64 { a.iter().zip(b).map(|(x, y)| f64::from(x * y)).sum() };
    let energies = product(before, before) * product(behind, behind);
    let alike = if energies > 0.0 { product(before, behind) / energies.sqrt() } else { 0.0 };
    let alike = alike.clamp(0.0, 1.0) as f32;
    let frames = before.len() / channels;
    let mut faded = Vec::with_capacity(before.len());
    for (frame, (a, b)) in before.chunks_exact(channels).zip(behind.chunks_exact(channels)).enumerate() {
        let angle = (frame as f32 + 0.5) / frames as f32 * std::f32::consts::FRAC_PI_2;
        let (sin, cos) = angle.sin_cos();
        // (cos² + sin² + 2·alike·cos·sin) is the power of the sum.
        let norm = (1.0 + 2.0 * alike * cos * sin).sqrt();
        faded.extend(a.iter().zip(b).map(|(x, y)| (x * cos + y * sin) / norm));
    }
    faded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_signal_stays_itself() {
        let tone: Vec<f32> = (0..4000).map(|i| (i as f32 * 0.1).sin()).collect();
        let faded = crossfade(&tone, &tone, 1);
        let most = faded.iter().zip(&tone).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(most < 1e-4, "{most}");
    }

    #[test]
    fn different_signals_keep_their_power() {
        let mut state = 1_u32;
        let mut noise = || {
            let sample = |_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 8) as f32 / (1 << 23) as f32 - 1.0
            };
            (0..40_000).map(sample).collect::<Vec<f32>>()
        };
        let (a, b) = (noise(), noise());
        let faded = crossfade(&a, &b, 2);
        let power = |x: &[f32]| x.iter().map(|x| x * x).sum::<f32>() / x.len() as f32;
        for part in faded.chunks(8_000) {
            assert!((power(part) / power(&a) - 1.0).abs() < 0.1, "{}", power(part) / power(&a));
        }
    }
}
