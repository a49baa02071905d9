//! All channels of a source, frame by frame: live sources, of which somebody may hear the result, and those with so
//! many channels that pieces of them would take too much memory.

use std::collections::VecDeque;
use std::sync::Arc;
use std::thread;

use super::Settings;
use super::back::Back;
use super::crew::{Core, Cores};
use super::ensemble::{Ensemble, State, interleave, split};
use super::frames::{Frames, Network, SHARE, Timing};
use super::front::Front;
use super::models::{Model, Weights};
use crate::error::Failure;

/// What a network hears of a channel before the first frame that counts, in seconds, when that is no longer the same
/// as the first channel: less than a piece does, as it would hold up a live source.
const WARM_UP: f32 = 5.0;

/// All channels of a source.
pub struct Stream {
    weights: Weights,
    /// Where the cores for further channels come from.
    cores: Arc<Cores>,
    /// That of this thread. A live source has none where others are at work on all of them, and waits for none.
    _core: Option<Core>,
    /// The channels. `None` while one is the same as the first.
    channels: Vec<Option<Channel>>,
    /// A block, and the result: `None` as in `channels`.
    samples: Vec<Vec<f32>>,
    ready: Vec<Option<Vec<f32>>>,
    ended: bool,
    done: u64,
}

impl Stream {
    /// All of `count` channels.
    ///
    /// # Errors
    /// `Internal` when a network or a resampler cannot be made.
    pub fn new(
        weights: Weights,
        settings: Settings,
        count: usize,
        cores: &Arc<Cores>,
        core: Option<Core>,
    ) -> Result<Self, Failure> {
        let mut channels: Vec<Option<Channel>> = (0..count).map(|_| None).collect();
        let mut ready = vec![None; count];
        if let (Some(channel), Some(ready)) = (channels.first_mut(), ready.first_mut()) {
            *channel = Some(Channel::new(weights.model()?, settings, count > 1)?);
            *ready = Some(Vec::new());
        }
        Ok(Self {
            weights,
            cores: Arc::clone(cores),
            _core: core,
            channels,
            samples: vec![Vec::new(); count],
            ready,
            ended: false,
            done: 0,
        })
    }

    /// Gives every channel of the source that is no longer the same as the first a [`Channel`] of its own.
    fn part_ways(&mut self) -> Result<(), Failure> {
        let Some((Some(first), others)) = self.channels.split_first_mut() else {
            return Ok(());
        };
        for (at, channel) in (1..).zip(others.iter_mut()) {
            if channel.is_none() && self.samples[at] != self.samples[0] {
                *channel = Some(first.twin(self.weights.model()?)?);
                let ready = self.ready[0].clone();
                self.ready[at] = ready;
            }
        }
        first.followed = others.iter().any(Option::is_none);
        Ok(())
    }

    /// Runs `work` on every channel, on as many cores as are free.
    fn each(
        &mut self,
        work: impl Fn(&mut Channel, &[f32], &mut Vec<f32>) -> Result<(), Failure> + Sync,
    ) -> Result<(), Failure> {
        let all = self.channels.iter_mut().zip(&self.samples).zip(&mut self.ready);
        let mut all: Vec<_> = all
            .filter_map(|((channel, samples), ready)| Some((channel.as_mut()?, samples, ready.as_mut()?)))
            .collect();
        let run = |share: &mut [(&mut Channel, &Vec<f32>, &mut Vec<f32>)]| {
            share.iter_mut().try_for_each(|(channel, samples, ready)| work(channel, samples, ready))
        };
        let more: Vec<Core> = (1..all.len()).map_while(|_| self.cores.spare()).collect();
        if more.is_empty() {
            return run(&mut all);
        }
        let share = all.len().div_ceil(more.len() + 1);
        thread::scope(|scope| {
            let threads: Vec<_> = all.chunks_mut(share).map(|share| scope.spawn(|| run(share))).collect();
            threads.into_iter().try_for_each(|thread| {
                thread.join().unwrap_or_else(|_| Err(Failure::internal("a channel's thread died")))
            })
        })
    }
}

