//! What is sent, and as what: decided from the bytes, and refused here where the service would refuse it.

use std::io::Seek;

use super::coding::Coding;
use super::content::{Content, Samples, odd};
use super::limits::MOST_BYTES;
use super::narrow::NARROW;
use super::settings::{FileFormat, Settings};
use crate::audio::decode::{self, Decoder, Raw};
use crate::audio::probe::{Format, SIGNATURE};
use crate::audio::wav::header::{Header, read_header};
use crate::audio::wav::reader::{End, Layout};
use crate::error::Failure;
use crate::isolate::Recording;
use crate::source::{Input, PEEK, Source, Witness};

/// The audio of a request.
pub(super) struct Payload {
    /// The recording's name, without the way to it.
    pub file_name: String,
    pub content_type: &'static str,
    pub file_format: FileFormat,
    pub content: Content,
    /// Remembers how the recording was.
    pub witness: Witness,
    recording: Recording,
    /// What the user should know about the recording.
    warnings: Vec<String>,
}

impl Payload {
    /// Samples that were encoded here.
    ///
    /// # Errors
    /// `Input` when they cannot be read again.
    pub(super) fn encoded(
        file_name: String,
        coding: Coding,
        samples: Input,
        recording: Recording,
    ) -> Result<Self, Failure> {
        let len = samples.byte_len().unwrap_or(0);
        Ok(Self {
            file_name,
            content_type: coding.content_type(),
            file_format: coding.file_format(),
            witness: samples.witness().map_err(|error| Failure::reading(&error))?,
            content: Content::stored(samples, 0, len),
            recording,
            warnings: Vec::new(),
        })
    }

    /// The same, with what the user should know about it.
    pub(super) fn with(self, warnings: Vec<String>) -> Self {
        Self { warnings, ..self }
    }

    /// What is known of the recording, the more when all of it has been read.
    pub(super) fn recording(&self) -> Recording {
        let live = self.content.live_samples().map(|samples| samples as f64 / f64::from(NARROW.rate));
        Recording { seconds: self.recording.seconds.or(live), ..self.recording }
    }

    /// What the user should know about the recording, when all of it has been read.
    pub(super) fn warnings(&self) -> Vec<String> {
        let mut warnings = self.warnings.clone();
        let (missing, odd) = self.content.missing();
        if missing > 0 {
            warnings.extend(End::Short(missing).warning());
        }
        if odd {
            warnings.extend(End::Ragged(1).warning());
        }
        warnings
    }
}

const UNKNOWN_TYPE: &str = "application/octet-stream";

/// The recording as it is.
///
/// # Errors
/// `Input` for what the service does not take.
pub(super) fn as_it_is(
    source: &Source,
    raw: Option<Raw>,
    settings: &Settings,
    mut input: Input,
) -> Result<Payload, Failure> {
    let witness = input.witness().map_err(|error| Failure::reading(&error))?;
    let mut payload = if raw.is_some() {
        samples(source, input, None, witness)?
    } else {
        let format = decode::recognise(&mut input)?;
        // Who says what it is knows better.
        let content_type = match content_type(format, &mut input) {
            Err(_) if settings.file_format == Some(FileFormat::Other) => UNKNOWN_TYPE,
            known => known?,
        };
        let header = if format == Format::Wav && settings.file_format != Some(FileFormat::Other) {
            narrow_header(&mut input)?
        } else {
            None
        };
        match header {
            Some(header) => samples(source, input, Some(&header), witness)?,
            None if settings.file_format == Some(FileFormat::Pcm) => return Err(not_narrow()),
            None => whole(source, input, content_type, witness)?,
        }
    };
    if let Content::Live { budget, .. } = &mut payload.content
        && settings.ignore_limits
    {
        *budget = u64::MAX;
    }
    Ok(payload)
}

/// The header of a WAV file whose samples can be sent without it. The input then stands at the first of
/// them, else at its start.
fn narrow_header(input: &mut Input) -> Result<Option<Header>, Failure> {
    if input.byte_len().is_none() {
        // Where the header is longer than this, it cannot be read twice.
        input.peek(PEEK).map_err(|error| Failure::reading(&error))?;
    }
    let header = read_header(input)?;
    // What cannot be read here may well be what the service can.
    let layout = Layout::of(&header.fmt).ok().flatten();
    if layout.is_some_and(|layout| layout.spec == NARROW && layout.bits() == 16) {
        return Ok(Some(header));
    }
    if input.byte_len().is_some() {
        input.rewind().map_err(|error| Failure::reading(&error))?;
    } else if !input.unread(usize::try_from(header.data_offset).unwrap_or(usize::MAX)) {
        return Err(Failure::input(
            "the WAV header is too long to be looked at in a pipe",
            "leave out --retries 0, so that the recording is copied to a temporary file first",
        ));
    }
    Ok(None)
}

