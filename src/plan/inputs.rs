//! Which recordings there are: those that are named, those in directories, and those on a list.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::io::Read;
use std::path::{Path, PathBuf};

use walkdir::{DirEntry, WalkDir};

use super::{Surroundings, is_stdin};
use crate::cli::Cli;
use crate::error::Failure;
use crate::shard::Shard;
use crate::sink;
use crate::source::Source;

/// The most bytes that a list of files may have: a million names.
const LONGEST_LIST: u64 = 64 << 20;

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
    /// Directories without recordings, where others have some.
    pub notes: Vec<String>,
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
    let mut stdin_uses = cli.inputs.iter().filter(|name| is_stdin(name)).count();
    stdin_uses += usize::from(cli.files_from.as_deref().is_some_and(is_stdin));
    if stdin_uses > 1 {
        return Err(Failure::usage(
            "standard input can be read only once",
            "name it once, as the recording or as the list of --files-from",
        ));
    }
    let mut inputs = Inputs { shard: cli.shard, ..Inputs::default() };
    for name in &cli.inputs {
        if is_stdin(name) {
            inputs.add(Source::Stdin, name, None);
        } else {
            inputs.add_path(name, cli)?;
        }
    }
    let mut named = cli.inputs.len();
    if let Some(list) = &cli.files_from {
        let listed = listed(list, cli.null)?;
        named += listed.len();
        // On a list, `-` is the name of a file.
        for name in &listed {
            inputs.add_path(name, cli)?;
        }
    } else if cli.inputs.is_empty() {
        if around.stdin_is_terminal {
            return Ok(None);
        }
        stdin_uses = 1;
        named = 1;
        inputs.add(Source::Stdin, Path::new("-"), None);
    }
    if inputs.found.is_empty() && !inputs.empty.is_empty() {
        let hint = if cli.recursive {
            "recordings are found by their extensions, .wav or .mp3 and so on; other files have to be named"
        } else {
            "-r looks into the directories below it as well; files with other extensions have to be named"
        };
        return Err(Failure::input(inputs.empty.join("; "), hint));
    }
    let directory = cli.inputs.iter().any(|name| !is_stdin(name) && name.is_dir());
    let batch = named != 1 || directory || cli.files_from.is_some() || cli.shard.is_some();
    let Inputs { found, empty, .. } = inputs;
    Ok(Some(Found { inputs: found, notes: empty, reads_stdin: stdin_uses > 0, batch }))
}

/// Inputs, each once.
#[derive(Default)]
struct Inputs {
    shard: Option<Shard>,
    found: Vec<Input>,
    /// What is to be said of directories without recordings.
    empty: Vec<String>,
    /// Where in `found` a path is, freed from links.
    places: HashMap<PathBuf, usize>,
}

impl Inputs {
    /// Takes a file, or what is in a directory.
    fn add_path(&mut self, name: &Path, cli: &Cli) -> Result<(), Failure> {
        if name.is_dir() {
            let files = searched(name, cli)?;
            if files.is_empty() {
                self.empty.push(format!("{}: there are no recordings in it", name.display()));
            }
            for (file, below) in files {
                let relative = below.join(file.file_name().unwrap_or_default());
                self.add(Source::File(file), &relative, Some(below));
            }
        } else {
            self.add(Source::File(name.to_owned()), name, None);
        }
        Ok(())
    }

    /// Takes an input. `name` decides its share; `below` is its folder in the directory in which it was found.
    fn add(&mut self, source: Source, name: &Path, below: Option<PathBuf>) {
        let named = below.is_none();
        // Two links to one file are two recordings.
        let path = source.path().map(|path| {
            let folder = std::fs::canonicalize(sink::folder(path));
            folder
                .map_or_else(|_| path.to_owned(), |folder| folder.join(path.file_name().unwrap_or_default()))
        });
        // Named twice, or named and in a directory: once is enough, and a name counts.
        if let Some(at) = path.as_ref().and_then(|path| self.places.get(path)) {
            self.found[*at].named |= named;
            return;
        }
        if let Some(path) = path {
            self.places.insert(path, self.found.len());
        }
        let share = self.shard.is_none_or(|shard| shard.has(name.as_os_str().as_encoded_bytes()));
        self.found.push(Input { source, below: below.unwrap_or_default(), named, share });
    }
}

/// The names on a list: one a line, or each ended by a zero byte.
fn listed(list: &Path, null: bool) -> Result<Vec<PathBuf>, Failure> {
    let source = if is_stdin(list) { Source::Stdin } else { Source::File(list.to_owned()) };
    let mut bytes = Vec::new();
    let about = |failure: Failure| failure.about(format!("--files-from {}", list.display()));
    let input = source.open().map_err(about)?;
    input.take(LONGEST_LIST + 1).read_to_end(&mut bytes).map_err(|error| about(Failure::reading(&error)))?;
    if bytes.len() as u64 > LONGEST_LIST {
        return Err(Failure::usage(
            format!("--files-from {}: it is longer than any list of names", list.display()),
            "split it, or name a directory with -r",
        ));
    }
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
    Ok(files)
}

fn unreadable(root: &Path, error: walkdir::Error) -> Failure {
    let path = error.path().unwrap_or(root).display().to_string();
    match error.into_io_error() {
        Some(error) => Failure::reading(&error).about(path),
        None => Failure::input(format!("{path}: it cannot be searched"), "check the directory"),
    }
}

fn is_recording(path: &Path) -> bool {
    let extension = path.extension().and_then(OsStr::to_str).map(str::to_ascii_lowercase);
    extension.is_some_and(|extension| EXTENSIONS.contains(&extension.as_str()))
}
