//! From arguments, environment and terminal to decisions. Every conflict is found here, before any work.

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::audio::decode::Raw;
use crate::audio::encode::Format;
use crate::cli::{Cli, To};
use crate::error::Failure;
use crate::isolate::Task;
use crate::isolate::local::models;
use crate::sink::{self, Sink};
use crate::source::Source;

/// What is around the program, looked at once.
// Each is the answer to one question.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone, Copy)]
pub struct Surroundings {
    /// Standard input is a terminal.
    pub stdin_is_terminal: bool,
    /// Standard output is a terminal.
    pub stdout_is_terminal: bool,
    /// Standard error is a terminal that can do more than print lines.
    pub stderr_is_terminal: bool,
    /// The user wants no colours (`NO_COLOR`).
    pub no_color: bool,
}

impl Surroundings {
    /// Looks.
    #[must_use]
    pub fn look() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            stdin_is_terminal: io::stdin().is_terminal(),
            stdout_is_terminal: io::stdout().is_terminal(),
            stderr_is_terminal: io::stderr().is_terminal() && !dumb,
            no_color: set("NO_COLOR"),
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
#[derive(Debug, Clone)]
pub struct Run {
    /// The recordings.
    pub jobs: Vec<Job>,
    /// Who isolates them.
    pub engine: Engine,
    /// Only say what would be done.
    pub dry_run: bool,
    /// What to print, and how.
    pub messages: Messages,
}

/// The engine and how it is set.
#[derive(Debug, Clone, Copy)]
pub enum Engine {
    /// A network on this machine.
    Local {
        /// Which one.
        model: models::Name,
        /// The most noise to take away, in dB.
        attenuation_limit: Option<f32>,
    },
}

/// One recording and what becomes of it.
#[derive(Debug, Clone)]
pub struct Job {
    /// What the engine is told.
    pub task: Task,
    /// Its output is there already and stays.
    pub skip: bool,
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
    pub progress: Progress,
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
pub enum Progress {
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
/// `Usage` for everything that cannot be meant; `Output` when nothing can be written at the output's place.
pub fn plan(cli: &Cli, around: Surroundings) -> Result<Plan, Failure> {
    let Some(source) = source(cli.input.as_deref(), around) else {
        return Ok(Plan::ShortHelp);
    };
    let raw = cli.raw.then(|| Raw { rate: cli.rate.unwrap_or(16_000), channels: cli.channels.unwrap_or(1) });
    let (sink, format) = output(cli, &source)?;
    let skip = check(cli, around, &source, &sink)?;
    let progress =
        match (cli.progress.decide(around.stderr_is_terminal && !cli.quiet), around.stderr_is_terminal) {
            (false, _) => Progress::Hidden,
            (true, true) => Progress::Bar,
            (true, false) => Progress::Lines,
        };
    Ok(Plan::Run(Run {
        jobs: vec![Job { task: Task { source, raw, sink, format }, skip }],
        engine: Engine::Local { model: cli.model, attenuation_limit: cli.attenuation_limit },
        dry_run: cli.dry_run,
        messages: Messages {
            verbosity: match (cli.quiet, cli.verbose) {
                (true, _) => Verbosity::Quiet,
                (false, true) => Verbosity::Verbose,
                (false, false) => Verbosity::Normal,
            },
            json: cli.json,
            color: color(cli, around),
            progress,
        },
    }))
}

/// Whether messages are coloured.
#[must_use]
pub fn color(cli: &Cli, around: Surroundings) -> bool {
    cli.color.decide(around.stderr_is_terminal && !around.no_color)
}

fn source(input: Option<&Path>, around: Surroundings) -> Option<Source> {
    match input {
        Some(path) if path == Path::new("-") => Some(Source::Stdin),
        Some(path) => Some(Source::File(path.to_owned())),
        None if around.stdin_is_terminal => None,
        None => Some(Source::Stdin),
    }
}

/// Where the output goes, and in which format.
fn output(cli: &Cli, source: &Source) -> Result<(Sink, Format), Failure> {
    let path = match (&cli.output, source) {
        (Some(path), _) => path.clone(),
        (None, Source::Stdin) => PathBuf::from("-"),
        (None, Source::File(input)) => return beside(cli, input),
    };
    let format = match cli.to {
        To::Format(format) => format,
        To::Auto if path == Path::new("-") => Format::Wav,
        To::Auto => format_of(&path)?,
    };
    let sink = if path == Path::new("-") { Sink::Stdout } else { Sink::at(&path, cli.force) };
    Ok((sink, format))
}

/// The output that `--name` puts beside the input.
fn beside(cli: &Cli, input: &Path) -> Result<(Sink, Format), Failure> {
    let name = |format: Format| fill(&cli.name, input, format);
    let format = match cli.to {
        To::Format(format) => format,
        To::Auto if cli.name.contains("{ext}") => Format::Wav,
        To::Auto => format_of(Path::new(&name(Format::Wav)?))?,
    };
    Ok((Sink::at(&input.with_file_name(name(format)?), cli.force), format))
}

/// Fills in a `--name` template.
fn fill(template: &str, input: &Path, format: Format) -> Result<OsString, Failure> {
    let wrong =
        |what: String| Failure::usage(what, "a template is a name with {stem}, {ext} and {source_ext} in it");
    let mut name = OsString::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        name.push(before);
        let (key, later) = after
            .split_once('}')
            .ok_or_else(|| wrong(format!("--name {template}: a brace is not closed")))?;
        match key {
            "stem" => name.push(input.file_stem().unwrap_or_default()),
            "ext" => name.push(format.extension()),
            "source_ext" => name.push(input.extension().unwrap_or_default()),
            _ => return Err(wrong(format!("--name {template}: {{{key}}} is not known"))),
        }
        rest = later;
    }
    name.push(rest);
    if name.is_empty() || Path::new(&name).file_name() != Some(&name) {
        return Err(wrong(format!("--name {template} does not give the name of a file")));
    }
    Ok(name)
}

/// The format that an output's extension asks for.
fn format_of(path: &Path) -> Result<Format, Failure> {
    let Some(extension) = path.extension().and_then(OsStr::to_str) else {
        return Ok(Format::Wav);
    };
    Format::of_extension(extension).ok_or_else(|| {
        let name = path.display();
        let hint = match extension.to_ascii_lowercase().as_str() {
            "mp3" | "m4a" | "aac" | "ogg" | "oga" | "mp4" | "mov" | "mkv" | "webm" | "aiff" | "aif"
            | "caf" | "wma" => {
                format!("let ffmpeg write it: voxsift INPUT -o - | ffmpeg -i - {name}")
            }
            _ => "use .wav or .flac, or say the format with --to".into(),
        };
        Failure::usage(format!("{name}: .{extension} cannot be written"), hint)
    })
}

/// Checks the output against the input and the file system. Returns whether the job is done already.
fn check(cli: &Cli, around: Surroundings, source: &Source, sink: &Sink) -> Result<bool, Failure> {
    if cli.json && *sink == Sink::Stdout {
        return Err(Failure::usage(
            "--json and the audio cannot both go to standard output",
            "write the audio to a file with -o FILE",
        ));
    }
    if *sink == Sink::Stdout && around.stdout_is_terminal && cli.output.is_none() {
        return Err(Failure::usage(
            "audio is not written to a terminal",
            "write it to a file with -o FILE, or pipe it into a player; -o - insists",
        ));
    }
    let Sink::File { path, .. } = sink else {
        return Ok(false);
    };
    // Where the system knows that name, a redirected file is found behind it.
    let input = source.path().unwrap_or(Path::new("/dev/stdin"));
    if sink::same_file(input, path) {
        return Err(Failure::usage(
            format!("{} is the input", path.display()),
            "choose another name with -o; the recording is never overwritten",
        ));
    }
    if path.is_dir() {
        return Err(Failure::output(
            format!("{} is a directory", path.display()),
            "name a file in it with -o",
        ));
    }
    let folder = sink::folder(path);
    if !folder.is_dir() {
        return Err(Failure::output(
            format!("{}: there is no directory {}", path.display(), folder.display()),
            "make it first, for example with mkdir -p",
        ));
    }
    if path.exists() && cli.skip_existing {
        return Ok(true);
    }
    if path.exists() && !cli.force {
        return Err(sink::exists(path));
    }
    Ok(false)
}
