//! The one fact of Matroska and WebM files that symphonia leaves out: how much of the last block is
//! padding, which is how Opus tracks end at the right sample.

use std::io::{self, Read, Seek, SeekFrom};

/// Element identifiers (RFC 9559).
const SEGMENT: u64 = 0x1853_8067;
const CLUSTER: u64 = 0x1f43_b675;
const BLOCK_GROUP: u64 = 0xa0;
const BLOCK: u64 = 0xa1;
const SIMPLE_BLOCK: u64 = 0xa3;
const DISCARD_PADDING: u64 = 0x75a2;

/// The size of a live stream's elements, which is not known.
const UNKNOWN: u64 = u64::MAX;

/// The padding behind the last block of each track that has some.
#[derive(Debug, Default)]
pub(super) struct Paddings(Vec<(u64, u64)>);

impl Paddings {
    /// The frames to discard at the end of a track, at `rate` Hz.
    pub(super) fn of(&self, track: u32, rate: u32) -> u64 {
        let nanoseconds =
            self.0.iter().find(|(number, _)| *number == u64::from(track)).map_or(0, |(_, padding)| *padding);
        (nanoseconds as f64 * f64::from(rate) / 1e9).round() as u64
    }

    /// A block of `track` ends with so much padding: only that of its last block counts.
    fn set(&mut self, track: u64, nanoseconds: u64) {
        self.0.retain(|(number, _)| *number != track);
        if nanoseconds > 0 {
            self.0.push((track, nanoseconds));
        }
    }
}

/// Looks for paddings and returns to the start of `file`.
///
/// # Errors
/// Those of seeking. Of a damaged file less is found.
pub(super) fn paddings(file: &mut (impl Read + Seek)) -> io::Result<Paddings> {
    let end = file.seek(SeekFrom::End(0))?;
    let mut paddings = Paddings::default();
    // What was found before the damage still holds.
    let _ = walk(file, end, &mut paddings);
    file.seek(SeekFrom::Start(0))?;
    Ok(paddings)
}

/// Walks over the file, skipping every cluster but the last, where sizes allow that.
fn walk(file: &mut (impl Read + Seek), end: u64, paddings: &mut Paddings) -> io::Result<()> {
    let mut at = 0;
    let mut last_cluster = None;
    // Whether blocks are looked at: in the last cluster, and in those whose end is not known.
    let mut inside = false;
    let mut track = 0;
    loop {
        if at >= end {
            let Some(start) = last_cluster.take().filter(|_| !inside) else {
                return Ok(());
            };
            at = start;
            inside = true;
        }
        file.seek(SeekFrom::Start(at))?;
        let (id, id_length) = vint(file, true)?;
        let (size, size_length) = vint(file, false)?;
        let body = at + id_length + size_length;
        let next = body.saturating_add(size);
        at = match id {
            SEGMENT => body,
            BLOCK_GROUP if inside => body,
            CLUSTER if size == UNKNOWN => {
                inside = true;
                body
            }
            CLUSTER => {
                last_cluster = Some(body);
                next
            }
            BLOCK | SIMPLE_BLOCK if inside => {
                track = vint(file, false)?.0;
                paddings.set(track, 0);
                next
            }
            DISCARD_PADDING if inside && (1..=8).contains(&size) => {
                let mut bytes = vec![0; size as usize];
                file.read_exact(&mut bytes)?;
                // A negative one, at the start, is the delay that the codec's header states as well.
                if bytes[0] < 0x80 {
                    paddings.set(track, bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)));
                }
                next
            }
            _ => next,
        };
    }
}

/// A number of 1 to 8 bytes, and how many (RFC 8794, 4). Identifiers keep the marker of their length.
fn vint(file: &mut impl Read, keep_marker: bool) -> io::Result<(u64, u64)> {
    let mut bytes = [0; 8];
    file.read_exact(&mut bytes[..1])?;
    let length = bytes[0].leading_zeros() as usize + 1;
    if length > 8 {
        return Err(io::ErrorKind::InvalidData.into());
    }
    file.read_exact(&mut bytes[1..length])?;
    let value = bytes[..length].iter().fold(0, |value, byte| value << 8 | u64::from(*byte));
    let mask = (1_u64 << (7 * length)) - 1;
    Ok(match (keep_marker, value & mask == mask) {
        (true, _) => (value, length as u64),
        (false, true) => (UNKNOWN, length as u64),
        (false, false) => (value & mask, length as u64),
    })
}
