//! What a running process believes of itself, as `/state` of the operations listener says it and `doctor` reads it.
//!
//! Names, positions and times; no secret is among them, and nothing that a caller chose.

use std::net::SocketAddr;

use sekisho_identity::admin::KeyState;
use serde::{Deserialize, Serialize};

use crate::moment::written;

/// Everything.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beliefs {
    /// Its version.
    pub version: String,
    /// Its process id.
    pub process: u32,
    /// When it started.
    pub started: String,
    /// What its clock shows.
    pub clock: String,
    /// What `/readyz` names.
    pub not_ready: Vec<String>,
    /// The identity provider in it.
    pub identity: Option<IdentityBeliefs>,
    /// The gateway in it.
    pub gateway: Option<GatewayBeliefs>,
}

/// An identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityBeliefs {
    /// Where it listens.
    pub listens: Option<SocketAddr>,
    /// The base of its issuers.
    pub public_url: String,
    /// Its realms.
    pub realms: Vec<IdentityRealm>,
}

/// A realm of an identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityRealm {
    /// Its name.
    pub name: String,
    /// Its issuer.
    pub issuer: String,
    /// Where its feed stands, `EPOCH.REVISION`.
    pub feed: String,
    /// Its keys, in the order of succession.
    pub keys: Vec<Key>,
}

/// A signing key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Key {
    /// Its id.
    pub kid: String,
    /// What it does now.
    pub stage: String,
    /// When it begins to sign.
    pub signs_from: String,
    /// When it is gone; none while it has no end.
    pub gone_at: Option<String>,
}

/// A gateway.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayBeliefs {
    /// Where it listens.
    pub listens: SocketAddr,
    /// How many routes and login mounts it has.
    pub routes: usize,
    /// The realms that they name.
    pub realms: Vec<GatewayRealm>,
}

/// A realm that a gateway follows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GatewayRealm {
    /// Its name.
    pub name: String,
    /// Up to where its feed was applied; none where nobody follows it.
    pub feed: Option<String>,
    /// How old that knowledge is, in milliseconds.
    pub age_ms: Option<u64>,
}

// === impl Key ===

impl From<KeyState> for Key {
    fn from(key: KeyState) -> Self {
        let stage = key.stage.map_or_else(|| "unpublished".to_owned(), |stage| format!("{stage:?}").to_lowercase());
        let (signs_from, gone_at) = (written(key.signs_from), key.gone_at.map(written));
        Self { kid: key.kid.as_str().to_owned(), stage, signs_from, gone_at }
    }
}
