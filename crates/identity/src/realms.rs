//! The realms of this process: each an issuer with its keys, ready to sign.
//!
//! Rows are in the store; what is here is opened from under the seal once, so that a request reads no database to know who
//! signs. Not here: which keys there should be (`keys`).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use sekisho_model::Realm;
use sekisho_token::refresh::RefreshKey;
use sekisho_token::ring::KeyRing;
use sekisho_token::seal::SealingKey;
use sekisho_token::{Secret, SigningKey, Timestamp};
use sekisho_wire::{Issuer, Position, RealmName, Unavailable};

use crate::keys::{self, KeyTrouble};
use crate::look::Look;
use crate::meters::RealmMeter;
use crate::settings::RealmSettings;

/// A realm as the endpoints know it.
pub(crate) struct RealmState {
    pub(crate) name: RealmName,
    pub(crate) issuer: Issuer,
    pub(crate) settings: RealmSettings,
    pub(crate) refresh_key: RefreshKey,
    /// What its pages look like.
    pub(crate) look: Look,
    ring: ArcSwap<KeyRing>,
    pub(crate) meter: RealmMeter,
    /// The realm's position when the ring was read.
    ring_at: ArcSwap<Position>,
}

/// All of them. Reading waits for nobody.
#[derive(Default)]
pub(crate) struct Realms(ArcSwap<BTreeMap<RealmName, Arc<RealmState>>>);

// === impl RealmState ===

impl RealmState {
    /// Opens what is sealed.
    pub(crate) fn open(
        row: &Realm,
        issuer: Issuer,
        settings: RealmSettings,
        seal: &SealingKey,
    ) -> Result<Self, KeyTrouble> {
        let bytes = seal.open(&keys::refresh_purpose(&row.name), &row.refresh_key_sealed)?;
        let bytes: [u8; 32] = bytes.expose().as_slice().try_into().map_err(|_| KeyTrouble::RefreshKey)?;
        Ok(Self {
            refresh_key: RefreshKey::new(row.name.as_str(), &Secret::new(bytes)),
            name: row.name.clone(),
            issuer,
            look: Look::of(&row.name, &settings.theme),
            settings,
            ring: ArcSwap::from_pointee(KeyRing::new()),
            meter: RealmMeter::default(),
            ring_at: ArcSwap::from_pointee(Position::new(0, 0)),
        })
    }

    /// The key that signs at `now`.
    pub(crate) fn signer(&self, now: Timestamp) -> Result<Arc<SigningKey>, Unavailable> {
        self.ring.load().signing_key(now).cloned().ok_or(Unavailable::of("keys"))
    }

    pub(crate) fn ring(&self) -> Arc<KeyRing> {
        self.ring.load_full()
    }

    /// Where the realm stood when [`Self::ring`] was read.
    pub(crate) fn ring_at(&self) -> Position {
        **self.ring_at.load()
    }

    pub(crate) fn set_ring(&self, ring: KeyRing, at: Position) {
        self.ring.store(Arc::new(ring));
        self.ring_at.store(Arc::new(at));
    }
}

impl fmt::Debug for RealmState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RealmState({})", self.name)
    }
}

// === impl Realms ===

impl Realms {
    pub(crate) fn get(&self, name: &str) -> Option<Arc<RealmState>> {
        self.0.load().iter().find(|(known, _)| known.as_str() == name).map(|(_, realm)| Arc::clone(realm))
    }

    pub(crate) fn all(&self) -> Vec<Arc<RealmState>> {
        self.0.load().values().cloned().collect()
    }

    /// A realm that is there already stays: others hold it.
    pub(crate) fn put(&self, realm: &Arc<RealmState>) {
        self.0.rcu(|realms| {
            let mut realms = BTreeMap::clone(realms);
            realms.entry(realm.name.clone()).or_insert_with(|| Arc::clone(realm));
            realms
        });
    }
}

impl fmt::Debug for Realms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.load().keys()).finish()
    }
}
