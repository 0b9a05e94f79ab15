//! The hostile tokens of INV-3, each refused with the reason it deserves.
//!
//! What needs a whole product (an empty bearer, two credentials that disagree, a megabyte) is tested there.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a failing test may panic")]

use std::sync::LazyLock;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::jwk::JwkSet;
use sekisho_token::jwt::{self, Audiences, Expect, Limits, Unverified};
use sekisho_token::refresh::{self, RefreshKey};
use sekisho_token::{Algorithm, KeySet, Secret, SigningKey, SystemEntropy, Timestamp};
use serde_json::{Value, json};

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example/realms/main";

struct House {
    es256: SigningKey,
    rs256: SigningKey,
    keys: KeySet,
}

static HOUSE: LazyLock<House> = LazyLock::new(|| {
    let (es256, rs256) =
        (SigningKey::generate(Algorithm::Es256).unwrap(), SigningKey::generate(Algorithm::Rs256).unwrap());
    let keys = KeySet::from_jwks(&JwkSet::new(vec![es256.public_jwk(), rs256.public_jwk()]));
    House { es256, rs256, keys }
});

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "alice", "aud": "orders", "exp": NOW + 300, "iat": NOW})
}

fn with(member: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[member] = value;
    claims
}

fn input(header: &Value, claims: &Value) -> String {
    [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".")
}

/// A token with a header as it stands, signed by a key.
fn token(header: &Value, claims: &Value, key: &SigningKey) -> String {
    let input = input(header, claims);
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap()))
}

/// A header of ours, with more members or other ones.
fn header(more: &Value) -> Value {
    let mut header = json!({"alg": "ES256", "typ": "at+jwt", "kid": HOUSE.es256.kid()});
    header.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    header
}

fn ours(claims: &Value) -> String {
    token(&header(&json!({})), claims, &HOUSE.es256)
}

fn hs256(secret: &[u8]) -> String {
    let input = input(&header(&json!({"alg": "HS256", "kid": HOUSE.rs256.kid()})), &claims());
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn outcome(text: &str) -> &'static str {
    let expect = Expect::access_token(ISSUER, Audiences::one("orders"));
    let outcome = Unverified::parse(text, &Limits::default())
        .and_then(|unverified| unverified.verify::<Value>(&HOUSE.keys, &expect, Timestamp(NOW)));
    outcome.err().map_or("accepted", |refusal| refusal.code())
}

fn check(table: &[(&str, String, &str)]) {
    assert_eq!(outcome(&ours(&claims())), "accepted", "the good one, without which the table proves nothing");
    for (name, text, code) in table {
        assert_eq!(outcome(text), *code, "{name}");
    }
}

#[test]
fn algorithms_that_are_not_ours() {
    let unsigned = |alg: &str| format!("{}.", input(&header(&json!({"alg": alg})), &claims()));
    let jwk = serde_json::to_value(HOUSE.rs256.public_jwk()).unwrap();
    let n = URL_SAFE_NO_PAD.decode(jwk["n"].as_str().unwrap()).unwrap();
    check(&[
        ("alg none", unsigned("none"), "alg_not_allowed"),
        ("alg None", unsigned("None"), "alg_not_allowed"),
        ("alg nOnE", unsigned("nOnE"), "alg_not_allowed"),
        ("alg empty", unsigned(""), "alg_not_allowed"),
        ("alg missing", format!("{}.", input(&json!({"typ": "at+jwt"}), &claims())), "header_malformed"),
        ("HS256 with the RSA public key as JWK", hs256(jwk.to_string().as_bytes()), "alg_not_allowed"),
        ("HS256 with the RSA modulus", hs256(&n), "alg_not_allowed"),
        ("HS256 with an empty key", hs256(b""), "alg_not_allowed"),
        (
            "ES256K on a P-256 key",
            token(&header(&json!({"alg": "ES256K"})), &claims(), &HOUSE.es256),
            "alg_not_allowed",
        ),
        (
            "PS256 on an RS256 key",
            token(&header(&json!({"alg": "PS256", "kid": HOUSE.rs256.kid()})), &claims(), &HOUSE.rs256),
            "key_alg_mismatch",
        ),
        (
            "ES256 on an RSA key",
            token(&header(&json!({"kid": HOUSE.rs256.kid()})), &claims(), &HOUSE.es256),
            "key_alg_mismatch",
        ),
        ("ES256 with an empty signature", unsigned("ES256"), "signature_invalid"),
    ]);
}

