//! What goes into a statement and comes out of a row: four kinds of values that every database has.
//!
//! Times and flags are integers, ids and sets are text, digests and sealed bytes are bytes, lists and records are JSON
//! text.

use std::net::IpAddr;

use sekisho_model::{StoreError, UserName};
use sekisho_token::key::KeyId;
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::{ClientId, Epoch, GrantId, RealmName, RequestId, Revision, Scopes, SessionId, Subject, UserId};
use serde::Serialize;

/// One bound argument, or one column of a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(String),
    Blob(Vec<u8>),
}

/// The arguments of a statement, in the order of their numbers.
macro_rules! values {
    ($($value:expr),* $(,)?) => { &[$($crate::value::Value::from($value)),*] };
}
pub(crate) use values;

// === impl Value ===

impl Value {
    /// A list or record as JSON text.
    pub(crate) fn json<T: Serialize>(value: &T, table: &'static str) -> Result<Self, StoreError> {
        // Our records have no map with keys that are not text, the one way this fails.
        serde_json::to_string(value).map(Self::Text).map_err(|error| StoreError::Damaged {
            table,
            row: "(new)".to_owned(),
            what: error.to_string(),
        })
    }

    /// How the value looks as the key of a row, in messages.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Int(number) => number.to_string(),
            Self::Text(text) => text.chars().take(64).collect(),
            Self::Blob(bytes) => {
                bytes.iter().take(8).map(|byte| format!("{byte:02x}")).chain(["…".to_owned()]).collect()
            }
        }
    }
}

macro_rules! texts {
    ($($type:ty),* $(,)?) => {$(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Text(value.to_string())
            }
        }
        impl From<&$type> for Value {
            fn from(value: &$type) -> Self {
                Self::Text(value.to_string())
            }
        }
    )*};
}

texts!(RealmName, ClientId, UserId, SessionId, GrantId, RequestId, Subject, Scopes, UserName, IpAddr);

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Self {
        Self::Int(value.into())
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}

impl From<Timestamp> for Value {
    fn from(value: Timestamp) -> Self {
        Self::Int(value.0)
    }
}

impl From<Epoch> for Value {
    fn from(value: Epoch) -> Self {
        Self::Int(capped(value.0))
    }
}

impl From<Revision> for Value {
    fn from(value: Revision) -> Self {
        Self::Int(capped(value.0))
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::Text(value.clone())
    }
}

impl From<&KeyId> for Value {
    fn from(value: &KeyId) -> Self {
        Self::Text(value.as_str().to_owned())
    }
}

impl From<Digest> for Value {
    fn from(value: Digest) -> Self {
        Self::Blob(value.0.to_vec())
    }
}

impl From<Vec<u8>> for Value {
    fn from(value: Vec<u8>) -> Self {
        Self::Blob(value)
    }
}

impl<T: Into<Self>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Databases count to 2⁶³; a position beyond that was never given out, so it compares as the greatest.
fn capped(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
