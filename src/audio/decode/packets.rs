//! Everything that is not PCM in WAV: containers and codecs through symphonia, packet by packet.
//!
//! Files are read as streams where their format allows it. That is not for the pipes alone: from a
//! file that can be sought in, symphonia 0.6 refuses Ogg, AIFF and Matroska that were cut short, and
//! estimates the length of MP3 without a tag, to cut its end off at the estimate.

use symphonia::core::audio::GenericAudioBufferRef;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_ALAC, CODEC_ID_PCM_F32BE, CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F64BE, CODEC_ID_PCM_F64LE,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader};
use symphonia::core::io::{MediaSource, MediaSourceStream, MediaSourceStreamOptions, ReadOnlySource};
use symphonia::core::meta::MetadataOptions;
use symphonia::core::packet::Packet;

use super::guard::guarded;
use super::tag::WithoutId3v1;
use super::track::{Facts, MAX_PADDING, make_decoder, pick};
use super::trim::{End, Trim};
use super::{Decode, Length, Opened, estimate, mkv, mp4};
use crate::audio::probe::Format;
use crate::audio::{Depth, Spec};
use crate::error::Failure;
use crate::source::Input;

/// The largest packet of PCM that a CAF file may declare: 8 channels of 8 bytes.
const MAX_CAF_PACKET: u32 = 64;

/// A demuxer or decoder has panicked.
const GAVE_UP: Error = Error::DecodeError("it cannot be read");

/// Opens a file or a pipe.
pub(super) fn open_input(mut input: Input, format: Format) -> Result<Opened, Failure> {
    let reading = |error| Failure::reading(&error);
    if format == Format::Caf {
        check_caf(&mut input)?;
    }
    // These point from one place of the file to another.
    if matches!(format, Format::IsoMp4 | Format::Caf) && input.byte_len().is_none() {
        input = input.spooled(u64::MAX)?;
    }
    let live = input.byte_len().is_none();
    let mut facts =
        Facts { estimate: estimate::look(&mut input, format).map_err(reading)?, ..Facts::default() };
    let source: Box<dyn MediaSource> = match format {
        Format::Caf => Box::new(input),
        Format::IsoMp4 => {
            facts.mp4 = mp4::survey(&mut input).map_err(reading)?;
            if facts.mp4.streamable { Box::new(ReadOnlySource::new(input)) } else { Box::new(input) }
        }
        Format::Flac => Box::new(ReadOnlySource::new(WithoutId3v1::new(input))),
        Format::Matroska if !live => {
            facts.mkv = mkv::paddings(&mut input).map_err(reading)?;
            Box::new(ReadOnlySource::new(input))
        }
        _ => Box::new(ReadOnlySource::new(input)),
    };
    start(source, format, &facts, live)
}

/// Opens WAV data behind a plain header.
pub(super) fn open_wav(source: Box<dyn MediaSource>, live: bool) -> Result<Opened, Failure> {
    start(source, Format::Wav, &Facts::default(), live)
}

fn start(source: Box<dyn MediaSource>, format: Format, facts: &Facts, live: bool) -> Result<Opened, Failure> {
    let stream = MediaSourceStream::new(source, MediaSourceStreamOptions::default());
    let reader = guarded(|| {
        symphonia::default::get_probe().probe(
            &Hint::new(),
            stream,
            FormatOptions::default(),
            MetadataOptions::default(),
        )
    });
    let reader = reader.ok_or_else(nothing_decodes)?.map_err(|error| unreadable(&error, format))?;
    let picked = pick(&*reader, format, facts)?;
    let mut packets = Packets {
        reader,
        format,
        track: picked.track,
        decoder: picked.decoder,
        params: picked.params,
        spec: None,
        trim: None,
        announced: picked.announced,
        skip: picked.skip,
        end: picked.end,
        first: Vec::new(),
        decoded: 0,
        packet_frames: 0,
        damaged: 0,
        ended: None,
    };
    // The first packet tells the rate and the channels for certain; some headers do not.
    let mut first = Vec::new();
    packets.read(&mut first)?;
    packets.first = first;
    // It is handed out, and counted, later.
    packets.decoded = 0;
    let spec = packets.spec.ok_or_else(nothing_decodes)?;
    let estimate = facts.estimate.frames(spec.rate, picked.skip);
    // The tag of MP3 speaks of a first part only, where files were joined by `cat`.
    let joined = format == Format::Mpeg && picked.announced < estimate.map(|frames| frames / 5 * 4);
    let length = if joined { estimate } else { picked.announced.or(estimate) };
    let length = length.map_or(Length::Unknown, Length::About);
    Ok(Opened { decode: Box::new(packets), spec, length, live })
}

