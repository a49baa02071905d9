//! The band above the network's: kept from the source, and let through as far as the network lets
//! speech through below.

use std::collections::VecDeque;

/// How fast the upper band opens when speech starts, in seconds: consonants start with it.
const ATTACK: f32 = 0.005;

/// How slowly it closes, in seconds, so that the ends of words stay.
const RELEASE: f32 = 0.040;

/// The band above follows the upper half band with this exponent: where the network takes much away, there is
/// more noise above than below, as speech falls off with frequency faster than most noise.
const EXPONENT: f32 = 1.5;

/// Follows how much of the network's upper half band is speech.
///
/// The upper half, 4 to 8 kHz for a network at 16 kHz, is the part of its band that behaves most like
/// the band above: it holds the same consonants and breath, and none of the pitch.
#[derive(Clone)]
pub struct Gate {
    input: HighPass,
    output: HighPass,
    gain: f32,
    attack: f32,
    release: f32,
}

impl Gate {
    /// A gate for frames of `hop` samples at `rate` Hz.
    #[must_use]
    pub fn new(rate: u32, hop: usize) -> Self {
        let frame = hop as f32 / rate as f32;
        let step = |time: f32| 1.0 - (-frame / time).exp();
        Self {
            input: HighPass::at_quarter_rate(),
            output: HighPass::at_quarter_rate(),
            gain: 0.0,
            attack: step(ATTACK),
            release: step(RELEASE),
        }
    }

    /// The gain, 0 to 1, for the end of the frame whose samples before and behind the network these are.
    pub fn follow(&mut self, input: &[f32], output: &[f32]) -> f32 {
        let (before, behind) = (self.input.energy(input), self.output.energy(output));
        let kept = if before > 0.0 { (behind / before).min(1.0).powf(EXPONENT / 2.0) } else { 0.0 };
        self.gain += (kept - self.gain) * if kept > self.gain { self.attack } else { self.release };
        self.gain
    }
}

/// A Butterworth high-pass of fourth order at a quarter of the sample rate, as two biquads in transposed
/// direct form II.
#[derive(Clone)]
struct HighPass {
    sections: [[f32; 2]; 2],
}

/// At a quarter of the rate the bilinear transform's K is 1, and a section with quality Q is
/// H(z) = g (1 − z⁻¹)² / (1 + a z⁻²) with g = Q / (1 + 2Q) and a = (2Q − 1) / (2Q + 1).
const fn section(q: f32) -> (f32, f32) {
    (q / (1.0 + 2.0 * q), (2.0 * q - 1.0) / (2.0 * q + 1.0))
}

/// The qualities of a fourth-order Butterworth filter: 1 / (2 cos(π/8)) and 1 / (2 cos(3π/8)).
const SECTIONS: [(f32, f32); 2] = [section(0.541_196_1), section(1.306_563)];

impl HighPass {
    fn at_quarter_rate() -> Self {
        Self { sections: [[0.0; 2]; 2] }
    }

    /// The energy of a frame behind the filter.
    fn energy(&mut self, frame: &[f32]) -> f32 {
        let mut energy = 0.0;
        for x in frame {
            let mut y = *x;
            for (state, (g, a)) in self.sections.iter_mut().zip(SECTIONS) {
                let x = y * g;
                y = x + state[0];
                state[0] = state[1] - 2.0 * x;
                state[1] = x - a * y;
            }
            energy += y * y;
        }
        energy
    }
}

/// A gain that is known at the end of every frame and runs straight in between.
#[derive(Clone)]
pub struct Curve {
    /// The gain at the ends of frames, the first of them the end of frame `first − 1`.
    knots: VecDeque<f32>,
    first: u64,
}

impl Curve {
    /// A curve that starts with `gain`.
    #[must_use]
    pub fn from(gain: f32) -> Self {
        Self { knots: VecDeque::from([gain]), first: 0 }
    }

    /// Goes to `gain` within the next frame.
    pub fn push(&mut self, gain: f32) {
        self.knots.push_back(gain);
    }

    /// The gain at a time in frames from the start. Times do not go back by more than a frame.
    pub fn at(&mut self, time: f64) -> f32 {
        let frame = time as u64;
        while self.first < frame && self.knots.len() > 2 {
            self.knots.pop_front();
            self.first += 1;
        }
        let within = (time - self.first as f64).clamp(0.0, 1.0) as f32;
        match (self.knots.front(), self.knots.get(1)) {
            (Some(from), Some(to)) => from + (to - from) * within,
            (Some(only), None) => *only,
            (None, _) => 1.0,
        }
    }
}
