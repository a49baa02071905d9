//! A look-ahead peak limiter, so that what is louder than full scale becomes quieter instead of clipped.

use std::collections::VecDeque;

/// How early the gain starts to go down before a peak, in seconds.
const LOOK_AHEAD: f32 = 0.005;

/// The time constant with which it comes back, in seconds.
const RELEASE: f64 = 0.100;

/// Nearer to its aim than this the gain jumps to it, by 0.001 dB: steps that become smaller and smaller would
/// never arrive.
const NEAR: f64 = 1e-4;

/// Keeps all samples within −1…1. Where they are, nothing is changed, to the bit.
///
/// The gain that each frame needs is held for the time ahead (a sliding minimum), comes back slowly,
/// and is averaged over the same time, so that it has arrived when the peak does. All channels get the
/// same gain: the stereo image stays.
pub(super) struct Limiter {
    channels: usize,
    /// Frames that the output lags behind the input.
    ahead: usize,
    release: f64,
    /// Frames that wait, interleaved.
    waiting: VecDeque<f32>,
    /// Number of frames taken.
    time: u64,
    /// Candidates for the minimum: (frame, needed gain), both increasing.
    minima: VecDeque<(u64, f32)>,
    held: f64,
    /// The last `ahead` held gains, and their sum.
    gains: VecDeque<f64>,
    sum: f64,
}

impl Limiter {
    /// A limiter for `channels` interleaved channels at `rate` Hz.
    #[must_use]
    pub(super) fn new(rate: u32, channels: u16) -> Self {
        let ahead = ((rate as f32 * LOOK_AHEAD) as usize).max(1);
        Self {
            channels: channels.into(),
            ahead,
            release: 1.0 - (-1.0 / (RELEASE * f64::from(rate))).exp(),
            waiting: VecDeque::new(),
            time: 0,
            minima: VecDeque::new(),
            held: 1.0,
            gains: std::iter::repeat_n(1.0, ahead).collect(),
            sum: ahead as f64,
        }
    }

    /// Takes interleaved frames and appends those that are ready to `output`.
    pub(super) fn push(&mut self, interleaved: &[f32], output: &mut Vec<f32>) {
        if self.is_at_rest() && interleaved.iter().all(|sample| sample.abs() <= 1.0) {
            self.pass(interleaved, output);
        } else {
            self.limit(interleaved, output);
        }
    }

    /// Takes frames of which some need a gain, or did a moment ago.
    fn limit(&mut self, interleaved: &[f32], output: &mut Vec<f32>) {
        for frame in interleaved.chunks_exact(self.channels) {
            self.waiting.extend(frame);
            let peak = frame.iter().fold(0.0_f32, |peak, sample| peak.max(sample.abs()));
            self.step(if peak > 1.0 { 1.0 / peak } else { 1.0 }, output);
        }
    }

    /// Appends the frames that still wait to `output`.
    pub(super) fn finish(&mut self, output: &mut Vec<f32>) {
        while !self.waiting.is_empty() {
            self.step(1.0, output);
        }
    }

    /// Whether no gain is anything but 1: nearly always.
    fn is_at_rest(&self) -> bool {
        self.held >= 1.0
            && self.minima.iter().all(|(_, gain)| *gain >= 1.0)
            && self.gains.iter().all(|gain| *gain >= 1.0)
    }

    /// What [`limit`](Self::limit) comes to for frames that need no limiting, at rest, without its work for each.
    fn pass(&mut self, interleaved: &[f32], output: &mut Vec<f32>) {
        self.time += (interleaved.len() / self.channels) as u64;
        self.minima.clear();
        self.sum = self.ahead as f64;
        self.waiting.extend(interleaved);
        let ready = self.waiting.len().saturating_sub((self.ahead - 1) * self.channels);
        output.extend(self.waiting.drain(..ready));
    }

    /// One frame goes in, with the gain that it needs, and one comes out when enough wait.
    fn step(&mut self, needed: f32, output: &mut Vec<f32>) {
        while self.minima.back().is_some_and(|(_, gain)| *gain >= needed) {
            self.minima.pop_back();
        }
        self.minima.push_back((self.time, needed));
        // A peak is held until the average over `ahead` gains has reached it, which is when it goes out.
        while self.minima.front().is_some_and(|(time, _)| time + self.ahead as u64 <= self.time) {
            self.minima.pop_front();
        }
        let minimum = self.minima.front().map_or(1.0, |(_, gain)| f64::from(*gain));
        self.held = if minimum - self.held < NEAR {
            minimum
        } else {
            self.held + (minimum - self.held) * self.release
        };
        self.time += 1;

        let oldest = self.gains.pop_front().unwrap_or(1.0);
        self.gains.push_back(self.held);
        self.sum += self.held - oldest;
        if self.time < self.ahead as u64 {
            return;
        }
        let gain = (self.sum / self.ahead as f64).min(1.0) as f32;
        // Rounding of the sum must not touch what needs no limiting.
        let gain = if gain > 1.0 - 1e-6 { 1.0 } else { gain };
        output
            .extend(self.waiting.drain(..self.channels.min(self.waiting.len())).map(|sample| sample * gain));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limited(input: &[f32]) -> Vec<f32> {
        let mut limiter = Limiter::new(48_000, 1);
        let mut output = Vec::new();
        limiter.push(input, &mut output);
        limiter.finish(&mut output);
        output
    }

    #[test]
    fn leaves_what_is_within_full_scale_alone() {
        let input: Vec<f32> = (0..5_000).map(|i| (i as f32 * 0.1).sin()).collect();
        assert_eq!(limited(&input), input);
    }

    #[test]
    fn blocks_that_are_passed_change_nothing() {
        let mut input: Vec<f32> = (0..100_000).map(|i| 0.9 * (i as f32 * 0.05).sin()).collect();
        for sample in &mut input[30_000..30_100] {
            *sample *= 4.0;
        }
        let mut limiter = Limiter::new(48_000, 2);
        let mut output = Vec::new();
        // Blocks of all lengths: before the peaks, in them, on the way back and after it.
        let mut rest = &input[..];
        for frames in 1.. {
            let (block, later) = rest.split_at(rest.len().min(2 * frames));
            limiter.push(block, &mut output);
            rest = later;
            if rest.is_empty() {
                break;
            }
        }
        limiter.finish(&mut output);

        let mut by_step = Limiter::new(48_000, 2);
        let mut expected = Vec::new();
        by_step.limit(&input, &mut expected);
        by_step.finish(&mut expected);
        assert_eq!(output.len(), input.len());
        assert!(output == expected, "passing blocks changes samples");
    }

    #[test]
    fn brings_peaks_below_full_scale_without_a_step() {
        let mut input: Vec<f32> = (0..70_000).map(|i| 0.9 * (i as f32 * 0.05).sin()).collect();
        for (i, sample) in input.iter_mut().enumerate().skip(9_000) {
            *sample *= if i < 9_100 { 4.0 } else { 1.0 };
        }
        let output = limited(&input);
        assert_eq!(output.len(), input.len());
        assert!(output.iter().all(|sample| sample.abs() <= 1.0 + 1e-5));
        assert_eq!(output[..8_000], input[..8_000]);
        let gains = output.iter().zip(&input).filter(|(_, x)| x.abs() > 0.1).map(|(y, x)| y / x);
        let steps: Vec<f32> =
            gains.collect::<Vec<_>>().windows(2).map(|pair| (pair[1] - pair[0]).abs()).collect();
        assert!(steps.iter().all(|step| *step < 0.1), "the gain jumps");
        assert_eq!(output[60_000..], input[60_000..], "a second later it is over");
    }
}
