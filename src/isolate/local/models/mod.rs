//! The neural networks, behind one trait.

#[cfg(feature = "deepfilternet")]
mod deepfilternet;
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub enum Name {
    /// Small and fast, 16 kHz
    #[cfg_attr(not(feature = "deepfilternet"), default)]
    Hush,
    /// Larger and better, 48 kHz
    #[cfg(feature = "deepfilternet")]
    #[default]
    #[value(name = "deepfilternet")]
    DeepFilterNet,
}

/// Loaded weights, of which any number of networks can be made. Clones share them.
#[derive(Clone)]
pub enum Weights {
    /// See [`Name::Hush`].
    Hush(Arc<hush_vani::Hush>),
    /// See [`Name::DeepFilterNet`]: every network loads its own.
    #[cfg(feature = "deepfilternet")]
    DeepFilterNet,
}

impl Weights {
    /// Loads the weights that are part of the program.
    ///
    /// # Errors
    /// `Internal` when they are damaged.
    pub fn load(name: Name) -> Result<Self, Failure> {
        match name {
            Name::Hush => hush::load().map(Self::Hush),
            #[cfg(feature = "deepfilternet")]
            Name::DeepFilterNet => Ok(Self::DeepFilterNet),
        }
    }

    /// A fresh network with these weights.
    ///
    /// # Errors
    /// `Internal` when the network cannot be set up.
    pub fn model(&self) -> Result<Box<dyn Model>, Failure> {
        match self {
            Self::Hush(weights) => Ok(Box::new(hush::Running::new(weights))),
            #[cfg(feature = "deepfilternet")]
            Self::DeepFilterNet => Ok(Box::new(deepfilternet::Running::new()?)),
        }
    }
}
