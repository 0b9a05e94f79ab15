//! Keys of every algorithm, both halves.

use std::sync::Arc;

use super::*;
use crate::jwk::JwkSet;

fn public(key: &SigningKey) -> VerifyingKey {
    VerifyingKey::from_jwk(&key.public_jwk()).unwrap()
}

#[test]
fn every_algorithm_signs_what_it_verifies() {
    for alg in Algorithm::ALL {
        let key = SigningKey::generate(alg).unwrap();
        let public = public(&key);
        let signature = key.sign(b"message").unwrap();
        assert_eq!(public.verify(b"message", &signature), Ok(()));
        assert_eq!(public.verify(b"messagf", &signature), Err(BadSignature));
        assert_eq!(public.verify(b"message", &signature[1..]), Err(BadSignature));
        assert_eq!(public.verify(b"message", b""), Err(BadSignature));
        let length = if matches!(alg, Algorithm::Rs256 | Algorithm::Ps256) { 256 } else { 64 };
        assert_eq!(signature.len(), length);
        assert_eq!((public.alg(), public.kid()), (alg, key.kid()));
    }
}

#[test]
fn a_private_key_comes_back_from_pkcs8_for_its_own_kind_only() {
    for alg in Algorithm::ALL {
        let key = SigningKey::generate(alg).unwrap();
        let pkcs8 = key.to_pkcs8().unwrap();
        let back = SigningKey::from_pkcs8(alg, &pkcs8).unwrap();
        assert_eq!(back.public_jwk(), key.public_jwk());
        assert!(public(&key).verify(b"m", &back.sign(b"m").unwrap()).is_ok());
        for other in Algorithm::ALL {
            let same_kind = key.jwk.material().clone();
            let taken = SigningKey::from_pkcs8(other, &pkcs8);
            match taken {
                Ok(taken) => assert_eq!(*taken.jwk.material(), same_kind),
                Err(fault) => assert_eq!(fault, KeyFault::Pkcs8 { alg: other }),
            }
        }
    }
    let rubbish = Secret::new(vec![0x30; 40]);
    assert!(SigningKey::from_pkcs8(Algorithm::Es256, &rubbish).is_err());
}

#[test]
fn rsa_keys_come_in_two_lengths() {
    for alg in [Algorithm::Rs256, Algorithm::Ps256] {
        for (bits, bytes) in [(RsaBits::Bits2048, 256), (RsaBits::Bits3072, 384)] {
            let key = SigningKey::generate_sized(alg, bits).unwrap();
            let signature = key.sign(b"m").unwrap();
            assert_eq!(signature.len(), bytes, "{alg} {bits:?}");
            assert!(public(&key).verify(b"m", &signature).is_ok());
        }
    }
}

#[test]
fn one_rsa_key_does_not_serve_two_algorithms() {
    let key = SigningKey::generate(Algorithm::Rs256).unwrap();
    let twin = SigningKey::from_pkcs8(Algorithm::Ps256, &key.to_pkcs8().unwrap()).unwrap();
    assert_eq!(public(&key).verify(b"m", &twin.sign(b"m").unwrap()), Err(BadSignature));
    assert_eq!(public(&twin).verify(b"m", &key.sign(b"m").unwrap()), Err(BadSignature));
}

#[test]
fn an_es256_signature_in_der_is_refused() {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair};
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, key.to_pkcs8().unwrap().expose()).unwrap();
    let der = pair.sign(&SystemRandom::new(), b"m").unwrap();
    assert_eq!(public(&key).verify(b"m", der.as_ref()), Err(BadSignature));
}

#[test]
fn debug_tells_the_name_and_nothing_else() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    assert_eq!(format!("{key:?}"), format!("SigningKey {{ alg: EdDsa, kid: KeyId({:?}), .. }}", key.kid().as_str()));
}

#[test]
fn a_set_finds_keys_by_name_and_never_guesses() {
    let keys: Vec<_> = (0..2).map(|_| SigningKey::generate(Algorithm::EdDsa).unwrap()).collect();
    let set = KeySet::from_jwks(&JwkSet::new(keys.iter().map(SigningKey::public_jwk).collect()));
    assert_eq!(set.key(Some(keys[1].kid().as_str())).unwrap().kid(), keys[1].kid());
    assert_eq!(set.key(Some("other")).unwrap_err(), KeyLookup::Unknown);
    assert_eq!(set.key(None).unwrap_err(), KeyLookup::Ambiguous);

    let lone = KeySet::from_jwks(&JwkSet::new(vec![keys[0].public_jwk()]));
    assert_eq!(lone.key(None).unwrap().kid(), keys[0].kid());
    assert_eq!(KeySet::default().key(None).unwrap_err(), KeyLookup::Unknown);
}

#[test]
fn two_keys_of_one_name_leave_none() {
    let named = |kid: &str| {
        let mut jwk = serde_json::to_value(SigningKey::generate(Algorithm::Es256).unwrap().public_jwk()).unwrap();
        jwk["kid"] = kid.into();
        serde_json::from_value::<Jwk>(jwk).unwrap()
    };
    let set = KeySet::from_jwks(&JwkSet::new(vec![named("a"), named("a"), named("b")]));
    assert_eq!(set.key(Some("a")).unwrap_err(), KeyLookup::Ambiguous);
    assert!(set.key(Some("b")).is_ok());
    let lone = KeySet::from_jwks(&JwkSet::new(vec![named("a"), named("a")]));
    assert_eq!(lone.key(None).unwrap_err(), KeyLookup::Ambiguous);
}

#[test]
fn keys_come_and_go_one_by_one() {
    let key = SigningKey::generate(Algorithm::EdDsa).unwrap();
    let mut set = KeySet::default();
    set.insert(Arc::new(public(&key)));
    assert_eq!((set.len(), set.is_empty()), (1, false));
    assert!(set.remove(key.kid()) && !set.remove(key.kid()) && set.is_empty());
}

#[test]
fn a_key_id_has_a_length_and_no_control_character() {
    let check = |text: &str, fits: bool| assert_eq!(text.parse::<KeyId>().is_ok(), fits, "{text:?}");
    check("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs", true);
    check(&"x".repeat(KEY_ID_BYTES_MAX), true);
    check(&"x".repeat(KEY_ID_BYTES_MAX + 1), false);
    check("", false);
    check("\0x", false);
}
