//! The DeepFilterNet3 network (48 kHz, frames of 10 ms) through the crate `deep-filter-rt`.

use std::sync::{Arc, Mutex, PoisonError};

use deep_filter_rt::tract::{DfParams, DfTract, RuntimeParams};
use ndarray::ArrayView2;
use ndarray::ArrayViewMut2;

use super::Model;
use crate::error::Failure;

/// A network that has heard nothing yet. Streams are clones of it; it is no more than that, so one thread
/// at a time is enough.
pub struct Network(Mutex<DfTract>);

pub(super) fn load() -> Result<Arc<Network>, Failure> {
    // The crate's own thresholds switch the network off between words, which damages their edges.
    let settings = RuntimeParams::default_with_ch(1).with_thresholds(-15.0, 35.0, 35.0);
    DfTract::new(DfParams::default(), &settings)
        .map(|network| Arc::new(Network(Mutex::new(network))))
        .map_err(|error| Failure::internal(format!("the model cannot be loaded: {error:#}")))
}

pub(super) struct Stream(DfTract);

impl Stream {
    pub(super) fn new(network: &Network) -> Self {
        Self(network.0.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }
}

impl Model for Stream {
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
