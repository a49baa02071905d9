//! Runs the jobs of a plan, several at once, and merges what came of them into one exit code.

mod look;

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::Result;

use crate::error::{EXIT_MIXED, Failure, Kind};
use crate::exchange::Exchange;
use crate::isolate::elevenlabs::ElevenLabs;
use crate::isolate::local::Local;
use crate::isolate::{Isolate, Outcome, Rehearsal};
use crate::page::{self, Page};
use crate::picture::Shown;
use crate::plan::{Engine, Job, Run};
use crate::progress::Progress;
use crate::report::{Report, Totals, input_name};
use crate::screen::Screen;
use crate::sink::Sink;
use look::Looked;

/// Carries out `run` and returns the exit code.
///
/// # Errors
/// When the engine cannot be set up, when more would be billed than is allowed, or when a result cannot be
/// printed: then nothing is known any more.
pub fn run(run: &Run) -> Result<u8> {
    let begun = Instant::now();
    let screen = Screen::new(run.messages.progress, run.jobs.len());
    let report = Report::new(run.messages, &screen);
    let at_once = affordable(run.at_once);
    let engine: Box<dyn Isolate> = match &run.engine {
        Engine::Local { model, attenuation_limit } => {
            Box::new(Local::new(*model, *attenuation_limit, at_once)?)
        }
        Engine::ElevenLabs(settings) => Box::new(ElevenLabs::new(settings.as_ref().clone(), at_once)),
    };
    if at_once < run.at_once && !run.dry_run {
        report
            .remark(&format!("only {at_once} at once: more would pass the limit of open files (ulimit -n)"));
    }
    run.notes.iter().for_each(|note| report.remark(note));
    run.details.iter().for_each(|detail| report.detail(detail));
    if let Some(most) = run.most_minutes {
        within_budget(&run.jobs, engine.as_ref(), most)?;
    }
    let batch = Batch {
        run,
        engine: engine.as_ref(),
        screen: &screen,
        report: &report,
        next: AtomicUsize::new(0),
        over: AtomicBool::new(false),
        ends: Mutex::new(Ends::default()),
        page: run.page.as_ref().filter(|_| !run.dry_run).map(|_| Page::new(run.jobs.len())).transpose()?,
    };
    batch.work(run.workers.min(at_once))?;
    screen.clear();
    let page = batch.page;
    let Ends { code, fatal, ended, mut totals } =
        batch.ends.into_inner().unwrap_or_else(PoisonError::into_inner);
    let mut code = code.unwrap_or(0);
    match fatal {
        // A reader of the results that has left excuses no failure.
        Some(failure) if failure.kind == Kind::ReaderLeft && code != 0 => return Ok(code),
        Some(failure) => return Err(failure.into()),
        None => {}
    }
    if run.fail_fast && ended < run.jobs.len() && code != 0 {
        // Some failed, and of others nothing is known.
        code = EXIT_MIXED;
    }
    totals.left_out = run.jobs.len() - ended;
    totals.elapsed = (!run.dry_run).then(|| begun.elapsed());
    if let Some(sink) = &run.page {
        let path = sink.path().map(|path| path.display().to_string()).unwrap_or_default();
        let names = run.jobs.iter().map(|job| input_name(&job.task));
        match page.map(|page| page.finish(sink, &totals.to_string(), names)).transpose() {
            Ok(Some(())) => report.page_written(&path),
            Ok(None) => report.page_planned(&path),
            Err(failure) => {
                report.error(Some(&path), &failure);
                code = if code == 0 { failure.kind.exit_code() } else { EXIT_MIXED };
            }
        }
    }
    if run.batch {
        report.summary(&totals);
    }
    Ok(code)
}

