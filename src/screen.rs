//! The terminal, as bars and messages share it.

use std::time::Instant;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::plan::ProgressMode;
use crate::text::{clock, times};

/// Where bars are drawn, one below the other. All that is printed meanwhile goes through
/// [`above`](Self::above), so that it does not run into them.
pub struct Screen {
    bars: MultiProgress,
    mode: ProgressMode,
    /// The line about all recordings, below the others.
    total: Option<ProgressBar>,
    begun: Instant,
}

impl Screen {
    /// A screen for so many recordings.
    #[must_use]
    pub fn new(mode: ProgressMode, recordings: usize) -> Self {
        let bars = if mode == ProgressMode::Bar {
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
        Self { bars, mode, total, begun: Instant::now() }
    }

    /// A screen on which nothing is ever drawn.
    #[must_use]
    pub fn none() -> Self {
        Self::new(ProgressMode::Hidden, 0)
    }

    /// How progress is shown.
    #[must_use]
    pub fn mode(&self) -> ProgressMode {
        self.mode
    }

    /// Adds a bar that is complete but for being seen, above the line about all.
    #[must_use]
    pub fn add(&self, bar: ProgressBar) -> ProgressBar {
        match &self.total {
            Some(total) => self.bars.insert_before(total, bar),
            None => self.bars.add(bar),
        }
    }

    /// Takes a bar away.
    pub fn remove(&self, bar: &ProgressBar) {
        self.bars.remove(bar);
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

/// A style in which `{at}` and `{of}` are times, and `{speed}` is a multiple of real time, of a bar in milliseconds.
#[must_use]
pub fn styled(template: &str) -> ProgressStyle {
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
