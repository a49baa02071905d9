//! All channels of a source, each isolated on its own, in parallel, and identical ones once.

use std::collections::VecDeque;

use super::models::Weights;
use super::voice::{Settings, Voice};
use crate::error::Failure;

/// How much of a recording a new voice hears before its first sample counts, in seconds: enough for the
/// network to have forgotten that it started in silence.
const WARM_UP: f32 = 5.0;

/// All channels of a source.
pub struct Ensemble {
    weights: Weights,
    settings: Settings,
    parts: Vec<Part>,
    /// The last samples of the first channel, from a multiple of its block on, for channels that have
    /// been the same until now. Empty when there are none.
    past: VecDeque<f32>,
    /// Samples of each channel that have been taken.
    taken: u64,
}

/// One channel, with room for a block of its samples before and behind the network.
struct Part {
    /// `None` while the channel is the same as the first one.
    voice: Option<Voice>,
    samples: Vec<f32>,
    ready: Vec<f32>,
    /// All of it has come out.
    complete: bool,
}

impl Ensemble {
    /// Voices for `channels` channels.
    ///
    /// # Errors
    /// `Internal` when a voice cannot be made.
    pub fn new(weights: Weights, settings: Settings, channels: u16) -> Result<Self, Failure> {
        let mut parts = Vec::new();
        for channel in 0..channels {
            let voice = (channel == 0).then(|| Voice::new(weights.stream()?, settings)).transpose()?;
            parts.push(Part { voice, samples: Vec::new(), ready: Vec::new(), complete: false });
        }
        Ok(Self { weights, settings, parts, past: VecDeque::new(), taken: 0 })
    }

    /// Takes an interleaved block and appends what is ready, interleaved, to `output`.
    ///
    /// # Errors
    /// `Internal` when the network fails.
    pub fn push(&mut self, block: &[f32], output: &mut Vec<f32>) -> Result<(), Failure> {
        let channels = self.parts.len();
        for (channel, part) in self.parts.iter_mut().enumerate() {
            part.samples.clear();
            part.samples.extend(block.iter().skip(channel).step_by(channels));
        }
        self.part_ways()?;
        self.remember();
        self.each(|voice, part| voice.push(&part.samples, &mut part.ready))?;
        self.interleave(output);
        Ok(())
    }

    /// Once the source has ended: appends more of the rest, and returns whether that was all.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn drain(&mut self, output: &mut Vec<f32>) -> Result<bool, Failure> {
        self.each(|voice, part| {
            part.complete = voice.drain(&mut part.ready)?;
            Ok(())
        })?;
        self.interleave(output);
        Ok(self.parts.iter().all(|part| part.voice.is_none() || part.complete))
    }

    /// Gives a voice of its own to every channel that is no longer the same as the first.
    fn part_ways(&mut self) -> Result<(), Failure> {
        let Some((Part { voice: Some(leader), samples, .. }, others)) = self.parts.split_first_mut() else {
            return Ok(());
        };
        for part in others.iter_mut().filter(|part| part.voice.is_none() && part.samples != *samples) {
            let mut voice = Voice::new(self.weights.stream()?, self.settings)?;
            let start = self.taken - self.past.len() as u64;
            let mut heard = Vec::new();
            voice.push(self.past.make_contiguous(), &mut heard)?;
            // It keeps step with the first voice from here on.
            let known = (leader.given() - start) as usize;
            part.ready = heard.split_off(known.min(heard.len()));
            part.voice = Some(voice);
        }
        Ok(())
    }

    /// Keeps what a channel needs that is still the same as the first.
    fn remember(&mut self) {
        let Some(Part { voice: Some(leader), samples, .. }) = self.parts.first() else {
            return;
        };
        self.taken += samples.len() as u64;
        if self.parts[1..].iter().all(|part| part.voice.is_some()) {
            self.past = VecDeque::new();
            return;
        }
        self.past.extend(samples);
        let seconds = self.settings.look_ahead + WARM_UP;
        let superfluous = self.past.len().saturating_sub((seconds * self.settings.rate as f32) as usize);
        self.past.drain(..superfluous / leader.block() * leader.block());
    }

    /// Runs `work` on every voice, in parallel.
    fn each(
        &mut self,
        work: impl Fn(&mut Voice, &mut Part) -> Result<(), Failure> + Sync,
    ) -> Result<(), Failure> {
        let run = |part: &mut Part| {
            let Some(mut voice) = part.voice.take() else {
                return Ok(());
            };
            let result = work(&mut voice, part);
            part.voice = Some(voice);
            result
        };
        if self.parts[1..].iter().all(|part| part.voice.is_none()) {
            return self.parts.first_mut().map_or(Ok(()), run);
        }
        std::thread::scope(|scope| {
            let threads: Vec<_> = self.parts.iter_mut().map(|part| scope.spawn(move || run(part))).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(Failure::internal("a channel's thread died")))
            })
        })
    }

    fn interleave(&mut self, output: &mut Vec<f32>) {
        let voices = || self.parts.iter().filter(|part| part.voice.is_some());
        let frames = voices().map(|part| part.ready.len()).min().unwrap_or(0);
        output.reserve(frames * self.parts.len());
        for frame in 0..frames {
            for part in &self.parts {
                let of = if part.voice.is_some() { part } else { &self.parts[0] };
                output.push(of.ready[frame]);
            }
        }
        for part in self.parts.iter_mut().filter(|part| part.voice.is_some()) {
            part.ready.drain(..frames);
        }
    }
}
