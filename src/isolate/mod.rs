//! The engines, behind one trait.

pub mod local;

use std::time::Duration;

use crate::audio::{Spec, decode::Raw, encode};
use crate::error::Failure;
use crate::sink::Sink;
use crate::source::Source;

/// One recording to isolate.
#[derive(Debug, Clone)]
pub struct Task {
    /// Where it comes from.
    pub source: Source,
    /// Its layout, when it has no header.
    pub raw: Option<Raw>,
    /// Where the voice goes.
    pub sink: Sink,
    /// How the voice is written.
    pub format: encode::Format,
}

/// What came of a task.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Rate, channels and depth of the recording.
    pub spec: Spec,
    /// Length of the recording.
    pub duration_seconds: f64,
    /// Bytes of the output.
    pub bytes_written: u64,
    /// Time from opening the input to the finished output.
    pub elapsed: Duration,
    /// What the user should know although the task is done.
    pub warnings: Vec<String>,
}

/// Is told how a task goes.
pub trait Observer: Sync {
    /// The input is open; `frames` are expected, if that is known.
    fn started(&self, spec: Spec, frames: Option<u64>);
    /// So many frames have been isolated.
    fn advanced(&self, frames: u64);
}

/// An engine.
pub trait Isolate: Sync {
    /// Its name on the command line and in messages.
    fn name(&self) -> &'static str;

    /// Isolates one recording. On failure nothing is left at the sink.
    ///
    /// # Errors
    /// `Input` or `Output`, as the sides fail; `ReaderLeft` when nobody reads any more.
    fn isolate(&self, task: &Task, observer: &dyn Observer) -> Result<Outcome, Failure>;
}
