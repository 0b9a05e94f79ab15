//! Signing keys as they are kept: the public part with its times, the private part sealed.

use sekisho_token::Timestamp;
use sekisho_token::key::KeyId;
use sekisho_wire::change::PublishedKey;
use sekisho_wire::{BoxFuture, Position, RealmName};

use crate::{Act, StoreError};

/// A signing key.
#[derive(Clone, Debug, PartialEq)]
pub struct KeyRecord {
    /// The public part and its times.
    pub published: PublishedKey,
    /// The private part as PKCS #8, sealed.
    pub sealed: Vec<u8>,
}

/// A signing key to be kept.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// The public part and its times.
    pub published: PublishedKey,
    /// The private part as PKCS #8, sealed.
    pub sealed: Vec<u8>,
}

/// Keeps keys.
pub trait Keys: Send + Sync {
    /// Every key that is not gone at `now`, oldest first, with the realm's position, read before them.
    fn keys<'a>(
        &'a self,
        realm: &'a RealmName,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<(Position, Vec<KeyRecord>), StoreError>>;

    /// Publishes a key and gives every key that had no end one at `others_gone_at`, in one entry of the feed.
    fn publish_key(
        &self,
        act: Act,
        key: NewKey,
        others_gone_at: Timestamp,
    ) -> BoxFuture<'_, Result<Position, StoreError>>;

    /// Takes a key back at once. `None` when there is no such key.
    fn revoke_key(&self, act: Act, kid: KeyId) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;
}