/// Reads the packets of one track.
struct Packets {
    reader: Box<dyn FormatReader>,
    format: Format,
    track: u32,
    decoder: Box<dyn AudioDecoder>,
    params: AudioCodecParameters,
    /// Known from the first packet on.
    spec: Option<Spec>,
    trim: Option<Trim>,
    announced: Option<u64>,
    skip: u64,
    end: End,
    /// What was decoded to find out `spec`.
    first: Vec<f32>,
    decoded: u64,
    /// Frames of the last good packet: how much silence a damaged one becomes.
    packet_frames: usize,
    damaged: u64,
    ended: Option<Ended>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    Clean,
    /// In the middle of something.
    Short,
}

impl Decode for Packets {
    fn read(&mut self, block: &mut Vec<f32>) -> Result<usize, Failure> {
        block.clear();
        if !self.first.is_empty() {
            std::mem::swap(block, &mut self.first);
        }
        while block.is_empty() && self.ended.is_none() {
            if let Some(packet) = self.next_packet()? {
                self.decode(&packet, block)?;
            }
        }
        let channels = self.spec.map_or(1, |spec| usize::from(spec.channels));
        let frames = block.len() / channels;
        self.decoded += frames as u64;
        Ok(frames)
    }

    fn warning(&self) -> Option<String> {
        let mut texts = Vec::new();
        if self.damaged > 0 {
            texts.push(format!("{} damaged packets were replaced by silence", self.damaged));
        }
        let missing = self.announced.unwrap_or(0).saturating_sub(self.decoded);
        // Encoders are off by a packet or so; that is no loss.
        if let Some(spec) = self.spec
            && missing > MAX_PADDING
        {
            texts.push(format!(
                "it ends {:.1} s before its announced end; what is there was used",
                spec.seconds(missing)
            ));
        } else if self.ended == Some(Ended::Short) && self.announced.is_some() && missing > 0 {
            texts.push("it is cut off at the end; what is there was used".into());
        }
        (!texts.is_empty()).then(|| texts.join("; "))
    }

    fn walk(&mut self) -> Result<Option<u64>, Failure> {
        let Some(spec) = self.spec else { return Ok(None) };
        // The first packet has been decoded already.
        let begun = (self.first.len() / usize::from(spec.channels)) as f64 / f64::from(spec.rate);
        let mut clock = Clock::default();
        while self.ended.is_none() {
            let Some(packet) = self.next_packet()? else { continue };
            let track = self.reader.tracks().iter().find(|track| track.id == self.track);
            let Some(base) = track.and_then(|track| track.time_base) else { return Ok(None) };
            let tick = f64::from(base.numer.get()) / f64::from(base.denom.get());
            clock.packet(packet.pts.get() as f64 * tick, packet.block_dur().get() as f64 * tick);
        }
        Ok(Some(((begun + clock.seconds()) * f64::from(spec.rate)).round() as u64))
    }
}

/// Adds up the times of packets. They start anew where a stream was appended to another.
#[derive(Default)]
struct Clock {
    /// Seconds of the streams before this one.
    before: f64,
    /// Where this one starts and, up to now, ends.
    start: Option<f64>,
    end: f64,
}

impl Clock {
    /// Packets go back by less than this within a stream, in seconds.
    const JITTER: f64 = 1.0;

    fn packet(&mut self, start: f64, seconds: f64) {
        if start < self.end - Self::JITTER {
            self.before = self.seconds();
            self.start = None;
            self.end = 0.0;
        }
        self.start.get_or_insert(start);
        self.end = self.end.max(start + seconds);
    }

    fn seconds(&self) -> f64 {
        self.before + self.end - self.start.unwrap_or(self.end)
    }
}

impl Packets {
    /// The next packet of the track, if the next packet is one of the track.
    fn next_packet(&mut self) -> Result<Option<Packet>, Failure> {
        match guarded(|| self.reader.next_packet()).unwrap_or(Err(GAVE_UP)) {
            Ok(Some(packet)) => return Ok(Some(packet).filter(|packet| packet.track_id == self.track)),
            Ok(None) => self.ended = Some(Ended::Clean),
            // Another stream was appended to the first, as Ogg allows.
            Err(Error::ResetRequired) => {
                let picked = pick(&*self.reader, self.format, &Facts::default())?;
                self.track = picked.track;
                self.params = picked.params;
                self.decoder = picked.decoder;
                if let Some(spec) = self.spec {
                    self.trim = Some(Trim::new(picked.skip, picked.end, spec.channels));
                }
                self.announced = None;
            }
            Err(Error::IoError(error)) if error.kind() != std::io::ErrorKind::UnexpectedEof => {
                return Err(Failure::reading(&error));
            }
            Err(_) => self.ended = Some(Ended::Short),
        }
        Ok(None)
    }

