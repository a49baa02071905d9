//! The DeepFilterNet3 network (48 kHz, frames of 10 ms) through the crate `deep-filter-rt`.

use deep_filter_rt::tract::{DfParams, DfTract, RuntimeParams};
use ndarray::{ArrayView2, ArrayViewMut2};

use super::Model;
use crate::error::Failure;

pub(super) struct Running(DfTract);

impl Running {
    /// Loads the network anew: clones of one (`deep-filter-rt` 0.1.1) write into the same buffers, so that
    /// two channels at once spoil each other.
    pub(super) fn new() -> Result<Self, Failure> {
        // The crate's own thresholds switch the network off between words, which damages their edges.
        let settings = RuntimeParams::default_with_ch(1).with_thresholds(-15.0, 35.0, 35.0);
        DfTract::new(DfParams::default(), &settings)
            .map(Self)
            .map_err(|error| Failure::internal(format!("the model cannot be loaded: {error:#}")))
    }
}

impl Model for Running {
    fn rate(&self) -> u32 {
        self.0.sr as u32
    }

    fn hop(&self) -> usize {
        self.0.hop_size
    }

    fn latency(&self) -> usize {
        self.0.delay()
    }

    fn process(&mut self, noisy: &[f32], clean: &mut [f32]) -> Result<(), Failure> {
        let failed = |error: String| Failure::internal(format!("the network failed: {error}"));
        let hop = self.0.hop_size;
        let noisy = ArrayView2::from_shape((1, hop), noisy).map_err(|error| failed(error.to_string()))?;
        let clean = ArrayViewMut2::from_shape((1, hop), clean).map_err(|error| failed(error.to_string()))?;
        self.0.process(noisy, clean).map(drop).map_err(|error| failed(format!("{error:#}")))
    }
}
