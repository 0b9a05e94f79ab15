//! The registered claims, each read strictly.
//!
//! Specs: RFC 7519 §2 (NumericDate), §4.1.

use serde::Deserialize;
use serde::de::Deserializer;
use serde_json::Value;

use crate::json::Malformed;
use crate::refusal::{Claim, Refusal};
use crate::time::Timestamp;

/// The last second of the year 9999. Whatever claims a later time is broken or is probing for an overflow.
const TIME_MAX: Timestamp = Timestamp(253_402_300_799);

/// The registered claims of a token (RFC 7519 §4.1). Fractions of seconds are dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registered {
    /// Who issued it.
    pub iss: String,
    /// Whom it is about.
    pub sub: Option<String>,
    /// Whom it is for; a single string is a list of one.
    pub aud: Vec<String>,
    /// When it ends: this second is the first at which it is no longer good.
    pub exp: Timestamp,
    /// When it begins.
    pub nbf: Option<Timestamp>,
    /// When it was issued.
    pub iat: Option<Timestamp>,
    /// Its identifier.
    pub jti: Option<String>,
}

/// As they stand in JSON. `Some(Null)` is a claim that is there and wrong, `None` one that is not there.
#[derive(Deserialize)]
struct Raw {
    #[serde(default, deserialize_with = "there")]
    iss: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    sub: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    aud: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    exp: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    nbf: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    iat: Option<Value>,
    #[serde(default, deserialize_with = "there")]
    jti: Option<Value>,
}

// === impl Registered ===

impl Registered {
    /// Reads them from a payload whose form has been checked. `iss`, `aud` and `exp` must be there: a token that could be
    /// from anybody, for anybody, or for ever is none of ours.
    pub(super) fn read(payload: &[u8]) -> Result<Self, Refusal> {
        let raw: Raw = serde_json::from_slice(payload).map_err(|_| Refusal::ClaimsMalformed(Malformed::Shape))?;
        let Raw { iss, sub, aud, exp, nbf, iat, jti } = raw;
        Ok(Self {
            iss: read(Claim::Iss, iss, text)?.ok_or(Refusal::ClaimMissing(Claim::Iss))?,
            sub: read(Claim::Sub, sub, text)?,
            aud: read(Claim::Aud, aud, texts)?.ok_or(Refusal::ClaimMissing(Claim::Aud))?,
            exp: read(Claim::Exp, exp, time)?.ok_or(Refusal::ClaimMissing(Claim::Exp))?,
            nbf: read(Claim::Nbf, nbf, time)?,
            iat: read(Claim::Iat, iat, time)?,
            jti: read(Claim::Jti, jti, text)?,
        })
    }
}

fn read<T>(claim: Claim, value: Option<Value>, reader: fn(Value) -> Option<T>) -> Result<Option<T>, Refusal> {
    value.map(|value| reader(value).ok_or(Refusal::ClaimInvalid(claim))).transpose()
}

fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

/// RFC 7519 §4.1.3: a string, or an array of strings.
fn texts(value: Value) -> Option<Vec<String>> {
    if let Value::Array(values) = value {
        return values.into_iter().map(text).collect();
    }
    text(value).map(|text| vec![text])
}

/// RFC 7519 §2: a number of seconds, fractions allowed.
fn time(value: Value) -> Option<Timestamp> {
    let Value::Number(number) = value else { return None };
    let seconds = match number.as_i64() {
        Some(whole) => whole,
        // `as` saturates, and the range is checked right below.
        None => number.as_f64()?.floor() as i64,
    };
    (0..=TIME_MAX.0).contains(&seconds).then_some(Timestamp(seconds))
}

fn there<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}
