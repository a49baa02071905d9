//! Two facts of MP4 and MOV files that symphonia leaves out: where a track's edit list starts, which is
//! how encoders' delay is cut off, and the byte order of QuickTime's PCM.

use std::io::{self, Read, Seek, SeekFrom};

/// More boxes than any file has in one place.
const MAX_CHILDREN: usize = 4096;

/// The part of a sample description that is searched for the byte order.
const MAX_DESCRIPTION: u64 = 4096;

/// What is found out about a file.
#[derive(Debug, Default)]
pub(super) struct Survey {
    /// The index comes before the samples, so that the file can be read as a stream.
    pub(super) streamable: bool,
    tracks: Vec<Track>,
}

/// What is found out about one track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Track {
    id: u32,
    /// Where the presentation starts in the track, in units of `timescale`.
    media_time: u64,
    timescale: u32,
    /// The samples are big-endian although symphonia takes them for little-endian.
    pub(super) big_endian: bool,
}

impl Survey {
    /// What is known of the track with this number.
    pub(super) fn track(&self, id: u32) -> Option<Track> {
        self.tracks.iter().copied().find(|track| track.id == id)
    }
}

impl Track {
    /// The frames before the presentation, at `rate` Hz.
    pub(super) fn skip(self, rate: u32) -> u64 {
        (u128::from(self.media_time) * u128::from(rate))
            .checked_div(self.timescale.into())
            .and_then(|frames| u64::try_from(frames).ok())
            .unwrap_or(0)
    }
}

/// Surveys a file and returns to its start.
///
/// # Errors
/// Those of seeking. Of a damaged file less is found out.
pub(super) fn survey(file: &mut (impl Read + Seek)) -> io::Result<Survey> {
    let end = file.seek(SeekFrom::End(0))?;
    let survey = look(file, Body { kind: *b"root", start: 0, end }).unwrap_or_default();
    file.seek(SeekFrom::Start(0))?;
    Ok(survey)
}

#[derive(Clone, Copy)]
struct Body {
    kind: [u8; 4],
    start: u64,
    end: u64,
}

fn look(file: &mut (impl Read + Seek), whole: Body) -> io::Result<Survey> {
    let mut survey = Survey::default();
    // A file that was cut short ends within its samples.
    let boxes = children(file, whole)?;
    let Some(movie) = boxes.iter().find(|body| body.kind == *b"moov") else {
        return Ok(survey);
    };
    survey.streamable = !boxes.iter().any(|body| body.kind == *b"mdat" && body.start < movie.start);
    for track in children(file, *movie)?.into_iter().filter(|body| body.kind == *b"trak") {
        survey.tracks.extend(look_at_track(file, track)?);
    }
    Ok(survey)
}

fn look_at_track(file: &mut (impl Read + Seek), track: Body) -> io::Result<Option<Track>> {
    let Some(header) = child(file, track, *b"tkhd")? else {
        return Ok(None);
    };
    let Some(id) = behind_times(file, header)? else {
        return Ok(None);
    };
    let Some(media) = child(file, track, *b"mdia")? else {
        return Ok(None);
    };
    let Some(header) = child(file, media, *b"mdhd")? else {
        return Ok(None);
    };
    let Some(timescale) = behind_times(file, header)? else {
        return Ok(None);
    };
    let media_time = media_time(file, track)?.unwrap_or(0);
    Ok(Some(Track { id, media_time, timescale, big_endian: is_big_endian(file, media)? }))
}

/// The number behind the times of creation and modification, which have 64 bits in version 1.
fn behind_times(file: &mut (impl Read + Seek), header: Body) -> io::Result<Option<u32>> {
    let bytes = read(file, header, 24)?;
    Ok(number(&bytes, if bytes.first() == Some(&1) { 20 } else { 12 }))
}

/// Where the first edit that shows anything starts (ISO 14496-12, 8.6.6).
fn media_time(file: &mut (impl Read + Seek), track: Body) -> io::Result<Option<u64>> {
    let Some(edits) = child(file, track, *b"edts")? else {
        return Ok(None);
    };
    let Some(list) = child(file, edits, *b"elst")? else {
        return Ok(None);
    };
    let bytes = read(file, list, 1024)?;
    let long = bytes.first() == Some(&1);
    let (size, time) = if long { (20, 8) } else { (12, 4) };
    let count = number(&bytes, 4).unwrap_or(0) as usize;
    let mut entries = bytes.get(8..).unwrap_or_default().chunks_exact(size).take(count);
    // An edit with the time −1 is empty: it delays the track against the others.
    Ok(entries.find_map(|entry| {
        let high = number(entry, time)?;
        if !long {
            return u64::try_from(high.cast_signed()).ok();
        }
        let value = u64::from(high) << 32 | u64::from(number(entry, time + 4)?);
        u64::try_from(value.cast_signed()).ok()
    }))
}

/// QuickTime's `in24`, `in32`, `fl32` and `fl64` are big-endian unless an `enda` box says 1.
fn is_big_endian(file: &mut (impl Read + Seek), media: Body) -> io::Result<bool> {
    let mut place = media;
    for kind in [*b"minf", *b"stbl", *b"stsd"] {
        let Some(inner) = child(file, place, kind)? else {
            return Ok(false);
        };
        place = inner;
    }
    let description = read(file, place, MAX_DESCRIPTION)?;
    let wide = matches!(description.get(12..16), Some(b"in24" | b"in32" | b"fl32" | b"fl64"));
    Ok(wide && !description.windows(6).any(|bytes| bytes == b"enda\x00\x01"))
}

fn child(file: &mut (impl Read + Seek), parent: Body, kind: [u8; 4]) -> io::Result<Option<Body>> {
    Ok(children(file, parent)?.into_iter().find(|body| body.kind == kind))
}

fn children(file: &mut (impl Read + Seek), parent: Body) -> io::Result<Vec<Body>> {
    let mut found = Vec::new();
    let mut at = parent.start;
    while at + 8 <= parent.end && found.len() < MAX_CHILDREN {
        file.seek(SeekFrom::Start(at))?;
        let mut header = [0; 16];
        file.read_exact(&mut header[..8])?;
        let short = u64::from(u32::from_be_bytes([header[0], header[1], header[2], header[3]]));
        let (head, size) = match short {
            0 => (8, parent.end - at),
            1 => {
                file.read_exact(&mut header[8..])?;
                let mut long = [0; 8];
                long.copy_from_slice(&header[8..]);
                (16, u64::from_be_bytes(long))
            }
            size => (8, size),
        };
        let end = at.saturating_add(size);
        if size < head || end > parent.end {
            break;
        }
        found.push(Body { kind: [header[4], header[5], header[6], header[7]], start: at + head, end });
        at = end;
    }
    Ok(found)
}

/// The start of a body, up to `most` bytes.
fn read(file: &mut (impl Read + Seek), body: Body, most: u64) -> io::Result<Vec<u8>> {
    file.seek(SeekFrom::Start(body.start))?;
    let mut bytes = Vec::new();
    file.take(most.min(body.end - body.start)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn number(bytes: &[u8], at: usize) -> Option<u32> {
    let bytes = bytes.get(at..at + 4)?;
    Some(u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
}
