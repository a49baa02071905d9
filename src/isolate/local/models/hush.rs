//! The Hush network (16 kHz, frames of 10 ms) through the crate `hush-vani`.

use std::sync::Arc;

use hush_vani::{Hush, HushStream};

use super::Model;
use crate::error::Failure;

pub(super) fn load() -> Result<Arc<Hush>, Failure> {
    Hush::new()
        .map(Arc::new)
        .map_err(|error| Failure::internal(format!("the model cannot be loaded: {error}")))
}

/// Runs frame by frame: on a whole file the crate's other interface takes gigabytes.
pub(super) struct Running(HushStream);

impl Running {
    pub(super) fn new(weights: &Arc<Hush>) -> Self {
        Self(HushStream::new(Arc::clone(weights)))
    }
}

impl Model for Running {
    fn rate(&self) -> u32 {
        Hush::SAMPLE_RATE
    }

    fn hop(&self) -> usize {
        Hush::FRAME_SAMPLES
    }

    fn latency(&self) -> usize {
        Hush::LATENCY_SAMPLES
    }

    fn process(&mut self, noisy: &[f32], clean: &mut [f32]) -> Result<(), Failure> {
        self.0.process_frame(noisy, clean);
        Ok(())
    }
}
