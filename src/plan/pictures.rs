//! Where pictures go, and the page about all of them, which the command line calls report. What is shown is read again
//! from source and output, so both have to be files.

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use super::conflicts::{self, Conflicts, Folders};
use super::inputs::Input;
use super::{Engine, Job};
use crate::audio::encode::Format;
use crate::cli::Cli;
use crate::error::Failure;
use crate::isolate::Task;
use crate::page;
use crate::sink::{self, Sink};

/// What is asked for.
pub(super) struct Pictures<'a> {
    cli: &'a Cli,
    place: Option<Place<'a>>,
    /// Where in the tree each input was found.
    below: HashMap<PathBuf, PathBuf>,
    /// The page about all.
    pub page: Option<Sink>,
}

/// Where pictures go.
enum Place<'a> {
    /// There is one, and this is its name.
    File(&'a Path),
    /// Each is named after the output.
    Folder(&'a Path),
}

impl<'a> Pictures<'a> {
    /// What `cli` asks for; `batch` says whether there may be several recordings.
    ///
    /// # Errors
    /// `Usage` for a name that is no picture's, `Output` for a place where no report can be.
    pub(super) fn new(cli: &'a Cli, inputs: &[Input], batch: bool) -> Result<Self, Failure> {
        let place = cli.spectrogram.as_deref().map(|path| place(path, batch)).transpose()?;
        let page = cli.report.as_deref().map(|path| page_at(cli, path)).transpose()?;
        let asked = place.is_some();
        let places = inputs.iter().filter(|_| asked);
        let below = places.filter_map(|input| Some((input.source.path()?.to_owned(), input.below.clone())));
        Ok(Self { cli, place, below: below.collect(), page })
    }

    /// Checks what is asked for against all tasks, each with whether it belongs to the share that is asked for.
    ///
    /// # Errors
    /// All that is wrong, together.
    pub(super) fn check<'t>(
        &self,
        engine: &Engine,
        tasks: impl Iterator<Item = (&'t Task, bool)> + Clone,
    ) -> Result<(), Failure> {
        if self.place.is_none() && self.page.is_none() {
            return Ok(());
        }
        let mut found = Conflicts::default();
        let mut folders = Folders::default();
        let inputs: HashSet<_> =
            tasks.clone().filter_map(|(task, _)| sink::identity(task.source.path()?)).collect();
        // What is written, and for whom.
        let mut taken: HashMap<PathBuf, PathBuf> = HashMap::new();
        for (task, _) in tasks.clone() {
            if let Some(path) = task.sink.path() {
                taken.insert(folders.full(path), path.to_owned());
            }
        }
        let page = self.page.as_ref().and_then(Sink::path);
        let drawn =
            tasks.clone().filter_map(|(task, share)| Some((self.sink(task)?.path()?.to_owned(), share)));
        for (path, share) in page.map(|path| (path.to_owned(), true)).into_iter().chain(drawn) {
            if sink::identity(&path).is_some_and(|identity| inputs.contains(&identity)) {
                found.add(Failure::usage(
                    format!("{} is an input", path.display()),
                    "choose another name; a recording is never overwritten",
                ));
            } else if taken.insert(folders.full(&path), path.clone()).is_some() {
                found.add(Failure::usage(
                    format!("{} would be written twice", path.display()),
                    "keep the outputs apart, for example with -d: pictures are named after them",
                ));
            } else if share && let Err(failure) = self.room(&path, Some(path.as_path()) == page) {
                found.add(failure);
            }
        }
        for (task, _) in tasks.filter(|(_, share)| *share) {
            if let Err(failure) = twice(engine, task) {
                found.add(failure);
            }
        }
        found.none()
    }

    /// Gives each job its picture.
    pub(super) fn assign(&self, jobs: &mut [Job]) {
        for job in jobs {
            job.picture = self.sink(&job.task);
        }
    }

    /// Where the picture of a task goes.
    fn sink(&self, task: &Task) -> Option<Sink> {
        let replace = self.cli.force;
        match self.place.as_ref()? {
            Place::File(path) => Some(Sink::at(path, replace)),
            Place::Folder(folder) => {
                let below = task.source.path().and_then(|path| self.below.get(path));
                let name = Path::new(task.sink.path()?.file_name()?).with_extension("png");
                let path = folder.join(below.map_or(Path::new(""), PathBuf::as_path)).join(name);
                Some(Sink::File { path, replace, make_folder: true })
            }
        }
    }

    /// Whether a file can be made here.
    fn room(&self, path: &Path, is_the_page: bool) -> Result<(), Failure> {
        let makes_folders = !is_the_page && matches!(self.place, Some(Place::Folder(_)));
        conflicts::room(path, makes_folders, "name a file, or another place")?;
        let stays = if is_the_page { is_page(path) } else { true };
        if path.exists() && !self.cli.force && !(self.cli.skip_existing && stays) {
            return Err(Failure::usage(
                format!("{} exists already", path.display()),
                "replace it with --force, or choose another name",
            ));
        }
        Ok(())
    }
}

/// A path for several is a folder; for one it is a picture's, unless it is a folder's by what is there or by its slash.
fn place(path: &Path, batch: bool) -> Result<Place<'_>, Failure> {
    let is_picture =
        path.extension().and_then(OsStr::to_str).is_some_and(|it| it.eq_ignore_ascii_case("png"));
    let is_folder = path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/");
    if is_folder || (batch && !is_picture) {
        return Ok(Place::Folder(path));
    }
    if batch {
        return Err(Failure::usage(
            format!("{} cannot take the spectrograms of several recordings", path.display()),
            "name a directory: --spectrogram DIR",
        ));
    }
    if !is_picture {
        return Err(Failure::usage(
            format!("{}: a spectrogram is written as PNG", path.display()),
            "name it .png, or put a slash behind the name of a directory",
        ));
    }
    if !matches!(Sink::at(path, false), Sink::File { .. }) {
        return Err(Failure::usage(format!("{} is no regular file", path.display()), "name a file"));
    }
    Ok(Place::File(path))
}

/// Where the report goes. With `--skip-existing`, which goes on with an earlier run, its report is replaced.
fn page_at(cli: &Cli, path: &Path) -> Result<Sink, Failure> {
    let again = cli.skip_existing && is_page(path);
    match Sink::at(path, cli.force || again) {
        sink @ Sink::File { .. } => Ok(sink),
        Sink::Device(_) | Sink::Stdout => Err(Failure::usage(
            format!("--report {}: the report is a file", path.display()),
            "name it, for example --report report.html",
        )),
    }
}

/// Whether this is a report of an earlier run.
fn is_page(path: &Path) -> bool {
    let mut head = vec![0; page::MARK.len()];
    File::open(path).and_then(|mut file| file.read_exact(&mut head)).is_ok() && head == page::MARK.as_bytes()
}

/// Whether source and output can be read when the work is done.
fn twice(engine: &Engine, task: &Task) -> Result<(), Failure> {
    if task.source.is_pipe() {
        return Err(Failure::usage(
            "what comes through a pipe cannot be read again for a spectrogram or a report",
            "save it to a file first, for example with tee take.wav, and name that file",
        ));
    }
    if !matches!(task.sink, Sink::File { .. }) {
        return Err(Failure::usage(
            "what goes into a pipe or a device cannot be read again for a spectrogram or a report",
            "write it to a file with -o FILE",
        ));
    }
    if task.format == Format::Pcm && matches!(engine, Engine::ElevenLabs(_)) {
        return Err(Failure::usage(
            "samples without a header do not tell the service's sample rate to a spectrogram or a report",
            "write WAV: -t wav",
        ));
    }
    Ok(())
}
