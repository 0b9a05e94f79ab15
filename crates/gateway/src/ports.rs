//! Calls from a proxy core to identity: run on the control runtime, bounded, within a deadline, behind a breaker.
//!
//! Nothing of identity's or the store's work may run on a core, or one slow disk would stall every connection there. A
//! core hands the call over and waits, on the clock, no longer than the deadline. Calls that are under way and requests
//! that wait for them are both counted, and beyond their limits the answer is 503 at once.
//!
//! [`Flights`] lets any number of requests wait for one call.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_guard::clock::before;
use sekisho_wire::trace::{self, Failed};
use sekisho_wire::{Clock, Monotonic, Reason, Unavailable};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::refusal::Refused;

/// The name of calls' spans.
const IDENTITY: &str = "identity";

/// The calls to one port of one realm.
#[derive(Debug)]
pub(crate) struct Calls {
    control: Handle,
    clock: Arc<dyn Clock>,
    slots: Arc<Semaphore>,
    waiting: AtomicUsize,
    waiting_max: usize,
    breaker: Arc<Breaker>,
}

/// How many calls there may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallLimits {
    pub(crate) calls_max: usize,
    pub(crate) waiting_max: usize,
    pub(crate) failures_max: u32,
    pub(crate) pause: Duration,
}

/// Leaves a port alone for a while after it failed often enough.
#[derive(Debug)]
struct Breaker {
    failures: AtomicU32,
    failures_max: u32,
    pause: Duration,
    /// Nanoseconds on the stopwatch until which nothing is asked.
    open_until: AtomicU64,
}

/// What a port call can fail with, besides what its own error says.
pub(crate) trait Outage {
    /// Whether the other side could not answer.
    fn is_outage(&self) -> bool;
}

/// Calls that are under way, by what they are about.
pub(crate) struct Flights<K, T> {
    flying: Mutex<HashMap<K, watch::Receiver<Option<T>>>>,
}

/// Counts a request that waits.
struct Waiting<'a>(&'a AtomicUsize);

// === impl Calls ===

impl Calls {
    pub(crate) fn new(control: Handle, clock: Arc<dyn Clock>, limits: CallLimits) -> Self {
        Self {
            control,
            clock,
            slots: Arc::new(Semaphore::new(limits.calls_max)),
            waiting: AtomicUsize::new(0),
            waiting_max: limits.waiting_max,
            breaker: Arc::new(Breaker {
                failures: AtomicU32::new(0),
                failures_max: limits.failures_max,
                pause: limits.pause,
                open_until: AtomicU64::new(0),
            }),
        }
    }

