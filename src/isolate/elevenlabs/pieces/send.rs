//! Encodes the pieces of a recording and has them isolated, several at once.

use std::ops::Range;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::super::ElevenLabs;
use super::super::coding::{Coding, Spool};
use super::super::prepare::{Original, again};
use super::folder::Folder;
use super::measure::measure;
use super::{padded_frames, planned_piece, silence};
use crate::audio::Spec;
use crate::audio::encode::Format;
use crate::audio::resample::converted;
use crate::error::{Failure, Kind};
use crate::exchange::{Exchange, Piece, PieceState};
use crate::isolate::{Observer, Recording, Stage, Task};
use crate::sink::Sink;
use crate::source::Input;

/// What the workers share.
pub(super) struct Work<'a> {
    pub engine: &'a ElevenLabs,
    pub task: &'a Task,
    pub original: &'a Original,
    pub coding: Coding,
    pub spec: Spec,
    pub overlap: u64,
    pub folder: &'a Folder,
    pub ranges: &'a [Range<u64>],
    pub observer: &'a dyn Observer,
    pub tally: Mutex<Tally>,
}

/// How far the pieces are.
pub(super) struct Tally {
    pub pieces: Vec<Piece>,
    done: u64,
    /// What passed between us and the service for all of them.
    pub total: Exchange,
    /// What the user should know about replies.
    pub warnings: Vec<String>,
    /// Why no more pieces are begun.
    pub failure: Option<Failure>,
}

impl Tally {
    pub(super) fn new(ranges: &[Range<u64>], spec: Spec, folder: &Folder) -> Self {
        let begun = |piece| if folder.has(piece) { PieceState::Kept } else { PieceState::Planned };
        let piece = |(at, range)| Piece { state: begun(at), ..planned_piece(range, spec) };
        let pieces: Vec<_> = ranges.iter().enumerate().map(piece).collect();
        let total = Exchange { credits: Some(0), ..Exchange::default() };
        Self { pieces, done: 0, total, warnings: Vec::new(), failure: None }
    }
}

/// A piece that is encoded and can be sent.
struct Encoded {
    piece: usize,
    samples: Input,
}

