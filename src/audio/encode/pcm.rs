//! Headerless signed 16-bit little-endian samples.

use super::Encode;
use super::quantise::Quantiser;
use crate::audio::Spec;
use crate::error::Failure;
use crate::sink::Output;

pub(super) struct Pcm {
    output: Output,
    quantiser: Quantiser,
    samples: Vec<i32>,
}

impl Pcm {
    pub(super) fn new(spec: Spec, output: Output) -> Self {
        Self { output, quantiser: Quantiser::new(spec.rate, spec.channels, 16), samples: Vec::new() }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        let bytes: Vec<u8> =
            self.samples.drain(..).flat_map(|sample| (sample as i16).to_le_bytes()).collect();
        self.output.write_all(&bytes)?;
        self.output.pass_on()
    }
}

impl Encode for Pcm {
    fn write(&mut self, interleaved: &[f32]) -> Result<(), Failure> {
        self.quantiser.push(interleaved, &mut self.samples);
        self.flush()
    }

    fn finish(mut self: Box<Self>) -> Result<u64, Failure> {
        self.quantiser.finish(&mut self.samples);
        self.flush()?;
        self.output.commit()
    }
}