impl Ensemble for Stream {
    fn push(&mut self, block: &[f32]) -> Result<(), Failure> {
        split(block, &mut self.samples);
        self.part_ways()?;
        self.each(Channel::push)
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.ended = true;
        self.each(|channel, _, _| channel.end())
    }

    fn work(&mut self, output: &mut Vec<f32>) -> Result<State, Failure> {
        if self.ended {
            self.each(|channel, _, ready| channel.drain(ready))?;
        }
        self.done += interleave(&mut self.ready, output);
        let complete = self.channels.iter().flatten().all(Channel::is_complete);
        Ok(match (self.ended, complete) {
            (false, _) => State::Hungry,
            (true, false) => State::Busy,
            (true, true) => State::Complete,
        })
    }

    fn done(&self) -> u64 {
        self.done
    }
}

/// One channel.
struct Channel {
    timing: Timing,
    front: Front,
    network: Network,
    back: Back,
    /// Frames on their way through the network, those before them that another network would have to hear, and the
    /// index of the first that is not in it yet.
    frames: Frames,
    next: usize,
    /// Some other channel is the same until now.
    followed: bool,
    /// Source samples whose output has not come out yet.
    source: VecDeque<f32>,
    /// Source samples that went in.
    taken: u64,
}

impl Channel {
    fn new(model: Box<dyn Model>, settings: Settings, followed: bool) -> Result<Self, Failure> {
        let timing = Timing::of(model.as_ref());
        let waiting = (settings.look_ahead + 0.2) * settings.rate as f32;
        Ok(Self {
            timing,
            front: Front::new(timing, settings)?,
            network: Network::new(model),
            back: Back::new(timing, settings)?,
            frames: Frames::with_room(timing.hop, 0),
            next: 0,
            followed,
            source: VecDeque::with_capacity(waiting as usize),
            taken: 0,
        })
    }

    /// A second one that goes on from here through `model`, when that has heard the last frames.
    fn twin(&self, model: Box<dyn Model>) -> Result<Self, Failure> {
        let mut network = Network::new(model);
        let warm_up = self.next.min(self.timing.frames(WARM_UP) + self.timing.latency);
        for index in self.next - warm_up..self.next {
            network.process(&self.frames, index)?;
        }
        Ok(Self {
            front: self.front.twin()?,
            network,
            back: self.back.twin()?,
            frames: self.frames.clone(),
            followed: false,
            source: self.source.clone(),
            ..*self
        })
    }

    /// Takes more of the source and appends to `output` what is ready.
    fn push(&mut self, samples: &[f32], output: &mut Vec<f32>) -> Result<(), Failure> {
        self.taken += samples.len() as u64;
        self.source.extend(samples);
        self.front.push(samples, &mut self.frames)?;
        self.run(usize::MAX)?;
        self.back.give(&mut self.source, output);
        Ok(())
    }

    /// The source has ended.
    fn end(&mut self) -> Result<(), Failure> {
        let all = self.back.needs(self.taken) + self.timing.latency as u64;
        self.front.end(all, &mut self.frames)
    }

    /// Appends more of the rest to `output`.
    fn drain(&mut self, output: &mut Vec<f32>) -> Result<(), Failure> {
        if !self.run(SHARE)? {
            self.back.settle()?;
        }
        self.back.give(&mut self.source, output);
        Ok(())
    }

    /// Whether as many samples have come out as went in.
    fn is_complete(&self) -> bool {
        self.back.given() == self.taken
    }

    /// Runs the network over the next frames, `most` of them, and returns whether there were any.
    fn run(&mut self, most: usize) -> Result<bool, Failure> {
        let until = self.frames.len().min(self.next.saturating_add(most));
        let any = self.next < until;
        while self.next < until {
            if let Some((index, clean)) = self.network.process(&self.frames, self.next)? {
                self.back.push(self.frames.frame(index), clean)?;
            }
            self.next += 1;
        }
        let history = if self.followed { self.timing.frames(WARM_UP) } else { 0 } + self.timing.latency;
        // Not at once, as it moves all that stay.
        if self.next > 2 * history {
            self.frames.forget(self.next - history);
            self.next = history;
        }
        Ok(any)
    }
}
