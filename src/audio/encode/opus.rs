//! Ogg Opus, by the crate `opus-pure`.

use opus_pure::{
    Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead, OpusMSEncoder, OpusTags,
};

use super::Encode;
use super::limiter::Limiter;
use crate::audio::resample::Converter;
use crate::audio::{Spec, vorbis_order};
use crate::error::Failure;
use crate::sink::Output;

/// The rate that Opus is played at, and written at here: the encoder narrows the band by itself.
const RATE: u32 = 48_000;

/// Frames of a packet, 20 ms.
const PACKET: usize = 960;

/// Bits per second for the first channel and for each further one: transparent for speech.
const BITS: i32 = 48_000;

/// The shortest block that is resampled at once, in frames at 48 kHz.
const RESAMPLED: usize = 960;

/// The number of the logical stream. It only has to differ within a file, and a fixed one makes the same
/// input give the same bytes.
const SERIAL: u32 = 0x766f_7873;

pub(super) struct Opus {
    output: Output,
    /// Opus keeps what is louder than full scale, and players clip it.
    limiter: Limiter,
    limited: Vec<f32>,
    encoder: Encoder,
    writer: OggOpusWriter<Vec<u8>>,
    rate: Rate,
    channels: usize,
    /// Frames that the decoder discards at the start.
    pre_skip: u64,
    /// Interleaved frames at 48 kHz that wait for a packet, in Vorbis's order of channels.
    waiting: Vec<f32>,
    packet: Vec<u8>,
}

enum Encoder {
    Plain(Box<OpusEncoder>),
    Surround(Box<OpusMSEncoder>),
}

impl Opus {
    pub(super) fn new(spec: Spec, output: Output) -> Result<Self, Failure> {
        let channels = usize::from(spec.channels);
        let (encoder, head) = if channels <= 2 {
            let mut encoder = OpusEncoder::new(RATE.cast_signed(), channels, Application::Audio)
                .map_err(|error| refused(&error))?;
            encoder.bitrate_bps = BITS * i32::from(spec.channels);
            let head = OpusHead::for_encoder(&encoder, spec.rate);
            (Encoder::Plain(Box::new(encoder)), head)
        } else {
            let mut encoder = OpusMSEncoder::new(RATE.cast_signed(), channels, 1, Application::Audio)
                .map_err(|error| refused(&error))?;
            encoder.set_bitrate(BITS * i32::from(spec.channels));
            let head = OpusHead::for_ms_encoder(&encoder, spec.rate);
            (Encoder::Surround(Box::new(encoder)), head)
        };
        let pre_skip = head.pre_skip.into();
        let mut writer = OggOpusWriter::with_serial(Vec::new(), head, OpusTags::new(), SERIAL)
            .map_err(|error| refused(&error))?;
        if !output.is_seekable() {
            // A page for every packet: a listener at the other end of a pipe waits for whole pages.
            writer.set_page_target(1);
        }
        Ok(Self {
            output,
            limiter: Limiter::new(spec.rate, spec.channels),
            limited: Vec::new(),
            encoder,
            writer,
            rate: Rate::new(spec)?,
            channels,
            pre_skip,
            waiting: Vec::new(),
            packet: vec![0; MAX_PACKET_BYTES],
        })
    }

    fn convert(&mut self) -> Result<(), Failure> {
        self.rate.convert(&self.limited, &mut self.waiting)?;
        self.limited.clear();
        self.encode()
    }

    /// Encodes the packets that are complete, and keeps one back: the last packet says where the audio ends.
    fn encode(&mut self) -> Result<(), Failure> {
        let samples = PACKET * self.channels;
        while self.waiting.len() > samples {
            let block: Vec<f32> = self.waiting.drain(..samples).collect();
            let length = self.encode_packet(&block)?;
            self.writer.write_packet(&self.packet[..length]).map_err(|error| refused(&error))?;
        }
        self.pass_on()
    }

