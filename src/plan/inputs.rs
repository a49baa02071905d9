//! Which recordings there are: those that are named, those in directories, and those on a list.

use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{Surroundings, is_stdin};
use crate::cli::Cli;
use crate::error::Failure;
use crate::source::Source;

/// The most bytes that a list of files may have: millions of names.
const LONGEST_LIST: u64 = 1 << 30;

/// What the names of recordings end in, where a directory is searched: all that is read here, and what the
/// service reads besides.
const EXTENSIONS: [&str; 37] = [
    "3g2", "3gp", "aac", "aif", "aifc", "aiff", "asf", "avi", "bwf", "caf", "flac", "flv", "m4a", "m4b",
    "m4v", "mka", "mkv", "mov", "mp2", "mp3", "mp4", "mpeg", "mpg", "mpga", "oga", "ogg", "ogv", "opus",
    "qt", "rf64", "w64", "wav", "wave", "weba", "webm", "wma", "wmv",
];

/// A recording.
#[derive(Debug, Clone)]
pub(super) struct Input {
    pub source: Source,
    /// Its folder below the directory that was searched; empty for what was named.
    pub below: PathBuf,
    /// It was named, and did not turn up in a directory.
    pub named: bool,
    /// It belongs to the share that is asked for.
    pub share: bool,
}

/// What there is to do.
#[derive(Debug, Clone)]
pub(super) struct Found {
    pub inputs: Vec<Input>,
    /// Somebody reads standard input: as a recording or as a list.
    pub reads_stdin: bool,
    /// There may be several.
    pub batch: bool,
}

/// Finds all recordings, in the order of the command line and sorted within directories. `None` means that
/// nothing is asked for.
///
/// # Errors
/// `Usage` when standard input is asked for twice; `Input` when a directory or a list cannot be read, or a
/// directory has no recordings.
pub(super) fn collect(cli: &Cli, around: &Surroundings) -> Result<Option<Found>, Failure> {
    let mut names: Vec<PathBuf> = cli.inputs.clone();
    let mut stdin_uses = names.iter().filter(|name| is_stdin(name)).count();
    if let Some(list) = &cli.files_from {
        stdin_uses += usize::from(is_stdin(list));
        if stdin_uses <= 1 {
            names.extend(listed(list, cli.null)?);
        }
    } else if names.is_empty() {
        if around.stdin_is_terminal {
            return Ok(None);
        }
        names.push("-".into());
        stdin_uses = 1;
    }
    if stdin_uses > 1 {
        return Err(Failure::usage(
            "standard input can be read only once",
            "name it once, as the recording or as the list of --files-from",
        ));
    }
    let batch = names.len() != 1 || cli.files_from.is_some() || cli.shard.is_some() || names[0].is_dir();
    let mut inputs = Vec::new();
    let mut seen = std::collections::HashSet::new();
    let mut add = |input: Input| {
        // Named twice, or named and in a directory: once is enough.
        let path =
            input.source.path().map(|path| std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
        if path.is_none_or(|path| seen.insert(path)) {
            inputs.push(input);
        }
    };
    let share = |name: &Path| cli.shard.is_none_or(|shard| shard.has(name.as_os_str().as_encoded_bytes()));
    let reads_stdin = stdin_uses > 0;
    for name in &names {
        if cli.inputs.contains(name) && is_stdin(name) || cli.inputs.is_empty() && cli.files_from.is_none() {
            add(Input { source: Source::Stdin, below: PathBuf::new(), named: true, share: share(name) });
        } else if name.is_dir() {
            for (file, below) in searched(name, cli)? {
                let relative = below.join(file.file_name().unwrap_or_default());
                add(Input { source: Source::File(file), below, named: false, share: share(&relative) });
            }
        } else {
            add(Input {
                source: Source::File(name.clone()),
                below: PathBuf::new(),
                named: true,
                share: share(name),
            });
        }
    }
    Ok(Some(Found { inputs, reads_stdin, batch }))
}

/// The names on a list: one a line, or each ended by a zero byte.
fn listed(list: &Path, null: bool) -> Result<Vec<PathBuf>, Failure> {
    let source = if is_stdin(list) { Source::Stdin } else { Source::File(list.to_owned()) };
    let mut bytes = Vec::new();
    let about = |failure: Failure| Failure {
        message: format!("--files-from {}: {}", list.display(), failure.message),
        ..failure
    };
    let input = source.open().map_err(about)?;
    input.take(LONGEST_LIST).read_to_end(&mut bytes).map_err(|error| about(Failure::reading(&error)))?;
    let end = if null { 0 } else { b'\n' };
    let names = bytes.split(|byte| *byte == end).map(|name| match name {
        // Lists that come from Windows.
        [name @ .., b'\r'] if !null => name,
        name => name,
    });
    Ok(names.filter(|name| !name.is_empty()).map(path).collect())
}

/// A name of any bytes, where the system has such names; else what of it is text.
fn path(bytes: &[u8]) -> PathBuf {
    #[cfg(unix)]
    {
        use std::os::unix::ffi::OsStrExt;
        PathBuf::from(OsStr::from_bytes(bytes))
    }
    #[cfg(not(unix))]
    {
        PathBuf::from(String::from_utf8_lossy(bytes).into_owned())
    }
}

/// The recordings in a directory, each with its folder below it. Hidden files, links to directories and what
/// is no regular file are passed over, and so is the output directory of an earlier run.
fn searched(root: &Path, cli: &Cli) -> Result<Vec<(PathBuf, PathBuf)>, Failure> {
    let output_dir = cli.output_dir.as_deref().and_then(|dir| std::fs::canonicalize(dir).ok());
    let wanted = |entry: &DirEntry| {
        let hidden = entry.depth() > 0 && entry.file_name().as_encoded_bytes().starts_with(b".");
        let written_to = || {
            entry.depth() > 0
                && entry.file_type().is_dir()
                && output_dir.is_some()
                && std::fs::canonicalize(entry.path()).ok() == output_dir
        };
        !hidden && !written_to()
    };
    let depth = if cli.recursive { usize::MAX } else { 1 };
    let walk = WalkDir::new(root).min_depth(1).max_depth(depth).sort_by_file_name().into_iter();
    let mut files = Vec::new();
    for entry in walk.filter_entry(wanted) {
        let entry = entry.map_err(|error| unreadable(root, error))?;
        // A link counts as what it points to, but only when that is a file.
        if is_recording(entry.path()) && entry.path().is_file() {
            let folder = entry.path().parent().unwrap_or(root);
            let below = folder.strip_prefix(root).unwrap_or(Path::new("")).to_owned();
            files.push((entry.into_path(), below));
        }
    }
    if files.is_empty() {
        let hint = if cli.recursive {
            "recordings are found by their extensions, .wav or .mp3 and so on; other files have to be named"
        } else {
            "-r looks into the directories below it as well; files with other extensions have to be named"
        };
        return Err(Failure::input(format!("{}: there are no recordings in it", root.display()), hint));
    }
    Ok(files)
}

fn unreadable(root: &Path, error: walkdir::Error) -> Failure {
    let path = error.path().unwrap_or(root).display().to_string();
    match error.into_io_error() {
        Some(error) => {
            let failure = Failure::reading(&error);
            Failure { message: format!("{path}: {}", failure.message), ..failure }
        }
        None => Failure::input(format!("{path}: it cannot be searched"), "check the directory"),
    }
}

fn is_recording(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}
