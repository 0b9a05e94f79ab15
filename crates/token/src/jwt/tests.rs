//! The order of checks, and what each of them refuses.

use std::sync::{Arc, LazyLock};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::*;
use crate::alg::Algorithm;
use crate::key::VerifyingKey;

const NOW: i64 = 1_800_000_000;
const ISSUER: &str = "https://id.example/realms/main";

static KEY: LazyLock<SigningKey> = LazyLock::new(|| SigningKey::generate(Algorithm::Es256).unwrap());
static PUBLIC: LazyLock<Arc<VerifyingKey>> =
    LazyLock::new(|| Arc::new(VerifyingKey::from_jwk(&KEY.public_jwk()).unwrap()));

fn claims() -> Value {
    json!({"iss": ISSUER, "sub": "alice", "aud": ["orders", "stock"], "exp": NOW + 300, "iat": NOW, "jti": "1", "scope": "orders:read"})
}

fn with(member: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[member] = value;
    claims
}

fn without(member: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(member);
    claims
}

fn expect() -> Expect {
    Expect::access_token(ISSUER, Audiences::one("orders"))
}

fn verify(text: &str, expect: &Expect) -> Result<Verified<Value>, Refusal> {
    Unverified::parse(text, &Limits::default())?.verify(&*PUBLIC, expect, Timestamp(NOW))
}

fn outcome(claims: &Value, expect: &Expect) -> Result<(), Refusal> {
    verify(&sign(claims, TYP_ACCESS_TOKEN, &KEY).unwrap(), expect).map(|_| ())
}

#[track_caller]
fn refused(claims: &Value, expected: Refusal) {
    assert_eq!(outcome(claims, &expect()), Err(expected), "{claims}");
}

/// A payload as it stands, well signed.
fn signed(payload: &str) -> String {
    jws::sign(payload.as_bytes(), TYP_ACCESS_TOKEN, &KEY).unwrap()
}

#[test]
fn a_good_token_gives_its_claims() {
    let verified = verify(&sign(&claims(), TYP_ACCESS_TOKEN, &KEY).unwrap(), &expect()).unwrap();
    assert_eq!(verified.claims()["scope"], "orders:read");
    assert_eq!(verified.kid(), KEY.kid());
    let registered = verified.registered();
    assert_eq!((registered.iss.as_str(), registered.sub.as_deref()), (ISSUER, Some("alice")));
    assert_eq!(registered.aud, ["orders", "stock"]);
    assert_eq!((registered.exp, registered.iat, registered.nbf), (Timestamp(NOW + 300), Some(Timestamp(NOW)), None));
    assert_eq!(registered.jti.as_deref(), Some("1"));
    assert_eq!(verified.into_claims()["sub"], "alice");
}

#[test]
fn the_issuer_is_compared_byte_for_byte() {
    for iss in ["", "https://evil.example", &format!("{ISSUER}/"), &ISSUER.to_uppercase(), &format!("{ISSUER}\0")] {
        refused(&with("iss", iss.into()), Refusal::IssuerMismatch);
    }
    refused(&without("iss"), Refusal::ClaimMissing(Claim::Iss));
    for iss in [Value::Null, json!(7), json!([ISSUER]), json!({"a": ISSUER})] {
        refused(&with("iss", iss), Refusal::ClaimInvalid(Claim::Iss));
    }
}

#[test]
fn the_audience_is_one_of_ours() {
    for aud in [json!("orders"), json!(["orders"]), json!(["x", "orders"])] {
        assert_eq!(outcome(&with("aud", aud), &expect()), Ok(()));
    }
    for aud in [json!("stock"), json!([]), json!(""), json!(["Orders"]), json!("orders stock")] {
        refused(&with("aud", aud), Refusal::AudienceMismatch);
    }
    for aud in [Value::Null, json!(7), json!([7, "orders"]), json!([["orders"]]), json!({"orders": 1})] {
        refused(&with("aud", aud), Refusal::ClaimInvalid(Claim::Aud));
    }
    refused(&without("aud"), Refusal::ClaimMissing(Claim::Aud));
    let either = Expect::access_token(ISSUER, Audiences::any_of(["billing", "stock"]).unwrap());
    assert_eq!(outcome(&claims(), &either), Ok(()));
    let own = Expect::access_token(ISSUER, Audiences::unchecked());
    assert_eq!(outcome(&with("aud", json!("whoever")), &own), Ok(()));
    assert_eq!(Audiences::any_of(Vec::<String>::new()), None);
}

