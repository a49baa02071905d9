//! Reading any supported format as blocks of `f32`.

mod estimate;
mod guard;
mod mkv;
mod mp4;
mod opus;
mod packets;
mod pcm;
mod tag;
mod track;
mod trim;

use std::path::Path;

use super::Spec;
use super::probe::{self, Format};
use crate::error::Failure;
use crate::source::{Input, PEEK, Source, Witness};
use crate::text::shell_quoted;

/// The layout of input without a header: 16-bit little-endian samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Raw {
    /// Frames per second.
    pub rate: u32,
    /// Samples per frame.
    pub channels: u16,
}

/// A sample this far out is no sound: integers stored as floats end at 32768.
const ABSURD: f32 = 1e6;

/// A decoder of one kind of input.
trait Decode: Send {
    /// Replaces `block` by the next frames and returns their number, 0 at the end.
    fn read(&mut self, block: &mut Vec<f32>) -> Result<usize, Failure>;

    /// What the user should know about how the input ended.
    fn warning(&self) -> Option<String>;

    /// The number of frames by a walk to the end in which nothing is decoded, where that can be done.
    fn walk(&mut self) -> Result<Option<u64>, Failure> {
        Ok(None)
    }
}

/// Opens a source and reads its header.
///
/// # Errors
/// `Input` when it cannot be opened, is not audio that can be decoded here, or is damaged.
pub fn open(source: &Source, raw: Option<Raw>) -> Result<Decoder, Failure> {
    open_input(source.open()?, raw, source.path())
}

/// Reads the header of an input that stands at its start; `path` is where it came from, for messages.
///
/// # Errors
/// As [`open`].
pub fn open_input(input: Input, raw: Option<Raw>, path: Option<&Path>) -> Result<Decoder, Failure> {
    let witness = input.witness().map_err(|error| Failure::reading(&error))?;
    let opened = match raw {
        Some(raw) => pcm::open_raw(input, raw),
        None => open_recognised(input, path),
    };
    // A file that is being written to is damaged in many ways; the change is the reason to name.
    let Opened { decode, spec, length, live } =
        opened.map_err(|failure| witness.unchanged().err().unwrap_or(failure))?;
    Ok(Decoder { decode, spec: spec.checked()?, length, live, done: 0, witness })
}

fn open_recognised(mut input: Input, path: Option<&Path>) -> Result<Opened, Failure> {
    let mut format = recognise(&mut input)?;
    while format == Format::Id3 {
        tag::skip_id3v2(&mut input)?;
        format = recognise(&mut input)?;
    }
    match format {
        Format::Wav => pcm::open_wav(input),
        Format::Foreign(name) => Err(foreign(name, path)),
        Format::Unknown | Format::Id3 => Err(unknown(&mut input)),
        format => packets::open_input(input, format),
    }
}

/// How long a recording is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// So many frames, for certain.
    Exactly(u64),
    /// So many frames by a header.
    About(u64),
    /// It is a stream.
    Unknown,
}

impl Length {
    /// The number of frames, as far as it is known.
    #[must_use]
    pub fn frames(self) -> Option<u64> {
        match self {
            Self::Exactly(frames) | Self::About(frames) => Some(frames),
            Self::Unknown => None,
        }
    }

    /// The number of frames, if it is certain.
    #[must_use]
    pub fn exact(self) -> Option<u64> {
        match self {
            Self::Exactly(frames) => Some(frames),
            Self::About(_) | Self::Unknown => None,
        }
    }
}

struct Opened {
    decode: Box<dyn Decode>,
    spec: Spec,
    length: Length,
    live: bool,
}

/// What the first bytes of an input are, without reading them away.
///
/// # Errors
/// `Input` when it cannot be read.
pub fn recognise(input: &mut Input) -> Result<Format, Failure> {
    let mut peek = |enough| input.peek(enough).map(probe::probe).map_err(|error| Failure::reading(&error));
    match peek(probe::SIGNATURE)? {
        Format::Unknown => peek(PEEK),
        known => Ok(known),
    }
}

