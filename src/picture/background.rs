//! The level of the background: what is exceeded nine tenths of the time, L90, as ISO 1996-1 and BS 4142 take it for
//! the background of a place where something louder comes and goes. Here that is the voice.

use crate::audio::Spec;

/// The length of one measurement, in seconds: the time constant "fast" of sound level meters (IEC 61672-1).
const WINDOW: f64 = 0.125;

/// The part of the measurements that are above the background.
const EXCEEDED: f64 = 0.90;

/// The floor, in dBFS: about that of 16 bits, below which files differ in their dither alone.
const FLOOR_DB: f64 = -96.0;

/// The top of the scale, in dBFS; float files may be louder than full scale.
const TOP_DB: f64 = 24.0;

/// Steps of the scale in one dB.
const STEPS: f64 = 20.0;

/// Measures levels, unweighted, over all channels.
pub(super) struct Meter {
    /// Samples of one window.
    window: usize,
    sum: f64,
    count: usize,
    /// How often each level was measured, from the floor on.
    levels: Vec<u64>,
}

impl Meter {
    pub(super) fn new(spec: Spec) -> Self {
        let frames = (f64::from(spec.rate) * WINDOW).round() as usize;
        let levels = vec![0; ((TOP_DB - FLOOR_DB) * STEPS) as usize + 1];
        Self { window: frames * usize::from(spec.channels), sum: 0.0, count: 0, levels }
    }

    /// Takes the next samples, interleaved.
    pub(super) fn add(&mut self, block: &[f32]) {
        for sample in block {
            self.sum += f64::from(*sample) * f64::from(*sample);
            self.count += 1;
            if self.count == self.window {
                self.measure();
            }
        }
    }

    fn measure(&mut self) {
        let db = 10.0 * (self.sum / self.count as f64).max(1e-30).log10();
        let at = ((db - FLOOR_DB) * STEPS).round().max(0.0) as usize;
        let last = self.levels.len() - 1;
        self.levels[at.min(last)] += 1;
        (self.sum, self.count) = (0.0, 0);
    }

    /// The background, in dBFS.
    pub(super) fn background_db(mut self) -> f64 {
        // What is left at the end is too short to be compared, unless there is nothing else.
        if self.levels.iter().all(|count| *count == 0) && self.count > 0 {
            self.measure();
        }
        let all: u64 = self.levels.iter().sum();
        let below = ((1.0 - EXCEEDED) * all as f64).floor() as u64;
        let mut passed = 0;
        let at = self.levels.iter().position(|count| {
            passed += count;
            passed > below
        });
        FLOOR_DB + at.unwrap_or(0) as f64 / STEPS
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Depth;

    const SPEC: Spec = Spec { rate: 8_000, channels: 1, depth: Depth::Int16 };

    fn background(blocks: &[(f32, usize)]) -> f64 {
        let mut meter = Meter::new(SPEC);
        for (level, windows) in blocks {
            meter.add(&vec![*level; windows * 1_000]);
        }
        meter.background_db()
    }

    #[test]
    fn what_is_louder_for_less_than_nine_tenths_of_the_time_does_not_count() {
        assert!((background(&[(0.5, 80), (0.01, 20)]) - -40.0).abs() < 0.1);
        assert!((background(&[(0.01, 20), (0.5, 80)]) - -40.0).abs() < 0.1);
        assert!((background(&[(0.5, 95), (0.01, 5)]) - -6.02).abs() < 0.1);
    }

    #[test]
    fn silence_and_what_is_shorter_than_a_window_have_a_level() {
        assert!((background(&[(0.0, 10)]) - FLOOR_DB).abs() < 0.1);
        let mut meter = Meter::new(SPEC);
        meter.add(&[0.1; 10]);
        assert!((meter.background_db() - -20.0).abs() < 0.1);
    }
}
