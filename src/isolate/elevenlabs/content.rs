//! The bytes of the audio, from a file or from a pipe that is still being written to.

use std::io::{self, Read, Seek, SeekFrom};

use super::limits::too_large;
use crate::error::Failure;
use crate::source::Input;

/// Bytes of audio, to be read once or again and again.
pub(super) enum Content {
    /// A part of a file.
    Stored { file: Input, start: u64, len: u64, left: u64 },
    /// A pipe, sent while it arrives.
    Live {
        pipe: Input,
        /// Bytes that a header announced.
        left: Option<u64>,
        /// Bytes that may still be taken.
        budget: u64,
        taken: u64,
        /// Whether it is read as samples.
        samples: Option<Samples>,
    },
}

/// How samples arrive through a pipe.
#[derive(Debug, Clone, Copy)]
pub(super) struct Samples {
    /// There was no header, so that half a sample means that they are none.
    pub raw: bool,
    /// The first half of the next one.
    pub odd: Option<u8>,
}

impl Content {
    /// A part of a file.
    pub(super) fn stored(file: Input, start: u64, len: u64) -> Self {
        Self::Stored { file, start, len, left: len }
    }

    /// Length in bytes, if known.
    pub(super) fn len(&self) -> Option<u64> {
        match self {
            Self::Stored { len, .. } => Some(*len),
            Self::Live { .. } => None,
        }
    }

    /// Samples that have come through a pipe.
    pub(super) fn live_samples(&self) -> Option<u64> {
        match self {
            Self::Live { samples: Some(_), taken, .. } => Some(taken / 2),
            Self::Live { .. } | Self::Stored { .. } => None,
        }
    }

    /// Bytes of a pipe that its header announced and that did not come, and whether half a sample was left.
    pub(super) fn missing(&self) -> (u64, bool) {
        match self {
            Self::Live { left, samples, .. } => {
                (left.unwrap_or(0), samples.is_some_and(|samples| samples.odd.is_some()))
            }
            Self::Stored { .. } => (0, false),
        }
    }

    /// Whether the last byte has been read.
    pub(super) fn is_complete(&self) -> bool {
        matches!(self, Self::Stored { left: 0, .. } | Self::Live { left: Some(0), .. })
    }

    /// Whether there is a way back to the first byte: not from a pipe.
    pub(super) fn can_be_read_again(&self) -> bool {
        matches!(self, Self::Stored { .. })
    }

    /// Goes back to the first byte.
    ///
    /// # Errors
    /// `Input` when the file cannot be sought in; `Internal` for a pipe, which is never sent twice.
    pub(super) fn rewind(&mut self) -> Result<(), Failure> {
        match self {
            Self::Stored { file, start, len, left } => {
                *left = *len;
                file.seek(SeekFrom::Start(*start)).map(drop).map_err(|error| Failure::reading(&error))
            }
            Self::Live { taken: 0, .. } => Ok(()),
            Self::Live { .. } => Err(Failure::internal("a pipe cannot be sent twice")),
        }
    }

    /// The next bytes; 0 at the end.
    ///
    /// # Errors
    /// `Input` when it cannot be read, ends too early or goes on for too long.
    pub(super) fn read(&mut self, buf: &mut [u8]) -> Result<usize, Failure> {
        match self {
            Self::Stored { file, left, .. } => {
                let read = read_some(file, buf, *left)?;
                if read == 0 && *left > 0 {
                    return Err(Failure::input(
                        format!("the file ended {left} bytes too early while it was read"),
                        "wait until the recording is finished, then run the command again",
                    ));
                }
                *left -= read as u64;
                Ok(read)
            }
            Self::Live { pipe, left, budget, taken, samples } => {
                let mut kept = 0;
                if let Some(first) = samples.as_mut().and_then(|samples| samples.odd.take()) {
                    buf[0] = first;
                    kept = 1;
                }
                loop {
                    let read = read_some(pipe, &mut buf[kept..], left.unwrap_or(u64::MAX))?;
                    if let Some(left) = left {
                        *left -= read as u64;
                    }
                    *taken += read as u64;
                    *budget = budget.checked_sub(read as u64).ok_or_else(too_large)?;
                    let Some(samples) = samples else { return Ok(read) };
                    // Only whole samples are handed out.
                    let there = kept + read;
                    samples.odd = (there % 2 == 1).then(|| buf[there - 1]);
                    match (there - there % 2, read) {
                        (0, 0) if samples.raw && samples.odd.is_some() => return Err(odd()),
                        (0, 1..) => kept = there,
                        (whole, _) => return Ok(whole),
                    }
                }
            }
        }
    }
}

fn read_some(input: &mut Input, buf: &mut [u8], most: u64) -> Result<usize, Failure> {
    let wanted = usize::try_from(most).unwrap_or(usize::MAX).min(buf.len());
    loop {
        match input.read(&mut buf[..wanted]) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            result => return result.map_err(|error| Failure::reading(&error)),
        }
    }
}

/// The failure for half a sample where there is no header.
pub(super) fn odd() -> Failure {
    Failure::input(
        "the raw samples do not come out even: an odd last byte is left over",
        "check that the input is s16le without a header; a WAV file needs no --raw",
    )
}
