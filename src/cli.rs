//! The command line as it is written: values only, no decisions. Those are made in [`crate::plan`].

pub mod help;
mod parse;
mod values;

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

use crate::isolate::elevenlabs::settings::Split;
use crate::isolate::local::models;
use crate::shard::Shard;
pub use values::{Engine, FileFormat, Generate, Pad, To, When};

/// Isolate speech: noisy recording in, clean voice out.
///
/// Works on this machine, offline, with a neural network inside the program, or through the ElevenLabs Voice
/// Isolator, a paid service. A file gives a file, and standard input gives standard output.
#[derive(Debug, Parser)]
// A switch on the command line is a bool, and these comments are the help, in which an address is no link.
#[allow(clippy::struct_excessive_bools, rustdoc::bare_urls)]
#[command(
    version,
    after_help = "See --help for more options, examples, environment and exit codes.",
    after_long_help = help::after_options(),
    // Where it is read, in manuals, on paper and in README, this is the width that there is.
    max_term_width = 80
)]
pub struct Cli {
    /// Recordings, or directories with recordings; `-` is standard input
    ///
    /// Without any, standard input is read, unless that is a terminal. In directories, files with the usual
    /// extensions are taken, hidden ones are not; a file that is named is always taken. The format is found out from the
    /// bytes, whatever the name says: WAV, AIFF, CAF, FLAC, MP3, AAC, ALAC, Vorbis and Opus, and the sound
    /// of MP4, MOV, MKV and WebM.
    #[arg(value_name = "INPUT")]
    pub inputs: Vec<PathBuf>,

    /// Look into the directories below directories as well
    #[arg(short, long, help_heading = "Input")]
    pub recursive: bool,

    /// Read the names of inputs from this file, one a line
    ///
    /// `-` is standard input.
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub files_from: Option<PathBuf>,

    /// Names in --files-from end with a zero byte, as `find -print0` writes them
    #[arg(short = '0', long, requires = "files_from", hide_short_help = true, help_heading = "Input")]
    pub null: bool,

    /// Take the K-th of N shares of the inputs, for N machines
    ///
    /// Which share an input belongs to depends on its path below the directory that is named, or on its path as
    /// named, and on nothing else.
    #[arg(long, value_name = "K/N", hide_short_help = true, help_heading = "Input")]
    pub shard: Option<Shard>,

    /// Input is headerless 16-bit little-endian samples
    #[arg(long, help_heading = "Input")]
    pub raw: bool,

