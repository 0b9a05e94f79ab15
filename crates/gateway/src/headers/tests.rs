//! Spellings, and where a client sits.

use http::HeaderMap;
use proptest::prelude::*;

use super::*;

#[test]
fn names_that_tell_who_calls_are_known_and_others_are_left_alone() {
    for name in
        ["x-user", "X_User", "x.userinfo", "x-sekisho-a", "Remote_User", "FORWARDED", "x-real-ip", "x_request.id"]
    {
        assert!(is_identity(name.as_bytes()), "{name}");
    }
    for name in
        ["x-use", "user", "accept", "content-type", "x-requested-with", "traceparent", "x-real-ip-x", "from", "te"]
    {
        assert!(!is_identity(name.as_bytes()), "{name}");
    }
}

#[test]
fn what_a_trusted_proxy_says_of_its_client_is_kept_and_does_not_go_on_as_it_came() {
    for (trusted, kept) in [(true, Some("203.0.113.9")), (false, None)] {
        let mut headers = HeaderMap::new();
        headers.insert("x-forwarded-for", "203.0.113.9".parse().unwrap());
        let told = enter(&mut headers, trusted).unwrap();
        assert!(headers.is_empty());
        assert_eq!(told.forwarded_for(), kept);
    }
}

proptest! {
    #[test]
    fn no_spelling_of_an_identity_header_stays(
        prefix in proptest::sample::select(IDENTITY_PREFIXES),
        tail in "[a-z0-9]{0,8}",
        choices in proptest::collection::vec(0..3_u8, 40),
    ) {
        let name: Vec<u8> = prefix.iter().copied().chain(tail.bytes()).zip(choices).map(|(byte, choice)| match (byte, choice) {
            (b'-', 1) => b'_',
            (b'-', 2) => b'.',
            (byte, 1) => byte.to_ascii_uppercase(),
            (byte, _) => byte,
        }).collect();
        let mut headers = HeaderMap::new();
        headers.insert(HeaderName::from_bytes(&name).unwrap(), HeaderValue::from_static("admin"));
        headers.insert("accept", HeaderValue::from_static("*/*"));
        enter(&mut headers, false).unwrap();
        prop_assert_eq!(headers.len(), 1);
    }
}
