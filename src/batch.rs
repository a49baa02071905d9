//! Runs the jobs of a plan and merges what came of them into one exit code.

use anyhow::Result;

use crate::audio::decode;
use crate::error::{Failure, Kind};
use crate::isolate::Isolate;
use crate::isolate::local::Local;
use crate::plan::{Engine, Job, Run};
use crate::progress::Progress;
use crate::report::{Report, input_name};
use crate::source::{Source, is_special};

/// Carries out `run` and returns the exit code.
///
/// # Errors
/// When the engine cannot be set up, or when a result cannot be printed: then nothing is known any more.
pub fn run(run: &Run) -> Result<u8> {
    let report = Report::new(run.messages);
    if run.dry_run {
        return exit_code(run.jobs.iter().map(|job| rehearse(job, &report)));
    }
    let engine = match run.engine {
        Engine::Local { model, attenuation_limit } => Local::new(model, attenuation_limit)?,
    };
    exit_code(run.jobs.iter().map(|job| perform(job, &engine, run, &report)))
}

/// The exit code for the kinds of failure of all jobs: of one kind, that kind's; of several, 1.
fn exit_code(ends: impl Iterator<Item = Result<Option<Kind>, Failure>>) -> Result<u8> {
    let mut codes = Vec::new();
    for end in ends {
        codes.push(end?.map_or(0, Kind::exit_code));
    }
    Ok(match codes.as_slice() {
        [] => 0,
        [first, rest @ ..] if rest.iter().all(|code| code == first) => *first,
        _ => 1,
    })
}

/// Isolates one recording; says how it failed, if it did.
fn perform(job: &Job, engine: &dyn Isolate, run: &Run, report: &Report) -> Result<Option<Kind>, Failure> {
    if job.skip {
        report.skipped(&job.task, engine.name())?;
        return Ok(None);
    }
    let progress = Progress::new(&input_name(&job.task), run.messages.progress);
    let result = engine.isolate(&job.task, &progress);
    progress.clear();
    match result {
        Ok(outcome) => {
            report.done(&job.task, engine.name(), &outcome)?;
            Ok(None)
        }
        // Nobody wants to read more, so nobody wants to read about it either.
        Err(failure) if failure.kind == Kind::ReaderLeft => Ok(Some(failure.kind)),
        Err(failure) => {
            report.failed(&job.task, engine.name(), &failure, 1)?;
            Ok(Some(failure.kind))
        }
    }
}

/// Says what would be done with one recording. Reads its header, unless it comes through a pipe.
fn rehearse(job: &Job, report: &Report) -> Result<Option<Kind>, Failure> {
    let engine = "local";
    if job.skip {
        report.skipped(&job.task, engine)?;
        return Ok(None);
    }
    // Looking into a pipe would take out of it what the run is meant to read.
    let known = match &job.task.source {
        Source::Stdin => None,
        Source::File(path) if is_special(path) => None,
        Source::File(_) => match decode::open(&job.task.source, job.task.raw) {
            Ok(decoder) => Some((decoder.spec(), decoder.length().frames())),
            Err(failure) => {
                report.failed(&job.task, engine, &failure, 0)?;
                return Ok(Some(failure.kind));
            }
        },
    };
    report.planned(&job.task, engine, known)?;
    Ok(None)
}
