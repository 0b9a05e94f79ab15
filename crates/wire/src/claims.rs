//! The claims of our access tokens (RFC 9068 §2.2), and what they carry beyond it so that they can be taken back.

use sekisho_token::Timestamp;
use serde::{Deserialize, Deserializer, Serialize};

use crate::{ClientId, GrantId, Issuer, Position, Scopes, SessionId, Subject, TokenId};

/// `typ` of our access tokens (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYP: &str = "at+jwt";

/// What an access token of our issuer says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AccessClaims {
    /// Who minted it.
    pub iss: Issuer,
    /// For whom it speaks: a user's id, or the client's own id (RFC 9068 §2.2, client credentials).
    pub sub: Subject,
    /// Which services may accept it; never empty.
    #[serde(deserialize_with = "one_or_many")]
    pub aud: Vec<String>,
    /// To whom it was issued.
    pub client_id: ClientId,
    /// From when on it is expired.
    pub exp: Timestamp,
    /// When it was minted.
    pub iat: Timestamp,
    /// Its own id.
    pub jti: TokenId,
    /// What it permits.
    #[serde(default)]
    pub scope: Scopes,
    /// The realm's feed as it stood when the state behind this token was read: a subject, client or key revoked at a
    /// later position hits it.
    pub rev: Position,
    /// The sign-in behind it; absent where no person signed in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    /// The grant behind it; absent for client credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<GrantId>,
    /// When the person last proved who they are (OpenID Connect Core §2).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth_time: Option<Timestamp>,
    /// How they proved it (RFC 8176): `pwd`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<String>,
    /// Who acts for the subject (RFC 8693 §4.1), newest first by nesting.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// A party that acts for somebody else (RFC 8693 §4.1).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Actor {
    /// Who acts.
    pub sub: Subject,
    /// For whom that one acted before, if a chain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Box<Actor>>,
}

/// `aud` is one string or an array of them (RFC 7519 §4.1.3).
fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

#[cfg(test)]
mod tests;
