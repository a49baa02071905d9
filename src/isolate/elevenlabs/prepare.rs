//! From a task to what is sent for it: the recording is looked at, takes its way, and is encoded where that needs it.

use std::io::{self, Seek};
use std::path::Path;

use super::coding::{Coding, Spool};
use super::limits::{self, LEAST_SECONDS, MOST_BYTES};
use super::narrow::NARROW;
use super::payload::{Payload, as_it_is, file_name, known};
use super::settings::{FileFormat, Settings, Split};
use super::way::Way;
use crate::audio::Spec;
use crate::audio::decode::{self, Decoder, Raw};
use crate::audio::probe::Format;
use crate::error::Failure;
use crate::isolate::{Observer, Recording, Stage, Task};
use crate::source::{Input, Source, Witness};
use crate::text::megabytes;

/// What is to be sent.
pub(super) enum Prepared {
    /// One request.
    Request(Box<Payload>),
    /// A recording that is taken apart or made longer first.
    Original(Original),
}

/// A recording that can be read again and again.
pub(super) struct Original {
    input: Input,
    /// Remembers how it was.
    witness: Witness,
    raw: Option<Raw>,
    name: String,
    pub way: Way,
}

impl Original {
    /// Reads it from its start. Readers take turns.
    ///
    /// # Errors
    /// `Input` when it cannot be read or is damaged.
    pub(super) fn decoder(&self) -> Result<Decoder, Failure> {
        decode::open_input(again(&self.input)?, self.raw, None)
    }

    /// Makes sure that it is still what it was when it was looked at.
    ///
    /// # Errors
    /// `Input` when it is not.
    pub(super) fn unchanged(&self) -> Result<(), Failure> {
        self.witness.unchanged()
    }

    /// Encodes all of it, unless `allowed` refuses the seconds so far.
    ///
    /// # Errors
    /// Those of reading and encoding it, and of `allowed`.
    pub(super) fn encoded(
        &self,
        coding: Coding,
        allowed: &dyn Fn(f64) -> Result<(), Failure>,
        observer: &dyn Observer,
    ) -> Result<Encoding, Failure> {
        let mut decoder = self.decoder()?;
        let spec = decoder.spec();
        let of = decoder.length().frames();
        let mut spool = Spool::new(coding, spec)?;
        let (mut block, mut frames) = (Vec::new(), 0);
        loop {
            let read = decoder.read(&mut block)?;
            if read == 0 {
                return Ok(Encoding { spool, spec, frames, warnings: decoder.warnings() });
            }
            frames += read as u64;
            spool.write(&block)?;
            allowed(spec.seconds(frames))?;
            observer.stage(Stage::Preparing { spec, done: frames, of });
        }
    }

    /// Its name for the service, of the piece with this number where there are several.
    fn file_name(&self, number: Option<usize>, coding: Coding) -> String {
        if number.is_none() && coding == Coding::Narrow {
            // Samples have no extension of their own.
            return self.name.clone();
        }
        let stem = Path::new(&self.name).file_stem().unwrap_or_default().to_string_lossy();
        let number = number.map_or_else(String::new, |number| format!("-{number:03}"));
        format!("{stem}{number}.{}", coding.extension())
    }

    /// What is sent of it: `samples`, of this length in seconds.
    ///
    /// # Errors
    /// `Input` when the samples cannot be read again.
    pub(super) fn payload(
        &self,
        number: Option<usize>,
        coding: Coding,
        samples: Input,
        recording: Recording,
    ) -> Result<Payload, Failure> {
        Payload::encoded(self.file_name(number, coding), coding, samples, recording)
    }
}

/// A recording that is encoded to its end, to which something may be added.
pub(super) struct Encoding {
    pub spool: Spool,
    pub spec: Spec,
    pub frames: u64,
    /// What the user should know about the recording.
    pub warnings: Vec<String>,
}

/// Another reader of the same file, from its start.
///
/// # Errors
/// `Input` when the file cannot be read.
pub(super) fn again(input: &Input) -> Result<Input, Failure> {
    let reread = || {
        let mut input = input.shared()?;
        input.rewind()?;
        Ok(input)
    };
    reread().map_err(|error: io::Error| Failure::reading(&error))
}

