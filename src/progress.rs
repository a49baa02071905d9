//! The progress bar: in the time of the recording while it is isolated here, in bytes on the way to a service.

use std::io::{self, Write};
use std::mem::discriminant;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::audio::Spec;
use crate::isolate::{Observer, Stage};
use crate::plan::Progress as Way;
use crate::report::{Report, times};
use crate::text::{harmless, megabytes};

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// How often the bar is drawn while there is nothing to count.
const TICK: Duration = Duration::from_millis(250);

/// Where bars are drawn, one below the other. All that is printed meanwhile goes through
/// [`above`](Self::above), so that it does not run into them.
pub struct Screen {
    bars: MultiProgress,
    way: Way,
    /// The line about all recordings, below the others.
    total: Option<ProgressBar>,
    begun: Instant,
}

impl Screen {
    /// A screen for so many recordings.
    #[must_use]
    pub fn new(way: Way, recordings: usize) -> Self {
        let bars = if way == Way::Bar {
            MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(8))
        } else {
            MultiProgress::with_draw_target(ProgressDrawTarget::hidden())
        };
        let total = (recordings > 1).then(|| {
            let total =
                ProgressBar::hidden().with_style(styled("{wide_bar}  {pos} of {len}  {msg}  {eta} left"));
            total.set_length(recordings as u64);
            bars.add(total)
        });
        Self { bars, way, total, begun: Instant::now() }
    }

    /// A screen on which nothing is ever drawn.
    #[must_use]
    pub fn none() -> Self {
        Self::new(Way::Hidden, 0)
    }

    /// Prints above the bars.
    pub fn above<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bars.suspend(print)
    }

    /// So many recordings have ended, with so much audio that has been isolated.
    pub fn ended(&self, recordings: usize, seconds: f64) {
        if let Some(total) = &self.total {
            let speed = times(seconds / self.begun.elapsed().as_secs_f64().max(1e-9));
            total.set_position(recordings as u64);
            total.set_message(format!("{}  {speed}", clock((seconds * 1000.0) as u64)));
        }
    }

    /// Takes everything away.
    pub fn clear(&self) {
        if let Some(total) = &self.total {
            total.finish_and_clear();
        }
        // Nothing is lost but a picture when the terminal is gone.
        let _ = self.bars.clear();
    }
}

/// Shows how one task goes.
pub struct Progress<'a> {
    name: String,
    screen: &'a Screen,
    report: &'a Report<'a>,
    shown: Mutex<Shown>,
}

/// What is on the screen about it.
struct Shown {
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
        let shown = Shown { bar: ProgressBar::hidden(), stage: None, started: now, printed: now };
        Self { name: harmless(name), screen, report, shown: Mutex::new(shown) }
    }

    /// Takes the bar away, so that messages stand alone.
    pub fn clear(&self) {
        if let Ok(mut shown) = self.shown.lock() {
            self.remove(&mut shown);
        }
    }

    fn remove(&self, shown: &mut Shown) {
        shown.bar.finish_and_clear();
        self.screen.bars.remove(&shown.bar);
        // The next stage draws a bar of its own.
        shown.bar = ProgressBar::hidden();
        shown.stage = None;
    }

    /// Shows a stage of another kind than the last one.
    fn begin(&self, shown: &mut Shown, stage: Stage) {
        shown.started = Instant::now();
        if self.screen.way != Way::Bar {
            return;
        }
        let first = shown.stage.is_none();
        shown.bar.reset();
        shown.bar.set_style(style(stage));
        match position(stage).1 {
            Some(of) => shown.bar.set_length(of),
            None => shown.bar.unset_length(),
        }
        if first {
            // Shown only now that it is complete.
            shown.bar.set_message(self.name.clone());
            let bar = shown.bar.clone();
            shown.bar = match &self.screen.total {
                Some(total) => self.screen.bars.insert_before(total, bar),
                None => self.screen.bars.add(bar),
            };
        }
        // Nobody reports anything while the service works; the time still passes.
        if stage == Stage::Waiting {
            shown.bar.enable_steady_tick(TICK);
        } else {
            shown.bar.disable_steady_tick();
        }
    }

    fn line(&self, shown: &Shown, stage: Stage) {
        let (at, of) = position(stage);
        let text = match stage {
            Stage::Isolating { .. } => {
                let of = of.map_or_else(String::new, |of| format!(" of {}", clock(of)));
                let speed = at as f64 / 1000.0 / shown.started.elapsed().as_secs_f64().max(1e-9);
                format!("{}{of}  {}", clock(at), times(speed))
            }
            Stage::Waiting => "waiting for the service".into(),
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
        let Ok(mut shown) = self.shown.lock() else { return };
        let another = shown.stage.is_none_or(|last| discriminant(&last) != discriminant(&stage));
        if another {
            self.begin(&mut shown, stage);
        }
        shown.stage = Some(stage);
        shown.bar.set_position(position(stage).0);
        let due = shown.printed.elapsed() >= LINE_EVERY || (another && stage == Stage::Waiting);
        if self.screen.way == Way::Lines && due {
            shown.printed = Instant::now();
            self.line(&shown, stage);
        }
    }

    fn note(&self, text: &str) {
        let Ok(mut shown) = self.shown.lock() else { return };
        self.remove(&mut shown);
        self.report.note(&self.name, text);
    }
}

/// Where a stage is and where it ends: milliseconds of audio, or bytes.
fn position(stage: Stage) -> (u64, Option<u64>) {
    match stage {
        Stage::Isolating { spec, done, of } => {
            (milliseconds(spec, done), of.map(|of| milliseconds(spec, of)))
        }
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
        Stage::Isolating { .. } => "isolating",
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

fn styled(template: &str) -> ProgressStyle {
    // The templates are constants; if one were wrong, the default style shows progress as well.
    ProgressStyle::with_template(template)
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .with_key("at", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&clock(state.pos()));
        })
        .with_key("of", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&clock(state.len().unwrap_or(0)));
        })
        .with_key("speed", |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let seconds = state.elapsed().as_secs_f64().max(1e-9);
            let _ = out.write_str(&times(state.pos() as f64 / 1000.0 / seconds));
        })
}

/// A position as people read it: `2:05`, `1:02:05`.
#[must_use]
pub fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
