//! Which addresses can be the base of issuers.

use super::*;

#[track_caller]
fn check(text: &str, expected: Option<Scheme>) {
    assert_eq!(Base::of(text).ok().map(|base| base.scheme), expected, "{text}");
}

#[test]
fn the_base_is_https_or_loopback_and_written_in_its_one_form() {
    check("https://id.example", Some(Scheme::Https));
    check("https://id.example/", Some(Scheme::Https));
    check("https://id.example:8443", Some(Scheme::Https));
    check("http://localhost:7000", Some(Scheme::Http));
    check("http://127.0.0.1:7000", Some(Scheme::Http));
    check("http://[::1]:7000", Some(Scheme::Http));
    check("http://id.example", None);
    check("http://127.0.0.1.evil.example", None);
    check("https://id.example/path", None);
    check("https://ID.example", None);
    check("https://id.example:443", None);
    check("https://user@id.example", None);
    check("ftp://id.example", None);
    check("nonsense", None);
}
