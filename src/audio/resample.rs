//! Changing the sample rate of one channel: of blocks whose two lengths are in the exact ratio of the rates, and of a
//! whole stream made of them.

use rubato::audioadapter_buffers::direct::SequentialSlice;
use rubato::{Fft, FixedSync, Resampler as _, WindowFunction};

use crate::error::Failure;

/// The lengths of a block at two sample rates, in samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blocks {
    /// At the first rate.
    pub a: usize,
    /// At the second rate.
    pub b: usize,
}

impl Blocks {
    /// The shortest blocks of equal duration and even length at both rates, of which the second is a multiple of
    /// `multiple` and at least `at_least` samples long.
    #[must_use]
    pub fn new(rate_a: u32, rate_b: u32, multiple: usize, at_least: usize) -> Self {
        let (a, b) = (rate_a as usize, rate_b as usize);
        let common = gcd(a, b);
        let (unit_a, unit_b) = (a / common, b / common);
        // The least common multiple of the unit and of what is asked for, then enough of them.
        let units = multiple / gcd(unit_b, multiple);
        let times = at_least.div_ceil(unit_b * units).max(1);
        // rubato centres its filter on a whole sample, so that only even blocks lag by exactly half a block.
        let even = |length: usize| length.is_multiple_of(2);
        let times = if even(unit_a * units * times) && even(unit_b * units * times) {
            times
        } else {
            times.next_multiple_of(2)
        };
        Self { a: unit_a * units * times, b: unit_b * units * times }
    }

    /// The way back.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { a: self.b, b: self.a }
    }
}

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Resamples block by block with a linear-phase filter: no ripple up to near the lower Nyquist
/// frequency and better than −130 dB above it.
///
/// The output lags by half a block, so that a conversion and the way back lag by one block together.
pub struct Resampler {
    /// `None` where both rates are the same: then nothing is filtered and nothing lags.
    fft: Option<Fft<f32>>,
    blocks: Blocks,
    /// The last block: what comes next depends on nothing else of the past.
    last: Vec<f32>,
}

impl Resampler {
    /// A resampler from blocks of `blocks.a` to blocks of `blocks.b` samples.
    ///
    /// # Errors
    /// `Internal` for lengths that rubato refuses, of which there are none.
    pub fn new(blocks: Blocks) -> Result<Self, Failure> {
        let fft = (blocks.a != blocks.b).then(|| {
            // Rates are only used as a ratio here.
            Fft::new_custom(
                blocks.a,
                blocks.b,
                blocks.a,
                1,
                1,
                WindowFunction::BlackmanHarris2,
                FixedSync::Both,
            )
        });
        let fft = fft.transpose().map_err(|error| Failure::internal(error.to_string()))?;
        Ok(Self { fft, blocks, last: Vec::new() })
    }

    /// A second resampler that goes on from here.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn twin(&self) -> Result<Self, Failure> {
        let mut twin = Self::new(self.blocks)?;
        if !self.last.is_empty() {
            twin.process(&self.last, &mut Vec::new())?;
        }
        Ok(twin)
    }

    /// Whether both rates are the same.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.fft.is_none()
    }

    /// Converts one block: `input` has `blocks.a` samples, and `blocks.b` are appended to `output`.
    ///
    /// # Errors
    /// `Internal` when `input` has another length.
    pub fn process(&mut self, input: &[f32], output: &mut Vec<f32>) -> Result<(), Failure> {
        let Some(fft) = &mut self.fft else {
            output.extend_from_slice(input);
            return Ok(());
        };
        self.last.clear();
        self.last.extend_from_slice(input);
        let start = output.len();
        output.resize(start + self.blocks.b, 0.0);
        let wrong = |what: String| Failure::internal(format!("resampling a block: {what}"));
        let from = SequentialSlice::new(input, 1, self.blocks.a).map_err(|error| wrong(error.to_string()))?;
        let mut to = SequentialSlice::new_mut(&mut output[start..], 1, self.blocks.b)
            .map_err(|error| wrong(error.to_string()))?;
        fft.process_into_buffer(&from, &mut to, None).map_err(|error| wrong(error.to_string()))?;
        Ok(())
    }
}

/// How many samples a stream of so many has at another sample rate: rounded up, so that its end is not lost.
#[must_use]
pub fn converted(samples: u64, from: u32, to: u32) -> u64 {
    (samples * u64::from(to)).div_ceil(u64::from(from))
}

/// Changes the sample rate of a stream: what comes out is in step with what goes in, and as long.
pub struct Converter {
    resampler: Resampler,
    from: u32,
    to: u32,
    /// Samples that are short of a block.
    waiting: Vec<f32>,
    /// The last block that came out, of which the stream may end within.
    converted: Vec<f32>,
    /// Samples that come out before the first one that belongs to the stream.
    early: usize,
    /// Samples that went in, and came out.
    taken: u64,
    given: u64,
}

