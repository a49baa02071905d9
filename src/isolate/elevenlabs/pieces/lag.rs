//! How far a reply lags behind what was sent. Encoders put silence in front, decoders do not always cut it off, and
//! what a service adds is unknown: so it is measured, by cross-correlation.

use std::f64::consts::TAU;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use super::voice::Voice;
use crate::audio::decode::Decoder;
use crate::audio::mono;
use crate::error::Failure;

/// The longest lag that is looked for, to both sides, in seconds: no encoder or filter has more.
pub(super) const LONGEST: f64 = 1.0;

/// What is compared: stretches of so many seconds, up to so many of them, spread over the piece.
const STRETCH: f64 = 3.0;
const STRETCHES: u64 = 24;

/// A piece up to this length, in seconds, is compared as a whole.
const SHORT: f64 = 12.0;

/// The largest transform, in samples: what high sample rates would need beyond that tells nothing new.
const LARGEST: usize = 1 << 21;

/// The part of the spectrum that is compared. Speech falls off by about 6 dB an octave, and would be compared by its
/// lowest harmonics alone; so it is raised by as much up to `FLAT`, and left out above `HIGHEST`, where noise is. In Hz.
const FLAT: f64 = 2_000.0;
const HIGHEST: f64 = 6_000.0;

/// Below this correlation nothing in common has been found: the piece is silent, or all of it was noise.
const SURE: f64 = 0.1;

/// Where two halves of a piece may lag differently, in seconds, their peaks are near to that of the whole.
const NEAR: f64 = 0.020;

/// What was found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Lag {
    /// In seconds; positive when the reply is late.
    pub seconds: f64,
    /// By how much the second half of the piece lags more than the first, in seconds.
    pub drift: f64,
}

/// Compares a reply with what was sent, which has `frames` frames. `None` when they have nothing in common.
///
/// Both are read twice: for the lag to a sample, among all that can be; and between samples, where both sides are cut
/// out in the same way, so that what is at the edges does not pull at the result.
///
/// # Errors
/// Those of `sent`, which opens what was sent, and of `reply`, which opens the reply for a lag in seconds.
pub(super) fn lag(
    frames: u64,
    sent: impl Fn() -> Result<Decoder, Failure>,
    reply: impl Fn(f64) -> Result<Voice, Failure>,
) -> Result<Option<Lag>, Failure> {
    let mut wide = Comparison::new(sent()?, frames, LONGEST);
    let [first, second] = wide.run(reply(0.0)?)?;
    let (seconds, sure) = first.plus(&second).peak(LONGEST);
    if sure < SURE {
        return Ok(None);
    }
    let coarse = (seconds * wide.rate).round() / wide.rate;
    let [first, second] = Comparison::new(sent()?, frames, 0.0).run(reply(coarse)?)?;
    let ((early, sure_early), (late, sure_late)) = (first.peak(NEAR), second.peak(NEAR));
    let drift = if sure_early.min(sure_late) < SURE { 0.0 } else { late - early };
    let (fine, _) = first.plus(&second).peak(NEAR);
    Ok(Some(Lag { seconds: coarse + fine, drift }))
}

/// Which stretches are compared.
struct Comparison {
    sent: Mono,
    rate: f64,
    frames: usize,
    /// Samples of a stretch, how far the reply is heard before and behind it, and from one stretch to the next.
    stretch: usize,
    around: usize,
    step: usize,
}

impl Comparison {
    fn new(sent: Decoder, frames: u64, around: f64) -> Self {
        let rate = f64::from(sent.spec().rate);
        let samples = |seconds: f64| (seconds * rate) as usize;
        let whole = frames <= samples(SHORT) as u64;
        let stretch = if whole { frames as usize } else { samples(STRETCH) };
        let stretch = stretch.min(LARGEST - 2 * samples(LONGEST));
        // The same stretches, however far around them is looked.
        let step = ((frames / STRETCHES) as usize).max(stretch + 2 * samples(LONGEST));
        Self { sent: Mono::new(sent), rate, frames: frames as usize, stretch, around: samples(around), step }
    }

    /// Compares all stretches: those of the first half, and those of the second.
    fn run(&mut self, mut reply: Voice) -> Result<[Correlation; 2], Failure> {
        let Self { stretch, around, .. } = *self;
        let empty = Correlation::new(self.rate, stretch, around);
        let mut halves = [empty.clone(), empty];
        for start in (0..self.frames).step_by(self.step) {
            let mut sent = self.sent.read(start, stretch)?;
            // Silence is before the reply's first frame.
            let before = around.min(start);
            reply.skip_to((start - before) as u64)?;
            let mut heard = vec![0.0; around - before];
            heard.extend(reply.mono(before + stretch + around)?);
            if around == 0 {
                taper(&mut sent);
                taper(&mut heard);
            }
            halves[usize::from(start > self.frames / 2)].add(&sent, &heard);
        }
        Ok(halves)
    }
}

/// A Hann window.
fn taper(samples: &mut [f32]) {
    let turn = TAU / samples.len() as f64;
    for (at, sample) in samples.iter_mut().enumerate() {
        *sample *= (0.5 - 0.5 * ((at as f64 + 0.5) * turn).cos()) as f32;
    }
}

/// All channels of a source as one.
struct Mono {
    decoder: Decoder,
    block: Vec<f32>,
    /// Samples from `first` on.
    samples: Vec<f32>,
    first: usize,
    ended: bool,
}

