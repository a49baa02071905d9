//! Who works on the pieces of a recording: its own thread, and helpers for as long as cores are free.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use super::frames::SHARE;
use super::piece::{Isolated, Piece};
use crate::error::Failure;

/// The cores that all recordings share.
pub struct Cores {
    state: Mutex<State>,
    freed: Condvar,
    all: usize,
}

struct State {
    free: usize,
    /// Recordings that wait for their first one.
    waiting: usize,
}

/// The right to keep one core busy, given back when dropped.
pub struct Core(Arc<Cores>);

impl Cores {
    /// So many.
    #[must_use]
    pub fn new(all: usize) -> Arc<Self> {
        let state = Mutex::new(State { free: all, waiting: 0 });
        Arc::new(Self { state, freed: Condvar::new(), all })
    }

    /// Waits for one. Helpers make room when they are done with a piece.
    #[must_use]
    pub fn take(self: &Arc<Self>) -> Core {
        let mut state = self.state();
        state.waiting += 1;
        let mut state =
            self.freed.wait_while(state, |state| state.free == 0).unwrap_or_else(PoisonError::into_inner);
        state.waiting -= 1;
        state.free -= 1;
        Core(Arc::clone(self))
    }

    /// One that is free and that nobody waits for.
    #[must_use]
    pub fn spare(self: &Arc<Self>) -> Option<Core> {
        let mut state = self.state();
        if state.free <= state.waiting {
            return None;
        }
        state.free -= 1;
        Some(Core(Arc::clone(self)))
    }

    /// Whether a recording waits for one.
    fn wanted(&self) -> bool {
        let state = self.state();
        state.waiting > state.free
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Core {
    fn drop(&mut self) {
        self.0.state().free += 1;
        self.0.freed.notify_one();
    }
}

/// The thread of a recording, and its helpers.
///
/// What is done with a piece depends on the piece alone, so that nobody can tell from the result who did it.
pub struct Crew {
    cores: Arc<Cores>,
    /// The core of the recording's own thread, but while it waits.
    core: Option<Core>,
    board: Arc<Board>,
    /// The piece that the recording's own thread works on.
    mine: Option<Job>,
}

/// What the thread of a recording and its helpers have in common.
#[derive(Default)]
struct Board {
    /// Pieces that nobody works on, the first of them first.
    jobs: Mutex<VecDeque<Job>>,
    /// Helpers that have not begun yet.
    coming: AtomicUsize,
    /// Nobody wants the results any more.
    over: AtomicBool,
}

struct Job {
    piece: Piece,
    /// Frames that are done, for the progress.
    done: Arc<AtomicUsize>,
    result: mpsc::Sender<Result<Isolated, Failure>>,
}

/// A piece that will be done.
pub struct Ticket {
    done: Arc<AtomicUsize>,
    result: mpsc::Receiver<Result<Isolated, Failure>>,
    ready: Option<Result<Isolated, Failure>>,
}

impl Crew {
    /// The thread that calls, on `core`.
    #[must_use]
    pub fn new(cores: &Arc<Cores>, core: Core) -> Self {
        Self { cores: Arc::clone(cores), core: Some(core), board: Arc::default(), mine: None }
    }

    /// Whether one more piece would keep somebody busy who might soon have nothing to do, where `begun` pieces
    /// are not used yet. Of every piece there is one in memory for as long as that.
    #[must_use]
    pub fn lacks(&self, begun: usize) -> bool {
        let most = if self.cores.all == 1 { 1 } else { self.cores.all + 1 };
        begun < most && self.board.jobs().len() <= self.board.coming.load(Relaxed)
    }

    /// Has a piece done.
    pub fn submit(&mut self, piece: Piece) -> Ticket {
        let (sender, result) = mpsc::channel();
        let done = Arc::<AtomicUsize>::default();
        self.board.jobs().push_back(Job { piece, done: Arc::clone(&done), result: sender });
        self.enlist();
        Ticket { done, result, ready: None }
    }

    /// Works for a moment. Returns whether there was something to work on.
    pub fn work(&mut self) -> bool {
        self.enlist();
        let Some(mut job) = self.mine.take().or_else(|| self.board.next()) else {
            return false;
        };
        if !job.work() {
            self.mine = Some(job);
        }
        true
    }

    /// Waits until the piece is done that somebody else works on.
    pub fn wait(&mut self, ticket: &mut Ticket) {
        if ticket.is_ready() {
            return;
        }
        self.core = None;
        ticket.ready = Some(ticket.result.recv().unwrap_or_else(|_| died()));
        self.core = Some(self.cores.take());
    }

    /// Gets a helper for every piece that waits, as far as cores are free.
    fn enlist(&self) {
        for _ in 0..self.board.jobs().len() {
            let Some(core) = self.cores.spare() else { return };
            let board = Arc::clone(&self.board);
            self.board.coming.fetch_add(1, Relaxed);
            let helper = thread::Builder::new().name("helper".into());
            if helper.spawn(move || board.help(&core)).is_err() {
                // Where there can be no more threads, this one does it.
                self.board.coming.fetch_sub(1, Relaxed);
            }
        }
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        self.board.over.store(true, Relaxed);
        self.board.jobs().clear();
    }
}

impl Board {
    fn jobs(&self) -> MutexGuard<'_, VecDeque<Job>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self) -> Option<Job> {
        self.jobs().pop_front()
    }

    /// Works on pieces until there are none left or a recording waits for the core.
    fn help(&self, core: &Core) {
        let mut job = self.next();
        self.coming.fetch_sub(1, Relaxed);
        while let Some(mut current) = job {
            while !current.work() {
                if self.over.load(Relaxed) {
                    return;
                }
            }
            job = if core.0.wanted() { None } else { self.next() };
        }
    }
}

impl Job {
    /// Works for a moment. Returns whether the piece is done or has failed.
    fn work(&mut self) -> bool {
        let result = match self.piece.work(SHARE) {
            Ok(None) => {
                self.done.store(self.piece.done(), Relaxed);
                return false;
            }
            Ok(Some(isolated)) => Ok(isolated),
            Err(failure) => Err(failure),
        };
        // The recording may have failed elsewhere, so that nobody waits.
        let _ = self.result.send(result);
        true
    }
}

impl Ticket {
    /// Whether the piece is done or has failed.
    pub fn is_ready(&mut self) -> bool {
        if self.ready.is_none() {
            self.ready = match self.result.try_recv() {
                Ok(result) => Some(result),
                Err(mpsc::TryRecvError::Empty) => None,
                Err(mpsc::TryRecvError::Disconnected) => Some(died()),
            };
        }
        self.ready.is_some()
    }

    /// Frames that are done.
    #[must_use]
    pub fn done(&self) -> usize {
        self.done.load(Relaxed)
    }

    /// What has come of it.
    ///
    /// # Errors
    /// `Internal` when the network failed.
    pub fn take(self) -> Result<Isolated, Failure> {
        self.ready.unwrap_or_else(died)
    }
}

fn died() -> Result<Isolated, Failure> {
    Err(Failure::internal("the thread of a piece died"))
}
