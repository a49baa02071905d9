//! A first look at a whole recording: how long it is, where it is quiet, and what tells it from all others.

use crate::audio::Spec;
use crate::audio::decode::Decoder;
use crate::error::Failure;
use crate::isolate::{Observer, Stage};

/// So many hops a second have their power measured: one is shorter than any pause.
pub(super) const HOPS_PER_SECOND: u32 = 50;

/// What a look has found.
pub(super) struct Survey {
    pub spec: Spec,
    /// Frames.
    pub total: u64,
    /// Frames of a hop.
    pub hop: u64,
    /// The power of every hop, of all channels together.
    pub envelope: Vec<f32>,
    /// The MD5 of the samples, in hexadecimal digits.
    pub fingerprint: String,
    /// What the user should know about the recording.
    pub warnings: Vec<String>,
}

impl Survey {
    /// Reads a recording to its end.
    ///
    /// # Errors
    /// `Input` when it cannot be read.
    pub(super) fn of(mut decoder: Decoder, observer: &dyn Observer) -> Result<Self, Failure> {
        let spec = decoder.spec();
        let of = decoder.length().frames();
        let hop = spec.rate / HOPS_PER_SECOND;
        let samples_per_hop = (hop * u32::from(spec.channels)) as usize;
        let mut md5 = md5::Context::new();
        let (mut envelope, mut sum, mut summed) = (Vec::new(), 0.0, 0);
        let (mut block, mut bytes, mut total) = (Vec::new(), Vec::new(), 0);
        loop {
            let read = decoder.read(&mut block)?;
            if read == 0 {
                break;
            }
            total += read as u64;
            bytes.clear();
            bytes.extend(block.iter().flat_map(|sample: &f32| sample.to_le_bytes()));
            md5.consume(&bytes);
            let mut rest = block.as_slice();
            while !rest.is_empty() {
                let (now, later) = rest.split_at(rest.len().min(samples_per_hop - summed));
                sum += now.iter().map(|sample| sample * sample).sum::<f32>();
                summed += now.len();
                rest = later;
                if summed == samples_per_hop {
                    envelope.push(sum / summed as f32);
                    (sum, summed) = (0.0, 0);
                }
            }
            observer.stage(Stage::Preparing { spec, done: total, of });
        }
        Ok(Self {
            spec,
            total,
            hop: u64::from(hop),
            envelope,
            fingerprint: format!("{:x}", md5.finalize()),
            warnings: decoder.warnings(),
        })
    }
}
