//! What is printed: result lines, warnings and errors on standard error, JSON on standard output.
//!
//! Everything that a file name or a message holds is made harmless for a terminal here.

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;
use std::time::Duration;

use serde::Serialize;

use crate::audio::{Depth, Spec};
use crate::error::{Exchange, Failure, Kind, Piece};
use crate::isolate::{Outcome, Rehearsal, Task, Upload};
use crate::picture::Shown;
use crate::plan::{Messages, Verbosity};
use crate::screen::Screen;
use crate::sink::Sink;
use crate::source::Source;
use crate::text::{clock, harmless, megabytes, times};

/// Prints.
pub struct Report<'a> {
    messages: Messages,
    screen: &'a Screen,
}

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
            let about = if self.elapsed.is_some() { "" } else { "about " };
            write!(f, ", {about}{credits} credits")?;
        }
        if let Some(elapsed) = self.elapsed {
            let elapsed = elapsed.as_secs_f64();
            write!(f, ", {elapsed:.1} s ({} real time)", times(self.seconds / elapsed.max(1e-9)))?;
        }
        Ok(())
    }
}

/// How a job ended, for the JSON object.
#[derive(Debug, Clone, Copy)]
enum Status<'a> {
    Ok(&'a Outcome),
    Skipped,
    Planned(&'a Rehearsal),
    /// With the number of attempts, where no service counted them.
    Failed(&'a Failure, u32),
}

/// The JSON object about one input. README documents the fields.
#[derive(Serialize)]
struct Record<'a> {
    input: Option<&'a str>,
    output: Option<&'a str>,
    engine: Option<&'a str>,
    status: &'a str,
    duration_seconds: Option<f64>,
    file_format: Option<&'a str>,
    bytes_uploaded: u64,
    bytes_written: u64,
    elapsed_seconds: Option<f64>,
    attempts: u32,
    request_id: Option<&'a str>,
    credits: Option<u64>,
    warnings: &'a [String],
    spectrogram: Option<String>,
    noise_removed_db: Option<f64>,
    pieces: Vec<PieceRecord<'a>>,
    error: Option<ErrorRecord<'a>>,
}

/// What is said of one piece.
#[derive(Serialize)]
struct PieceRecord<'a> {
    start_seconds: f64,
    duration_seconds: f64,
    status: &'a str,
    attempts: u32,
    request_id: Option<&'a str>,
    credits: Option<u64>,
}

impl<'a> PieceRecord<'a> {
    fn new(piece: &'a Piece) -> Self {
        Self {
            start_seconds: piece.start,
            duration_seconds: piece.seconds,
            status: piece.state.name(),
            attempts: piece.attempts,
            request_id: piece.request_id.as_deref(),
            credits: piece.credits,
        }
    }
}

#[derive(Serialize)]
struct ErrorRecord<'a> {
    kind: &'a str,
    message: &'a str,
    hint: &'a str,
    http_status: Option<u16>,
    code: Option<&'a str>,
}

