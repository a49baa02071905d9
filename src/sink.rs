//! Where isolated audio goes: a file that appears whole or not at all, a pipe, or a device.
//!
//! This is the only place that turns "the reader of standard output has left" into a quiet end.

use std::fs::{self, File};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::{Failure, Kind};
use crate::interrupt;
use crate::source::{is_special, unspooled};

/// Where the output goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sink {
    /// A regular file, written beside its target under a temporary name and renamed when complete.
    File {
        /// The file, behind any symbolic link.
        path: PathBuf,
        /// Whether an existing file may be replaced.
        replace: bool,
        /// Whether its folder is made when it is missing.
        make_folder: bool,
    },
    /// A FIFO or a device, written directly.
    Device(PathBuf),
    /// Standard output.
    Stdout,
}

impl Sink {
    /// The sink that a path given by the user means.
    #[must_use]
    pub fn at(path: &Path, replace: bool) -> Self {
        if ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name)) {
            return Self::Stdout;
        }
        if is_special(path) {
            return Self::Device(path.to_owned());
        }
        Self::File { path: behind_links(path), replace, make_folder: false }
    }

    /// The path, unless it is standard output.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } | Self::Device(path) => Some(path),
            Self::Stdout => None,
        }
    }

    /// Opens the sink. A file's target is not touched before [`Output::commit`].
    ///
    /// # Errors
    /// `Output` when nothing can be written there.
    pub fn open(&self) -> Result<Output, Failure> {
        let to = match self {
            Self::File { path, replace, make_folder } => {
                // It may have appeared since the plan was made.
                if !replace && path.exists() {
                    return Err(exists(path));
                }
                if *make_folder {
                    fs::create_dir_all(folder(path)).map_err(|error| Failure::writing(&error))?;
                }
                let temporary = create_beside(path).map_err(|error| Failure::writing(&error))?;
                To::File { file: BufWriter::new(temporary), target: path.clone(), replace: *replace }
            }
            Self::Device(path) => {
                let file = fs::OpenOptions::new()
                    .write(true)
                    .open(path)
                    .map_err(|error| Failure::writing(&error))?;
                To::Stream(BufWriter::new(Box::new(file)))
            }
            Self::Stdout => {
                let file = stdout().map_err(|error| Failure::writing(&error))?;
                if was_closed(&file) {
                    return Err(Failure::output(
                        "it is closed",
                        "redirect it to a file or a pipe, or name the output with -o",
                    ));
                }
                let start = rewritable(&file);
                To::Stdout { file: BufWriter::new(file), start }
            }
        };
        Ok(Output { to: Some(to), written: 0 })
    }
}

/// The path behind symbolic links, so that a link stays and the file it names is replaced.
fn behind_links(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    // As many links in a row as Linux follows.
    for _ in 0..40 {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or(Path::new("")).join(next);
    }
    path
}

/// The folder that a file is in; `.` for a bare name.
#[must_use]
pub fn folder(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn create_beside(target: &Path) -> io::Result<NamedTempFile> {
    let mut name = std::ffi::OsString::from(".");
    name.push(target.file_name().unwrap_or_default());
    // Room for the random part within the 255 bytes that file systems allow.
    let name = if name.len() > 200 { ".voxsift".into() } else { name };
    let mut builder = tempfile::Builder::new();
    builder.prefix(&name).suffix(".part");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // As for any new file: the process's umask takes away from this.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    interrupt::guard(|| builder.tempfile_in(folder(target)), NamedTempFile::path)
}

/// Standard output as a file of its own, without the line buffer of [`io::Stdout`].
fn stdout() -> io::Result<File> {
    #[cfg(unix)]
    let owned = {
        use std::os::fd::AsFd;
        io::stdout().as_fd().try_clone_to_owned()
    };
    #[cfg(windows)]
    let owned = {
        use std::os::windows::io::AsHandle;
        io::stdout().as_handle().try_clone_to_owned()
    };
    owned.map(File::from)
}

/// Whether standard output was closed when the program began (`>&-`). Rust then opens `/dev/null` for it, to
/// be read and written, so that audio would vanish without a word; a shell's `>/dev/null` can only be written.
#[cfg(unix)]
fn was_closed(file: &File) -> bool {
    use std::os::unix::fs::MetadataExt;
    let is_null = || Some(file.metadata().ok()?.rdev() == fs::metadata("/dev/null").ok()?.rdev());
    let flags = rustix::fs::fcntl_getfl(file);
    flags.is_ok_and(|flags| flags & rustix::fs::OFlags::RWMODE == rustix::fs::OFlags::RDWR)
        && is_null() == Some(true)
}

/// Elsewhere nothing is put in its place.
#[cfg(not(unix))]
fn was_closed(_: &File) -> bool {
    false
}

/// Where our output starts in `file`, if that is a file whose header can be completed at the end
/// (`voxsift … > voice.wav`), and not one that is appended to.
#[cfg(unix)]
fn rewritable(mut file: &File) -> Option<u64> {
    let appended = rustix::fs::fcntl_getfl(file).ok()?.contains(rustix::fs::OFlags::APPEND);
    let regular = file.metadata().ok()?.is_file();
    if regular && !appended { file.stream_position().ok() } else { None }
}

/// Elsewhere it is not known whether the file is appended to.
#[cfg(not(unix))]
fn rewritable(_: &File) -> Option<u64> {
    None
}

enum To {
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
    /// An output into a file that nobody else sees.
    #[must_use]
    pub fn to_spool(file: File) -> Self {
        Self { to: Some(To::Spool(BufWriter::new(file))), written: 0 }
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
        let failure = Failure::writing(error);
        match self.to {
            Some(To::Stdout { .. }) if error.kind() == io::ErrorKind::BrokenPipe => {
                Failure { kind: Kind::ReaderLeft, ..failure }
            }
            Some(To::Spool(_)) => unspooled(error),
            _ => failure,
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

/// The path, with a number behind its stem if a file is there already.
#[must_use]
pub fn free_name(path: &Path) -> PathBuf {
    let numbered = |number: u32| {
        let mut name = path.file_stem().unwrap_or_default().to_owned();
        name.push(format!("-{number}"));
        if let Some(extension) = path.extension() {
            name.push(".");
            name.push(extension);
        }
        path.with_file_name(name)
    };
    std::iter::once(path.to_owned())
        .chain((1..10_000).map(numbered))
        .find(|path| path.symlink_metadata().is_err())
        .unwrap_or_else(|| path.to_owned())
}

/// The failure for an output that exists and may not be replaced.
#[must_use]
pub fn exists(target: &Path) -> Failure {
    Failure::usage(
        format!("{} exists already", target.display()),
        "replace it with --force, keep it with --skip-existing, or choose another name with -o",
    )
}

/// Gives the new file the mode of the one it replaces.
fn keep_mode(file: &NamedTempFile, target: &Path) -> io::Result<()> {
    match fs::metadata(target) {
        Ok(meta) => file.as_file().set_permissions(meta.permissions()),
        Err(_) => Ok(()),
    }
}

/// What tells a file from all others, through any links.
#[cfg(unix)]
pub type Identity = (u64, u64);
/// What tells a file from all others, through any links.
#[cfg(not(unix))]
pub type Identity = PathBuf;

/// The identity of the regular file at `path`, if there is one.
#[must_use]
pub fn identity(path: &Path) -> Option<Identity> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).ok().filter(fs::Metadata::is_file).map(|meta| (meta.dev(), meta.ino()))
    }
    #[cfg(not(unix))]
    {
        fs::canonicalize(path).ok().filter(|path| path.is_file())
    }
}
