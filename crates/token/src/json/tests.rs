//! What strict reading refuses.

use std::collections::BTreeMap;

use super::*;

#[track_caller]
fn refused(text: &str, expected: Malformed) {
    assert_eq!(check(text.as_bytes(), 4), Err(expected), "{text}");
}

#[test]
fn ordinary_objects_are_read() {
    for text in ["{}", " {\"a\":1}\n", r#"{"a":{"a":{"a":[1,2.5,-3,null,true,"x"]}}}"#, r#"{"a":1,"A":2}"#] {
        assert_eq!(check(text.as_bytes(), 4), Ok(()), "{text}");
    }
    let read: BTreeMap<String, u8> = object(br#"{"a":1,"b":2}"#, 1).unwrap();
    assert_eq!(read.len(), 2);
}

#[test]
fn a_name_that_occurs_twice_is_refused_at_every_depth() {
    refused(r#"{"a":1,"a":1}"#, Malformed::DuplicateMember);
    refused(r#"{"x":{"a":1,"b":2,"a":3}}"#, Malformed::DuplicateMember);
    refused(r#"{"x":[{"a":1},{"a":1,"a":2}]}"#, Malformed::DuplicateMember);
    refused(r#"{"exp":1,"\u0065xp":2}"#, Malformed::DuplicateMember);
}

#[test]
fn nesting_beyond_the_limit_is_refused() {
    assert_eq!(check(br#"{"a":{"a":{"a":{"a":1}}}}"#, 4), Ok(()));
    refused(r#"{"a":{"a":{"a":{"a":{"a":1}}}}}"#, Malformed::TooDeep);
    refused(r#"{"a":[[[[1]]]]}"#, Malformed::TooDeep);
    let hostile = format!("{{\"a\":{}", "[".repeat(1_000_000));
    refused(&hostile, Malformed::TooDeep);
}

#[test]
fn what_is_not_one_object_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "{}x",
        "{} {}",
        "{\"a\":1}\0",
        "\u{feff}{}",
        "{'a':1}",
        "{\"a\":01}",
        "{\"a\":1e999}",
        "{\"a\":NaN}",
        "{\"a\":1,}",
        "{\"\\ud800\":1}",
    ] {
        refused(text, Malformed::Syntax);
    }
    for text in ["[]", "null", "1", "\"{}\"", "[{}]"] {
        refused(text, Malformed::NotAnObject);
    }
    assert_eq!(check(b"{\"a\":\"\xff\"}", 4), Err(Malformed::Syntax));
}

#[test]
fn members_of_the_wrong_kind_are_refused_after_the_form() {
    assert_eq!(object::<BTreeMap<String, u8>>(br#"{"a":"1"}"#, 4), Err(Malformed::Shape));
}