/// As many at once as there may be files open for. The limit is raised as far as the system lets everybody.
#[cfg(unix)]
fn affordable(at_once: usize) -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Files of one of them: input, output, spool, socket, and what stands in for them for a moment.
    const EACH: u64 = 6;
    /// Files of the program itself.
    const OWN: u64 = 16;
    let limit = getrlimit(Resource::Nofile);
    // Where it cannot be raised, the limit that there is counts.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
    let files = if raised.is_ok() { limit.maximum } else { limit.current };
    let most = files.map_or(u64::MAX, |files| files.saturating_sub(OWN) / EACH);
    at_once.min(usize::try_from(most).unwrap_or(usize::MAX)).max(1)
}

/// Elsewhere there is no such limit.
#[cfg(not(unix))]
fn affordable(at_once: usize) -> usize {
    at_once
}

/// Refuses a run that would bill more minutes than are allowed.
fn within_budget(jobs: &[Job], engine: &dyn Isolate, most: f64) -> Result<(), Failure> {
    let (mut seconds, mut unknown) = (0.0, 0);
    for job in jobs.iter().filter(|job| !job.skip) {
        // What is refused before the upload costs nothing.
        if let Ok(rehearsal) = engine.rehearse(&job.task) {
            let billed = rehearsal.upload.and_then(|upload| upload.seconds);
            match billed {
                Some(length) => seconds += length,
                None => unknown += 1,
            }
        }
    }
    let minutes = seconds / 60.0;
    let hint = "--max-minutes sets the limit; without it, -n shows what each recording costs";
    if minutes > most {
        return Err(Failure::usage(
            format!("{minutes:.1} minutes would be billed, and {most} are allowed"),
            hint,
        ));
    }
    if unknown > 0 {
        let what = format!(
            "the length of {unknown} recordings is unknown, so that they may cost more than is allowed"
        );
        return Err(Failure::usage(what, "leave out --max-minutes, or convert them to WAV or FLAC first"));
    }
    Ok(())
}

/// A run at work.
struct Batch<'a> {
    run: &'a Run,
    engine: &'a dyn Isolate,
    screen: &'a Screen,
    report: &'a Report<'a>,
    /// The job that is begun next.
    next: AtomicUsize,
    /// Nothing new is begun.
    over: AtomicBool,
    ends: Mutex<Ends>,
    /// The page about all recordings, if one is written.
    page: Option<Page>,
}

/// How the jobs ended that have.
#[derive(Default)]
struct Ends {
    /// The exit code of all together.
    code: Option<u8>,
    /// Why no result can be told any more.
    fatal: Option<Failure>,
    ended: usize,
    totals: Totals,
}

impl Ends {
    /// Of one kind, that kind's.
    fn merge(&mut self, code: u8) {
        self.code = Some(match self.code {
            None => code,
            Some(before) if before == code => code,
            Some(_) => EXIT_MIXED,
        });
    }
}

