//! One piece of a channel on its way through the network.

use super::frames::{Frames, Network};
use super::models::Weights;
use crate::error::Failure;

/// A part of a channel that a stream of its own runs over.
pub struct Piece {
    weights: Weights,
    /// Made by whoever begins with the piece: it can take a while.
    network: Option<Network>,
    frames: Frames,
    /// How many of the frames are before the piece, and in it.
    warm_up: usize,
    length: usize,
    next: usize,
    clean: Vec<f32>,
}

/// A piece that has been through.
pub struct Isolated {
    frames: Frames,
    warm_up: usize,
    clean: Vec<f32>,
}

impl Piece {
    /// The piece behind the first `warm_up` of the frames. Behind its `length` are so many more that the network's
    /// latency is covered.
    #[must_use]
    pub fn new(weights: Weights, frames: Frames, warm_up: usize, length: usize) -> Self {
        Self { weights, network: None, frames, warm_up, length, next: 0, clean: Vec::new() }
    }

    /// How many frames are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.next.saturating_sub(self.warm_up)
    }

    /// Works on the next frames, and returns the result when those were the last.
    ///
    /// # Errors
    /// `Internal` when the network cannot be set up or fails.
    pub fn work(&mut self, frames: usize) -> Result<Option<Isolated>, Failure> {
        let mut network = match self.network.take() {
            Some(network) => network,
            None => Network::new(self.weights.model()?),
        };
        let until = self.frames.len().min(self.next + frames);
        while self.next < until {
            match network.process(&self.frames, self.next)? {
                Some((index, clean)) if index >= self.warm_up => {
                    if self.clean.capacity() == 0 {
                        self.clean.reserve_exact(self.length * clean.len());
                    }
                    self.clean.extend_from_slice(clean);
                }
                _ => {}
            }
            self.next += 1;
        }
        if self.next < self.frames.len() {
            self.network = Some(network);
            return Ok(None);
        }
        let frames = self.frames.take();
        Ok(Some(Isolated { frames, warm_up: self.warm_up, clean: std::mem::take(&mut self.clean) }))
    }
}

impl Isolated {
    /// Frame `index` of the piece before and behind the network.
    #[must_use]
    pub fn frame(&self, index: usize) -> (&[f32], &[f32]) {
        let hop = self.frames.hop();
        let clean = &self.clean[index * hop..(index + 1) * hop];
        (self.frames.frame(self.warm_up + index), clean)
    }

    /// Lets the result begin as the piece before would have gone on, and go over to this one.
    pub fn join(&mut self, before: &[f32]) {
        let length = before.len() as f32;
        for (i, (clean, before)) in self.clean.iter_mut().zip(before).enumerate() {
            let part = (i as f32 + 0.5) / length;
            *clean = before + (*clean - before) * part;
        }
    }

    /// What came out behind the first `length` frames of the piece.
    #[must_use]
    pub fn behind(&self, length: usize) -> &[f32] {
        &self.clean[length * self.frames.hop()..]
    }
}
