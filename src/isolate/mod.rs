//! The engines, behind one trait.

pub mod elevenlabs;
pub mod local;

use std::time::Duration;

use crate::audio::decode::{Decoder, Raw};
use crate::audio::{Spec, encode};
use crate::error::Failure;
use crate::exchange::{Exchange, Piece};
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
    /// Nobody asked for this format, so that standard output takes another one as well.
    pub any_format: bool,
}

impl Task {
    /// Whether somebody asked for the MP3 that only a service makes.
    #[must_use]
    pub fn wants_mp3(&self) -> bool {
        self.format == encode::Format::Mp3 && !self.any_format
    }
}

/// What came of a task.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// What is known of the recording.
    pub recording: Recording,
    /// Bytes of the output.
    pub bytes_written: u64,
    /// Time from opening the input to the finished output.
    pub elapsed: Duration,
    /// What the user should know although the task is done.
    pub warnings: Vec<String>,
    /// How it was done, for those who want to hear more.
    pub details: Vec<String>,
    /// What passed between us and a service, if one did the work.
    pub exchange: Option<Exchange>,
}

/// What is known of a recording.
#[derive(Debug, Clone, Copy, Default)]
pub struct Recording {
    /// Rate, channels and depth.
    pub spec: Option<Spec>,
    /// Its length.
    pub seconds: Option<f64>,
}

impl Recording {
    /// What its header says.
    #[must_use]
    pub fn of(decoder: &Decoder) -> Self {
        Self { spec: Some(decoder.spec()), seconds: decoder.seconds() }
    }
}

/// What would be done with a task.
#[derive(Debug, Clone, Default)]
pub struct Rehearsal {
    /// What is known of the recording.
    pub recording: Recording,
    /// What would be uploaded, if a service does the work.
    pub upload: Option<Upload>,
}

/// What would be uploaded.
#[derive(Debug, Clone)]
pub struct Upload {
    /// How it is sent; not known before a pipe is read.
    pub file_format: Option<&'static str>,
    /// Bytes of audio, where they are known without making them.
    pub bytes: Option<u64>,
    /// Seconds that will be billed, as far as the length is known.
    pub seconds: Option<f64>,
    /// What it will cost, as far as the length is known.
    pub credits: Option<u64>,
    /// What is done to the recording so that the service takes it.
    pub change: Option<String>,
    /// The pieces that it is sent in; none where it is sent whole.
    pub pieces: Vec<Piece>,
}

/// Where a task stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Stage {
    /// So many frames have been isolated here, of as many as are expected.
    Isolating {
        /// Rate, channels and depth of the recording.
        spec: Spec,
        /// Frames that are done.
        done: u64,
        /// Frames that the input is expected to have.
        of: Option<u64>,
    },
    /// The recording is looked through, or prepared for its upload: so many frames of as many.
    Preparing {
        /// Rate, channels and depth of the recording.
        spec: Spec,
        /// Frames that are done.
        done: u64,
        /// Frames that the input is expected to have.
        of: Option<u64>,
    },
    /// So many pieces are isolated, of as many.
    Pieces {
        /// Pieces that are isolated.
        done: u64,
        /// Pieces of the recording.
        of: u64,
    },
    /// The pieces are joined: so many frames of as many.
    Joining {
        /// Rate, channels and depth of the recording.
        spec: Spec,
        /// Frames that are done.
        done: u64,
        /// Frames of the recording.
        of: u64,
    },
    /// Recording and output are looked at, one after the other: so many frames of as many.
    Drawing {
        /// Rate, channels and depth of what is looked at.
        spec: Spec,
        /// Frames that are done.
        done: u64,
        /// Frames that it is expected to have.
        of: Option<u64>,
    },
    /// So many bytes have been given to the network, of as many as there are.
    Uploading {
        /// Bytes that are given.
        sent: u64,
        /// Bytes of the whole request.
        of: Option<u64>,
    },
    /// All is sent, and the service works.
    Waiting,
    /// So many bytes of the reply have come, of as many as are announced.
    Downloading {
        /// Bytes that have come.
        received: u64,
        /// Bytes that are announced.
        of: Option<u64>,
    },
}

/// Is told how a task goes.
pub trait Observer: Sync {
    /// The task has got this far.
    fn stage(&self, stage: Stage);
    /// Something the user should know now.
    fn note(&self, text: &str);
}

/// An engine.
pub trait Isolate: Sync {
    /// Its name on the command line and in messages.
    fn name(&self) -> &'static str;

    /// Isolates one recording. On failure nothing is left at the sink.
    ///
    /// # Errors
    /// Of the kinds that [`Kind`](crate::error::Kind) lists, as the sides fail; `ReaderLeft` when nobody
    /// reads any more.
    fn isolate(&self, task: &Task, observer: &dyn Observer) -> Result<Outcome, Failure>;

    /// Finds out what [`isolate`](Self::isolate) would do. Reads of files only as much as decides it, and
    /// of pipes nothing, as that would be missing in the run.
    ///
    /// # Errors
    /// Those that `isolate` would find before any work.
    fn rehearse(&self, task: &Task) -> Result<Rehearsal, Failure>;
}
