//! The samples of a WAV file, and headerless ones.

use std::io::{self, Cursor, Read};

use hound::{SampleFormat, WavReader};

use super::{EXTENSIBLE, IEEE_FLOAT, PCM, damaged, u16_at, u32_at};
use crate::audio::{Depth, Spec};
use crate::error::Failure;

/// Bytes that are read at once. A live pipe delivers less, and that is passed on at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// How PCM is laid out in the data, when it is a kind that hound converts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Rate, channels and depth.
    pub spec: Spec,
    /// Bytes of one sample, 1 to 4, and how many of its bits are used.
    bytes: u16,
    bits: u16,
    float: bool,
}

impl Layout {
    /// Headerless 16-bit little-endian samples.
    #[must_use]
    pub fn s16le(rate: u32, channels: u16) -> Self {
        Self { spec: Spec { rate, channels, depth: Depth::Int16 }, bytes: 2, bits: 16, float: false }
    }

    /// Reads a `fmt ` chunk. `None` means a coding that hound does not convert: companded, ADPCM, 64-bit.
    ///
    /// # Errors
    /// `Input` when the chunk contradicts itself, and as [`Spec::checked`].
    pub fn of(fmt: &[u8]) -> Result<Option<Self>, Failure> {
        let (mut tag, channels, rate) = (u16_at(fmt, 0), u16_at(fmt, 2), u32_at(fmt, 4));
        let (align, bits) = (u16_at(fmt, 12), u16_at(fmt, 14));
        Spec { rate, channels, depth: Depth::Int16 }.checked()?;
        if tag == EXTENSIBLE && fmt.len() >= 26 {
            // The sub-format's GUID starts with the plain tag.
            tag = u16_at(fmt, 24);
        }
        // The container decides, not the number of valid bits: those are the upper ones, by the format's
        // definition, so that the container read as a whole has the right level.
        let bytes = align / channels;
        let float = tag == IEEE_FLOAT;
        let convertible = if float { bytes == 4 } else { tag == PCM && (1..=4).contains(&bytes) };
        if !convertible {
            return Ok(None);
        }
        if align != bytes * channels || bits == 0 || bits > bytes * 8 {
            return Err(damaged(&format!(
                "{bits} bits and {channels} channels do not fit frames of {align} bytes"
            )));
        }
        let depth = match (float, bytes) {
            (true, _) => Depth::Float32,
            (false, 1 | 2) => Depth::Int16,
            (false, _) => Depth::Int24,
        };
        Ok(Some(Self { spec: Spec { rate, channels, depth }, bytes, bits, float }))
    }

    /// Bits of one sample that are used, by the header.
    #[must_use]
    pub fn bits(self) -> u16 {
        self.bits
    }

    /// Bytes of one frame.
    #[must_use]
    pub fn frame_bytes(self) -> usize {
        usize::from(self.bytes) * usize::from(self.spec.channels)
    }

    /// A header that hound takes, for `len` bytes of data.
    fn header(self, len: u32) -> [u8; 44] {
        let mut header = [0; 44];
        let align = self.bytes * self.spec.channels;
        let tag = if self.float { IEEE_FLOAT } else { PCM };
        header[..4].copy_from_slice(b"RIFF");
        header[4..8].copy_from_slice(&(36 + len).to_le_bytes());
        header[8..16].copy_from_slice(b"WAVEfmt ");
        header[16..20].copy_from_slice(&16_u32.to_le_bytes());
        header[20..22].copy_from_slice(&tag.to_le_bytes());
        header[22..24].copy_from_slice(&self.spec.channels.to_le_bytes());
        header[24..28].copy_from_slice(&self.spec.rate.to_le_bytes());
        header[28..32].copy_from_slice(&(self.spec.rate * u32::from(align)).to_le_bytes());
        header[32..34].copy_from_slice(&align.to_le_bytes());
        header[34..36].copy_from_slice(&(self.bytes * 8).to_le_bytes());
        header[36..40].copy_from_slice(b"data");
        header[40..44].copy_from_slice(&len.to_le_bytes());
        header
    }
}

