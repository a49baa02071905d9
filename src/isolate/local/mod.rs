//! The local engine: a neural network inside the program. Free, private, offline.

mod bands;
mod level;
pub mod models;
mod voice;

use std::time::Instant;

use super::{Isolate, Observer, Outcome, Task};
use crate::audio::{decode, encode};
use crate::error::Failure;
use models::Weights;
use voice::{Settings, Voice};

/// How far ahead the two level measurements look, in seconds, where the source is no live stream.
const LOOK_AHEAD: f32 = 20.0;

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
            LOOK_AHEAD.min(MAX_WAITING / 2.0 / (f32::from(spec.channels) * spec.rate as f32))
        };
        let settings = Settings { rate: spec.rate, look_ahead, attenuation_limit: self.attenuation_limit };
        let mut ensemble = Ensemble::new(&self.weights, settings, spec.channels)?;

        observer.started(spec, decoder.length().frames());
        let (mut block, mut isolated) = (Vec::new(), Vec::new());
        let mut frames = 0;
        loop {
            let read = decoder.read(&mut block)?;
            if read == 0 {
                break;
            }
            frames += read as u64;
            isolated.clear();
            ensemble.push(&block, &mut isolated)?;
            encoder.write(&isolated)?;
            observer.advanced(frames);
        }
        let mut complete = false;
        while !complete {
            isolated.clear();
            complete = ensemble.drain(&mut isolated)?;
            encoder.write(&isolated)?;
        }
        let bytes_written = encoder.finish()?;
        Ok(Outcome {
            duration_seconds: spec.seconds(frames),
            bytes_written,
            elapsed: started.elapsed(),
            warnings: decoder.warnings(),
        })
    }
}

/// All channels of a source, each isolated on its own.
struct Ensemble {
    parts: Vec<Part>,
}

/// One channel, with room for a block of its samples before and behind the network.
struct Part {
    voice: Voice,
    samples: Vec<f32>,
    ready: Vec<f32>,
    /// All of it has come out.
    complete: bool,
}

impl Ensemble {
    fn new(weights: &Weights, settings: Settings, channels: u16) -> Result<Self, Failure> {
        let part = |_| {
            let voice = Voice::new(weights.stream(), settings)?;
            Ok(Part { voice, samples: Vec::new(), ready: Vec::new(), complete: false })
        };
        Ok(Self { parts: (0..channels).map(part).collect::<Result<_, _>>()? })
    }

    /// Takes an interleaved block and appends what is ready, interleaved, to `output`.
    fn push(&mut self, block: &[f32], output: &mut Vec<f32>) -> Result<(), Failure> {
        let channels = self.parts.len();
        for (channel, part) in self.parts.iter_mut().enumerate() {
            part.samples.clear();
            part.samples.extend(block.iter().skip(channel).step_by(channels));
        }
        self.each(|part| part.voice.push(&part.samples, &mut part.ready))?;
        self.interleave(output);
        Ok(())
    }

    /// Appends more of the rest; returns whether that was all.
    fn drain(&mut self, output: &mut Vec<f32>) -> Result<bool, Failure> {
        self.each(|part| {
            part.complete = part.voice.drain(&mut part.ready)?;
            Ok(())
        })?;
        self.interleave(output);
        Ok(self.parts.iter().all(|part| part.complete))
    }

    /// Runs `work` on every channel, in parallel.
    fn each(&mut self, work: impl Fn(&mut Part) -> Result<(), Failure> + Sync) -> Result<(), Failure> {
        if let [only] = self.parts.as_mut_slice() {
            return work(only);
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = self.parts.iter_mut().map(|part| scope.spawn(|| work(part))).collect();
            threads
                .into_iter()
                .try_for_each(|thread| thread.join().unwrap_or_else(|_| Err(Failure::internal("a channel's thread died"))))
        })
    }

    fn interleave(&mut self, output: &mut Vec<f32>) {
        let frames = self.parts.iter().map(|part| part.ready.len()).min().unwrap_or(0);
        output.reserve(frames * self.parts.len());
        for frame in 0..frames {
            output.extend(self.parts.iter().map(|part| part.ready[frame]));
        }
        for part in &mut self.parts {
            part.ready.drain(..frames);
        }
    }
}
