//! What names a realm.

use super::*;

#[test]
fn a_realm_name_is_short_and_lower_case() {
    for good in ["main", "sekisho", "a", "team-7"] {
        assert!(good.parse::<RealmName>().is_ok(), "{good}");
    }
    for bad in ["", "Main", "7up", "-a", "a/b", "a.b", "ä", "..", &"a".repeat(33)] {
        assert!(bad.parse::<RealmName>().is_err(), "{bad}");
    }
}

#[test]
fn the_issuer_has_no_double_slash() {
    let realm: RealmName = "main".parse().unwrap();
    assert_eq!(realm.issuer("https://id.example").as_str(), "https://id.example/realms/main");
    assert_eq!(realm.issuer("https://id.example/").as_str(), "https://id.example/realms/main");
}
