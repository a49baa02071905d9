//! Reading WAV: RIFF, RF64/BW64 and Sony Wave64, from files and from pipes.
//!
//! The chunks are walked here, because writers to a pipe leave any length they like in the header, and
//! hound refuses those. The samples are hound's: each block goes to it behind a header that states the
//! block's true length.

use std::io::{self, Cursor, Read};

use hound::{SampleFormat, WavReader};

use super::probe::W64_RIFF;
use super::{Depth, Spec};
use crate::error::Failure;
use crate::source::Input;

/// `wFormatTag` values (Microsoft `mmreg.h`).
const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// The largest `fmt ` chunk that is kept; ADPCM has 50 bytes, the rest is vendors' own.
const MAX_FMT: u64 = 1024;

/// From here on a 32-bit data length is what a writer to a pipe left: sox 0x7FFF_F000, arecord about
/// 0x8000_0000, ffmpeg 0xFFFF_FFFF, others in between.
const STREAMED: u64 = 0x7fff_0000;

/// Bytes that are read at once. A live pipe delivers less, and that is passed on at once.
const BLOCK_BYTES: usize = 64 * 1024;

/// What the header says, up to the first byte of the data.
#[derive(Debug, Clone)]
pub struct Header {
    /// The `fmt ` chunk as it stands.
    pub fmt: Vec<u8>,
    /// Announced length of the data in bytes; `None` when a pipe's writer could not know it.
    pub data_len: Option<u64>,
    /// Bytes of the file before the data.
    pub data_offset: u64,
}

impl Header {
    /// The header of a plain RIFF file with the same coding and so many bytes of data.
    #[must_use]
    pub fn plain_riff(&self, data_len: u32) -> Vec<u8> {
        let mut fmt = self.fmt.clone();
        if u16_at(&fmt, 0) == EXTENSIBLE && fmt.len() >= 26 {
            // The plain tag, and no extension.
            fmt.copy_within(24..26, 0);
            fmt.truncate(18);
            fmt[16..].fill(0);
        }
        if fmt.len() % 2 == 1 {
            fmt.push(0);
        }
        let mut header = b"RIFF".to_vec();
        header.extend_from_slice(&data_len.saturating_add(20 + fmt.len() as u32).to_le_bytes());
        header.extend_from_slice(b"WAVEfmt ");
        header.extend_from_slice(&(fmt.len() as u32).to_le_bytes());
        header.extend_from_slice(&fmt);
        header.extend_from_slice(b"data");
        header.extend_from_slice(&data_len.to_le_bytes());
        header
    }
}

/// Reads the header and leaves `reader` at the first byte of the data.
///
/// # Errors
/// `Input` when the header is cut short, has no `fmt ` before its `data`, or no `data`.
pub fn read_header(reader: &mut Input) -> Result<Header, Failure> {
    let file_len = reader.byte_len();
    let mut bytes = Counted {
        inner: reader,
        count: 0,
    };
    let mut magic = [0; 12];
    bytes.exact(&mut magic)?;
    let wave64 = magic[..4] == W64_RIFF[..4];
    if wave64 {
        // The rest of the GUID, the file's length, and the GUID that stands for `wave`.
        bytes.skip(16 + 8 + 16 - 12)?;
    }
    let mut fmt = None;
    let mut long_data = None;
    loop {
        let (id, len) = bytes.chunk(wave64)?;
        match &id {
            b"fmt " if (14..=MAX_FMT).contains(&len) => {
                let mut body = vec![0; len as usize];
                bytes.exact(&mut body)?;
                bytes.skip(padding(len, wave64))?;
                fmt = Some(body);
            }
            b"fmt " => return Err(damaged(&format!("its fmt chunk has {len} bytes"))),
            b"ds64" if len >= 16 => {
                let mut sizes = [0; 16];
                bytes.exact(&mut sizes)?;
                long_data = Some(u64_at(&sizes, 8));
                bytes.skip(len - 16 + padding(len, wave64))?;
            }
            b"data" => {
                let fmt = fmt.ok_or_else(|| damaged("the data comes before the fmt chunk"))?;
                let announced = long_data.filter(|_| len == u64::from(u32::MAX)).unwrap_or(len);
                return Ok(Header {
                    fmt,
                    data_len: trusted(announced, wave64 || long_data.is_some(), bytes.count, file_len),
                    data_offset: bytes.count,
                });
            }
            _ => bytes.skip(len.saturating_add(padding(len, wave64)))?,
        }
    }
}

/// The announced length of the data, unless it is one that a writer to a pipe leaves.
fn trusted(announced: u64, wide: bool, offset: u64, file_len: Option<u64>) -> Option<u64> {
    // A 32-bit length wraps around in a file of more than 4 GiB.
    let wrapped = !wide && file_len.is_some_and(|len| len.saturating_sub(offset) > u64::from(u32::MAX));
    let streamed = announced == 0 || announced >= if wide { i64::MAX as u64 } else { STREAMED };
    let there = file_len.map(|len| len.saturating_sub(offset));
    let complete = there.is_some_and(|there| there >= announced);
    (!wrapped && (!streamed || (complete && announced > 0))).then_some(announced)
}

