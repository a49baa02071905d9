//! Which engine does the work, and how it is set.

use clap::ValueEnum;

use super::Surroundings;
use crate::audio::decode::Raw;
use crate::audio::encode::Format;
use crate::cli::{self, Cli, FileFormat, Pad};
use crate::error::{Failure, Kind};
use crate::isolate::elevenlabs;
use crate::isolate::elevenlabs::key::{self, Key};
use crate::isolate::elevenlabs::place::{self, BaseUrl};
use crate::isolate::elevenlabs::settings::{Preview, Settings, Split};
use crate::isolate::local::models;
use crate::source::Source;

/// The engine and how it is set.
#[derive(Debug, Clone)]
pub enum Engine {
    /// A network on this machine.
    Local {
        /// Which one.
        model: models::Name,
        /// The most noise to take away, in dB.
        attenuation_limit: Option<f32>,
    },
    /// The paid service.
    ElevenLabs(Box<Settings>),
}

impl Engine {
    /// The format in which it gives the voice of this source, where nobody asks for another.
    pub(super) fn own_format(&self, source: &Source, raw: Option<Raw>) -> Format {
        match self {
            Self::Local { .. } => Format::Wav,
            Self::ElevenLabs(settings) => elevenlabs::own_format(source, raw, settings),
        }
    }

    /// How many recordings it works on at once, where nobody asks for another number.
    pub(super) fn own_workers(&self) -> usize {
        match self {
            Self::Local { .. } => std::thread::available_parallelism().map_or(1, usize::from),
            // As many as the smallest plan allows.
            Self::ElevenLabs(_) => 2,
        }
    }
}

/// The engine of the command line, else that of the environment, else the best that is there.
pub(super) fn engine(
    cli: &Cli,
    raw: Option<Raw>,
    around: &Surroundings,
    reads_stdin: bool,
) -> Result<Engine, Failure> {
    let wanted = match (cli.engine, &around.engine) {
        (Some(engine), _) => engine,
        (None, Some(name)) => named(name)?,
        (None, None) => cli::Engine::Auto,
    };
    let key_is_there = cli.api_key_file.is_some() || around.api_key.is_some();
    match wanted {
        cli::Engine::Auto if key_is_there => elevenlabs(cli, raw, around, reads_stdin),
        cli::Engine::ElevenLabs => elevenlabs(cli, raw, around, reads_stdin),
        cli::Engine::Auto | cli::Engine::Local => local(cli),
    }
}

/// The engine that `VOXSIFT_ENGINE` names.
fn named(name: &str) -> Result<cli::Engine, Failure> {
    cli::Engine::from_str(name, false).map_err(|_| {
        let engines = cli::Engine::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<_> = engines.map(|engine| engine.get_name().to_owned()).collect();
        Failure::usage(
            format!("VOXSIFT_ENGINE is {name}, which is no engine"),
            format!("unset it, or set it to one of: {}", names.join(", ")),
        )
    })
}

fn local(cli: &Cli) -> Result<Engine, Failure> {
    refuse(
        &[
            ("--resample", cli.resample),
            ("--file-format", cli.file_format != FileFormat::Auto),
            ("--preview", cli.preview.is_some()),
            ("--stream", cli.stream),
            ("--split", cli.split != Split::Auto),
            ("--pad", cli.pad != Pad::Auto),
            ("--max-minutes", cli.max_minutes.is_some()),
        ],
        "is about uploads, and the local engine does not upload",
        "leave it out, or choose --engine elevenlabs, which needs an API key",
    )?;
    Ok(Engine::Local { model: cli.model.unwrap_or_default(), attenuation_limit: cli.attenuation_limit })
}

fn elevenlabs(
    cli: &Cli,
    raw: Option<Raw>,
    around: &Surroundings,
    reads_stdin: bool,
) -> Result<Engine, Failure> {
    refuse(
        &[("--model", cli.model.is_some()), ("--attenuation-limit", cli.attenuation_limit.is_some())],
        "is for the local engine, and an API key or --engine asks for elevenlabs",
        "leave it out, or choose --engine local",
    )?;
    let file_format = match cli.file_format {
        FileFormat::Auto => None,
        FileFormat::Declared(format) => Some(format),
    };
    refuse_form(cli, raw, file_format)?;
    let base_url = match (&cli.base_url, &around.base_url) {
        (Some(url), _) => BaseUrl::parse(url, "--base-url"),
        (None, Some(url)) => BaseUrl::parse(url, place::VARIABLE),
        (None, None) => BaseUrl::parse(place::DEFAULT, "the default"),
    }?;
    let proxy = around.proxies.towards(&base_url)?;
    let preview = cli.preview.as_deref().map(Preview::of_file).transpose()?;
    Ok(Engine::ElevenLabs(Box::new(Settings {
        key: the_key(cli, around, reads_stdin)?,
        base_url,
        proxy,
        resample: cli.resample,
        file_format,
        preview,
        stream: cli.stream,
        split: cli.split,
        pad: cli.pad == Pad::Auto,
        ignore_limits: cli.ignore_limits,
        retries: cli.retries,
        retry_lost: cli.retry_lost,
        timeout: cli.timeout,
        connect_timeout: cli.connect_timeout,
        stall_timeout: cli.stall_timeout,
    })))
}

/// The key of the command line, else that of the environment.
fn the_key(cli: &Cli, around: &Surroundings, reads_stdin: bool) -> Result<Key, Failure> {
    match (&cli.api_key_file, &around.api_key) {
        (Some(path), _) if super::is_stdin(path) && reads_stdin => Err(Failure::usage(
            "the API key and the recording cannot both come from standard input",
            format!("put the key into a file, or into {}", key::VARIABLE),
        )),
        (Some(path), _) => Key::of_file(path),
        (None, Some(key)) => key.clone(),
        (None, None) => Err(Failure::new(
            Kind::Key,
            "the ElevenLabs engine needs an API key",
            format!("set {} or use --api-key-file; --engine local needs no key", key::VARIABLE),
        )),
    }
}

/// Refuses what contradicts itself, and samples without a header that the service could not know how to read.
fn refuse_form(
    cli: &Cli,
    raw: Option<Raw>,
    file_format: Option<elevenlabs::FileFormat>,
) -> Result<(), Failure> {
    let declared_other = file_format == Some(elevenlabs::FileFormat::Other);
    if cli.resample && declared_other {
        return Err(Failure::usage(
            "--resample sends pcm_s16le_16, and --file-format asks for other",
            "leave one of them out",
        ));
    }
    let plain = raw == Some(Raw { rate: 16_000, channels: 1 });
    if raw.is_some() && !cli.resample && (declared_other || !plain) {
        return Err(Failure::usage(
            "the service takes headerless samples only at 16000 Hz, mono, as pcm_s16le_16",
            if plain { "leave out --file-format" } else { "--resample converts them" },
        ));
    }
    Ok(())
}

/// Refuses the first of these options that was given.
fn refuse(options: &[(&str, bool)], why: &str, hint: &str) -> Result<(), Failure> {
    match options.iter().find(|(_, given)| *given) {
        Some((name, _)) => Err(Failure::usage(format!("{name} {why}"), hint)),
        None => Ok(()),
    }
}
