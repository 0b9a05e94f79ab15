//! SHA-256 and comparison.

use super::*;

#[test]
fn a_digest_is_sha_256() {
    // FIPS 180-4, the example of one block.
    let expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    let hex: String = Digest::of(b"abc").0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}

#[test]
fn a_keyed_digest_is_hmac_with_sha_256_over_the_parts_in_a_row() {
    // RFC 4231 §4.2: a key of 20 bytes, which HMAC fills up with zeros.
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let expected = "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7";
    let made = Digest::keyed(&Secret::new(key), &[b"Hi ", b"There"]);
    let hex: String = made.0.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
}

#[test]
fn comparison_is_by_value() {
    assert!(Digest::of(b"a").matches(&Digest::of(b"a")));
    assert!(!Digest::of(b"a").matches(&Digest::of(b"b")));
    assert!(same(b"", b"") && same(b"ab", b"ab"));
    assert!(!same(b"ab", b"a") && !same(b"ab", b"ac"));
}

#[test]
fn debug_tells_nothing() {
    assert_eq!(format!("{:?}", Digest::of(b"abc")), "Digest(…)");
}