impl<'a> Record<'a> {
    fn new(
        input: Option<&'a str>,
        output: Option<&'a str>,
        engine: Option<&'a str>,
        status: Status<'a>,
    ) -> Self {
        let mut record = Self {
            input,
            output,
            engine,
            status: "ok",
            duration_seconds: None,
            file_format: None,
            bytes_uploaded: 0,
            bytes_written: 0,
            elapsed_seconds: None,
            attempts: 0,
            request_id: None,
            credits: Some(0),
            warnings: &[],
            spectrogram: None,
            noise_removed_db: None,
            pieces: Vec::new(),
            error: None,
        };
        match status {
            Status::Ok(outcome) => {
                record.duration_seconds = outcome.recording.seconds;
                record.bytes_written = outcome.bytes_written;
                record.elapsed_seconds = Some(outcome.elapsed.as_secs_f64());
                record.attempts = 1;
                record.warnings = &outcome.warnings;
                record.exchanged(outcome.exchange.as_ref());
            }
            Status::Skipped => record.status = "skipped",
            Status::Planned(rehearsal) => {
                record.status = "planned";
                record.duration_seconds = rehearsal.recording.seconds;
                if let Some(upload) = &rehearsal.upload {
                    record.file_format = upload.file_format;
                    record.credits = upload.credits;
                    record.pieces = upload.pieces.iter().map(PieceRecord::new).collect();
                }
            }
            Status::Failed(failure, attempts) => {
                record.status = "failed";
                record.attempts = attempts;
                record.exchanged(failure.exchange.as_deref());
                record.error = Some(ErrorRecord {
                    kind: failure.kind.name(),
                    message: &failure.message,
                    hint: &failure.hint,
                    http_status: failure.exchange.as_ref().and_then(|exchange| exchange.http_status),
                    code: failure.exchange.as_ref().and_then(|exchange| exchange.code.as_deref()),
                });
            }
        }
        record
    }

    /// Fills in what passed between us and a service.
    fn exchanged(&mut self, exchange: Option<&'a Exchange>) {
        if let Some(exchange) = exchange {
            self.file_format = exchange.file_format;
            self.bytes_uploaded = exchange.bytes_uploaded;
            self.attempts = exchange.attempts;
            self.request_id = exchange.request_id.as_deref();
            self.credits = exchange.credits;
            self.pieces = exchange.pieces.iter().map(PieceRecord::new).collect();
        }
    }
}

impl<'a> Report<'a> {
    /// A report that prints what `messages` asks for, above what is drawn on `screen`.
    #[must_use]
    pub fn new(messages: Messages, screen: &'a Screen) -> Self {
        Self { messages, screen }
    }

    /// A recording is isolated.
    ///
    /// # Errors
    /// Those of printing the JSON object.
    pub fn done(&self, task: &Task, engine: &str, outcome: &Outcome, shown: &Shown) -> Result<(), Failure> {
        if self.messages.verbosity >= Verbosity::Verbose {
            self.details(task, outcome);
        }
        if self.messages.verbosity >= Verbosity::Normal {
            for warning in &outcome.warnings {
                self.labelled("warning", "33", &format!("{}: {warning}", input_name(task)));
            }
            let elapsed = outcome.elapsed.as_secs_f64();
            let seconds = outcome.recording.seconds;
            let length = seconds.map_or_else(String::new, |seconds| format!("  {seconds:.1} s"));
            let speed = seconds.map_or_else(String::new, |seconds| {
                format!(" ({} real time)", times(seconds / elapsed.max(1e-9)))
            });
            let credits = outcome.exchange.as_ref().and_then(|exchange| exchange.credits);
            let credits = credits.map_or_else(String::new, |credits| format!("  {credits} credits"));
            let noise = shown.noise_removed_db;
            let noise = noise.map_or_else(String::new, |noise| format!("  noise {:+.1} dB", -noise));
            self.line(&format!("{}{length}  {engine}  {elapsed:.2} s{speed}{credits}{noise}", arrow(task)));
        }
        self.record(task, engine, Status::Ok(outcome), shown)
    }

    /// A recording's output was there already.
    ///
    /// # Errors
    /// Those of printing the JSON object.
    pub fn skipped(&self, task: &Task, engine: &str, batch: bool, shown: &Shown) -> Result<(), Failure> {
        // Where there are many, they are counted in the end.
        let least = if batch { Verbosity::Verbose } else { Verbosity::Normal };
        if self.messages.verbosity >= least {
            self.line(&format!("{}  skipped: it exists", arrow(task)));
        }
        self.record(task, engine, Status::Skipped, shown)
    }

