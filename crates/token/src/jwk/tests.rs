//! Which keys are read, and what they are called.

use super::*;
use crate::key::{SigningKey, VerifyingKey};

const P256: &str = r#"{"kty":"EC","crv":"P-256","x":"04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY","y":"UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgmw"}"#;
const ED25519: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
/// RFC 7638 §3.1.
const RSA: &str = concat!(
    r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKR"#,
    "XjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHz",
    "u6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    r#"","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#
);

fn read(text: &str) -> Result<Jwk, Unusable> {
    Jwk::from_json(text.as_bytes())
}

/// The key with one member set to another JSON value, or added.
fn with(text: &str, member: &str, value: serde_json::Value) -> String {
    let mut object: serde_json::Value = serde_json::from_str(text).unwrap();
    object[member] = value;
    object.to_string()
}

fn without(text: &str, member: &str) -> String {
    let mut object: serde_json::Value = serde_json::from_str(text).unwrap();
    object.as_object_mut().unwrap().remove(member);
    object.to_string()
}

#[test]
fn thumbprints_are_those_of_the_rfcs() {
    assert_eq!(read(RSA).unwrap().thumbprint(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    // RFC 8037 §A.3.
    assert_eq!(read(ED25519).unwrap().thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn a_thumbprint_depends_on_the_numbers_alone() {
    let plain = read(P256).unwrap();
    let dressed = read(&with(&with(P256, "kid", "x".into()), "use", "sig".into())).unwrap();
    assert_eq!(plain.thumbprint(), dressed.thumbprint());
}

#[test]
fn a_key_comes_back_from_its_json() {
    for text in [P256, ED25519, RSA] {
        let jwk = read(&with(text, "key_ops", serde_json::json!(["verify"]))).unwrap();
        let written = serde_json::to_string(&jwk).unwrap();
        assert_eq!(read(&written).unwrap(), jwk);
        assert_eq!(serde_json::from_str::<Jwk>(&written).unwrap(), jwk);
        for private in ["\"d\"", "\"p\"", "\"k\"", "null"] {
            assert!(!written.contains(private), "{written}");
        }
    }
}

#[test]
fn a_private_member_makes_a_key_unusable_even_when_it_is_null() {
    for member in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        for value in [serde_json::json!("AQAB"), serde_json::Value::Null, serde_json::json!([])] {
            assert_eq!(read(&with(RSA, member, value)), Err(Unusable::Private(member)));
        }
    }
}

#[test]
fn what_is_missing_or_foreign_is_named() {
    assert_eq!(read("{}"), Err(Unusable::Missing("kty")));
    assert_eq!(read(&without(P256, "crv")), Err(Unusable::Missing("crv")));
    assert_eq!(read(&without(P256, "y")), Err(Unusable::Missing("y")));
    assert_eq!(read(&without(RSA, "e")), Err(Unusable::Missing("e")));
    assert_eq!(read(&with(P256, "kty", "RSA".into())), Err(Unusable::Missing("n")));
    assert_eq!(read(&with(P256, "kty", "oct".into())), Err(Unusable::KeyType));
    assert_eq!(read(&with(P256, "crv", "P-384".into())), Err(Unusable::Curve));
    assert_eq!(read(&with(P256, "crv", "Ed25519".into())), Err(Unusable::Curve));
    assert_eq!(read(&with(ED25519, "crv", "X25519".into())), Err(Unusable::Curve));
    assert_eq!(read(&with(P256, "alg", "ES384".into())), Err(Unusable::Algorithm));
    assert_eq!(read(&with(P256, "alg", "RS256".into())), Err(Unusable::Algorithm));
    assert_eq!(read(&with(RSA, "alg", "HS256".into())), Err(Unusable::Algorithm));
    assert_eq!(read(&with(RSA, "kid", "".into())), Err(Unusable::Kid));
    assert_eq!(read(&with(RSA, "kid", "k".repeat(KEY_ID_BYTES_MAX + 1).into())), Err(Unusable::Kid));
    assert_eq!(read(&with(RSA, "kid", 7.into())), Err(Unusable::Json(json::Malformed::Shape)));
    assert_eq!(read(r#"{"kty":"EC","kty":"OKP"}"#), Err(Unusable::Json(json::Malformed::DuplicateMember)));
}

#[test]
fn numbers_have_one_encoding() {
    for bad in ["", "AQ", "04N0xi21hshyvBp7I167sbE_bXqyqkAPfefdklMO7wY=", "04N0xi21hshyvBp7I167sbE/bXqyqkAPfefdklMO7wY"]
    {
        assert_eq!(read(&with(P256, "x", bad.into())), Err(Unusable::Encoding("x")), "{bad}");
    }
    assert_eq!(read(&with(RSA, "e", "AAEAAQ".into())), Err(Unusable::Encoding("e")));
    assert_eq!(read(&with(RSA, "n", "".into())), Err(Unusable::Encoding("n")));
}

#[test]
fn rsa_keys_that_are_too_short_too_long_or_weak_are_refused() {
    let modulus = |bytes: usize, last: u8| {
        let mut n = vec![0xA5; bytes];
        n[bytes - 1] = last;
        encode(&n)
    };
    let refused = |n: String| read(&with(RSA, "n", n.into())).unwrap_err();
    assert_eq!(refused(modulus(128, 1)), Unusable::ModulusBits { bits: 1024 });
    assert_eq!(refused(modulus(255, 1)), Unusable::ModulusBits { bits: 2040 });
    assert_eq!(refused(modulus(513, 1)), Unusable::ModulusBits { bits: 4104 });
    assert_eq!(refused(modulus(256, 2)), Unusable::WeakModulus);
    for exponent in ["AQ", "Ag", "AQAAAAE"] {
        assert_eq!(read(&with(RSA, "e", exponent.into())), Err(Unusable::Exponent));
    }
}

#[test]
fn roca_is_told_by_remainders() {
    // 65537³ is a power of 65537 whatever the modulus; 65537³ + 2 is not, for at least one of the primes.
    let cube = 65537_u64.pow(3);
    assert!(roca::is_vulnerable(&cube.to_be_bytes()));
    assert!(!roca::is_vulnerable(&(cube + 2).to_be_bytes()));
    assert!(read(RSA).is_ok());
}

#[test]
fn a_key_under_which_a_signature_proves_nothing_is_refused() {
    let mut zero = [0; 32];
    // Why: without any private key, a signature of zeros fits some message under the key of zeros.
    let raw = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ED25519, zero);
    assert!((0..64_u8).any(|message| raw.verify(&[message], &[0; 64]).is_ok()));
    for sign in [0, 0x80] {
        zero[31] = sign;
        assert_eq!(read(&with(ED25519, "x", encode(&zero).into())), Err(Unusable::WeakPoint));
    }
}

#[test]
fn a_point_beside_the_curve_is_refused() {
    let beside = with(P256, "y", "UI8exy-C06a7DUnjIdENkxeFtHM4-l_41LqEw9nVgnw".into());
    assert_eq!(VerifyingKey::from_jwk(&read(&beside).unwrap()).unwrap_err(), Unusable::Rejected);
}

#[test]
fn a_key_for_something_else_does_not_verify() {
    for (member, value) in [
        ("use", serde_json::json!("enc")),
        ("key_ops", serde_json::json!(["encrypt"])),
        ("key_ops", serde_json::json!([])),
    ] {
        let jwk = read(&with(P256, member, value)).unwrap();
        assert_eq!(VerifyingKey::from_jwk(&jwk).unwrap_err(), Unusable::NotForVerifying);
    }
}

#[test]
fn an_rsa_key_without_alg_is_bound_to_rs256() {
    assert_eq!(read(&without(RSA, "alg")).unwrap().bound_algorithm(), Algorithm::Rs256);
    assert_eq!(read(&with(RSA, "alg", "PS256".into())).unwrap().bound_algorithm(), Algorithm::Ps256);
}

#[test]
fn entries_of_a_set_that_we_cannot_use_are_skipped_and_counted() {
    let private = with(ED25519, "d", "AQAB".into());
    let set = format!(r#"{{"keys":[{P256},{{"kty":"AKP","pub":"x"}},{private},7,{RSA}],"more":1}}"#);
    let set = JwkSet::from_json(set.as_bytes()).unwrap();
    assert_eq!(set.keys().len(), 2);
    let shape = Unusable::Json(json::Malformed::Shape);
    assert_eq!(set.skipped(), [Unusable::KeyType, Unusable::Private("d"), shape]);
    let written = serde_json::to_vec(&set).unwrap();
    assert_eq!(JwkSet::from_json(&written).unwrap().keys(), set.keys());
    assert_eq!(serde_json::from_slice::<JwkSet>(&written).unwrap().keys(), set.keys());
}

#[test]
fn a_set_has_a_limit_and_a_form() {
    let many = format!(r#"{{"keys":[{}]}}"#, vec![ED25519; SET_KEYS_MAX + 1].join(","));
    assert_eq!(JwkSet::from_json(many.as_bytes()), Err(Malformed::TooMany { found: SET_KEYS_MAX + 1 }));
    for text in ["{}", r#"{"keys":{}}"#, "[]", r#"{"keys":[],"keys":[]}"#, ""] {
        assert!(matches!(JwkSet::from_json(text.as_bytes()), Err(Malformed::Json(_))), "{text}");
    }
}

#[test]
fn our_own_keys_are_published_with_kid_alg_and_use() {
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let written: serde_json::Value = serde_json::to_value(key.public_jwk()).unwrap();
    assert_eq!(written["kid"], key.public_jwk().thumbprint().as_str());
    assert_eq!(written["alg"], "ES256");
    assert_eq!(written["use"], "sig");
}
