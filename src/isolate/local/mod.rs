//! The local engine: a neural network inside the program. Free, private, offline.

mod bands;
mod ensemble;
mod level;
pub mod models;
mod voice;

use std::time::Instant;

use super::{Isolate, Observer, Outcome, Recording, Rehearsal, Stage, Task};
use crate::audio::{decode, encode};
use crate::error::Failure;
use ensemble::Ensemble;
use models::Weights;
use voice::Settings;

/// How far ahead the two level measurements look together, in seconds, where the source is no live stream.
const LOOK_AHEAD: f32 = 24.0;

/// The most samples, of all channels together, that wait for what is ahead of them: 32 MiB.
const MAX_WAITING: f32 = 8e6;

/// Isolates with a network that runs here.
pub struct Local {
    weights: Weights,
    attenuation_limit: Option<f32>,
}

impl Local {
    /// Loads the model. `attenuation_limit` is the most noise to take away, in dB.
    ///
    /// # Errors
    /// `Internal` when the model cannot be loaded.
    pub fn new(model: models::Name, attenuation_limit: Option<f32>) -> Result<Self, Failure> {
        Ok(Self { weights: Weights::load(model)?, attenuation_limit })
    }
}

impl Isolate for Local {
    fn name(&self) -> &'static str {
        "local"
    }

    fn isolate(&self, task: &Task, observer: &dyn Observer) -> Result<Outcome, Failure> {
        let started = Instant::now();
        let mut decoder = decode::open(&task.source, task.raw)?;
        let spec = decoder.spec();
        let output = task.sink.open()?;
        let mut encoder = encode::to(task.format, spec, decoder.length().exact(), output)?;
        let look_ahead = if decoder.is_live() {
            0.0
        } else {
            LOOK_AHEAD.min(MAX_WAITING / (f32::from(spec.channels) * spec.rate as f32))
        };
        let settings = Settings { rate: spec.rate, look_ahead, attenuation_limit: self.attenuation_limit };
        let mut ensemble = Ensemble::new(self.weights.clone(), settings, spec.channels)?;

        let of = decoder.length().frames();
        let advanced = |done| observer.stage(Stage::Isolating { spec, done, of });
        advanced(0);
        let (mut block, mut isolated) = (Vec::new(), Vec::new());
        let (mut taken, mut given) = (0, 0);
        loop {
            let read = decoder.read(&mut block)?;
            if read == 0 {
                break;
            }
            taken += read as u64;
            isolated.clear();
            ensemble.push(&block, &mut isolated)?;
            encoder.write(&isolated)?;
            given += (isolated.len() / usize::from(spec.channels)) as u64;
            advanced(given);
        }
        let mut complete = false;
        while !complete {
            isolated.clear();
            complete = ensemble.drain(&mut isolated)?;
            encoder.write(&isolated)?;
            given += (isolated.len() / usize::from(spec.channels)) as u64;
            advanced(given);
        }
        let bytes_written = encoder.finish()?;
        Ok(Outcome {
            recording: Recording { spec: Some(spec), seconds: Some(spec.seconds(taken)) },
            bytes_written,
            elapsed: started.elapsed(),
            warnings: decoder.warnings(),
            details: Vec::new(),
            exchange: None,
        })
    }

    fn rehearse(&self, task: &Task) -> Result<Rehearsal, Failure> {
        let recording = if task.source.is_pipe() {
            Recording::default()
        } else {
            Recording::of(&decode::open(&task.source, task.raw)?)
        };
        Ok(Rehearsal { recording, upload: None })
    }
}
