//! How long a file is, where no header says it: by a look at its end or its beginning, not by reading it.

use std::io::{self, Read, Seek, SeekFrom};

use crate::audio::probe::{Format, mpeg_frame};
use crate::source::{Input, PEEK};

/// The largest page that Ogg has: 27 bytes, a table of 255 lengths, and the segments (RFC 3533, 6).
const OGG_PAGE: u64 = 27 + 255 + 255 * 255;

/// What the first and the last bytes say about the length.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) enum Estimate {
    /// Nothing.
    #[default]
    None,
    /// The number of frames up to the last page, at the codec's rate, with what the encoder put in front.
    Granules(u64),
    /// A time.
    Seconds(f64),
}

impl Estimate {
    /// The number of frames behind the first `skip` ones.
    pub(super) fn frames(self, rate: u32, skip: u64) -> Option<u64> {
        match self {
            Self::None => None,
            Self::Granules(granules) => Some(granules.saturating_sub(skip)),
            Self::Seconds(seconds) => Some((seconds * f64::from(rate)).round() as u64),
        }
    }
}

/// Looks at a regular file, and leaves it at its start.
///
/// # Errors
/// Those of reading.
pub(super) fn look(input: &mut Input, format: Format) -> io::Result<Estimate> {
    let Some(len) = input.byte_len() else { return Ok(Estimate::None) };
    let estimate = match format {
        Format::Ogg => last_granule(input, len)?.map_or(Estimate::None, Estimate::Granules),
        Format::Mpeg => constant_rate(input, len)?.map_or(Estimate::None, Estimate::Seconds),
        _ => Estimate::None,
    };
    input.rewind()?;
    Ok(estimate)
}

/// The granule position of the last page that has one.
fn last_granule(input: &mut Input, len: u64) -> io::Result<Option<u64>> {
    input.seek(SeekFrom::Start(len.saturating_sub(2 * OGG_PAGE)))?;
    let mut end = Vec::new();
    input.take(2 * OGG_PAGE).read_to_end(&mut end)?;
    let granule = |page: &[u8]| page.get(6..14)?.try_into().ok().map(u64::from_le_bytes);
    let pages = end.windows(4).enumerate().rev().filter(|(_, magic)| *magic == b"OggS");
    // All ones is no position (RFC 3533, 6).
    Ok(pages.map(|(at, _)| &end[at..]).filter_map(granule).find(|granule| *granule != u64::MAX))
}

/// The length in seconds of MPEG audio whose first frames all have one bit rate.
fn constant_rate(input: &mut Input, len: u64) -> io::Result<Option<f64>> {
    let mut head = Vec::new();
    input.take(PEEK as u64).read_to_end(&mut head)?;
    // Two frames in a row, as elsewhere.
    let frame = |at: usize| head.get(at..).and_then(mpeg_frame);
    let Some(start) =
        (0..head.len()).find(|at| frame(*at).is_some_and(|first| frame(at + first.bytes).is_some()))
    else {
        return Ok(None);
    };
    let (mut at, mut bits) = (start, None);
    while let Some(next) = frame(at) {
        if bits.is_some_and(|bits| bits != next.bits_per_second) {
            return Ok(None);
        }
        bits = Some(next.bits_per_second);
        at += next.bytes;
    }
    Ok(bits.map(|bits| (len - start as u64) as f64 * 8.0 / bits as f64))
}
