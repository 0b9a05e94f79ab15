//! Scopes (RFC 6749 §3.3): sets of tokens, sorted, without duplicates, written with single spaces.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// One scope token: printable ASCII without space, `"` and `\`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Scope(Arc<str>);

/// A set of scopes. Iterates in ascending order; `Display` is the wire form.
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Scopes(Arc<[Scope]>);

/// A text is not a scope token, or there are more than [`Scopes::COUNT_MAX`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MalformedScope {
    /// The token has a character outside RFC 6749's set, or is empty or longer than 128 bytes.
    #[error("`{0}` is not a scope: expected 1 to 128 printable ASCII characters without space, `\"` and `\\`")]
    Token(String),
    /// Too many tokens in one set.
    #[error("{0} scopes are more than {max}", max = Scopes::COUNT_MAX)]
    TooMany(usize),
}

// === impl Scope ===

impl Scope {
    /// The token itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Scope {
    type Err = MalformedScope;

    fn from_str(text: &str) -> Result<Self, MalformedScope> {
        let valid = text.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if valid && (1..=128).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(MalformedScope::Token(text.chars().take(64).collect()))
        }
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scope({})", self.0)
    }
}

impl<'de> Deserialize<'de> for Scope {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

// === impl Scopes ===

impl Scopes {
    /// The most scopes one set may hold.
    pub const COUNT_MAX: usize = 1000;

    /// Whether `scope` is in the set.
    #[must_use]
    pub fn contains(&self, scope: &Scope) -> bool {
        self.0.binary_search(scope).is_ok()
    }

    /// Whether a token of this text is in the set.
    #[must_use]
    pub fn has(&self, text: &str) -> bool {
        self.0.binary_search_by(|scope| scope.as_str().cmp(text)).is_ok()
    }

    /// Whether every scope of this set is in `other`.
    #[must_use]
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.iter().all(|scope| other.contains(scope))
    }

    /// What both sets hold: a user's scopes and a client's, say.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        self.iter().filter(|scope| other.contains(scope)).cloned().collect()
    }

    /// Ascending.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Scope> {
        self.0.iter()
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl FromIterator<Scope> for Scopes {
    fn from_iter<I: IntoIterator<Item = Scope>>(scopes: I) -> Self {
        let mut scopes: Vec<Scope> = scopes.into_iter().collect();
        scopes.sort_unstable();
        scopes.dedup();
        Self(scopes.into())
    }
}

impl FromStr for Scopes {
    type Err = MalformedScope;

    /// Any run of spaces separates; an empty text is the empty set.
    fn from_str(text: &str) -> Result<Self, MalformedScope> {
        let count = text.split(' ').filter(|token| !token.is_empty()).count();
        if count > Self::COUNT_MAX {
            return Err(MalformedScope::TooMany(count));
        }
        text.split(' ').filter(|token| !token.is_empty()).map(str::parse).collect()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, scope) in self.iter().enumerate() {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(scope.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scopes({self})")
    }
}

impl Serialize for Scopes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Scopes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
