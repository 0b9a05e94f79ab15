//! What somebody may be called.

use super::*;

fn profile(display_name: Option<&str>, email: Option<&str>) -> Profile {
    let text = |text: Option<&str>| text.map(str::to_owned);
    Profile { scopes: Scopes::default(), display_name: text(display_name), email: text(email) }
}

#[test]
fn a_full_name_has_a_length_and_nothing_that_cannot_be_seen() {
    let check = |name: &str, expected| assert_eq!(profile(Some(name), None).check(), expected, "{name:?}");
    check("Alice", Ok(()));
    check("関所 太郎", Ok(()));
    check(&"é".repeat(200), Ok(()));
    check(&"é".repeat(201), Err(BadProfile::DisplayName));
    for wrong in ["", " ", " Alice", "Alice\u{a0}", "Al\0ice", "Al\tice", "Al\u{85}ice"] {
        check(wrong, Err(BadProfile::DisplayName));
    }
    assert_eq!(profile(None, None).check(), Ok(()));
}

#[test]
fn a_mail_address_is_one_of_rfc_5321s_length() {
    let check = |email: &str, expected| assert_eq!(profile(None, Some(email)).check(), expected, "{email:?}");
    check("alice@example.org", Ok(()));
    check("\"a@b\"@example.org", Ok(()));
    check(&format!("{}@example.org", "a".repeat(242)), Ok(()));
    check(&format!("{}@example.org", "a".repeat(243)), Err(BadProfile::Email));
    for wrong in
        ["", "alice", "@example.org", "alice@", " alice@example.org", "alice@example.org\n", "al\0ice@example.org"]
    {
        check(wrong, Err(BadProfile::Email));
    }
}
