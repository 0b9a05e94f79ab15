//! Time as an argument: what a wall clock shows, what a stopwatch shows, and waiting.
//!
//! Every lease, poll, expiry, retry, rotation and deadline waits on [`Clock::sleep_until`], so that a test that owns the
//! clock moves twelve hours in an instant.

use std::fmt;
use std::time::Duration;

use sekisho_token::Timestamp;

use crate::BoxFuture;

/// A reading of a clock that never goes back, since an origin that only the clock knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Monotonic(pub Duration);

/// The time of day, elapsed time, and waiting.
pub trait Clock: Send + Sync + fmt::Debug {
    /// The wall clock, for what is written down or compared with other machines.
    fn wall(&self) -> Timestamp;

    /// The wall clock with the fraction of its second, since the unix epoch: for what is compared by the millisecond.
    fn wall_exact(&self) -> Duration {
        Duration::from_secs(u64::try_from(self.wall().0).unwrap_or(0))
    }

    /// The stopwatch, for leases, deadlines and ages.
    fn monotonic(&self) -> Monotonic;

    /// Completes when [`Clock::monotonic`] has reached `deadline`; at once when it already has.
    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()>;
}

// === impl Monotonic ===

impl Monotonic {
    /// This reading and `duration` more.
    #[must_use]
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(duration))
    }

    /// How long after `earlier` this reading is; zero when it is not.
    #[must_use]
    pub const fn since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }
}
