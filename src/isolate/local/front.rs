//! The first stage of a channel: its lower band at the network's rate, and the level of that.

use std::collections::VecDeque;

use super::Settings;
use super::frames::{Frames, Ramp, Timing};
use super::level::Leveller;
use crate::audio::resample::{Blocks, Resampler};
use crate::error::Failure;

/// The shortest block, in seconds: a longer one has steeper filters, a shorter one less delay.
const BLOCK: f32 = 0.02;

/// How long the level of the source is remembered, in seconds: as long as a sentence, so that it follows
/// speakers, and what a bang hides is little.
const LEVEL_MEMORY: f32 = 8.0;

/// The blocks in which a source goes to a network's rate.
#[must_use]
pub fn blocks(rate: u32, timing: Timing) -> Blocks {
    if rate == timing.rate {
        Blocks { a: timing.hop, b: timing.hop }
    } else {
        Blocks::new(rate, timing.rate, timing.hop, (BLOCK * timing.rate as f32) as usize)
    }
}

/// Takes the samples of one channel and gives the frames for the network.
pub struct Front {
    hop: usize,
    blocks: Blocks,
    down: Resampler,
    /// Source samples that are not in a block yet.
    unblocked: Vec<f32>,
    /// The lower band, waiting for its level to be known.
    ahead: VecDeque<f32>,
    /// Frames that the measurement looks ahead.
    look_ahead: usize,
    leveller: Leveller,
    gain: Option<f32>,
    /// Frames that have been given.
    given: u64,
}

impl Front {
    /// The first stage before a network of `timing`.
    ///
    /// # Errors
    /// `Internal` when a resampler cannot be made.
    pub fn new(timing: Timing, settings: Settings) -> Result<Self, Failure> {
        let blocks = blocks(settings.rate, timing);
        let (look_ahead, _) = settings.look_ahead(timing);
        Ok(Self {
            hop: timing.hop,
            blocks,
            down: Resampler::new(blocks)?,
            unblocked: Vec::with_capacity(blocks.a),
            // All room at once: queues that grow leave holes in the memory.
            ahead: VecDeque::with_capacity((look_ahead + 1) * timing.hop + blocks.b),
            look_ahead,
            leveller: Leveller::leveller(timing.frames(LEVEL_MEMORY)),
            gain: None,
            given: 0,
        })
    }

    /// A second one that goes on from here.
    ///
    /// # Errors
    /// As [`new`](Self::new).
    pub fn twin(&self) -> Result<Self, Failure> {
        Ok(Self {
            down: self.down.twin()?,
            unblocked: self.unblocked.clone(),
            ahead: self.ahead.clone(),
            leveller: self.leveller.clone(),
            ..*self
        })
    }

    /// Takes more of the source and appends what is ready to `frames`.
    ///
    /// # Errors
    /// `Internal` when the resampler fails.
    pub fn push(&mut self, mut samples: &[f32], frames: &mut Frames) -> Result<(), Failure> {
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
                for frame in low.chunks_exact(self.hop) {
                    self.leveller.hear(frame);
                    self.ahead.extend(frame);
                    self.level(frames);
                }
            }
        }
        Ok(())
    }

    /// Once the source has ended: appends the rest, with silence behind it, until `all` frames have been given.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn end(&mut self, all: u64, frames: &mut Frames) -> Result<(), Failure> {
        let silence = vec![0.0; self.blocks.a];
        while self.given + ((self.ahead.len() / self.hop) as u64) < all {
            self.push(&silence, frames)?;
        }
        self.look_ahead = 0;
        self.level(frames);
        let superfluous = self.given.saturating_sub(all) as usize;
        frames.truncate(frames.len() - superfluous);
        Ok(())
    }

    /// Appends the frames whose level is known.
    fn level(&mut self, frames: &mut Frames) {
        while self.ahead.len() >= (self.look_ahead + 1) * self.hop {
            let to = self.leveller.gain_for(self.ahead.iter().take(self.hop));
            let from = self.gain.replace(to).unwrap_or(to);
            frames.push(self.ahead.drain(..self.hop), Ramp { from, to });
            self.given += 1;
        }
    }
}
