//! From arguments, environment and terminal to decisions. Every conflict is found here, before any work.

mod engine;

use std::ffi::{OsStr, OsString};
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use crate::audio::decode::Raw;
use crate::audio::encode::Format;
use crate::cli::{Cli, To};
use crate::error::Failure;
use crate::isolate::Task;
use crate::isolate::elevenlabs::key::{self, Key};
use crate::isolate::elevenlabs::place::{self, Proxies};
use crate::sink::{self, Sink};
use crate::source::{Source, is_special};
use crate::text::shell_quoted;
pub use engine::Engine;

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
pub fn plan(cli: &Cli, around: &Surroundings) -> Result<Plan, Failure> {
    let Some(source) = source(cli.input.as_deref(), around) else {
        return Ok(Plan::ShortHelp);
    };
    let raw = cli.raw.then(|| Raw { rate: cli.rate.unwrap_or(16_000), channels: cli.channels.unwrap_or(1) });
    let engine = engine::engine(cli, around, &source)?;
    let (sink, format) = output(cli, &source, &engine)?;
    let skip = check(cli, around, &source, &sink)?;
    Ok(Plan::Run(Run {
        jobs: vec![Job { task: Task { source, raw, sink, format }, skip }],
        engine,
        dry_run: cli.dry_run,
        messages: messages(cli, around),
    }))
}

/// What to print, and how.
#[must_use]
pub fn messages(cli: &Cli, around: &Surroundings) -> Messages {
    let terminal = around.stderr_is_terminal;
    let progress = match (cli.progress.decide(terminal && !cli.quiet), terminal) {
        (false, _) => Progress::Hidden,
        (true, true) => Progress::Bar,
        (true, false) => Progress::Lines,
    };
    let verbosity = match (cli.quiet, cli.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    // Where the audio goes to standard output, nothing else does, not even a failure.
    let json = cli.json && !writes_to_stdout(cli);
    Messages { verbosity, json, color: cli.color.decide(terminal && !around.no_color), progress }
}

/// Whether the audio is meant for standard output.
fn writes_to_stdout(cli: &Cli) -> bool {
    let is_stdout = |path: &Path| path == Path::new("-") || Sink::at(path, false) == Sink::Stdout;
    cli.output.as_deref().map_or_else(|| cli.input.as_deref().is_none_or(is_stdin), is_stdout)
}

/// Whether this is what standard input is called: by us, or by systems.
fn is_stdin(path: &Path) -> bool {
    ["-", "/dev/stdin", "/dev/fd/0", "/proc/self/fd/0"].iter().any(|name| path == Path::new(name))
}

fn source(input: Option<&Path>, around: &Surroundings) -> Option<Source> {
    match input {
        Some(path) if is_stdin(path) => Some(Source::Stdin),
        Some(path) => Some(Source::File(path.to_owned())),
        None if around.stdin_is_terminal => None,
        None => Some(Source::Stdin),
    }
}

/// Where the output goes, and in which format.
fn output(cli: &Cli, source: &Source, engine: &Engine) -> Result<(Sink, Format), Failure> {
    let (path, format) = match (&cli.output, source) {
        (Some(path), _) => (path.clone(), None),
        (None, Source::Stdin) => (PathBuf::from("-"), None),
        (None, Source::File(input)) => {
            let (path, format) = beside(cli, input, engine)?;
            (path, Some(format))
        }
    };
    let format = match (cli.to, format) {
        (_, Some(format)) | (To::Format(format), None) => format,
        (To::Auto, None) if path == Path::new("-") => engine.own_format(),
        (To::Auto, None) => format_of(&path, source, engine)?,
    };
    let sink = if path == Path::new("-") { Sink::Stdout } else { Sink::at(&path, cli.force) };
    if format == Format::Mp3 {
        passed_on(&sink, source, engine)?;
    }
    Ok((sink, format))
}

/// Checks an output that is MP3, which is only passed on from the service, and only under its own name.
fn passed_on(sink: &Sink, source: &Source, engine: &Engine) -> Result<(), Failure> {
    let path = sink.path().unwrap_or(Path::new("-"));
    let extension = path.extension().filter(|_| matches!(sink, Sink::File { .. }));
    let other = extension.and_then(OsStr::to_str).is_some_and(|extension| {
        let written = Format::of_extension(extension);
        written.is_some_and(|format| format != Format::Mp3) || is_other(extension)
    });
    if let Engine::Local { .. } = engine {
        let path = if other { path.with_extension("mp3") } else { path.to_owned() };
        return Err(unwritable(&path, ".mp3", source));
    }
    if other {
        return Err(Failure::usage(
            format!("{}: MP3 is not written under another extension", path.display()),
            "name the output .mp3, or leave out --to: then the extension decides",
        ));
    }
    Ok(())
}

/// The failure for a format that is not written here.
fn unwritable(path: &Path, format: &str, source: &Source) -> Failure {
    let input = source.path().map_or_else(|| "-".into(), shell_quoted);
    Failure::usage(
        format!("{}: {format} cannot be written", path.display()),
        format!("let ffmpeg write it: voxsift {input} -o - -t wav | ffmpeg -i - {}", shell_quoted(path)),
    )
}

/// The output that `--name` puts beside the input.
fn beside(cli: &Cli, input: &Path, engine: &Engine) -> Result<(PathBuf, Format), Failure> {
    if is_special(input) {
        return Err(Failure::usage(
            format!("{} is no regular file, so that nothing can be put beside it", input.display()),
            "name the output with -o",
        ));
    }
    let name = |format: Format| fill(&cli.name, input, format);
    let own = engine.own_format();
    let format = match cli.to {
        To::Format(format) => format,
        To::Auto if cli.name.contains("{ext}") => own,
        To::Auto => format_of(Path::new(&name(own)?), &Source::File(input.to_owned()), engine)?,
    };
    Ok((input.with_file_name(name(format)?), format))
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

/// Whether an extension stands for what is not written here, but by ffmpeg.
fn is_other(extension: &str) -> bool {
    const OTHERS: [&str; 12] =
        ["m4a", "aac", "ogg", "oga", "mp4", "mov", "mkv", "webm", "aiff", "aif", "caf", "wma"];
    OTHERS.contains(&extension.to_ascii_lowercase().as_str())
}

/// The format that an output's extension asks for.
fn format_of(path: &Path, source: &Source, engine: &Engine) -> Result<Format, Failure> {
    let Some(extension) = path.extension().and_then(OsStr::to_str) else {
        return Ok(engine.own_format());
    };
    Format::of_extension(extension).ok_or_else(|| {
        if is_other(extension) {
            unwritable(path, &format!(".{extension}"), source)
        } else {
            Failure::usage(
                format!("{}: .{extension} cannot be written", path.display()),
                "use .wav, .flac or .opus, or say the format with --to",
            )
        }
    })
}

/// Checks the output against the input and the file system. Returns whether the job is done already.
fn check(cli: &Cli, around: &Surroundings, source: &Source, sink: &Sink) -> Result<bool, Failure> {
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
    // Where the system knows these names, a redirected file is found behind them.
    let input = source.path().unwrap_or(Path::new("/dev/stdin"));
    let output = sink.path().unwrap_or(Path::new("/dev/stdout"));
    if sink::same_file(input, output) {
        return Err(Failure::usage(
            format!("{} is the input", output.display()),
            "choose another name with -o; the recording is never overwritten",
        ));
    }
    let Sink::File { path, .. } = sink else {
        return Ok(false);
    };
    // A name that ends in a slash can only be a directory's.
    if path.is_dir() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
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
