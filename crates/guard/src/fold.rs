//! The fold of one realm's feed: what may not be accepted any more, and the keys that may be believed.
//!
//! Revocations only ever add up until they are forgotten, so the fold is a set of concurrent tables that entries are
//! added to while requests read: applying an entry costs what the entry holds, not what the fold holds, and a request
//! never waits. Forgetting follows `until`, with a grace for clocks that differ, so memory is bounded by what can still be
//! presented.
//!
//! INVARIANT (in-order): entries are applied one after the other, each on the link of the hash chain that it names. What
//! does not follow is never applied; the reader loads what it missed, or a snapshot.
//!
//! Not here: fetching entries and their age ([`crate::follow`]), claims that have nothing to do with the feed
//! ([`crate::access`]).

use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use sekisho_token::jwt::{KeyLookup, Keys};
use sekisho_token::{KeyId, Timestamp, VerifyingKey};
use sekisho_wire::feed::{ChainHash, Envelope, Head, Snapshot, Standing};
use sekisho_wire::{AccessClaims, Change, ClientId, GrantId, Position, RealmName, Reason, SessionId, Subject, TokenId};

mod forget;
mod keys;

use forget::{Forget, Schedule};
use keys::KeyTable;

/// How long a revocation is kept beyond its `until`, in seconds: more than any leeway of a verifier and any difference
/// between two clocks that we still work with.
pub const FORGET_GRACE_S: i64 = 300;

/// Everything that one realm's feed says, up to a position.
#[derive(Debug)]
pub struct Fold {
    realm: RealmName,
    sessions: papaya::HashMap<SessionId, Timestamp>,
    grants: papaya::HashMap<GrantId, Timestamp>,
    tokens: papaya::HashMap<TokenId, Timestamp>,
    subjects: papaya::HashMap<Subject, Mark>,
    clients: papaya::HashMap<ClientId, Mark>,
    keys: ArcSwap<KeyTable>,
    writer: Mutex<Writer>,
}

/// Everything of a subject or client minted before `at` is refused.
#[derive(Clone, Copy, Debug)]
struct Mark {
    at: Position,
    until: Timestamp,
}

/// Where the fold stands, and what it will forget.
#[derive(Debug)]
struct Writer {
    head: Head,
    schedule: Schedule,
}

/// What an envelope did to the fold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Applied {
    /// It was applied.
    Now,
    /// It was known.
    Before,
}

/// An envelope does not follow what was applied; nothing of it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NeedsCatchUp {
    /// Entries between are missing: ask for what follows `have`.
    #[error("entries between {have} and {prev} are missing")]
    Gap {
        /// Up to where the fold stands.
        have: Position,
        /// What the envelope follows.
        prev: Position,
    },
    /// Another epoch began: load a snapshot.
    #[error("epoch {0} began")]
    NewEpoch(u64),
    /// The entry's hash does not continue the chain: load a snapshot.
    #[error("the entry at {0} does not continue the hash chain")]
    BrokenChain(Position),
}

/// The keys of the fold at a moment, for verification.
#[derive(Clone, Debug)]
pub struct KeysAt {
    table: Arc<KeyTable>,
    now: Timestamp,
}

// === impl Fold ===

impl Fold {
    /// The fold before anything was loaded: no keys, no revocations, position 0.0.
    #[must_use]
    pub fn empty(realm: RealmName) -> Self {
        let head = Head { position: Position::default(), hash: ChainHash::genesis(&realm) };
        Self::of(&Snapshot { realm, head, keys: Vec::new(), standing: Vec::new() })
    }

    /// The fold that a snapshot describes.
    #[must_use]
    pub fn of(snapshot: &Snapshot) -> Self {
        let fold = Self {
            realm: snapshot.realm.clone(),
            sessions: papaya::HashMap::new(),
            grants: papaya::HashMap::new(),
            tokens: papaya::HashMap::new(),
            subjects: papaya::HashMap::new(),
            clients: papaya::HashMap::new(),
            keys: ArcSwap::from_pointee(KeyTable::of(&snapshot.keys)),
            writer: Mutex::new(Writer { head: snapshot.head, schedule: Schedule::default() }),
        };
        let mut writer = fold.writer();
        for Standing { change, at, until } in &snapshot.standing {
            fold.fold_in(&mut writer.schedule, change, *at, *until);
        }
        drop(writer);
        fold
    }

