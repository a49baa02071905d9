//! FLAC: frames by the crate `flac-codec`, the header by ourselves.
//!
//! The crate's own file writer keeps a seek point of every frame and finishes in its `Drop`; this one
//! holds a block, and a file that is not finished is never seen.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use flac_codec::encode::{FlacStreamWriter, Options};

use super::quantise::Quantiser;
use super::{Encode, Format};
use crate::audio::{Depth, Spec};
use crate::error::Failure;
use crate::sink::Output;

/// Frames per block, as in the reference encoder's default.
const BLOCK: usize = 4096;

pub(super) struct Flac {
    output: Output,
    frames: FlacStreamWriter<Shared>,
    encoded: Shared,
    quantiser: Quantiser,
    samples: Vec<i32>,
    md5: md5::Context,
    info: StreamInfo,
}

impl Flac {
    pub(super) fn new(spec: Spec, frames: Option<u64>, mut output: Output) -> Result<Self, Failure> {
        let rate = spec.rate;
        if !Format::Flac.can_hold(spec) {
            return Err(Failure::usage(
                format!("FLAC frames cannot state a sample rate of {rate} Hz"),
                "write another format, for example with --to wav",
            ));
        }
        let bits = if spec.depth == Depth::Int16 { 16 } else { 24 };
        let info =
            StreamInfo { rate, channels: spec.channels, bits, shortest: u32::MAX, longest: 0, frames: 0 };
        let announced = if output.is_seekable() { 0 } else { frames.unwrap_or(0) };
        output.write_all(&StreamInfo { frames: announced, ..info }.bytes([0; 16]))?;
        let encoded = Shared::default();
        Ok(Self {
            output,
            frames: FlacStreamWriter::new(encoded.clone(), Options::default()),
            encoded,
            quantiser: Quantiser::new(rate, spec.channels, bits),
            samples: Vec::new(),
            md5: md5::Context::new(),
            info,
        })
    }

    /// Encodes the samples that fill blocks, and at the end also the last, shorter one.
    fn encode(&mut self, last: bool) -> Result<(), Failure> {
        let samples = std::mem::take(&mut self.samples);
        let whole = BLOCK * usize::from(self.info.channels);
        let take = if last { samples.len() } else { samples.len() / whole * whole };
        for block in samples[..take].chunks(whole) {
            self.encode_block(block)?;
        }
        self.samples.extend_from_slice(&samples[take..]);
        self.output.pass_on()
    }

    fn encode_block(&mut self, block: &[i32]) -> Result<(), Failure> {
        let width = self.info.bits as usize / 8;
        let bytes: Vec<u8> =
            block.iter().flat_map(|sample| sample.to_le_bytes().into_iter().take(width)).collect();
        self.md5.consume(&bytes);
        self.frames
            .write(self.info.rate, self.info.channels as u8, self.info.bits, block)
            .map_err(|error| Failure::internal(format!("the FLAC encoder refused a block: {error}")))?;
        let frame = self.encoded.take();
        self.info.shortest = self.info.shortest.min(frame.len() as u32);
        self.info.longest = self.info.longest.max(frame.len() as u32);
        self.info.frames += (block.len() / usize::from(self.info.channels)) as u64;
        self.output.write_all(&frame)
    }
}

impl Encode for Flac {
    fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure> {
        self.quantiser.push(interleaved, &mut self.samples);
        self.encode(false)
    }

    fn finish(mut self: Box<Self>) -> Result<u64, Failure> {
        self.quantiser.finish(&mut self.samples);
        self.encode(true)?;
        if self.output.is_seekable() {
            let header = self.info.bytes(self.md5.finalize().0);
            self.output.overwrite(0, &header)?;
        }
        self.output.commit()
    }
}

/// What the metadata block STREAMINFO holds (RFC 9639, 8.2).
#[derive(Clone, Copy)]
struct StreamInfo {
    rate: u32,
    channels: u16,
    bits: u32,
    /// Bytes of the shortest and of the longest encoded block.
    shortest: u32,
    longest: u32,
    frames: u64,
}

impl StreamInfo {
    /// The signature and the only metadata block. Zero means unknown everywhere in it.
    fn bytes(self, md5: [u8; 16]) -> Vec<u8> {
        let shortest = if self.longest == 0 { 0 } else { self.shortest };
        let frames = if self.frames < 1 << 36 { self.frames } else { 0 };
        let packed = u64::from(self.rate) << 44
            | u64::from(self.channels - 1) << 41
            | u64::from(self.bits - 1) << 36
            | frames;
        let mut header = b"fLaC\x80\x00\x00\x22".to_vec();
        header.extend_from_slice(&(BLOCK as u16).to_be_bytes());
        header.extend_from_slice(&(BLOCK as u16).to_be_bytes());
        header.extend_from_slice(&shortest.to_be_bytes()[1..]);
        header.extend_from_slice(&self.longest.to_be_bytes()[1..]);
        header.extend_from_slice(&packed.to_be_bytes());
        header.extend_from_slice(&md5);
        header
    }
}

/// The crate's writer keeps its sink to itself, so what it wrote is fetched through this one.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
