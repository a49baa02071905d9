//! Runs the jobs of a plan and merges what came of them into one exit code.

use anyhow::Result;

use crate::error::{Failure, Kind};
use crate::isolate::Isolate;
use crate::isolate::elevenlabs::ElevenLabs;
use crate::isolate::local::Local;
use crate::plan::{Engine, Job, Run};
use crate::progress::Progress;
use crate::report::{Report, input_name};

/// Carries out `run` and returns the exit code.
///
/// # Errors
/// When the engine cannot be set up, or when a result cannot be printed: then nothing is known any more.
pub fn run(run: &Run) -> Result<u8> {
    let report = Report::new(run.messages);
    let engine: Box<dyn Isolate> = match &run.engine {
        Engine::Local { model, attenuation_limit } => Box::new(Local::new(*model, *attenuation_limit)?),
        Engine::ElevenLabs(settings) => Box::new(ElevenLabs::new(settings.as_ref().clone())),
    };
    exit_code(run.jobs.iter().map(|job| {
        if job.skip {
            report.skipped(&job.task, engine.name())?;
            Ok(None)
        } else if run.dry_run {
            rehearse(job, engine.as_ref(), &report)
        } else {
            perform(job, engine.as_ref(), run, &report)
        }
    }))
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
    let progress = Progress::new(&input_name(&job.task), run.messages.progress, report);
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

/// Says what would be done with one recording.
fn rehearse(job: &Job, engine: &dyn Isolate, report: &Report) -> Result<Option<Kind>, Failure> {
    match engine.rehearse(&job.task) {
        Ok(rehearsal) => {
            report.planned(&job.task, engine.name(), &rehearsal)?;
            Ok(None)
        }
        Err(failure) => {
            report.failed(&job.task, engine.name(), &failure, 0)?;
            Ok(Some(failure.kind))
        }
    }
}