    /// Applies one envelope.
    ///
    /// # Errors
    /// [`NeedsCatchUp`] when it does not follow; nothing was applied then.
    pub fn apply(&self, envelope: &Envelope) -> Result<Applied, NeedsCatchUp> {
        let Envelope { prev, entry } = envelope;
        let mut writer = self.writer();
        let have = writer.head;
        if entry.position == have.position {
            // The same place in the log must hold the same entry.
            let same = entry.hash == have.hash;
            return if same { Ok(Applied::Before) } else { Err(NeedsCatchUp::BrokenChain(entry.position)) };
        }
        if entry.position < have.position {
            return Ok(Applied::Before);
        }
        if entry.position.epoch != have.position.epoch {
            return Err(NeedsCatchUp::NewEpoch(entry.position.epoch.0));
        }
        if *prev > have.position {
            return Err(NeedsCatchUp::Gap { have: have.position, prev: *prev });
        }
        // `prev` may lie before what we have: then we learned the rest elsewhere, and nothing lies between.
        if entry.hash != have.hash.next(entry.position, entry.until, &entry.changes) {
            return Err(NeedsCatchUp::BrokenChain(entry.position));
        }
        for change in &entry.changes {
            self.fold_in(&mut writer.schedule, change, entry.position, entry.until);
        }
        writer.head = Head { position: entry.position, hash: entry.hash };
        Ok(Applied::Now)
    }

    /// Whether what the feed says lets these claims stand. The signature and the other claims are checked elsewhere.
    ///
    /// # Errors
    /// The reason, the key's first: what a revoked key signed proves nothing about who else was revoked.
    pub fn judge(&self, claims: &AccessClaims, kid: &KeyId, now: Timestamp) -> Result<(), Reason> {
        self.keys.load().judge(kid, now)?;
        if claims.sid.is_some_and(|session| self.sessions.pin().contains_key(&session)) {
            return Err(Reason::SessionEnded);
        }
        if claims.grant.is_some_and(|grant| self.grants.pin().contains_key(&grant)) {
            return Err(Reason::GrantRevoked);
        }
        if self.tokens.pin().contains_key(&claims.jti) {
            return Err(Reason::TokenRevoked);
        }
        // Positions decide, epoch first: a token minted in an epoch before a restore is older than anything after it.
        if self.subjects.pin().get(&claims.sub).is_some_and(|mark| claims.rev < mark.at) {
            return Err(Reason::SubjectRevoked);
        }
        if self.is_client_revoked(&claims.client_id, claims.rev) || self.is_chain_revoked(claims) {
            return Err(Reason::ClientRevoked);
        }
        Ok(())
    }

    /// Those besides the holder without whom there would be no such token: the client it speaks for, where that is no
    /// person, and everybody who acted before (RFC 8693 §4.1).
    fn is_chain_revoked(&self, claims: &AccessClaims) -> bool {
        let revoked = |subject: &Subject| {
            subject.as_str().parse().is_ok_and(|client| self.is_client_revoked(&client, claims.rev))
        };
        let mut actors = std::iter::successors(claims.act.as_deref(), |actor| actor.act.as_deref());
        claims.grant.is_none() && revoked(&claims.sub) || actors.any(|actor| revoked(&actor.sub))
    }

    fn is_client_revoked(&self, client: &ClientId, rev: Position) -> bool {
        self.clients.pin().get(client).is_some_and(|mark| rev < mark.at)
    }

    /// The keys that may be believed at `now`: coming ones too, since the issuer's clock may be ahead of ours.
    #[must_use]
    pub fn keys_at(&self, now: Timestamp) -> KeysAt {
        KeysAt { table: self.keys.load_full(), now }
    }

