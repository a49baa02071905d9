//! Where a recording is cut into pieces: by its kind and length alone, so that the result is the same on every machine.

use super::frames::Timing;
use crate::audio::Spec;

/// The longest piece, in seconds. A longer one would cost less for its warm-up, and more memory: a minute of each channel
/// takes 12 MB at 16 kHz and 20 MB at 48 kHz.
const LONGEST: f64 = 120.0;

/// The shortest piece, in seconds, for which the warm-up is worth its while.
const SHORTEST: f64 = 40.0;

/// The shortest recording that is cut, in seconds.
const LEAST: f64 = 90.0;

/// What a stream of the network hears before its piece, in seconds. Networks forget slowly: on noisy speech of one
/// speaker and of several, what Hush gives behind a warm-up differs from the uncut result, over pieces of two minutes,
/// by −35 dB in the mean after 4 s, −43 dB after 10 s, −47 to −51 dB after 15 s and −49 to −58 dB after 20 s.
const WARM_UP: f32 = 15.0;

/// How long the result of a piece goes over to that of the next, in seconds, so that no step is left.
const JOINT: f32 = 0.1;

/// The most samples, of all channels together, that a piece of the source may have: 64 MiB.
const MOST_SAMPLES: f64 = 16e6;

/// Frames of a piece, and of the stretches around it.
#[derive(Debug, Clone, Copy)]
pub struct Cut {
    /// Of a piece.
    pub length: usize,
    /// What the network hears before.
    pub warm_up: usize,
    /// What goes over to the next.
    pub joint: usize,
}

impl Cut {
    /// The pieces for a network of `timing` of a recording that is `seconds` long, as far as that is known.
    ///
    /// They are equal and of even number, so that 2 cores end at the same time. `None` for sources of so many samples
    /// that pieces would be too short: those have channels enough for the cores.
    #[must_use]
    pub fn of(timing: Timing, spec: Spec, seconds: Option<f64>) -> Option<Self> {
        let most = LONGEST.min(MOST_SAMPLES / (f64::from(spec.channels) * f64::from(spec.rate)));
        if most < SHORTEST {
            return None;
        }
        let length = match seconds {
            None => most,
            // Longer, as a length that is not certain may be wrong.
            Some(seconds) if seconds < LEAST => most.min(LEAST),
            // Half a second more than there is, as the filters lag.
            Some(seconds) => (seconds + 0.5) / (2.0 * (seconds / (2.0 * most)).ceil()),
        };
        // Upwards, so that nothing remains for one more piece.
        let length = (length * f64::from(timing.rate) / timing.hop as f64).ceil() as usize;
        Some(Self { length, warm_up: timing.frames(WARM_UP), joint: timing.frames(JOINT) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audio::Depth;

    #[test]
    fn pieces_are_equal_and_of_even_number() {
        let timing = Timing { rate: 16_000, hop: 160, latency: 1 };
        let spec = Spec { rate: 48_000, channels: 1, depth: Depth::Int16 };
        for seconds in [90.0, 100.5, 239.0, 240.0, 241.0, 354.0, 600.0, 3_600.0, 36_000.0] {
            let cut = Cut::of(timing, spec, Some(seconds)).expect("it is cut");
            let pieces = seconds * 100.0 / cut.length as f64;
            assert_eq!(pieces.ceil() as usize % 2, 0, "{seconds} s: {pieces} pieces");
            // None of them is much shorter than the others.
            assert!(pieces.ceil() - pieces < 0.25, "{seconds} s: {pieces} pieces");
            assert!((4_000..=12_050).contains(&cut.length), "{seconds} s: {} frames", cut.length);
        }
    }

    #[test]
    fn what_is_short_or_wide_is_not_cut() {
        let timing = Timing { rate: 16_000, hop: 160, latency: 1 };
        let spec = |channels, rate| Spec { rate, channels, depth: Depth::Int16 };
        for seconds in [0.0, 1.0, 89.0] {
            assert!(Cut::of(timing, spec(2, 48_000), Some(seconds)).is_some_and(|cut| cut.length == 9_000));
        }
        assert!(Cut::of(timing, spec(8, 48_000), Some(3_600.0)).is_some());
        assert!(Cut::of(timing, spec(8, 96_000), Some(3_600.0)).is_none());
    }
}
