//! From `f32` to integers: limited, dithered, never wrapped.

use super::limiter::Limiter;

/// Quantises to signed integers of up to 24 bits.
pub(super) struct Quantiser {
    limiter: Limiter,
    limited: Vec<f32>,
    scale: f32,
    noise: Noise,
}

impl Quantiser {
    pub(super) fn new(rate: u32, channels: u16, bits: u32) -> Self {
        Self {
            limiter: Limiter::new(rate, channels),
            limited: Vec::new(),
            scale: (1_u32 << (bits - 1)) as f32,
            noise: Noise(0x2545_f491),
        }
    }

    /// Takes interleaved frames and appends those that are ready as integers to `output`.
    pub(super) fn push(&mut self, interleaved: &[f32], output: &mut Vec<i32>) {
        self.limiter.push(interleaved, &mut self.limited);
        self.convert(output);
    }

    /// Appends what still waits.
    pub(super) fn finish(&mut self, output: &mut Vec<i32>) {
        self.limiter.finish(&mut self.limited);
        self.convert(output);
    }

    fn convert(&mut self, output: &mut Vec<i32>) {
        let top = self.scale - 1.0;
        for sample in self.limited.drain(..) {
            let exact = sample * self.scale;
            // What is a whole number already needs no dither: silence stays silent, and a sample that
            // nothing changed stays itself.
            let dithered =
                if exact.fract() == 0.0 { exact } else { (exact + self.noise.triangular()).round() };
            output.push(dithered.clamp(-self.scale, top) as i32);
        }
    }
}

/// A xorshift generator (Marsaglia, 2003): the same input gives the same bytes every time.
struct Noise(u32);

impl Noise {
    fn uniform(&mut self) -> f32 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 17;
        self.0 ^= self.0 << 5;
        (self.0 >> 8) as f32 / (1_u32 << 24) as f32
    }

    /// Triangular noise of ±1 step: makes the error independent of the signal in mean and variance.
    fn triangular(&mut self) -> f32 {
        self.uniform() - self.uniform()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quantised(samples: &[f32]) -> Vec<i32> {
        let mut quantiser = Quantiser::new(16_000, 1, 16);
        let mut output = Vec::new();
        quantiser.push(samples, &mut output);
        quantiser.finish(&mut output);
        output
    }

    #[test]
    fn whole_numbers_stay_what_they_are() {
        let samples: Vec<f32> = (-32_768..32_768).map(|i| i as f32 / 32_768.0).collect();
        assert!(quantised(&samples).into_iter().eq(-32_768..32_768));
    }

    #[test]
    fn a_level_below_one_step_survives_on_average() {
        let level = 0.3 / 32_768.0;
        let output = quantised(&vec![level; 100_000]);
        let mean = output.iter().sum::<i32>() as f32 / output.len() as f32;
        assert!((mean - 0.3).abs() < 0.02, "{mean}");
    }
}