impl Work<'_> {
    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says what is going to happen, where it is worth it.
    pub(super) fn announce(&self) {
        let of = self.ranges.len();
        if of == 1 {
            return;
        }
        let kept = (0..of).filter(|piece| self.folder.has(*piece)).count();
        let place = self.folder.path().display();
        self.observer.note(&match kept {
            0 => format!("it is sent in {of} pieces, which are kept in {place} until all are there"),
            kept => format!("{kept} of {of} pieces are there already, in {place}"),
        });
    }

    /// Whether a piece needs nothing more.
    fn is_finished(&self, piece: usize) -> bool {
        self.folder.has(piece) && self.folder.measures(piece).is_some()
    }

    /// Encodes what is missing and has it sent, several pieces at once.
    ///
    /// # Errors
    /// Those of reading the recording and encoding it; those of sending are in `tally`.
    pub(super) fn send_all(&self) -> Result<(), Failure> {
        let missing = (0..self.ranges.len()).filter(|piece| !self.is_finished(*piece)).count();
        self.tally().done = (self.ranges.len() - missing) as u64;
        if missing == 0 {
            return Ok(());
        }
        // Nobody encodes further ahead than the next piece: a recording need not be on the disk twice.
        let (give, take) = sync_channel(0);
        let take = Arc::new(Mutex::new(take));
        thread::scope(|scope| {
            for _ in 0..self.engine.at_once.min(missing) {
                let take = Arc::clone(&take);
                let worker = thread::Builder::new().name("piece".into());
                worker
                    .spawn_scoped(scope, move || self.worker(&take))
                    .map_err(|error| Failure::internal(format!("no thread can be started: {error}")))?;
            }
            // When the last worker leaves, nobody takes any more.
            drop(take);
            let given = self.encode(&give);
            // Now nobody waits for more.
            drop(give);
            given
        })
    }

    fn worker(&self, take: &Mutex<Receiver<Encoded>>) {
        while self.tally().failure.is_none() {
            let next = take.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(encoded) = next else { return };
            // Somebody may have failed meanwhile.
            if self.tally().failure.is_some() {
                return;
            }
            let piece = encoded.piece;
            match self.send(encoded) {
                Ok(()) => {
                    let mut tally = self.tally();
                    tally.done += 1;
                    let stage = Stage::Pieces { done: tally.done, of: self.ranges.len() as u64 };
                    drop(tally);
                    self.observer.stage(stage);
                }
                Err(failure) => {
                    let mut tally = self.tally();
                    if tally.pieces[piece].state != PieceState::Done {
                        tally.pieces[piece].state = PieceState::Failed;
                    }
                    let message = format!("{}{}", self.about(piece), failure.message);
                    tally.failure.get_or_insert(Failure { message, ..failure });
                }
            }
        }
    }

    /// What a message about a piece begins with.
    fn about(&self, piece: usize) -> String {
        match self.ranges.len() {
            1 => String::new(),
            of => format!("piece {} of {of}: ", piece + 1),
        }
    }

    /// Reads the recording and gives away the pieces that are missing, in their order.
    fn encode(&self, give: &SyncSender<Encoded>) -> Result<(), Failure> {
        let of = self.ranges.len() as u64;
        self.observer.stage(Stage::Pieces { done: self.tally().done, of });
        let mut decoder = self.original.decoder()?;
        let channels = u64::from(self.spec.channels);
        let mut waiting =
            self.ranges.iter().enumerate().filter(|(piece, _)| !self.is_finished(*piece)).peekable();
        // Two at most: they overlap.
        let mut open: Vec<(usize, Spool)> = Vec::new();
        let (mut block, mut start) = (Vec::new(), 0);
        while waiting.peek().is_some() || !open.is_empty() {
            let read = decoder.read(&mut block)? as u64;
            let end = start + read;
            while let Some((piece, _)) = waiting.next_if(|(_, range)| range.start < end) {
                open.push((piece, Spool::new(self.coding, self.spec)?));
            }
            for (piece, spool) in &mut open {
                let range = &self.ranges[*piece];
                let within = |frame: u64| (frame.clamp(start, end) - start) * channels;
                spool.write(&block[within(range.start) as usize..within(range.end) as usize])?;
            }
            start = end;
            while open.first().is_some_and(|(piece, _)| read == 0 || self.ranges[*piece].end <= end) {
                let (piece, mut spool) = open.remove(0);
                if self.ranges.len() == 1 {
                    spool.write(&silence(self.ranges[0].end, self.spec))?;
                }
                let encoded = Encoded { piece, samples: spool.finish()? };
                // What it was cut by would not be true of another recording.
                self.original.unchanged()?;
                if give.send(encoded).is_err() {
                    // Nobody takes them any more: one has failed.
                    return Ok(());
                }
            }
            if read == 0 && waiting.peek().is_some() {
                return Err(Failure::input(
                    "it became shorter while it was read",
                    "wait until the recording is finished, then run the command again",
                ));
            }
        }
        Ok(())
    }

    /// How many frames at this sample rate are sent of a piece.
    fn sent_frames(&self, piece: usize, rate: u32) -> u64 {
        let range = &self.ranges[piece];
        let frames = range.end - range.start;
        let whole = if self.ranges.len() == 1 { frames.max(padded_frames(self.spec)) } else { frames };
        converted(whole, self.spec.rate, rate)
    }

    /// Has a piece isolated, unless it is already, and measures what came back.
    fn send(&self, encoded: Encoded) -> Result<(), Failure> {
        let Encoded { piece, samples } = encoded;
        let copy = samples.shared().map_err(|error| Failure::reading(&error))?;
        if !self.folder.has(piece) {
            self.request(piece, samples)?;
        }
        let rate = self.coding.spec(self.spec).rate;
        let overlap = (self.spec.seconds(self.overlap) * f64::from(rate)).round() as u64;
        let sent = || self.coding.decoder(again(&copy)?);
        let reply = self.folder.reply(piece);
        let found = measure(sent, rate, self.sent_frames(piece, rate), overlap, &reply);
        let measures = found.map_err(|failure| self.useless(piece, failure))?;
        self.folder.put_measures(piece, &measures)
    }

    /// The failure for a reply that was paid for and cannot be used.
    fn useless(&self, piece: usize, failure: Failure) -> Failure {
        let aside = (failure.kind == Kind::Service).then(|| self.folder.set_aside(piece)).flatten();
        match aside {
            Some(aside) => {
                let hint = format!("what the service sent, and has billed, is in {}", aside.display());
                Failure { hint, saved: true, ..failure }
            }
            // It is in the folder, where it is kept.
            None => failure,
        }
    }

    /// Sends a piece until there is a reply in the folder.
    fn request(&self, piece: usize, samples: Input) -> Result<(), Failure> {
        let seconds = self.sent_frames(piece, self.spec.rate) as f64 / f64::from(self.spec.rate);
        let number = (self.ranges.len() > 1).then_some(piece + 1);
        let recording = Recording { spec: Some(self.spec), seconds: Some(seconds) };
        let mut payload = self.original.payload(number, self.coding, samples, recording)?;
        let sink = Sink::File { path: self.folder.reply(piece), replace: true, make_folder: false };
        let task = Task { sink, format: Format::Mp3, ..self.task.clone() };
        let mut exchange = Exchange { credits: Some(0), ..Exchange::default() };
        let observer = Piecewise { about: self.about(piece), observer: self.observer };
        let sent = self.engine.send(&task, &mut payload, &mut exchange, &observer);
        let mut tally = self.tally();
        let known = &mut tally.pieces[piece];
        (known.attempts, known.credits) = (exchange.attempts, exchange.credits);
        known.request_id.clone_from(&exchange.request_id);
        if sent.is_ok() {
            known.state = PieceState::Done;
        }
        tally.total.add(exchange);
        tally.warnings.extend(sent?.warnings.iter().map(|warning| format!("{}{warning}", self.about(piece))));
        Ok(())
    }
}

/// Hears of one piece among others: what is worth telling is told, and its bytes are not.
struct Piecewise<'a> {
    about: String,
    observer: &'a dyn Observer,
}

impl Observer for Piecewise<'_> {
    fn stage(&self, _: Stage) {}

    fn note(&self, text: &str) {
        self.observer.note(&format!("{}{text}", self.about));
    }
}
