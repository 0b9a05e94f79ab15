//! Sealed bytes open with the right key for the right purpose, and in no other way.

use aws_lc_rs::hkdf;

use super::*;
use crate::entropy::SystemEntropy;

const PURPOSE: &str = "signing_keys.private:main:1";

fn sealed() -> (SealingKey, Vec<u8>) {
    let key = SealingKey::from_bytes([7; 32]);
    let bytes = key.seal(PURPOSE, b"secret", &SystemEntropy::default()).unwrap();
    (key, bytes)
}

#[test]
fn what_was_sealed_opens_again() {
    let (key, bytes) = sealed();
    assert_eq!(key.open(PURPOSE, &bytes).unwrap().expose(), b"secret");
    assert_eq!(bytes.len(), 1 + 8 + 12 + 6 + 16);
    assert!(!bytes.windows(6).any(|window| window == b"secret"));
}

/// Computed by another implementation (Python: hmac, cryptography): the form must not drift, or databases stop opening.
#[test]
fn the_form_is_fixed() {
    #[derive(Debug)]
    struct Counting;
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(0..).for_each(|(byte, index)| *byte = index);
        }
    }
    let bytes = SealingKey::from_bytes([7; 32]).seal("fuzz", b"secret", &Counting).unwrap();
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, "010cc87b3c21734730000102030405060708090a0bb44ad1d2f84b0b3a9e52e3b9431ad65edeb871222809");
}

#[test]
fn the_same_secret_is_sealed_differently_each_time() {
    assert_ne!(sealed().1, sealed().1);
}

#[test]
fn another_purpose_does_not_open_it() {
    let (key, bytes) = sealed();
    assert_eq!(key.open("signing_keys.private:main:2", &bytes).unwrap_err(), Unsealable::Damaged);
}

#[test]
fn another_key_is_named() {
    let (key, bytes) = sealed();
    let other = SealingKey::from_bytes([8; 32]);
    let expected = Unsealable::OtherKey { sealed_under: key.id(), given: other.id() };
    assert_eq!(other.open(PURPOSE, &bytes).unwrap_err(), expected);
    assert!(expected.to_string().contains(&key.id().to_string()));
}

#[test]
fn a_changed_bit_anywhere_is_noticed() {
    let (key, bytes) = sealed();
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << bit;
            assert!(key.open(PURPOSE, &changed).is_err(), "byte {at} bit {bit}");
        }
    }
}

#[test]
fn a_cut_or_foreign_text_is_no_sealed_text() {
    let (key, bytes) = sealed();
    for length in 0..bytes.len() {
        assert!(key.open(PURPOSE, &bytes[..length]).is_err(), "{length} bytes");
    }
    assert_eq!(key.open(PURPOSE, b"").unwrap_err(), Unsealable::NotSealed);
    assert_eq!(key.open(PURPOSE, &[2; 64]).unwrap_err(), Unsealable::Version { found: 2 });
}

#[test]
fn derived_keys_are_hkdf_and_differ_by_label() {
    struct Len;
    impl hkdf::KeyType for Len {
        fn len(&self) -> usize {
            32
        }
    }
    let key = SealingKey::from_bytes([7; 32]);
    let mut expected = [0; 32];
    let prk = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(&[7; 32]);
    prk.expand(&[b"sekisho derive 1 refresh:main"], Len).unwrap().fill(&mut expected).unwrap();
    assert_eq!(*key.derive("refresh:main").expose(), expected);
    assert_ne!(key.derive("refresh:main").expose(), key.derive("refresh:other").expose());
    assert_ne!(key.derive("a").expose(), SealingKey::from_bytes([8; 32]).derive("a").expose());
}

#[test]
fn debug_tells_the_id_alone() {
    let key = SealingKey::from_bytes([7; 32]);
    assert_eq!(format!("{key:?}"), format!("SealingKey {{ id: SealingKeyId({}), .. }}", key.id()));
}
