//! What is this? Decided from the first bytes, never from the name.

/// The formats that are told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// RIFF, RF64 or BW64 with WAVE in it, or Sony Wave64.
    Wav,
    /// AIFF and AIFF-C.
    Aiff,
    /// Apple Core Audio Format.
    Caf,
    /// Native FLAC.
    Flac,
    /// MPEG audio, layers 1 to 3.
    Mpeg,
    /// AAC in ADTS frames.
    Adts,
    /// Something behind an ID3v2 tag: MPEG audio, nearly always.
    Id3,
    /// Ogg: Vorbis, Opus, FLAC.
    Ogg,
    /// MP4, M4A, MOV, 3GP.
    IsoMp4,
    /// Matroska and WebM.
    Matroska,
    /// A format that is known by name only and cannot be decoded here.
    Foreign(&'static str),
    /// Nothing known.
    Unknown,
}

impl Format {
    /// Its name for people.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Wav => "WAV",
            Self::Aiff => "AIFF",
            Self::Caf => "CAF",
            Self::Flac => "FLAC",
            Self::Mpeg | Self::Id3 => "MP3",
            Self::Adts => "AAC",
            Self::Ogg => "Ogg",
            Self::IsoMp4 => "MP4",
            Self::Matroska => "Matroska",
            Self::Foreign(name) => name,
            Self::Unknown => "unknown",
        }
    }
}

/// How many bytes decide for every format but MPEG audio and AAC behind junk.
pub const SIGNATURE: usize = 16;

/// The first 16 bytes of a Sony Wave64 file: the GUID that stands for `riff`.
pub const W64_RIFF: [u8; 16] = *b"riff\x2e\x91\xcf\x11\xa5\xd6\x28\xdb\x04\xc1\x00\x00";

/// Recognises a format by its first bytes; see [`SIGNATURE`] for how many are wanted.
#[must_use]
pub fn probe(head: &[u8]) -> Format {
    let at = |offset: usize, magic: &[u8]| head.get(offset..offset + magic.len()) == Some(magic);
    let riff_of = |kind: &[u8]| (at(0, b"RIFF") || at(0, b"RF64") || at(0, b"BW64")) && at(8, kind);
    if riff_of(b"WAVE") || at(0, &W64_RIFF) {
        Format::Wav
    } else if at(0, b"FORM") && (at(8, b"AIFF") || at(8, b"AIFC")) {
        Format::Aiff
    } else if at(0, b"caff") {
        Format::Caf
    } else if at(0, b"fLaC") {
        Format::Flac
    } else if at(0, b"OggS") {
        Format::Ogg
    } else if at(0, b"ID3") {
        Format::Id3
    } else if at(0, b"\x1a\x45\xdf\xa3") {
        Format::Matroska
    } else if [b"ftyp", b"moov", b"mdat", b"wide", b"skip", b"free", b"pnot"].iter().any(|kind| at(4, *kind))
    {
        Format::IsoMp4
    } else if let Some(name) = foreign(&at, &riff_of) {
        Format::Foreign(name)
    } else {
        mpeg_or_adts(head)
    }
}

/// Formats that people do hand over, and that ffmpeg can convert.
fn foreign(at: &dyn Fn(usize, &[u8]) -> bool, riff_of: &dyn Fn(&[u8]) -> bool) -> Option<&'static str> {
    const MAGICS: [(&[u8], &str); 18] = [
        (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "WMA/WMV"),
        (b"FLV\x01", "FLV"),
        (b"\x00\x00\x01\xba", "MPEG program stream"),
        (b"\x00\x00\x01\xb3", "MPEG video"),
        (b"#!AMR", "AMR"),
        (b".snd", "AU"),
        (b"MAC ", "Monkey's Audio"),
        (b"wvpk", "WavPack"),
        (b"TTA1", "TTA"),
        (b"MThd", "MIDI"),
        (b".RMF", "RealMedia"),
        (b"\x89PNG", "PNG image"),
        (b"\xff\xd8\xff", "JPEG image"),
        (b"GIF8", "GIF image"),
        (b"%PDF", "PDF document"),
        (b"PK\x03\x04", "ZIP archive"),
        (b"\x1f\x8b", "gzip archive"),
        (b"RIFX", "big-endian RIFF"),
    ];
    if riff_of(b"AVI ") {
        return Some("AVI");
    }
    // A transport stream repeats its sync byte every 188 bytes.
    if at(0, b"\x47") && at(188, b"\x47") && at(376, b"\x47") {
        return Some("MPEG transport stream");
    }
    MAGICS.iter().find(|(magic, _)| at(0, magic)).map(|(_, name)| *name)
}

