//! Entries and snapshots of the feed as signed texts, kept: many readers ask for the same ones.
//!
//! An entry never changes, so its text is kept until it is pushed out; under the name of the key that signed it, because a
//! reader that comes after a rotation may not know the old one. A snapshot is kept while the head stands still and
//! for a short time only, because time alone changes what it holds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use quick_cache::sync::Cache;
use sekisho_token::{KeyId, SigningKey, jws};
use sekisho_wire::feed::{ENTRY_TYP, Entry, Envelope, SNAPSHOT_TYP};
use sekisho_wire::{Feed as _, Monotonic, Position, RealmName, Unavailable};
use serde::Serialize;

use crate::realms::RealmState;
use crate::room::Room;

/// How long a snapshot is given out again.
const SNAPSHOT_KEPT: Duration = Duration::from_secs(5);

/// What was signed.
pub(crate) struct Signed {
    entries: Cache<(RealmName, Position, KeyId), Arc<str>>,
    snapshots: Mutex<HashMap<RealmName, Kept>>,
}

/// One hop's envelope as it travels.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct SignedEnvelope {
    pub(crate) prev: Position,
    pub(crate) signed: Arc<str>,
}

struct Kept {
    head: Position,
    kid: KeyId,
    at: Monotonic,
    text: Arc<str>,
}

// === impl Signed ===

impl Signed {
    pub(crate) fn new(entries_max: usize) -> Self {
        Self { entries: Cache::new(entries_max), snapshots: Mutex::default() }
    }

    fn snapshots(&self) -> MutexGuard<'_, HashMap<RealmName, Kept>> {
        self.snapshots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Signed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signed({} entries)", self.entries.len())
    }
}

/// The envelope with its entry signed.
pub(crate) fn envelope(room: &Room, realm: &RealmState, envelope: &Envelope) -> Result<SignedEnvelope, Unavailable> {
    Ok(SignedEnvelope { prev: envelope.prev, signed: entry(room, realm, &envelope.entry)? })
}

/// The snapshot as of now, signed.
pub(crate) async fn snapshot(room: &Room, realm: &RealmState) -> Result<Arc<str>, Unavailable> {
    let (now, key) = (room.clock.monotonic(), realm.signer(room.now())?);
    let head = room.hub.head(&realm.name).await?.position;
    if let Some(kept) = room.signed.snapshots().get(&realm.name)
        && (kept.head, &kept.kid) == (head, key.kid())
        && now.since(kept.at) < SNAPSHOT_KEPT
    {
        return Ok(Arc::clone(&kept.text));
    }
    let snapshot = room.hub.snapshot(&realm.name).await?;
    let text = sign(&key, &snapshot, SNAPSHOT_TYP)?;
    let kept = Kept { head: snapshot.head.position, kid: key.kid().clone(), at: now, text: Arc::clone(&text) };
    room.signed.snapshots().insert(realm.name.clone(), kept);
    Ok(text)
}

fn entry(room: &Room, realm: &RealmState, entry: &Entry) -> Result<Arc<str>, Unavailable> {
    let key = realm.signer(room.now())?;
    let name = (realm.name.clone(), entry.position, key.kid().clone());
    if let Some(text) = room.signed.entries.get(&name) {
        return Ok(text);
    }
    let text = sign(&key, entry, ENTRY_TYP)?;
    room.signed.entries.insert(name, Arc::clone(&text));
    Ok(text)
}

fn sign(key: &SigningKey, payload: &impl Serialize, typ: &str) -> Result<Arc<str>, Unavailable> {
    let broken = Unavailable::of("feed");
    let payload = serde_json::to_vec(payload).map_err(|_| broken)?;
    jws::sign(&payload, typ, key).map(Arc::from).map_err(|_| broken)
}
