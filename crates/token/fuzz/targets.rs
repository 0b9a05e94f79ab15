//! What fuzzing asks of every parser here that meets the network: plain functions over bytes.
//!
//! They are included by path, by the cargo-fuzz targets beside this file and by `tests/fuzz_seeds.rs`, so that nothing of
//! them is part of the crate. Each of them must return for any bytes, and asserts what must hold of what was accepted.

use std::sync::{Arc, LazyLock};

use sekisho_token::credential::{self, Credential, Kind};
use sekisho_token::jwk::{Jwk, JwkSet};
use sekisho_token::jws::{self, Typ};
use sekisho_token::jwt::{Audiences, Expect, Limits, Unverified};
use sekisho_token::refresh::{self, RefreshKey};
use sekisho_token::seal::SealingKey;
use sekisho_token::{Algorithm, KeySet, Secret, Timestamp, VerifyingKey, json, pkce};

/// A function that must return, and hold what it asserts, for any bytes.
pub(crate) type Target = fn(&[u8]);

/// Every target with its name, which is also that of its folder of seeds.
pub(crate) const TARGETS: [(&str, Target); 9] = [
    ("jwt", jwt),
    ("jws", jws),
    ("json", json),
    ("jwk", jwk),
    ("jwks", jwks),
    ("credential", credential),
    ("refresh", refresh),
    ("seal", seal),
    ("pkce", pkce),
];

/// The key of RFC 8037 §A.2, whose private half everybody knows: what it signs can be a seed.
const KEY: &[u8] = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

static KEYS: LazyLock<Arc<VerifyingKey>> =
    LazyLock::new(|| Arc::new(VerifyingKey::from_jwk(&Jwk::from_json(KEY).unwrap()).unwrap()));

/// A token is refused, or everything that was expected of it is true.
pub(crate) fn jwt(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expect = Expect::foreign_access_token("https://id.example", Audiences::one("orders"));
    let now = Timestamp(1_800_000_000);
    let outcome = Unverified::parse(text, &Limits::default())
        .and_then(|unverified| unverified.verify::<serde_json::Value>(&*KEYS, &expect, now));
    match outcome {
        Ok(verified) => {
            assert!(text.len() <= Limits::default().token_bytes_max);
            assert_eq!(verified.claims()["iss"], "https://id.example");
            assert!(verified.registered().aud.iter().any(|aud| aud == "orders"));
            assert!(verified.registered().exp.plus_s(60) > now);
        }
        Err(refusal) => assert!(!refusal.code().is_empty() && !refusal.to_string().is_empty()),
    }
}

/// A signed text is refused, or its parts are exactly those that it shows.
pub(crate) fn jws(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expect = jws::Expect { algorithms: &Algorithm::ALL, typ: Typ::OneOfOrAbsent(&[]), bytes_max: 1 << 16 };
    if let Ok(signed) = jws::verify(text, &*KEYS, &expect) {
        assert_eq!(text.split('.').count(), 3);
        assert_eq!(signed.kid(), KEYS.kid());
    }
}

/// What strict reading accepts, ordinary reading accepts too, and reads nothing away.
pub(crate) fn json(data: &[u8]) {
    if json::check(data, 16).is_ok() {
        let value: serde_json::Value = serde_json::from_slice(data).unwrap();
        let again = serde_json::to_vec(&value).unwrap();
        assert!(value.is_object());
        assert_eq!(json::check(&again, 16), Ok(()));
    }
}

/// A key that was read is written without loss and without anything private.
pub(crate) fn jwk(data: &[u8]) {
    let Ok(jwk) = Jwk::from_json(data) else { return };
    let written = serde_json::to_vec(&jwk).unwrap();
    assert_eq!(Jwk::from_json(&written).as_ref(), Ok(&jwk));
    assert_eq!(jwk.thumbprint().len(), 43);
    if let Ok(key) = VerifyingKey::from_jwk(&jwk) {
        assert_eq!(key.alg(), jwk.bound_algorithm());
        assert!(key.verify(b"message", &[0; 64]).is_err());
    }
}

/// A set that was read is written without loss, and has no key twice.
pub(crate) fn jwks(data: &[u8]) {
    let Ok(set) = JwkSet::from_json(data) else { return };
    let written = serde_json::to_vec(&set).unwrap();
    assert_eq!(JwkSet::from_json(&written).unwrap().keys(), set.keys());
    assert!(KeySet::from_jwks(&set).len() <= set.keys().len());
}

/// A credential that was read is the text itself.
pub(crate) fn credential(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let kind = credential::kind_of(text);
    for wanted in Kind::ALL {
        if let Ok(parsed) = Credential::parse(wanted, text) {
            assert_eq!(Some(wanted), kind);
            assert_eq!(parsed.expose(), text);
        }
    }
}

/// A refresh token that opens is the one that would be made.
pub(crate) fn refresh(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let key = RefreshKey::new("main", &Secret::new([7; 32]));
    if let Ok(token) = refresh::open(&key, text) {
        assert_eq!(refresh::mint(&key, token.grant, token.generation).expose(), text);
    }
}

/// Sealed bytes that were not sealed here do not open for another purpose.
pub(crate) fn seal(data: &[u8]) {
    let key = SealingKey::from_bytes([7; 32]);
    if key.open("fuzz", data).is_ok() {
        assert!(key.open("other", data).is_err());
    }
}

/// A verifier matches its own challenge exactly when it is of the right form.
pub(crate) fn pkce(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let challenge = pkce::challenge_of(text);
    assert!(pkce::is_challenge(&challenge));
    assert_eq!(pkce::matches(&challenge, text), pkce::is_verifier(text));
    assert!(!pkce::matches(text, text));
}
