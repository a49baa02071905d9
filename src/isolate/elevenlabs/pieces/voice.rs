//! A reply as it belongs to its piece: decoded, at the recording's sample rate, and in step with it.

use std::collections::VecDeque;
use std::f64::consts::PI;

use super::super::delivery::undecodable;
use crate::audio::decode::{self, Decoder};
use crate::audio::mono;
use crate::audio::resample::Converter;
use crate::error::Failure;
use crate::source::Input;

/// The fewest samples that are converted at once.
const BLOCK: usize = 2048;

/// Taps on each side of the filter that shifts by less than a sample.
const SIDE: u32 = 32;

/// A shift below this, in samples, is not heard and not worth a filter.
const NO_SHIFT: f64 = 0.02;

/// Reads a reply.
pub(super) struct Voice {
    decoder: Decoder,
    channels: Vec<Channel>,
    /// Whole samples by which the reply lags, and the filter for the rest.
    shift: i64,
    taps: Option<Vec<f32>>,
    /// The next sample of the piece.
    at: i64,
    /// Interleaved, as it was decoded.
    block: Vec<f32>,
    ended: bool,
}

/// One channel on its way to the recording's sample rate.
struct Channel {
    converter: Converter,
    /// At the recording's sample rate, from sample `first` of the reply on.
    line: VecDeque<f32>,
    first: i64,
}

impl Voice {
    /// Reads `reply` at `rate` Hz, from the frame that belongs to the first one of its piece: the reply's first one is
    /// `lag` seconds early.
    ///
    /// # Errors
    /// `Service` when it cannot be decoded.
    pub(super) fn open(reply: Input, rate: u32, lag: f64) -> Result<Self, Failure> {
        let decoder = decode::open_input(reply, None, None).map_err(undecodable)?;
        let spec = decoder.spec();
        let channel = || {
            let converter = Converter::new(spec.rate, rate, BLOCK)?;
            Ok(Channel { converter, line: VecDeque::new(), first: 0 })
        };
        let channels = (0..spec.channels).map(|_| channel()).collect::<Result<_, Failure>>()?;
        let lag = lag * f64::from(rate);
        let fraction = lag - lag.round();
        Ok(Self {
            decoder,
            channels,
            shift: lag.round() as i64,
            taps: (fraction.abs() >= NO_SHIFT).then(|| shifting(fraction)),
            at: 0,
            block: Vec::new(),
            ended: false,
        })
    }

    /// How many channels it has.
    pub(super) fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Replaces `frames` by the next ones, interleaved, as many as there is room for. Silence follows the last one.
    ///
    /// # Errors
    /// `Service` when it cannot be decoded.
    pub(super) fn read(&mut self, frames: &mut [f32]) -> Result<(), Failure> {
        let channels = self.channels.len();
        let count = (frames.len() / channels).cast_signed() as i64;
        // The filter looks to both sides.
        let from = self.at + self.shift - i64::from(SIDE);
        let to = self.at + self.shift + count + i64::from(SIDE);
        self.fill(from, to)?;
        for (channel, offset) in self.channels.iter_mut().zip(0..) {
            let line = channel.stretch(from, to);
            let samples = frames[offset..].iter_mut().step_by(channels);
            match &self.taps {
                None => {
                    for (sample, shifted) in samples.zip(&line[SIDE as usize..]) {
                        *sample = *shifted;
                    }
                }
                Some(taps) => {
                    for (sample, around) in samples.zip(line.windows(taps.len())) {
                        *sample = around.iter().zip(taps).map(|(x, tap)| x * tap).sum();
                    }
                }
            }
        }
        self.at += count;
        Ok(())
    }

    /// The next `count` frames as one channel.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn mono(&mut self, count: usize) -> Result<Vec<f32>, Failure> {
        let channels = self.channels.len();
        let mut frames = vec![0.0; count * channels];
        self.read(&mut frames)?;
        Ok(mono(&frames, channels).collect())
    }

    /// Goes on to this frame of the piece, which is not behind.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub(super) fn skip_to(&mut self, frame: u64) -> Result<(), Failure> {
        let (frame, most) = (frame.cast_signed(), 8 * BLOCK.cast_signed() as i64);
        while self.at < frame {
            let step = (frame - self.at).min(most);
            self.at += step;
            let from = self.at + self.shift - i64::from(SIDE);
            self.fill(from, from)?;
        }
        Ok(())
    }

    /// Decodes until all channels have samples up to `to`, or the reply ends, and forgets those before `from`.
    fn fill(&mut self, from: i64, to: i64) -> Result<(), Failure> {
        for channel in &mut self.channels {
            channel.forget(from);
        }
        while !self.ended && self.channels.iter().any(|channel| channel.end() < to) {
            let read = self.decoder.read(&mut self.block).map_err(undecodable)?;
            let channels = self.channels.len();
            for (channel, offset) in self.channels.iter_mut().zip(0..) {
                if read == 0 {
                    channel.converter.finish(&mut channel.line)?;
                } else {
                    let samples = self.block.iter().skip(offset).step_by(channels);
                    channel.converter.push(samples.copied(), &mut channel.line)?;
                }
                channel.forget(from);
            }
            self.ended = read == 0;
        }
        Ok(())
    }
}

impl Channel {
    /// One behind the last sample that is there.
    fn end(&self) -> i64 {
        self.first + self.line.len().cast_signed() as i64
    }

    fn forget(&mut self, from: i64) {
        let superfluous = (from - self.first).clamp(0, self.line.len().cast_signed() as i64);
        self.line.drain(..superfluous as usize);
        self.first += superfluous;
    }

    /// The samples of this stretch, with silence where there are none.
    fn stretch(&self, from: i64, to: i64) -> Vec<f32> {
        let sample = |at: i64| usize::try_from(at - self.first).ok().and_then(|at| self.line.get(at));
        (from..to).map(|at| sample(at).copied().unwrap_or(0.0)).collect()
    }
}

/// The taps of a filter that reads between samples, `fraction` of one later: a sinc under a Blackman-Harris window
/// (Harris, "On the use of windows for harmonic analysis with the discrete Fourier transform", 1978).
fn shifting(fraction: f64) -> Vec<f32> {
    const TERMS: [f64; 4] = [0.358_75, 0.488_29, 0.141_28, 0.011_68];
    let tap = |at: u32| {
        let time = f64::from(at) - f64::from(SIDE) - fraction;
        let phase = PI * time / f64::from(SIDE + 1);
        let window: f64 = TERMS.iter().zip(0..).map(|(term, k)| term * (f64::from(k) * phase).cos()).sum();
        let sinc = if time.abs() < 1e-9 { 1.0 } else { (PI * time).sin() / (PI * time) };
        (sinc * window) as f32
    };
    (0..=2 * SIDE).map(tap).collect()
}
