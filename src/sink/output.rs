//! An open sink. What goes to a file is seen when it is complete, and not before.

use std::fs::{self, File};
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use super::{exists, free_name};
use crate::error::Failure;
use crate::interrupt;
use crate::source::unspooled;

/// Where bytes go.
pub(super) enum To {
    File {
        file: BufWriter<NamedTempFile>,
        target: PathBuf,
        replace: bool,
    },
    Stream(BufWriter<Box<dyn Write + Send>>),
    /// A file that nobody else sees.
    Spool(BufWriter<File>),
    /// With the place in the file where our output starts, if it can be rewritten.
    Stdout {
        file: BufWriter<File>,
        start: Option<u64>,
    },
}

/// An open sink. Dropping it without [`commit`](Self::commit) removes the unfinished file.
pub struct Output {
    /// `None` only after `commit`.
    to: Option<To>,
    written: u64,
}

impl Output {
    /// Nothing is written yet.
    pub(super) fn new(to: To) -> Self {
        Self { to: Some(to), written: 0 }
    }

    /// An output into a file that nobody else sees.
    #[must_use]
    pub fn to_spool(file: File) -> Self {
        Self::new(To::Spool(BufWriter::new(file)))
    }

    /// Whether a header can be completed at the end: true for files.
    #[must_use]
    pub fn is_seekable(&self) -> bool {
        matches!(self.to, Some(To::File { .. } | To::Spool(_) | To::Stdout { start: Some(_), .. }))
    }

    /// Whether nothing has been written yet.
    #[must_use]
    pub fn is_untouched(&self) -> bool {
        self.written == 0
    }

