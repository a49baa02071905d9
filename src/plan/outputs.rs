//! Where each output goes, and in which format.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::ValueEnum;

use super::inputs::Input;
use super::{Engine, is_stdin};
use crate::audio::decode::Raw;
use crate::audio::encode::Format;
use crate::cli::{Cli, To};
use crate::error::Failure;
use crate::sink::Sink;
use crate::source::{Source, is_special};
use crate::text::shell_quoted;

/// The names of outputs, beside the input and in a directory of their own.
const BESIDE: &str = "{stem}.isolated.{ext}";
const ELSEWHERE: &str = "{stem}.{ext}";

/// Whether the audio of a single input is meant for standard output.
pub(super) fn one_to_stdout(cli: &Cli) -> bool {
    let is_stdout = |path: &Path| Sink::at(path, false) == Sink::Stdout;
    match (&cli.output, &cli.output_dir) {
        (Some(output), _) => is_stdout(output),
        (None, Some(_)) => false,
        (None, None) => cli.files_from.is_none() && cli.inputs.iter().all(|input| is_stdin(input)),
    }
}

/// Where the output of an input goes, and in which format.
///
/// # Errors
/// `Usage` for names and formats that cannot be.
pub(super) fn output(
    cli: &Cli,
    input: &Input,
    batch: bool,
    raw: Option<Raw>,
    engine: &Engine,
) -> Result<(Sink, Format), Failure> {
    if batch && let Some(output) = &cli.output {
        return Err(Failure::usage(
            format!("{} cannot take the output of several recordings", output.display()),
            "use -d DIR, or --name with {stem} in it",
        ));
    }
    let source = &input.source;
    let own = || engine.own_format(source, raw);
    let (path, format) = match (&cli.output, &cli.output_dir, source) {
        (Some(path), _, _) => (path.clone(), None),
        (None, None, Source::Stdin) => (PathBuf::from("-"), None),
        (None, Some(folder), Source::Stdin) => named(cli, ELSEWHERE, source, folder, &own)?,
        (None, Some(folder), Source::File(_)) => {
            named(cli, ELSEWHERE, source, &folder.join(&input.below), &own)?
        }
        (None, None, Source::File(file)) => {
            if is_special(file) {
                return Err(Failure::usage(
                    format!("{} is no regular file, so that nothing can be put beside it", file.display()),
                    "name the output with -o",
                ));
            }
            let folder = file.parent().unwrap_or(Path::new(""));
            named(cli, BESIDE, source, folder, &own)?
        }
    };
    let format = match (cli.to, format) {
        (_, Some(format)) | (To::Format(format), None) => format,
        (To::Auto, None) => format_of(&path, source, &own)?,
    };
    let sink = match Sink::at(&path, cli.force) {
        Sink::File { path, replace, .. } if cli.output_dir.is_some() => {
            Sink::File { path, replace, make_folder: true }
        }
        sink => sink,
    };
    if format == Format::Mp3 {
        passed_on(&sink, source, engine)?;
    }
    Ok((sink, format))
}

/// The output that `--name`, or `default`, puts into a folder.
fn named(
    cli: &Cli,
    default: &str,
    source: &Source,
    folder: &Path,
    own: &dyn Fn() -> Format,
) -> Result<(PathBuf, Option<Format>), Failure> {
    let input = source.path().unwrap_or(Path::new("stdin"));
    let template = cli.name.as_deref().unwrap_or(default);
    let format = match cli.to {
        To::Format(format) => format,
        To::Auto if template.contains("{ext}") => own(),
        To::Auto => {
            let name = fill(template, input, Format::Wav)?;
            format_of(Path::new(&name), source, own)?
        }
    };
    Ok((folder.join(fill(template, input, format)?), Some(format)))
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
    // A lone hyphen would be standard output.
    if name.is_empty() || name == "-" || Path::new(&name).file_name() != Some(&name) {
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
fn format_of(path: &Path, source: &Source, own: &dyn Fn() -> Format) -> Result<Format, Failure> {
    let Some(extension) = path.extension().and_then(OsStr::to_str) else {
        return Ok(own());
    };
    Format::of_extension(extension).ok_or_else(|| {
        if is_other(extension) {
            unwritable(path, &format!(".{extension}"), source)
        } else {
            let made = Format::value_variants().iter().filter(|format| **format != Format::Mp3);
            let made: Vec<_> = made.map(|format| format!(".{}", format.extension())).collect();
            Failure::usage(
                format!("{}: .{extension} cannot be written", path.display()),
                format!("use {}, or say the format with --to", made.join(", ")),
            )
        }
    })
}
