//! Values that are numbers, and what is said of those that are not.

use std::time::Duration;

use crate::audio::{MAX_CHANNELS, RATES};
use crate::isolate::elevenlabs::settings::Split;

pub(super) fn rate(text: &str) -> Result<u32, String> {
    let (least, most) = RATES.into_inner();
    text.parse().ok().filter(|rate| RATES.contains(rate)).ok_or(format!("it must be {least} to {most} Hz"))
}

pub(super) fn channels(text: &str) -> Result<u16, String> {
    let known = |channels: &u16| (1..=MAX_CHANNELS).contains(channels);
    text.parse().ok().filter(known).ok_or(format!("it must be 1 to {MAX_CHANNELS}"))
}

/// The longest wait that can be asked for, in seconds: a week.
const LONGEST_WAIT: f64 = 604_800.0;

pub(super) fn seconds(text: &str) -> Result<Duration, String> {
    match text.parse::<f64>() {
        Ok(seconds) if (0.001..=LONGEST_WAIT).contains(&seconds) => Ok(Duration::from_secs_f64(seconds)),
        _ => Err(format!("it must be a number of seconds from 0.001 to {LONGEST_WAIT}")),
    }
}

/// More at once than any machine or account takes.
const MOST_JOBS: usize = 1024;

pub(super) fn at_once(text: &str) -> Result<usize, String> {
    let number = text.parse().ok().filter(|jobs| (1..=MOST_JOBS).contains(jobs));
    number.ok_or_else(|| format!("it must be 1 to {MOST_JOBS}"))
}

/// The lengths of pieces that can be asked for, in minutes: a quarter, so that they have something to overlap, up to
/// what the service takes.
const PIECES: std::ops::RangeInclusive<f64> = 0.25..=60.0;

pub(super) fn split(text: &str) -> Result<Split, String> {
    match (text, text.parse::<f64>()) {
        ("auto", _) => Ok(Split::Auto),
        ("never", _) => Ok(Split::Never),
        (_, Ok(minutes)) if PIECES.contains(&minutes) => Ok(Split::Longer(minutes * 60.0)),
        _ => Err(format!("it must be auto, never, or {} to {} minutes", PIECES.start(), PIECES.end())),
    }
}

pub(super) fn minutes(text: &str) -> Result<f64, String> {
    let number = text.parse().ok().filter(|minutes: &f64| minutes.is_finite() && *minutes >= 0.0);
    number.ok_or_else(|| "it must be a number of minutes".into())
}

pub(super) fn decibels(text: &str) -> Result<f32, String> {
    match text.parse::<f32>() {
        Ok(db) if (0.0..=200.0).contains(&db) => Ok(db),
        _ => Err("it must be a number of decibels from 0 to 200".into()),
    }
}
