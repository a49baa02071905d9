//! One channel on its way through the network: split into bands, level, isolate, undo, join.
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

use super::bands::{Curve, Gate};
use super::level::{Leveller, MakeUp, amplitude};
use super::models::Model;
use crate::audio::resample::{Blocks, Resampler};
use crate::error::Failure;

/// The shortest block, in seconds: a longer one has steeper filters, a shorter one less delay.
const BLOCK: f32 = 0.02;

/// How long the level of the source is remembered, in seconds: as long as a sentence, so that it follows
/// speakers, and what a bang hides is little.
const LEVEL_MEMORY: f32 = 8.0;

/// How long the make-up gain is measured over, in seconds: it belongs to the recording, and is heard.
const MAKE_UP_MEMORY: f32 = 40.0;

/// The part of the look-ahead that the level of the source gets.
const LEVEL_SHARE: f32 = 1.0 / 6.0;

/// The time constant with which the make-up gain follows its measurement, in seconds: a live stream's first
/// measurements are hasty.
const ADAPTION: f32 = 1.0;

/// The make-up gain of a live stream before anything is measured, in dB: about what networks take off.
const USUAL_MAKE_UP_DB: f32 = 4.0;

/// Frames of the look-ahead that are given up at once when the source has ended.
const DRAIN: usize = 100;

/// How a voice is to be isolated.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Sample rate of the source in Hz.
    pub rate: u32,
    /// How far the two level measurements look ahead together, in seconds: 0 for live sources.
    pub look_ahead: f32,
    /// The most noise to take away, in dB; `None` for all of it.
    pub attenuation_limit: Option<f32>,
}

/// Isolates one channel. What comes out is aligned with what went in.
pub struct Voice {
    model: Box<dyn Model>,
    blocks: Blocks,
    down: Resampler,
    up: Resampler,
    /// Frames that the two measurements look ahead.
    level_ahead: usize,
    make_up_ahead: usize,
    /// The share of the input that stays in the output.
    floor: f32,

    /// Source samples that are not in a block yet.
    unblocked: Vec<f32>,
    /// Source samples whose output has not come out yet.
    source: VecDeque<f32>,
    /// Source samples that went in, and came out.
    taken: u64,
    given: u64,

    /// The lower band, waiting for its level to be known.
    ahead: VecDeque<f32>,
    leveller: Leveller,
    level_gain: Option<f32>,
    /// The lower band and the gain of each of its samples, waiting for the network's latency.
    levelled: VecDeque<(f32, f32)>,
    /// Samples that the network gives before the first one that belongs to the source.
    latency_left: usize,

    /// The lower band before and behind the network, waiting for the make-up gain to be known.
    isolated: VecDeque<(f32, f32)>,
    make_up: MakeUp,
    /// `None` before the first frame of a source that is measured ahead.
    make_up_gain: Option<f32>,
    /// The part of the way that the make-up gain goes to a new measurement in a frame.
    adaption: f32,
    gate: Gate,
    /// The gate of the frames that wait in `isolated`.
    gates: VecDeque<f32>,
    band_gain: f32,

    /// d, short of a block, and the curve of h.
    difference: Vec<f32>,
    curve: Curve,
    /// up(d), of which the first samples belong to the time before the source.
    restored: VecDeque<f32>,
    lag_left: usize,
}

impl Voice {
    /// A voice through `model`.
    ///
    /// # Errors
    /// `Internal` when a resampler cannot be made.
    pub fn new(model: Box<dyn Model>, settings: Settings) -> Result<Self, Failure> {
        let (rate, hop) = (model.rate(), model.hop());
        let frames = |seconds: f32| (seconds * rate as f32) as usize / hop;
        let blocks = if settings.rate == rate {
            Blocks { a: hop, b: hop }
        } else {
            Blocks::new(settings.rate, rate, hop, (BLOCK * rate as f32) as usize)
        };
        let down = Resampler::new(blocks)?;
        let up = Resampler::new(blocks.reversed())?;
        // All room at once: queues that grow leave holes in the memory.
        let level_ahead = frames(settings.look_ahead * LEVEL_SHARE);
        let make_up_ahead = frames(settings.look_ahead) - level_ahead;
        let room = |ahead: usize| (ahead + 1) * hop + blocks.b;
        let sources = (settings.look_ahead + 0.2) * settings.rate as f32;
        let floor = settings.attenuation_limit.map_or(0.0, |db| amplitude(-db));
        Ok(Self {
            blocks,
            level_ahead,
            make_up_ahead,
            floor,
            unblocked: Vec::with_capacity(blocks.a),
            source: VecDeque::with_capacity(sources as usize + 4 * blocks.a),
            taken: 0,
            given: 0,
            ahead: VecDeque::with_capacity(room(level_ahead)),
            leveller: Leveller::leveller(frames(LEVEL_MEMORY)),
            level_gain: None,
            levelled: VecDeque::new(),
            latency_left: model.latency(),
            isolated: VecDeque::with_capacity(room(make_up_ahead)),
            make_up: MakeUp::make_up(frames(MAKE_UP_MEMORY)),
            make_up_gain: (make_up_ahead == 0).then(|| amplitude(USUAL_MAKE_UP_DB)),
            adaption: 1.0 - (-(hop as f32) / (ADAPTION * rate as f32)).exp(),
            gate: Gate::new(rate, hop),
            gates: VecDeque::new(),
            band_gain: floor,
            difference: Vec::with_capacity(blocks.b),
            curve: Curve::from(floor),
            restored: VecDeque::new(),
            // Down and up lag by half a block each.
            lag_left: if down.is_identity() { 0 } else { blocks.a },
            down,
            up,
            model,
        })
    }

