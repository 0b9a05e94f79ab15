//! Refresh tokens are derived, and only from the right key and realm.

use super::*;
use crate::credential::{Credential, kind_of};
use crate::entropy::SystemEntropy;

const GRANT: u128 = 0x0123_4567_89AB_CDEF_0123_4567_89AB_CDEF;

fn key(realm: &str) -> RefreshKey {
    RefreshKey::new(realm, &Secret::new([7; 32]))
}

#[test]
fn a_token_says_its_grant_and_generation() {
    for (grant, generation) in [(0, 0), (GRANT, 1), (u128::MAX, u32::MAX)] {
        let text = mint(&key("main"), grant, generation);
        assert_eq!(text.expose().len(), CHARS);
        assert_eq!(open(&key("main"), text.expose()), Ok(RefreshToken { grant, generation }));
    }
    const { assert!(CHARS <= 96) }
}

/// Computed by another implementation (Python: hmac, zlib, big integers): the form must not drift, or tokens that are
/// out there end.
#[test]
fn the_form_is_fixed() {
    let expected = "sekrt09r0yxMSQiQnLtb4HV4GHUgGCIBgNEuauBdQrk9ubWqQUS7VeXuXNzY8CZcjEJMZdubain49UED0";
    assert_eq!(mint(&key("main"), GRANT, 5).expose(), expected);
}

#[test]
fn the_same_successor_can_be_computed_again() {
    assert_eq!(mint(&key("main"), GRANT, 5).expose(), mint(&key("main"), GRANT, 5).expose());
    assert_ne!(mint(&key("main"), GRANT, 5).expose(), mint(&key("main"), GRANT, 6).expose());
}

#[test]
fn it_is_letters_and_digits_with_the_prefix() {
    let text = mint(&key("main"), GRANT, 1);
    assert!(text.expose().bytes().all(|character| character.is_ascii_alphanumeric()));
    assert_eq!(kind_of(text.expose()), Some(Kind::Refresh));
}

#[test]
fn another_realm_or_another_key_refuses_it() {
    let text = mint(&key("main"), GRANT, 1);
    assert_eq!(open(&key("other"), text.expose()), Err(Malformed::Forged));
    assert_eq!(open(&key(""), text.expose()), Err(Malformed::Forged));
    let other = RefreshKey::new("main", &Secret::new([8; 32]));
    assert_eq!(open(&other, text.expose()), Err(Malformed::Forged));
}

#[test]
fn a_changed_character_is_refused_even_with_a_new_checksum() {
    let text = mint(&key("main"), GRANT, 1);
    let body = &text.expose()[5..CHARS - 6];
    for at in 0..body.len() {
        let mut changed = body.as_bytes().to_vec();
        changed[at] = if changed[at] == b'1' { b'2' } else { b'1' };
        let changed = String::from_utf8(changed).unwrap();
        let refused = open(&key("main"), &framed::frame("sekrt", &changed)).unwrap_err();
        assert!(matches!(refused, Malformed::Forged | Malformed::Text(BadText::Alphabet)), "character {at}");
        let unsummed = text.expose().replacen(body, &changed, 1);
        assert_eq!(open(&key("main"), &unsummed), Err(Malformed::Text(BadText::Checksum)));
    }
}

#[test]
fn a_random_credential_that_calls_itself_refresh_is_none() {
    let random = Credential::mint(Kind::Refresh, &SystemEntropy::default());
    assert_eq!(open(&key("main"), random.expose()), Err(Malformed::Text(BadText::Length)));
}

#[test]
fn debug_tells_the_realm_alone() {
    assert_eq!(format!("{:?}", key("main")), r#"RefreshKey { realm: "main", .. }"#);
}
