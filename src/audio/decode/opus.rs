//! Opus packets, decoded by the crate `opus-pure` behind symphonia's trait for decoders.

use opus_pure::packet::samples_48k;
use opus_pure::{MAX_PACKET_SAMPLES, OpusDecoder, OpusMSDecoder, Repacketizer};
use symphonia::core::audio::{
    AsGenericAudioBufferRef, Audio, AudioBuffer, AudioMut, AudioSpec, Channels, GenericAudioBufferRef,
};
use symphonia::core::codecs::CodecInfo;
use symphonia::core::codecs::audio::well_known::CODEC_ID_OPUS;
use symphonia::core::codecs::audio::{
    AudioCodecParameters, AudioDecoder, AudioDecoderOptions, FinalizeResult,
};
use symphonia::core::codecs::registry::{RegisterableAudioDecoder, SupportedAudioCodec};
use symphonia::core::errors::{Result, decode_error, unsupported_error};
use symphonia::core::packet::PacketRef;

use crate::audio::vorbis_order;

/// Opus always decodes to this rate here.
pub(super) const RATE: u32 = 48_000;

/// What the identification header says (RFC 7845, 5.1).
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    channels: u8,
    /// Frames at 48 kHz that the encoder put before the audio.
    pub(super) pre_skip: u16,
    /// Output gain in 1/256 dB.
    gain: i16,
    family: u8,
}

impl Head {
    /// Parses `OpusHead`. In MP4 symphonia passes the body of `dOps`, which is version 0 and big-endian.
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let body = bytes.strip_prefix(b"OpusHead")?;
        let &[version, channels, pre_skip0, pre_skip1, _, _, _, _, gain0, gain1, family, ..] = body else {
            return None;
        };
        let number = |bytes| {
            if version == 0 { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) }
        };
        (version < 16 && channels > 0).then(|| Self {
            channels,
            pre_skip: number([pre_skip0, pre_skip1]),
            gain: number([gain0, gain1]).cast_signed(),
            family,
        })
    }
}

enum Stream {
    Plain(Box<OpusDecoder>),
    Surround(Box<OpusMSDecoder>),
}

/// Decodes Opus. The frames before the audio are left in: the caller knows the container.
pub(super) struct Opus {
    params: AudioCodecParameters,
    stream: Stream,
    buffer: AudioBuffer<f32>,
    pcm: Vec<f32>,
}

impl Opus {
    fn new(params: &AudioCodecParameters) -> Result<Self> {
        let Some(head) = params.extra_data.as_deref().and_then(Head::parse) else {
            return unsupported_error("opus: no identification header");
        };
        let Some(channels) = params.channels.clone().or_else(|| wav_order(head.channels)) else {
            return unsupported_error("opus: channels");
        };
        let count = usize::from(head.channels);
        if channels.count() != count {
            return unsupported_error("opus: channels");
        }
        let stream = if head.family == 0 {
            OpusDecoder::new(RATE.cast_signed(), count).map(|mut decoder| {
                decoder.gain_q8 = head.gain.into();
                Stream::Plain(Box::new(decoder))
            })
        } else {
            // The crate knows the mappings that encoders write, not any table.
            OpusMSDecoder::new(RATE.cast_signed(), count, head.family).map(|mut decoder| {
                for stream in decoder.streams_mut() {
                    stream.gain_q8 = head.gain.into();
                }
                Stream::Surround(Box::new(decoder))
            })
        };
        let Ok(stream) = stream else {
            return unsupported_error("opus: channel mapping");
        };
        let mut params = params.clone();
        params.with_sample_rate(RATE).with_channels(channels.clone());
        let buffer = AudioBuffer::new(AudioSpec::new(RATE, channels), MAX_PACKET_SAMPLES);
        Ok(Self { params, stream, buffer, pcm: vec![0.0; MAX_PACKET_SAMPLES * count] })
    }