    fn decode(&mut self, packet: &Packet, block: &mut Vec<f32>) -> Result<(), Failure> {
        let decoded = match decode(&mut *self.decoder, packet) {
            // The stream has changed its rate or its channels: a new decoder tells which.
            Err(Error::DecodeError(_)) if self.format == Format::Mpeg => {
                if let Ok(decoder) = make_decoder(&self.params) {
                    self.decoder = decoder;
                }
                decode(&mut *self.decoder, packet)
            }
            other => other,
        };
        if let Ok(audio) = &decoded {
            let spec = Spec {
                rate: audio.spec().rate(),
                channels: audio.spec().channels().count() as u16,
                depth: depth(audio, &self.params),
            };
            let before = *self.spec.get_or_insert(spec);
            if (before.rate, before.channels) != (spec.rate, spec.channels) {
                return Err(changed(before, spec, self.decoded));
            }
            self.packet_frames = audio.frames();
            audio.copy_to_vec_interleaved(block);
        } else {
            self.damaged += 1;
            let channels = self.spec.map_or(0, |spec| usize::from(spec.channels));
            block.resize(self.packet_frames * channels, 0.0);
        }
        if let Some(spec) = self.spec {
            self.trim.get_or_insert_with(|| Trim::new(self.skip, self.end, spec.channels)).block(block);
        }
        Ok(())
    }
}

/// Decodes a packet; a decoder that panics has been given damaged data.
fn decode<'a>(
    decoder: &'a mut dyn AudioDecoder,
    packet: &Packet,
) -> Result<GenericAudioBufferRef<'a>, Error> {
    guarded(|| decoder.decode(packet)).unwrap_or(Err(GAVE_UP))
}

/// The precision worth keeping: that of PCM and of lossless codecs. Lossy codecs get 16 bits.
fn depth(audio: &GenericAudioBufferRef, params: &AudioCodecParameters) -> Depth {
    use GenericAudioBufferRef as Buffer;
    let float = [CODEC_ID_PCM_F32LE, CODEC_ID_PCM_F32BE, CODEC_ID_PCM_F64LE, CODEC_ID_PCM_F64BE];
    match audio {
        Buffer::F32(_) | Buffer::F64(_) if float.contains(&params.codec) => Depth::Float32,
        Buffer::S24(_) | Buffer::S32(_) | Buffer::U24(_) | Buffer::U32(_) if bits(params) > 16 => {
            Depth::Int24
        }
        _ => Depth::Int16,
    }
}

/// Bits of a sample, where the container or the codec's own header tells.
fn bits(params: &AudioCodecParameters) -> u32 {
    // The sixth byte of ALACSpecificConfig is its bitDepth.
    let alac = || params.extra_data.as_deref().filter(|_| params.codec == CODEC_ID_ALAC)?.get(5).copied();
    params.bits_per_sample.or_else(|| alac().map(u32::from)).unwrap_or(0)
}

fn changed(before: Spec, now: Spec, frames: u64) -> Failure {
    Failure::input(
        format!(
            "at {:.1} s it changes from {} Hz, {} channels to {} Hz, {} channels",
            before.seconds(frames),
            before.rate,
            before.channels,
            now.rate,
            now.channels
        ),
        "convert it to one rate first: ffmpeg -i IN OUT.wav",
    )
}

fn nothing_decodes() -> Failure {
    Failure::input("nothing in it can be decoded", "record or export it again; it may be damaged or cut off")
}

fn unreadable(error: &Error, format: Format) -> Failure {
    match error {
        Error::IoError(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => Failure::reading(error),
        Error::IoError(_) => Failure::input(
            format!("the {} header is cut off", format.name()),
            "record or export it again; there is no audio in it",
        ),
        error => Failure::input(
            format!("the {} file cannot be read: {error}", format.name()),
            "record or export it again, or convert it with ffmpeg: ffmpeg -i IN OUT.wav",
        ),
    }
}

/// Refuses a CAF file that declares packets no codec has: symphonia would allocate one.
fn check_caf(input: &mut Input) -> Result<(), Failure> {
    /// Offset of `mFormatID` in a file whose first chunk is `desc`, as the format requires; `mBytesPerPacket` and
    /// `mFramesPerPacket` follow 8 and 12 bytes behind it.
    const FORMAT: usize = 28;
    let head = input.peek(FORMAT + 16).map_err(|error| Failure::reading(&error))?;
    let number = |at: usize| {
        let bytes = head.get(at..at + 4).unwrap_or_default();
        bytes.iter().fold(0, |number, byte| number << 8 | u32::from(*byte))
    };
    let (bytes, frames) = (number(FORMAT + 8), number(FORMAT + 12));
    let (most_bytes, most_frames) =
        if head.get(FORMAT..FORMAT + 4) == Some(b"lpcm") { (MAX_CAF_PACKET, 1) } else { (1 << 16, 1 << 16) };
    if bytes > most_bytes || frames > most_frames {
        return Err(Failure::input(
            format!("the CAF header is damaged: packets of {bytes} bytes and {frames} frames"),
            "record or export it again",
        ));
    }
    Ok(())
}
