//! What cannot go well, found before any work: outputs that meet each other, an input, or what is there.

use std::collections::{HashMap, HashSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::{Job, Surroundings};
use crate::cli::Cli;
use crate::error::{Failure, Kind};
use crate::isolate::Task;
use crate::sink::{self, Sink};

/// A task, whether its input was named, and whether it belongs to the share that is asked for.
type Planned = (Task, bool, bool);

/// How many of the same kind are named before the rest is only counted.
const SHOWN: usize = 10;

/// Leaves out what earlier runs have written into the directories that are searched: `*.isolated.*`, and, where
/// `skip_existing` says that there was an earlier run, what is the output of another input now. Without it such a file
/// may well be a recording, and is a conflict. Says in `details` which are left out, and returns how many of them might
/// be recordings after all.
pub(super) fn without_outputs(
    tasks: Vec<Planned>,
    skip_existing: bool,
    details: &mut Vec<String>,
) -> (Vec<Planned>, usize) {
    let mut folders = Folders::default();
    let mut outputs = HashSet::new();
    // What would be written over itself is no output of an earlier run.
    let mut own = HashSet::new();
    for (task, ..) in &tasks {
        if let (Some(from), Some(to)) = (task.source.path(), task.sink.path()) {
            let (from, to) = (folders.full(from), folders.full(to));
            if from == to {
                own.insert(from);
            } else if skip_existing {
                outputs.insert(to);
            }
        }
    }
    let is_isolated = |path: &Path| {
        let stem = path.file_stem().unwrap_or_default();
        Path::new(stem).extension().is_some_and(|extension| extension == "isolated")
    };
    let mut is_output = |path: &Path| {
        let full = folders.full(path);
        outputs.contains(&full) && !own.contains(&full)
    };
    let (mut kept, mut left_out) = (Vec::new(), 0);
    for task in tasks {
        match task.0.source.path() {
            Some(path) if !task.1 && (is_isolated(path) || is_output(path)) => {
                // The name of the others says what they are.
                left_out += usize::from(!is_isolated(path));
                details.push(format!("{}: passed over: an output of an earlier run", path.display()));
            }
            _ => kept.push(task),
        }
    }
    (kept, left_out)
}

/// Checks all tasks and makes jobs of those that belong to the share.
///
/// # Errors
/// All that is wrong, together.
pub(super) fn check(cli: &Cli, around: &Surroundings, tasks: Vec<Planned>) -> Result<Vec<Job>, Failure> {
    let mut found = Conflicts::default();
    let mut targets: HashMap<PathBuf, usize> = HashMap::new();
    let mut folders = Folders::default();
    let inputs: HashSet<_> = tasks.iter().filter_map(|(task, ..)| sink::identity(input(task))).collect();
    for (at, (task, ..)) in tasks.iter().enumerate() {
        if let Sink::File { path, .. } = &task.sink
            && let Some(first) = targets.insert(folders.full(path), at)
        {
            let (one, other) = (input(&tasks[first].0), input(task));
            let hint = if one.file_name() == other.file_name() {
                "name a directory above both with -r: then -d keeps the tree below it"
            } else {
                "keep the outputs apart, for example with --name '{stem}.{source_ext}.isolated.{ext}'"
            };
            let path = path.display();
            found.add(Failure::usage(
                format!("{} and {} would both be written to {path}", one.display(), other.display()),
                hint,
            ));
        }
    }
    let mut jobs = Vec::new();
    for (task, _, share) in tasks {
        match conflict(cli, around, &task, &inputs) {
            Err(failure) if share => found.add(failure),
            Ok(skip) if share => jobs.push(Job { task, skip, picture: None }),
            _ => {}
        }
    }
    found.none()?;
    Ok(jobs)
}

fn input(task: &Task) -> &Path {
    // Where the system knows this name, a redirected file is found behind it.
    task.source.path().unwrap_or(Path::new("/dev/stdin"))
}

/// Full names of files that may not be there yet. Each folder is looked up once.
#[derive(Default)]
pub(super) struct Folders {
    full: HashMap<PathBuf, PathBuf>,
}

impl Folders {
    pub(super) fn full(&mut self, path: &Path) -> PathBuf {
        let folder = sink::folder(path);
        if !self.full.contains_key(folder) {
            self.full.insert(folder.to_owned(), existing_part(folder));
        }
        self.full[folder].join(path.file_name().unwrap_or_default())
    }
}

/// A path with the part of it that exists freed from links.
fn existing_part(path: &Path) -> PathBuf {
    match (std::fs::canonicalize(path), path.parent(), path.file_name()) {
        (Ok(full), ..) => full,
        (Err(_), Some(parent), Some(name)) => {
            let parent = if parent.as_os_str().is_empty() { Path::new(".") } else { parent };
            existing_part(parent).join(name)
        }
        _ => path.to_owned(),
    }
}

/// Makes sure that a file can be written at this place; `elsewhere` is what to do where it cannot. `makes_folders` says
/// that directories are made where they are missing.
///
/// # Errors
/// `Output`, also for a name that is too long, which is so in any directory.
pub(super) fn room(path: &Path, makes_folders: bool, elsewhere: &str) -> Result<(), Failure> {
    let here = |folder| if folder == Path::new("") { Path::new(".") } else { folder };
    let folder = sink::folder(path);
    let there = folder.ancestors().map(here).find(|folder| folder.exists());
    let name = path.file_name().unwrap_or_default();
    // Only what is not there can be made.
    if let Some(error) = there.and_then(|there| there.join(name).symlink_metadata().err())
        && !matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory)
    {
        return Err(Failure::writing(&error).about(path.display()));
    }
    // A name that ends in a slash can only be a directory's.
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Failure::output(format!("{} is a directory", path.display()), elsewhere));
    }
    if !makes_folders && !folder.is_dir() {
        return Err(Failure::output(
            format!("{}: there is no directory {}", path.display(), folder.display()),
            "make it first, for example with mkdir -p",
        ));
    }
    match there.filter(|there| !there.is_dir()) {
        Some(file) => Err(Failure::output(format!("{} is no directory", file.display()), elsewhere)),
        None => Ok(()),
    }
}

