//! The local engine: a neural network inside the program. Free, private, offline.

mod back;
#[doc(hidden)]
pub mod bands;
mod crew;
mod cut;
mod ensemble;
mod frames;
mod front;
mod level;
pub mod models;
mod piece;
mod pieces;
mod stream;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Instant;

use super::{Isolate, Observer, Outcome, Recording, Rehearsal, Stage, Task};
use crate::audio::decode::{self, Decoder};
use crate::audio::encode;
use crate::error::Failure;
use crew::{Cores, Crew};
use cut::Cut;
use ensemble::{Ensemble, State};
use frames::Timing;
use models::Weights;
use pieces::Pieces;
use stream::Stream;

/// How far ahead the two level measurements look together, in seconds, where the source is no live stream.
const LOOK_AHEAD: f32 = 24.0;

/// The part of the look-ahead that the level of the source gets; the make-up gain gets the rest.
const LEVEL_SHARE: f32 = 1.0 / 6.0;

/// The most samples, of all channels together, that wait for what is ahead of them: 32 MiB.
const MAX_WAITING: f32 = 8e6;

/// How a channel is to be isolated.
#[derive(Debug, Clone, Copy)]
struct Settings {
    /// Sample rate of the source in Hz.
    rate: u32,
    /// How far the two level measurements look ahead together, in seconds: 0 for live sources.
    look_ahead: f32,
    /// The most noise to take away, in dB; `None` for all of it.
    attenuation_limit: Option<f32>,
}

impl Settings {
    /// How many frames the measurements before and behind the network look ahead.
    fn look_ahead(self, timing: Timing) -> (usize, usize) {
        let level = timing.frames(self.look_ahead * LEVEL_SHARE);
        (level, timing.frames(self.look_ahead) - level)
    }
}

/// Isolates with a network that runs here.
pub struct Local {
    weights: Weights,
    /// Known from the first recording on that is no live source.
    timing: OnceLock<Timing>,
    attenuation_limit: Option<f32>,
    cores: Arc<Cores>,
}

impl Local {
    /// Loads the model. `attenuation_limit` is the most noise to take away, in dB; `cores` is how many of them
    /// all recordings together keep busy.
    ///
    /// # Errors
    /// `Internal` when the model cannot be loaded.
    pub fn new(model: models::Name, attenuation_limit: Option<f32>, cores: usize) -> Result<Self, Failure> {
        let weights = Weights::load(model)?;
        Ok(Self { weights, timing: OnceLock::new(), attenuation_limit, cores: Cores::new(cores) })
    }

    /// What there is to know of the network. Some tell only when they have been set up, which can take a while.
    fn timing(&self) -> Result<Timing, Failure> {
        if let Some(timing) = self.timing.get() {
            return Ok(*timing);
        }
        let timing = Timing::of(self.weights.model()?.as_ref());
        Ok(*self.timing.get_or_init(|| timing))
    }

    /// All channels of what `decoder` reads.
    fn ensemble(&self, decoder: &Decoder) -> Result<Box<dyn Ensemble>, Failure> {
        let (spec, live) = (decoder.spec(), decoder.is_live());
        let channels = usize::from(spec.channels);
        let look_ahead =
            if live { 0.0 } else { LOOK_AHEAD.min(MAX_WAITING / (channels as f32 * spec.rate as f32)) };
        let settings = Settings { rate: spec.rate, look_ahead, attenuation_limit: self.attenuation_limit };
        // Nothing may hold up a live source.
        let core = if live { self.cores.spare() } else { Some(self.cores.take()) };
        let weights = self.weights.clone();
        let cut = if live {
            None
        } else {
            let timing = self.timing()?;
            Cut::of(timing, spec, decoder.seconds()).map(|cut| (timing, cut))
        };
        Ok(match (core, cut) {
            (Some(core), Some((timing, cut))) => {
                let crew = Crew::new(&self.cores, core);
                Box::new(Pieces::new(weights, timing, settings, channels, cut, crew)?)
            }
            (core, _) => Box::new(Stream::new(weights, settings, channels, &self.cores, core)?),
        })
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
        let mut ensemble = self.ensemble(&decoder)?;

        let of = decoder.length().frames();
        let (mut block, mut isolated) = (Vec::new(), Vec::new());
        let mut taken = 0;
        loop {
            observer.stage(Stage::Isolating { spec, done: ensemble.done(), of });
            isolated.clear();
            let state = ensemble.work(&mut isolated)?;
            // Where there is nothing yet, nothing is begun: there may be no audio at all.
            if !isolated.is_empty() {
                encoder.write(&isolated)?;
            }
            match state {
                State::Complete => break,
                State::Busy => {}
                State::Hungry => match decoder.read(&mut block)? {
                    0 => ensemble.end()?,
                    read => {
                        taken += read as u64;
                        ensemble.push(&block)?;
                    }
                },
            }
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