    fn decode_packet(&mut self, packet: &PacketRef<'_>) -> Result<()> {
        self.buffer.clear();
        let Ok(frames) = samples_48k(packet.data) else {
            return decode_error("opus: damaged packet");
        };
        let decoded = match &mut self.stream {
            Stream::Plain(decoder) => decode_plain(decoder, packet.data, frames, &mut self.pcm),
            Stream::Surround(decoder) => decoder.decode(packet.data, frames, &mut self.pcm).ok(),
        };
        if decoded != Some(frames) {
            return decode_error("opus: damaged packet");
        }
        self.buffer.render_silence(Some(frames));
        let channels = self.buffer.spec().channels().count();
        for (channel, source) in vorbis_order(channels).iter().enumerate() {
            if let Some(plane) = self.buffer.plane_mut(channel) {
                let samples = self.pcm.iter().skip(*source).step_by(channels);
                for (to, from) in plane.iter_mut().zip(samples) {
                    *to = *from;
                }
            }
        }
        self.buffer.trim(0, packet.trim_end.get() as usize);
        Ok(())
    }
}

/// Decodes a packet of a single stream.
///
/// A frame of at most one byte stands for a pause in the transmission and is concealed (RFC 6716, 3.1):
/// `opus-pure` 0.2.2 decodes it instead, and bursts when speech resumes. So it is passed as a lost one.
fn decode_plain(decoder: &mut OpusDecoder, packet: &[u8], frames: usize, pcm: &mut [f32]) -> Option<usize> {
    const LOST: &[u8] = &[];
    // One byte is the table of contents, the low bits of which say how many frames follow.
    let pause = |packet: &[u8]| packet.len() <= 2;
    let code = packet.first()? & 3;
    if code == 0 {
        return decoder.decode(if pause(packet) { LOST } else { packet }, frames, pcm).ok();
    }
    let mut parts = Repacketizer::new();
    parts.cat(packet).ok()?;
    let count = parts.nb_frames();
    let parts: Vec<Vec<u8>> = (0..count).map(|i| parts.out_range(i, i + 1).ok()).collect::<Option<_>>()?;
    if !parts.iter().any(|part| pause(part)) {
        return decoder.decode(packet, frames, pcm).ok();
    }
    let (each, channels) = (frames / count, decoder.channels());
    let mut done = 0;
    for part in &parts {
        let part = if pause(part) { LOST } else { part };
        done += decoder.decode(part, each, &mut pcm[done * channels..]).ok()?;
    }
    Some(done)
}

/// Channels for a container that does not name them.
fn wav_order(channels: u8) -> Option<Channels> {
    (1..=8).contains(&channels).then(|| Channels::Discrete(channels.into()))
}

impl AudioDecoder for Opus {
    fn reset(&mut self) {
        // Resetting cannot fail with the parameters that the decoder was made with.
        let _ = match &mut self.stream {
            Stream::Plain(decoder) => decoder.reset_state(),
            Stream::Surround(decoder) => decoder.reset_state(),
        };
    }

    fn codec_info(&self) -> &CodecInfo {
        &CODECS[0].info
    }

    fn codec_params(&self) -> &AudioCodecParameters {
        &self.params
    }

    fn decode_ref(&mut self, packet: &PacketRef<'_>) -> Result<GenericAudioBufferRef<'_>> {
        self.decode_packet(packet)?;
        Ok(self.buffer.as_generic_audio_buffer_ref())
    }

    fn finalize(&mut self) -> FinalizeResult {
        FinalizeResult::default()
    }

    fn last_decoded(&self) -> GenericAudioBufferRef<'_> {
        self.buffer.as_generic_audio_buffer_ref()
    }
}

const CODECS: &[SupportedAudioCodec] = &[SupportedAudioCodec {
    id: CODEC_ID_OPUS,
    info: CodecInfo { short_name: "opus", long_name: "Opus", profiles: &[] },
}];

impl RegisterableAudioDecoder for Opus {
    fn try_registry_new(
        params: &AudioCodecParameters,
        _: &AudioDecoderOptions,
    ) -> Result<Box<dyn AudioDecoder>> {
        Ok(Box::new(Self::new(params)?))
    }

    fn supported_codecs() -> &'static [SupportedAudioCodec] {
        CODECS
    }
}
