//! Looking at a recording and its output when the work is done: pictures, figures, and the row on the page.

use std::path::Path;

use super::Batch;
use crate::audio::encode::Format;
use crate::error::{Failure, Kind};
use crate::isolate::{Observer, Stage, Task};
use crate::page::{self, Row};
use crate::picture::{self, Comparison, Shown, Side};
use crate::plan::{Engine, Job};
use crate::progress::Progress;
use crate::report::input_name;
use crate::source::Source;

/// What is seen of a job.
#[derive(Default)]
pub(super) struct Looked {
    shown: Shown,
    /// The comparison, or why there is none, where it was asked for.
    compared: Option<Result<Comparison, Failure>>,
}

impl Batch<'_> {
    /// Makes sure that a recording can be decoded here before it is paid for, where it is to be drawn.
    pub(super) fn readable(&self, job: &Job) -> Result<(), Failure> {
        if job.picture.is_none() || matches!(self.run.engine, Engine::Local { .. }) {
            return Ok(());
        }
        let opened = before(&job.task).open();
        opened.map(drop).map_err(|failure| Failure {
            hint: format!("{}; or leave out --spectrogram", failure.hint),
            ..failure
        })
    }

    /// Looks at a recording and its output, and draws them, as far as that is asked for.
    ///
    /// # Errors
    /// `Output` when the picture is missing; the output is there all the same.
    pub(super) fn look(&self, job: &Job) -> Result<Looked, Failure> {
        let picture = job.picture.as_ref().and_then(|sink| Some((sink, sink.path()?)));
        let mut shown =
            Shown { spectrogram: picture.map(|(_, path)| path.to_owned()), noise_removed_db: None };
        let missing = picture.filter(|(_, path)| !(self.run.skip_existing && path.exists()));
        if self.run.dry_run || (missing.is_none() && self.page.is_none()) {
            return Ok(Looked { shown, ..Looked::default() });
        }
        let progress = Progress::new(&input_name(&job.task), self.screen, self.report);
        let compared = after(&job.task).and_then(|after| {
            Comparison::new(&before(&job.task), &after, self.page.is_some(), &|spec, done, of| {
                progress.stage(Stage::Drawing { spec, done, of });
            })
        });
        progress.clear();
        let drawn = match (missing, &compared) {
            (Some((sink, _)), Ok(comparison)) => picture::write(&comparison.sheet, sink),
            (Some(_), Err(failure)) => Err(failure.clone()),
            (None, _) => Ok(()),
        };
        if let (Err(failure), Some((_, path))) = (drawn, missing) {
            let output = job.task.sink.path().unwrap_or(Path::new("-")).display();
            return Err(Failure {
                kind: Kind::Output,
                message: format!("the spectrogram {} is missing: {}", path.display(), failure.message),
                hint: format!(
                    "the voice is in {output}; with --skip-existing the same command draws what is missing, once this is mended: {}",
                    failure.hint
                ),
                saved: true,
                ..failure
            });
        }
        shown.noise_removed_db = compared.as_ref().ok().map(|comparison| comparison.noise_removed_db);
        Ok(Looked { shown, compared: Some(compared) })
    }

    /// Adds a row to the page, if there is one.
    pub(super) fn row(&self, at: usize, job: &Job, end: page::End, looked: Looked) -> Shown {
        if let Some(page) = &self.page {
            let name = input_name(&job.task);
            let looked_at = looked.compared.as_ref().map(Result::as_ref);
            page.add(at, &Row { name: &name, end, looked_at });
        }
        looked.shown
    }
}

/// The recording of a task.
fn before(task: &Task) -> Side {
    Side { source: task.source.clone(), raw: task.raw }
}

/// The output of a task.
fn after(task: &Task) -> Result<Side, Failure> {
    let path = task.sink.path().ok_or_else(|| Failure::internal("what is compared is no file"))?;
    // Samples without a header are as those of the recording.
    let raw = if task.format == Format::Pcm { Some(before(task).layout()?) } else { None };
    Ok(Side { source: Source::File(path.to_owned()), raw })
}