    /// A recording would be isolated.
    ///
    /// # Errors
    /// Those of printing the JSON object.
    pub fn planned(
        &self,
        task: &Task,
        engine: &str,
        rehearsal: &Rehearsal,
        shown: &Shown,
    ) -> Result<(), Failure> {
        if self.messages.verbosity >= Verbosity::Normal {
            let mut text = format!("{}  {engine}  {}", arrow(task), task.format.extension());
            if let Some(spec) = rehearsal.recording.spec {
                let _ = write!(text, "  {}", described(spec));
            }
            if let Some(seconds) = rehearsal.recording.seconds {
                let _ = write!(text, "  {seconds:.1} s");
            }
            if let Some(upload) = &rehearsal.upload {
                text.push_str(&cost(upload));
            }
            self.line(&text);
            for (number, piece) in (1..).zip(rehearsal.upload.iter().flat_map(|upload| &upload.pieces)) {
                self.line(&format!("  {}", planned_piece(number, piece)));
            }
            if let Some(path) = &shown.spectrogram {
                self.line(&format!("  spectrogram: {}", path.display()));
            }
        }
        self.record(task, engine, Status::Planned(rehearsal), shown)
    }

    /// Says what is worth knowing about one recording while it is worked on. `name` is the recording's.
    pub fn note(&self, name: &str, text: &str) {
        if self.messages.verbosity >= Verbosity::Normal {
            self.labelled("note", "36", &format!("{name}: {text}"));
        }
    }

    /// What was found in the recording, and how it was sent.
    fn details(&self, task: &Task, outcome: &Outcome) {
        if let Some(spec) = outcome.recording.spec {
            self.line(&format!("{}: {}", input_name(task), described(spec)));
        }
        for detail in &outcome.details {
            self.line(&format!("{}: {detail}", input_name(task)));
        }
        let Some(exchange) = &outcome.exchange else { return };
        let mut text = format!("{}: sent", input_name(task));
        if let Some(format) = exchange.file_format {
            let _ = write!(text, " as {format}");
        }
        let _ = write!(text, ", {} bytes, attempt {}", exchange.bytes_uploaded, exchange.attempts);
        if let Some(id) = &exchange.request_id {
            let _ = write!(text, ", request id {id}");
        }
        self.line(&text);
    }

    /// A recording could not be isolated, in so many attempts.
    ///
    /// # Errors
    /// Those of printing the JSON object.
    pub fn failed(&self, task: &Task, engine: &str, failure: &Failure, attempts: u32) -> Result<(), Failure> {
        let about = if failure.kind == Kind::Output { output_name(task) } else { input_name(task) };
        self.error(Some(&about), failure);
        self.record(task, engine, Status::Failed(failure, attempts), &Shown::default())
    }

    /// Says something about the whole run.
    pub fn remark(&self, text: &str) {
        if self.messages.verbosity >= Verbosity::Normal {
            self.labelled("note", "36", text);
        }
    }

    /// Says something about the whole run to those who want to hear more.
    pub fn detail(&self, text: &str) {
        if self.messages.verbosity >= Verbosity::Verbose {
            self.line(text);
        }
    }

    /// The page about all is written.
    pub fn written(&self, path: &str) {
        if self.messages.verbosity >= Verbosity::Normal {
            self.line(&format!("report: {path}"));
        }
    }

    /// The page about all would be written.
    pub fn planned_page(&self, path: &str) {
        if self.messages.verbosity >= Verbosity::Normal {
            self.line(&format!("report: {path} (not written by -n)"));
        }
    }

    /// Sums up a run over several recordings.
    pub fn summary(&self, totals: &Totals) {
        for name in &totals.failed {
            self.labelled("failed", "1;31", name);
        }
        if self.messages.verbosity >= Verbosity::Normal {
            self.line(&totals.to_string());
        }
    }

    /// Prints what went wrong and what to do about it.
    pub fn error(&self, about: Option<&str>, failure: &Failure) {
        let about = about.map_or_else(String::new, |about| format!("{about}: "));
        self.labelled("error", "1;31", &format!("{about}{}", failure.message));
        self.labelled("hint", "36", &failure.hint);
    }

