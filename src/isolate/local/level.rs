//! Level: the networks erase quiet speech, and take some decibels off the speech they keep.
//!
//! Before the network, active speech is brought to [`TARGET_DBFS`]; behind it, exactly that gain is
//! taken back, sample for sample. Then what the network itself took off is given back ([`MakeUp`]).

use std::collections::VecDeque;

/// Where the network wants active speech, in dBFS (mean square). From −26 to −20 the results are nearly
/// the same: −26 is best in SI-SDR, −20 in PESQ.
const TARGET_DBFS: f32 = -24.0;

/// What the loudest frames of speech at that level have.
const LOUDEST_DBFS: f32 = -8.0;

/// Frames below this are digital silence or converter noise, and say nothing about the level of speech.
const ABSOLUTE_GATE_DBFS: f32 = -90.0;

/// The share of frames that are quieter than active speech is: pauses and the ends of words. What lasts less than
/// the rest of the time, a bang or a cough, does not count as speech.
const ACTIVE: f32 = 0.85;

/// Frames of which the network kept less than this are no speech: noise, or a bang and what is left of it.
const KEPT_DB: f32 = -14.0;

/// The most that is added to a quiet recording. Speech at −84 dBFS is in the noise of any converter.
const MAX_GAIN_DB: f32 = 60.0;

/// The most that is given back behind the network: it takes 2 to 8 dB off the speech that it keeps.
const MAX_MAKE_UP_DB: f32 = 9.0;

/// Output frames this far below the mean of the louder ones are not surely speech.
const MAKE_UP_GATE_DB: f32 = -6.0;

/// A gain is measured anew once in so many frames: it is an average over thousands.
const INTERVAL: usize = 10;

/// The power ratio of a level difference in dB.
#[must_use]
pub fn power(db: f32) -> f32 {
    10_f32.powf(db / 10.0)
}

/// The amplitude ratio of a level difference in dB.
#[must_use]
pub fn amplitude(db: f32) -> f32 {
    10_f32.powf(db / 20.0)
}

/// A gain that is measured over the last frames.
#[derive(Clone)]
pub struct Measured<T> {
    frames: VecDeque<T>,
    /// How many frames are remembered.
    memory: usize,
    measure: fn(&VecDeque<T>) -> Option<f32>,
    /// Frames heard since the last measurement, and its result.
    fresh: usize,
    gain: f32,
}

impl<T> Measured<T> {
    fn new(memory: usize, measure: fn(&VecDeque<T>) -> Option<f32>) -> Self {
        Self { frames: VecDeque::new(), memory, measure, fresh: 0, gain: 1.0 }
    }

    fn push(&mut self, frame: T) {
        if self.frames.len() == self.memory {
            self.frames.pop_front();
        }
        self.frames.push_back(frame);
        self.fresh += 1;
    }

    /// The gain as an amplitude ratio. Where nothing can be measured, the last one stays; it starts at 1.
    pub fn gain(&mut self) -> f32 {
        // In the first interval every frame counts: a live stream has nothing else yet.
        if self.fresh >= INTERVAL || (self.fresh > 0 && self.frames.len() <= INTERVAL) {
            self.fresh = 0;
            self.gain = (self.measure)(&self.frames).unwrap_or(self.gain);
        }
        self.gain
    }
}

/// Measures the gain that brings active speech to [`TARGET_DBFS`]; remembers mean squares.
pub type Leveller = Measured<f32>;

impl Leveller {
    /// A leveller that remembers `memory` frames.
    #[must_use]
    pub fn leveller(memory: usize) -> Self {
        Self::new(memory, gain_to_target)
    }

    /// Hears one more frame.
    pub fn hear(&mut self, frame: &[f32]) {
        self.push(mean_square(frame.iter()));
    }

