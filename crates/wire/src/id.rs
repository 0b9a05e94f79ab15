//! Names of things, each its own type.
//!
//! What we generate is 128 bits written as a ULID: 26 letters and digits, time-ordered, so that an index grows at one
//! end and clients that forget to form-encode a Basic credential still get it right. What an operator may choose (a
//! client id) or a foreign issuer may send (a subject) is text with a limit.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sekisho_token::{Entropy, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use ulid::Ulid;

/// A text is not an id of the kind that was asked for.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a {kind}: expected {expected}")]
pub struct MalformedId {
    /// Which kind of id was expected.
    pub kind: &'static str,
    /// What an id of that kind looks like.
    pub expected: &'static str,
    /// What was given, cut to 64 characters.
    pub given: String,
}

macro_rules! generated_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u128);

        impl $name {
            /// A fresh id: 48 bits of time, 80 bits of randomness.
            #[must_use]
            pub fn generate(now: Timestamp, entropy: &dyn Entropy) -> Self {
                Self(generate(now, entropy))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                Ulid(self.0).fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                parse(text, $kind).map(Self)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

generated_id!(
    /// A person with a password; the `sub` of the tokens that speak for them.
    UserId, "user id"
);
generated_id!(
    /// One sign-in of one person; the `sid` claim. Not a credential: the cookie's value is another number.
    SessionId, "session id"
);
generated_id!(
    /// What one client was granted for one subject; every token of the family carries it.
    GrantId, "grant id"
);
generated_id!(
    /// One access token; the `jti` claim.
    TokenId, "token id"
);
generated_id!(
    /// One signing key's, policy's or other row's id where nothing better exists; also audit rows.
    RowId, "row id"
);
generated_id!(
    /// One refusal: printed in the answer, in the audit line, and taken by `sekisho explain`.
    RefusalId, "refusal id"
);
generated_id!(
    /// One request on its way through the house (`x-request-id`).
    RequestId, "request id"
);

macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $expected:literal, $valid:path) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0)
            }
        }

        impl FromStr for $name {
            type Err = MalformedId;

            fn from_str(text: &str) -> Result<Self, MalformedId> {
                if $valid(text) { Ok(Self(text.into())) } else { Err(malformed(text, $kind, $expected)) }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

text_id!(
    /// An OAuth client (RFC 6749 §2.2), unique in its realm.
    ///
    /// A client's tokens carry it as `sub`, so it must never look like a user's id (RFC 9700 §4.15): text that reads as
    /// a ULID is refused.
    ClientId, "client id", "1 to 100 letters, digits, `.`, `_` or `-` that do not form a ULID", is_client_id
);
text_id!(
    /// The `sub` of a token: a user of ours, a client of ours, or whatever a foreign issuer calls its people.
    Subject, "subject", "1 to 255 characters without control characters", is_subject
);

// === impl Subject ===

impl From<UserId> for Subject {
    fn from(user: UserId) -> Self {
        Self(user.to_string().into())
    }
}

impl From<&ClientId> for Subject {
    fn from(client: &ClientId) -> Self {
        Self(client.0.clone())
    }
}

impl Subject {
    /// The user this subject names, when it is one of ours.
    #[must_use]
    pub fn user(&self) -> Option<UserId> {
        self.0.parse().ok()
    }
}

fn generate(now: Timestamp, entropy: &dyn Entropy) -> u128 {
    let mut random = [0; 16];
    entropy.fill(&mut random);
    let millis = u64::try_from(now.0).unwrap_or(0).saturating_mul(1000);
    Ulid::from_parts(millis, u128::from_be_bytes(random)).0
}

fn parse(text: &str, kind: &'static str) -> Result<u128, MalformedId> {
    let id = Ulid::from_string(text).map_err(|_| malformed(text, kind, "26 letters and digits (a ULID)"))?;
    // One id, one spelling: lower case, `I` for `1` and overflow are other texts, so they are refused.
    if id.to_string() == text { Ok(id.0) } else { Err(malformed(text, kind, "26 upper-case letters and digits")) }
}

fn malformed(text: &str, kind: &'static str, expected: &'static str) -> MalformedId {
    MalformedId { kind, expected, given: text.chars().take(64).collect() }
}

fn is_client_id(text: &str) -> bool {
    (1..=100).contains(&text.len())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        && Ulid::from_string(text).is_err()
}

fn is_subject(text: &str) -> bool {
    (1..=255).contains(&text.len()) && !text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests;
