//! From the reply to the output: as it is, or converted here. What has been paid for is not thrown away.

use std::io::{Seek, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::retry::Trouble;
use crate::audio::decode;
use crate::audio::encode::{self, Format};
use crate::error::{Failure, Kind};
use crate::interrupt;
use crate::isolate::Task;
use crate::sink::{Output, Sink, free_name};
use crate::source::{Input, unspooled};

/// Where a reply goes.
pub(super) enum Delivery {
    /// As it is into the output.
    Direct(Output),
    /// Into a temporary file, to be decoded.
    Converted { reply: Reply, output: Output },
}

impl Delivery {
    /// Opens the output of a task, and what else is needed.
    ///
    /// # Errors
    /// `Output` when something cannot be written.
    pub(super) fn open(task: &Task) -> Result<Self, Failure> {
        let output = task.sink.open()?;
        Ok(if task.format == Format::Mp3 {
            Self::Direct(output)
        } else {
            Self::Converted { reply: Reply::new()?, output }
        })
    }

    /// Takes the next bytes of the reply.
    ///
    /// # Errors
    /// `Output`, or `ReaderLeft` when nobody reads any more.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Direct(output) => {
                output.write_all(bytes)?;
                output.pass_on()
            }
            Self::Converted { reply, .. } => reply.write(bytes),
        }
    }

    /// Whether it can serve another attempt: nothing has been taken.
    pub(super) fn is_untouched(&self) -> bool {
        match self {
            Self::Direct(output) => output.is_untouched(),
            Self::Converted { reply, output } => reply.is_empty && output.is_untouched(),
        }
    }

    /// What has gone to a pipe cannot be taken back, so that there is no second attempt.
    pub(super) fn after(&self, trouble: Trouble) -> Trouble {
        match self {
            Self::Direct(output) if output.has_passed_on() => Trouble::for_good(trouble.failure),
            _ => trouble,
        }
    }

    /// Keeps a whole reply that is not what it should be: it is paid for, and there may be something in it.
    pub(super) fn keep(self, sink: &Sink, failure: Failure) -> Failure {
        match self {
            Self::Direct(output) => kept(output.keep(REPLY), failure),
            Self::Converted { reply, .. } => reply.keep(sink, failure),
        }
    }

    /// Completes the output. Returns its size in bytes, and what the user should know.
    ///
    /// # Errors
    /// `Output` or `Usage` when it cannot be written, `Service` when the reply cannot be decoded.
    pub(super) fn finish(self, task: &Task) -> Result<(u64, Vec<String>), Failure> {
        match self {
            Self::Direct(output) => Ok((output.commit()?, Vec::new())),
            Self::Converted { mut reply, output } => {
                let converted = reply.read().and_then(|input| convert(input, task.format, output));
                converted.map_err(|failure| {
                    let wanted = !failure.saved && failure.kind != Kind::ReaderLeft;
                    if wanted { reply.keep(&task.sink, failure) } else { failure }
                })
            }
        }
    }
}

/// Decodes a reply and writes it in another format.
fn convert(input: Input, format: Format, output: Output) -> Result<(u64, Vec<String>), Failure> {
    let mut decoder = decode::open_input(input, None, None).map_err(undecodable)?;
    let mut encoder = encode::to(format, decoder.spec(), decoder.length().exact(), output)?;
    let mut block = Vec::new();
    while decoder.read(&mut block).map_err(undecodable)? > 0 {
        encoder.write(&block)?;
    }
    let warnings = decoder.warnings().into_iter().map(|warning| format!("the service's reply: {warning}"));
    Ok((encoder.finish()?, warnings.collect()))
}

/// The failure for a reply that is there and cannot be decoded.
pub(super) fn undecodable(failure: Failure) -> Failure {
    Failure { kind: Kind::Service, ..failure.about("the service's reply cannot be decoded") }
}

/// What the name of a kept reply ends in, behind the output's.
const REPLY: &str = ".reply.mp3";

/// The failure when a reply has been kept at this place.
fn kept(place: Option<PathBuf>, failure: Failure) -> Failure {
    match place {
        Some(place) => Failure {
            hint: format!("what the service sent, and has billed, is in {}", place.display()),
            saved: true,
            ..failure
        },
        None => failure,
    }
}

/// A reply in a temporary file, which is gone in the end, unless it is kept.
pub(super) struct Reply {
    /// `None` only when it is kept.
    file: Option<NamedTempFile>,
    is_empty: bool,
}

impl Reply {
    fn new() -> Result<Self, Failure> {
        let create = || tempfile::Builder::new().prefix("voxsift-reply-").suffix(".mp3").tempfile();
        let file = interrupt::guard(create, NamedTempFile::path).map_err(|error| unspooled(&error))?;
        Ok(Self { file: Some(file), is_empty: true })
    }

    fn file(&mut self) -> Result<&mut NamedTempFile, Failure> {
        self.file.as_mut().ok_or_else(|| Failure::internal("a reply is used after it was kept"))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.is_empty = false;
        self.file()?.write_all(bytes).map_err(|error| unspooled(&error))
    }

    /// The reply from its start.
    fn read(&mut self) -> Result<Input, Failure> {
        let copy = self.file()?.as_file().try_clone().map_err(|error| unspooled(&error))?;
        Input::of_spool(copy)
    }

    /// Keeps a reply that is paid for, but could not be converted: beside the output, else where it is.
    fn keep(mut self, sink: &Sink, failure: Failure) -> Failure {
        let beside = sink.path().filter(|_| matches!(sink, Sink::File { .. })).map(|path| {
            let mut name = path.file_name().unwrap_or_default().to_owned();
            name.push(REPLY);
            free_name(&path.with_file_name(name))
        });
        kept(beside.filter(|place| self.copy(place).is_ok()).or_else(|| self.leave()), failure)
    }

    fn copy(&mut self, place: &Path) -> Result<(), Failure> {
        let file = self.file()?;
        file.rewind().map_err(|error| unspooled(&error))?;
        let mut output = Sink::at(place, false).open()?;
        output.copy(file)?;
        output.commit().map(drop)
    }

    fn leave(&mut self) -> Option<PathBuf> {
        let file = self.file.take()?;
        let path = file.path().to_owned();
        interrupt::release(&path, || file.keep()).ok().map(|(_, path)| path)
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(file) = self.file.take() {
            let path = file.path().to_owned();
            interrupt::release(&path, || drop(file));
        }
    }
}