    /// Whether `kid` was once a key of this realm and is not to be believed any more, as far as is remembered.
    #[must_use]
    pub fn is_key_gone(&self, kid: &str, now: Timestamp) -> bool {
        self.keys.load().is_gone(kid, now)
    }

    /// Whose feed this is the fold of.
    #[must_use]
    pub fn realm(&self) -> &RealmName {
        &self.realm
    }

    /// Up to where it is folded.
    #[must_use]
    pub fn head(&self) -> Head {
        self.writer().head
    }

    /// How many revocations are remembered.
    #[must_use]
    pub fn standing(&self) -> usize {
        self.sessions.len() + self.grants.len() + self.tokens.len() + self.subjects.len() + self.clients.len()
    }

    /// Forgets what no token can be hit by any more; says how many things that were.
    pub fn forget(&self, now: Timestamp) -> usize {
        // Held to the end: the table of keys is copied and stored, and an entry must not be lost in between.
        let mut writer = self.writer();
        let due = writer.schedule.due(now.plus_s(-FORGET_GRACE_S));
        for (until, what) in &due {
            match what {
                Forget::Session(id) => drop_due(&self.sessions, id, |kept| kept <= until),
                Forget::Grant(id) => drop_due(&self.grants, id, |kept| kept <= until),
                Forget::Token(id) => drop_due(&self.tokens, id, |kept| kept <= until),
                Forget::Subject(id) => drop_due(&self.subjects, id, |mark| mark.until <= *until),
                Forget::Client(id) => drop_due(&self.clients, id, |mark| mark.until <= *until),
                Forget::Key(kid) => self.keys.store(Arc::new(self.keys.load().without(kid, *until))),
            }
        }
        due.len()
    }

    fn fold_in(&self, schedule: &mut Schedule, change: &Change, at: Position, until: Timestamp) {
        let forget = match change {
            Change::SessionEnded { session } => {
                self.sessions.pin().update_or_insert(*session, |kept| until.max(*kept), until);
                Forget::Session(*session)
            }
            Change::GrantRevoked { grant } => {
                self.grants.pin().update_or_insert(*grant, |kept| until.max(*kept), until);
                Forget::Grant(*grant)
            }
            Change::TokenRevoked { token } => {
                self.tokens.pin().update_or_insert(*token, |kept| until.max(*kept), until);
                Forget::Token(*token)
            }
            Change::SubjectRevoked { subject } => {
                let mark = Mark { at, until };
                self.subjects.pin().update_or_insert(subject.clone(), |kept| kept.and(mark), mark);
                Forget::Subject(subject.clone())
            }
            Change::ClientRevoked { client } => {
                let mark = Mark { at, until };
                self.clients.pin().update_or_insert(client.clone(), |kept| kept.and(mark), mark);
                Forget::Client(client.clone())
            }
            // Key changes are rare and the table is small, so it is copied; readers hold on to the one they have.
            Change::KeyScheduled { key } => {
                self.keys.store(Arc::new(self.keys.load().with(key)));
                return;
            }
            Change::KeyRevoked { kid } => {
                self.keys.store(Arc::new(self.keys.load().revoking(kid, until)));
                Forget::Key(kid.clone())
            }
        };
        schedule.push(until, forget);
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Mark ===

impl Mark {
    /// Both revocations: the later position hits more, and each is kept for its own time.
    fn and(&self, other: Self) -> Self {
        Self { at: self.at.max(other.at), until: self.until.max(other.until) }
    }
}

// === impl KeysAt ===

impl Keys for KeysAt {
    fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup> {
        self.table.key(kid, self.now)
    }
}

fn drop_due<K: Hash + Eq, V>(table: &papaya::HashMap<K, V>, key: &K, due: impl Fn(&V) -> bool) {
    // An entry that was prolonged meanwhile has a later place in the schedule.
    let _ = table.pin().remove_if(key, |_, kept| due(kept));
}

#[cfg(test)]
mod tests;
