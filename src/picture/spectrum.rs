//! The power of a recording over time and frequency, in as many columns and rows as a picture can show.

use std::f64::consts::TAU;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

use crate::audio::Spec;
use crate::error::Failure;

/// Rows of a spectrogram.
pub(super) const ROWS: usize = 288;

/// Columns of a picture. Up to twice as many are kept, and neighbours are joined when there are more.
pub(super) const COLUMNS: usize = 1_080;

/// The highest frequency that is shown, in Hz: nobody hears what is above, and speech would be squeezed together.
const HIGHEST: f64 = 24_000.0;

/// The least length of the window, in seconds: long enough to tell the harmonics of a low voice apart, short enough for
/// its syllables. The next power of two is taken.
const WINDOW: f64 = 0.030;

/// Power over time and frequency. A sine at full scale has the power 1.
#[derive(Debug, Clone)]
pub(super) struct Spectrogram {
    /// [`ROWS`] powers for each column, from low frequencies to high ones.
    cells: Vec<f32>,
    /// Columns in a second.
    columns_per_second: f64,
    /// The length of the recording in seconds.
    pub seconds: f64,
    /// The frequency at the upper edge, in Hz.
    pub highest: f64,
    /// The rows that the recording has something in: its Nyquist frequency may be below the edge.
    filled: usize,
}

/// Makes a spectrogram of a recording while it is read.
pub(super) struct Analysis {
    spec: Spec,
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    /// Frames from one transform to the next.
    hop: usize,
    /// The last frames of each channel, up to a window.
    waiting: Vec<Vec<f32>>,
    input: Vec<f32>,
    spectrum: Vec<Complex<f32>>,
    /// Mean power of all channels at each frequency of the transform.
    power: Vec<f32>,
    rows: Vec<Stretch>,
    cells: Vec<f32>,
    /// The column that is being summed up, and how many transforms are in it, of how many.
    sum: Vec<f32>,
    summed: usize,
    each: usize,
    frames: u64,
    highest: f64,
}

impl Analysis {
    /// An analysis of as many frames, where that is known. The frequencies go up to `highest` Hz, or else to the Nyquist
    /// frequency, as far as anybody hears.
    pub(super) fn new(spec: Spec, frames: Option<u64>, highest: Option<f64>) -> Self {
        let nyquist = f64::from(spec.rate) / 2.0;
        let highest = highest.unwrap_or(nyquist.min(HIGHEST));
        let size = ((f64::from(spec.rate) * WINDOW) as usize).next_power_of_two();
        // Finer steps for short recordings, so that they fill the picture.
        let wanted = frames.map_or(size / 4, |frames| (frames / COLUMNS as u64) as usize);
        let hop = wanted.clamp(size / 16, size / 2);
        let fft = RealFftPlanner::new().plan_fft_forward(size);
        // Hann, periodic, so that a sine at full scale comes out as 1.
        let hann = |at: usize| 0.5 - 0.5 * (TAU * at as f64 / size as f64).cos();
        let window = (0..size).map(|at| (hann(at) * 4.0 / size as f64) as f32).collect();
        let bins = size / 2 + 1;
        // Where the edge of a row is among the frequencies of the transform.
        let at = |row: usize| highest * row as f64 / ROWS as f64 * size as f64 / f64::from(spec.rate);
        let filled = (0..ROWS).take_while(|row| at(*row) < bins as f64 - 1.0);
        let rows = filled.map(|row| Stretch::new(at(row), at(row + 1), bins)).collect();
        let channels = usize::from(spec.channels);
        Self {
            spec,
            window,
            hop,
            // The first window has its middle at the start.
            waiting: vec![vec![0.0; size / 2]; channels],
            input: vec![0.0; size],
            spectrum: fft.make_output_vec(),
            fft,
            power: vec![0.0; bins],
            rows,
            cells: Vec::new(),
            sum: vec![0.0; ROWS],
            summed: 0,
            each: 1,
            frames: 0,
            highest,
        }
    }

