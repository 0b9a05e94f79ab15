//! Whether every sealed key of a database opens under a key-encryption key, without starting anything: for `doctor`.

use sekisho_model::{Store, StoreError};
use sekisho_token::Timestamp;
use sekisho_token::key::KeyId;
use sekisho_token::seal::SealingKey;
use sekisho_wire::{Position, RealmName};

use super::{KeyTrouble, open, refresh_purpose};

/// What was found of a realm.
#[derive(Debug)]
pub struct Examined {
    /// Which.
    pub realm: RealmName,
    /// Where its feed stands.
    pub feed: Position,
    /// Its signing keys that are not gone: when each begins to sign.
    pub keys: Vec<(KeyId, Timestamp)>,
    /// What does not open; none for the key of the realm's refresh tokens.
    pub sealed_shut: Vec<(Option<KeyId>, KeyTrouble)>,
}

/// Opens every key of every realm.
///
/// # Errors
/// [`StoreError`] when the database does not answer.
pub async fn examine(store: &dyn Store, seal: &SealingKey, now: Timestamp) -> Result<Vec<Examined>, StoreError> {
    let mut all = Vec::new();
    for realm in store.realms().await? {
        let mut sealed_shut = Vec::new();
        if let Err(error) = seal.open(&refresh_purpose(&realm.name), &realm.refresh_key_sealed) {
            sealed_shut.push((None, error.into()));
        }
        let (feed, records) = store.keys(&realm.name, now).await?;
        let mut keys = Vec::new();
        for record in &records {
            let jwk = &record.published.jwk;
            let kid = jwk.kid().cloned().unwrap_or_else(|| KeyId::new(jwk.thumbprint()));
            if let Err(trouble) = open(seal, &realm.name, record) {
                sealed_shut.push((Some(kid.clone()), trouble));
            }
            keys.push((kid, record.published.signs_from));
        }
        all.push(Examined { realm: realm.name, feed, keys, sealed_shut });
    }
    Ok(all)
}
