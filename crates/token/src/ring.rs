//! Which key signs when: coming → signing → retiring → gone.
//!
//! A stage is never stored. It follows from three times per key and the time asked for, so every reader with the same ring
//! and clock has the same answer, and a rotation that was planned happens even while nobody is there to do it. A key is
//! published before it signs, so that verifiers know it when the first signature of it comes; it stays published after it
//! was followed, until the last token it signed has expired.
//!
//! INVARIANT (never-mute): while any published key is not gone, one of them signs. When the signing key is taken out in an
//! emergency, its predecessor signs again, else the key that is coming signs early.
//!
//! Not here: making keys, deciding the times, storing.

use std::sync::Arc;

use crate::jwk::{JwkSet, Unusable};
use crate::key::{KeyId, KeyLookup, Keys, SigningKey, VerifyingKey};
use crate::time::Timestamp;

/// When a key does what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// From when it is in the JWKS. Before, nobody knows it.
    pub published_at: Timestamp,
    /// From when it signs, unless a later one does.
    pub signs_from: Timestamp,
    /// From when it is neither published nor accepted, if that is known yet.
    pub gone_at: Option<Timestamp>,
}

/// What a key does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Published, so that verifiers learn it; does not sign yet.
    Coming,
    /// Signs whatever is signed now.
    Signing,
    /// Signs no more; what it signed is still accepted.
    Retiring,
    /// Neither published nor accepted.
    Gone,
}

/// The keys of one issuer.
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    entries: Vec<Entry>,
}

/// A ring at one moment: where verification finds its keys.
#[derive(Clone, Copy, Debug)]
pub struct RingAt<'a> {
    ring: &'a KeyRing,
    now: Timestamp,
}

#[derive(Clone, Debug)]
struct Entry {
    signing: Arc<SigningKey>,
    verifying: Arc<VerifyingKey>,
    times: Times,
}

// === impl KeyRing ===

impl KeyRing {
    /// A ring without keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a key, or gives a key that is already there new times.
    ///
    /// # Errors
    /// [`Unusable`] when its public half would not be accepted; a [`SigningKey`] has already passed that check.
    pub fn put(&mut self, key: Arc<SigningKey>, times: Times) -> Result<(), Unusable> {
        let verifying = Arc::new(VerifyingKey::from_jwk(&key.public_jwk())?);
        self.entries.retain(|entry| entry.signing.kid() != key.kid());
        self.entries.push(Entry { signing: key, verifying, times });
        // Succession is by `signs_from`; equal times are settled by name, so that all nodes agree.
        self.entries.sort_by(|a, b| (a.times.signs_from, a.signing.kid()).cmp(&(b.times.signs_from, b.signing.kid())));
        Ok(())
    }

    /// Sets when a key goes; `now` takes it out at once, which ends every token it signed. Says whether there is such a key.
    pub fn remove_at(&mut self, kid: &KeyId, gone_at: Timestamp) -> bool {
        let entry = self.entries.iter_mut().find(|entry| entry.signing.kid() == kid);
        entry.map(|entry| entry.times.gone_at = Some(gone_at)).is_some()
    }

    /// Forgets keys that are gone. Says how many.
    pub fn prune(&mut self, now: Timestamp) -> usize {
        let before = self.entries.len();
        self.entries.retain(|entry| !entry.gone(now));
        before - self.entries.len()
    }

    /// What a key does at `now`. `None` when there is no such key or it is not published yet.
    #[must_use]
    pub fn stage(&self, kid: &KeyId, now: Timestamp) -> Option<Stage> {
        let entry = self.entries.iter().find(|entry| entry.signing.kid() == kid)?;
        if entry.gone(now) {
            return Some(Stage::Gone);
        }
        if !entry.published(now) {
            return None;
        }
        let signs = self.signer(now).is_some_and(|signer| signer.signing.kid() == kid);
        Some(match signs {
            true => Stage::Signing,
            false if entry.times.signs_from <= now => Stage::Retiring,
            false => Stage::Coming,
        })
    }

    /// The key that signs at `now`; `None` only when no published key is left.
    #[must_use]
    pub fn signing_key(&self, now: Timestamp) -> Option<&Arc<SigningKey>> {
        self.signer(now).map(|entry| &entry.signing)
    }

    /// The JWKS at `now`: the keys that are coming, signing and retiring, in the order of succession.
    #[must_use]
    pub fn jwks(&self, now: Timestamp) -> JwkSet {
        JwkSet::new(self.published(now).map(|entry| entry.signing.public_jwk()).collect())
    }

    /// The ring at `now`, for verification. Accepts every published key, coming ones too: the signer's clock may be ahead.
    #[must_use]
    pub fn at(&self, now: Timestamp) -> RingAt<'_> {
        RingAt { ring: self, now }
    }

    /// Every key with its times, gone ones included, in the order of succession.
    pub fn keys(&self) -> impl Iterator<Item = (&Arc<SigningKey>, Times)> {
        self.entries.iter().map(|entry| (&entry.signing, entry.times))
    }

    fn published(&self, now: Timestamp) -> impl Iterator<Item = &Entry> + Clone {
        self.entries.iter().filter(move |entry| entry.published(now))
    }

    /// The last in the line of succession whose turn has come; else the first whose turn will come.
    fn signer(&self, now: Timestamp) -> Option<&Entry> {
        let mut candidates = self.published(now);
        let first = candidates.clone().next();
        candidates.by_ref().filter(|entry| entry.times.signs_from <= now).last().or(first)
    }
}

// === impl RingAt ===

impl Keys for RingAt<'_> {
    fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup> {
        let mut published = self.ring.published(self.now);
        let entry = match kid {
            Some(kid) => published.find(|entry| entry.signing.kid().as_str() == kid),
            // We never sign without a `kid`, so there is nothing to guess.
            None => return Err(KeyLookup::Ambiguous),
        };
        entry.map(|entry| Arc::clone(&entry.verifying)).ok_or(KeyLookup::Unknown)
    }
}

// === impl Entry ===

impl Entry {
    fn gone(&self, now: Timestamp) -> bool {
        self.times.gone_at.is_some_and(|gone_at| gone_at <= now)
    }

    fn published(&self, now: Timestamp) -> bool {
        self.times.published_at <= now && !self.gone(now)
    }
}

#[cfg(test)]
mod tests;
