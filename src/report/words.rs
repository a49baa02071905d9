//! What recordings, uploads and whole runs are like, in words.

use std::fmt::Write as _;
use std::time::Duration;

use crate::audio::{Depth, Spec};
use crate::exchange::Piece;
use crate::isolate::{Task, Upload};
use crate::sink::Sink;
use crate::source::Source;
use crate::text::{clock, megabytes, times};

/// What came of all recordings together.
#[derive(Debug, Clone, Default)]
pub struct Totals {
    /// Recordings that were isolated, or with `-n` that would be.
    pub done: usize,
    /// Recordings whose output was there already.
    pub skipped: usize,
    /// Recordings that failed, by name.
    pub failed: Vec<String>,
    /// Recordings that were not begun after a failure.
    pub left_out: usize,
    /// Audio that was isolated, or with `-n` would be, as far as its length is known.
    pub seconds: f64,
    /// Recordings whose length is not known.
    pub unknown: usize,
    /// Bytes that would be uploaded.
    pub bytes: Option<u64>,
    /// What it cost, or with `-n` will cost.
    pub credits: Option<u64>,
    /// The service did not say what something of it cost.
    pub unpriced: bool,
    /// How long it took; nothing with `-n`.
    pub elapsed: Option<Duration>,
}

impl std::fmt::Display for Totals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let verb = if self.elapsed.is_some() { "done" } else { "to do" };
        write!(f, "{} {verb}, {} skipped, {} failed", self.done, self.skipped, self.failed.len())?;
        if self.left_out > 0 {
            write!(f, ", {} not begun", self.left_out)?;
        }
        write!(f, ": {:.1} minutes", self.seconds / 60.0)?;
        if self.unknown > 0 {
            write!(f, " and {} of unknown length", self.unknown)?;
        }
        if let Some(bytes) = self.bytes {
            write!(f, ", {} to upload", megabytes(bytes))?;
        }
        if let Some(credits) = self.credits {
            let about = match (self.elapsed, self.unpriced) {
                (None, _) => "about ",
                (Some(_), true) => "at least ",
                (Some(_), false) => "",
            };
            write!(f, ", {about}{credits} credits")?;
        }
        if let Some(elapsed) = self.elapsed {
            let elapsed = elapsed.as_secs_f64();
            write!(f, ", {elapsed:.1} s ({} real time)", times(self.seconds / elapsed.max(1e-9)))?;
        }
        Ok(())
    }
}

/// A task's input, for messages.
#[must_use]
pub fn input_name(task: &Task) -> String {
    match &task.source {
        Source::File(path) => path.display().to_string(),
        Source::Stdin => "standard input".into(),
    }
}

pub(super) fn output_name(task: &Task) -> String {
    match &task.sink {
        Sink::File { path, .. } | Sink::Device(path) => path.display().to_string(),
        Sink::Stdout => "standard output".into(),
    }
}

pub(super) fn arrow(task: &Task) -> String {
    format!("{} → {}", input_name(task), output_name(task))
}

/// What an upload will cost, in words.
pub(super) fn cost(upload: &Upload) -> String {
    let mut text = String::new();
    if let Some(format) = upload.file_format {
        let _ = write!(text, "  sent as {format}");
    }
    if let Some(change) = &upload.change {
        let _ = write!(text, ", {change}");
    }
    if let Some(bytes) = upload.bytes {
        let _ = write!(text, "  {}", megabytes(bytes));
    }
    match (upload.seconds, upload.credits) {
        (Some(seconds), Some(credits)) => {
            let _ = write!(text, "  {:.2} minutes  about {credits} credits", seconds / 60.0);
        }
        _ => text.push_str("  minutes and credits unknown: about 1000 credits a minute"),
    }
    text
}

/// What is known of a piece before it is sent, in words.
pub(super) fn planned_piece(number: usize, piece: &Piece) -> String {
    let at = |seconds: f64| clock((seconds * 1000.0) as u64);
    let (from, to) = (at(piece.start), at(piece.start + piece.seconds));
    let credits = piece.credits.map_or_else(String::new, |credits| format!("  about {credits} credits"));
    format!("piece {number}: about {from} to {to}  {:.2} minutes{credits}", piece.seconds / 60.0)
}

/// What a recording is like, in words.
pub(super) fn described(spec: Spec) -> String {
    let channels = if spec.channels == 1 { "mono".into() } else { format!("{} channels", spec.channels) };
    let depth = match spec.depth {
        Depth::Int16 => "16 bits",
        Depth::Int24 => "24 bits",
        Depth::Float32 => "float",
    };
    format!("{} Hz, {channels}, {depth}", spec.rate)
}
