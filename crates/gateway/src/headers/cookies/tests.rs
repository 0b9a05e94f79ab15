//! Cookies of the house and of others.

use http::HeaderMap;

use super::*;

#[track_caller]
fn check(given: &[&str], kept: Option<&str>) {
    let mut headers = HeaderMap::new();
    for value in given {
        headers.append(COOKIE, value.parse().unwrap());
    }
    strip(&mut headers);
    let left: Vec<&str> = headers.get_all(COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
    assert_eq!(left, kept.into_iter().collect::<Vec<_>>(), "{given:?}");
}

#[test]
fn the_houses_cookies_go_under_every_prefix_and_case_and_the_others_stay() {
    check(&["a=b"], Some("a=b"));
    check(&["sekisho-main-opaque=x"], None);
    check(&["a=b;sekisho-main-jwt=x;c=d"], Some("a=b; c=d"));
    check(&["__Host-sekisho-main-sso=x; __SECURE-Sekisho-x=1; a"], Some("a"));
    check(&["a=sekisho-main-opaque"], Some("a=sekisho-main-opaque"));
    check(&["a=b", "sekisho-main-opaque=x; c=d"], Some("a=b; c=d"));
    check(&["sekishox=1"], Some("sekishox=1"));
    check(&["=sekisho-x"], Some("=sekisho-x"));
}

#[test]
fn pairs_are_read_as_servers_read_them() {
    let read: Vec<(&[u8], &[u8])> = pairs(b" a = b ;; c=\"d\"; e=f=g;h").map(|pair| (pair.name, pair.value)).collect();
    assert_eq!(read, [(&b"a"[..], &b"b"[..]), (b"c", b"d"), (b"e", b"f=g"), (b"h", b"")]);
}
