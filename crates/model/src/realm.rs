//! Realms as they are kept.

use sekisho_token::Timestamp;
use sekisho_wire::{BoxFuture, Position, RealmName};

use crate::key::NewKey;
use crate::{Act, StoreError};

/// A realm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Realm {
    /// Its name, unique in the database.
    pub name: RealmName,
    /// When it was made.
    pub created_at: Timestamp,
    /// The key under which its refresh tokens are authenticated, sealed.
    pub refresh_key_sealed: Vec<u8>,
}

/// A realm to be made, with the first key that will sign in it.
#[derive(Clone, Debug)]
pub struct NewRealm {
    /// The key under which its refresh tokens will be authenticated, sealed.
    pub refresh_key_sealed: Vec<u8>,
    /// Published and signing from the first moment.
    pub key: NewKey,
}

/// Why a realm was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateRealmError {
    /// There is one of this name.
    #[error("realm `{0}` exists already")]
    Exists(RealmName),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps realms.
pub trait Realms: Send + Sync {
    /// Makes the realm `act.realm` with its first key and the first entry of its feed, in a fresh epoch.
    fn create_realm(&self, act: Act, realm: NewRealm) -> BoxFuture<'_, Result<Position, CreateRealmError>>;

    /// The realm of this name.
    fn realm<'a>(&'a self, name: &'a RealmName) -> BoxFuture<'a, Result<Option<Realm>, StoreError>>;

    /// All realms by name.
    fn realms(&self) -> BoxFuture<'_, Result<Vec<Realm>, StoreError>>;
}
