//! The progress bar: in the time of the recording while it is isolated here, in bytes on the way to a service.

use std::io::{self, Write};
use std::mem::discriminant;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

use crate::audio::Spec;
use crate::isolate::{Observer, Stage};
use crate::plan::ProgressMode;
use crate::report::Report;
use crate::screen::{Screen, styled};
use crate::text::{clock, harmless, megabytes, times};

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// How often the bar is drawn while there is nothing to count.
const TICK: Duration = Duration::from_millis(250);

/// Shows how one task goes.
pub struct Progress<'a> {
    name: String,
    screen: &'a Screen,
    report: &'a Report<'a>,
    drawn: Mutex<Drawn>,
}

/// What is on the screen about it.
struct Drawn {
    bar: ProgressBar,
    /// The last stage that was seen.
    stage: Option<Stage>,
    /// When its kind of stage began, and when a line was last printed.
    started: Instant,
    printed: Instant,
}

impl<'a> Progress<'a> {
    /// Progress of the task with this name. What is to be said meanwhile goes to `report`.
    #[must_use]
    pub fn new(name: &str, screen: &'a Screen, report: &'a Report<'a>) -> Self {
        let now = Instant::now();
        let drawn = Drawn { bar: ProgressBar::hidden(), stage: None, started: now, printed: now };
        Self { name: harmless(name), screen, report, drawn: Mutex::new(drawn) }
    }

    /// Takes the bar away, so that messages stand alone.
    pub fn clear(&self) {
        if let Ok(mut drawn) = self.drawn.lock() {
            self.remove(&mut drawn);
        }
    }

    fn remove(&self, drawn: &mut Drawn) {
        drawn.bar.finish_and_clear();
        self.screen.remove(&drawn.bar);
        // The next stage draws a bar of its own.
        drawn.bar = ProgressBar::hidden();
        drawn.stage = None;
    }

    /// Shows a stage of another kind than the last one.
    fn begin(&self, drawn: &mut Drawn, stage: Stage) {
        drawn.started = Instant::now();
        if self.screen.mode() != ProgressMode::Bar {
            return;
        }
        let first = drawn.stage.is_none();
        drawn.bar.reset();
        drawn.bar.set_style(style(stage));
        match position(stage).1 {
            Some(of) => drawn.bar.set_length(of),
            None => drawn.bar.unset_length(),
        }
        if first {
            // Drawn only now that it is complete.
            drawn.bar.set_message(self.name.clone());
            drawn.bar = self.screen.add(drawn.bar.clone());
        }
        // Nobody reports anything while the service works; the time still passes.
        if matches!(stage, Stage::Waiting | Stage::Pieces { .. }) {
            drawn.bar.enable_steady_tick(TICK);
        } else {
            drawn.bar.disable_steady_tick();
        }
    }

    fn line(&self, drawn: &Drawn, stage: Stage) {
        let (at, of) = position(stage);
        let text = match stage {
            Stage::Isolating { .. }
            | Stage::Preparing { .. }
            | Stage::Joining { .. }
            | Stage::Drawing { .. } => {
                let of = of.map_or_else(String::new, |of| format!(" of {}", clock(of)));
                let speed = at as f64 / 1000.0 / drawn.started.elapsed().as_secs_f64().max(1e-9);
                let verb = if matches!(stage, Stage::Isolating { .. }) { "" } else { verb(stage) };
                format!("{verb} {}{of}  {}", clock(at), times(speed)).trim_start().to_owned()
            }
            Stage::Waiting => verb(stage).into(),
            Stage::Pieces { done, of } => format!("{done} of {of} pieces"),
            Stage::Uploading { .. } | Stage::Downloading { .. } => {
                let of = of.map_or_else(String::new, |of| format!(" of {}", megabytes(of)));
                format!("{} {}{of}", verb(stage), megabytes(at))
            }
        };
        self.screen.above(|| {
            let _ = writeln!(io::stderr(), "{}  {text}", self.name);
        });
    }
}

