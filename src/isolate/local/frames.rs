//! One channel at the network's rate, frame by frame, and its way through a network.

use super::models::Model;
use crate::error::Failure;

/// Frames that are worked on at once, before something else is looked at: a second of frames of 10 ms, which takes some
/// hundredths of one.
pub const SHARE: usize = 100;

/// What there is to know of a network before it runs.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// Samples per second.
    pub rate: u32,
    /// Samples per frame.
    pub hop: usize,
    /// How many frames the output lags behind the input: the latency of every model is a whole number of them.
    pub latency: usize,
}

impl Timing {
    /// The timing of `model`.
    #[must_use]
    pub fn of(model: &dyn Model) -> Self {
        let hop = model.hop();
        Self { rate: model.rate(), hop, latency: model.latency() / hop }
    }

    /// The frames of so many seconds.
    #[must_use]
    pub fn frames(self, seconds: f32) -> usize {
        (seconds * self.rate as f32) as usize / self.hop
    }
}

/// A gain that runs straight from the end of one frame to the end of the next.
#[derive(Debug, Clone, Copy)]
pub struct Ramp {
    /// At the end of the frame before.
    pub from: f32,
    /// At the end of the frame.
    pub to: f32,
}

impl Ramp {
    /// The gains of the `hop` samples of a frame.
    pub fn over(self, hop: usize) -> impl Iterator<Item = f32> {
        (1..=hop).map(move |i| self.from + (self.to - self.from) * i as f32 / hop as f32)
    }
}

/// Consecutive frames of the source's lower band, and the gain that brings each to the network's level.
#[derive(Debug, Clone)]
pub struct Frames {
    hop: usize,
    samples: Vec<f32>,
    gains: Vec<Ramp>,
}

impl Frames {
    /// No frames yet, and room for so many of `hop` samples: all at once, as vectors that grow leave holes in the
    /// memory.
    #[must_use]
    pub fn with_room(hop: usize, frames: usize) -> Self {
        Self { hop, samples: Vec::with_capacity(frames * hop), gains: Vec::with_capacity(frames) }
    }

    /// Appends a frame.
    pub fn push(&mut self, samples: impl Iterator<Item = f32>, gain: Ramp) {
        self.samples.extend(samples);
        self.gains.push(gain);
    }

    /// Samples of each.
    #[must_use]
    pub fn hop(&self) -> usize {
        self.hop
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.gains.len()
    }

    /// The samples of a frame, at the level of the source.
    #[must_use]
    pub fn frame(&self, index: usize) -> &[f32] {
        &self.samples[index * self.hop..(index + 1) * self.hop]
    }

    /// Removes the first frames.
    pub fn forget(&mut self, frames: usize) {
        self.samples.drain(..frames * self.hop);
        self.gains.drain(..frames);
    }

    /// Removes all but the first frames.
    pub fn truncate(&mut self, frames: usize) {
        self.samples.truncate(frames * self.hop);
        self.gains.truncate(frames);
    }

    /// Takes all of them out.
    #[must_use]
    pub fn take(&mut self) -> Self {
        std::mem::replace(self, Self::with_room(self.hop, 0))
    }

    /// A copy of the last frames, with room for `room` of them.
    #[must_use]
    pub fn last(&self, frames: usize, room: usize) -> Self {
        let from = self.len() - frames;
        let mut last = Self::with_room(self.hop, room.max(frames));
        last.samples.extend_from_slice(&self.samples[from * self.hop..]);
        last.gains.extend_from_slice(&self.gains[from..]);
        last
    }
}

/// A stream of a network, and the way to its level and back.
pub struct Network {
    model: Box<dyn Model>,
    latency: usize,
    noisy: Vec<f32>,
    clean: Vec<f32>,
}

impl Network {
    /// Runs a fresh stream.
    #[must_use]
    pub fn new(model: Box<dyn Model>) -> Self {
        let Timing { hop, latency, .. } = Timing::of(model.as_ref());
        Self { model, latency, noisy: vec![0.0; hop], clean: vec![0.0; hop] }
    }

    /// Puts in the frame at `index`, the next of `frames`. Returns the frame that comes out at the level of the source,
    /// and its index: the latency before. Nothing comes out when that is before the first of `frames`.
    ///
    /// # Errors
    /// `Internal` when the network fails.
    pub fn process(&mut self, frames: &Frames, index: usize) -> Result<Option<(usize, &[f32])>, Failure> {
        let hop = frames.hop;
        let gains = frames.gains[index].over(hop);
        for ((noisy, sample), gain) in self.noisy.iter_mut().zip(frames.frame(index)).zip(gains) {
            *noisy = sample * gain;
        }
        self.model.process(&self.noisy, &mut self.clean)?;
        let Some(out) = index.checked_sub(self.latency) else {
            return Ok(None);
        };
        self.clean.iter_mut().zip(frames.gains[out].over(hop)).for_each(|(clean, gain)| *clean /= gain);
        Ok(Some((out, &self.clean)))
    }
}
