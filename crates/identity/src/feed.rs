//! The hub of the feed: what a commit changed is with every reader of this process before the commit is answered.
//!
//! ```text
//!   store ── entries ──► own fold ──► readers in this process ──► the answer
//!                                 └──► streams to readers elsewhere
//! ```
//!
//! The log is the store's; the hub reads what is new and offers it. Where other processes write to the same database, readers
//! find that out by asking for the head, and the hub then reads on. A reader that is offered nothing is still right: it
//! asks for the head. The hub is also its own first reader: introspection judges by its fold.
//!
//! Not here: the wire form (`http::feed`), signatures (`signed`).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use arc_swap::ArcSwap;
use sekisho_guard::fold::Fold;
use sekisho_model::Store;
use sekisho_wire::feed::{After, Envelope, Head, Reader, Snapshot};
use sekisho_wire::{BoxFuture, Change, Clock, Feed, Position, RealmName, Unavailable};
use tokio::sync::{Notify, watch};

use crate::joint::Turn;
use crate::room::unavailable;

pub(crate) mod signed;

/// Every realm's feed.
pub(crate) struct Hub {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    logs: Mutex<HashMap<RealmName, Arc<Log>>>,
    /// Told when the log is found to be further than this process: another one writes to the same database.
    behind: Notify,
}

/// One realm's.
struct Log {
    fold: ArcSwap<Fold>,
    /// The newest entry about keys, or where a snapshot began.
    keys_changed_at: ArcSwap<Position>,
    readers: Mutex<Vec<Weak<dyn Reader>>>,
    /// Entries are read and offered one reading at a time, so that they are offered in their order.
    settling: Turn<Result<(), Unavailable>>,
    /// How often something was offered; what streams wait for.
    news: watch::Sender<u64>,
}

// === impl Hub ===

impl Hub {
    pub(crate) fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Self {
        Self { store, clock, logs: Mutex::default(), behind: Notify::new() }
    }

    /// Offers everything that was committed before this call. A revocation calls this before it answers, also when it
    /// found its work done: another request may have committed and not have come this far.
    ///
    /// Those who wait for their turn while the database is read are served by one reading that begins after they asked,
    /// and by its failure too.
    pub(crate) async fn settle(&self, realm: &RealmName) -> Result<(), Unavailable> {
        let log = self.log(realm);
        log.settling.read(self.read_and_offer(realm, &log)).await
    }

    async fn read_and_offer(&self, realm: &RealmName, log: &Log) -> Result<(), Unavailable> {
        loop {
            let fold = log.fold.load_full();
            let envelopes = match self.store.after(realm, fold.head().position).await.map_err(unavailable)? {
                After::Entries(envelopes) if envelopes.is_empty() => return Ok(()),
                After::Entries(envelopes) => envelopes,
                After::Resnapshot => return self.start_over(realm, log).await,
            };
            if let Some(broken) = envelopes.iter().find_map(|envelope| fold.apply(envelope).err()) {
                tracing::error!(%realm, %broken, "the feed's log does not continue");
                return self.start_over(realm, log).await;
            }
            log.offer(&envelopes);
        }
    }

    /// The fold as of the last [`Self::settle`].
    pub(crate) fn fold(&self, realm: &RealmName) -> Arc<Fold> {
        self.log(realm).fold.load_full()
    }

    /// The newest entry about keys that was settled.
    pub(crate) fn keys_changed_at(&self, realm: &RealmName) -> Position {
        **self.log(realm).keys_changed_at.load()
    }

    /// Waits until the log is found to be further than the last [`Self::settle`].
    pub(crate) async fn behind(&self) {
        self.behind.notified().await;
    }

    /// Changes whenever something was offered.
    pub(crate) fn news(&self, realm: &RealmName) -> watch::Receiver<u64> {
        self.log(realm).news.subscribe()
    }

    /// Forgets revocations that can hit nothing any more.
    pub(crate) fn forget(&self) {
        let logs: Vec<Arc<Log>> = self.logs().values().cloned().collect();
        let now = self.clock.wall();
        for log in logs {
            log.fold.load().forget(now);
            log.readers().retain(|reader| reader.strong_count() > 0);
        }
    }

    /// The log was trimmed or began anew: this fold begins with a snapshot, and so does every reader.
    async fn start_over(&self, realm: &RealmName, log: &Log) -> Result<(), Unavailable> {
        let snapshot = self.store.snapshot(realm, self.clock.wall()).await.map_err(unavailable)?;
        log.keys_changed_at.store(Arc::new(snapshot.head.position));
        log.fold.store(Arc::new(Fold::of(&snapshot)));
        // What is new cannot be told entry by entry, so nobody in this process goes on trusting what they knew.
        log.distrust();
        Ok(())
    }

    fn log(&self, realm: &RealmName) -> Arc<Log> {
        Arc::clone(self.logs().entry(realm.clone()).or_insert_with(|| Arc::new(Log::new(realm))))
    }

    fn logs(&self) -> MutexGuard<'_, HashMap<RealmName, Arc<Log>>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed for Hub {
    fn head<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Head, Unavailable>> {
        Box::pin(async move {
            let head = self.store.head(realm).await.map_err(unavailable)?;
            if head.position != self.log(realm).fold.load().head().position {
                self.behind.notify_one();
            }
            Ok(head)
        })
    }

    fn after<'a>(&'a self, realm: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, Unavailable>> {
        Box::pin(async move { self.store.after(realm, position).await.map_err(unavailable) })
    }

    fn snapshot<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Snapshot, Unavailable>> {
        Box::pin(async move { self.store.snapshot(realm, self.clock.wall()).await.map_err(unavailable) })
    }

    fn attach(&self, realm: &RealmName, reader: Weak<dyn Reader>) {
        self.log(realm).readers().push(reader);
    }
}

impl fmt::Debug for Hub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.logs().keys()).finish()
    }
}

// === impl Log ===

impl Log {
    /// Empty until the first settling, which begins with a snapshot.
    fn new(realm: &RealmName) -> Self {
        let fold = ArcSwap::from_pointee(Fold::empty(realm.clone()));
        let keys_changed_at = ArcSwap::from_pointee(Position::new(0, 0));
        let (readers, settling) = (Mutex::default(), Turn::default());
        Self { fold, keys_changed_at, readers, settling, news: watch::Sender::new(0) }
    }

    fn offer(&self, envelopes: &[Envelope]) {
        let about_keys = |change: &Change| matches!(change, Change::KeyScheduled { .. } | Change::KeyRevoked { .. });
        let keys = envelopes.iter().rfind(|envelope| envelope.entry.changes.iter().any(about_keys));
        if let Some(keys) = keys {
            self.keys_changed_at.store(Arc::new(keys.entry.position));
        }
        // Taken out of the lock: a reader may attach another while it is offered something.
        let readers: Vec<Arc<dyn Reader>> = self.readers().iter().filter_map(Weak::upgrade).collect();
        readers.iter().for_each(|reader| reader.offer(envelopes));
        self.news.send_modify(|news| *news += 1);
    }

    fn distrust(&self) {
        let readers: Vec<Arc<dyn Reader>> = self.readers().iter().filter_map(Weak::upgrade).collect();
        readers.iter().for_each(|reader| reader.distrust());
        self.news.send_modify(|news| *news += 1);
    }

    fn readers(&self) -> MutexGuard<'_, Vec<Weak<dyn Reader>>> {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
