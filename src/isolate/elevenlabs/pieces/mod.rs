//! Recordings of any length: taken apart or made longer, sent in pieces, and joined.
//!
//! A recording is looked through once (`survey`) to find where to cut it (`cuts`). A second reading encodes the pieces,
//! and workers `send` them, several at once; what comes back waits in a `folder` that outlives an interrupted run. Each
//! reply is compared with what was sent (`measure`: its `lag`, the levels of its ends); in the end their `voice`s are
//! brought to the same `level`, and joined (`join`).

mod cuts;
mod folder;
mod join;
mod lag;
mod level;
mod measure;
mod send;
mod survey;
mod voice;

use std::ops::Range;
use std::sync::{Mutex, PoisonError};

use super::coding::Coding;
use super::limits::{self, PADDED_SECONDS};
use super::payload::Payload;
use super::prepare::{Encoding, Original};
use super::settings::Settings;
use super::way::Way;
use super::{Done, ElevenLabs};
use crate::audio::encode::{self, Format};
use crate::audio::{Depth, Spec};
use crate::error::{Failure, Kind};
use crate::exchange::{Exchange, Piece, PieceState};
use crate::isolate::{Observer, Recording, Task};
use cuts::Lengths;
use folder::{Folder, Manifest};
use join::Part;
use measure::Measures;
use send::{Tally, Work};
use survey::Survey;

/// The description of folders that this program writes and understands.
const VERSION: u32 = 1;

/// A reply that drifts by more than this against what was sent is told of, in seconds.
const DRIFT: f64 = 0.001;

/// The pieces that a recording of so many seconds will be sent in, as far as that is known before it is looked
/// through: cuts go to pauses later.
pub(super) fn planned(way: Way, settings: &Settings) -> Vec<Piece> {
    let Way::Pieces(coding, spec, length) = way else { return Vec::new() };
    let total = (length * f64::from(spec.rate)).round() as u64;
    let lengths = Lengths::of(coding, spec, settings.split);
    let pieces = cuts::pieces(total, lengths.overlap, &lengths.even(total));
    let piece = |range: &Range<u64>| {
        let piece = planned_piece(range, spec);
        Piece { credits: Some(limits::credits(piece.seconds)), ..piece }
    };
    pieces.iter().map(piece).collect()
}

fn planned_piece(range: &Range<u64>, spec: Spec) -> Piece {
    Piece {
        start: spec.seconds(range.start),
        seconds: spec.seconds(range.end - range.start),
        state: PieceState::Planned,
        attempts: 0,
        request_id: None,
        credits: None,
    }
}

/// Sends a recording in pieces and writes what is joined of them.
///
/// # Errors
/// Those of every piece, of joining them, and of the output. Finished pieces are kept.
pub(super) fn isolate(
    engine: &ElevenLabs,
    task: &Task,
    original: &Original,
    exchange: &mut Exchange,
    observer: &dyn Observer,
) -> Result<Done, Failure> {
    let (Way::Pieces(coding, ..) | Way::Padded(coding, ..)) = original.way else {
        return Err(Failure::internal("a whole recording is to be joined"));
    };
    let format = if task.format == Format::Mp3 { Format::Wav } else { task.format };
    // Opened before anything is sent, so that a place that cannot be written costs nothing.
    let output = task.sink.open()?;
    let survey = Survey::of(original.decoder()?, observer)?;
    let lengths = Lengths::of(coding, survey.spec, engine.settings.split);
    let cuts = if let Way::Pieces(..) = original.way {
        lengths.in_pauses(survey.total, &survey.envelope, survey.hop)
    } else {
        really_short(survey.spec.seconds(survey.total))?;
        Vec::new()
    };
    let wanted = Manifest {
        version: VERSION,
        recording: survey.fingerprint.clone(),
        sample_rate: survey.spec.rate,
        frames: survey.total,
        sent_as: coding.extension().into(),
        overlap: lengths.overlap,
        cuts,
    };
    let (folder, Manifest { overlap, cuts, .. }) = Folder::open(&task.sink, &wanted)?;
    let ranges = cuts::pieces(survey.total, overlap, &cuts);
    let work = Work {
        engine,
        task,
        original,
        coding,
        spec: survey.spec,
        overlap,
        folder: &folder,
        ranges: &ranges,
        observer,
        tally: Mutex::new(Tally::new(&ranges, survey.spec, &folder)),
    };
    work.announce();
    let sent = work.send_all();
    let Tally { pieces, total, failure, warnings: told, .. } =
        work.tally.into_inner().unwrap_or_else(PoisonError::into_inner);
    *exchange = Exchange { file_format: Some(coding.file_format().name()), ..total };
    exchange.pieces = if ranges.len() > 1 { pieces } else { Vec::new() };
    let done = (0..ranges.len()).filter(|piece| folder.has(*piece)).count();
    let kept = |failure| kept(&folder, done, ranges.len(), failure);
    if let Some(failure) = failure {
        return Err(kept(failure));
    }
    sent.map_err(kept)?;

    let measures: Vec<Measures> =
        (0..ranges.len()).map(|piece| folder.measures(piece).unwrap_or_default()).collect();
    let (parts, mut details) = parts(&folder, &ranges, &measures);
    let mut warnings = survey.warnings;
    warnings.extend(told);
    warnings.extend(drifts(&measures, ranges.len()));
    let spec = Spec { channels: join::channels(&parts).map_err(kept)?, depth: Depth::Int16, ..survey.spec };
    let joined = encode::to(format, spec, Some(survey.total), output).and_then(|mut encoder| {
        join::join(parts, &cuts, spec, &mut *encoder, observer)?;
        encoder.finish()
    });
    let bytes_written = joined.map_err(|failure| {
        // There is a result, under another name; or nobody wants it, and nothing would find the pieces again.
        if failure.saved || (failure.kind == Kind::ReaderLeft && !folder.is_found_again) {
            // A folder that cannot be removed stays as it is.
            let _ = folder.remove();
            return failure;
        }
        kept(failure)
    })?;
    if let Err(failure) = folder.remove() {
        warnings.push(format!("{} is left, and can be removed: {failure}", folder.path().display()));
    }
    if ranges.len() > 1 {
        details.insert(0, format!("sent in {} pieces", ranges.len()));
    }
    let recording = Recording { spec: Some(survey.spec), seconds: Some(survey.spec.seconds(survey.total)) };
    Ok(Done { recording, bytes_written, warnings, details })
}

