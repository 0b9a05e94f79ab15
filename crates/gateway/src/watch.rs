//! A deadline that moves: idle limits on connections and bodies, without a timer per read.
//!
//! What is armed is the earliest deadline that anybody asked about. When it fires and the deadline has moved on in the
//! meantime, it is armed anew. So a body that flows costs one timer per limit, not one per read, and a connection to an
//! upstream one timer in a while, not one per exchange. While nothing has fired, the clock is not even read.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use sekisho_wire::{BoxFuture, Clock, Monotonic};

/// Waits for a deadline that may be another one at each poll.
pub(crate) struct Watch {
    clock: Arc<dyn Clock>,
    armed: Option<(Monotonic, BoxFuture<'static, ()>)>,
}

// === impl Watch ===

impl Watch {
    pub(crate) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, armed: None }
    }

    pub(crate) fn now(&self) -> Monotonic {
        self.clock.monotonic()
    }

    /// Ready once `deadline` has passed; otherwise the task is woken then, or earlier.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>, deadline: Monotonic) -> Poll<()> {
        loop {
            if let Some((at, sleep)) = &mut self.armed
                && *at <= deadline
            {
                std::task::ready!(sleep.as_mut().poll(context));
            }
            self.armed = None;
            if self.clock.monotonic() >= deadline {
                return Poll::Ready(());
            }
            self.armed = Some((deadline, self.clock.sleep_until(deadline)));
        }
    }

    /// Forgets the deadline.
    pub(crate) fn disarm(&mut self) {
        self.armed = None;
    }

    /// Waits until the deadline has passed that `deadline` names at the time.
    pub(crate) async fn passed(&mut self, deadline: impl Fn() -> Monotonic) {
        std::future::poll_fn(|context| self.poll(context, deadline())).await;
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("armed", &self.armed.as_ref().map(|(at, _)| at)).finish_non_exhaustive()
    }
}
