//! Signing in, out, and asking whether one is.

use std::sync::atomic::Ordering;

use sekisho_gateway::config::Scheme;
use sekisho_wire::cut::State;

use crate::client::{Answer, Headers, get, request};
use crate::rig::Rig;

const JSON: (&str, &str) = ("Content-Type", "application/json");
const FORM: (&str, &str) = ("Content-Type", "application/x-www-form-urlencoded");
const OURS: (&str, &str) = ("Origin", "http://gateway.test");
const ALICE: &str = r#"{"username":"alice","password":"correct horse"}"#;

async fn login(rig: &Rig, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    rig.ask(&request("POST", path, headers, body)).await
}

#[tokio::test]
async fn a_login_gives_a_cookie_that_works_until_the_logout_and_no_longer() {
    let rig = Rig::start().await;
    let answer = login(&rig, "/auth/login", &[JSON, ("User-Agent", "spec")], ALICE).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("sekisho-main-opaque=sekot"), "{cookie}");
    assert!(cookie.ends_with("; Max-Age=43200; Path=/; HttpOnly; SameSite=Lax"), "{cookie}");
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert_eq!(body["sub"], "alice");
    assert!(body["sid"].is_string() && body["csrf"].is_string() && body["expires_at"].is_i64());
    assert_eq!(*rig.identity.attempts.lock().unwrap(), [(Some("127.0.0.1".parse().unwrap()), Some("spec".to_owned()))]);

    let token = answer.set_cookie("sekisho-main-opaque").unwrap();
    assert!(!answer.text().contains(&token));
    let cookie = format!("sekisho-main-opaque={token}");
    let session = rig.ask(&get("/auth/session", &[("Cookie", &cookie)])).await;
    assert_eq!(session.status, 200, "{}", session.text());
    assert_eq!(session.json(), body);
    assert_eq!(rig.ask(&get("/opaque", &[("Cookie", &cookie)])).await.status, 200);

    let foreign = [("Cookie", cookie.as_str()), ("Origin", "https://evil.example")];
    assert_eq!(login(&rig, "/auth/logout", &foreign, "").await.verdict(), (403, "cross_site".to_owned()));
    let logout = login(&rig, "/auth/logout", &[("Cookie", &cookie), OURS], "").await;
    assert_eq!(logout.status, 204, "{}", logout.text());
    let cleared = logout.header("set-cookie").unwrap();
    assert!(cleared.starts_with("sekisho-main-opaque=; Max-Age=0; "), "{cleared}");
    for path in ["/opaque", "/auth/session"] {
        assert_eq!(rig.ask(&get(path, &[("Cookie", &cookie)])).await.status, 401, "{path}");
    }
    assert_eq!(rig.ask(&get("/auth/session", &[])).await.verdict(), (401, "no_credential".to_owned()));
}

#[tokio::test]
async fn a_logout_is_in_force_on_this_gateway_even_when_no_news_comes_back() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
    rig.identity.issuer.feed().wakeups.set(State::Severed);
    let bearer = format!("Bearer {token}");
    assert_eq!(login(&rig, "/auth/logout", &[("Authorization", &bearer)], "").await.status, 204);
    assert_eq!(rig.get("/opaque", &token).await.status, 401);

    // Not even when the feed cannot be asked.
    rig.identity.issuer.feed().head.set(State::Severed);
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
    let bearer = format!("Bearer {token}");
    assert_eq!(login(&rig, "/auth/logout", &[("Authorization", &bearer)], "").await.status, 204);
    assert_eq!(rig.get("/opaque", &token).await.verdict(), (401, "unknown_token".to_owned()));

    let rig = Rig::start().await;
    rig.identity.issuer.feed().wakeups.set(State::Severed);
    let jwt = rig.identity.jwt("alice", "orders:read");
    assert_eq!(rig.get("/jwt-feed", &jwt).await.status, 200);
    let bearer = format!("Bearer {jwt}");
    assert_eq!(login(&rig, "/jwt/auth/logout", &[("Authorization", &bearer)], "").await.status, 204);
    assert_eq!(rig.get("/jwt-feed", &jwt).await.verdict(), (401, "session_ended".to_owned()));
}

