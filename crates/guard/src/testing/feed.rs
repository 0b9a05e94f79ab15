//! A realm's feed in memory, with a switch in front of each of its doors.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use sekisho_token::Timestamp;
use sekisho_wire::change::PublishedKey;
use sekisho_wire::cut::Cut;
use sekisho_wire::feed::{After, ChainHash, Entry, Envelope, Head, Reader, Snapshot, Standing};
use sekisho_wire::{BoxFuture, Change, Epoch, Feed, Position, RealmName, Revision, Unavailable};

/// A feed that a test writes.
#[derive(Debug)]
pub struct MemoryFeed {
    realm: RealmName,
    log: Mutex<Log>,
    readers: Mutex<Vec<Weak<dyn Reader>>>,
    heads_asked: AtomicU64,
    /// In front of the head.
    pub head: Cut,
    /// In front of entries and snapshots.
    pub entries: Cut,
    /// In front of readers in this process: severed, they are told nothing.
    pub wakeups: Cut,
}

#[derive(Debug)]
struct Log {
    head: Head,
    entries: Vec<Envelope>,
    keys: Vec<PublishedKey>,
    standing: Vec<Standing>,
}

// === impl MemoryFeed ===

impl MemoryFeed {
    /// A feed in its first epoch, with these keys and no entries.
    #[must_use]
    pub fn new(realm: RealmName, keys: Vec<PublishedKey>) -> Arc<Self> {
        let head = Head { position: Position::new(1, 0), hash: ChainHash::genesis(&realm) };
        Arc::new(Self {
            realm,
            log: Mutex::new(Log { head, entries: Vec::new(), keys, standing: Vec::new() }),
            readers: Mutex::default(),
            heads_asked: AtomicU64::new(0),
            head: Cut::joined("feed"),
            entries: Cut::joined("feed"),
            wakeups: Cut::joined("feed"),
        })
    }

    /// Appends one transaction and tells the readers, as a commit does. Returns its position.
    pub fn commit(&self, changes: Vec<Change>, until: Timestamp) -> Position {
        let envelope = {
            let mut log = self.log();
            let prev = log.head.position;
            let position = Position { epoch: prev.epoch, revision: Revision(prev.revision.0 + 1) };
            let hash = log.head.hash.next(position, until, &changes);
            log.head = Head { position, hash };
            for change in &changes {
                log.keep(change, position, until);
            }
            let envelope = Envelope { prev, entry: Entry { position, changes, until, hash } };
            log.entries.push(envelope.clone());
            envelope
        };
        self.offer(std::slice::from_ref(&envelope));
        envelope.entry.position
    }

    /// Hands envelopes to the readers, whatever they say; in front of it is the switch `wakeups`.
    pub fn offer(&self, envelopes: &[Envelope]) {
        if self.wakeups.state() != sekisho_wire::cut::State::Joined {
            return;
        }
        // Cloned first: a reader that attaches meanwhile must not wait for another one's work.
        let readers = self.readers.lock().unwrap_or_else(PoisonError::into_inner).clone();
        readers.iter().filter_map(Weak::upgrade).for_each(|reader| reader.offer(envelopes));
    }

    /// Begins a new epoch, as a restore from backup does: the log is trimmed, what stands goes on standing.
    pub fn start_epoch(&self) -> Epoch {
        let mut log = self.log();
        let epoch = Epoch(log.head.position.epoch.0 + 1);
        log.head.position = Position { epoch, revision: Revision(0) };
        log.entries.clear();
        epoch
    }

    /// The entries so far.
    #[must_use]
    pub fn log_entries(&self) -> Vec<Envelope> {
        self.log().entries.clone()
    }

    /// The newest position.
    #[must_use]
    pub fn position(&self) -> Position {
        self.log().head.position
    }

    /// How often the head was asked for.
    #[must_use]
    pub fn heads_asked(&self) -> u64 {
        self.heads_asked.load(Ordering::Relaxed)
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Feed for MemoryFeed {
    fn head<'a>(&'a self, _: &'a RealmName) -> BoxFuture<'a, Result<Head, Unavailable>> {
        Box::pin(async move {
            self.heads_asked.fetch_add(1, Ordering::Relaxed);
            self.head.pass().await?;
            Ok(self.log().head)
        })
    }

    fn after<'a>(&'a self, _: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, Unavailable>> {
        Box::pin(async move {
            self.entries.pass().await?;
            let log = self.log();
            let first = log.entries.first().map_or(log.head.position, |first| first.prev);
            if position.epoch != log.head.position.epoch || position < first || position > log.head.position {
                return Ok(After::Resnapshot);
            }
            Ok(After::Entries(log.entries.iter().filter(|one| one.entry.position > position).cloned().collect()))
        })
    }

    fn snapshot<'a>(&'a self, _: &'a RealmName) -> BoxFuture<'a, Result<Snapshot, Unavailable>> {
        Box::pin(async move {
            self.entries.pass().await?;
            let log = self.log();
            let (keys, standing) = (log.keys.clone(), log.standing.clone());
            Ok(Snapshot { realm: self.realm.clone(), head: log.head, keys, standing })
        })
    }

    fn attach(&self, _: &RealmName, reader: Weak<dyn Reader>) {
        self.readers.lock().unwrap_or_else(PoisonError::into_inner).push(reader);
    }
}

// === impl Log ===

impl Log {
    fn keep(&mut self, change: &Change, at: Position, until: Timestamp) {
        match change {
            Change::KeyScheduled { key } => {
                self.keys.retain(|known| known.jwk.kid() != key.jwk.kid());
                self.keys.push(key.clone());
            }
            Change::KeyRevoked { kid } => {
                self.keys.retain(|known| known.jwk.kid() != Some(kid));
                self.standing.push(Standing { change: change.clone(), at, until });
            }
            Change::SessionEnded { .. }
            | Change::GrantRevoked { .. }
            | Change::TokenRevoked { .. }
            | Change::SubjectRevoked { .. }
            | Change::ClientRevoked { .. } => self.standing.push(Standing { change: change.clone(), at, until }),
        }
    }
}
