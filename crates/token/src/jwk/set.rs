//! The keys that an issuer publishes.
//!
//! Specs: RFC 7517 §5.

use serde::de::{Deserialize, Deserializer, Error as _};
use serde::ser::{Serialize, Serializer};
use serde_json::Value;

use super::{DEPTH_MAX, Jwk, Unusable};
use crate::json;

/// The most entries a set may have, usable or not.
pub const SET_KEYS_MAX: usize = 64;

/// A JWK Set: public keys only.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct JwkSet {
    keys: Vec<Jwk>,
    skipped: Vec<Unusable>,
}

/// Why a text is not a JWK Set. Entries that are merely unusable do not make it so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not a strict JSON object with an array `keys`.
    #[error("malformed key set: {0}")]
    Json(#[from] json::Malformed),
    /// More entries than [`SET_KEYS_MAX`].
    #[error("{found} keys, at most {SET_KEYS_MAX} are read")]
    TooMany {
        /// The number of entries.
        found: usize,
    },
}

#[derive(serde::Deserialize)]
struct RawSet {
    keys: Vec<Value>,
}

#[derive(serde::Serialize)]
struct Shown<'a> {
    keys: &'a [Jwk],
}

// === impl JwkSet ===

impl JwkSet {
    /// A set of keys that are known to be usable.
    #[must_use]
    pub fn new(keys: Vec<Jwk>) -> Self {
        Self { keys, skipped: Vec::new() }
    }

    /// Reads what an issuer published. Bound the number of bytes before: this reads them all.
    ///
    /// # Errors
    /// [`Malformed`] when the text as a whole cannot be read.
    pub fn from_json(text: &[u8]) -> Result<Self, Malformed> {
        // Two levels more than a key: the object and the array around it.
        json::object::<RawSet>(text, DEPTH_MAX + 2)?.try_into()
    }

    /// The keys that can be used, in the order of publication.
    #[must_use]
    pub fn keys(&self) -> &[Jwk] {
        &self.keys
    }

    /// Why the other entries were skipped (RFC 7517 §5), for whoever has to find out.
    #[must_use]
    pub fn skipped(&self) -> &[Unusable] {
        &self.skipped
    }
}

impl TryFrom<RawSet> for JwkSet {
    type Error = Malformed;

    fn try_from(raw: RawSet) -> Result<Self, Malformed> {
        if raw.keys.len() > SET_KEYS_MAX {
            return Err(Malformed::TooMany { found: raw.keys.len() });
        }
        let mut set = Self::default();
        for entry in raw.keys {
            match serde_json::from_value::<super::raw::RawJwk>(entry) {
                Ok(raw) => match raw.try_into() {
                    Ok(jwk) => set.keys.push(jwk),
                    Err(unusable) => set.skipped.push(unusable),
                },
                Err(_) => set.skipped.push(Unusable::Json(json::Malformed::Shape)),
            }
        }
        Ok(set)
    }
}

impl Serialize for JwkSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Shown { keys: &self.keys }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for JwkSet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        RawSet::deserialize(deserializer)?.try_into().map_err(D::Error::custom)
    }
}
