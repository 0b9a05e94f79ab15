//! Reading rows back: column after column, in the order of the statement, into the types of the model.
//!
//! What cannot be read is [`StoreError::Damaged`] with the table and key of the row, for the operator. It is never a panic
//! and never a default: a damaged scope list must not read as an empty one.

use std::fmt::Display;
use std::net::IpAddr;
use std::str::FromStr;
use std::vec;

use sekisho_model::{StoreError, UserName};
use sekisho_token::key::KeyId;
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::{ClientId, Epoch, GrantId, Position, RealmName, Revision, Scopes, SessionId, UserId};
use serde::de::DeserializeOwned;

use crate::value::Value;

/// A row as the database gave it.
#[derive(Debug)]
pub(crate) struct Row(pub(crate) Vec<Value>);

/// The columns of a row that were not read yet, and whose they are.
#[derive(Debug)]
pub(crate) struct Columns {
    values: vec::IntoIter<Value>,
    table: &'static str,
    key: String,
}

/// A type that one column holds.
pub(crate) trait Column: Sized {
    /// The value as this type, or what is wrong with it.
    fn read(value: Value) -> Result<Self, String>;
}

// === impl Row ===

impl Row {
    /// The columns of a row of `table`. The first of them is the row's key.
    pub(crate) fn of(self, table: &'static str) -> Columns {
        let mut columns = Columns { values: self.0.into_iter(), table, key: String::new() };
        columns.go_on_with(table);
        columns
    }
}

// === impl Columns ===

impl Columns {
    /// From here on the columns are those of another table of a join, its key first.
    pub(crate) fn go_on_with(&mut self, table: &'static str) {
        self.table = table;
        self.key = self.values.as_slice().first().map(Value::shown).unwrap_or_default();
    }

    /// The next column.
    pub(crate) fn take<T: Column>(&mut self) -> Result<T, StoreError> {
        let value = self.values.next().ok_or_else(|| self.damaged("a column is missing"))?;
        T::read(value).map_err(|what| self.damaged(what))
    }

    /// The next column, which is JSON.
    pub(crate) fn json<T: DeserializeOwned>(&mut self) -> Result<T, StoreError> {
        let text: String = self.take()?;
        serde_json::from_str(&text).map_err(|error| self.damaged(error.to_string()))
    }

    /// The next two columns: epoch and revision, which name the row from here on.
    pub(crate) fn position(&mut self) -> Result<Position, StoreError> {
        let position = Position { epoch: self.take()?, revision: self.take()? };
        self.key = position.to_string();
        Ok(position)
    }

    /// This row cannot be read.
    pub(crate) fn damaged(&self, what: impl Into<String>) -> StoreError {
        StoreError::Damaged { table: self.table, row: self.key.clone(), what: what.into() }
    }
}

// === impl Column ===

impl Column for i64 {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Int(number) => Ok(number),
            Value::Null | Value::Text(_) | Value::Blob(_) => Err(expected("an integer", &value)),
        }
    }
}

impl Column for String {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            Value::Null | Value::Int(_) | Value::Blob(_) => Err(expected("a text", &value)),
        }
    }
}

impl Column for Vec<u8> {
    fn read(value: Value) -> Result<Self, String> {
        match value {
            Value::Blob(bytes) => Ok(bytes),
            Value::Null | Value::Int(_) | Value::Text(_) => Err(expected("bytes", &value)),
        }
    }
}

impl<T: Column> Column for Option<T> {
    fn read(value: Value) -> Result<Self, String> {
        if value == Value::Null { Ok(None) } else { T::read(value).map(Some) }
    }
}

impl Column for bool {
    fn read(value: Value) -> Result<Self, String> {
        match i64::read(value)? {
            0 => Ok(false),
            1 => Ok(true),
            other => Err(format!("expected 0 or 1, found {other}")),
        }
    }
}

impl Column for u32 {
    fn read(value: Value) -> Result<Self, String> {
        Self::try_from(i64::read(value)?).map_err(|error| error.to_string())
    }
}

impl Column for Timestamp {
    fn read(value: Value) -> Result<Self, String> {
        i64::read(value).map(Self)
    }
}

impl Column for Epoch {
    fn read(value: Value) -> Result<Self, String> {
        u64::try_from(i64::read(value)?).map(Self).map_err(|error| error.to_string())
    }
}

impl Column for Revision {
    fn read(value: Value) -> Result<Self, String> {
        u64::try_from(i64::read(value)?).map(Self).map_err(|error| error.to_string())
    }
}

impl Column for Digest {
    fn read(value: Value) -> Result<Self, String> {
        let bytes = Vec::read(value)?;
        <[u8; 32]>::try_from(bytes).map(Self).map_err(|bytes| format!("expected 32 bytes, found {}", bytes.len()))
    }
}

impl Column for KeyId {
    fn read(value: Value) -> Result<Self, String> {
        String::read(value).map(Self::new)
    }
}

macro_rules! parsed {
    ($($type:ty),* $(,)?) => {$(
        impl Column for $type {
            fn read(value: Value) -> Result<Self, String> {
                parse(value)
            }
        }
    )*};
}

parsed!(RealmName, ClientId, UserId, SessionId, GrantId, Scopes, UserName, IpAddr);

fn parse<T: FromStr<Err: Display>>(value: Value) -> Result<T, String> {
    String::read(value)?.parse().map_err(|error: T::Err| error.to_string())
}

fn expected(kind: &str, found: &Value) -> String {
    let found = match found {
        Value::Null => "null",
        Value::Int(_) => "an integer",
        Value::Text(_) => "a text",
        Value::Blob(_) => "bytes",
    };
    format!("expected {kind}, found {found}")
}

#[cfg(test)]
mod tests;
