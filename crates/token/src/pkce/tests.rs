//! RFC 7636.

use super::*;

/// RFC 7636 §B.
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

#[test]
fn the_example_of_the_rfc_matches() {
    assert_eq!(challenge_of(VERIFIER), CHALLENGE);
    assert!(matches(CHALLENGE, VERIFIER));
}

#[test]
fn another_verifier_does_not_match() {
    assert!(!matches(CHALLENGE, &VERIFIER.replace('d', "e")));
    // The verifier itself in place of the challenge is `plain`, which we do not do.
    assert!(!matches(VERIFIER, VERIFIER));
    assert!(!matches("", VERIFIER) && !matches(CHALLENGE, ""));
}

#[test]
fn a_verifier_has_43_to_128_unreserved_characters() {
    for (text, good) in [
        ("a".repeat(42), false),
        ("a".repeat(43), true),
        ("a".repeat(128), true),
        ("a".repeat(129), false),
        ("-._~".repeat(11), true),
        (format!("{}+", "a".repeat(43)), false),
        (format!("{}é", "a".repeat(43)), false),
        (format!("{} ", "a".repeat(43)), false),
    ] {
        assert_eq!(is_verifier(&text), good, "{text}");
        assert_eq!(matches(&challenge_of(&text), &text), good, "{text}");
    }
}

#[test]
fn a_challenge_is_32_bytes_in_base64url() {
    assert!(is_challenge(CHALLENGE));
    for bad in [
        "",
        "abc",
        &CHALLENGE[1..],
        &format!("{CHALLENGE}="),
        &CHALLENGE.replace('-', "+"),
        &format!("{}N", &CHALLENGE[..42]),
    ] {
        assert!(!is_challenge(bad), "{bad}");
    }
}
