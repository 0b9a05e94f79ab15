//! Signing keys: making them, sealing them, opening them, and when the next one takes over.
//!
//! ```text
//!   published ── lead ──► signs ── lifetime ──► the next one signs ── longest token ──► gone
//! ```
//!
//! A key is in the JWKS and on the feed for a lead time before it signs, so that every verifier knows it when its first
//! signature arrives; the one before stays until the last token it signed has expired. Private keys exist outside the
//! seal in the memory of this process only.

use std::sync::Arc;

use sekisho_model::Act;
use sekisho_model::StoreError;
use sekisho_model::key::{KeyRecord, NewKey};
use sekisho_token::key::{KeyFault, KeyId};
use sekisho_token::ring::{KeyRing, Times};
use sekisho_token::seal::{SealingKey, Unsealable, Unsealed};
use sekisho_token::{Entropy, SigningKey, Timestamp};
use sekisho_wire::change::PublishedKey;
use sekisho_wire::{Position, RealmName};

use crate::realms::RealmState;
use crate::room::Room;
use crate::settings::RealmSettings;

mod examine;

pub use examine::{Examined, examine};

/// How long a retiring key is kept beyond its last token, in seconds: more than the leeway of any verifier.
const RETIRING_GRACE_S: i64 = 120;

/// When a new key begins to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takeover {
    /// After the lead time, when every verifier has it.
    AfterLead,
    /// At once: verifiers that cache a JWKS will ask again. For emergencies.
    AtOnce,
}

