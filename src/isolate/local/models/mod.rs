//! The neural networks, behind one trait.

mod hush;

use std::sync::Arc;

use clap::ValueEnum;

use crate::error::Failure;

/// A network that takes and gives one mono frame at a time, and keeps its state in between.
pub trait Model: Send {
    /// Samples per second.
    fn rate(&self) -> u32;
    /// Samples per frame.
    fn hop(&self) -> usize;
    /// How many samples the output lags behind the input.
    fn latency(&self) -> usize;
    /// Isolates the next frame: both slices are [`hop`](Self::hop) samples long.
    ///
    /// # Errors
    /// `Internal` when the network fails.
    fn process(&mut self, noisy: &[f32], clean: &mut [f32]) -> Result<(), Failure>;
}

/// The models that this program was built with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Small and fast, 16 kHz
    Hush,
}

impl Default for Name {
    fn default() -> Self {
        Self::Hush
    }
}

/// Loaded weights, of which any number of streams can be made.
pub enum Weights {
    /// See [`Name::Hush`].
    Hush(Arc<hush_vani::Hush>),
}

impl Weights {
    /// Loads the weights that are part of the program.
    ///
    /// # Errors
    /// `Internal` when they are damaged.
    pub fn load(name: Name) -> Result<Self, Failure> {
        match name {
            Name::Hush => hush::load().map(Self::Hush),
        }
    }

    /// A fresh stream over these weights.
    #[must_use]
    pub fn stream(&self) -> Box<dyn Model> {
        match self {
            Self::Hush(weights) => Box::new(hush::Stream::new(weights)),
        }
    }
}
