//! What is printed: result lines, warnings and errors on standard error, JSON on standard output.
//!
//! Everything that a file name or a message holds is made harmless for a terminal here.

mod record;
mod words;

use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

use crate::error::{Failure, Kind};
use crate::isolate::{Outcome, Rehearsal, Task};
use crate::picture::Shown;
use crate::plan::{Messages, Verbosity};
use crate::screen::Screen;
use crate::text::{harmless, times};
use record::{Record, Status};
pub use words::{Totals, input_name};
use words::{arrow, cost, described, output_name, planned_piece};

/// Prints.
pub struct Report<'a> {
    messages: Messages,
    screen: &'a Screen,
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
    pub fn page_written(&self, path: &str) {
        if self.messages.verbosity >= Verbosity::Normal {
            self.line(&format!("report: {path}"));
        }
    }

    /// The page about all would be written.
    pub fn page_planned(&self, path: &str) {
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
        self.print(&Record::new(Some(&input), Some(&output), Some(engine), status).with(shown))
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
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).map_err(|error| Failure::printing(&error))
}

/// Prints a help text on standard error.
pub fn help(text: &impl std::fmt::Display) {
    let _ = write!(io::stderr(), "{text}");
}
