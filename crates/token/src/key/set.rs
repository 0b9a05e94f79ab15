//! Finding the key that a header names.

use std::collections::HashMap;
use std::sync::Arc;

use super::{KeyId, VerifyingKey};
use crate::jwk::JwkSet;

/// Where verification finds its keys.
pub trait Keys {
    /// The key that a header's `kid` names. Without a `kid` there must be no choice.
    ///
    /// # Errors
    /// [`KeyLookup`]; [`KeyLookup::Unavailable`] must be told apart from the others, since it is nobody's forgery.
    fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup>;
}

/// Why no key was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyLookup {
    /// No key has this `kid`. The caller may fetch the issuer's keys anew, at a bounded rate, and ask again.
    #[error("no key of this `kid`")]
    Unknown,
    /// There is no `kid` and several keys, or several keys share the `kid`.
    #[error("more than one key could be meant")]
    Ambiguous,
    /// The keys could not be obtained at all: a dependency is down, and the token may well be good.
    #[error("the keys are not available")]
    Unavailable,
}

/// Public keys by their `kid`, parsed.
#[derive(Clone, Debug, Default)]
pub struct KeySet {
    by_kid: HashMap<KeyId, Slot>,
}

#[derive(Clone, Debug)]
enum Slot {
    One(Arc<VerifyingKey>),
    /// Two different keys under one name: neither may be taken (whoever can add a key could shadow another).
    Several,
}

// === impl KeySet ===

impl KeySet {
    /// Parses the keys of a set. What cannot verify is left out (RFC 7517 §5); two keys of one `kid` leave none of them.
    #[must_use]
    pub fn from_jwks(set: &JwkSet) -> Self {
        let mut keys = Self::default();
        for key in set.keys().iter().filter_map(|jwk| VerifyingKey::from_jwk(jwk).ok()) {
            let kid = key.kid().clone();
            keys.by_kid.entry(kid).and_modify(|slot| *slot = Slot::Several).or_insert(Slot::One(Arc::new(key)));
        }
        keys
    }

    /// Adds a key, or replaces the one of its `kid`: for keys that arrive one by one from a source that is trusted.
    pub fn insert(&mut self, key: Arc<VerifyingKey>) {
        self.by_kid.insert(key.kid().clone(), Slot::One(key));
    }

    /// Removes a key; says whether there was one.
    pub fn remove(&mut self, kid: &KeyId) -> bool {
        self.by_kid.remove(kid).is_some()
    }

    /// How many names there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.by_kid.len()
    }

    /// Whether there is no key at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.by_kid.is_empty()
    }
}

impl Keys for KeySet {
    fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup> {
        let slot = match kid {
            Some(kid) => self.by_kid.get(kid).ok_or(KeyLookup::Unknown)?,
            None if self.by_kid.len() > 1 => return Err(KeyLookup::Ambiguous),
            None => self.by_kid.values().next().ok_or(KeyLookup::Unknown)?,
        };
        match slot {
            Slot::One(key) => Ok(Arc::clone(key)),
            Slot::Several => Err(KeyLookup::Ambiguous),
        }
    }
}

// === impl VerifyingKey ===

impl Keys for Arc<VerifyingKey> {
    fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup> {
        match kid {
            Some(kid) if kid != self.kid().as_str() => Err(KeyLookup::Unknown),
            _ => Ok(Self::clone(self)),
        }
    }
}

impl<K: Keys + ?Sized> Keys for &K {
    fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup> {
        (**self).key(kid)
    }
}