    /// Runs one call on the control runtime. It goes on there when the caller gives up: what was begun at identity
    /// cannot be taken back by not listening.
    pub(crate) async fn run<T, E>(
        &self,
        deadline: Monotonic,
        call: impl Future<Output = Result<T, E>> + Send + 'static,
    ) -> Result<Result<T, E>, Refused>
    where
        T: Send + 'static,
        E: Outage + Send + 'static,
    {
        let _waiting = self.wait()?;
        let unavailable = || Refused::from(Unavailable::of("identity"));
        if self.breaker.is_open(self.clock.monotonic()) {
            return Err(unavailable());
        }
        let slot = before(&*self.clock, deadline, Arc::clone(&self.slots).acquire_owned()).await;
        let Ok(Ok(slot)) = slot else { return Err(Reason::Overloaded.into()) };
        let (clock, breaker) = (Arc::clone(&self.clock), Arc::clone(&self.breaker));
        let span = trace::child(IDENTITY);
        let task = self.control.spawn(async move {
            let answer = match &span {
                Some(span) => before(&*clock, deadline, trace::within(span, call)).await,
                None => before(&*clock, deadline, call).await,
            };
            let failed = answer.as_ref().map_or(true, |answer| answer.as_ref().is_err_and(Outage::is_outage));
            if let Some(span) = span {
                span.finish(if failed { Failed::Yes } else { Failed::No });
            }
            breaker.note(failed, clock.monotonic());
            drop(slot);
            answer
        });
        match task.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(_)) | Err(_) => Err(unavailable()),
        }
    }

    /// Takes a place among those who wait.
    fn wait(&self) -> Result<Waiting<'_>, Refused> {
        let waiting = Waiting(&self.waiting);
        // Counted first and given back by the drop, so that two who come at once cannot both take the last place.
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.waiting_max {
            Ok(waiting)
        } else {
            Err(Reason::Overloaded.into())
        }
    }

    /// Joins the call about `key`, or begins one. `known` is asked once more before one is begun: it may just have ended.
    pub(crate) async fn join<K, T>(
        &self,
        flights: &Arc<Flights<K, T>>,
        key: K,
        known: impl FnOnce() -> Option<T>,
        call: impl Future<Output = T> + Send + 'static,
    ) -> Result<T, Refused>
    where
        K: Eq + Hash + Clone + Send + 'static,
        T: Clone + Send + Sync + 'static,
    {
        let _waiting = self.wait()?;
        let mut landed = match flights.board(key, known) {
            Boarded::Known(value) => return Ok(value),
            Boarded::Joined(landed) => landed,
            Boarded::Pilot(pilot, landed) => {
                // Not the caller's task: when its client hangs up, the others still want the answer.
                let call = trace::carried(call);
                self.control.spawn(async move { pilot.land(call.await) });
                landed
            }
        };
        match landed.wait_for(Option::is_some).await.ok().and_then(|value| value.clone()) {
            Some(value) => Ok(value),
            None => Err(Unavailable::of("identity").into()),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Breaker ===

impl Breaker {
    fn is_open(&self, now: Monotonic) -> bool {
        self.open_until.load(Ordering::Relaxed) > nanos(now)
    }

    fn note(&self, failed: bool, now: Monotonic) {
        if !failed {
            self.failures.store(0, Ordering::Relaxed);
        } else if self.failures.fetch_add(1, Ordering::Relaxed) + 1 >= self.failures_max {
            // The count stays: after the pause, one more failure is enough.
            self.open_until.store(nanos(now.plus(self.pause)), Ordering::Relaxed);
        }
    }
}

impl Outage for sekisho_wire::exchange::ExchangeError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

impl Outage for sekisho_wire::login::LoginError {
    fn is_outage(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }
}

// === impl Flights ===

/// How a request comes to its answer.
enum Boarded<K: Eq + Hash, T> {
    Known(T),
    Joined(watch::Receiver<Option<T>>),
    Pilot(Pilot<K, T>, watch::Receiver<Option<T>>),
}

/// Whoever makes the call. Dropped without landing, it lets the others know.
struct Pilot<K: Eq + Hash, T> {
    flights: Arc<Flights<K, T>>,
    key: K,
    landed: watch::Sender<Option<T>>,
}

impl<K: Eq + Hash + Clone, T: Clone> Flights<K, T> {
    fn board(self: &Arc<Self>, key: K, known: impl FnOnce() -> Option<T>) -> Boarded<K, T> {
        let mut flying = self.flying();
        if let Some(landed) = flying.get(&key) {
            return Boarded::Joined(landed.clone());
        }
        // Under the lock: a call that ended a moment ago has left its answer before it left the table.
        if let Some(value) = known() {
            return Boarded::Known(value);
        }
        let (sender, landed) = watch::channel(None);
        flying.insert(key.clone(), landed.clone());
        Boarded::Pilot(Pilot { flights: Arc::clone(self), key, landed: sender }, landed)
    }
}

impl<K, T> Flights<K, T> {
    fn flying(&self) -> MutexGuard<'_, HashMap<K, watch::Receiver<Option<T>>>> {
        self.flying.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K, T> Default for Flights<K, T> {
    fn default() -> Self {
        Self { flying: Mutex::default() }
    }
}

impl<K, T> fmt::Debug for Flights<K, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Flights").field("under_way", &self.flying().len()).finish()
    }
}

// === impl Pilot ===

impl<K: Eq + Hash, T> Pilot<K, T> {
    fn land(self, value: T) {
        self.landed.send_replace(Some(value));
    }
}

impl<K: Eq + Hash, T> Drop for Pilot<K, T> {
    fn drop(&mut self) {
        self.flights.flying().remove(&self.key);
    }
}

fn nanos(at: Monotonic) -> u64 {
    u64::try_from(at.0.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
