//! What is read, and what is refused, of a request's parameters.

use super::*;

#[test]
fn a_parameter_without_a_value_counts_as_left_out() {
    let params = Params::parse(b"a=&b&c=1&&d=x%20y+z%26").unwrap();
    assert_eq!((params.one("a"), params.one("b"), params.one("c")), (None, None, Some("1")));
    assert_eq!(params.one("d"), Some("x y z&"));
    assert!(!params.has_duplicates());
}

#[test]
fn only_audience_and_resource_may_be_repeated() {
    let params = Params::parse(b"audience=b&resource=a&audience=b&audience=c&state=1&state=").unwrap();
    assert_eq!(params.audiences(), ["a", "b", "c"]);
    assert!(params.has_duplicates());
    assert!(params.is_duplicated("state"));
    assert!(!params.is_duplicated("audience"));
}

#[test]
fn text_that_is_not_utf_8_is_refused_and_nul_is_kept() {
    assert_eq!(Params::parse(b"state=%ff").unwrap_err(), Malformed::NotText);
    assert_eq!(Params::parse(b"state=%00").unwrap().one("state"), Some("\0"));
    assert_eq!(Params::parse("x=ü".as_bytes()).unwrap().one("x"), Some("ü"));
}

#[test]
fn there_is_a_most_and_values_are_not_printed() {
    let many = (0..101).map(|n| format!("p{n}=v&")).collect::<String>();
    assert_eq!(Params::parse(many.as_bytes()).unwrap_err(), Malformed::TooMany);
    let printed = format!("{:?}", Params::parse(b"password=hunter2").unwrap());
    assert!(printed.contains("password") && !printed.contains("hunter2"), "{printed}");
}