    /// The gain for this frame: less than the measured one when somebody starts to speak after a silence,
    /// of which the measurement of a live stream does not know yet.
    pub fn gain_for<'a>(&mut self, frame: impl ExactSizeIterator<Item = &'a f32>) -> f32 {
        let most = (power(LOUDEST_DBFS) / mean_square(frame).max(f32::MIN_POSITIVE)).sqrt();
        self.gain().min(most)
    }
}

fn mean_square<'a>(frame: impl ExactSizeIterator<Item = &'a f32>) -> f32 {
    let length = frame.len() as f32;
    frame.map(|x| x * x).sum::<f32>() / length
}

fn gain_to_target(powers: &VecDeque<f32>) -> Option<f32> {
    let active = percentile(powers.iter().copied(), ACTIVE)?;
    Some((power(TARGET_DBFS) / active).sqrt().min(amplitude(MAX_GAIN_DB)))
}

/// The power below which this share of the frames lies, of those that are above the absolute gate.
fn percentile(powers: impl Iterator<Item = f32>, share: f32) -> Option<f32> {
    let gate = power(ABSOLUTE_GATE_DBFS);
    let mut powers: Vec<f32> = powers.filter(|power| *power > gate).collect();
    let last = powers.len().checked_sub(1)?;
    let (_, found, _) = powers.select_nth_unstable_by((last as f32 * share) as usize, f32::total_cmp);
    Some(*found)
}

fn mean(values: impl Iterator<Item = f32>) -> Option<f32> {
    let (sum, count) =
        values.fold((0.0_f64, 0_u32), |(sum, count), value| (sum + f64::from(value), count + 1));
    (count > 0).then(|| (sum / f64::from(count)) as f32)
}

/// What is known of one frame before and behind the network.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// Mean square of the input.
    input: f32,
    /// Mean product of input and output.
    cross: f32,
    /// Mean square of the output.
    output: f32,
}

/// Measures the gain that gives back what the network takes off the speech it keeps.
///
/// Over the louder output frames, which are speech, it is the gain that brings the output nearest to the
/// input in the least-squares sense, ⟨in, out⟩ / ⟨out, out⟩: noise in the input has nothing in common
/// with the output and does not count, however little of the time somebody speaks.
pub type MakeUp = Measured<Heard>;

impl MakeUp {
    /// A measurement that remembers `memory` frames.
    #[must_use]
    pub fn make_up(memory: usize) -> Self {
        Self::new(memory, gain_to_input)
    }

    /// Hears one frame before and behind the network.
    pub fn hear(&mut self, input: &[f32], output: &[f32]) {
        let length = input.len() as f32;
        let cross = input.iter().zip(output).map(|(x, y)| x * y).sum::<f32>() / length;
        self.push(Heard { input: mean_square(input.iter()), cross, output: mean_square(output.iter()) });
    }
}

fn gain_to_input(frames: &VecDeque<Heard>) -> Option<f32> {
    let kept = |frame: &&Heard| frame.output > frame.input * power(KEPT_DB);
    let above = |gate: f32| frames.iter().filter(kept).filter(move |frame| frame.output > gate);
    let gate = mean(above(power(ABSOLUTE_GATE_DBFS)).map(|frame| frame.output))? * power(MAKE_UP_GATE_DB);
    let gain = mean(above(gate).map(|frame| frame.cross))? / mean(above(gate).map(|frame| frame.output))?;
    gain.is_finite().then(|| gain.clamp(1.0, amplitude(MAX_MAKE_UP_DB)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_frame_counts_at_the_beginning_and_later_every_interval() {
        let mut leveller = Leveller::leveller(800);
        for frame in 1..=50_u8 {
            leveller.hear(&[f32::from(frame) / 100.0; 160]);
            let gain = leveller.gain();
            if usize::from(frame) <= INTERVAL || usize::from(frame).is_multiple_of(INTERVAL) {
                assert_eq!(Some(gain), gain_to_target(&leveller.frames), "frame {frame}");
            }
        }
        assert_eq!(leveller.fresh, 0, "the last measurement is of the last frame");
    }
}