impl Observer for Progress<'_> {
    fn stage(&self, stage: Stage) {
        let Ok(mut drawn) = self.drawn.lock() else { return };
        let another = drawn.stage.is_none_or(|last| discriminant(&last) != discriminant(&stage));
        if another {
            self.begin(&mut drawn, stage);
        }
        drawn.stage = Some(stage);
        drawn.bar.set_position(position(stage).0);
        let is_rare = matches!(stage, Stage::Pieces { .. }) || (another && stage == Stage::Waiting);
        let due = is_rare || drawn.printed.elapsed() >= LINE_EVERY;
        if self.screen.mode() == ProgressMode::Lines && due {
            drawn.printed = Instant::now();
            self.line(&drawn, stage);
        }
    }

    fn note(&self, text: &str) {
        let Ok(mut drawn) = self.drawn.lock() else { return };
        self.remove(&mut drawn);
        self.report.note(&self.name, text);
    }
}

/// Where a stage is and where it ends: milliseconds of audio, bytes, or pieces.
fn position(stage: Stage) -> (u64, Option<u64>) {
    match stage {
        Stage::Isolating { spec, done, of }
        | Stage::Preparing { spec, done, of }
        | Stage::Drawing { spec, done, of } => {
            (milliseconds(spec, done), of.map(|of| milliseconds(spec, of)))
        }
        Stage::Joining { spec, done, of } => (milliseconds(spec, done), Some(milliseconds(spec, of))),
        Stage::Pieces { done, of } => (done, Some(of)),
        Stage::Uploading { sent, of } => (sent, of),
        Stage::Waiting => (0, None),
        Stage::Downloading { received, of } => (received, of),
    }
}

fn milliseconds(spec: Spec, frames: u64) -> u64 {
    (spec.seconds(frames) * 1000.0) as u64
}

fn verb(stage: Stage) -> &'static str {
    match stage {
        Stage::Isolating { .. } | Stage::Pieces { .. } => "isolating",
        Stage::Preparing { .. } => "preparing",
        Stage::Joining { .. } => "joining",
        Stage::Drawing { .. } => "drawing",
        Stage::Uploading { .. } => "uploading",
        Stage::Waiting => "waiting for the service",
        Stage::Downloading { .. } => "downloading",
    }
}

fn style(stage: Stage) -> ProgressStyle {
    let verb = verb(stage);
    let template = match (stage, position(stage).1) {
        (Stage::Isolating { .. }, Some(_)) => "{msg}  {wide_bar}  {at} / {of}  {speed}  {eta} left".into(),
        (Stage::Isolating { .. }, None) => "{spinner} {msg}  {at}  {speed}".into(),
        (Stage::Preparing { .. } | Stage::Joining { .. } | Stage::Drawing { .. }, Some(_)) => {
            format!("{{msg}}  {verb}  {{wide_bar}}  {{at}} / {{of}}  {{speed}}  {{eta}} left")
        }
        (Stage::Preparing { .. } | Stage::Drawing { .. }, None) => {
            format!("{{spinner}} {{msg}}  {verb}  {{at}}  {{speed}}")
        }
        (Stage::Pieces { .. }, _) => "{spinner} {msg}  {wide_bar}  {pos} of {len} pieces  {elapsed}".into(),
        (Stage::Waiting, _) => format!("{{spinner}} {{msg}}  {verb}  {{elapsed}}"),
        (_, Some(_)) => {
            format!(
                "{{msg}}  {verb}  {{wide_bar}}  {{decimal_bytes}} / {{decimal_total_bytes}}  {{decimal_bytes_per_sec}}  {{eta}} left"
            )
        }
        (_, None) => format!("{{spinner}} {{msg}}  {verb}  {{decimal_bytes}}  {{decimal_bytes_per_sec}}"),
    };
    styled(&template)
}