/// 16 kHz mono samples, from where the input stands.
fn samples(
    source: &Source,
    input: Input,
    header: Option<&Header>,
    witness: Witness,
) -> Result<Payload, Failure> {
    let announced = header.and_then(|header| header.data_len);
    let start = header.map_or(0, |header| header.data_offset);
    let mut warnings = Vec::new();
    let mut seconds = None;
    let content = if let Some(file_len) = input.byte_len() {
        let there = file_len.saturating_sub(start);
        let mut len = announced.map_or(there, |announced| announced.min(there));
        if let Some(missing) = announced.map(|announced| announced - len).filter(|missing| *missing > 0) {
            warnings.extend(End::Short(missing).warning());
        }
        if len % 2 == 1 {
            if header.is_none() {
                return Err(odd());
            }
            warnings.extend(End::Ragged(1).warning());
            len -= 1;
        }
        seconds = Some(len as f64 / 2.0 / f64::from(NARROW.rate));
        Content::stored(input, start, len)
    } else {
        let samples = Some(Samples { raw: header.is_none(), odd: None });
        Content::Live { pipe: input, left: announced, budget: MOST_BYTES, taken: 0, samples }
    };
    Ok(Payload {
        file_name: file_name(source),
        content_type: Coding::Narrow.content_type(),
        file_format: FileFormat::Pcm,
        content,
        witness,
        recording: Recording { spec: Some(NARROW), seconds },
        warnings,
    })
}

/// What is known of a file, also where its header does not tell its length.
pub(super) fn known(decoder: Decoder) -> Recording {
    let recording = Recording::of(&decoder);
    let spec = decoder.spec();
    let frames = decoder.counted().ok().flatten();
    Recording { seconds: frames.map(|frames| spec.seconds(frames)), ..recording }
}

/// The file as it is.
fn whole(
    source: &Source,
    mut input: Input,
    content_type: &'static str,
    witness: Witness,
) -> Result<Payload, Failure> {
    let mut recording = Recording::default();
    let content = if let Some(len) = input.byte_len() {
        // What cannot be decoded here may well be what the service can, so a failure says nothing.
        if let Ok(decoder) = input
            .shared()
            .map_err(|error| Failure::reading(&error))
            .and_then(|shared| decode::open_input(shared, None, source.path()))
        {
            recording = known(decoder);
        }
        input.rewind().map_err(|error| Failure::reading(&error))?;
        Content::stored(input, 0, len)
    } else {
        Content::Live { pipe: input, left: None, budget: MOST_BYTES, taken: 0, samples: None }
    };
    Ok(Payload {
        file_name: file_name(source),
        content_type,
        file_format: FileFormat::Other,
        content,
        witness,
        recording,
        warnings: Vec::new(),
    })
}

/// The name of a recording, without the way to it.
pub(super) fn file_name(source: &Source) -> String {
    let name = source.path().and_then(|path| path.file_name());
    name.map_or_else(|| "audio".into(), |name| name.to_string_lossy().into_owned())
}

/// The media type of what the service takes.
fn content_type(format: Format, input: &mut Input) -> Result<&'static str, Failure> {
    let refused = |what: &str| {
        Failure::input(
            format!("the service does not take {what}"),
            "if it has sound, convert it first: ffmpeg -i IN -vn -c:a flac OUT.flac",
        )
    };
    let head = input.peek(SIGNATURE).map_err(|error| Failure::reading(&error))?;
    Ok(match format {
        Format::Wav => "audio/wav",
        Format::Aiff => "audio/aiff",
        Format::Flac => "audio/flac",
        Format::Mpeg | Format::Id3 => "audio/mpeg",
        Format::Adts => "audio/aac",
        Format::Ogg => "audio/ogg",
        Format::IsoMp4 => match head.get(8..12) {
            Some(b"M4A " | b"M4B ") => "audio/mp4",
            Some(b"qt  ") => "video/quicktime",
            Some(brand) if brand.starts_with(b"3g") => "video/3gpp",
            _ => "video/mp4",
        },
        // The kind of document is told within the first bytes.
        Format::Matroska if head.windows(4).take(64).any(|window| window == b"webm") => "video/webm",
        Format::Matroska => "video/x-matroska",
        Format::Foreign("AVI") => "video/x-msvideo",
        Format::Foreign("WMA/WMV") => "video/x-ms-wmv",
        Format::Foreign("FLV") => "video/x-flv",
        Format::Foreign("MPEG program stream" | "MPEG video") => "video/mpeg",
        Format::Caf => {
            return Err(Failure::input(
                "the service does not take CAF",
                "--resample decodes it here and sends its samples",
            ));
        }
        Format::Foreign(name) => return Err(refused(name)),
        Format::Unknown => return Err(decode::unknown(input)),
    })
}

fn not_narrow() -> Failure {
    Failure::input(
        "it is not 16-bit PCM, mono, at 16 kHz, so that it cannot be sent as pcm_s16le_16",
        "--resample converts it; without --file-format it is sent as it is",
    )
}