    /// Takes the next frames, interleaved.
    ///
    /// # Errors
    /// `Internal` when the transform refuses its lengths.
    pub(super) fn add(&mut self, block: &[f32]) -> Result<(), Failure> {
        self.frames += (block.len() / self.waiting.len()) as u64;
        self.take(block)
    }

    fn take(&mut self, block: &[f32]) -> Result<(), Failure> {
        let channels = self.waiting.len();
        for (channel, waiting) in self.waiting.iter_mut().enumerate() {
            waiting.extend(block.iter().skip(channel).step_by(channels));
        }
        let size = self.window.len();
        let mut start = 0;
        while start + size <= self.waiting[0].len() {
            self.transform(start)?;
            start += self.hop;
        }
        for waiting in &mut self.waiting {
            waiting.drain(..start.min(waiting.len()));
        }
        Ok(())
    }

    fn transform(&mut self, start: usize) -> Result<(), Failure> {
        self.power.fill(0.0);
        let share = 1.0 / self.waiting.len() as f32;
        for waiting in &self.waiting {
            for ((to, sample), weight) in self.input.iter_mut().zip(&waiting[start..]).zip(&self.window) {
                *to = sample * weight;
            }
            self.fft
                .process(&mut self.input, &mut self.spectrum)
                .map_err(|error| Failure::internal(format!("a transform: {error}")))?;
            for (power, value) in self.power.iter_mut().zip(&self.spectrum) {
                *power += share * value.norm_sqr();
            }
        }
        for (sum, row) in self.sum.iter_mut().zip(&self.rows) {
            *sum += row.mean(|at| self.power[at]) * row.lobes();
        }
        self.summed += 1;
        if self.summed == self.each {
            self.column();
        }
        Ok(())
    }

    /// Completes a column; joins all columns in pairs when they are too many.
    fn column(&mut self) {
        let share = 1.0 / self.summed.max(1) as f32;
        self.cells.extend(self.sum.iter().map(|sum| sum * share));
        self.sum.fill(0.0);
        self.summed = 0;
        if self.cells.len() == 2 * COLUMNS * ROWS {
            for column in 0..COLUMNS {
                for row in 0..ROWS {
                    let [one, other] = [0, ROWS].map(|next| self.cells[2 * column * ROWS + next + row]);
                    self.cells[column * ROWS + row] = f32::midpoint(one, other);
                }
            }
            self.cells.truncate(COLUMNS * ROWS);
            self.each *= 2;
        }
    }

    /// Completes the spectrogram.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    pub(super) fn finish(mut self) -> Result<Spectrogram, Failure> {
        // The last window has its middle at the end.
        self.take(&vec![0.0; self.window.len() / 2 * self.waiting.len()])?;
        if self.summed > 0 || self.cells.is_empty() {
            self.column();
        }
        Ok(Spectrogram {
            cells: self.cells,
            columns_per_second: f64::from(self.spec.rate) / (self.hop * self.each) as f64,
            seconds: self.spec.seconds(self.frames),
            highest: self.highest,
            filled: self.rows.len(),
        })
    }
}

impl Spectrogram {
    /// The greatest power.
    pub(super) fn greatest(&self) -> f32 {
        self.cells.iter().copied().fold(0.0, f32::max)
    }

    /// The powers between two times, from low frequencies to high ones, as far up as the recording goes. Nothing
    /// behind its end.
    pub(super) fn column(&self, from: f64, to: f64, powers: &mut Vec<f32>) {
        powers.clear();
        if f64::midpoint(from, to) > self.seconds {
            return;
        }
        let stretch = Stretch::new(
            from * self.columns_per_second,
            to * self.columns_per_second,
            self.cells.len() / ROWS,
        );
        powers.extend((0..self.filled).map(|row| stretch.mean(|at| self.cells[at * ROWS + row])));
    }
}

/// A stretch of evenly spaced values, which is looked at as one.
#[derive(Debug, Clone, Copy)]
enum Stretch {
    /// It spans several, from the first to the last: their mean.
    Over(usize, usize),
    /// It is at this value, and so far on the way to the next one.
    Between(usize, f32),
}

