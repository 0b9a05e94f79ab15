//! What identity can do, for programs (OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3).
//!
//! Endpoints come from the list that the router is made from, grants from the list that the token endpoint reads: nothing
//! is advertised that does not answer.

use std::collections::BTreeSet;

use sekisho_model::client::{ClientAuth, GrantType};
use sekisho_token::Timestamp;
use sekisho_token::ring::Stage;
use serde_json::{Value, json};

use super::scope::ABOUT_A_PERSON;
use crate::language::Language;
use crate::realms::RealmState;

/// An endpoint below `{issuer}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Authorize,
    Token,
    Jwks,
    Introspect,
    Revoke,
    Userinfo,
    Logout,
    Challenge,
    Login,
    Account,
    AccountPassword,
    Logo,
    Feed,
    FeedHead,
    FeedSnapshot,
}

// === impl Endpoint ===

impl Endpoint {
    pub(crate) const ALL: [Self; 15] = [
        Self::Authorize,
        Self::Token,
        Self::Jwks,
        Self::Introspect,
        Self::Revoke,
        Self::Userinfo,
        Self::Logout,
        Self::Challenge,
        Self::Login,
        Self::Account,
        Self::AccountPassword,
        Self::Logo,
        Self::Feed,
        Self::FeedHead,
        Self::FeedSnapshot,
    ];

    pub(crate) const fn path(self) -> &'static str {
        match self {
            Self::Authorize => "/oauth2/authorize",
            Self::Token => "/oauth2/token",
            Self::Jwks => "/oauth2/jwks",
            Self::Introspect => "/oauth2/introspect",
            Self::Revoke => "/oauth2/revoke",
            Self::Userinfo => "/oauth2/userinfo",
            Self::Logout => "/oauth2/logout",
            Self::Challenge => "/oauth2/challenge",
            Self::Login => "/login",
            Self::Account => "/account",
            Self::AccountPassword => "/account/password",
            Self::Logo => "/logo",
            Self::Feed => "/feed",
            Self::FeedHead => "/feed/head",
            Self::FeedSnapshot => "/feed/snapshot",
        }
    }

    /// Its name in the metadata, for those that programs find by it.
    const fn metadata(self) -> Option<&'static str> {
        match self {
            Self::Authorize => Some("authorization_endpoint"),
            Self::Token => Some("token_endpoint"),
            Self::Jwks => Some("jwks_uri"),
            Self::Introspect => Some("introspection_endpoint"),
            Self::Revoke => Some("revocation_endpoint"),
            Self::Userinfo => Some("userinfo_endpoint"),
            Self::Logout => Some("end_session_endpoint"),
            Self::Challenge => Some("authorization_challenge_endpoint"),
            Self::Login
            | Self::Account
            | Self::AccountPassword
            | Self::Logo
            | Self::Feed
            | Self::FeedHead
            | Self::FeedSnapshot => None,
        }
    }
}

/// The document of a realm.
pub(crate) fn document(realm: &RealmState, now: Timestamp) -> Value {
    let issuer = realm.issuer.as_str();
    let anybody = ClientAuth::ALL;
    let with_secret = [ClientAuth::ClientSecretBasic, ClientAuth::ClientSecretPost];
    // What signs, and what is about to. OpenID Connect Discovery §3 wants RS256 in the list too; the truth comes first.
    let ring = realm.ring();
    let signing = ring.keys().filter(|(key, _)| {
        ring.stage(key.kid(), now).is_some_and(|stage| matches!(stage, Stage::Coming | Stage::Signing))
    });
    let algorithms: BTreeSet<&str> = signing.map(|(key, _)| key.alg().name()).collect();
    let mut document = json!({
        "issuer": issuer,
        "scopes_supported": ABOUT_A_PERSON,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": GrantType::ALL,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": anybody,
        "introspection_endpoint_auth_methods_supported": with_secret,
        "revocation_endpoint_auth_methods_supported": anybody,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "ui_locales_supported": Language::ALL.map(Language::tag),
        "prompt_values_supported": ["none", "login", "consent"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "sid", "at_hash",
            "preferred_username", "name", "email", "email_verified",
        ],
    });
    if let Some(members) = document.as_object_mut() {
        for endpoint in Endpoint::ALL {
            if let Some(name) = endpoint.metadata() {
                members.insert(name.to_owned(), Value::String(format!("{issuer}{}", endpoint.path())));
            }
        }
    }
    document
}
