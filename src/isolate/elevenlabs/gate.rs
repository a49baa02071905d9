//! How many requests are under way at once: as many as are asked for, and fewer while the service has too many.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How long a lowered limit stays before one more is tried.
const RECOVERY: Duration = Duration::from_secs(30);

/// Lets requests through.
pub(super) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

struct State {
    /// Requests under way, and how many have ever been let in.
    inside: usize,
    entered: u64,
    /// How many there may be now, and how many at most.
    limit: usize,
    most: usize,
    /// When the limit was last changed.
    changed: Instant,
}

/// The right to have one request under way, given back when dropped.
pub(super) struct Pass<'a> {
    gate: &'a Gate,
    /// Others were under way when it began.
    among_others: bool,
    /// How many had been let in by then.
    entered: u64,
}

impl Gate {
    /// A gate for so many at once.
    pub(super) fn new(most: usize) -> Self {
        let state = State { inside: 0, entered: 0, limit: most, most, changed: Instant::now() };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    /// Waits until there is room for one more.
    pub(super) fn enter(&self) -> Pass<'_> {
        let mut state = self.state();
        loop {
            if state.limit < state.most && state.changed.elapsed() >= RECOVERY {
                state.limit += 1;
                state.changed = Instant::now();
            }
            if state.inside < state.limit {
                state.inside += 1;
                state.entered += 1;
                return Pass { gate: self, among_others: state.inside > 1, entered: state.entered };
            }
            let waited = self.changed.wait_timeout(state, RECOVERY);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The service says how many it takes at once.
    pub(super) fn told(&self, most: usize) {
        let mut state = self.state();
        state.most = state.most.min(most.max(1));
        state.limit = state.limit.min(state.most);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pass<'_> {
    /// Gives the right back. Where the service has too many requests (`crowded`), there may be one less than
    /// there are; returns how many that is, unless no other of ours was under way meanwhile, so that fewer do not
    /// help.
    pub(super) fn leave(self, crowded: bool) -> Option<usize> {
        let mut state = self.gate.state();
        let alone = !self.among_others && state.entered == self.entered;
        if !crowded || alone {
            return None;
        }
        state.limit = state.limit.min((state.inside - 1).max(1));
        state.changed = Instant::now();
        Some(state.limit)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.gate.state().inside -= 1;
        self.gate.changed.notify_all();
    }
}