/// Chunks start at even offsets, those of Wave64 at multiples of 8.
fn padding(len: u64, wave64: bool) -> u64 {
    if wave64 { len.wrapping_neg() % 8 } else { len % 2 }
}

fn damaged(what: &str) -> Failure {
    Failure::input(
        format!("the WAV header is damaged: {what}"),
        "record or export it again; if the samples are intact, read them with --raw --rate HZ --channels N",
    )
}

/// A reader that counts, and whose end within a header is a failure of the input.
struct Counted<'a, R> {
    inner: &'a mut R,
    count: u64,
}

impl<R: Read> Counted<'_, R> {
    fn exact(&mut self, buf: &mut [u8]) -> Result<(), Failure> {
        self.count += buf.len() as u64;
        self.inner.read_exact(buf).map_err(|error| cut_short(&error))
    }

    fn skip(&mut self, len: u64) -> Result<(), Failure> {
        self.count = self.count.saturating_add(len);
        let skipped = io::copy(&mut self.inner.by_ref().take(len), &mut io::sink());
        match skipped {
            Ok(n) if n == len => Ok(()),
            Ok(_) => Err(cut_short(&io::ErrorKind::UnexpectedEof.into())),
            Err(error) => Err(cut_short(&error)),
        }
    }

    /// The name and the length of the next chunk, without its header.
    fn chunk(&mut self, wave64: bool) -> Result<([u8; 4], u64), Failure> {
        let mut id = [0; 4];
        if wave64 {
            let mut header = [0; 24];
            self.exact(&mut header)?;
            id.copy_from_slice(&header[..4]);
            // A Wave64 length includes the 24 bytes of the header.
            let len = u64_at(&header, 16)
                .checked_sub(24)
                .ok_or_else(|| damaged("a chunk has a length below its header's"))?;
            return Ok((id, len));
        }
        let mut header = [0; 8];
        self.exact(&mut header)?;
        id.copy_from_slice(&header[..4]);
        Ok((id, u64::from(u32_at(&header, 4))))
    }
}

fn cut_short(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        Failure::input(
            "the WAV file ends before its first sample",
            "record or export it again; there is no audio in it",
        )
    } else {
        Failure::reading(error)
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes
        .get(at..at + 2)
        .map_or(0, |b| u16::from_le_bytes([b[0], b[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from(u16_at(bytes, at)) | u32::from(u16_at(bytes, at + 2)) << 16
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from(u32_at(bytes, at)) | u64::from(u32_at(bytes, at + 4)) << 32
}

/// How PCM is laid out in the data, when it is a kind that hound converts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Layout {
    /// Rate, channels and depth.
    pub spec: Spec,
    /// Bytes of one sample, 1 to 4.
    bytes: u16,
    float: bool,
}

impl Layout {
    /// Headerless 16-bit little-endian samples.
    #[must_use]
    pub fn s16le(rate: u32, channels: u16) -> Self {
        Self {
            spec: Spec {
                rate,
                channels,
                depth: Depth::Int16,
            },
            bytes: 2,
            float: false,
        }
    }

    /// Reads a `fmt ` chunk. `None` means a coding that hound does not convert: companded, ADPCM, 64-bit.
    ///
    /// # Errors
    /// `Input` when the chunk contradicts itself.
    pub fn of(fmt: &[u8]) -> Result<Option<Self>, Failure> {
        let (mut tag, channels, rate) = (u16_at(fmt, 0), u16_at(fmt, 2), u32_at(fmt, 4));
        let (align, bits) = (u16_at(fmt, 12), u16_at(fmt, 14));
        if tag == EXTENSIBLE && fmt.len() >= 26 {
            // The sub-format's GUID starts with the plain tag.
            tag = u16_at(fmt, 24);
        }
        // The container decides, not the number of valid bits: those are the upper ones, by the format's
        // definition, so that the container read as a whole has the right level.
        let Some(bytes) = align.checked_div(channels) else {
            return Ok(None);
        };
        let float = tag == IEEE_FLOAT;
        let convertible = if float {
            bytes == 4
        } else {
            tag == PCM && (1..=4).contains(&bytes)
        };
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
        Ok(Some(Self {
            spec: Spec {
                rate,
                channels,
                depth,
            },
            bytes,
            float,
        }))
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
        Self {
            source,
            layout,
            left: data_len,
            buffer: vec![0; HEADER + BLOCK_BYTES],
            carried: 0,
            end: None,
        }
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
            let room = self
                .left
                .unwrap_or(u64::MAX)
                .min((BLOCK_BYTES - self.carried) as u64) as usize;
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
            self.buffer
                .copy_within(HEADER + bytes..HEADER + self.carried, HEADER);
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
