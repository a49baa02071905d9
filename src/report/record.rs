//! The JSON object about one input. README documents the fields.

use serde::Serialize;

use crate::error::Failure;
use crate::exchange::{Exchange, Piece};
use crate::isolate::{Outcome, Rehearsal};
use crate::picture::Shown;

/// How a job ended, for the JSON object.
#[derive(Debug, Clone, Copy)]
pub(super) enum Status<'a> {
    Ok(&'a Outcome),
    Skipped,
    Planned(&'a Rehearsal),
    /// With the number of attempts, where no service counted them.
    Failed(&'a Failure, u32),
}

/// The object.
#[derive(Serialize)]
pub(super) struct Record<'a> {
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
    /// About an input that ended like this; what is not known of it is `None`.
    pub(super) fn new(
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

    /// The same, with what is shown of the result.
    pub(super) fn with(self, shown: &Shown) -> Self {
        let spectrogram = shown.spectrogram.as_ref().map(|path| path.display().to_string());
        Self { spectrogram, noise_removed_db: shown.noise_removed_db, ..self }
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
