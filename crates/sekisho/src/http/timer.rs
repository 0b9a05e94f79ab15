//! hyper's deadlines on our [`Clock`], so that a test that owns the clock owns them too.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Sleep, Timer};
use sekisho_wire::{BoxFuture, Clock, Monotonic};

/// A timer that reads the house's clock.
#[derive(Clone, Debug)]
pub(super) struct ClockTimer {
    clock: Arc<dyn Clock>,
    /// The instant that stands for the clock's own origin; hyper only compares what it got from here.
    origin: Instant,
}

/// A sleep of hyper's. The lock is never contended: it makes a future that may be sent one that may be shared.
struct ClockSleep(Mutex<BoxFuture<'static, ()>>);

// === impl ClockTimer ===

impl ClockTimer {
    #[expect(clippy::disallowed_methods, reason = "an arbitrary origin; no reading of the time is taken from it")]
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, origin: Instant::now() }
    }
}

impl Timer for ClockTimer {
    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Sleep>> {
        let deadline = self.clock.monotonic().plus(duration);
        Box::pin(ClockSleep(Mutex::new(self.clock.sleep_until(deadline))))
    }

    fn sleep_until(&self, deadline: Instant) -> Pin<Box<dyn Sleep>> {
        let deadline = Monotonic(deadline.saturating_duration_since(self.origin));
        Box::pin(ClockSleep(Mutex::new(self.clock.sleep_until(deadline))))
    }

    fn now(&self) -> Instant {
        self.origin + self.clock.monotonic().0
    }
}

impl Future for ClockSleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.get_mut().0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(context)
    }
}

impl Sleep for ClockSleep {}