#[tokio::test]
async fn a_logout_that_identity_did_not_hear_keeps_the_cookie() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    let cookie = format!("sekisho-main-opaque={token}");
    rig.identity.cut.set(State::Severed);
    let logout = login(&rig, "/auth/logout", &[("Cookie", &cookie), OURS], "").await;
    assert_eq!(logout.verdict(), (503, "identity_unavailable".to_owned()));
    assert!(logout.header("set-cookie").is_none() && logout.header("retry-after").is_some());
    rig.identity.cut.set(State::Joined);
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
    let garbage = [("Cookie", "sekisho-main-opaque=garbage"), OURS];
    assert_eq!(login(&rig, "/auth/logout", &garbage, "").await.status, 204);
    assert_eq!(login(&rig, "/auth/logout", &[], "").await.status, 204, "nothing to end");
    assert_eq!(rig.identity.revocations.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_form_needs_our_own_origin_and_json_only_must_not_come_from_elsewhere() {
    let rig = Rig::start().await;
    let form = "username=alice&password=correct+horse";
    let evil = ("Origin", "https://evil.example");
    let cases: &[(&str, Headers<'_>, &str, u16)] = &[
        ("a bare form", &[FORM], form, 403),
        ("a foreign form", &[FORM, evil], form, 403),
        ("a form of an allowed origin", &[FORM, ("Origin", "https://app.example")], form, 403),
        ("our form", &[FORM, OURS], form, 200),
        ("our form by fetch metadata", &[FORM, ("Sec-Fetch-Site", "same-origin")], form, 200),
        ("bare json", &[JSON], ALICE, 200),
        ("json with a charset", &[("Content-Type", "Application/JSON; charset=utf-8")], ALICE, 200),
        ("foreign json", &[JSON, evil], ALICE, 403),
        ("json from another site", &[JSON, ("Sec-Fetch-Site", "cross-site")], ALICE, 403),
        ("json of an allowed origin", &[JSON, ("Origin", "https://app.example")], ALICE, 200),
        ("text", &[("Content-Type", "text/plain")], ALICE, 400),
        ("no type", &[], ALICE, 400),
        ("json without a password", &[JSON], r#"{"username":"alice"}"#, 400),
        ("an empty name", &[JSON], r#"{"username":"","password":"x"}"#, 400),
        ("not json", &[JSON], "{", 400),
        ("two passwords", &[FORM, OURS], "username=alice&password=a&password=b", 400),
        ("too long", &[JSON], &format!("{:>20000}", ALICE), 413),
    ];
    for (what, headers, body, status) in cases {
        let answer = login(&rig, "/auth/login", headers, body).await;
        assert_eq!(answer.status, *status, "{what}: {}", answer.text());
        assert_eq!(answer.header("set-cookie").is_some(), *status == 200, "{what}");
    }
}

#[tokio::test]
async fn a_login_fails_with_the_reason_and_status_of_its_cause() {
    let rig = Rig::start().await;
    let wrong = login(&rig, "/auth/login", &[JSON], r#"{"username":"alice","password":"x"}"#).await;
    assert_eq!(wrong.verdict(), (401, "wrong_credentials".to_owned()));
    assert_eq!(wrong.header("www-authenticate"), Some("Bearer"));
    let unknown = login(&rig, "/auth/login", &[JSON], r#"{"username":"nobody","password":"x"}"#).await;
    assert_eq!(unknown.verdict(), wrong.verdict());
    let throttled = login(&rig, "/auth/login", &[JSON], r#"{"username":"throttled","password":"x"}"#).await;
    assert_eq!(throttled.verdict(), (429, "throttled".to_owned()));
    assert_eq!(throttled.header("retry-after"), Some("7"));
    let heavy = r#"{"username":"heavy","password":"correct horse"}"#;
    let large = login(&rig, "/jwt/auth/login", &[JSON], heavy).await;
    assert_eq!(large.verdict(), (403, "credential_too_large".to_owned()));
    assert_eq!(login(&rig, "/auth/login", &[JSON], heavy).await.status, 200, "the opaque pattern carries everybody");
    rig.identity.cut.set(State::Severed);
    assert_eq!(login(&rig, "/auth/login", &[JSON], ALICE).await.verdict(), (503, "identity_unavailable".to_owned()));
    assert!(rig.audit().iter().all(|line| !serde_json::to_string(line).unwrap().contains("horse")));
}

#[tokio::test]
async fn the_token_is_in_the_body_only_where_the_mount_allows_it_and_the_client_asks() {
    let rig = Rig::start().await;
    let body = login(&rig, "/jwt/auth/login?delivery=body", &[JSON], ALICE).await;
    let token = body.json()["access_token"].as_str().unwrap().to_owned();
    assert!(token.starts_with("eyJ"));
    assert_eq!((body.json()["token_type"].as_str(), body.json()["expires_in"].as_i64()), (Some("Bearer"), Some(300)));
    assert!(body.header("set-cookie").is_none());
    assert_eq!(rig.get("/jwt-feed", &token).await.status, 200);
    let in_cookie = login(&rig, "/jwt/auth/login", &[JSON], ALICE).await;
    assert!(in_cookie.set_cookie("sekisho-main-jwt").unwrap().starts_with("eyJ"));
    assert!(!in_cookie.text().contains("eyJ"));
    for path in
        ["/cookie-only/login?delivery=body", "/auth/login?delivery=post", "/auth/login?delivery=body&delivery=cookie"]
    {
        let refused = login(&rig, path, &[JSON], ALICE).await;
        assert_eq!(refused.verdict(), (400, "bad_login_request".to_owned()), "{path}");
    }
    let logout = login(&rig, "/jwt/auth/logout", &[("Authorization", &format!("Bearer {token}"))], "").await;
    assert_eq!(logout.status, 204);
    assert_eq!(rig.get("/jwt-feed", &token).await.status, 401);
}

#[tokio::test]
async fn on_https_cookies_are_bound_to_the_host() {
    let rig = Rig::with(&|config| config.scheme = Scheme::Https).await;
    let answer = login(&rig, "/auth/login", &[JSON, ("Origin", "https://gateway.test")], ALICE).await;
    let cookie = answer.header("set-cookie").unwrap();
    assert!(cookie.starts_with("__Host-sekisho-main-opaque="), "{cookie}");
    assert!(cookie.contains("; Path=/; Secure; HttpOnly; SameSite=Lax") && !cookie.contains("Domain"), "{cookie}");
    let token = answer.set_cookie("__Host-sekisho-main-opaque").unwrap();
    let host = format!("__Host-sekisho-main-opaque={token}");
    assert_eq!(rig.ask(&get("/opaque", &[("Cookie", &host)])).await.status, 200);
    let tossed = format!("sekisho-main-opaque={token}");
    assert_eq!(rig.ask(&get("/opaque", &[("Cookie", &tossed)])).await.status, 401, "without the prefix it is not ours");
}

#[tokio::test]
async fn identitys_work_is_never_done_by_a_core_that_proxies() {
    let rig = Rig::start().await;
    let login = login(&rig, "/auth/login", &[JSON], ALICE).await;
    let token = login.set_cookie("sekisho-main-opaque").unwrap();
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
    assert_eq!(rig.get("/jwt", &rig.identity.jwt("alice", "orders:read")).await.status, 200);
    let bearer = format!("Bearer {token}");
    assert_eq!(self::login(&rig, "/auth/logout", &[("Authorization", &bearer)], "").await.status, 204);
    let threads = rig.identity.threads.lock().unwrap().clone();
    assert!(!threads.is_empty() && threads.iter().all(|name| !name.starts_with("gateway-")), "{threads:?}");
}