impl Batch<'_> {
    /// Works on all jobs.
    fn work(&self, workers: usize) -> Result<(), Failure> {
        thread::scope(|scope| {
            for _ in 0..workers {
                let worker = thread::Builder::new().name("worker".into());
                worker.spawn_scoped(scope, || self.worker()).map_err(|error| {
                    self.over.store(true, Relaxed);
                    Failure::internal(format!("no thread can be started: {error}"))
                })?;
            }
            Ok(())
        })
    }

    fn worker(&self) {
        while !self.over.load(Relaxed) {
            let at = self.next.fetch_add(1, Relaxed);
            let Some(job) = self.run.jobs.get(at) else { return };
            if let Err(failure) = self.job(at, job) {
                self.over.store(true, Relaxed);
                self.ends().fatal.get_or_insert(failure);
            }
        }
    }

    /// Works on one job, and tells how it ended.
    ///
    /// # Errors
    /// Those of telling.
    fn job(&self, at: usize, job: &Job) -> Result<(), Failure> {
        let (task, engine) = (&job.task, self.engine.name());
        let there = || matches!(&task.sink, Sink::File { path, .. } if path.exists());
        if job.skip || (self.run.skip_existing && there()) {
            return match self.look(job) {
                Ok(looked) => {
                    let shown = self.row(at, job, page::End::Skipped, looked);
                    self.ended(None, |totals| totals.skipped += 1);
                    self.report.skipped(task, engine, self.run.batch, &shown)
                }
                Err(failure) => self.failed(at, job, &failure, 0),
            };
        }
        if let Err(failure) = self.readable(job) {
            return self.failed(at, job, &failure, 0);
        }
        if self.run.dry_run {
            return match self.engine.rehearse(task) {
                Ok(rehearsal) => {
                    self.ended(None, |totals| count_planned(totals, &rehearsal));
                    let spectrogram = job.picture.as_ref().and_then(Sink::path).map(Into::into);
                    let shown = Shown { spectrogram, noise_removed_db: None };
                    self.report.planned(task, engine, &rehearsal, &shown)
                }
                Err(failure) => self.failed(at, job, &failure, 0),
            };
        }
        let progress = Progress::new(&input_name(task), self.screen, self.report);
        let result = self.engine.isolate(task, &progress);
        progress.clear();
        let outcome = match result {
            Ok(outcome) => outcome,
            Err(failure) => return self.failed(at, job, &failure, 1),
        };
        match self.look(job) {
            Ok(looked) => {
                let shown = self.row(at, job, page::End::Done(&outcome), looked);
                self.ended(None, |totals| count_done(totals, &outcome));
                self.report.done(task, engine, &outcome, &shown)
            }
            Err(failure) => {
                // It was isolated, and perhaps paid for, all the same.
                let failure = Failure { exchange: outcome.exchange.map(Box::new), ..failure };
                self.failed(at, job, &failure, 1)
            }
        }
    }

    /// A job failed in so many attempts.
    fn failed(&self, at: usize, job: &Job, failure: &Failure, attempts: u32) -> Result<(), Failure> {
        // Where nobody wants to read more, nobody wants to read about it either.
        if failure.kind == Kind::ReaderLeft {
            self.ended(None, |_| {});
            return Ok(());
        }
        self.ended(Some(failure.kind), |totals| {
            totals.failed.push(input_name(&job.task));
            count_credits(totals, failure.exchange.as_deref());
        });
        if failure.stops {
            self.over.store(true, Relaxed);
        }
        self.row(at, job, page::End::Failed(failure), Looked::default());
        self.report.failed(&job.task, self.engine.name(), failure, attempts)
    }

    /// Takes note of how a job ended, before anybody is told.
    fn ended(&self, failed: Option<Kind>, count: impl FnOnce(&mut Totals)) {
        if failed.is_some() && self.run.fail_fast {
            self.over.store(true, Relaxed);
        }
        let mut ends = self.ends();
        ends.merge(failed.map_or(0, Kind::exit_code));
        ends.ended += 1;
        count(&mut ends.totals);
        self.screen.ended(ends.ended, ends.totals.seconds);
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn count_done(totals: &mut Totals, outcome: &Outcome) {
    totals.done += 1;
    match outcome.recording.seconds {
        Some(seconds) => totals.seconds += seconds,
        None => totals.unknown += 1,
    }
    count_credits(totals, outcome.exchange.as_ref());
}

fn count_credits(totals: &mut Totals, exchange: Option<&Exchange>) {
    let Some(exchange) = exchange else { return };
    totals.credits = Some(totals.credits.unwrap_or(0) + exchange.credits.unwrap_or(0));
    totals.unpriced |= exchange.credits.is_none();
}

fn count_planned(totals: &mut Totals, rehearsal: &Rehearsal) {
    totals.done += 1;
    match rehearsal.recording.seconds {
        Some(seconds) => totals.seconds += seconds,
        None => totals.unknown += 1,
    }
    if let Some(upload) = &rehearsal.upload {
        totals.bytes = Some(totals.bytes.unwrap_or(0) + upload.bytes.unwrap_or(0));
        totals.credits = Some(totals.credits.unwrap_or(0) + upload.credits.unwrap_or(0));
    }
}