impl Mono {
    fn new(decoder: Decoder) -> Self {
        Self { decoder, block: Vec::new(), samples: Vec::new(), first: 0, ended: false }
    }

    /// `count` samples from `start` on, which does not go back; silence behind the last one.
    fn read(&mut self, start: usize, count: usize) -> Result<Vec<f32>, Failure> {
        let channels = usize::from(self.decoder.spec().channels);
        loop {
            let superfluous = (start - self.first).min(self.samples.len());
            self.samples.drain(..superfluous);
            self.first += superfluous;
            if self.ended || self.first + self.samples.len() >= start + count {
                break;
            }
            self.ended = self.decoder.read(&mut self.block)? == 0;
            self.samples.extend(mono(&self.block, channels));
        }
        let mut stretch = self.samples[..count.min(self.samples.len())].to_vec();
        stretch.resize(count, 0.0);
        Ok(stretch)
    }
}

/// The cross-spectrum of some stretches.
#[derive(Clone)]
struct Correlation {
    rate: f64,
    forward: std::sync::Arc<dyn RealToComplex<f32>>,
    size: usize,
    /// How far before lag 0 the first value is.
    longest: usize,
    spectrum: Vec<Complex<f32>>,
    /// Energies of both sides under the weights.
    sent: f64,
    heard: f64,
}

impl Correlation {
    fn new(rate: f64, stretch: usize, longest: usize) -> Self {
        // Room for lags to both sides, also where nothing around is heard.
        let size = (stretch + 2 * longest.max((NEAR * rate) as usize)).next_power_of_two();
        let forward = RealFftPlanner::new().plan_fft_forward(size);
        let spectrum = forward.make_output_vec();
        Self { rate, forward, size, longest, spectrum, sent: 0.0, heard: 0.0 }
    }

    /// The weight of a bin, as a power.
    fn weight(&self, bin: usize) -> f32 {
        let frequency = bin as f64 * self.rate / self.size as f64;
        if frequency > HIGHEST { 0.0 } else { (frequency.min(FLAT) / FLAT).powi(2) as f32 }
    }

    fn transformed(&self, samples: &[f32]) -> Vec<Complex<f32>> {
        let mut input = self.forward.make_input_vec();
        input[..samples.len()].copy_from_slice(samples);
        let mut output = self.forward.make_output_vec();
        // The lengths are those that the transform has made itself.
        let _ = self.forward.process(&mut input, &mut output);
        output
    }

    /// Adds a stretch, and what was heard from `longest` before it to as much behind.
    fn add(&mut self, sent: &[f32], heard: &[f32]) {
        let (sent, heard) = (self.transformed(sent), self.transformed(heard));
        for (bin, (sent, heard)) in sent.iter().zip(&heard).enumerate() {
            let weight = self.weight(bin);
            self.spectrum[bin] += sent.conj() * heard * weight;
            self.sent += f64::from(sent.norm_sqr() * weight);
            self.heard += f64::from(heard.norm_sqr() * weight);
        }
    }

    fn plus(mut self, other: &Self) -> Self {
        for (sum, more) in self.spectrum.iter_mut().zip(&other.spectrum) {
            *sum += more;
        }
        self.sent += other.sent;
        self.heard += other.heard;
        self
    }

    /// The lag at which both are most alike, of those up to `most` seconds to both sides, in seconds, and how alike they
    /// are: 1 for the same.
    fn peak(&self, most: f64) -> (f64, f64) {
        let mut spectrum = self.spectrum.clone();
        // Real signals have real ends of the spectrum; rounding must not say otherwise.
        for end in [0, self.size / 2] {
            spectrum[end].im = 0.0;
        }
        let inverse = RealFftPlanner::new().plan_fft_inverse(self.size);
        let mut values = inverse.make_output_vec();
        if inverse.process(&mut spectrum, &mut values).is_err() || self.sent * self.heard <= 0.0 {
            return (0.0, 0.0);
        }
        // Lag 0 is at `longest`; what is before the first value is at the end, as in a circle.
        let most = (most * self.rate) as i64;
        let size = self.size.cast_signed() as i64;
        let value = |lag: i64| values[(lag + self.longest.cast_signed() as i64).rem_euclid(size) as usize];
        let highest = (-most..=most).max_by(|a, b| value(*a).total_cmp(&value(*b))).unwrap_or(0);
        let at = self.refined(highest);
        // Both sides of the spectrum count, and the transform does not divide by its size.
        let alike = f64::from(value(highest)) / 2.0 / (self.sent * self.heard).sqrt();
        (at / self.rate, alike)
    }

    /// The place of the maximum between samples: what is between them is known, as the spectrum is.
    fn refined(&self, highest: i64) -> f64 {
        let value = |at: f64| -> f64 {
            let turn = TAU * (at + self.longest as f64) / self.size as f64;
            let terms = self.spectrum.iter().enumerate().filter(|(_, bin)| bin.norm_sqr() > 0.0);
            terms
                .map(|(k, bin)| {
                    let (sin, cos) = (turn * k as f64).sin_cos();
                    f64::from(bin.re) * cos - f64::from(bin.im) * sin
                })
                .sum()
        };
        // Ternary search: within a sample of the highest value there is one maximum.
        let (mut low, mut high) = (highest as f64 - 1.0, highest as f64 + 1.0);
        for _ in 0..16 {
            let third = (high - low) / 3.0;
            if value(low + third) < value(high - third) { low += third } else { high -= third }
        }
        f64::midpoint(low, high)
    }
}
