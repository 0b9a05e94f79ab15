//! Realms: each its own issuer, keys, users, clients, feed and revision.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// A realm's short name, as it stands in paths and cookie names.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RealmName(Arc<str>);

/// The `iss` of a realm: `{base}/realms/{name}`, compared byte for byte (RFC 8414 §2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Issuer(Arc<str>);

/// A text cannot name a realm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a realm name: expected 1 to 32 lower-case letters, digits or `-`, starting with a letter")]
pub struct MalformedRealm(pub String);

// === impl RealmName ===

impl RealmName {
    /// The realm of the administrators.
    pub const SYSTEM: &'static str = "sekisho";
    /// The realm that exists when none is configured.
    pub const DEFAULT: &'static str = "main";

    /// The name itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// This realm's issuer under the public base address of the identity provider (no trailing slash).
    #[must_use]
    pub fn issuer(&self, base: &str) -> Issuer {
        Issuer(format!("{}/realms/{}", base.trim_end_matches('/'), self.0).into())
    }
}

impl FromStr for RealmName {
    type Err = MalformedRealm;

    fn from_str(text: &str) -> Result<Self, MalformedRealm> {
        let letters = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
        if letters && first && text.len() <= 32 {
            Ok(Self(text.into()))
        } else {
            Err(MalformedRealm(text.chars().take(64).collect()))
        }
    }
}

impl fmt::Display for RealmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for RealmName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RealmName({})", self.0)
    }
}

impl<'de> Deserialize<'de> for RealmName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === impl Issuer ===

impl Issuer {
    /// An issuer as configured, ours or a foreign one.
    #[must_use]
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The identifier itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issuer({})", self.0)
    }
}

#[cfg(test)]
mod tests;
