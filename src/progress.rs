//! The progress bar, in the time of the recording.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::audio::Spec;
use crate::isolate::Observer;
use crate::plan::Progress as Way;
use crate::report::{harmless, times};

/// How often a line is printed where there is no terminal.
const LINE_EVERY: Duration = Duration::from_secs(2);

/// Shows how one task goes.
pub struct Progress {
    name: String,
    way: Way,
    state: Mutex<State>,
}

struct State {
    bar: ProgressBar,
    spec: Option<Spec>,
    frames: Option<u64>,
    started: Instant,
    printed: Instant,
}

impl Progress {
    /// Progress of the task with this name.
    #[must_use]
    pub fn new(name: &str, way: Way) -> Self {
        let now = Instant::now();
        let state =
            State { bar: ProgressBar::hidden(), spec: None, frames: None, started: now, printed: now };
        Self { name: harmless(name), way, state: Mutex::new(state) }
    }

    /// Takes the bar away, so that messages stand alone.
    pub fn clear(&self) {
        if let Ok(state) = self.state.lock() {
            state.bar.finish_and_clear();
        }
    }
}

impl Observer for Progress {
    fn started(&self, spec: Spec, frames: Option<u64>) {
        let Ok(mut state) = self.state.lock() else { return };
        state.spec = Some(spec);
        state.frames = frames;
        if self.way == Way::Bar {
            let length = frames.map(|frames| milliseconds(spec, frames));
            state.bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(8));
            state.bar.set_style(style(length.is_some()));
            state.bar.set_message(self.name.clone());
        }
    }

    fn advanced(&self, frames: u64) {
        let Ok(mut state) = self.state.lock() else { return };
        let Some(spec) = state.spec else { return };
        state.bar.set_position(milliseconds(spec, frames));
        if self.way == Way::Lines && state.printed.elapsed() >= LINE_EVERY {
            state.printed = Instant::now();
            let of = state
                .frames
                .map_or_else(String::new, |all| format!(" of {}", clock(milliseconds(spec, all))));
            let speed = times(spec.seconds(frames) / state.started.elapsed().as_secs_f64().max(1e-9));
            let _ =
                writeln!(io::stderr(), "{}  {}{of}  {speed}", self.name, clock(milliseconds(spec, frames)));
        }
    }
}

fn milliseconds(spec: Spec, frames: u64) -> u64 {
    (spec.seconds(frames) * 1000.0) as u64
}

fn style(length_known: bool) -> ProgressStyle {
    let template = if length_known {
        "{msg}  {wide_bar}  {at} / {of}  {speed}  {eta} left"
    } else {
        "{spinner} {msg}  {at}  {speed}"
    };
    // The template is a constant; if it were wrong, the default style shows progress as well.
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
fn clock(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}
