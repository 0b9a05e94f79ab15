//! JWT-1 … JWT-8: the JWT pattern, with the feed (`jwt-feed`) and without (`jwt`).
//!
//! JWT-3's "stop the process of identity" is proved here with the switch between the rooms; killing a process comes with
//! `sekisho patterns`. JWT-7's 60 seconds of load pass on the tests' clock.

use std::time::Duration;

use http::StatusCode;
use sekisho_identity::Takeover;
use sekisho_wire::cut::State;
use serde_json::json;

use crate::forge::Forge;
use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn jwt_1_login_brings_a_jwt_that_an_independent_library_verifies_against_the_jwks() {
    let rig = Rig::start().await;
    let login = rig.gateway.post("/jwt/auth/login").json(&rig.password_of("alice")).send().await;
    assert_eq!(login.code(), 200, "{}", login.text());
    // Default delivery is an HttpOnly cookie, and the body holds no token.
    let cookie = login.header("set-cookie").unwrap().to_owned();
    assert!(
        cookie.starts_with(&format!("{}=", rig.cookie("sekisho-main-jwt"))) && cookie.contains("HttpOnly"),
        "{cookie}"
    );
    assert!(cookie.contains("SameSite=Lax") && cookie.contains("Path=/"), "{cookie}");
    assert!(!login.text().contains("eyJ"), "{}", login.text());

    let jwt = login.set_cookie(&rig.cookie("sekisho-main-jwt")).unwrap();
    let header = jsonwebtoken::decode_header(&jwt).unwrap();
    assert_eq!(header.alg, jsonwebtoken::Algorithm::ES256);
    assert!(header.kid.is_some());
    assert_eq!(header.typ.as_deref(), Some("at+jwt"));
    let claims = rig.verify(&jwt, "orders").await;
    for claim in ["iss", "aud", "sub", "iat", "exp", "jti", "client_id", "scope", "sid", "grant", "rev"] {
        assert!(claims.get(claim).is_some(), "{claim} is missing: {claims}");
    }
    assert_eq!(claims["iss"], rig.issuer());
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_1_a_body_holds_the_token_only_where_the_mount_allows_it() {
    let rig = Rig::start().await;
    let body = rig.gateway.post("/jwt/auth/login?delivery=body").json(&rig.password_of("alice")).send().await;
    assert_eq!(body.json()["token_type"], "Bearer");
    assert!(body.json()["access_token"].as_str().unwrap().starts_with("eyJ"));
    let refused =
        rig.gateway.post("/cookie-only/auth/login?delivery=body").json(&rig.password_of("alice")).send().await;
    assert_eq!((refused.code(), refused.reason().as_str()), (400, "bad_login_request"), "{}", refused.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_is_renewed_at_its_mount_by_cookie_or_body_until_logout_ends_the_family() {
    let rig = Rig::start().await;
    let login = rig.gateway.post("/jwt/auth/login").json(&rig.password_of("alice")).send().await;
    let refresh = login.set_cookie(&rig.cookie("sekisho-main-refresh")).expect("a refresh cookie");
    let cookie = format!("{}={refresh}", rig.cookie("sekisho-main-refresh"));
    rig.advance(rig.access_token_lifetime()).await;
    let renew = || rig.gateway.post("/jwt/auth/refresh").header("cookie", &cookie);
    assert_eq!(renew().send().await.reason(), "cross_site", "only a page of ours may");
    assert_eq!(renew().header("origin", "https://evil.example").send().await.reason(), "cross_site");
    let renewed = renew().header("origin", &rig.gateway_origin()).send().await;
    assert_eq!(renewed.code(), 200, "{}", renewed.text());
    assert!(!renewed.text().contains("eyJ"), "{}", renewed.text());
    let jwt = renewed.set_cookie(&rig.cookie("sekisho-main-jwt")).unwrap();
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 200);
    let next = renewed.set_cookie(&rig.cookie("sekisho-main-refresh")).unwrap();
    assert_ne!(next, refresh);
    // The cookie of an expired JWT is gone from the browser; the refresh token alone still ends the sign-in.
    let logout = rig
        .gateway
        .post("/jwt/auth/logout")
        .header("cookie", &format!("{}={next}", rig.cookie("sekisho-main-refresh")));
    assert_eq!(logout.header("origin", &rig.gateway_origin()).send().await.code(), 204);
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 401);
    let late = rig.gateway.post("/jwt/auth/refresh?delivery=body").json(&json!({"refresh_token": next})).send().await;
    assert_eq!((late.code(), late.reason().as_str()), (401, "unknown_token"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_renews_its_jwt_with_the_refresh_token_from_the_body() {
    let rig = Rig::start().await;
    let body = rig.gateway.post("/jwt/auth/login?delivery=body").json(&rig.password_of("alice")).send().await.json();
    let refresh = &body["refresh_token"];
    let renew = async |target: &str, body: &serde_json::Value| rig.gateway.post(target).json(body).send().await;
    let renewed = renew("/jwt/auth/refresh?delivery=body", &json!({"refresh_token": refresh})).await;
    assert_eq!(renewed.code(), 200, "{}", renewed.text());
    let jwt = renewed.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200);
    for (wrong, reason) in [
        (json!({}), "bad_login_request"),
        (json!({"refresh_token": jwt}), "malformed_credential"),
        (json!({"refresh_token": "sekrt_nonsense"}), "unknown_token"),
    ] {
        assert_eq!(renew("/jwt/auth/refresh?delivery=body", &wrong).await.reason(), reason, "{wrong}");
    }
    assert_eq!(renew("/cookie-only/auth/refresh?delivery=body", &json!({"refresh_token": "x"})).await.code(), 400);
    assert_eq!(rig.gateway.post("/jwt/auth/refresh").send().await.reason(), "no_credential");
    assert_eq!(
        rig.gateway.post("/auth/refresh").send().await.code(),
        404,
        "an opaque token lives as long as the sign-in"
    );
    rig.switches.identity.set(State::Severed);
    let away = renew("/jwt/auth/refresh?delivery=body", &json!({"refresh_token": refresh})).await;
    assert_eq!(away.code(), 503, "{}", away.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_2_bearer_and_cookie_are_both_taken_and_the_next_service_verifies_the_jwt_itself() {
    let rig = Rig::start().await;
    let jwt = rig.login_jwt("alice").await;
    for path in ["/jwt/orders/1", "/jwt-feed/orders/1"] {
        assert_eq!(rig.gateway.get(path).bearer(&jwt).send().await.code(), 200, "{path}");
        let cookie = format!("{}={jwt}", rig.cookie("sekisho-main-jwt"));
        assert_eq!(rig.gateway.get(path).header("cookie", &cookie).send().await.code(), 200, "{path}");
    }
    rig.verify(&rig.spy.last().bearer(), "stock").await;
    assert_eq!(rig.stock.get("/stock/tea").send().await.code(), 401, "stock wants proof, not a network position");
    assert_eq!(rig.stock.get("/stock/tea").header("x-sekisho-subject", "admin").send().await.code(), 401);
    assert_eq!(rig.stock.get("/stock/tea").bearer(&jwt).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_3_a_thousand_requests_cost_identity_at_most_one_jwks_fetch_and_go_on_without_it() {
    let rig = Rig::start().await;
    let jwt = rig.login_jwt("alice").await;
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200);
    let calls = rig.identity_calls();
    for _ in 0..1000 {
        assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.status, StatusCode::OK);
    }
    assert!(rig.identity_calls() - calls <= 1, "{} calls", rig.identity_calls() - calls);
    let fresh = Forge::of(&rig).await.sound_token(&rig);
    rig.switches.identity.set(State::Severed);
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200);
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&fresh).send().await.code(), 200, "a token never seen before");
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_4_the_drawback_a_jwt_outlives_its_logout_until_it_expires() {
    let rig = Rig::start().await;
    let jwt = rig.login_jwt("alice").await;
    assert_eq!(rig.gateway.post("/jwt/auth/logout").bearer(&jwt).send().await.code(), 204);
    let claims = rig.verify(&jwt, "orders").await;
    let window = claims["exp"].as_i64().unwrap() - rig.now();
    assert_eq!(window, i64::try_from(rig.access_token_lifetime().as_secs()).unwrap(), "the stated maximum");
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200);
    // Up to the leeway of 60 s after `exp`; then it is over.
    let leeway = 60;
    rig.advance(Duration::from_secs(u64::try_from(window + leeway - 1).unwrap())).await;
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200);
    rig.advance(Duration::from_secs(1)).await;
    let answer = rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await;
    assert_eq!((answer.code(), answer.reason().as_str()), (401, "expired"));
    assert!(answer.header("www-authenticate").unwrap().contains(r#"error="invalid_token""#));
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_5_with_the_feed_the_old_jwt_is_refused_at_the_gateway_and_at_every_service_and_then_forgotten() {
    let rig = Rig::start().await;
    let jwt = rig.login_jwt("alice").await;
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 200);
    assert_eq!(rig.orders.get("/orders/1").bearer(&jwt).send().await.code(), 200);
    assert_eq!(rig.stock.get("/stock/tea").bearer(&jwt).send().await.code(), 200);
    assert_eq!(rig.gateway.post("/jwt/auth/logout").bearer(&jwt).send().await.code(), 204);
    let answer = rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await;
    assert_eq!((answer.code(), answer.reason().as_str()), (401, "session_ended"));
    rig.settle().await;
    assert_eq!(rig.orders.get("/orders/1").bearer(&jwt).send().await.code(), 401);
    assert_eq!(rig.stock.get("/stock/tea").bearer(&jwt).send().await.code(), 401);
    assert!(rig.standing_revocations().await > 0);
    rig.advance(rig.access_token_lifetime() + Duration::from_secs(300)).await;
    assert_eq!(rig.standing_revocations().await, 0, "nothing is remembered longer than it can matter");
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_6_a_cookie_needs_proof_of_origin_for_a_change_and_a_bearer_token_does_not() {
    let rig = Rig::start().await;
    let jwt = rig.login_jwt("bob").await;
    let cookie = format!("{}={jwt}", rig.cookie("sekisho-main-jwt"));
    let post = || rig.gateway.post("/jwt/orders");
    let bare = post().header("cookie", &cookie).send().await;
    assert_eq!((bare.code(), bare.reason().as_str()), (403, "cross_site"));
    let foreign = post().header("cookie", &cookie).header("origin", "https://evil.example").send().await;
    assert_eq!(foreign.code(), 403);
    let cross = post().header("cookie", &cookie).header("sec-fetch-site", "cross-site").send().await;
    assert_eq!(cross.code(), 403);
    assert_eq!(rig.spy.hits(), 0);
    assert_eq!(post().header("cookie", &cookie).header("origin", &rig.gateway_origin()).send().await.code(), 200);
    assert_eq!(post().header("cookie", &cookie).header("sec-fetch-site", "same-origin").send().await.code(), 200);
    let session = rig.gateway.get("/jwt/auth/session").header("cookie", &cookie).send().await;
    let csrf = session.json()["csrf"].as_str().expect("a csrf token").to_owned();
    assert_eq!(post().header("cookie", &cookie).header("x-csrf-token", &csrf).send().await.code(), 200);
    assert_eq!(post().header("cookie", &cookie).header("x-csrf-token", "guess").send().await.code(), 403);
    assert_eq!(post().bearer(&jwt).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_7_rotation_under_load_refuses_nobody_and_old_keys_go_when_their_last_token_has_expired() {
    let rig = Rig::start().await;
    let old = rig.login_jwt("alice").await;
    let old_kid = jsonwebtoken::decode_header(&old).unwrap().kid.unwrap();
    rig.rotate_key(Takeover::AfterLead).await;
    assert!(rig.jwks_kids().await.len() == 2, "the coming key is published before it signs");
    let mut new_kid_seen = false;
    for second in 0..90 {
        let fresh = rig.login_jwt("alice").await;
        let kid = jsonwebtoken::decode_header(&fresh).unwrap().kid.unwrap();
        new_kid_seen |= kid != old_kid;
        for (path, token) in [("/jwt/orders/1", &old), ("/jwt-feed/orders/1", &fresh), ("/jwt/orders/1", &fresh)] {
            let answer = rig.gateway.get(path).bearer(token).send().await;
            assert_eq!(answer.code(), 200, "second {second}, {path}: {}", answer.text());
        }
        rig.advance(Duration::from_secs(1)).await;
    }
    assert!(new_kid_seen, "the new key took over");
    let forge = Forge::of(&rig).await;
    rig.advance(rig.access_token_lifetime() + Duration::from_secs(300)).await;
    assert!(!rig.jwks_kids().await.contains(&old_kid), "the old key is gone");
    let late = rig.gateway.get("/jwt-feed/orders/1").bearer(&forge.sound_now(&rig)).send().await;
    assert_eq!((late.code(), late.reason().as_str()), (401, "key_gone"), "the database still has it");
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_7_a_key_that_is_taken_back_is_refused_at_once_and_nobody_else_notices() {
    let rig = Rig::start().await;
    let (old, opaque) = (rig.login_jwt("alice").await, rig.login("alice").await);
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&old).send().await.code(), 200);
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    let kid = jsonwebtoken::decode_header(&old).unwrap().kid.unwrap();
    rig.revoke_key(&kid).await;
    let answer = rig.gateway.get("/jwt-feed/orders/1").bearer(&old).send().await;
    assert_eq!(answer.code(), 401, "{}", answer.text());
    assert!(!rig.jwks_kids().await.contains(&kid));
    rig.settle().await;
    assert_eq!(rig.stock.get("/stock/tea").bearer(&old).send().await.code(), 401);
    let new = rig.login_jwt("alice").await;
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&new).send().await.code(), 200);
    assert_eq!(
        rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(),
        200,
        "swapped again, in passing"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_7_ten_thousand_random_kids_cause_at_most_one_jwks_fetch_per_cool_down() {
    let rig = Rig::start().await;
    let sound = rig.login_jwt("alice").await;
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&sound).send().await.code(), 200);
    let forge = Forge::of(&rig).await;
    let calls = rig.identity_calls();
    for number in 0..10_000 {
        let answer = rig.gateway.get("/jwt/orders/1").bearer(&forge.with_kid(&format!("kid{number}"))).send().await;
        assert_eq!(answer.code(), 401);
    }
    assert!(rig.identity_calls() - calls <= 1, "{} calls", rig.identity_calls() - calls);
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&sound).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_8_a_user_with_200_scopes_is_refused_at_login_and_never_later_by_a_431() {
    let rig = Rig::start().await;
    rig.make_user_with_scopes("heavy", 200).await;
    let login = rig.gateway.post("/jwt/auth/login").json(&rig.password_of("heavy")).send().await;
    assert_eq!((login.code(), login.reason().as_str()), (403, "credential_too_large"), "{}", login.text());
    assert!(login.header("set-cookie").is_none());
    // The opaque pattern carries the same user without effort.
    let opaque = rig.login("heavy").await;
    assert!(opaque.len() <= 64);
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    // Beyond what any header carries between services, the opaque pattern says no at login too.
    rig.make_user_with_scopes("heaviest", 900).await;
    let login = rig.gateway.post("/auth/login").json(&rig.password_of("heaviest")).send().await;
    assert_eq!((login.code(), login.reason().as_str()), (403, "credential_too_large"), "{}", login.text());
}

crate::secured::over_tls![
    jwt_1_login_brings_a_jwt_that_an_independent_library_verifies_against_the_jwks,
    jwt_1_a_body_holds_the_token_only_where_the_mount_allows_it,
    a_jwt_is_renewed_at_its_mount_by_cookie_or_body_until_logout_ends_the_family,
    a_program_renews_its_jwt_with_the_refresh_token_from_the_body,
    jwt_2_bearer_and_cookie_are_both_taken_and_the_next_service_verifies_the_jwt_itself,
    jwt_3_a_thousand_requests_cost_identity_at_most_one_jwks_fetch_and_go_on_without_it,
    jwt_4_the_drawback_a_jwt_outlives_its_logout_until_it_expires,
    jwt_5_with_the_feed_the_old_jwt_is_refused_at_the_gateway_and_at_every_service_and_then_forgotten,
    jwt_6_a_cookie_needs_proof_of_origin_for_a_change_and_a_bearer_token_does_not,
    jwt_7_a_key_that_is_taken_back_is_refused_at_once_and_nobody_else_notices,
    jwt_8_a_user_with_200_scopes_is_refused_at_login_and_never_later_by_a_431,
];
