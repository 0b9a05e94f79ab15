//! The realm's keys as the feed tells them: parsed once, by `kid`, with the time at which each is gone.

use std::collections::HashMap;
use std::sync::Arc;

use sekisho_token::jwt::KeyLookup;
use sekisho_token::{KeyId, Timestamp, VerifyingKey};
use sekisho_wire::Reason;
use sekisho_wire::change::PublishedKey;

/// Keys and revoked names. Small and immutable: a change makes a new one.
#[derive(Clone, Debug, Default)]
pub(super) struct KeyTable {
    known: HashMap<KeyId, Known>,
    /// Names that were revoked, and until when that is remembered.
    revoked: HashMap<KeyId, Timestamp>,
}

#[derive(Clone, Debug)]
struct Known {
    key: Arc<VerifyingKey>,
    gone_at: Option<Timestamp>,
}

// === impl KeyTable ===

impl KeyTable {
    pub(super) fn of(keys: &[PublishedKey]) -> Self {
        keys.iter().fold(Self::default(), |table, key| table.with(key))
    }

    /// The table with a key, or with new times for one it has. A revoked name stays revoked.
    pub(super) fn with(&self, published: &PublishedKey) -> Self {
        let mut table = self.clone();
        match VerifyingKey::from_jwk(&published.jwk) {
            Ok(key) if !table.revoked.contains_key(key.kid()) => {
                table.known.insert(key.kid().clone(), Known { key: Arc::new(key), gone_at: published.gone_at });
            }
            Ok(_) => {}
            Err(unusable) => tracing::warn!(%unusable, "the feed published a key that cannot be used; it is left out"),
        }
        table
    }

    pub(super) fn revoking(&self, kid: &KeyId, until: Timestamp) -> Self {
        let mut table = self.clone();
        table.known.remove(kid);
        let kept = table.revoked.entry(kid.clone()).or_insert(until);
        *kept = until.max(*kept);
        table
    }

    /// The table that has forgotten a revocation. The key itself stays away: it was removed when it was revoked.
    pub(super) fn without(&self, kid: &KeyId, until: Timestamp) -> Self {
        let mut table = self.clone();
        if table.revoked.get(kid).is_some_and(|kept| *kept <= until) {
            table.revoked.remove(kid);
        }
        table
    }

    pub(super) fn key(&self, kid: Option<&str>, now: Timestamp) -> Result<Arc<VerifyingKey>, KeyLookup> {
        if self.known.is_empty() {
            // No realm is without keys: the feed was not loaded yet, and the token may well be good.
            return Err(KeyLookup::Unavailable);
        }
        // Our own tokens always name their key, so there is nothing to guess.
        let known = self.known.get(kid.ok_or(KeyLookup::Ambiguous)?).ok_or(KeyLookup::Unknown)?;
        if known.is_gone(now) { Err(KeyLookup::Unknown) } else { Ok(Arc::clone(&known.key)) }
    }

    pub(super) fn judge(&self, kid: &KeyId, now: Timestamp) -> Result<(), Reason> {
        match self.known.get(kid) {
            Some(known) if !known.is_gone(now) => Ok(()),
            Some(_) => Err(Reason::KeyGone),
            None if self.revoked.contains_key(kid) => Err(Reason::KeyGone),
            None => Err(Reason::UnknownKey),
        }
    }

    pub(super) fn is_gone(&self, kid: &str, now: Timestamp) -> bool {
        self.revoked.contains_key(kid) || self.known.get(kid).is_some_and(|known| known.is_gone(now))
    }
}

// === impl Known ===

impl Known {
    fn is_gone(&self, now: Timestamp) -> bool {
        self.gone_at.is_some_and(|gone_at| gone_at <= now)
    }
}
