//! Which way a recording takes to the service: as it is, or changed so that the service takes it.

use super::coding::{Coding, fits};
use super::limits::{self, LEAST_SECONDS, MOST_BYTES, MOST_SECONDS};
use super::settings::{Settings, Split};
use crate::audio::Spec;
use crate::error::Failure;
use crate::isolate::Recording;

/// What is done to a recording so that the service takes it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Way {
    /// Nothing: one request.
    Whole,
    /// It is too large, but not too long: one request with its sound alone, compressed.
    Compressed(Coding),
    /// It is too short: one request, with silence behind it.
    Padded(Coding, Spec, f64),
    /// It is too long or too large, or longer than the user wants pieces to be: several requests. With its length in
    /// seconds.
    Pieces(Coding, Spec, f64),
}

impl Way {
    /// The way of a recording that makes so many bytes.
    ///
    /// # Errors
    /// `Input` when the service would refuse it, and the user wants nothing to be done about it.
    pub(super) fn of(bytes: Option<u64>, recording: Recording, settings: &Settings) -> Result<Self, Failure> {
        // What cannot be decoded here cannot be changed.
        if let (Some(spec), Some(seconds)) = (recording.spec, recording.seconds) {
            let coding = Coding::of(spec, settings);
            let pieces = Self::Pieces(coding, spec, seconds);
            let splits = settings.split != Split::Never;
            let too_large = bytes.is_some_and(|bytes| bytes > MOST_BYTES);
            match settings.split {
                Split::Longer(most) if seconds > most => return Ok(pieces),
                _ if settings.ignore_limits => {}
                _ if seconds < LEAST_SECONDS && settings.pad => {
                    return Ok(Self::Padded(coding, spec, seconds));
                }
                _ if seconds > MOST_SECONDS && splits => return Ok(pieces),
                _ if too_large && seconds <= MOST_SECONDS && fits(coding, spec, seconds) => {
                    return Ok(Self::Compressed(coding));
                }
                _ if too_large && splits => return Ok(pieces),
                _ => {}
            }
        }
        limits::check(bytes, recording.seconds, settings)?;
        Ok(Self::Whole)
    }

    /// How the recording is encoded before it is sent, if it is.
    pub(super) fn coding(self) -> Option<Coding> {
        match self {
            Self::Whole => None,
            Self::Compressed(coding) | Self::Padded(coding, ..) | Self::Pieces(coding, ..) => Some(coding),
        }
    }

    /// What is done to the recording, in words. `pieces` is how many it is sent in.
    pub(super) fn change(self, pieces: usize) -> Option<String> {
        match self {
            Self::Whole => None,
            Self::Compressed(_) => Some("its sound alone, compressed".into()),
            Self::Padded(..) => Some("with silence behind it".into()),
            Self::Pieces(..) => Some(format!("in {pieces} pieces")),
        }
    }

    /// Whether the result is put together here, so that it is no MP3 unless somebody asks for one.
    pub(super) fn is_joined(self) -> bool {
        matches!(self, Self::Padded(..) | Self::Pieces(..))
    }
}
