//! The last stage of a channel: what the network took off is given back, and the bands are joined.
//!
//! With x the source, l its lower band at the network's rate and m the network's output, the result is
//!
//! ```text
//! y = h·x + up(d)      d = g·m − h·l
//! ```
//!
//! where `up` brings the lower band to the source's rate, g is the make-up gain, and h the gain of the
//! band above. Wherever the network changes nothing and h is 1, this is x, whatever the filters do.

use std::collections::VecDeque;

use super::Settings;
use super::bands::{Curve, Gate};
use super::frames::{Ramp, SHARE, Timing};
use super::front::blocks;
use super::level::{MakeUp, amplitude};
use crate::audio::resample::{Blocks, Resampler};
use crate::error::Failure;

/// How long the make-up gain is measured over, in seconds: it belongs to the recording, and is heard.
const MAKE_UP_MEMORY: f32 = 40.0;

/// The time constant with which the make-up gain follows its measurement, in seconds: a live stream's first
/// measurements are hasty.
const ADAPTION: f32 = 1.0;

/// The make-up gain of a live stream before anything is measured, in dB: about what networks take off.
const USUAL_MAKE_UP_DB: f32 = 4.0;

/// Takes the frames of one channel before and behind the network, and gives the result.
pub struct Back {
    hop: usize,
    blocks: Blocks,
    up: Resampler,
    /// The share of the input that stays in the output.
    floor: f32,
    /// Frames that the measurement looks ahead.
    look_ahead: usize,
    /// The lower band before and behind the network, waiting for the make-up gain to be known.
    ahead: VecDeque<(f32, f32)>,
    make_up: MakeUp,
    /// `None` before the first frame of a source that is measured ahead.
    make_up_gain: Option<f32>,
    /// The part of the way that the make-up gain goes to a new measurement in a frame.
    adaption: f32,
    gate: Gate,
    /// The gate of the frames that wait in `ahead`.
    gates: VecDeque<f32>,
    band_gain: f32,

    /// d, short of a block, and the curve of h.
    difference: Vec<f32>,
    curve: Curve,
    /// How many frames the curve is ahead of the source, as the lower band lags.
    curve_lead: f64,
    /// up(d), of which the first samples belong to the time before the source.
    restored: VecDeque<f32>,
    lag_left: usize,
    /// Samples that have been given.
    given: u64,
}

impl Back {
    /// The last stage behind a network of `timing`.
    ///
    /// # Errors
    /// `Internal` when a resampler cannot be made.
    pub fn new(timing: Timing, settings: Settings) -> Result<Self, Failure> {
        let Timing { rate, hop, .. } = timing;
        let blocks = blocks(settings.rate, timing);
        let up = Resampler::new(blocks.reversed())?;
        let (_, look_ahead) = settings.look_ahead(timing);
        let floor = settings.attenuation_limit.map_or(0.0, |db| amplitude(-db));
        Ok(Self {
            hop,
            blocks,
            floor,
            look_ahead,
            // All room at once: queues that grow leave holes in the memory.
            ahead: VecDeque::with_capacity((look_ahead + 1) * hop),
            make_up: MakeUp::make_up(timing.frames(MAKE_UP_MEMORY)),
            make_up_gain: (look_ahead == 0).then(|| amplitude(USUAL_MAKE_UP_DB)),
            adaption: 1.0 - (-(hop as f32) / (ADAPTION * rate as f32)).exp(),
            gate: Gate::new(rate, hop),
            gates: VecDeque::with_capacity(look_ahead + 1),
            band_gain: floor,
            difference: Vec::with_capacity(blocks.b),
            curve: Curve::from(floor),
            curve_lead: if up.is_identity() { 0.0 } else { blocks.b as f64 / 2.0 / hop as f64 },
            restored: VecDeque::new(),
            lag_left: lag(blocks),
            given: 0,
            up,
        })
    }

    /// A second one that goes on from here.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn twin(&self) -> Result<Self, Failure> {
        Ok(Self {
            up: self.up.twin()?,
            ahead: self.ahead.clone(),
            make_up: self.make_up.clone(),
            gate: self.gate.clone(),
            gates: self.gates.clone(),
            difference: self.difference.clone(),
            curve: self.curve.clone(),
            restored: self.restored.clone(),
            ..*self
        })
    }

    /// How many frames this needs for `samples` samples of the source.
    #[must_use]
    pub fn needs(&self, samples: u64) -> u64 {
        let blocks = (samples + lag(self.blocks) as u64).div_ceil(self.blocks.a as u64);
        blocks * (self.blocks.b / self.hop) as u64
    }

    /// Samples that have been given.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.given
    }

    /// Takes the next frame before and behind the network.
    ///
    /// # Errors
    /// `Internal` when the resampler fails.
    pub fn push(&mut self, noisy: &[f32], clean: &[f32]) -> Result<(), Failure> {
        self.make_up.hear(noisy, clean);
        self.gates.push_back(self.gate.follow(noisy, clean));
        self.ahead.extend(noisy.iter().copied().zip(clean.iter().copied()));
        self.mix()
    }

    /// Once all frames are in: gives up a second of the look-ahead, or the rest of it.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn settle(&mut self) -> Result<(), Failure> {
        self.look_ahead = self.look_ahead.saturating_sub(SHARE);
        self.mix()
    }

    /// Appends to `output` what is ready, and takes as much from `source`.
    pub fn give(&mut self, source: &mut VecDeque<f32>, output: &mut Vec<f32>) {
        let ready = self.restored.len().min(source.len());
        let frames_per_sample = self.blocks.b as f64 / (self.blocks.a * self.hop) as f64;
        output.reserve(ready);
        for (x, low) in source.drain(..ready).zip(self.restored.drain(..ready)) {
            let h = self.curve.at(self.given as f64 * frames_per_sample + self.curve_lead);
            output.push(h * x + low);
            self.given += 1;
        }
    }

    /// Makes d of the frames whose make-up gain is known.
    fn mix(&mut self) -> Result<(), Failure> {
        while self.gates.len() > self.look_ahead {
            let Some(gate) = self.gates.pop_front() else { break };
            let target = self.make_up.gain();
            let before = self.make_up_gain.unwrap_or(target);
            let make_up = before + (target - before) * self.adaption;
            let band = self.floor + (1.0 - self.floor) * (gate * make_up).min(1.0);
            let g = Ramp { from: before, to: make_up }.over(self.hop);
            let h = Ramp { from: self.band_gain, to: band }.over(self.hop);
            for (((input, output), g), h) in self.ahead.drain(..self.hop).zip(g).zip(h) {
                let low = self.floor * input + (1.0 - self.floor) * g * output;
                self.difference.push(low - h * input);
            }
            self.make_up_gain = Some(make_up);
            self.band_gain = band;
            self.curve.push(band);
            self.restore()?;
        }
        Ok(())
    }

    /// Brings d to the source's rate.
    fn restore(&mut self) -> Result<(), Failure> {
        if self.difference.len() == self.blocks.b {
            let mut block = Vec::with_capacity(self.blocks.a);
            self.up.process(&self.difference, &mut block)?;
            self.difference.clear();
            let early = self.lag_left.min(block.len());
            self.lag_left -= early;
            self.restored.extend(&block[early..]);
        }
        Ok(())
    }
}

/// How many samples the way down and up lags: half a block each.
fn lag(blocks: Blocks) -> usize {
    if blocks.a == blocks.b { 0 } else { blocks.a }
}
