//! All channels of a recording, in pieces that the cores share.
//!
//! Only the network is expensive. What is before it and behind it runs through the recording from the start to the end;
//! the network runs over pieces, each through a stream of its own that hears some seconds before the piece first. Where
//! the pieces begin, and so the result, depends on the recording alone, not on who works on them.

use std::collections::VecDeque;

use super::Settings;
use super::back::Back;
use super::crew::{Crew, Ticket};
use super::cut::Cut;
use super::ensemble::{Ensemble, State, interleave, split};
use super::frames::{Frames, SHARE, Timing};
use super::front::Front;
use super::models::Weights;
use super::piece::{Isolated, Piece};
use crate::error::Failure;

/// All channels of a recording.
pub struct Pieces {
    weights: Weights,
    timing: Timing,
    cut: Cut,
    crew: Crew,
    /// Before the network, and behind it. `None` while a channel is the same as the first.
    entries: Vec<Option<Entry>>,
    exits: Vec<Option<Exit>>,
    /// The same piece of all channels, in the order of the recording.
    rows: VecDeque<Row>,
    /// The row that is being put together.
    current: Option<Current>,
    /// A block, and the result: `None` as in `exits`.
    samples: Vec<Vec<f32>>,
    ready: Vec<Option<Vec<f32>>>,
    /// Frames of the source that went in, and came out.
    taken: u64,
    given: u64,
    ended: bool,
    /// Frames for the network that are in rows, and of them, those in rows that are done.
    cut_off: u64,
    passed: u64,
    samples_per_frame: f64,
}

/// A channel before the network.
struct Entry {
    front: Front,
    /// Source samples whose output has not come out yet.
    source: VecDeque<f32>,
    /// The next piece, behind so many frames of warm-up.
    frames: Frames,
    warm_up: usize,
}

/// A channel behind the network.
struct Exit {
    back: Back,
    /// How the last piece would have gone on.
    tail: Vec<f32>,
}

/// A piece of every channel: `None` where the first channel's counts.
struct Row {
    tickets: Vec<Option<Ticket>>,
    length: usize,
}

/// A row that is done, and the next frame of it.
struct Current {
    pieces: Vec<Option<Isolated>>,
    length: usize,
    next: usize,
}

impl Pieces {
    /// All of `channels` channels.
    ///
    /// # Errors
    /// `Internal` when a resampler cannot be made.
    pub fn new(
        weights: Weights,
        timing: Timing,
        settings: Settings,
        channels: usize,
        cut: Cut,
        crew: Crew,
    ) -> Result<Self, Failure> {
        let mut pieces = Self {
            weights,
            timing,
            cut,
            crew,
            entries: (0..channels).map(|_| None).collect(),
            exits: (0..channels).map(|_| None).collect(),
            rows: VecDeque::new(),
            current: None,
            samples: vec![Vec::new(); channels],
            ready: vec![None; channels],
            taken: 0,
            given: 0,
            ended: false,
            cut_off: 0,
            passed: 0,
            samples_per_frame: f64::from(settings.rate) * timing.hop as f64 / f64::from(timing.rate),
        };
        pieces.entries[0] = Some(Entry {
            front: Front::new(timing, settings)?,
            source: VecDeque::new(),
            frames: Frames::with_room(timing.hop, pieces.room()),
            warm_up: 0,
        });
        pieces.exits[0] = Some(Exit { back: Back::new(timing, settings)?, tail: Vec::new() });
        pieces.ready[0] = Some(Vec::new());
        Ok(pieces)
    }

    /// Pieces that are cut off and not put together.
    pub(super) fn waiting(&self) -> usize {
        self.rows.iter().map(|row| row.tickets.iter().flatten().count()).sum()
    }

    /// Frames that a piece needs behind its end.
    fn behind(&self) -> usize {
        self.cut.joint + self.timing.latency
    }

    /// Frames that there are at most before a piece is cut off: some more than it has, as the source comes in blocks.
    fn room(&self) -> usize {
        self.cut.warm_up + self.cut.length + self.behind() + 500
    }

    /// Gives an entry of its own to every channel that is no longer the same as the first.
    fn part_ways(&mut self) -> Result<(), Failure> {
        let room = self.room();
        let Some((Some(first), others)) = self.entries.split_first_mut() else {
            return Ok(());
        };
        for (entry, samples) in others.iter_mut().zip(&self.samples[1..]) {
            if entry.is_none() && *samples != self.samples[0] {
                *entry = Some(Entry {
                    front: first.front.twin()?,
                    source: first.source.clone(),
                    frames: first.frames.last(first.frames.len(), room),
                    ..*first
                });
            }
        }
        Ok(())
    }

    /// Cuts off the pieces that are there whole, and has them done.
    fn cut_off(&mut self) {
        let (length, behind, room) = (self.cut.length, self.behind(), self.room());
        let whole = |entry: &Entry| entry.frames.len() >= entry.warm_up + length + behind;
        while self.entries[0].as_ref().is_some_and(whole) {
            self.submit(length, |entry, weights, cut| {
                let end = entry.warm_up + cut.length;
                let rest = entry.frames.last(entry.frames.len() - (end - cut.warm_up.min(end)), room);
                let mut frames = std::mem::replace(&mut entry.frames, rest);
                frames.truncate(end + behind);
                let warm_up = std::mem::replace(&mut entry.warm_up, cut.warm_up.min(end));
                Piece::new(weights, frames, warm_up, cut.length + cut.joint)
            });
        }
    }

