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
    /// Requests under way.
    inside: usize,
    /// How many there may be now, and how many at most.
    limit: usize,
    most: usize,
    /// When the limit was last changed.
    changed: Instant,
}

/// The right to have one request under way, given back when dropped.
pub(super) struct Pass<'a>(&'a Gate);

impl Gate {
    /// A gate for so many at once.
    pub(super) fn new(most: usize) -> Self {
        let state = State { inside: 0, limit: most, most, changed: Instant::now() };
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
                return Pass(self);
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
    /// there are; returns how many that is, unless this was the only one, so that fewer of ours do not help.
    pub(super) fn leave(self, crowded: bool) -> Option<usize> {
        let mut state = self.0.state();
        let others = state.inside - 1;
        if !crowded || (others == 0 && state.limit == 1) {
            return None;
        }
        state.limit = state.limit.min(others.max(1));
        state.changed = Instant::now();
        Some(state.limit)
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        self.0.state().inside -= 1;
        self.0.changed.notify_all();
    }
}