    /// Sample rate of raw input [default: 16000]
    #[arg(
        long,
        value_name = "HZ",
        requires = "raw",
        value_parser = parse::rate,
        hide_short_help = true,
        help_heading = "Input"
    )]
    pub rate: Option<u32>,

    /// Channels of raw input [default: 1]
    #[arg(
        long,
        value_name = "N",
        requires = "raw",
        value_parser = parse::channels,
        hide_short_help = true,
        help_heading = "Input"
    )]
    pub channels: Option<u16>,

    /// Write to this file; `-` is standard output
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Option<PathBuf>,

    /// Write into this directory, which is made if missing
    ///
    /// The tree below a directory that is searched is kept.
    #[arg(short = 'd', long, value_name = "DIR", conflicts_with = "output", help_heading = "Output")]
    pub output_dir: Option<PathBuf>,

    /// Name of the output [default: {stem}.isolated.{ext}, or {stem}.{ext} under -d]
    ///
    /// `{stem}` is the input's name without its extension, `{source_ext}` that extension, and `{ext}` the
    /// output's.
    #[arg(
        long,
        value_name = "TEMPLATE",
        conflicts_with = "output",
        hide_short_help = true,
        help_heading = "Output"
    )]
    pub name: Option<String>,

    /// Format to write
    #[arg(short, long, value_name = "FORMAT", default_value = "auto", help_heading = "Output")]
    pub to: To,

    /// Replace an existing output
    #[arg(short, long, help_heading = "Output")]
    pub force: bool,

    /// Do nothing when the output exists already
    #[arg(long, conflicts_with = "force", help_heading = "Output")]
    pub skip_existing: bool,

    /// Draw before and after as PNG; a folder for several
    ///
    /// The two spectrograms are one below the other and have the same scales. In a directory, pictures are named after
    /// the outputs, and the tree is kept. Source and output have to be files, because both are read again. With
    /// --skip-existing what is missing is drawn of what is there.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub spectrogram: Option<PathBuf>,

    /// Write a page with figures, pictures and players
    ///
    /// It is one HTML file that needs no network: a table of all recordings, with spectrograms, and players that switch
    /// between before and after in place.
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub report: Option<PathBuf>,

    /// Work on N at once [default: one a core; 2 for elevenlabs]
    #[arg(short, long, value_name = "N", value_parser = parse::at_once, help_heading = "Work")]
    pub jobs: Option<usize>,

    /// Begin nothing new after a failure
    #[arg(long, hide_short_help = true, help_heading = "Work")]
    pub fail_fast: bool,

    /// Who does the work [default: auto]
    #[arg(short, long, value_enum, help_heading = "Engine")]
    pub engine: Option<Engine>,

    /// Neural network of the local engine [default: the best that is built in]
    #[arg(long, value_enum, hide_short_help = true, help_heading = "Local engine")]
    pub model: Option<models::Name>,

    /// Take away at most this much noise, in dB
    ///
    /// 12 leaves the room audible; 0 changes nothing.
    #[arg(long, value_name = "DB", value_parser = parse::decibels, help_heading = "Local engine")]
    pub attenuation_limit: Option<f32>,

    /// Send 16 kHz mono: less, but nothing above 8 kHz
    ///
    /// Such an upload is smaller and answered sooner.
    #[arg(long, help_heading = "ElevenLabs engine")]
    pub resample: bool,

    /// What the audio is declared to be
    #[arg(
        long,
        value_enum,
        value_name = "FORMAT",
        default_value = "auto",
        hide_default_value = true,
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub file_format: FileFormat,

    /// Send longer recordings in pieces, and join them: auto, never, or a piece's most MINUTES
    ///
    /// auto: what is longer than the hour that the service takes is cut into pieces of ten minutes. They are cut in
    /// pauses where there are any near, overlap by four seconds, are retried each on its own, and are kept in a hidden
    /// folder beside the output until all are there: the same command then goes on where it was interrupted. MINUTES
    /// cuts whatever is longer than that.
    #[arg(
        long,
        value_name = "WHEN",
        value_parser = parse::split,
        default_value = "auto",
        hide_default_value = true,
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub split: Split,

    /// Send shorter recordings than the service takes with silence behind them, and cut the result: auto, never
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub pad: Pad,

    /// A picture for the service's history
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "stream",
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub preview: Option<PathBuf>,

    /// Let the service reply while it works
    #[arg(long, hide_short_help = true, help_heading = "ElevenLabs engine")]
    pub stream: bool,

    /// Read the API key from this file
    ///
    /// `-` is standard input. Without it the key is in ELEVENLABS_API_KEY. It cannot be given as an argument, because
    /// arguments can be seen by every user of the machine.
    #[arg(long, value_name = "FILE", help_heading = "ElevenLabs engine")]
    pub api_key_file: Option<PathBuf>,

    /// Where the service is [default: https://api.elevenlabs.io]
    ///
    /// Residency hosts are https://api.eu.residency.elevenlabs.io and its like. http:// is accepted to this
    /// machine only.
    #[arg(long, value_name = "URL", hide_short_help = true, help_heading = "ElevenLabs engine")]
    pub base_url: Option<String>,

    /// Send a request that failed again, up to N times
    ///
    /// Not when the upload was complete and the reply was lost, which may have been billed; see --retry-lost.
    #[arg(
        long,
        value_name = "N",
        default_value_t = 3,
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub retries: u32,

    /// Send it again also when the reply was lost after a whole upload: may be billed twice
    #[arg(long, hide_short_help = true, help_heading = "ElevenLabs engine")]
    pub retry_lost: bool,

    /// Wait so long for the reply, and for all retries together
    #[arg(
        long,
        value_name = "S",
        default_value = "240",
        value_parser = parse::seconds,
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub timeout: Duration,

    /// Wait so long for a connection
    #[arg(
        long,
        value_name = "S",
        default_value = "15",
        value_parser = parse::seconds,
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub connect_timeout: Duration,

    /// Give up when no byte moves for so long
    #[arg(
        long,
        value_name = "S",
        default_value = "60",
        value_parser = parse::seconds,
        hide_short_help = true,
        help_heading = "ElevenLabs engine"
    )]
    pub stall_timeout: Duration,

    /// Refuse to bill more minutes than this
    #[arg(long, value_name = "M", value_parser = parse::minutes, help_heading = "ElevenLabs engine")]
    pub max_minutes: Option<f64>,

    /// Send what is too large, too long or too short for the service
    #[arg(long, hide_short_help = true, help_heading = "ElevenLabs engine")]
    pub ignore_limits: bool,

    /// Say what would be done, and do nothing
    #[arg(short = 'n', long, help_heading = "Messages")]
    pub dry_run: bool,

    /// Print one JSON object about each input on standard output
    #[arg(long, help_heading = "Messages")]
    pub json: bool,

    /// Say nothing but errors
    #[arg(short, long, conflicts_with = "verbose", help_heading = "Messages")]
    pub quiet: bool,

    /// Say more
    #[arg(short, long, help_heading = "Messages")]
    pub verbose: bool,

    /// When to draw the progress bar
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_short_help = true,
        help_heading = "Messages"
    )]
    pub progress: When,

    /// When to use colours
    #[arg(
        long,
        value_name = "WHEN",
        value_enum,
        default_value = "auto",
        hide_short_help = true,
        help_heading = "Messages"
    )]
    pub color: When,

    /// Print the man page, or the completions for a shell, and do nothing else
    #[arg(
        long,
        value_name = "WHAT",
        value_enum,
        exclusive = true,
        hide_short_help = true,
        help_heading = "Messages"
    )]
    pub generate: Option<Generate>,
}
