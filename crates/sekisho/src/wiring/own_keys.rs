//! The keys of a realm of this process, for routes that follow no feed: what its JWKS says, without asking by HTTP.

use std::sync::Arc;

use sekisho_guard::jwks::KeySource;
use sekisho_token::jwk::JwkSet;
use sekisho_wire::{BoxFuture, Feed, RealmName, Unavailable};

/// A realm's keys, taken from a snapshot of its feed.
#[derive(Debug)]
struct OwnKeys {
    feed: Arc<dyn Feed>,
    realm: RealmName,
}

/// The keys of `realm`.
pub(super) fn of(feed: Arc<dyn Feed>, realm: RealmName) -> Arc<dyn KeySource> {
    Arc::new(OwnKeys { feed, realm })
}

// === impl OwnKeys ===

impl KeySource for OwnKeys {
    fn fetch(&self) -> BoxFuture<'_, Result<JwkSet, Unavailable>> {
        Box::pin(async move {
            let snapshot = self.feed.snapshot(&self.realm).await?;
            Ok(JwkSet::new(snapshot.keys.into_iter().map(|key| key.jwk).collect()))
        })
    }
}
