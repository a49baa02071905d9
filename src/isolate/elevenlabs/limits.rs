//! What the service takes, and what it costs.

use super::settings::Settings;
use crate::error::Failure;

/// What the service takes: up to 500 MB (documented) and 1 hour (documented), from 4.6 s on (reported).
pub(super) const MOST_BYTES: u64 = 500_000_000;
pub(super) const MOST_SECONDS: f64 = 3600.0;
pub(super) const LEAST_SECONDS: f64 = 4.6;

/// How long what is too short is made, in seconds: the shortest is known from reports, so there is some more.
pub(super) const PADDED_SECONDS: f64 = LEAST_SECONDS + 0.1;

/// The price, as documented.
const CREDITS_PER_MINUTE: f64 = 1000.0;

/// What so much audio costs, as documented.
pub(super) fn credits(seconds: f64) -> u64 {
    (seconds / 60.0 * CREDITS_PER_MINUTE).ceil() as u64
}

/// Refuses what the service would refuse for its size or its length.
///
/// # Errors
/// `Input`, unless the user does not want to hear of it.
pub(super) fn check(bytes: Option<u64>, seconds: Option<f64>, settings: &Settings) -> Result<(), Failure> {
    if settings.ignore_limits {
        return Ok(());
    }
    if bytes.is_some_and(|bytes| bytes > MOST_BYTES) {
        return Err(too_large());
    }
    match seconds {
        Some(seconds) if seconds < LEAST_SECONDS => Err(Failure::input(
            format!("it is {seconds:.2} s long, and the service takes no less than {LEAST_SECONDS} s"),
            "--pad auto sends silence behind it; --engine local takes any length; --ignore-limits sends it all the same",
        )),
        Some(seconds) if seconds > MOST_SECONDS => Err(Failure::input(
            format!("it is {:.2} minutes long, and the service takes no more than an hour", seconds / 60.0),
            "--split auto sends it in pieces; --engine local takes any length; --ignore-limits sends it all the same",
        )),
        _ => Ok(()),
    }
}

/// The failure for too many bytes.
pub(super) fn too_large() -> Failure {
    Failure::input(
        "it is larger than the 500 MB that the service takes",
        "--resample sends 115 MB an hour; --ignore-limits sends it all the same",
    )
}
