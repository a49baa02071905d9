//! How samples that were decoded here are sent.

use std::fs::File;

use super::limits::MOST_BYTES;
use super::narrow::{NARROW, Narrow};
use super::settings::{FileFormat, Settings};
use crate::audio::decode::{self, Decoder, Raw};
use crate::audio::encode::{self, Encode, Format};
use crate::audio::{Depth, Spec};
use crate::error::Failure;
use crate::sink::Output;
use crate::source::{Input, spool};

/// A way to send samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// 16 kHz, mono, 16 bits, without a header.
    Narrow,
    /// As they are, compressed without loss.
    Flac,
    /// As they are, where FLAC cannot state their sample rate.
    Wav,
}

impl Coding {
    /// The way for a recording like this.
    pub(super) fn of(spec: Spec, settings: &Settings) -> Self {
        let plain = spec == NARROW && settings.file_format != Some(FileFormat::Other);
        if settings.resample || plain {
            Self::Narrow
        } else if Format::Flac.can_hold(spec) {
            Self::Flac
        } else {
            Self::Wav
        }
    }

    /// As what it is declared.
    pub(super) fn file_format(self) -> FileFormat {
        match self {
            Self::Narrow => FileFormat::Pcm,
            Self::Flac | Self::Wav => FileFormat::Other,
        }
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            // Samples have no registered type with this byte order.
            Self::Narrow => "application/octet-stream",
            Self::Flac => "audio/flac",
            Self::Wav => "audio/wav",
        }
    }

    pub(super) fn extension(self) -> &'static str {
        match self {
            Self::Narrow => Format::Pcm.extension(),
            Self::Flac => Format::Flac.extension(),
            Self::Wav => Format::Wav.extension(),
        }
    }

    /// What is sent of a recording like this.
    pub(super) fn spec(self, spec: Spec) -> Spec {
        if self == Self::Narrow { NARROW } else { spec }
    }

    /// The most bytes of a second of such a recording, before any compression.
    pub(super) fn bytes_per_second(self, spec: Spec) -> f64 {
        let spec = self.spec(spec);
        let bytes = match (self, spec.depth) {
            (_, Depth::Int16) => 2.0,
            (Self::Wav, Depth::Float32) => 4.0,
            (_, Depth::Int24 | Depth::Float32) => 3.0,
        };
        f64::from(spec.rate) * f64::from(spec.channels) * bytes
    }

    /// Opens what was sent in this way.
    ///
    /// # Errors
    /// `Input` when it cannot be read again.
    pub(super) fn decoder(self, input: Input) -> Result<Decoder, Failure> {
        let raw = (self == Self::Narrow).then_some(Raw { rate: NARROW.rate, channels: NARROW.channels });
        decode::open_input(input, raw, None)
    }
}

/// Samples on their way into a temporary file.
pub(super) struct Spool {
    file: File,
    encoder: Box<dyn Encode>,
}

impl Spool {
    /// A temporary file for frames of `spec`.
    ///
    /// # Errors
    /// `Output` when there is no room for it.
    pub(super) fn new(coding: Coding, spec: Spec) -> Result<Self, Failure> {
        let file = spool()?;
        let copy = file.try_clone().map_err(|error| Failure::writing(&error))?;
        let output = Output::to_spool(copy);
        let encoder: Box<dyn Encode> = match coding {
            Coding::Narrow => Box::new(Narrow::new(spec, output)?),
            Coding::Flac => encode::to(Format::Flac, spec, None, output)?,
            Coding::Wav => encode::to(Format::Wav, spec, None, output)?,
        };
        Ok(Self { file, encoder })
    }

    /// Takes interleaved frames.
    ///
    /// # Errors
    /// `Output` when they cannot be written.
    pub(super) fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure> {
        self.encoder.write(interleaved)
    }

    /// The file from its start.
    ///
    /// # Errors
    /// `Output` when it cannot be completed.
    pub(super) fn finish(self) -> Result<Input, Failure> {
        self.encoder.finish()?;
        Input::of_spool(self.file)
    }
}

/// How small FLAC makes samples at least, in the experience of what people record. A recording that does not become
/// so small is found out when it is compressed.
const COMPRESSED: f64 = 0.75;

/// Whether so much of a recording will be small enough for one request.
pub(super) fn fits(coding: Coding, spec: Spec, seconds: f64) -> bool {
    let smaller = if coding == Coding::Flac { COMPRESSED } else { 1.0 };
    coding.bytes_per_second(spec) * seconds * smaller <= MOST_BYTES as f64
}