/// A failure with what is known of the pieces that are paid for.
fn kept(folder: &Folder, done: usize, of: usize, failure: Failure) -> Failure {
    if done == 0 {
        return failure;
    }
    let place = folder.path().display();
    let next = if folder.is_found_again {
        "the same command goes on from there"
    } else {
        "nothing finds them again by itself"
    };
    let are = if of == 1 {
        "what the service sent is".into()
    } else {
        format!("{done} of {of} pieces are isolated and")
    };
    let hint = format!("{}; {are} kept in {place}: {next}", failure.hint);
    Failure { hint, ..failure }
}

/// The pieces as they are to be joined, and what was found about them.
fn parts(folder: &Folder, ranges: &[Range<u64>], measures: &[Measures]) -> (Vec<Part>, Vec<String>) {
    // The same encoder made all of them: where there is nothing to compare, the usual lag is the best guess.
    let mut lags: Vec<f64> = measures.iter().filter_map(|measures| measures.lag).collect();
    lags.sort_by(f64::total_cmp);
    let usual = lags.get(lags.len() / 2).copied().unwrap_or(0.0);
    let gains = level::gains_db(measures);
    let mut details = Vec::new();
    let mut parts = Vec::new();
    for (piece, range) in ranges.iter().enumerate() {
        let lag = measures[piece].lag;
        let gain = gains[piece];
        let lagged =
            lag.map_or_else(|| "nothing to compare".into(), |lag| format!("{:+.2} ms", lag * 1000.0));
        let which = if ranges.len() == 1 {
            String::new()
        } else {
            format!("piece {} of {}: ", piece + 1, ranges.len())
        };
        details.push(format!("{which}lag {lagged}, level {gain:+.1} dB"));
        parts.push(Part {
            range: range.clone(),
            reply: folder.reply(piece),
            lag: lag.unwrap_or(usual),
            gain: 10_f64.powf(gain / 20.0) as f32,
        });
    }
    (parts, details)
}

/// What is to be said of replies that do not keep step.
fn drifts(measures: &[Measures], of: usize) -> Vec<String> {
    let drifting = measures.iter().enumerate().filter(|(_, measures)| measures.drift.abs() > DRIFT);
    drifting
        .map(|(piece, measures)| {
            let drift = measures.drift * 1000.0;
            format!("piece {} of {of}: the service's reply drifts by {drift:+.1} ms", piece + 1)
        })
        .collect()
}

/// A recording that is too short, as it is sent, and what is known of it.
///
/// # Errors
/// Those of reading and encoding it, and as [`really_short`].
pub(super) fn padded(
    original: &Original,
    coding: Coding,
    observer: &dyn Observer,
) -> Result<(Payload, Recording), Failure> {
    let Encoding { mut spool, spec, frames, warnings } = original.encoded(coding, &really_short, observer)?;
    spool.write(&silence(frames, spec))?;
    let seconds = spec.seconds(frames);
    let sent = Recording { spec: Some(spec), seconds: Some(seconds.max(PADDED_SECONDS)) };
    let payload = original.payload(None, coding, spool.finish()?, sent)?.with(warnings);
    Ok((payload, Recording { seconds: Some(seconds), ..sent }))
}

/// Refuses what was padded by its header's word and turns out to be long: that would cost more than was said before.
///
/// # Errors
/// `Input` for more seconds than a padded recording has.
fn really_short(seconds: f64) -> Result<(), Failure> {
    if seconds <= PADDED_SECONDS {
        return Ok(());
    }
    Err(Failure::input(
        "it is longer than its header says",
        "write it anew, so that its length is known before it is paid for: ffmpeg -i IN OUT.flac",
    ))
}

/// What is missing behind so many frames.
fn silence(frames: u64, spec: Spec) -> Vec<f32> {
    vec![0.0; padded_frames(spec).saturating_sub(frames) as usize * usize::from(spec.channels)]
}

/// How many frames are sent of what is too short.
fn padded_frames(spec: Spec) -> u64 {
    (PADDED_SECONDS * f64::from(spec.rate)).ceil() as u64
}

/// The failure for pieces that are to become an MP3.
pub(super) fn no_mp3() -> Failure {
    Failure::usage(
        "it is sent in pieces, and MP3 cannot be joined without being encoded again",
        "name the output .wav, .flac or .opus; --split never refuses it instead",
    )
}

/// What is to be said of an MP3 that was not cut back to the length of its recording.
pub(super) fn uncut(recording: Recording) -> String {
    let silence = PADDED_SECONDS - recording.seconds.unwrap_or(PADDED_SECONDS);
    format!(
        "it is padded with {silence:.1} s of silence, which an MP3 keeps: name the output .wav, .flac or .opus to have it cut"
    )
}