    /// Has the next piece of every channel done.
    fn submit(&mut self, length: usize, mut piece: impl FnMut(&mut Entry, Weights, Cut) -> Piece) {
        let Self { weights, cut, crew, entries, .. } = self;
        let tickets = entries
            .iter_mut()
            .map(|entry| entry.as_mut().map(|entry| crew.submit(piece(entry, weights.clone(), *cut))))
            .collect();
        self.rows.push_back(Row { tickets, length });
        self.cut_off += length as u64;
    }

    /// Begins to put the next row together, if it is done.
    fn begin(&mut self) -> Result<(), Failure> {
        let done = |row: &mut Row| row.tickets.iter_mut().flatten().all(Ticket::is_ready);
        let Some(row) = self.rows.pop_front_if(done) else {
            return Ok(());
        };
        let pieces = row.tickets.into_iter().map(|ticket| ticket.map(Ticket::take).transpose());
        let mut pieces = pieces.collect::<Result<Vec<_>, Failure>>()?;
        // What was the same as the first channel until this piece goes on from where that one is.
        for channel in (1..pieces.len()).filter(|channel| pieces[*channel].is_some()) {
            if let (None, Some(first)) = (&self.exits[channel], &self.exits[0]) {
                self.exits[channel] = Some(Exit { back: first.back.twin()?, tail: first.tail.clone() });
                let ready = self.ready[0].clone();
                self.ready[channel] = ready;
            }
        }
        for (exit, piece) in self.exits.iter_mut().zip(&mut pieces) {
            if let (Some(exit), Some(piece)) = (exit, piece) {
                piece.join(&exit.tail);
                exit.tail = piece.behind(row.length).to_vec();
            }
        }
        self.passed += row.length as u64;
        self.current = Some(Current { pieces, length: row.length, next: 0 });
        Ok(())
    }

    /// Puts the next frames of the current row together.
    fn put_together(&mut self, mut current: Current) -> Result<(), Failure> {
        let until = current.length.min(current.next + SHARE);
        for (exit, piece) in self.exits.iter_mut().zip(&current.pieces) {
            if let (Some(exit), Some(piece)) = (exit, piece) {
                for index in current.next..until {
                    let (noisy, clean) = piece.frame(index);
                    exit.back.push(noisy, clean)?;
                }
            }
        }
        current.next = until;
        self.give();
        self.current = (until < current.length).then_some(current);
        Ok(())
    }

    /// Makes ready what all channels have.
    fn give(&mut self) {
        let before = self.ready[0].as_ref().map_or(0, Vec::len);
        for channel in 0..self.entries.len() {
            let Some(entry) = &mut self.entries[channel] else { continue };
            if let (Some(exit), Some(ready)) = (&mut self.exits[channel], &mut self.ready[channel]) {
                exit.back.give(&mut entry.source, ready);
            } else {
                // What has come out is the same as the first channel.
                let fresh = self.ready[0].as_ref().map_or(0, Vec::len) - before;
                entry.source.drain(..fresh);
            }
        }
    }
}

impl Ensemble for Pieces {
    fn push(&mut self, block: &[f32]) -> Result<(), Failure> {
        split(block, &mut self.samples);
        self.part_ways()?;
        self.taken += self.samples[0].len() as u64;
        for (entry, samples) in self.entries.iter_mut().zip(&self.samples) {
            if let Some(entry) = entry {
                entry.source.extend(samples);
                entry.front.push(samples, &mut entry.frames)?;
            }
        }
        self.cut_off();
        Ok(())
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.ended = true;
        let all = self.exits[0].as_ref().map_or(0, |exit| exit.back.needs(self.taken));
        for entry in self.entries.iter_mut().flatten() {
            entry.front.end(all + self.timing.latency as u64, &mut entry.frames)?;
        }
        self.cut_off();
        let rest = (all - self.cut_off) as usize;
        self.submit(rest, |entry, weights, _| Piece::new(weights, entry.frames.take(), entry.warm_up, rest));
        Ok(())
    }

    fn work(&mut self, output: &mut Vec<f32>) -> Result<State, Failure> {
        if self.current.is_none() {
            self.begin()?;
        }
        if let Some(current) = self.current.take() {
            self.put_together(current)?;
            self.given += interleave(&mut self.ready, output);
            return Ok(State::Busy);
        }
        if !self.ended && self.crew.lacks(self.waiting()) {
            return Ok(State::Hungry);
        }
        if self.crew.work() {
            return Ok(State::Busy);
        }
        if let Some(row) = self.rows.front_mut() {
            for ticket in row.tickets.iter_mut().flatten() {
                self.crew.wait(ticket);
            }
            return Ok(State::Busy);
        }
        self.exits.iter_mut().flatten().try_for_each(|exit| exit.back.settle())?;
        self.give();
        self.given += interleave(&mut self.ready, output);
        Ok(if self.given == self.taken { State::Complete } else { State::Busy })
    }

    fn done(&self) -> u64 {
        let under_way = self.rows.iter().map(|row| row.tickets.iter().flatten().map(Ticket::done).min());
        let frames = self.passed + under_way.map(Option::unwrap_or_default).sum::<usize>() as u64;
        ((frames as f64 * self.samples_per_frame) as u64).clamp(self.given, self.taken)
    }
}