impl Stretch {
    /// From one place to another among `count` values, of which the first is at 0.
    fn new(from: f64, to: f64, count: usize) -> Self {
        let end = count.saturating_sub(1);
        if to - from > 1.0 {
            let first = (from.ceil() as usize).min(end);
            let last = (to.ceil() as usize).saturating_sub(1);
            return Self::Over(first, last.clamp(first, end));
        }
        let middle = f64::midpoint(from, to).clamp(0.0, end as f64);
        let first = middle as usize;
        if first == end { Self::Over(end, end) } else { Self::Between(first, middle.fract() as f32) }
    }

    /// How many times the width of a sine it has, which is 1.5 frequencies of the transform (the noise bandwidth of a
    /// Hann window): its mean times that is what a sine in it has, whole.
    fn lobes(self) -> f32 {
        match self {
            Self::Over(first, last) => ((last + 1 - first) as f32 / 1.5).max(1.0),
            Self::Between(..) => 1.0,
        }
    }

    fn mean(self, value: impl Fn(usize) -> f32) -> f32 {
        match self {
            Self::Over(first, last) => (first..=last).map(value).sum::<f32>() / (last + 1 - first) as f32,
            Self::Between(at, way) => (1.0 - way) * value(at) + way * value(at + 1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Depth;

    /// The spectrogram of a sine at full scale in both of two channels.
    fn sine(rate: u32, frequency: f64, seconds: u32, known: bool) -> Spectrogram {
        let spec = Spec { rate, channels: 2, depth: Depth::Int16 };
        let frames = u64::from(rate * seconds);
        let mut analysis = Analysis::new(spec, known.then_some(frames), None);
        for second in 0..seconds {
            let sample =
                |at: u32| (TAU * frequency * f64::from(second * rate + at) / f64::from(rate)).sin() as f32;
            let block: Vec<f32> = (0..rate).flat_map(|at| [sample(at); 2]).collect();
            analysis.add(&block).expect("the transform works");
        }
        analysis.finish().expect("the transform works")
    }

    #[test]
    fn a_sine_at_full_scale_is_about_0_db_at_any_sample_rate() {
        for rate in [8_000, 16_000, 44_100, 48_000, 192_000] {
            let db = 10.0 * sine(rate, 1_000.0, 2, true).greatest().log10();
            // Between the frequencies of the transform, and spread over a row, it is lower.
            assert!((-3.0..0.5).contains(&db), "{rate} Hz: {db} dB");
        }
    }

    #[test]
    fn long_recordings_have_no_more_columns_than_short_ones() {
        for known in [true, false] {
            let long = sine(8_000, 1_000.0, 600, known);
            assert!(long.cells.len() <= 2 * COLUMNS * ROWS, "{} cells", long.cells.len());
            assert!(long.cells.len() >= COLUMNS * ROWS, "{} cells", long.cells.len());
            let end = long.cells.len() as f64 / ROWS as f64 / long.columns_per_second;
            assert!((end - 600.0).abs() < 1.5, "{end} s");
            let mut powers = Vec::new();
            for at in [0.0, 300.0, 599.0] {
                long.column(at, at + 0.5, &mut powers);
                let db = 10.0 * powers.iter().copied().fold(0.0, f32::max).log10();
                assert!((-2.0..0.5).contains(&db), "{at} s: {db} dB");
            }
            long.column(601.0, 602.0, &mut powers);
            assert!(powers.is_empty(), "nothing is behind the end");
        }
    }

    #[test]
    fn what_is_above_the_nyquist_frequency_stays_empty() {
        let spec = Spec { rate: 8_000, channels: 1, depth: Depth::Int16 };
        let mut analysis = Analysis::new(spec, None, Some(24_000.0));
        analysis.add(&vec![0.5; 8_000]).expect("the transform works");
        let mut powers = Vec::new();
        analysis.finish().expect("the transform works").column(0.0, 0.1, &mut powers);
        assert_eq!(powers.len(), ROWS / 6);
    }
}