    fn labelled(&self, label: &str, color: &str, text: &str) {
        let text = harmless(text);
        let label =
            if self.messages.color { format!("\x1b[{color}m{label}:\x1b[0m") } else { format!("{label}:") };
        // Where standard error is closed, there is nobody to tell.
        self.screen.above(|| {
            let _ = writeln!(io::stderr(), "{label} {text}");
        });
    }

    fn line(&self, text: &str) {
        self.screen.above(|| {
            let _ = writeln!(io::stderr(), "{}", harmless(text));
        });
    }

    /// Prints the error that ended the program, and returns its exit code.
    #[must_use]
    pub fn fatal(&self, input: Option<&Path>, error: anyhow::Error) -> u8 {
        let failure =
            error.downcast::<Failure>().unwrap_or_else(|error| Failure::internal(format!("{error:#}")));
        if failure.kind != Kind::ReaderLeft {
            self.error(None, &failure);
            let input = input.map(|input| input.display().to_string());
            // Where this cannot be printed either, the exit code still tells.
            let _ = self.print(&Record::new(input.as_deref(), None, None, Status::Failed(&failure, 0)));
        }
        failure.kind.exit_code()
    }

    fn record(&self, task: &Task, engine: &str, status: Status, shown: &Shown) -> Result<(), Failure> {
        let (input, output) = (input_name(task), output_name(task));
        let mut record = Record::new(Some(&input), Some(&output), Some(engine), status);
        record.spectrogram = shown.spectrogram.as_ref().map(|path| path.display().to_string());
        record.noise_removed_db = shown.noise_removed_db;
        self.print(&record)
    }

    fn print(&self, record: &Record) -> Result<(), Failure> {
        if !self.messages.json {
            return Ok(());
        }
        let json = serde_json::to_string(record).map_err(|error| Failure::internal(error.to_string()))?;
        self.screen.above(|| print(&format!("{json}\n")))
    }
}

/// Prints a text on standard output.
///
/// # Errors
/// `Output`, or `ReaderLeft` when nobody reads any more.
pub fn print(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| match error.kind() {
        io::ErrorKind::BrokenPipe => Failure { kind: Kind::ReaderLeft, ..Failure::writing(&error) },
        _ => Failure::writing(&error),
    })
}

/// Prints a help text on standard error.
pub fn help(text: &impl std::fmt::Display) {
    let _ = write!(io::stderr(), "{text}");
}

/// A task's input, for messages.
#[must_use]
pub fn input_name(task: &Task) -> String {
    match &task.source {
        Source::File(path) => path.display().to_string(),
        Source::Stdin => "standard input".into(),
    }
}

fn output_name(task: &Task) -> String {
    match &task.sink {
        Sink::File { path, .. } | Sink::Device(path) => path.display().to_string(),
        Sink::Stdout => "standard output".into(),
    }
}

fn arrow(task: &Task) -> String {
    format!("{} → {}", input_name(task), output_name(task))
}

/// What an upload will cost, in words.
fn cost(upload: &Upload) -> String {
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
fn planned_piece(number: usize, piece: &Piece) -> String {
    let at = |seconds: f64| clock((seconds * 1000.0) as u64);
    let (from, to) = (at(piece.start), at(piece.start + piece.seconds));
    let credits = piece.credits.map_or_else(String::new, |credits| format!("  about {credits} credits"));
    format!("piece {number}: about {from} to {to}  {:.2} minutes{credits}", piece.seconds / 60.0)
}

/// What a recording is like, in words.
fn described(spec: Spec) -> String {
    let channels = if spec.channels == 1 { "mono".into() } else { format!("{} channels", spec.channels) };
    let depth = match spec.depth {
        Depth::Int16 => "16 bits",
        Depth::Int24 => "24 bits",
        Depth::Float32 => "float",
    };
    format!("{} Hz, {channels}, {depth}", spec.rate)
}
