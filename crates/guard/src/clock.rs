//! The machine's clock, and waiting for something no longer than until a deadline.
//!
//! Everything in this crate takes its time from a [`Clock`]; this file is the one place that reads the machine's.
//!
//! Not here: the clock that tests own (`testing::TestClock`).

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use sekisho_token::Timestamp;
use sekisho_wire::{BoxFuture, Clock, Monotonic};

/// The operating system's clocks, and tokio's timer. Waiting needs a tokio runtime with its timer enabled.
#[derive(Clone, Copy, Debug)]
pub struct SystemClock {
    origin: Instant,
}

/// The deadline came first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the deadline has passed")]
pub struct Elapsed;

/// Drives `future` until it completes or `deadline` is there, whichever is first.
///
/// # Errors
/// [`Elapsed`]; the future is dropped then.
pub async fn before<T>(
    clock: &dyn Clock,
    deadline: Monotonic,
    future: impl Future<Output = T> + Send,
) -> Result<T, Elapsed> {
    tokio::select! {
        // What has arrived counts, even when the deadline has passed as well.
        biased;
        output = future => Ok(output),
        () = clock.sleep_until(deadline) => Err(Elapsed),
    }
}

/// The clock as the timer that outgoing HTTP waits on.
#[must_use]
pub fn fetch_timer(clock: &Arc<dyn Clock>) -> sekisho_fetch::Timer {
    let clock = Arc::clone(clock);
    Arc::new(move |duration: Duration| clock.sleep_until(clock.monotonic().plus(duration)))
}

// === impl SystemClock ===

impl SystemClock {
    /// A clock whose stopwatch starts now.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes as an argument")]
    pub fn new() -> Self {
        Self { origin: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that everybody else takes as an argument")]
    fn wall_exact(&self) -> Duration {
        SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
    }

    fn wall(&self) -> Timestamp {
        Timestamp(i64::try_from(self.wall_exact().as_secs()).unwrap_or(i64::MAX))
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.origin.elapsed())
    }

    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()> {
        let at = self.origin.checked_add(deadline.0);
        Box::pin(async move {
            match at {
                // Created on the first poll, so that a future may be made outside a runtime.
                Some(at) => tokio::time::sleep_until(at.into()).await,
                None => std::future::pending().await,
            }
        })
    }
}

#[cfg(test)]
mod tests;
