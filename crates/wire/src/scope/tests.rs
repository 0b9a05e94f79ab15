//! Sets of scopes and their wire form.

use super::*;

fn set(text: &str) -> Scopes {
    text.parse().unwrap()
}

#[test]
fn a_set_is_sorted_and_has_no_duplicates() {
    assert_eq!(set("b a  b").to_string(), "a b");
    assert!(set("").is_empty());
}

#[test]
fn read_does_not_stand_for_readwrite() {
    assert!(!set("orders:readwrite").has("orders:read"));
    assert!(set("orders:read").is_subset_of(&set("orders:read stock:read")));
    assert!(!set("orders:read x").is_subset_of(&set("orders:read")));
    assert_eq!(set("a b c").intersection(&set("c d a")), set("a c"));
}

#[test]
fn a_token_outside_the_character_set_is_refused() {
    for bad in ["a\"b", "a\\b", "ä", "a\tb", "a\nb", &"x".repeat(129)] {
        assert!(bad.parse::<Scopes>().is_err(), "{bad}");
    }
    assert!(matches!("x ".repeat(1001).parse::<Scopes>(), Err(MalformedScope::TooMany(1001))));
}