/// Finds out what is to be sent for a task. A pipe is copied to a temporary file first, so that it can be
/// sent again, unless there are no retries and nothing is to be done to it.
///
/// # Errors
/// `Input` for what the service does not take; `Output` when a temporary file cannot be written.
pub(super) fn prepare(
    task: &Task,
    settings: &Settings,
    observer: &dyn Observer,
) -> Result<Prepared, Failure> {
    let mut input = task.source.open()?;
    if input.byte_len().is_none() {
        if settings.retries == 0 && !settings.resample {
            return as_it_is(&task.source, task.raw, settings, input).map(Box::new).map(Prepared::Request);
        }
        input = spooled(task, settings, input)?;
    }
    let witness = input.witness().map_err(|error| Failure::reading(&error))?;
    let (Forecast { bytes, way, .. }, payload) = facts(&task.source, task.raw, settings, again(&input)?)?;
    let original = Original { input, witness, raw: task.raw, name: file_name(&task.source), way };
    let payload = match (way, payload) {
        (Way::Whole, Some(payload)) => payload,
        (Way::Whole, None) => converted(&original, Coding::Narrow, settings, observer)?,
        (Way::Compressed(coding), _) => {
            let bytes = bytes.map_or_else(String::new, |bytes| format!(" of {}", megabytes(bytes)));
            observer.note(&format!("instead of the file{bytes} its sound is sent, compressed without loss"));
            converted(&original, coding, settings, observer)?
        }
        (Way::Padded(..) | Way::Pieces(..), _) => return Ok(Prepared::Original(original)),
    };
    Ok(Prepared::Request(Box::new(payload)))
}

/// A pipe as a file.
fn spooled(task: &Task, settings: &Settings, mut input: Input) -> Result<Input, Failure> {
    // What is larger can only be sent when it can be taken apart.
    let format = if task.raw.is_some() { Format::Wav } else { decode::recognise(&mut input)? };
    let known = !matches!(format, Format::Foreign(_) | Format::Unknown);
    let splits = known && settings.split != Split::Never;
    let most = if settings.ignore_limits || splits { u64::MAX } else { MOST_BYTES };
    let input = input.spooled(most)?;
    if most != u64::MAX {
        limits::check(input.byte_len(), None, settings)?;
    }
    Ok(input)
}

/// As [`prepare`], but only looks at the recording, and not into a pipe.
///
/// # Errors
/// As [`prepare`].
pub(super) fn forecast(
    source: &Source,
    raw: Option<Raw>,
    settings: &Settings,
) -> Result<Option<Forecast>, Failure> {
    if source.is_pipe() {
        return Ok(None);
    }
    Ok(Some(facts(source, raw, settings, source.open()?)?.0))
}

/// What is known of a recording before anything is sent.
pub(super) struct Forecast {
    pub file_format: FileFormat,
    /// Bytes of audio, if it is sent as it is.
    pub bytes: Option<u64>,
    pub recording: Recording,
    pub way: Way,
}

/// What is known of a file, and what is sent of it if it is sent as it is.
fn facts(
    source: &Source,
    raw: Option<Raw>,
    settings: &Settings,
    input: Input,
) -> Result<(Forecast, Option<Payload>), Failure> {
    let (file_format, bytes, recording, payload) = if settings.resample {
        let recording = known(decode::open_input(input, raw, source.path())?);
        let samples = |seconds: f64| (seconds * f64::from(NARROW.rate)).round() as u64;
        (FileFormat::Pcm, recording.seconds.map(|seconds| 2 * samples(seconds)), recording, None)
    } else {
        let payload = as_it_is(source, raw, settings, input)?;
        (payload.file_format, payload.content.len(), payload.recording(), Some(payload))
    };
    let way = Way::of(bytes, recording, settings)?;
    Ok((Forecast { file_format, bytes, recording, way }, payload))
}

/// The whole recording, decoded here and sent in another coding.
fn converted(
    original: &Original,
    coding: Coding,
    settings: &Settings,
    observer: &dyn Observer,
) -> Result<Payload, Failure> {
    // Too little may still become enough.
    let allowed = |seconds: f64| limits::check(None, Some(seconds.max(LEAST_SECONDS)), settings);
    let Encoding { spool, spec, frames, warnings } = original.encoded(coding, &allowed, observer)?;
    let samples = spool.finish()?;
    let recording = Recording { spec: Some(spec), seconds: Some(spec.seconds(frames)) };
    limits::check(samples.byte_len(), recording.seconds, settings)?;
    Ok(original.payload(None, coding, samples, recording)?.with(warnings))
}
