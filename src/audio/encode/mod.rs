//! Writing the output formats, each block as it comes.

mod flac;
mod limiter;
mod opus;
mod pcm;
mod quantise;
mod wav;

use clap::ValueEnum;

use super::Spec;
use crate::error::Failure;
use crate::sink::Output;

/// The formats that can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// WAV in the source's depth
    Wav,
    /// FLAC: lossless, about half of WAV
    Flac,
    /// Ogg Opus: small, for listening
    Opus,
    /// MP3, only as the ElevenLabs service sent it
    Mp3,
    /// Headerless signed 16-bit little-endian samples
    Pcm,
}

impl Format {
    /// The extension of its files, and its name in messages.
    #[must_use]
    pub fn extension(self) -> &'static str {
        self.extensions()[0]
    }

    /// All extensions of its files, the usual one first.
    fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Wav => &["wav", "wave"],
            Self::Flac => &["flac"],
            Self::Opus => &["opus"],
            Self::Mp3 => &["mp3"],
            Self::Pcm => &["pcm", "raw", "s16le"],
        }
    }

    /// Whether it can say what such audio is like.
    #[must_use]
    pub fn can_hold(self, spec: Spec) -> bool {
        // What a frame header can state (RFC 9639, 9.1.2), less the two ends that the crate refuses.
        let stated = |rate: u32| rate < 65_535 || (rate.is_multiple_of(10) && rate < 655_350);
        self != Self::Flac || stated(spec.rate)
    }

    /// The format that files with this extension have, in any case.
    #[must_use]
    pub fn of_extension(extension: &str) -> Option<Self> {
        let extension = extension.to_ascii_lowercase();
        let mut all = Self::value_variants().iter().copied();
        all.find(|format| format.extensions().contains(&extension.as_str()))
    }
}

/// Writes one stream of audio.
pub trait Encode {
    /// Writes interleaved frames.
    ///
    /// # Errors
    /// `Output`, or `ReaderLeft` when nobody reads standard output any more.
    fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure>;

    /// Writes what is left, completes the headers and commits the output. Returns its size in bytes.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    fn finish(self: Box<Self>) -> Result<u64, Failure>;
}

/// An encoder to `output`. `frames` goes into the header where it is known and the output is a stream.
///
/// # Errors
/// `Usage` when the format cannot hold such audio; `Internal` for MP3, which is never encoded here; `Output` when the
/// header cannot be written.
pub fn to(
    format: Format,
    spec: Spec,
    frames: Option<u64>,
    output: Output,
) -> Result<Box<dyn Encode>, Failure> {
    Ok(match format {
        Format::Wav => Box::new(wav::Wav::new(spec, frames, output)?),
        Format::Flac => Box::new(flac::Flac::new(spec, frames, output)?),
        Format::Opus => Box::new(opus::Opus::new(spec, output)?),
        Format::Pcm => Box::new(pcm::Pcm::new(spec, output)),
        Format::Mp3 => return Err(Failure::internal("MP3 is passed on, never made")),
    })
}
