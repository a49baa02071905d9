//! WAV, to files and to pipes.
//!
//! Written here and not by hound, whose writer needs to seek and stops at 4 GiB. A file's lengths are
//! filled in at the end; from 4 GiB on it becomes RF64 (EBU Tech 3306), for which room is kept. A pipe's
//! header has the length where it is known, else the 0xFFFF_FFFF that readers of pipes understand.

use super::Encode;
use super::quantise::Quantiser;
use crate::audio::wav::{EXTENSIBLE, IEEE_FLOAT, PCM};
use crate::audio::{Depth, Spec};
use crate::error::Failure;
use crate::sink::Output;

/// The end of the sub-format GUIDs for PCM and float.
const GUID_TAIL: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// The usual loudspeakers for 1 to 8 channels, as ffmpeg and Windows assign them.
const SPEAKERS: [u32; 8] = [0x4, 0x3, 0x7, 0x33, 0x37, 0x3f, 0x70f, 0x63f];

pub(super) struct Wav {
    output: Output,
    /// `None` for float, which is written as it is.
    quantiser: Option<Quantiser>,
    samples: Vec<i32>,
    header: Header,
    data_len: u64,
    /// Whether the header says where the data ends. If not, what makes its length even would be taken for data.
    ends: bool,
}

impl Wav {
    pub(super) fn new(spec: Spec, frames: Option<u64>, mut output: Output) -> Result<Self, Failure> {
        let header = Header { spec, seekable: output.is_seekable() };
        let announced = frames.map(|frames| frames * header.align());
        output.write_all(&header.bytes(announced))?;
        let quantiser = match spec.depth {
            Depth::Float32 => None,
            Depth::Int16 | Depth::Int24 => {
                Some(Quantiser::new(spec.rate, spec.channels, u32::from(header.bits())))
            }
        };
        let ends = header.seekable || frames.is_some();
        Ok(Self { output, quantiser, samples: Vec::new(), header, data_len: 0, ends })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.data_len += bytes.len() as u64;
        self.output.write_all(bytes)?;
        self.output.pass_on()
    }

    fn put_integers(&mut self) -> Result<(), Failure> {
        let width = usize::from(self.header.bits() / 8);
        let mut bytes = Vec::with_capacity(self.samples.len() * width);
        for sample in self.samples.drain(..) {
            bytes.extend_from_slice(&sample.to_le_bytes()[..width]);
        }
        self.put(&bytes)
    }
}

impl Encode for Wav {
    fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure> {
        if let Some(quantiser) = &mut self.quantiser {
            quantiser.push(interleaved, &mut self.samples);
            self.put_integers()
        } else {
            let bytes: Vec<u8> = interleaved.iter().flat_map(|sample| sample.to_le_bytes()).collect();
            self.put(&bytes)
        }
    }

    fn finish(mut self: Box<Self>) -> Result<u64, Failure> {
        if let Some(quantiser) = &mut self.quantiser {
            quantiser.finish(&mut self.samples);
            self.put_integers()?;
        }
        if self.ends && self.data_len % 2 == 1 {
            self.output.write_all(&[0])?;
        }
        if self.output.is_seekable() {
            let header = self.header.bytes(Some(self.data_len));
            self.output.overwrite(0, &header)?;
        }
        self.output.commit()
    }
}

#[derive(Clone, Copy)]
struct Header {
    spec: Spec,
    /// Whether to keep room for becoming RF64.
    seekable: bool,
}

impl Header {
    fn bits(self) -> u16 {
        match self.spec.depth {
            Depth::Int16 => 16,
            Depth::Int24 => 24,
            Depth::Float32 => 32,
        }
    }

    /// Bytes of a frame.
    fn align(self) -> u64 {
        u64::from(self.bits() / 8 * self.spec.channels)
    }

    /// The header for so many bytes of data; `None` where a pipe's length is unknown.
    fn bytes(self, data_len: Option<u64>) -> Vec<u8> {
        let fmt = self.fmt();
        let float = self.spec.depth == Depth::Float32;
        // What follows the first 8 bytes, without the data.
        let room: u64 = if self.seekable { 36 } else { 0 };
        let fact = if float { 12 } else { 0 };
        let around = 4 + room + 8 + fmt.len() as u64 + fact + 8;
        let riff_len = data_len.map(|len| around + len + len % 2);
        let short = |len: Option<u64>| len.and_then(|len| u32::try_from(len).ok()).unwrap_or(u32::MAX);
        let long = self.seekable && riff_len.is_some_and(|len| len >= u64::from(u32::MAX));

        let mut header = Vec::with_capacity(128);
        header.extend_from_slice(if long { b"RF64" } else { b"RIFF" });
        header.extend_from_slice(&if long { u32::MAX } else { short(riff_len) }.to_le_bytes());
        header.extend_from_slice(b"WAVE");
        let frames = data_len.map(|len| len / self.align());
        if self.seekable {
            header.extend_from_slice(if long { b"ds64" } else { b"JUNK" });
            header.extend_from_slice(&28_u32.to_le_bytes());
            for len in [riff_len, data_len, frames] {
                let len = if long { len.unwrap_or(0) } else { 0 };
                header.extend_from_slice(&len.to_le_bytes());
            }
            header.extend_from_slice(&[0; 4]);
        }
        header.extend_from_slice(b"fmt ");
        header.extend_from_slice(&(fmt.len() as u32).to_le_bytes());
        header.extend_from_slice(&fmt);
        if float {
            header.extend_from_slice(b"fact");
            header.extend_from_slice(&4_u32.to_le_bytes());
            header.extend_from_slice(&short(frames).to_le_bytes());
        }
        header.extend_from_slice(b"data");
        header.extend_from_slice(&if long { u32::MAX } else { short(data_len) }.to_le_bytes());
        header
    }

    /// The body of the `fmt ` chunk: the plain one where readers agree on it, else WAVE_FORMAT_EXTENSIBLE.
    fn fmt(self) -> Vec<u8> {
        let Spec { rate, channels, depth } = self.spec;
        let tag = if depth == Depth::Float32 { IEEE_FLOAT } else { PCM };
        let extensible = channels > 2 || depth == Depth::Int24;
        let align = self.align() as u16;
        let mut fmt = Vec::with_capacity(40);
        fmt.extend_from_slice(&if extensible { EXTENSIBLE } else { tag }.to_le_bytes());
        fmt.extend_from_slice(&channels.to_le_bytes());
        fmt.extend_from_slice(&rate.to_le_bytes());
        fmt.extend_from_slice(&(rate * u32::from(align)).to_le_bytes());
        fmt.extend_from_slice(&align.to_le_bytes());
        fmt.extend_from_slice(&self.bits().to_le_bytes());
        if extensible {
            // From here on, the extension: first its length.
            fmt.extend_from_slice(&22_u16.to_le_bytes());
            fmt.extend_from_slice(&self.bits().to_le_bytes());
            let speakers = SPEAKERS.get(usize::from(channels) - 1).copied().unwrap_or(0);
            fmt.extend_from_slice(&speakers.to_le_bytes());
            fmt.extend_from_slice(&tag.to_le_bytes());
            fmt.extend_from_slice(&GUID_TAIL);
        } else if tag != PCM {
            // All formats but PCM state the length of their extension, also where there is none.
            fmt.extend_from_slice(&0_u16.to_le_bytes());
        }
        fmt
    }
}