#[test]
fn expiry_counts_from_exp_itself_with_the_leeway_on_top() {
    let at = |exp: i64| outcome(&with("exp", exp.into()), &expect());
    assert_eq!(at(NOW - 59), Ok(()));
    assert_eq!(at(NOW - 60), Err(Refusal::Expired { ago_s: 60 }));
    assert_eq!(at(0), Err(Refusal::Expired { ago_s: NOW }));
    let exact = expect().leeway_s(0);
    assert_eq!(outcome(&with("exp", (NOW + 1).into()), &exact), Ok(()));
    assert_eq!(outcome(&with("exp", NOW.into()), &exact), Err(Refusal::Expired { ago_s: 0 }));
}

#[test]
fn times_are_numbers_within_reason() {
    for good in [json!(NOW + 1), json!(1_800_000_000.75_f64), json!(1.8e9), json!(253_402_300_799_i64)] {
        assert_eq!(outcome(&with("exp", good.clone()), &expect()), Ok(()), "{good}");
    }
    for bad in [
        json!("1800000300"),
        Value::Null,
        json!(-1),
        json!(-0.5),
        json!(1e300),
        json!(u64::MAX),
        json!(253_402_300_800_i64),
        json!([NOW]),
        json!(true),
    ] {
        for (name, claim) in [("exp", Claim::Exp), ("nbf", Claim::Nbf), ("iat", Claim::Iat)] {
            refused(&with(name, bad.clone()), Refusal::ClaimInvalid(claim));
        }
    }
    refused(&without("exp"), Refusal::ClaimMissing(Claim::Exp));
    assert_eq!(outcome(&without("iat"), &expect()), Ok(()));
}

#[test]
fn x_4_a_clock_that_is_ahead_is_told_by_how_much() {
    for (name, claim) in [("nbf", Claim::Nbf), ("iat", Claim::Iat)] {
        let at = |ahead_s: i64| outcome(&with(name, (NOW + ahead_s).into()), &expect());
        assert_eq!((at(-1000), at(0), at(60)), (Ok(()), Ok(()), Ok(())));
        let refusal = at(61).unwrap_err();
        assert_eq!(refusal, Refusal::ClockSkew { claim, ahead_s: 61 });
        assert_eq!(refusal.code(), "clock_skew");
        assert_eq!(refusal.to_string(), format!("`{name}` is 61 s in the future"));
    }
}

#[test]
fn a_token_may_be_refused_for_living_too_long() {
    let short = expect().lifetime_s_max(300);
    assert_eq!(outcome(&claims(), &short), Ok(()));
    let refusal = Refusal::LifetimeTooLong { lifetime_s: 301, lifetime_s_max: 300 };
    assert_eq!(outcome(&with("exp", (NOW + 301).into()), &short), Err(refusal));
    assert_eq!(outcome(&without("iat"), &short), Err(Refusal::ClaimMissing(Claim::Iat)));
}

#[test]
fn only_a_hint_may_be_expired() {
    let hint = Expect::id_token(ISSUER, Audiences::unchecked()).expiry(Expiry::Ignored);
    let token = |claims: &Value| sign(claims, TYP_ID_TOKEN, &KEY).unwrap();
    assert!(verify(&token(&with("exp", 5.into())), &hint).is_ok());
    assert_eq!(verify(&token(&without("exp")), &hint).unwrap_err(), Refusal::ClaimMissing(Claim::Exp));
    let enforced = hint.expiry(Expiry::Enforced);
    assert_eq!(verify(&token(&with("exp", 5.into())), &enforced).unwrap_err().code(), "token_expired");
}

#[test]
fn an_id_token_is_no_access_token_and_the_other_way_round() {
    let id_token = sign(&claims(), TYP_ID_TOKEN, &KEY).unwrap();
    let access_token = sign(&claims(), TYP_ACCESS_TOKEN, &KEY).unwrap();
    let as_id = Expect::id_token(ISSUER, Audiences::one("orders"));
    assert_eq!(verify(&id_token, &expect()).unwrap_err(), Refusal::TypMismatch);
    assert_eq!(verify(&access_token, &as_id).unwrap_err(), Refusal::TypMismatch);
    assert!(verify(&id_token, &as_id).is_ok());
    let foreign = Expect::foreign_access_token(ISSUER, Audiences::one("orders"));
    assert!(verify(&id_token, &foreign).is_ok() && verify(&access_token, &foreign).is_ok());
}

#[test]
fn the_allow_list_decides_before_the_key() {
    let token = sign(&claims(), TYP_ACCESS_TOKEN, &KEY).unwrap();
    let others = expect().algorithms(vec![Algorithm::EdDsa, Algorithm::Rs256]);
    assert_eq!(verify(&token, &others).unwrap_err(), Refusal::AlgorithmNotAllowed);
    assert_eq!(verify(&token, &expect().algorithms(vec![])).unwrap_err(), Refusal::AlgorithmNotAllowed);
}

