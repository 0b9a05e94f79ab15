//! What passes the front door passes the types behind it.

use http::{HeaderName, HeaderValue, Method, Uri};
use proptest::prelude::*;

use super::*;

/// What hyper makes of a target that passed, and that nothing of it was lost.
#[track_caller]
fn check(target: &[u8]) {
    let line = [b"GET ", target, b" HTTP/1.1"].concat();
    if request_line(&line).is_err() {
        return;
    }
    let text = String::from_utf8(target.to_vec()).expect("targets are ascii");
    let uri = Uri::try_from(target).unwrap_or_else(|error| panic!("`{text}`: {error}"));
    if target.starts_with(b"/") {
        assert_eq!(uri.to_string(), text);
    }
}

fn head_with(name: &str, value: &[u8]) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a\r\n", name.as_bytes(), b": ", value, b"\r\n\r\n"].concat()
}

#[test]
fn every_byte_that_may_stand_in_a_target_name_value_or_method_may_stand_there_in_http_too() {
    for byte in 0..=u8::MAX {
        for target in [vec![byte], vec![b'/', byte, b'x'], vec![b'/', b'?', byte], vec![b'a', byte]] {
            check(&target);
        }
        check(&[b"http://a", &[byte][..], b"/"].concat());
        check(&[&[byte][..], b"://a"].concat());
        assert!(!is_token(byte) || HeaderName::from_bytes(&[byte]).is_ok(), "{byte:#x}");
        assert!(!is_token(byte) || Method::from_bytes(&[byte]).is_ok(), "{byte:#x}");
        let passes = judge(&head_with("X-A", &[b'a', byte, b'b']), 100).is_ok();
        assert!(!passes || HeaderValue::from_bytes(&[b'a', byte, b'b']).is_ok(), "{byte:#x}");
    }
}

#[test]
fn targets_and_names_are_refused_before_http_would_count_beyond_16_bits() {
    let long = |bytes: usize| format!("/{}", "a".repeat(bytes - 1)).into_bytes();
    assert_eq!(judge_target(&long(PIECE_BYTES_MAX)), Ok(()));
    check(&long(PIECE_BYTES_MAX));
    assert_eq!(judge_target(&long(PIECE_BYTES_MAX + 1)), Err(Reason::HeadTooLarge));
    let named = |bytes: usize| judge(&head_with(&"a".repeat(bytes), b"b"), 100);
    assert_eq!(named(PIECE_BYTES_MAX), Ok(Framing::Length(0)));
    assert!(HeaderName::from_bytes("a".repeat(PIECE_BYTES_MAX).as_bytes()).is_ok());
    assert_eq!(named(PIECE_BYTES_MAX + 1), Err(Reason::HeadTooLarge));
}

#[test]
fn the_longest_length_is_that_of_a_signed_number() {
    assert_eq!(length(b"9223372036854775807"), Some(LENGTH_MAX));
    for text in ["9223372036854775808", "18446744073709551615", "18446744073709551616"] {
        assert_eq!(length(text.as_bytes()), None, "{text}");
    }
}

fn targets() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => "[!-~]{0,4}",
        1 => proptest::sample::select(vec![
            "/", "//", "?", "*", "http://", "HTTPS://", "ftp://", "a", ":", ":80", "@", "[", "]", "[::1]", "%", "`", "\\",
            "{", "}", "|", "^", "a.example",
        ])
        .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_target_that_passes_is_refused_by_http_or_changed_by_it(target in targets()) {
        check(target.as_bytes());
        check(format!("/{target}").as_bytes());
        check(format!("http://{target}").as_bytes());
    }

    #[test]
    fn no_bytes_that_pass_as_a_target_are_refused_by_http(target in proptest::collection::vec(any::<u8>(), 0..40)) {
        check(&target);
    }
}