    /// Takes more of the source and appends to `output` what is ready.
    ///
    /// # Errors
    /// `Internal` when the network or a resampler fails.
    pub fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) -> Result<(), Failure> {
        self.taken += samples.len() as u64;
        self.source.extend(samples);
        self.feed(samples)?;
        self.give(output);
        Ok(())
    }

    /// Once the source has ended: appends more of the rest to `output`, about a second at a time. Returns
    /// whether as many samples have come out as went in.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn drain(&mut self, output: &mut Vec<f32>) -> Result<bool, Failure> {
        if self.given < self.taken {
            self.level_ahead = self.level_ahead.saturating_sub(DRAIN);
            self.make_up_ahead = self.make_up_ahead.saturating_sub(DRAIN);
            self.feed(&vec![0.0; self.blocks.a])?;
            self.give(output);
        }
        Ok(self.given == self.taken)
    }

    /// How many samples have come out.
    #[must_use]
    pub fn given(&self) -> u64 {
        self.given
    }

    /// Samples of a block: a voice that starts at a multiple of this keeps in step with one that started
    /// at the beginning.
    #[must_use]
    pub fn block(&self) -> usize {
        self.blocks.a
    }

    /// Splits off the lower band, block by block.
    fn feed(&mut self, mut samples: &[f32]) -> Result<(), Failure> {
        let mut low = Vec::with_capacity(self.blocks.b);
        while !samples.is_empty() {
            let room = self.blocks.a - self.unblocked.len();
            let (now, later) = samples.split_at(room.min(samples.len()));
            self.unblocked.extend_from_slice(now);
            samples = later;
            if self.unblocked.len() == self.blocks.a {
                low.clear();
                self.down.process(&self.unblocked, &mut low)?;
                self.unblocked.clear();
                for frame in low.chunks_exact(self.model.hop()) {
                    self.leveller.hear(frame);
                    self.ahead.extend(frame);
                }
                self.isolate()?;
                self.mix();
                self.restore()?;
            }
        }
        Ok(())
    }

    /// Runs the network over the frames whose level is known, at the level that it wants.
    fn isolate(&mut self) -> Result<(), Failure> {
        let hop = self.model.hop();
        let (mut noisy, mut clean) = (vec![0.0; hop], vec![0.0; hop]);
        while self.ahead.len() >= (self.level_ahead + 1) * hop {
            let from = self.level_gain;
            let to = self.leveller.gain_for(self.ahead.iter().take(hop));
            let from = from.unwrap_or(to);
            self.level_gain = Some(to);
            for (i, (sample, noisy)) in self.ahead.drain(..hop).zip(&mut noisy).enumerate() {
                let gain = from + (to - from) * (i + 1) as f32 / hop as f32;
                *noisy = sample * gain;
                self.levelled.push_back((sample, gain));
            }
            self.model.process(&noisy, &mut clean)?;
            let early = self.latency_left.min(hop);
            self.latency_left -= early;
            for clean in &clean[early..] {
                let Some((sample, gain)) = self.levelled.pop_front() else {
                    break;
                };
                self.isolated.push_back((sample, clean / gain));
            }
            self.hear(hop - early);
        }
        Ok(())
    }

    /// Measures the frame that has come out of the network, `fresh` samples of it now.
    fn hear(&mut self, fresh: usize) {
        let hop = self.model.hop();
        // The latency of every model is a whole number of frames, so frames in stay frames out.
        if fresh < hop {
            return;
        }
        let start = self.isolated.len() - hop;
        let (input, output): (Vec<f32>, Vec<f32>) = self.isolated.range(start..).copied().unzip();
        self.make_up.hear(&input, &output);
        self.gates.push_back(self.gate.follow(&input, &output));
    }

    /// Makes d of the frames whose make-up gain is known.
    fn mix(&mut self) {
        let hop = self.model.hop();
        while self.gates.len() > self.make_up_ahead {
            let Some(gate) = self.gates.pop_front() else { break };
            let target = self.make_up.gain();
            let before = self.make_up_gain.unwrap_or(target);
            let make_up = before + (target - before) * self.adaption;
            let band = self.floor + (1.0 - self.floor) * (gate * make_up).min(1.0);
            for (i, (input, output)) in self.isolated.drain(..hop).enumerate() {
                let part = (i + 1) as f32 / hop as f32;
                let g = before + (make_up - before) * part;
                let h = self.band_gain + (band - self.band_gain) * part;
                let low = self.floor * input + (1.0 - self.floor) * g * output;
                self.difference.push(low - h * input);
            }
            self.make_up_gain = Some(make_up);
            self.band_gain = band;
            self.curve.push(band);
        }
    }

    fn restore(&mut self) -> Result<(), Failure> {
        let mut block = Vec::with_capacity(self.blocks.a);
        let whole = self.difference.len() / self.blocks.b * self.blocks.b;
        for difference in self.difference[..whole].chunks_exact(self.blocks.b) {
            block.clear();
            self.up.process(difference, &mut block)?;
            let early = self.lag_left.min(block.len());
            self.lag_left -= early;
            self.restored.extend(&block[early..]);
        }
        self.difference.drain(..whole);
        Ok(())
    }

    fn give(&mut self, output: &mut Vec<f32>) {
        let ready = self.restored.len().min(self.source.len());
        let frames_per_sample = self.blocks.b as f64 / (self.blocks.a * self.model.hop()) as f64;
        // The lower band lags by half a block behind the source.
        let lag =
            if self.down.is_identity() { 0.0 } else { self.blocks.b as f64 / 2.0 / self.model.hop() as f64 };
        for (x, low) in self.source.drain(..ready).zip(self.restored.drain(..ready)) {
            let h = self.curve.at(self.given as f64 * frames_per_sample + lag);
            output.push(h * x + low);
            self.given += 1;
        }
    }
}
