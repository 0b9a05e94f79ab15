//! Following one realm's feed, and knowing how old one's knowledge is.
//!
//! ```text
//!   every max_staleness / 4:
//!     sent ← stopwatch;  head ← ask for the head            what the primary knew *after* `sent`
//!     apply what is missing up to head                      after(position), or a snapshot
//!     fresh_as_of ← sent                                    age = stopwatch − fresh_as_of
//!
//!   whenever identity in this process commits:
//!     offer(envelope)                                       applied before the commit is answered
//! ```
//!
//! INVARIANT (lease): only a head that was asked for and then applied makes knowledge fresh. Offered entries make it
//! newer, never fresher; a reader that is offered nothing is late by at most its lease.
//!
//! INVARIANT (owing): whoever has seen that an entry exists and could not apply it has no lease until it has caught up.
//! The commit behind that entry may already have been answered, so accepting on older knowledge would break the promise
//! that a revocation is answered only after every reader in the process has applied it.
//!
//! Not here: what a revocation means ([`crate::fold`]), what to do with stale knowledge (the route's `on_stale`).

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use sekisho_wire::feed::{After, Envelope, Head, Reader, Snapshot};
use sekisho_wire::{Clock, Feed, Monotonic, Position, RealmName, Unavailable};
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

use crate::clock::before;
use crate::fold::{Fold, NeedsCatchUp};

/// How long loading a snapshot may take.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(30);
/// The shortest time between two polls, whatever `max_staleness` says.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(5);
/// How many snapshots one round loads before it gives up until the next.
const SNAPSHOTS_PER_ROUND_MAX: u32 = 2;
/// `fresh_as_of` while there is no lease.
const NO_LEASE: u64 = u64::MAX;

/// What to follow.
#[derive(Clone, Debug)]
pub struct Follow {
    /// Whose feed.
    pub realm: RealmName,
    /// Where it comes from.
    pub feed: Arc<dyn Feed>,
    /// What polls wait on.
    pub clock: Arc<dyn Clock>,
    /// The smallest age that a user of this follower asks for; the head is asked for four times as often.
    pub max_staleness: Duration,
}

/// A fold that is kept up to date. Share it as `Arc<Follower>`; following ends when the last one is dropped.
#[derive(Debug)]
pub struct Follower {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    follow: Follow,
    interval: Duration,
    fold: ArcSwap<Fold>,
    /// Rises with every entry and snapshot that was applied; a verdict is good for the generation it was made in.
    generation: AtomicU64,
    /// Nanoseconds of the stopwatch, or [`NO_LEASE`].
    fresh_as_of: AtomicU64,
    writer: Mutex<Writer>,
    nudge: Notify,
    begun: AtomicU64,
    rounds: watch::Sender<Rounds>,
}

/// What only the one who applies may look at.
#[derive(Debug)]
struct Writer {
    /// The newest position that is known to exist, applied or not.
    seen: Position,
    /// Whether only a snapshot helps.
    resnapshot: bool,
}

/// What became of the rounds so far. They are numbered from one.
#[derive(Clone, Copy, Debug, Default)]
struct Rounds {
    finished: u64,
    /// The last one that took a lease.
    succeeded: u64,
    /// When the last round failed, if it did.
    failed_at: Option<Monotonic>,
}

// === impl Follower ===

impl Follower {
    /// Begins to follow: a task on `handle`, and a place among the feed's readers in this process.
    #[must_use]
    pub fn start(follow: Follow, handle: &Handle) -> Arc<Self> {
        let shared = Arc::new(Shared {
            interval: (follow.max_staleness / 4).max(POLL_INTERVAL_MIN),
            fold: ArcSwap::from_pointee(Fold::empty(follow.realm.clone())),
            generation: AtomicU64::new(1),
            fresh_as_of: AtomicU64::new(NO_LEASE),
            writer: Mutex::new(Writer { seen: Position::default(), resnapshot: true }),
            nudge: Notify::new(),
            begun: AtomicU64::new(0),
            rounds: watch::Sender::new(Rounds::default()),
            follow,
        });
        let reader: Weak<Shared> = Arc::downgrade(&shared);
        shared.follow.feed.attach(&shared.follow.realm, reader);
        let task = handle.spawn(Arc::clone(&shared).run()).abort_handle();
        Arc::new(Self { shared, task })
    }

    /// The fold as it stands.
    #[must_use]
    pub fn view(&self) -> Arc<Fold> {
        self.shared.fold.load_full()
    }

