//! Ogg Opus, by the crate `opus-pure`.

use opus_pure::{
    Application, MAX_PACKET_BYTES, OggOpusWriter, OpusEncoder, OpusHead, OpusMSEncoder, OpusTags,
};

use super::Encode;
use super::limiter::Limiter;
use crate::audio::resample::{Blocks, Resampler};
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
    order: &'static [usize],
    blocks: Blocks,
    resamplers: Vec<Resampler>,
    /// Per channel: what is short of a block.
    waiting: Vec<Vec<f32>>,
    /// Frames that came in, and went out.
    taken: u64,
    given: u64,
    /// Frames at the start that the filters made.
    lag: usize,
    from: u32,
}

impl Rate {
    fn new(spec: Spec) -> Result<Self, Failure> {
        let channels = usize::from(spec.channels);
        // An even number of frames, so that the filters' lag of half a block is a whole one.
        let blocks = Blocks::new(spec.rate, RATE, 2, RESAMPLED);
        let resamplers = (0..channels).map(|_| Resampler::new(blocks)).collect::<Result<Vec<_>, _>>()?;
        let lag = if resamplers[0].is_identity() { 0 } else { blocks.b / 2 };
        Ok(Self {
            order: vorbis_order(channels),
            blocks,
            resamplers,
            waiting: vec![Vec::new(); channels],
            taken: 0,
            given: 0,
            lag,
            from: spec.rate,
        })
    }

    fn convert(&mut self, interleaved: &[f32], output: &mut Vec<f32>) -> Result<(), Failure> {
        let channels = self.waiting.len();
        self.taken += (interleaved.len() / channels) as u64;
        self.feed(interleaved, u64::MAX, output)
    }

    /// Gives the rest. Returns the number of frames at 48 kHz in all.
    fn finish(&mut self, output: &mut Vec<f32>) -> Result<u64, Failure> {
        let frames = (self.taken * u64::from(RATE)).div_ceil(self.from.into());
        let silence = vec![0.0; self.blocks.a * self.waiting.len()];
        while self.given < frames {
            self.feed(&silence, frames, output)?;
        }
        Ok(frames)
    }

    /// Resamples whole blocks and appends frames, `most` in all.
    fn feed(&mut self, interleaved: &[f32], most: u64, output: &mut Vec<f32>) -> Result<(), Failure> {
        let channels = self.waiting.len();
        for (to, from) in self.order.iter().enumerate() {
            // The order tells where WAV's channels are in Vorbis's; this is the way back.
            self.waiting[*from].extend(interleaved.iter().skip(to).step_by(channels));
        }
        let whole = self.waiting[0].len() / self.blocks.a;
        let mut planes = vec![Vec::with_capacity(whole * self.blocks.b); channels];
        for (channel, plane) in planes.iter_mut().enumerate() {
            let used = whole * self.blocks.a;
            for block in self.waiting[channel][..used].chunks_exact(self.blocks.a) {
                self.resamplers[channel].process(block, plane)?;
            }
            self.waiting[channel].drain(..used);
        }
        let early = self.lag.min(planes[0].len());
        self.lag -= early;
        let ready = ((planes[0].len() - early) as u64).min(most - self.given) as usize;
        for frame in early..early + ready {
            output.extend(planes.iter().map(|plane| plane[frame]));
        }
        self.given += ready as u64;
        Ok(())
    }
}

fn refused(error: &opus_pure::Error) -> Failure {
    Failure::internal(format!("the Opus encoder failed: {error}"))
}
