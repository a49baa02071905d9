//! What the user decides about the service.

use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use clap::ValueEnum;
use ureq::Proxy;

use super::key::Key;
use super::place::BaseUrl;
use crate::error::Failure;
use crate::source::Source;

/// The formats that a request can declare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FileFormat {
    /// Headerless 16-bit little-endian samples, mono, 16 kHz
    #[value(name = "pcm_s16le_16")]
    Pcm,
    /// Any file, as it is
    Other,
}

impl FileFormat {
    /// Its name in requests and in reports.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Pcm => "pcm_s16le_16",
            Self::Other => "other",
        }
    }
}

/// When a recording is sent in pieces.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Split {
    /// When it is longer than the service takes.
    Auto,
    /// Never.
    Never,
    /// When it is longer than so many seconds, in pieces that are not.
    Longer(f64),
}

/// How the service is used.
// Each is a switch of the command line.
#[allow(clippy::struct_excessive_bools)]
#[derive(Debug, Clone)]
pub struct Settings {
    /// Who pays.
    pub key: Key,
    /// Where the service is.
    pub base_url: BaseUrl,
    /// What is on the way to it.
    pub proxy: Option<Proxy>,
    /// Send 16 kHz mono samples.
    pub resample: bool,
    /// What the audio is declared to be; `None` decides by its bytes.
    pub file_format: Option<FileFormat>,
    /// A picture for the service's history.
    pub preview: Option<Preview>,
    /// Use the endpoint that replies while it works.
    pub stream: bool,
    /// When a recording is sent in pieces.
    pub split: Split,
    /// Make what is too short for the service longer.
    pub pad: bool,
    /// Send what is known to be too large, too long or too short.
    pub ignore_limits: bool,
    /// How often a request that failed is sent again.
    pub retries: u32,
    /// Send it again also when it may have been billed.
    pub retry_lost: bool,
    /// How long to wait for the reply, and for all retries together.
    pub timeout: Duration,
    /// How long to wait for a connection.
    pub connect_timeout: Duration,
    /// How long no byte may move.
    pub stall_timeout: Duration,
}

/// The largest picture that is sent, in bytes: a preview, not a photograph.
const MOST_PREVIEW: u64 = 2_000_000;

/// A picture in base64.
#[derive(Clone)]
pub struct Preview(pub(super) String);

impl std::fmt::Debug for Preview {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Preview({} characters)", self.0.len())
    }
}

impl Preview {
    /// Reads a picture.
    ///
    /// # Errors
    /// `Usage` when it cannot be read, is too large, or no picture.
    pub fn of_file(path: &Path) -> Result<Self, Failure> {
        use std::io::Read;
        let wrong = |what: &str| {
            Failure::usage(
                format!("--preview {}: {what}", path.display()),
                "give it a small picture: PNG, JPEG, GIF or WebP, up to 2 MB",
            )
        };
        let mut bytes = Vec::new();
        let input = Source::File(path.to_owned()).open().map_err(|failure| wrong(&failure.message))?;
        input
            .take(MOST_PREVIEW + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| wrong(&Failure::reading(&error).message))?;
        if bytes.len() as u64 > MOST_PREVIEW {
            return Err(wrong("it is larger than 2 MB"));
        }
        let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
        let magics: [&[u8]; 3] = [b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8"];
        if !webp && !magics.iter().any(|magic| bytes.starts_with(magic)) {
            return Err(wrong("this is no picture"));
        }
        Ok(Self(base64::engine::general_purpose::STANDARD.encode(bytes)))
    }
}