/// What is wrong with one task. Returns whether it is done already.
fn conflict(
    cli: &Cli,
    around: &Surroundings,
    task: &Task,
    inputs: &HashSet<sink::Identity>,
) -> Result<bool, Failure> {
    if cli.json && task.sink == Sink::Stdout {
        return Err(Failure::usage(
            "--json and the audio cannot both go to standard output",
            "write the audio to a file with -o FILE",
        ));
    }
    if task.sink == Sink::Stdout && around.stdout_is_terminal && cli.output.is_none() {
        return Err(Failure::usage(
            "audio is not written to a terminal",
            "write it to a file with -o FILE, or pipe it into a player; -o - insists",
        ));
    }
    let output = task.sink.path().unwrap_or(Path::new("/dev/stdout"));
    if sink::identity(output).is_some_and(|identity| inputs.contains(&identity)) {
        let (is, hint) = if sink::identity(input(task)) == sink::identity(output) {
            ("is the input", "choose another name with -o; the recording is never overwritten")
        } else {
            ("is another input", "choose other names with -d or --name; a recording is never overwritten")
        };
        return Err(Failure::usage(format!("{} {is}", output.display()), hint));
    }
    let Sink::File { path, make_folder, .. } = &task.sink else {
        return Ok(false);
    };
    room(path, *make_folder, "choose another place with -o or -d")?;
    if path.exists() && cli.skip_existing {
        return Ok(true);
    }
    if path.exists() && !cli.force {
        return Err(sink::exists(path));
    }
    Ok(false)
}

/// Conflicts, to be told together.
#[derive(Default)]
pub(super) struct Conflicts {
    first: Option<Kind>,
    /// By their hints, in the order in which they were found.
    groups: Vec<(String, Vec<String>)>,
}

impl Conflicts {
    pub(super) fn add(&mut self, failure: Failure) {
        self.first.get_or_insert(failure.kind);
        match self.groups.iter_mut().find(|(hint, _)| *hint == failure.hint) {
            Some((_, messages)) => messages.push(failure.message),
            None => self.groups.push((failure.hint, vec![failure.message])),
        }
    }

    /// Tells all of them, if there are any.
    pub(super) fn none(self) -> Result<(), Failure> {
        let Some(kind) = self.first else { return Ok(()) };
        let mut texts = Vec::new();
        for (_, messages) in &self.groups {
            texts.extend(messages.iter().take(SHOWN).cloned());
            if messages.len() > SHOWN {
                texts.push(format!("and {} more like these", messages.len() - SHOWN));
            }
        }
        let hints: Vec<_> = self.groups.into_iter().map(|(hint, _)| hint).collect();
        Err(Failure::new(kind, texts.join("; "), hints.join("; ")))
    }
}