#[test]
fn claims_must_be_one_strict_object() {
    let good = claims().to_string();
    let inner = good.trim_end_matches('}');
    for (payload, malformed) in [
        (format!(r#"{inner},"sub":"admin"}}"#), json::Malformed::DuplicateMember),
        (format!(r#"{inner},"act":{{"sub":"a","sub":"b"}}}}"#), json::Malformed::DuplicateMember),
        (format!(r#"{inner},"x":{}{}}}"#, "[".repeat(16), "]".repeat(16)), json::Malformed::TooDeep),
        (format!("{good}{good}"), json::Malformed::Syntax),
        (format!("[{good}]"), json::Malformed::NotAnObject),
        (String::new(), json::Malformed::Syntax),
    ] {
        assert_eq!(verify(&signed(&payload), &expect()).unwrap_err(), Refusal::ClaimsMalformed(malformed), "{payload}");
    }
    assert!(verify(&signed(&good), &expect()).is_ok());
}

#[test]
fn claims_of_another_shape_than_asked_for_are_refused_last() {
    #[derive(Debug, serde::Deserialize)]
    struct Wanted {
        #[expect(dead_code, reason = "its shape is all that counts here")]
        scope: u8,
    }
    let read = |claims: &Value| {
        let text = sign(claims, TYP_ACCESS_TOKEN, &KEY).unwrap();
        let unverified = Unverified::parse(&text, &Limits::default()).unwrap();
        unverified.verify::<Wanted>(&*PUBLIC, &expect(), Timestamp(NOW)).unwrap_err()
    };
    assert_eq!(read(&claims()), Refusal::ClaimsMalformed(json::Malformed::Shape));
    assert_eq!(read(&with("exp", 1.into())).code(), "token_expired");
}

/// Every fault at once: taken away one by one from the front, each next one must show.
#[test]
fn the_checks_stand_in_their_order() {
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    let make = |fixed: usize| {
        let ok = |step: usize| step < fixed;
        let header = json!({
            "alg": if ok(0) { "ES256" } else { "none" },
            "typ": if ok(1) { "at+jwt" } else { "JWT" },
            "kid": if ok(3) { KEY.kid().as_str() } else { "unknown" },
        });
        let mut header = header.as_object().unwrap().clone();
        if !ok(2) {
            header.insert("crit".into(), json!(["x"]));
        }
        let claims = json!({
            "iss": if ok(5) { ISSUER } else { "x" },
            "aud": if ok(6) { "orders" } else { "x" },
            "exp": if ok(7) { NOW + 10_000 } else { 5 },
            "nbf": if ok(8) { NOW } else { NOW + 500 },
            "iat": if ok(9) { NOW } else { NOW + 500 },
        });
        let input = [Value::Object(header), claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string())).join(".");
        let key = if ok(4) { &*KEY } else { &other };
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(key.sign(input.as_bytes()).unwrap()))
    };
    let expect = expect().lifetime_s_max(600);
    let codes: Vec<_> = (0..=10).map(|fixed| verify(&make(fixed), &expect).unwrap_err().code()).collect();
    assert_eq!(
        codes,
        [
            "alg_not_allowed",
            "typ_mismatch",
            "crit_unsupported",
            "kid_unknown",
            "signature_invalid",
            "iss_mismatch",
            "aud_mismatch",
            "token_expired",
            "clock_skew",
            "clock_skew",
            "lifetime_too_long",
        ]
    );
}

#[test]
fn a_long_token_is_refused_for_its_length_alone() {
    let long = "x".repeat(9 * 1024);
    let refusal = Unverified::parse(&long, &Limits::default()).unwrap_err();
    assert_eq!(refusal, Refusal::TooLarge { part: Part::Token, bytes: 9 * 1024, bytes_max: 8 * 1024 });
}

#[test]
fn the_kid_is_readable_for_fetching_and_nothing_is_printed() {
    let text = sign(&claims(), TYP_ACCESS_TOKEN, &KEY).unwrap();
    let unverified = Unverified::parse(&text, &Limits::default()).unwrap();
    assert_eq!(unverified.kid(), Some(KEY.kid().as_str()));
    assert_eq!(format!("{unverified:?}"), "Unverified(…)");
}

#[test]
fn what_is_no_object_is_not_signed() {
    assert_eq!(sign(&"text", TYP_ACCESS_TOKEN, &KEY).unwrap_err(), SignFault::Claims);
    assert_eq!(sign(&[1, 2], TYP_ACCESS_TOKEN, &KEY).unwrap_err(), SignFault::Claims);
}