impl Converter {
    /// From `from` to `to` Hz, in blocks of at least so many samples of the result.
    ///
    /// # Errors
    /// As [`Resampler::new`].
    pub fn new(from: u32, to: u32, at_least: usize) -> Result<Self, Failure> {
        let blocks = Blocks::new(from, to, 1, at_least);
        let resampler = Resampler::new(blocks)?;
        let early = if resampler.is_identity() { 0 } else { blocks.b / 2 };
        let (waiting, converted) = (Vec::with_capacity(blocks.a), Vec::with_capacity(blocks.b));
        Ok(Self { resampler, from, to, waiting, converted, early, taken: 0, given: 0 })
    }

    /// Takes the next samples and appends those that are ready to `output`.
    ///
    /// # Errors
    /// As [`Resampler::process`].
    pub fn push(
        &mut self,
        samples: impl IntoIterator<Item = f32>,
        output: &mut impl Extend<f32>,
    ) -> Result<(), Failure> {
        let before = self.waiting.len();
        self.waiting.extend(samples);
        self.taken += (self.waiting.len() - before) as u64;
        self.convert(u64::MAX, output)
    }

    /// The stream has ended: appends the rest to `output`. All together are as long as the stream; see [`converted`].
    ///
    /// # Errors
    /// As [`Resampler::process`].
    pub fn finish(&mut self, output: &mut impl Extend<f32>) -> Result<(), Failure> {
        let all = converted(self.taken, self.from, self.to);
        while self.given < all {
            self.waiting.resize(self.resampler.blocks.a, 0.0);
            self.convert(all, output)?;
        }
        Ok(())
    }

    /// Converts the blocks that are full, and gives up to `most` samples in all.
    fn convert(&mut self, most: u64, output: &mut impl Extend<f32>) -> Result<(), Failure> {
        let block = self.resampler.blocks.a;
        let full = self.waiting.len() / block * block;
        for samples in self.waiting[..full].chunks_exact(block) {
            self.converted.clear();
            self.resampler.process(samples, &mut self.converted)?;
            let early = self.early.min(self.converted.len());
            self.early -= early;
            let ready = &self.converted[early..];
            let left = usize::try_from(most - self.given).unwrap_or(usize::MAX);
            let ready = &ready[..ready.len().min(left)];
            output.extend(ready.iter().copied());
            self.given += ready.len() as u64;
        }
        self.waiting.drain(..full);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tone of 440 Hz.
    fn tone(rate: u32, samples: usize) -> Vec<f32> {
        let step = std::f64::consts::TAU * 440.0 / f64::from(rate);
        (0..samples).map(|at| (at as f64 * step).sin() as f32).collect()
    }

    #[test]
    fn a_converted_stream_is_in_step_and_as_long() {
        for (from, to) in [(48_000, 16_000), (44_100, 16_000), (8_000, 48_000), (16_000, 16_000)] {
            for samples in [0, 1, 777, 30_011] {
                let mut converter = Converter::new(from, to, 960).expect("a converter");
                let mut output = Vec::new();
                for part in tone(from, samples).chunks(313) {
                    converter.push(part.iter().copied(), &mut output).expect("it converts");
                }
                converter.finish(&mut output).expect("it converts");
                let length = (samples as u64 * u64::from(to)).div_ceil(u64::from(from)) as usize;
                assert_eq!(output.len(), length, "{samples} samples from {from} to {to} Hz");
                // The stream begins and ends all of a sudden, which no filter leaves as it is.
                let edge = length.min(to as usize / 20);
                let expected = tone(to, length);
                let inner = edge..(length - edge).max(edge);
                for (a, b) in output[inner.clone()].iter().zip(&expected[inner]) {
                    assert!((a - b).abs() < 1e-3, "from {from} to {to} Hz: {a} is not {b}");
                }
            }
        }
    }

    #[test]
    fn blocks_are_in_the_ratio_of_the_rates() {
        for rate in [4_000, 8_000, 11_025, 16_000, 22_050, 44_056, 44_100, 48_000, 96_001, 192_000] {
            let blocks = Blocks::new(rate, 16_000, 160, 320);
            assert_eq!(blocks.a * 16_000, blocks.b * rate as usize, "{rate} Hz");
            assert_eq!(blocks.b % 160, 0, "{rate} Hz");
            assert!(blocks.a.is_multiple_of(2) && blocks.b.is_multiple_of(2), "{rate} Hz");
            assert!((320..=32_000).contains(&blocks.b), "{rate} Hz");
        }
    }
}
