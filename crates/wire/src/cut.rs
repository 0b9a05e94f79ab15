//! A switch between rooms, so that a test (and `sekisho patterns`) can take a room away and give it back.
//!
//! The running product keeps every switch [`State::Joined`]. What stands behind a severed switch answers
//! [`Unavailable`] at once; behind a hanging one it does not answer until the switch is thrown again, like a database
//! whose disk stalls.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::Unavailable;

/// What the switch does to a call that passes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls pass.
    Joined,
    /// Calls fail at once.
    Severed,
    /// Calls wait until the state changes.
    Hanging,
}

/// A switch in front of one room. Clones share it.
#[derive(Clone, Debug)]
pub struct Cut {
    what: &'static str,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: AtomicU8,
    calls: AtomicU64,
    waiting: Mutex<Vec<Waker>>,
}

/// Waits while the switch hangs.
#[derive(Debug)]
pub struct Pass {
    cut: Cut,
}

// === impl Cut ===

impl Cut {
    /// A joined switch in front of `what`, as an operator would name it.
    #[must_use]
    pub fn joined(what: &'static str) -> Self {
        let shared =
            Shared { state: AtomicU8::new(State::Joined as u8), calls: AtomicU64::new(0), waiting: Mutex::default() };
        Self { what, shared: Arc::new(shared) }
    }

    /// Throws the switch and lets waiting calls look again.
    pub fn set(&self, state: State) {
        self.shared.state.store(state as u8, Ordering::SeqCst);
        let waiting = std::mem::take(&mut *self.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner));
        waiting.into_iter().for_each(Waker::wake);
    }

    /// How the switch stands.
    #[must_use]
    pub fn state(&self) -> State {
        match self.shared.state.load(Ordering::SeqCst) {
            0 => State::Joined,
            1 => State::Severed,
            _ => State::Hanging,
        }
    }

    /// How many calls came to the switch, whatever became of them.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.shared.calls.load(Ordering::Relaxed)
    }

    /// To be awaited by each call before it goes on to the room behind the switch.
    #[must_use]
    pub fn pass(&self) -> Pass {
        self.shared.calls.fetch_add(1, Ordering::Relaxed);
        Pass { cut: self.clone() }
    }
}

// === impl Pass ===

impl Future for Pass {
    type Output = Result<(), Unavailable>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        // Registered before the state is read: a switch thrown in between wakes us.
        if self.cut.state() == State::Hanging {
            let mut waiting = self.cut.shared.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.retain(|waker| !waker.will_wake(context.waker()));
            waiting.push(context.waker().clone());
        }
        match self.cut.state() {
            State::Joined => Poll::Ready(Ok(())),
            State::Severed => Poll::Ready(Err(Unavailable::of(self.cut.what))),
            State::Hanging => Poll::Pending,
        }
    }
}

#[cfg(test)]
mod tests;
