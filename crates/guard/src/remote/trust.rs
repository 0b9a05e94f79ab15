//! Whose signature under an entry or a snapshot is believed.
//!
//! The first keys come from the issuer's JWKS, over TLS; from then on snapshots and entries bring them. A key that the feed
//! revoked is not believed again, even while a JWKS still shows it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sekisho_token::jws::{self, Signed, Typ};
use sekisho_token::jwt::{KeyLookup, Refusal};
use sekisho_token::{Algorithm, KeyId, KeySet, VerifyingKey};
use sekisho_wire::change::PublishedKey;
use sekisho_wire::feed::{Entry, Snapshot};
use sekisho_wire::{Change, Monotonic, Unavailable};

use super::RemoteIdentity;
use crate::jwks::{JwksAddress, KeySource as _};

/// How often the JWKS is fetched at most because of keys that nobody knows.
const COOL_DOWN: Duration = Duration::from_secs(1);

/// Keys of the feed.
#[derive(Debug, Default)]
pub(super) struct Trust {
    believed: Mutex<Believed>,
    /// Held while the JWKS is fetched; when that last began.
    fetching: tokio::sync::Mutex<Option<Monotonic>>,
}

#[derive(Debug, Default)]
struct Believed {
    keys: KeySet,
    revoked: HashSet<KeyId>,
}

// === impl Trust ===

impl Trust {
    /// The payload, if one of the issuer's keys signed it.
    pub(super) async fn open(
        &self,
        identity: &RemoteIdentity,
        signed: &str,
        typ: Typ,
        bytes_max: usize,
    ) -> Result<Signed, Unavailable> {
        let expect = jws::Expect { algorithms: &Algorithm::ALL, typ, bytes_max };
        let mut opened = jws::verify(signed, &self.keys(), &expect);
        if opened.as_ref().is_err_and(|refusal| *refusal == Refusal::Key(KeyLookup::Unknown)) {
            self.fetch(identity).await?;
            opened = jws::verify(signed, &self.keys(), &expect);
        }
        opened.map_err(|refusal| {
            tracing::error!(?identity, %refusal, "the feed is not signed by its issuer");
            Unavailable::of("feed")
        })
    }

    /// A snapshot brings all keys.
    pub(super) fn learn_snapshot(&self, snapshot: &Snapshot) {
        let mut believed = self.believed();
        believed.keys = KeySet::default();
        believed.revoked.clear();
        snapshot.standing.iter().for_each(|standing| believed.learn(&standing.change));
        snapshot.keys.iter().for_each(|key| believed.add(key));
    }

    /// An entry brings what changed.
    pub(super) fn learn_entry(&self, entry: &Entry) {
        let mut believed = self.believed();
        entry.changes.iter().for_each(|change| believed.learn(change));
    }

    async fn fetch(&self, identity: &RemoteIdentity) -> Result<(), Unavailable> {
        let mut last = self.fetching.lock().await;
        let now = identity.clock().monotonic();
        if last.is_some_and(|last| now.since(last) < COOL_DOWN) {
            return Ok(());
        }
        *last = Some(now);
        let source = JwksAddress { url: identity.jwks_uri(), client: identity.http().clone() };
        let jwks = source.fetch().await?;
        let mut believed = self.believed();
        for jwk in jwks.keys() {
            if let Ok(key) = VerifyingKey::from_jwk(jwk) {
                believed.insert(key);
            }
        }
        Ok(())
    }

    fn keys(&self) -> KeySet {
        self.believed().keys.clone()
    }

    fn believed(&self) -> MutexGuard<'_, Believed> {
        self.believed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Believed ===

impl Believed {
    fn learn(&mut self, change: &Change) {
        match change {
            Change::KeyScheduled { key } => self.add(key),
            Change::KeyRevoked { kid } => {
                self.keys.remove(kid);
                self.revoked.insert(kid.clone());
            }
            Change::SessionEnded { .. }
            | Change::GrantRevoked { .. }
            | Change::TokenRevoked { .. }
            | Change::SubjectRevoked { .. }
            | Change::ClientRevoked { .. } => {}
        }
    }

    fn add(&mut self, published: &PublishedKey) {
        match VerifyingKey::from_jwk(&published.jwk) {
            Ok(key) => self.insert(key),
            Err(unusable) => tracing::warn!(%unusable, "the feed published a key that cannot be used"),
        }
    }

    fn insert(&mut self, key: VerifyingKey) {
        if !self.revoked.contains(key.kid()) {
            self.keys.insert(Arc::new(key));
        }
    }
}
