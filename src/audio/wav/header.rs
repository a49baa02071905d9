//! The chunks of a WAV file, up to the first byte of its data.

use std::io::{self, Read, Seek, SeekFrom};

use super::{EXTENSIBLE, damaged, u16_at, u32_at, u64_at};
use crate::audio::probe::W64_RIFF;
use crate::error::Failure;
use crate::source::Input;

/// The largest `fmt ` chunk that is kept; ADPCM has 50 bytes, the rest is vendors' own.
const MAX_FMT: u64 = 1024;

/// From here on a 32-bit data length is what a writer to a pipe left: sox 0x7FFF_F000, arecord about
/// 0x8000_0000, ffmpeg 0xFFFF_FFFF, others in between.
const STREAMED: u64 = 0x7fff_0000;

/// The same for lengths of 64 bits: ffmpeg leaves i64::MAX, less what its header takes.
const WIDE_STREAMED: u64 = 1 << 62;

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
        // All codings but PCM state the length of their extension, also where there is none.
        fmt.resize(fmt.len().next_multiple_of(2).max(18), 0);
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
    let mut bytes = Counted { inner: reader, count: 0 };
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
                if len == 0 && !wave64 && file_len.is_some() && only_chunks_follow(bytes.inner)? {
                    return Ok(Header { fmt, data_len: Some(0), data_offset: bytes.count });
                }
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

/// Whether metadata follows in a file, and not the samples of a writer that could not know their length.
fn only_chunks_follow(file: &mut Input) -> Result<bool, Failure> {
    const METADATA: [&[u8; 4]; 6] = [b"LIST", b"id3 ", b"ID3 ", b"bext", b"iXML", b"cue "];
    let here = file.stream_position().map_err(|error| Failure::reading(&error))?;
    let mut id = [0; 4];
    let read = file.read_exact(&mut id);
    file.seek(SeekFrom::Start(here)).map_err(|error| Failure::reading(&error))?;
    Ok(read.is_ok() && METADATA.contains(&&id))
}

/// The announced length of the data, unless it is one that a writer to a pipe leaves.
fn trusted(announced: u64, wide: bool, offset: u64, file_len: Option<u64>) -> Option<u64> {
    // A 32-bit length wraps around in a file of more than 4 GiB.
    let wrapped = !wide && file_len.is_some_and(|len| len.saturating_sub(offset) > u64::from(u32::MAX));
    let streamed = announced == 0 || announced >= if wide { WIDE_STREAMED } else { STREAMED };
    let there = file_len.map(|len| len.saturating_sub(offset));
    let complete = there.is_some_and(|there| there >= announced);
    (!wrapped && (!streamed || (complete && announced > 0))).then_some(announced)
}

/// Chunks start at even offsets, those of Wave64 at multiples of 8.
fn padding(len: u64, wave64: bool) -> u64 {
    if wave64 { len.wrapping_neg() % 8 } else { len % 2 }
}

/// A reader that counts, and whose end within a header is a failure of the input.
struct Counted<'a> {
    inner: &'a mut Input,
    count: u64,
}

impl Counted<'_> {
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
