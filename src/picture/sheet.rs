//! The sheet that two spectrograms are drawn on, one below the other, with all scales in common.

use super::axes::{self, Mark};
use super::canvas::{COLORS, Canvas, Letters, shade};
use super::spectrum::{COLUMNS, ROWS, Spectrogram};
use crate::error::Failure;

/// One of the two.
pub(super) struct Panel {
    pub title: String,
    /// What is said at the right.
    pub remark: String,
    pub spectrogram: Spectrogram,
}

/// The range of levels, in dB: what is lower is as dark as silence.
const RANGE: f64 = 80.0;

/// Distances in pixels.
const LEFT: usize = 68;
const TOP: usize = 24;
const HEAD: usize = 32;
const BETWEEN: usize = 24;
const FOOT: usize = 50;
const TICK: usize = 6;
const GAP: usize = 24;
const BAR: usize = 16;
const RIGHT: usize = 88;

const WIDTH: usize = LEFT + COLUMNS + GAP + BAR + RIGHT;
const FIRST: usize = TOP + HEAD;
const SECOND: usize = FIRST + ROWS + BETWEEN + HEAD;
const HEIGHT: usize = SECOND + ROWS + FOOT;

/// Width and height of a sheet, in pixels.
pub const SIZE: (usize, usize) = (WIDTH, HEIGHT);

/// Where the axis of time begins and ends, as parts of the width.
pub const PLOT: (f64, f64) = (LEFT as f64 / WIDTH as f64, (LEFT + COLUMNS) as f64 / WIDTH as f64);

/// Draws both as a PNG file.
///
/// # Errors
/// `Internal` when the encoder refuses the picture.
pub(super) fn draw(panels: &[Panel; 2]) -> Result<Vec<u8>, Failure> {
    let spectrograms = [0, 1].map(|at| &panels[at].spectrogram);
    let seconds = spectrograms.iter().map(|one| one.seconds).fold(1e-3, f64::max);
    let greatest = spectrograms.iter().map(|one| one.greatest()).fold(0.0, f32::max);
    let top = if greatest > 0.0 { (decibels(greatest) / 10.0).ceil() * 10.0 } else { 0.0 };
    let mut canvas = Canvas::new(WIDTH, HEIGHT);
    let (times, unit) = axes::times(seconds);
    let frequencies = axes::frequencies(panels[0].spectrogram.highest);
    for (panel, y) in panels.iter().zip([FIRST, SECOND]) {
        head(&mut canvas, panel, y - HEAD);
        cells(&mut canvas, &panel.spectrogram, y, seconds, top);
        vertical(&mut canvas, &frequencies, panel.spectrogram.highest, y);
        horizontal(&mut canvas, &times, seconds, y + ROWS, y == SECOND);
    }
    let letters = Letters::Small;
    right_aligned(&mut canvas, LEFT - TICK - 6, FIRST - HEAD + 4, letters, "kHz");
    right_aligned(&mut canvas, LEFT + COLUMNS, HEIGHT - letters.height() - 6, letters, unit);
    bar(&mut canvas, top);
    canvas.png()
}

fn decibels(power: f32) -> f64 {
    10.0 * f64::from(power).max(1e-20).log10()
}

/// The colour of a level, where `part` is 1 at the top of the range and 0 at its bottom.
fn color(part: f64) -> u8 {
    (part.clamp(0.0, 1.0) * f64::from(COLORS - 1)).round() as u8
}

fn head(canvas: &mut Canvas, panel: &Panel, y: usize) {
    let (letters, small) = (Letters::Large, Letters::Small);
    let taken = panel.remark.chars().count() * small.width() + 2 * letters.width();
    let room = (COLUMNS - taken) / letters.width();
    let mut title = panel.title.clone();
    if title.chars().count() > room {
        title = title.chars().take(room.saturating_sub(3)).chain("...".chars()).collect();
    }
    canvas.write(LEFT, y + 2, letters, &title);
    right_aligned(canvas, LEFT + COLUMNS, y + 5, small, &panel.remark);
}

fn cells(canvas: &mut Canvas, spectrogram: &Spectrogram, y: usize, seconds: f64, top: f64) {
    let each = seconds / COLUMNS as f64;
    let mut powers = Vec::with_capacity(ROWS);
    for x in 0..COLUMNS {
        spectrogram.column(x as f64 * each, (x + 1) as f64 * each, &mut powers);
        for (row, power) in powers.iter().enumerate() {
            let part = 1.0 + (decibels(*power) - top) / RANGE;
            canvas.dot(LEFT + x, y + ROWS - 1 - row, color(part));
        }
    }
    frame(canvas, LEFT, y, COLUMNS, ROWS);
}

/// A line around a rectangle, outside of it.
fn frame(canvas: &mut Canvas, x: usize, y: usize, width: usize, height: usize) {
    let line = shade(0.45);
    canvas.fill(x - 1, y - 1, width + 2, 1, line);
    canvas.fill(x - 1, y + height, width + 2, 1, line);
    canvas.fill(x - 1, y, 1, height, line);
    canvas.fill(x + width, y, 1, height, line);
}

fn vertical(canvas: &mut Canvas, marks: &[Mark], highest: f64, y: usize) {
    for mark in marks {
        let at = y + ROWS - along(mark.at / highest, ROWS);
        canvas.fill(LEFT - 1 - TICK, at, TICK, 1, shade(0.6));
        let line = at - Letters::Small.height() / 2;
        right_aligned(canvas, LEFT - TICK - 6, line, Letters::Small, &mark.label);
    }
}

fn horizontal(canvas: &mut Canvas, marks: &[Mark], seconds: f64, y: usize, labelled: bool) {
    let letters = Letters::Small;
    for mark in marks {
        let x = LEFT + along(mark.at / seconds, COLUMNS);
        canvas.fill(x, y + 1, 1, TICK, shade(0.6));
        if labelled {
            let half = mark.label.chars().count() * letters.width() / 2;
            canvas.write(x - half, y + TICK + 4, letters, &mark.label);
        }
    }
}

/// The colour bar, beside both.
fn bar(canvas: &mut Canvas, top: f64) {
    let (x, height) = (LEFT + COLUMNS + GAP, SECOND + ROWS - FIRST);
    for row in 0..height {
        let part = 1.0 - row as f64 / (height - 1) as f64;
        canvas.fill(x, FIRST + row, BAR, 1, color(part));
    }
    frame(canvas, x, FIRST, BAR, height);
    let letters = Letters::Small;
    let edge = x + BAR + 1 + TICK + 5 * letters.width();
    for mark in axes::levels(top - RANGE, top) {
        let y = FIRST + height - along(1.0 + (mark.at - top) / RANGE, height);
        canvas.fill(x + BAR + 1, y, TICK, 1, shade(0.6));
        right_aligned(canvas, edge, y - letters.height() / 2, letters, &mark.label);
    }
    canvas.write(x, FIRST - HEAD + 4, letters, "dBFS");
}

/// How many pixels along a length a part of it is.
fn along(part: f64, length: usize) -> usize {
    (part * length as f64).round() as usize
}

fn right_aligned(canvas: &mut Canvas, x: usize, y: usize, letters: Letters, text: &str) {
    canvas.write(x.saturating_sub(text.chars().count() * letters.width()), y, letters, text);
}
