//! A clock that stands still until it is told to move.
//!
//! Wall clock and stopwatch move together; [`TestClock::set_wall_offset`] sets the one against the other, as a machine's
//! wrong clock would. Sleepers wake in the order of their deadlines, on whatever runtime they live.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use sekisho_token::Timestamp;
use sekisho_wire::{BoxFuture, Clock, Monotonic};

/// The wall clock's time when a test clock is made: 2025-01-01T00:00:00Z.
const START: Timestamp = Timestamp(1_735_689_600);
/// At how many moments one [`TestClock::advance`] stops at most. Twelve hours of polls every quarter of a second would be
/// 172,800; sleepers whose deadlines lie between two stops wake together, in order.
const STOPS_MAX: u32 = 256;
/// How long the real clock may run while woken tasks on other threads get their turn.
const SETTLE_MAX: Duration = Duration::from_millis(100);
/// How long a test waits for something that does not happen.
const REAL_TIME_MAX: Duration = Duration::from_secs(10);
/// How often everybody else gets a turn after the woken ones had theirs.
const TURNS: u32 = 24;

/// A clock that tests own. Clones are the same clock.
#[derive(Clone, Default)]
pub struct TestClock(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    monotonic: Duration,
    wall_offset_s: i64,
    sleepers: BTreeMap<(Duration, u64), Waker>,
    next_id: u64,
    /// Sleepers that were woken and have not been looked at since.
    woken: usize,
}

/// One sleeper.
struct Sleep {
    clock: TestClock,
    deadline: Duration,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    New,
    Waiting(u64),
    Done,
}

/// Lets other tasks of this runtime run once, and other threads too.
struct Turn(bool);

// === impl TestClock ===

impl TestClock {
    /// A clock that shows 2025-01-01T00:00:00Z and zero.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Moves forward, from deadline to deadline, and lets woken tasks run at each.
    pub async fn advance(&self, duration: Duration) {
        let target = self.state().monotonic.saturating_add(duration);
        let step = duration / STOPS_MAX;
        // Whoever was spawned just now gets to its first sleep before time moves.
        self.settle().await;
        loop {
            let now = self.state().monotonic;
            let stop = self.next_deadline().map_or(target, |next| next.max(now.saturating_add(step))).min(target);
            self.move_to(stop);
            self.settle().await;
            if stop >= target {
                return;
            }
        }
    }

    /// Moves forward at once, like a machine that was suspended. Sleepers wake in the order of their deadlines, all of
    /// them at the end; nobody gets a turn before this returns.
    pub fn leap(&self, duration: Duration) {
        let target = self.state().monotonic.saturating_add(duration);
        self.move_to(target);
    }

    /// Sets the wall clock so many seconds ahead of (or behind) the stopwatch.
    pub fn set_wall_offset(&self, seconds: i64) {
        self.state().wall_offset_s = seconds;
    }

    /// Lets every task run that has something to do, without moving time: those on this runtime by yielding, those on
    /// other threads until each woken sleeper was looked at, or 100 ms of real time are over.
    #[expect(clippy::disallowed_methods, reason = "bounds how long other threads are waited for, in tests only")]
    pub async fn settle(&self) {
        let begun = Instant::now();
        let mut turns = 0;
        while turns < TURNS || (self.state().woken > 0 && begun.elapsed() < SETTLE_MAX) {
            Turn(false).await;
            turns += 1;
        }
    }

    /// Advances in steps until `condition` holds: for what happens over real sockets, whose answers take real time.
    ///
    /// # Panics
    /// When it does not hold after ten seconds of real time.
    #[expect(clippy::disallowed_methods, reason = "bounds a test that would never end")]
    pub async fn advance_until(&self, step: Duration, mut condition: impl FnMut() -> bool) {
        let begun = Instant::now();
        while !condition() {
            assert!(begun.elapsed() < REAL_TIME_MAX, "what the test waits for does not happen: {self:?}");
            self.advance(step).await;
        }
    }

    /// How many sleepers wait.
    #[must_use]
    pub fn sleepers(&self) -> usize {
        self.state().sleepers.len()
    }

    fn next_deadline(&self) -> Option<Duration> {
        self.state().sleepers.first_key_value().map(|((deadline, _), _)| *deadline)
    }

    fn move_to(&self, target: Duration) {
        let mut state = self.state();
        state.monotonic = state.monotonic.max(target);
        let later = state.sleepers.split_off(&(target.saturating_add(Duration::from_nanos(1)), 0));
        let due = std::mem::replace(&mut state.sleepers, later);
        state.woken += due.len();
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        let state = self.state();
        let elapsed_s = i64::try_from(state.monotonic.as_secs()).unwrap_or(i64::MAX);
        START.plus_s(elapsed_s).plus_s(state.wall_offset_s)
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(self.state().monotonic)
    }

    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()> {
        Box::pin(Sleep { clock: self.clone(), deadline: deadline.0, stage: Stage::New })
    }
}

impl fmt::Debug for TestClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.state();
        write!(f, "TestClock({:?}, {} sleepers)", state.monotonic, state.sleepers.len())
    }
}

// === impl Sleep ===

impl Sleep {
    /// Takes this sleeper out of the books, whether it still waits or was woken.
    fn leave(&mut self) {
        let Stage::Waiting(id) = std::mem::replace(&mut self.stage, Stage::Done) else { return };
        let mut state = self.clock.state();
        if state.sleepers.remove(&(self.deadline, id)).is_none() {
            state.woken = state.woken.saturating_sub(1);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let clock = self.clock.clone();
        let mut state = clock.state();
        if self.deadline <= state.monotonic {
            drop(state);
            self.leave();
            return Poll::Ready(());
        }
        let id = match self.stage {
            Stage::Waiting(id) => id,
            Stage::New | Stage::Done => state.next_id,
        };
        state.next_id = state.next_id.max(id + 1);
        state.sleepers.insert((self.deadline, id), context.waker().clone());
        self.stage = Stage::Waiting(id);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.leave();
    }
}

// === impl Turn ===

impl Future for Turn {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) {
            return Poll::Ready(());
        }
        // A current-thread runtime runs the others before it comes back; other threads need the processor.
        context.waker().wake_by_ref();
        std::thread::yield_now();
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
