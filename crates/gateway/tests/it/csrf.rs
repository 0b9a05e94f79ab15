//! A change that only a cookie vouches for.

use crate::client::{Headers, get, request};
use crate::rig::Rig;

#[tokio::test]
async fn a_change_with_a_cookie_needs_proof_of_its_origin_and_one_with_a_bearer_token_does_not() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    let cookie = format!("sekisho-main-opaque={token}");
    let bearer = format!("Bearer {token}");
    let session = rig.ask(&get("/auth/session", &[("Cookie", &cookie)])).await;
    let csrf = session.json()["csrf"].as_str().unwrap().to_owned();
    let other = rig.identity.opaque("alice", "orders:read");
    let other = rig.ask(&get("/auth/session", &[("Cookie", &format!("sekisho-main-opaque={other}"))])).await;
    let others_csrf = other.json()["csrf"].as_str().unwrap().to_owned();
    assert_ne!(csrf, others_csrf);
    let none: &[(&str, &str)] = &[];
    let cases: &[(&str, Headers<'_>, u16)] = &[
        ("nothing", none, 403),
        ("our origin", &[("Origin", "http://gateway.test")], 200),
        ("our origin in capitals", &[("Origin", "http://GATEWAY.test")], 200),
        ("our host, another scheme", &[("Origin", "https://gateway.test")], 403),
        ("our host, another port", &[("Origin", "http://gateway.test:8080")], 403),
        ("a foreign origin", &[("Origin", "https://evil.example")], 403),
        ("an origin that ends like ours", &[("Origin", "http://evil-gateway.test")], 403),
        ("an origin that begins like ours", &[("Origin", "http://gateway.test.evil.example")], 403),
        ("an origin that may read", &[("Origin", "https://app.example")], 403),
        ("a null origin", &[("Origin", "null")], 403),
        ("two origins", &[("Origin", "http://gateway.test"), ("Origin", "https://evil.example")], 403),
        ("the browser says same origin", &[("Sec-Fetch-Site", "same-origin")], 200),
        ("the browser says typed", &[("Sec-Fetch-Site", "none")], 200),
        ("the browser says same site", &[("Sec-Fetch-Site", "same-site")], 403),
        ("the browser says cross site", &[("Sec-Fetch-Site", "cross-site")], 403),
        ("a foreign origin beside same origin", &[("Origin", "https://evil.example"), ("Sec-Fetch-Site", "none")], 403),
        ("the token", &[("X-Csrf-Token", &csrf)], 200),
        ("the token from a foreign origin", &[("X-Csrf-Token", &csrf), ("Origin", "https://evil.example")], 200),
        ("another credential's token", &[("X-Csrf-Token", &others_csrf)], 403),
        ("a guess", &[("X-Csrf-Token", "guess")], 403),
        ("an empty token", &[("X-Csrf-Token", "")], 403),
        ("the bearer as well", &[("Authorization", &bearer)], 200),
    ];
    for (what, headers, status) in cases {
        let mut all = vec![("Cookie", cookie.as_str())];
        all.extend_from_slice(headers);
        let answer = rig.ask(&request("POST", "/opaque", &all, "x=1")).await;
        assert_eq!(answer.status, *status, "{what}: {}", answer.text());
        if *status == 403 {
            assert_eq!(answer.reason(), "cross_site", "{what}");
        }
    }
    let hits = rig.spy.hits();
    assert_eq!(rig.ask(&request("POST", "/opaque", &[("Authorization", &bearer)], "x")).await.status, 200);
    for method in ["GET", "HEAD"] {
        assert_eq!(rig.ask(&request(method, "/opaque", &[("Cookie", &cookie)], "")).await.status, 200, "{method}");
    }
    assert_eq!(rig.spy.hits(), hits + 3);
}
