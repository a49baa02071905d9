//! Where isolated audio goes: a file that appears whole or not at all, a pipe, or a device.

mod output;

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::error::Failure;
use crate::interrupt;
use crate::source::is_special;
pub use output::Output;
use output::To;

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
        if ["-", "/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"].iter().any(|name| path == Path::new(name)) {
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
        Ok(Output::new(to))
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
    use std::io::Seek;
    let appended = rustix::fs::fcntl_getfl(file).ok()?.contains(rustix::fs::OFlags::APPEND);
    let regular = file.metadata().ok()?.is_file();
    if regular && !appended { file.stream_position().ok() } else { None }
}

/// Elsewhere it is not known whether the file is appended to.
#[cfg(not(unix))]
fn rewritable(_: &File) -> Option<u64> {
    None
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