    /// Whether something has gone to a reader, and cannot be taken back.
    #[must_use]
    pub fn has_passed_on(&self) -> bool {
        self.written > 0 && !matches!(self.to, Some(To::File { .. }))
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// `Output`, or `ReaderLeft` when it is standard output and its reader has gone.
    pub fn write_all(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let result = match &mut self.to {
            Some(To::File { file, .. }) => file.write_all(bytes),
            Some(To::Stream(file)) => file.write_all(bytes),
            Some(To::Spool(file) | To::Stdout { file, .. }) => file.write_all(bytes),
            None => Ok(()),
        };
        self.written += bytes.len() as u64;
        result.map_err(|error| self.failure(&error))
    }

    /// Writes all that is left to read in a temporary file.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all), and when it cannot be read.
    pub fn copy(&mut self, mut temporary: impl Read) -> Result<(), Failure> {
        let mut block = vec![0; 64 * 1024];
        loop {
            match temporary.read(&mut block) {
                Ok(0) => return Ok(()),
                Ok(read) => self.write_all(&block[..read])?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(unspooled(&error)),
            }
        }
    }

    /// Passes on what is buffered, so that a live reader gets it now. Does nothing for a file, which
    /// nobody reads before it is complete.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all).
    pub fn pass_on(&mut self) -> Result<(), Failure> {
        let result = match &mut self.to {
            Some(To::Stream(file)) => file.flush(),
            Some(To::Stdout { file, .. }) => file.flush(),
            Some(To::File { .. } | To::Spool(_)) | None => Ok(()),
        };
        result.map_err(|error| self.failure(&error))
    }

    /// Overwrites bytes from `offset`, for headers that hold a length. Only on a seekable output.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all).
    pub fn overwrite(&mut self, offset: u64, bytes: &[u8]) -> Result<(), Failure> {
        fn rewrite(file: &mut (impl Write + Seek), offset: u64, bytes: &[u8], end: u64) -> io::Result<()> {
            file.seek(SeekFrom::Start(offset))?;
            file.write_all(bytes)?;
            file.seek(SeekFrom::Start(end)).map(drop)
        }
        let result = match &mut self.to {
            Some(To::File { file, .. }) => rewrite(file, offset, bytes, self.written),
            Some(To::Spool(file)) => rewrite(file, offset, bytes, self.written),
            Some(To::Stdout { file, start: Some(start) }) => {
                rewrite(file, *start + offset, bytes, *start + self.written)
            }
            _ => return Err(Failure::internal("a stream cannot be written twice")),
        };
        result.map_err(|error| self.failure(&error))
    }

    /// Completes the output: everything is on the disk, and a file has its final name and mode.
    /// Returns the number of bytes written.
    ///
    /// # Errors
    /// As [`write_all`](Self::write_all); `Usage` when the file has appeared meanwhile and may not be
    /// replaced.
    pub fn commit(mut self) -> Result<u64, Failure> {
        self.pass_on()?;
        match self.to.take() {
            Some(To::File { file, target, replace }) => {
                let file = file.into_inner().map_err(|error| Failure::writing(error.error()))?;
                put_in_place(file, &target, replace)?;
            }
            Some(To::Spool(mut file)) => file.flush().map_err(|error| unspooled(&error))?,
            Some(To::Stream(_) | To::Stdout { .. }) | None => {}
        }
        Ok(self.written)
    }

    /// Completes a file that is not what was asked for, but worth to be kept, beside the one that was: with this
    /// behind its name. Returns its path; `None` for what is no file, or when it cannot be done.
    #[must_use]
    pub fn keep(mut self, ending: &str) -> Option<PathBuf> {
        let Some(To::File { target, replace, .. }) = &mut self.to else { return None };
        let mut name = target.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        let place = free_name(&target.with_file_name(name));
        target.clone_from(&place);
        *replace = false;
        self.commit().ok().map(|_| place)
    }

    fn failure(&self, error: &io::Error) -> Failure {
        match self.to {
            Some(To::Stdout { .. }) => Failure::printing(error),
            Some(To::Spool(_)) => unspooled(error),
            _ => Failure::writing(error),
        }
    }
}

impl Drop for Output {
    fn drop(&mut self) {
        match self.to.take() {
            Some(To::File { file, .. }) => {
                let (file, _) = file.into_parts();
                let path = file.path().to_owned();
                interrupt::release(&path, || drop(file));
            }
            // What is still buffered for a stream after a failure is dropped, not written: a `BufWriter`
            // would try once more.
            Some(To::Stream(file)) => drop(file.into_parts()),
            Some(To::Stdout { file, .. } | To::Spool(file)) => drop(file.into_parts()),
            None => {}
        }
    }
}

fn put_in_place(file: NamedTempFile, target: &Path, replace: bool) -> Result<(), Failure> {
    let path = file.path().to_owned();
    let result = keep_mode(&file, target).and_then(|()| file.as_file().sync_all());
    if let Err(error) = result {
        interrupt::release(&path, || drop(file));
        return Err(Failure::writing(&error));
    }
    let renamed = interrupt::release(&path, || {
        if replace { file.persist(target).map(drop) } else { file.persist_noclobber(target).map(drop) }
    });
    renamed.map_err(|failed| match failed.error.kind() {
        io::ErrorKind::AlreadyExists => spared(failed.file, target),
        // Finished is finished: it stays under the name that it has.
        _ => match failed.file.keep() {
            Ok((_, place)) => Failure {
                hint: format!("the result is in {}", place.display()),
                saved: true,
                ..Failure::writing(&failed.error)
            },
            Err(_) => Failure::writing(&failed.error),
        },
    })
}

/// Puts a finished file whose name was taken meanwhile under another name: its work is done, and may be paid.
fn spared(file: NamedTempFile, target: &Path) -> Failure {
    let spare = free_name(target);
    match file.persist_noclobber(&spare) {
        Ok(_) => Failure {
            saved: true,
            ..Failure::usage(
                format!("{} has appeared meanwhile", target.display()),
                format!("the result is in {}", spare.display()),
            )
        },
        Err(_) => exists(target),
    }
}

/// Gives the new file the mode of the one it replaces.
fn keep_mode(file: &NamedTempFile, target: &Path) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(meta) => file.as_file().set_permissions(meta.permissions()),
        Err(_) => Ok(()),
    }
}
