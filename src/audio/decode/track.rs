//! Which track of a container is decoded, and what is to be cut off it.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_MP3, CODEC_ID_OPUS, CODEC_ID_PCM_F32BE, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64BE,
    CODEC_ID_PCM_F64LE, CODEC_ID_PCM_S24BE, CODEC_ID_PCM_S24LE, CODEC_ID_PCM_S32BE, CODEC_ID_PCM_S32LE,
    CODEC_ID_VORBIS,
};
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::codecs::registry::CodecRegistry;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, Track, TrackType};

use super::estimate::Estimate;
use super::opus::{Head, Opus};
use super::trim::End;
use super::{mkv, mp4};
use crate::audio::probe::Format;
use crate::audio::{Depth, RATES, Spec};
use crate::error::Failure;

/// What to do about a codec that is not supported.
const CONVERT: &str = "convert it first: ffmpeg -i IN OUT.wav";

/// More frames than any encoder puts before or behind the audio.
pub(super) const MAX_PADDING: u64 = 8192;

/// What is known of a file besides what symphonia tells.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) mp4: mp4::Survey,
    pub(super) mkv: mkv::Paddings,
    pub(super) estimate: Estimate,
}

/// A track that can be decoded, and what is to be cut off it.
pub(super) struct Picked {
    pub(super) track: u32,
    pub(super) params: AudioCodecParameters,
    pub(super) decoder: Box<dyn AudioDecoder>,
    /// Frames of audio, by the header.
    pub(super) announced: Option<u64>,
    pub(super) skip: u64,
    pub(super) end: End,
}

/// Picks the first audio track that can be decoded.
pub(super) fn pick(reader: &dyn FormatReader, format: Format, facts: &Facts) -> Result<Picked, Failure> {
    let mut refused = None;
    for track in reader.tracks().iter().filter(|track| track.track_type() == Some(TrackType::Audio)) {
        let Some(CodecParameters::Audio(params)) = &track.codec_params else {
            continue;
        };
        let mut params = params.clone();
        if facts.mp4.track(track.id).is_some_and(|track| track.big_endian) {
            params.codec = big_endian(params.codec);
        }
        let channels = params.channels.as_ref().map_or(1, Channels::count);
        let channels = u16::try_from(channels).unwrap_or(u16::MAX);
        // Before a decoder makes room for what the header says.
        Spec { rate: params.sample_rate.unwrap_or(*RATES.start()), channels, depth: Depth::Int16 }
            .checked()?;
        // symphonia 0.6 decodes Vorbis of more than two channels to noise.
        if params.codec == CODEC_ID_VORBIS && channels > 2 {
            refused =
                Some(("Vorbis of more than two channels", "convert it to FLAC first: ffmpeg -i IN OUT.flac"));
            continue;
        }
        match make_decoder(&params) {
            Ok(decoder) => return Ok(cut(track, params, decoder, format, facts)),
            Err(_) => refused = Some(("its audio codec, or its number of channels,", CONVERT)),
        }
    }
    // A coding that symphonia has no name for is a track of no type.
    if refused.is_none() && reader.tracks().iter().any(|track| track.track_type().is_none()) {
        refused = Some(("its audio codec", CONVERT));
    }
    Err(match refused {
        Some((what, hint)) => Failure::input(format!("{what} is not supported"), hint),
        None => {
            Failure::input("there is no audio in it", "check the recording: only video or data was found")
        }
    })
}

pub(super) fn make_decoder(params: &AudioCodecParameters) -> Result<Box<dyn AudioDecoder>, Error> {
    // What an MP3's tag says about its length may be true of its first part only, so `Trim` cuts there.
    let options = AudioDecoderOptions::default().gapless(params.codec != CODEC_ID_MP3);
    let mut codecs = CodecRegistry::new();
    symphonia::default::register_enabled_codecs(&mut codecs);
    codecs.register_audio_decoder::<Opus>();
    codecs.make_audio_decoder(params, &options)
}

/// Finds out what encoders put before and behind the audio of a track.
fn cut(
    track: &Track,
    params: AudioCodecParameters,
    decoder: Box<dyn AudioDecoder>,
    format: Format,
    facts: &Facts,
) -> Picked {
    // Fragmented MP4 says 0 and means that it does not know.
    let frames = track.num_frames.filter(|frames| *frames > 0);
    let rate = params.sample_rate.unwrap_or(0);
    let pre_skip = (params.codec == CODEC_ID_OPUS)
        .then(|| params.extra_data.as_deref().and_then(Head::parse))
        .flatten()
        .map(|head| u64::from(head.pre_skip));
    let delay = match format {
        Format::Mpeg => u64::from(track.delay.unwrap_or(0)),
        Format::IsoMp4 => facts.mp4.track(track.id).map_or(0, |track| track.skip(rate)),
        _ => 0,
    };
    let skip = pre_skip.unwrap_or(delay);
    let (announced, end) = match (format, frames) {
        // Without a tag there is nothing to cut.
        (Format::Mpeg, Some(keep)) if track.delay.is_some() => {
            (Some(keep), End::After { keep, slack: u64::from(track.padding.unwrap_or(0)) })
        }
        (Format::IsoMp4, Some(frames)) => {
            let keep = frames.saturating_sub(skip);
            (Some(keep), End::After { keep, slack: MAX_PADDING })
        }
        (Format::Matroska, _) => match facts.mkv.of(track.id, rate).min(MAX_PADDING) {
            0 => (frames, End::Stream),
            padding => (frames, End::Before(padding)),
        },
        (_, frames) => (frames.map(|frames| frames.saturating_sub(pre_skip.unwrap_or(0))), End::Stream),
    };
    Picked { track: track.id, params, decoder, announced, skip, end }
}

/// The big-endian twin of a codec that symphonia takes for little-endian.
fn big_endian(codec: AudioCodecId) -> AudioCodecId {
    match codec {
        CODEC_ID_PCM_S24LE => CODEC_ID_PCM_S24BE,
        CODEC_ID_PCM_S32LE => CODEC_ID_PCM_S32BE,
        CODEC_ID_PCM_F32LE => CODEC_ID_PCM_F32BE,
        CODEC_ID_PCM_F64LE => CODEC_ID_PCM_F64BE,
        other => other,
    }
}