    /// Rises with everything that is applied. Read it *before* judging; equal then and now means judged on all of it.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// How old the knowledge is at most; [`Duration::MAX`] while there is no lease.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.shared.age()
    }

    /// Whether the fold was loaded and nothing is owed. Says nothing about its age.
    #[must_use]
    pub fn ready(&self) -> bool {
        let writer = self.shared.writer();
        !writer.resnapshot && self.shared.fold.load().head().position >= writer.seen
    }

    /// Up to where the feed was applied.
    #[must_use]
    pub fn position(&self) -> Position {
        self.shared.fold.load().head().position
    }

    /// Waits for the first lease.
    pub async fn started(&self) {
        let mut rounds = self.shared.rounds.subscribe();
        while self.age() == Duration::MAX {
            if rounds.changed().await.is_err() {
                return;
            }
        }
    }

    /// Asks for the head now and waits until the knowledge is at most `max_age` old; with zero, until a head that was
    /// asked for after this call was applied. The first is for `on_stale: ask`; the second for whoever has had something
    /// revoked over a wire, and may not answer before it counts here.
    ///
    /// Any number of callers cause one question. When the last one failed within a poll interval, nobody is asked: the
    /// next poll will find out.
    ///
    /// # Errors
    /// [`Unavailable`] when the question failed, or `patience` ended.
    pub async fn refresh(&self, max_age: Duration, patience: Duration) -> Result<(), Unavailable> {
        let young = || !max_age.is_zero() && self.age() <= max_age;
        if young() {
            return Ok(());
        }
        let stale = Err(Unavailable::of("feed"));
        let (shared, clock) = (&self.shared, &*self.shared.follow.clock);
        let mut rounds = shared.rounds.subscribe();
        // Rounds are told apart by number: two questions within one reading of the clock are still before and after.
        let begun = shared.begun.load(Ordering::SeqCst);
        let now = clock.monotonic();
        if rounds.borrow_and_update().failed_at.is_some_and(|at| now.since(at) < shared.interval) {
            return stale;
        }
        shared.nudge.notify_one();
        let deadline = now.plus(patience);
        loop {
            if !matches!(before(clock, deadline, rounds.changed()).await, Ok(Ok(()))) {
                return stale;
            }
            let latest = *rounds.borrow_and_update();
            if young() || latest.succeeded > begun {
                return Ok(());
            }
            if latest.finished > begun {
                return stale;
            }
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Shared ===

impl Shared {
    async fn run(self: Arc<Self>) {
        loop {
            // Counted before the question is put: whoever read the number before may rely on the next round.
            let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
            let sent = self.clock().monotonic();
            let outcome = self.round(sent).await;
            self.fold.load().forget(self.clock().wall());
            let failed_at = outcome.is_err().then(|| self.clock().monotonic());
            self.rounds.send_modify(|rounds| {
                let succeeded = if failed_at.is_none() { number } else { rounds.succeeded };
                *rounds = Rounds { finished: number, succeeded, failed_at };
            });
            // After a failure the pause is counted from its end, so that an error is not asked for in a tight loop.
            let next = failed_at.unwrap_or(sent).plus(self.interval);
            tokio::select! {
                () = self.clock().sleep_until(next) => {}
                () = self.nudge.notified() => {}
            }
        }
    }

    /// Asks for the head, applies what is missing, takes the lease.
    async fn round(&self, sent: Monotonic) -> Result<(), Unavailable> {
        let known = self.writer().seen;
        let Follow { feed, realm, max_staleness, .. } = &self.follow;
        // A question that hangs is worth nothing after `max_staleness`, and must not keep the next one waiting.
        let head = before(self.clock(), sent.plus(*max_staleness), feed.head(realm)).await;
        let head = head.map_err(|_| Unavailable::of("feed"))??;
        if head.position < known {
            // Something older than what we know answered: a stale node, or a restore that began no new epoch. Taking it
            // for fresh would bring revoked tokens back, so nothing is accepted until it has caught up.
            tracing::error!(%realm, known = %known, head = %head.position, "the feed went back");
            self.fresh_as_of.store(NO_LEASE, Ordering::Release);
            return Err(Unavailable::of("feed"));
        }
        self.writer().seen_up_to(head.position);
        self.catch_up(head).await?;
        self.take_lease(sent, head)
    }

    async fn catch_up(&self, head: Head) -> Result<(), Unavailable> {
        let Follow { feed, realm, max_staleness, .. } = &self.follow;
        let mut snapshots_left = SNAPSHOTS_PER_ROUND_MAX;
        loop {
            let (have, resnapshot) = (self.fold.load().head(), self.writer().resnapshot);
            let rewritten = have.position == head.position && have.hash != head.hash;
            if resnapshot || rewritten || have.position.epoch != head.position.epoch {
                snapshots_left = snapshots_left.checked_sub(1).ok_or(Unavailable::of("feed"))?;
                let deadline = self.clock().monotonic().plus(SNAPSHOT_DEADLINE);
                let snapshot = before(self.clock(), deadline, feed.snapshot(realm)).await;
                self.install(&snapshot.map_err(|_| Unavailable::of("feed"))??)?;
                continue;
            }
            if have.position >= head.position {
                return Ok(());
            }
            let deadline = self.clock().monotonic().plus(*max_staleness);
            let after = before(self.clock(), deadline, feed.after(realm, have.position)).await;
            match after.map_err(|_| Unavailable::of("feed"))?? {
                After::Resnapshot => self.writer().resnapshot = true,
                After::Entries(entries) if entries.is_empty() => {
                    // The head is ahead and nothing follows us: the answers contradict each other, so neither counts.
                    return Err(Unavailable::of("feed"));
                }
                After::Entries(entries) => {
                    self.apply(&entries);
                    if self.fold.load().head().position == have.position && !self.writer().resnapshot {
                        return Err(Unavailable::of("feed"));
                    }
                }
            }
        }
    }

    /// Applies what follows. The first envelope that does not leaves a debt and ends the lease.
    fn apply(&self, envelopes: &[Envelope]) {
        // Held throughout, so that a snapshot is never installed over an entry that is just being applied.
        let mut writer = self.writer();
        let fold = self.fold.load();
        for envelope in envelopes {
            writer.seen_up_to(envelope.entry.position);
            match fold.apply(envelope) {
                Ok(_) => {}
                Err(gap) => {
                    tracing::debug!(realm = %self.follow.realm, %gap, "an entry does not follow");
                    writer.resnapshot |= match gap {
                        NeedsCatchUp::Gap { .. } => false,
                        NeedsCatchUp::NewEpoch(_) | NeedsCatchUp::BrokenChain(_) => true,
                    };
                    self.fresh_as_of.store(NO_LEASE, Ordering::Release);
                    self.nudge.notify_one();
                    break;
                }
            }
        }
        // After the tables: whoever reads the new generation finds what it stands for.
        self.generation.fetch_add(1, Ordering::Release);
    }

    fn install(&self, snapshot: &Snapshot) -> Result<(), Unavailable> {
        if snapshot.realm != self.follow.realm {
            tracing::error!(realm = %self.follow.realm, given = %snapshot.realm, "a snapshot of another realm");
            return Err(Unavailable::of("feed"));
        }
        let mut writer = self.writer();
        writer.seen_up_to(snapshot.head.position);
        writer.resnapshot = false;
        self.fold.store(Arc::new(Fold::of(snapshot)));
        self.generation.fetch_add(1, Ordering::Release);
        Ok(())
    }

    /// The lease begins when the question was sent, provided that nothing is known to be missing.
    fn take_lease(&self, sent: Monotonic, head: Head) -> Result<(), Unavailable> {
        let writer = self.writer();
        let have = self.fold.load().head();
        let current = have.position >= writer.seen && !writer.resnapshot;
        let same_log = have.position != head.position || have.hash == head.hash;
        if !current || !same_log {
            return Err(Unavailable::of("feed"));
        }
        self.fresh_as_of.store(u64::try_from(sent.0.as_nanos()).unwrap_or(NO_LEASE), Ordering::Release);
        Ok(())
    }

    fn age(&self) -> Duration {
        match self.fresh_as_of.load(Ordering::Acquire) {
            NO_LEASE => Duration::MAX,
            fresh_as_of => self.clock().monotonic().since(Monotonic(Duration::from_nanos(fresh_as_of))),
        }
    }

    fn clock(&self) -> &dyn Clock {
        &*self.follow.clock
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Reader for Shared {
    fn offer(&self, envelopes: &[Envelope]) {
        self.apply(envelopes);
    }

    fn distrust(&self) {
        // Held so that no round takes a lease on what it read before this.
        let mut writer = self.writer();
        writer.resnapshot = true;
        self.fresh_as_of.store(NO_LEASE, Ordering::Release);
        self.generation.fetch_add(1, Ordering::Release);
        self.nudge.notify_one();
    }
}

// === impl Writer ===

impl Writer {
    fn seen_up_to(&mut self, position: Position) {
        self.seen = self.seen.max(position);
    }
}

#[cfg(test)]
mod tests;