/// MPEG audio and ADTS have no signature, only a sync word of 11 or 12 bits: two frames in a row are
/// asked for, so that text and noise do not pass.
fn mpeg_or_adts(head: &[u8]) -> Format {
    for (start, window) in head.windows(7).enumerate() {
        if window[0] != 0xff {
            continue;
        }
        if let Some(len) = adts_frame(window)
            && head.get(start + len..).and_then(adts_frame).is_some()
        {
            return Format::Adts;
        }
        if let Some(frame) = mpeg_frame(window)
            && head.get(start + frame.bytes..).and_then(mpeg_frame).is_some()
        {
            return Format::Mpeg;
        }
    }
    Format::Unknown
}

/// The length in bytes of the ADTS frame that starts here (ISO 13818-7, 6.2).
fn adts_frame(bytes: &[u8]) -> Option<usize> {
    let &[b0, b1, b2, b3, b4, b5, ..] = bytes else {
        return None;
    };
    let sync = b0 == 0xff && b1 & 0xf6 == 0xf0;
    let rate_known = (b2 >> 2) & 0x0f < 13;
    let len = usize::from(b3 & 3) << 11 | usize::from(b4) << 3 | usize::from(b5 >> 5);
    (sync && rate_known && len >= 7).then_some(len)
}

/// A frame of MPEG audio, by its header.
pub(crate) struct MpegFrame {
    /// Its length.
    pub(crate) bytes: usize,
    /// Its bit rate.
    pub(crate) bits_per_second: usize,
}

/// The MPEG audio frame that starts here (ISO 11172-3, 2.4.2.3, and 13818-3).
pub(crate) fn mpeg_frame(bytes: &[u8]) -> Option<MpegFrame> {
    /// kbit/s by index for MPEG-1 layers 1, 2, 3 and MPEG-2 layer 1, layers 2 and 3.
    const KBITS: [[u16; 15]; 5] = [
        [0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
        [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
        [0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
        [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
    ];
    let &[b0, b1, b2, ..] = bytes else { return None };
    if b0 != 0xff || b1 & 0xe0 != 0xe0 {
        return None;
    }
    // Version: 0 is MPEG-2.5, 2 is MPEG-2, 3 is MPEG-1. Layer: 1 is III, 2 is II, 3 is I.
    let (version, layer) = ((b1 >> 3) & 3, (b1 >> 1) & 3);
    let (bitrate, rate, padding) =
        (usize::from(b2 >> 4), usize::from((b2 >> 2) & 3), usize::from((b2 >> 1) & 1));
    if version == 1 || layer == 0 || bitrate == 0 || bitrate == 15 || rate == 3 {
        return None;
    }
    let mpeg1 = version == 3;
    let row = match (mpeg1, layer) {
        (true, 3) => 0,
        (true, 2) => 1,
        (true, _) => 2,
        (false, 3) => 3,
        (false, _) => 4,
    };
    let bits = usize::from(KBITS[row][bitrate]) * 1000;
    // Each version halves the rates of the one before.
    let halvings = match version {
        3 => 0,
        2 => 1,
        _ => 2,
    };
    let hertz = [44_100, 48_000, 32_000][rate] >> halvings;
    let bytes = match layer {
        3 => (12 * bits / hertz + padding) * 4,
        1 if !mpeg1 => 72 * bits / hertz + padding,
        _ => 144 * bits / hertz + padding,
    };
    Some(MpegFrame { bytes, bits_per_second: bits })
}

/// Whether these bytes read as text, for a kinder message than "unknown".
#[must_use]
pub fn is_text(head: &[u8]) -> bool {
    // A multi-byte character may be cut at the end.
    let whole = match std::str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or("")
        }
        Err(_) => return false,
    };
    !whole.is_empty()
        && whole.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\r' | '\t' | '\u{c}' | '\u{1b}'))
}