/// How the data ended, for a warning or a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// As announced.
    Whole,
    /// The source ended this many bytes before the announced length.
    Short(u64),
    /// The last frame lacks bytes: so many were left over.
    Ragged(usize),
}

impl End {
    /// What the user should know about it.
    #[must_use]
    pub fn warning(self) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Short(bytes) => {
                Some(format!("the data ends {bytes} bytes before its announced end; what is there was used"))
            }
            Self::Ragged(1) => Some("the last frame is incomplete; its 1 byte was left out".into()),
            Self::Ragged(bytes) => {
                Some(format!("the last frame is incomplete; its {bytes} bytes were left out"))
            }
        }
    }
}

/// Reads PCM data block by block.
pub struct Reader<R> {
    source: R,
    layout: Layout,
    /// Bytes still announced; `None` reads to the end of the source.
    left: Option<u64>,
    /// A header's room, then the bytes read, of which the last ones may be part of a frame.
    buffer: Vec<u8>,
    /// Bytes of an unfinished frame that stand behind the header's room.
    carried: usize,
    end: Option<End>,
}

const HEADER: usize = 44;

impl<R: Read> Reader<R> {
    /// Reads `data_len` bytes, or to the end.
    pub fn new(source: R, layout: Layout, data_len: Option<u64>) -> Self {
        // A partial frame at the end of the announced data belongs to nothing.
        Self { source, layout, left: data_len, buffer: vec![0; HEADER + BLOCK_BYTES], carried: 0, end: None }
    }

    /// Replaces `block` by the next frames, interleaved. Returns the number of frames, 0 at the end.
    /// Takes what a pipe has to give instead of waiting for a full block.
    ///
    /// # Errors
    /// `Input` when reading fails.
    pub fn read(&mut self, block: &mut Vec<f32>) -> Result<usize, Failure> {
        block.clear();
        let frame_bytes = self.layout.frame_bytes();
        while self.end.is_none() && self.carried < frame_bytes {
            let room = self.left.unwrap_or(u64::MAX).min((BLOCK_BYTES - self.carried) as u64) as usize;
            let from = HEADER + self.carried;
            match self.source.read(&mut self.buffer[from..from + room]) {
                Ok(0) => self.end = Some(self.how_it_ended()),
                Ok(n) => {
                    self.carried += n;
                    self.left = self.left.map(|left| left - n as u64);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Failure::reading(&error)),
            }
        }
        let frames = self.carried / frame_bytes;
        let bytes = frames * frame_bytes;
        if frames > 0 {
            self.convert(bytes, block)?;
            self.buffer.copy_within(HEADER + bytes..HEADER + self.carried, HEADER);
            self.carried -= bytes;
        }
        Ok(frames)
    }

    /// How the data ended; `None` before the end.
    pub fn end(&self) -> Option<End> {
        self.end
    }

    fn how_it_ended(&self) -> End {
        match self.left {
            Some(left) if left > 0 => End::Short(left),
            _ if self.carried > 0 => End::Ragged(self.carried),
            _ => End::Whole,
        }
    }

    fn convert(&mut self, bytes: usize, block: &mut Vec<f32>) -> Result<(), Failure> {
        self.buffer[..HEADER].copy_from_slice(&self.layout.header(bytes as u32));
        let mut wav =
            WavReader::new(Cursor::new(&self.buffer[..HEADER + bytes])).map_err(|error| refused(&error))?;
        block.reserve(wav.len() as usize);
        let spec = wav.spec();
        if spec.sample_format == SampleFormat::Float {
            for sample in wav.samples::<f32>() {
                block.push(sample.map_err(|error| refused(&error))?);
            }
        } else {
            // Exact for up to 24 bits; 32-bit samples are rounded to what an f32 holds.
            let scale = (-f32::from(spec.bits_per_sample - 1)).exp2();
            for sample in wav.samples::<i32>() {
                block.push(sample.map_err(|error| refused(&error))? as f32 * scale);
            }
        }
        Ok(())
    }
}

fn refused(error: &hound::Error) -> Failure {
    damaged(&error.to_string())
}
