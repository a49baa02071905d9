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

/// The granule position of the last page, where the first and the last one are of the same stream, and that
/// began when the file did.
fn last_granule(input: &mut Input, len: u64) -> io::Result<Option<u64>> {
    /// More frames than a first page holds: where the first position is beyond, something has been cut off.
    const FIRST: u64 = 10 * 48_000;
    let first = pages(&part(input, 0, 4 * OGG_PAGE)?);
    let last = pages(&part(input, len.saturating_sub(2 * OGG_PAGE), 2 * OGG_PAGE)?);
    let (Some(head), Some(last)) = (first.first(), last.last()) else { return Ok(None) };
    let start = first.iter().find(|page| page.granule > 0).map_or(0, |page| page.granule);
    Ok((head.stream == last.stream && start <= FIRST).then_some(last.granule))
}

struct Page {
    granule: u64,
    stream: [u8; 4],
}

/// The pages that begin in `bytes` and have a position.
fn pages(bytes: &[u8]) -> Vec<Page> {
    let page = |at: usize| {
        let granule = u64::from_le_bytes(bytes.get(at + 6..at + 14)?.try_into().ok()?);
        let stream = bytes.get(at + 14..at + 18)?.try_into().ok()?;
        // All ones is no position (RFC 3533, 6).
        (granule != u64::MAX).then_some(Page { granule, stream })
    };
    let starts = bytes.windows(4).enumerate().filter(|(_, magic)| magic == b"OggS");
    starts.filter_map(|(at, _)| page(at)).collect()
}

fn part(input: &mut Input, start: u64, len: u64) -> io::Result<Vec<u8>> {
    input.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    input.take(len).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The length in seconds of MPEG audio that has one bit rate at its start, in its middle and at its end.
fn constant_rate(input: &mut Input, len: u64) -> io::Result<Option<f64>> {
    let mut rates = Vec::new();
    for start in [0, len / 2, len.saturating_sub(PEEK as u64)] {
        rates.extend(bit_rates(&part(input, start, PEEK as u64)?));
    }
    let first = rates.first().copied().filter(|first| rates.iter().all(|rate| rate == first));
    Ok(first.map(|bits| len as f64 * 8.0 / bits as f64))
}

/// The bit rates of the frames that begin in `bytes`.
fn bit_rates(bytes: &[u8]) -> Vec<usize> {
    let frame = |at: usize| bytes.get(at..).and_then(mpeg_frame);
    // Two frames in a row, as elsewhere.
    let starts = |at: &usize| frame(*at).is_some_and(|first| frame(at + first.bytes).is_some());
    let Some(mut at) = (0..bytes.len()).find(starts) else { return Vec::new() };
    let mut rates = Vec::new();
    while let Some(next) = frame(at) {
        rates.push(next.bits_per_second);
        at += next.bytes;
    }
    rates
}