#[test]
fn keys_that_the_token_brings_along() {
    let attacker = SigningKey::generate(Algorithm::Es256).unwrap();
    let jwk = attacker.public_jwk();
    let by = |more: Value| token(&header(&more), &claims(), &attacker);
    check(&[
        ("jwk", by(json!({"jwk": jwk})), "signature_invalid"),
        ("jwk and its kid", by(json!({"jwk": jwk, "kid": attacker.kid()})), "kid_unknown"),
        ("jku", by(json!({"jku": "https://evil.example/jwks"})), "signature_invalid"),
        ("x5u", by(json!({"x5u": "https://evil.example/chain"})), "signature_invalid"),
        ("x5c", by(json!({"x5c": ["MIIB"]})), "signature_invalid"),
        ("unknown kid", by(json!({"kid": "nobody"})), "kid_unknown"),
        ("kid as a path", by(json!({"kid": "../../dev/null"})), "kid_unknown"),
        ("kid as SQL", by(json!({"kid": "' or 1=1 --"})), "kid_unknown"),
        ("kid of 10 KB", by(json!({"kid": "k".repeat(5000)})), "header_too_large"),
        ("kid that is no string", by(json!({"kid": {"a": 1}})), "header_malformed"),
    ]);
}

#[test]
fn headers_that_demand_something() {
    let signed = |more: Value| token(&header(&more), &claims(), &HOUSE.es256);
    check(&[
        ("unknown crit", signed(json!({"crit": ["x"], "x": 1})), "crit_unsupported"),
        ("crit that names exp", signed(json!({"crit": ["exp"]})), "crit_unsupported"),
        ("empty crit", signed(json!({"crit": []})), "crit_unsupported"),
        ("b64 false", signed(json!({"b64": false})), "b64_unsupported"),
        ("an ID token", signed(json!({"typ": "JWT"})), "typ_mismatch"),
        ("a logout token", signed(json!({"typ": "logout+jwt"})), "typ_mismatch"),
        ("typ null", signed(json!({"typ": null})), "header_malformed"),
    ]);
}

#[test]
fn claims_that_do_not_hold() {
    let good = ours(&claims());
    let (head, signature) = good.rsplit_once('.').unwrap();
    let other = input(&header(&json!({})), &with("sub", "admin".into()));
    check(&[
        ("payload changed", format!("{other}.{signature}"), "signature_invalid"),
        (
            "signature of another token",
            format!("{head}.{}", ours(&with("sub", "bob".into())).rsplit_once('.').unwrap().1),
            "signature_invalid",
        ),
        ("exp past", ours(&with("exp", (NOW - 61).into())), "token_expired"),
        ("exp as a string", ours(&with("exp", "9999999999".into())), "claim_invalid"),
        ("nbf in the future", ours(&with("nbf", (NOW + 61).into())), "clock_skew"),
        ("another issuer", ours(&with("iss", "https://evil.example".into())), "iss_mismatch"),
        ("issuer with a slash more", ours(&with("iss", format!("{ISSUER}/").into())), "iss_mismatch"),
        ("another audience", ours(&with("aud", "stock".into())), "aud_mismatch"),
    ]);
}

#[test]
fn what_is_no_jwt_at_all() {
    let realm = RefreshKey::new("main", &Secret::new([7; 32]));
    let opaque = Credential::mint(Kind::OpaqueToken, &SystemEntropy::default());
    check(&[
        ("empty", String::new(), "token_malformed"),
        ("a refresh token", refresh::mint(&realm, 1, 1).expose().clone(), "token_malformed"),
        ("an opaque token", opaque.expose().to_owned(), "token_malformed"),
        ("a JWE", "a.b.c.d.e".to_owned(), "token_malformed"),
        ("9 KB", ours(&with("x", "x".repeat(9 * 1024).into())), "token_too_large"),
        ("padding", format!("{}=", ours(&claims())), "token_malformed"),
        ("white space", format!("{} ", ours(&claims())), "token_malformed"),
        ("JSON serialisation", json!({"payload": "e30", "signatures": []}).to_string(), "token_malformed"),
        (
            "nested JWT",
            token(&header(&json!({"cty": "JWT"})), &json!(ours(&claims())), &HOUSE.es256),
            "claims_malformed",
        ),
    ]);
    assert_eq!(jwt::Limits::default().token_bytes_max, 8192);
}
