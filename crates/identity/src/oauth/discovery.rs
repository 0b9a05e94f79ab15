//! What identity can do, for programs (OpenID Connect Discovery §3, RFC 8414 §2, RFC 9207 §3).
//!
//! Endpoints come from the same list that the router is made from, so that nothing is advertised that does not answer.

use sekisho_token::Algorithm;
use serde_json::{Value, json};

use crate::realms::RealmState;

/// An endpoint below `{issuer}`: its metadata name, where it has one, and its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Endpoint {
    pub(crate) metadata: Option<&'static str>,
    pub(crate) path: &'static str,
}

macro_rules! endpoints {
    ($($name:ident = $metadata:expr, $path:literal;)*) => {
        $(pub(crate) const $name: Endpoint = Endpoint { metadata: $metadata, path: $path };)*
        /// All of them.
        pub(crate) const ALL: &[Endpoint] = &[$($name),*];
    };
}

endpoints! {
    AUTHORIZE = Some("authorization_endpoint"), "/oauth2/authorize";
    TOKEN = Some("token_endpoint"), "/oauth2/token";
    JWKS = Some("jwks_uri"), "/oauth2/jwks";
    INTROSPECT = Some("introspection_endpoint"), "/oauth2/introspect";
    REVOKE = Some("revocation_endpoint"), "/oauth2/revoke";
    USERINFO = Some("userinfo_endpoint"), "/oauth2/userinfo";
    LOGOUT = Some("end_session_endpoint"), "/oauth2/logout";
    CHALLENGE = Some("authorization_challenge_endpoint"), "/oauth2/challenge";
    LOGIN = None, "/login";
    FEED = None, "/feed";
    FEED_HEAD = None, "/feed/head";
    FEED_SNAPSHOT = None, "/feed/snapshot";
}

/// The document of a realm.
pub(crate) fn document(realm: &RealmState) -> Value {
    let issuer = realm.issuer.as_str();
    let methods = ["client_secret_basic", "client_secret_post"];
    let signs = realm.settings.signing_algorithm;
    // OpenID Connect Discovery §3 wants RS256 in the list only where it is offered to anybody; the truth comes first.
    let algorithms: Vec<Algorithm> = vec![signs];
    let mut document = json!({
        "issuer": issuer,
        "scopes_supported": ["openid", "profile", "email"],
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": [
            "authorization_code",
            "refresh_token",
            "client_credentials",
            "urn:ietf:params:oauth:grant-type:token-exchange",
        ],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": algorithms,
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "introspection_endpoint_auth_methods_supported": methods,
        "revocation_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post", "none"],
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "prompt_values_supported": ["none", "login", "consent"],
        "claims_supported": [
            "sub", "iss", "aud", "exp", "iat", "auth_time", "nonce", "amr", "sid", "at_hash",
            "preferred_username", "name", "email", "email_verified",
        ],
    });
    if let Some(members) = document.as_object_mut() {
        for Endpoint { metadata, path } in ALL {
            if let Some(name) = metadata {
                members.insert((*name).to_owned(), Value::String(format!("{issuer}{path}")));
            }
        }
    }
    document
}