/// Keys could not be made or opened.
#[derive(Debug, thiserror::Error)]
pub enum KeyTrouble {
    /// The crypto library made none, or does not read this one.
    #[error(transparent)]
    Fault(#[from] KeyFault),
    /// Sealing failed.
    #[error(transparent)]
    Seal(#[from] Unsealed),
    /// A sealed key does not open: another key-encryption key, or damage.
    #[error("a key of the realm does not open: {0}")]
    Open(#[from] Unsealable),
    /// The realm's refresh key has not 32 bytes.
    #[error("the realm's refresh key is damaged")]
    RefreshKey,
    /// A public key in the database is not usable.
    #[error("a public key is not usable: {0}")]
    Public(#[from] sekisho_token::jwk::Unusable),
    /// The thread that made the key ended badly.
    #[error("no key was made")]
    Lost,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Makes a sealed key; on a thread of its own, because an RSA key takes a good part of a second.
pub(crate) async fn make(
    room: &Room,
    realm: &RealmName,
    settings: &RealmSettings,
    signs_from: Timestamp,
) -> Result<NewKey, KeyTrouble> {
    let (alg, bits) = (settings.signing_algorithm, settings.rsa_bits);
    let made = room.handle.spawn_blocking(move || SigningKey::generate_sized(alg, bits)).await;
    let key = made.map_err(|_| KeyTrouble::Lost)??;
    let sealed = room.seal.seal(&key_purpose(realm, key.kid()), key.to_pkcs8()?.expose(), &*room.entropy)?;
    let published = PublishedKey { jwk: key.public_jwk(), published_at: room.clock.wall(), signs_from, gone_at: None };
    Ok(NewKey { published, sealed })
}

/// Makes the sealed key that a realm's refresh tokens are derived with.
pub(crate) fn make_refresh_key(
    seal: &SealingKey,
    realm: &RealmName,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, KeyTrouble> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    Ok(seal.seal(&refresh_purpose(realm), &bytes, entropy)?)
}

/// Publishes the next key of a realm. Answered when every reader in this process knows it.
pub(crate) async fn rotate(
    room: &Room,
    realm: &RealmState,
    takeover: Takeover,
    act: Act,
) -> Result<KeyId, RotateError> {
    let now = act.now;
    let signs_from = match takeover {
        Takeover::AfterLead => now.plus_s(realm.settings.key_lead_s),
        Takeover::AtOnce => now,
    };
    let key = make(room, &realm.name, &realm.settings, signs_from).await?;
    let kid = key.published.jwk.kid().cloned().ok_or(KeyTrouble::Lost)?;
    let others_gone_at = signs_from.plus_s(realm.settings.access_token_lifetime_s).plus_s(RETIRING_GRACE_S);
    room.store.publish_key(act, key, others_gone_at).await.map_err(KeyTrouble::Store)?;
    reload(room, realm).await?;
    room.hub.settle(&realm.name).await?;
    tracing::info!(realm = %realm.name, %kid, signs_from = signs_from.0, "a signing key was published");
    Ok(kid)
}

/// Takes a key back that somebody else may have: nothing that it signed counts any more, from the answer on. Where it is
/// the one that signs, another signs first. Says whether there was such a key.
pub(crate) async fn revoke(room: &Room, realm: &RealmState, kid: &KeyId, act: Act) -> Result<bool, RotateError> {
    if realm.signer(room.now())?.kid() == kid {
        rotate(room, realm, Takeover::AtOnce, act.clone()).await?;
    }
    let revoked = room.store.revoke_key(act, kid.clone()).await.map_err(KeyTrouble::Store)?;
    reload(room, realm).await?;
    room.hub.settle(&realm.name).await?;
    if revoked.is_some() {
        tracing::warn!(realm = %realm.name, %kid, "a signing key was revoked");
    }
    Ok(revoked.is_some())
}

/// Why there is no next key.
#[derive(Debug, thiserror::Error)]
pub enum RotateError {
    /// It could not be made or kept.
    #[error(transparent)]
    Key(#[from] KeyTrouble),
    /// It is kept, but not every reader knows of it.
    #[error(transparent)]
    Unavailable(#[from] sekisho_wire::Unavailable),
}

/// Reads the realm's keys from the store into its ring.
pub(crate) async fn reload(room: &Room, realm: &RealmState) -> Result<Position, KeyTrouble> {
    let (position, records) = room.store.keys(&realm.name, room.clock.wall()).await?;
    let mut ring = KeyRing::new();
    for record in &records {
        ring.put(Arc::new(open(&room.seal, &realm.name, record)?), times(&record.published))?;
    }
    realm.set_ring(ring, position);
    Ok(position)
}

/// Whether the next key must be published now: the youngest has signed long enough, or none is of the wanted kind.
pub(crate) fn is_due(realm: &RealmState, now: Timestamp) -> bool {
    let ring = realm.ring();
    let youngest = ring.keys().map(|(_, times)| times.signs_from).max();
    let old = youngest.is_none_or(|signs_from| {
        now >= signs_from.plus_s(realm.settings.key_lifetime_s).plus_s(-realm.settings.key_lead_s)
    });
    // Also when the operator wants another algorithm from now on.
    old || ring.keys().all(|(key, _)| key.alg() != realm.settings.signing_algorithm)
}

/// Names the row for the seal, so that a sealed key cannot be moved to another realm.
pub(crate) fn refresh_purpose(realm: &RealmName) -> String {
    format!("realms/{realm}/refresh_key")
}

fn key_purpose(realm: &RealmName, kid: &KeyId) -> String {
    format!("signing_keys/{realm}/{kid}")
}

fn open(seal: &SealingKey, realm: &RealmName, record: &KeyRecord) -> Result<SigningKey, KeyTrouble> {
    let jwk = &record.published.jwk;
    let kid = jwk.kid().cloned().unwrap_or_else(|| KeyId::new(jwk.thumbprint()));
    let pkcs8 = seal.open(&key_purpose(realm, &kid), &record.sealed)?;
    Ok(SigningKey::from_pkcs8(jwk.bound_algorithm(), &pkcs8)?)
}

fn times(published: &PublishedKey) -> Times {
    Times { published_at: published.published_at, signs_from: published.signs_from, gone_at: published.gone_at }
}