fn foreign(name: &str, path: Option<&Path>) -> Failure {
    let path = path.map_or_else(|| "IN".into(), shell_quoted);
    Failure::input(
        format!("{name} cannot be decoded here"),
        format!("if it has sound, pipe it through ffmpeg: ffmpeg -i {path} -f wav - | voxsift -o OUT.wav"),
    )
}

/// Why an input that was not recognised cannot be used.
pub fn unknown(input: &mut Input) -> Failure {
    let head = input.peek(PEEK).unwrap_or_default();
    if head.is_empty() {
        return Failure::input("it is empty: there is no audio in it", "record or export it again");
    }
    let what = if probe::is_text(head) {
        "this is text, not audio"
    } else {
        "this is no audio format that voxsift knows"
    };
    Failure::input(
        what,
        "headerless 16-bit samples are read with --raw --rate HZ --channels N; ffmpeg can convert the rest",
    )
}

/// Reads a source, whatever its format.
pub struct Decoder {
    decode: Box<dyn Decode>,
    spec: Spec,
    length: Length,
    live: bool,
    done: u64,
    witness: Witness,
}

impl Decoder {
    /// Rate, channels and depth.
    #[must_use]
    pub fn spec(&self) -> Spec {
        self.spec
    }

    /// How long it is.
    #[must_use]
    pub fn length(&self) -> Length {
        self.length
    }

    /// How long it is in seconds, as far as that is known.
    #[must_use]
    pub fn seconds(&self) -> Option<f64> {
        self.length.frames().map(|frames| self.spec.seconds(frames))
    }

    /// Whether the source is a pipe or a device, so that somebody may be listening at the other end.
    #[must_use]
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Replaces `block` by the next frames, interleaved, and returns their number, 0 at the end.
    ///
    /// # Errors
    /// `Input` when reading or decoding fails, for samples that are no numbers, for an input without
    /// a single frame, and for a file that changed meanwhile.
    pub fn read(&mut self, block: &mut Vec<f32>) -> Result<usize, Failure> {
        let frames = match self.decode.read(block) {
            Ok(frames) => frames,
            // A file that is being written to breaks in many ways; the change is the reason to name.
            Err(failure) => return Err(self.witness.unchanged().err().unwrap_or(failure)),
        };
        if frames == 0 {
            self.witness.unchanged()?;
            if self.done == 0 {
                return Err(Failure::input(
                    "there is no audio in it",
                    "record or export it again; only a header is there",
                ));
            }
        }
        if let Some(at) = block.iter().position(|sample| sample.is_nan() || sample.abs() > ABSURD) {
            return Err(self.no_number(block[at], at));
        }
        self.done += frames as u64;
        Ok(frames)
    }

    /// The number of frames, also where no header tells it: then the file is walked through to its end, without
    /// decoding it.
    ///
    /// # Errors
    /// `Input` when the file cannot be read.
    pub fn counted(mut self) -> Result<Option<u64>, Failure> {
        match self.length.frames() {
            None if !self.live => self.decode.walk(),
            known => Ok(known),
        }
    }

    /// What the user should know although everything could be read.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        self.decode.warning().into_iter().collect()
    }

    fn no_number(&self, sample: f32, at: usize) -> Failure {
        let channels = usize::from(self.spec.channels);
        let seconds = self.spec.seconds(self.done + (at / channels) as u64);
        let what = if sample.is_nan() {
            "not a number".into()
        } else if sample.is_infinite() {
            "infinite".into()
        } else {
            format!("{sample:e}, where 1 is full scale")
        };
        Failure::input(
            format!("the sample at {seconds:.3} s in channel {} is {what}", at % channels + 1),
            "export it again, as integers for example; a program before this one divided by zero",
        )
    }
}