    fn encode_packet(&mut self, block: &[f32]) -> Result<usize, Failure> {
        let encoded = match &mut self.encoder {
            Encoder::Plain(encoder) => encoder.encode(block, PACKET, &mut self.packet),
            Encoder::Surround(encoder) => encoder.encode(block, PACKET, &mut self.packet),
        };
        encoded.map_err(|error| refused(&error))
    }

    fn pass_on(&mut self) -> Result<(), Failure> {
        if let Some(bytes) = self.writer.get_mut() {
            let bytes = std::mem::take(bytes);
            self.output.write_all(&bytes)?;
        }
        self.output.pass_on()
    }
}

impl Encode for Opus {
    fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure> {
        self.limiter.push(interleaved, &mut self.limited);
        self.convert()
    }

    fn finish(mut self: Box<Self>) -> Result<u64, Failure> {
        self.limiter.finish(&mut self.limited);
        self.convert()?;
        let frames = self.rate.finish(&mut self.waiting)?;
        self.encode()?;
        // The encoder is so many frames behind; silence brings the last of the audio out.
        let end = self.pre_skip + frames;
        loop {
            let written = u64::try_from(self.writer.granule()).unwrap_or(0);
            self.waiting.resize(PACKET * self.channels, 0.0);
            let block = std::mem::take(&mut self.waiting);
            let length = self.encode_packet(&block)?;
            let left = end.saturating_sub(written);
            if left > PACKET as u64 {
                self.writer.write_packet(&self.packet[..length]).map_err(|error| refused(&error))?;
            } else {
                self.writer
                    .write_packet_with_duration(&self.packet[..length], left as u32)
                    .map_err(|error| refused(&error))?;
                break;
            }
        }
        let Self { writer, mut output, .. } = *self;
        let bytes = writer.finish().map_err(|error| refused(&error))?;
        output.write_all(&bytes)?;
        output.commit()
    }
}

/// Brings frames to 48 kHz and to Vorbis's order of channels.
struct Rate {
    /// Where each channel in WAV's order is in the two that follow.
    order: &'static [usize],
    converters: Vec<Converter>,
    planes: Vec<Vec<f32>>,
    /// Frames that went out.
    given: u64,
}

impl Rate {
    fn new(spec: Spec) -> Result<Self, Failure> {
        let channels = usize::from(spec.channels);
        let converter = |_| Converter::new(spec.rate, RATE, RESAMPLED);
        let converters = (0..channels).map(converter).collect::<Result<_, _>>()?;
        Ok(Self { order: vorbis_order(channels), converters, planes: vec![Vec::new(); channels], given: 0 })
    }

    fn convert(&mut self, interleaved: &[f32], output: &mut Vec<f32>) -> Result<(), Failure> {
        let channels = self.planes.len();
        for (from, to) in self.order.iter().enumerate() {
            let samples = interleaved.iter().skip(from).step_by(channels);
            self.converters[*to].push(samples.copied(), &mut self.planes[*to])?;
        }
        self.give(output);
        Ok(())
    }

    /// Gives the rest. Returns the number of frames at 48 kHz in all.
    fn finish(&mut self, output: &mut Vec<f32>) -> Result<u64, Failure> {
        for (converter, plane) in self.converters.iter_mut().zip(&mut self.planes) {
            converter.finish(plane)?;
        }
        self.give(output);
        Ok(self.given)
    }

    /// Appends what all channels have ready, which is the same number of samples.
    fn give(&mut self, output: &mut Vec<f32>) {
        let frames = self.planes[0].len();
        output.extend((0..frames).flat_map(|frame| self.planes.iter().map(move |plane| plane[frame])));
        self.planes.iter_mut().for_each(Vec::clear);
        self.given += frames as u64;
    }
}

fn refused(error: &opus_pure::Error) -> Failure {
    Failure::internal(format!("the Opus encoder failed: {error}"))
}
