//! From arguments, environment and terminal to decisions. Every conflict is found here, before any work.

mod conflicts;
mod engine;
mod inputs;
mod outputs;
mod pictures;

use std::io::{self, IsTerminal};
use std::path::Path;

use crate::audio::decode::Raw;
use crate::cli::{Cli, To};
use crate::error::Failure;
use crate::isolate::Task;
use crate::isolate::elevenlabs::key::{self, Key};
use crate::isolate::elevenlabs::place::{self, Proxies};
use crate::sink::Sink;
pub use engine::Engine;
use pictures::Pictures;

/// What is around the program, looked at once.
// Each is the answer to one question.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone)]
pub struct Surroundings {
    /// Standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Standard error is a terminal that can do more than print lines.
    pub stderr_is_terminal: bool,
    /// The user wants no colours (`NO_COLOR`).
    pub no_color: bool,
    /// The engine that the environment asks for (`VOXSIFT_ENGINE`).
    pub engine: Option<String>,
    /// The API key in the environment, or why what is there is none.
    pub api_key: Option<Result<Key, Failure>>,
    /// The base URL in the environment.
    pub base_url: Option<String>,
    /// The proxies in the environment.
    pub proxies: Proxies,
}

impl Surroundings {
    /// Looks.
    #[must_use]
    pub fn look() -> Self {
        // As NO_COLOR defines it, an empty variable is none.
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let text = |name| variable(name).map(|value| value.to_string_lossy().into_owned());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal() && !dumb,
            no_color: variable("NO_COLOR").is_some(),
            engine: text("VOXSIFT_ENGINE"),
            api_key: Key::of_variable(variable(key::VARIABLE).as_deref()),
            base_url: text(place::VARIABLE),
            proxies: Proxies::look(),
        }
    }
}

/// What to do.
#[derive(Debug, Clone)]
pub enum Plan {
    /// There is nothing to read: explain the program.
    ShortHelp,
    /// Isolate.
    Run(Run),
}

/// A run of the program.
// Each bool is a switch of the command line.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone)]
pub struct Run {
    /// The recordings.
    pub jobs: Vec<Job>,
    /// Who isolates them.
    pub engine: Engine,
    /// How many are worked on at once.
    pub workers: usize,
    /// How many cores or requests at once the engine may use, however few the recordings are.
    pub at_once: usize,
    /// Begin nothing new after a failure.
    pub fail_fast: bool,
    /// Leave out what is there already, also when it has appeared meanwhile.
    pub skip_existing: bool,
    /// The most minutes that may be billed.
    pub most_minutes: Option<f64>,
    /// Only say what would be done.
    pub dry_run: bool,
    /// There may be several recordings, so that all of them are summed up in the end.
    pub batch: bool,
    /// The page about all recordings.
    pub page: Option<Sink>,
    /// What to print, and how.
    pub messages: Messages,
    /// What the user should know before the work begins, and what only who wants to hear more.
    pub notes: Vec<String>,
    /// See `notes`.
    pub details: Vec<String>,
}

/// One recording and what becomes of it.
#[derive(Debug, Clone)]
pub struct Job {
    /// What the engine is told.
    pub task: Task,
    /// Its output is there already and stays.
    pub skip: bool,
    /// Where its spectrograms go.
    pub picture: Option<Sink>,
}

/// What to print, and how.
#[derive(Debug, Clone, Copy)]
pub struct Messages {
    /// How much.
    pub verbosity: Verbosity,
    /// One JSON object per input on standard output.
    pub json: bool,
    /// Colours on standard error.
    pub color: bool,
    /// How progress is shown.
    pub progress: ProgressMode,
}

/// How much is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verbosity {
    /// Errors only.
    Quiet,
    /// A line per recording, and warnings.
    Normal,
    /// What was found in the recording as well.
    Verbose,
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProgressMode {
    /// Not at all.
    Hidden,
    /// As a bar on a terminal.
    Bar,
    /// As lines, where there is no terminal.
    Lines,
}

/// Decides.
///
/// # Errors
/// `Usage` for everything that cannot be meant; `Output` when nothing can be written at an output's place;
/// `Input` when there is nothing in the directories that are searched.
pub fn plan(cli: &Cli, around: &Surroundings) -> Result<Plan, Failure> {
    let Some(found) = inputs::collect(cli, around)? else {
        return Ok(Plan::ShortHelp);
    };
    let raw = cli.raw.then(|| Raw { rate: cli.rate.unwrap_or(16_000), channels: cli.channels.unwrap_or(1) });
    let engine = engine::engine(cli, raw, around, found.reads_stdin)?;
    let batch = found.batch;
    let pictures = Pictures::new(cli, &found.inputs, batch)?;
    let mut details = Vec::new();
    let tasks = found.inputs.into_iter().map(|input| {
        let (sink, format) = outputs::output(cli, &input, batch, raw, &engine)?;
        let share = input.share;
        let any_format = sink == Sink::Stdout && cli.to == To::Auto;
        Ok((Task { source: input.source, raw, sink, format, any_format }, input.named, share))
    });
    let tasks = tasks.collect::<Result<Vec<_>, Failure>>()?;
    let (tasks, left_out) = conflicts::without_outputs(tasks, cli.skip_existing, &mut details);
    let all = tasks.len();
    pictures.check(&engine, tasks.iter().map(|(task, _, share)| (task, *share)))?;
    let mut jobs = conflicts::check(cli, around, tasks)?;
    pictures.assign(&mut jobs);
    let mut notes = found.notes;
    if left_out > 0 {
        notes.push(format!("{left_out} files are passed over as outputs of an earlier run (-v names them)"));
    }
    if let Some(shard) = cli.shard {
        notes.push(format!("share {shard} has {} of {all} recordings", jobs.len()));
    }
    let at_once = cli.jobs.unwrap_or_else(|| engine.own_workers());
    // A plan is quickly made, and is read from top to bottom.
    let workers = if cli.dry_run { 1 } else { at_once.min(jobs.len()).max(1) };
    Ok(Plan::Run(Run {
        jobs,
        engine,
        workers,
        at_once,
        fail_fast: cli.fail_fast,
        skip_existing: cli.skip_existing,
        most_minutes: cli.max_minutes,
        dry_run: cli.dry_run,
        batch,
        page: pictures.page,
        messages: messages(cli, around),
        notes,
        details,
    }))
}

/// What to print, and how.
#[must_use]
pub fn messages(cli: &Cli, around: &Surroundings) -> Messages {
    let terminal = around.stderr_is_terminal;
    let progress = match (cli.progress.decide(terminal && !cli.quiet), terminal) {
        (false, _) => ProgressMode::Hidden,
        (true, true) => ProgressMode::Bar,
        (true, false) => ProgressMode::Lines,
    };
    let verbosity = match (cli.quiet, cli.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    // Where the audio goes to standard output, nothing else does, not even a failure.
    let json = cli.json && !outputs::one_to_stdout(cli);
    Messages { verbosity, json, color: cli.color.decide(terminal && !around.no_color), progress }
}

/// Whether this is what standard input is called: by us, or by systems.
fn is_stdin(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| path == Path::new(name))
}
