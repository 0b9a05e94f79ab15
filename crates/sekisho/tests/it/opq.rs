//! OPQ-1 … OPQ-8: the opaque pattern (JWT and gateway).
//!
//! OPQ-1 holds for every answer that any story gets on these routes: the rig's client fails the story otherwise. OPQ-3,
//! OPQ-5 and OPQ-6 with a second gateway and over the wire are in `apart`, OPQ-7 on a page of the person's own in `pages`.

use std::time::Duration;

use sekisho_wire::cut::State;
use serde_json::json;

use crate::client::holds_a_jwt;
use crate::rig::{Rig, realm};

#[test]
fn the_search_for_a_jwt_finds_one() {
    assert!(holds_a_jwt("x: Bearer eyJhbGciOiJFUzI1NiJ9.eyJz.sig"));
    assert!(!holds_a_jwt("eyJhbGciOiJFUzI1NiJ9 and no dot"));
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_1_login_goes_through_the_gateway_and_no_byte_returned_to_the_client_holds_a_jwt() {
    let rig = Rig::start().await;
    rig.spy.answer_with("x-access-token", &rig.login_jwt_elsewhere("alice").await);
    let login = rig.gateway.post("/auth/login").json(&rig.password_of("alice")).send().await;
    assert_eq!(login.code(), 200, "{}", login.text());
    assert!(login.header("location").is_none());
    let opaque = login.set_cookie(&rig.cookie("sekisho-main-opaque")).expect("a cookie");
    let cookie = format!("{}={opaque}", rig.cookie("sekisho-main-opaque"));
    let session = rig.gateway.get("/auth/session").header("cookie", &cookie).send().await;
    assert_eq!(session.json()["sub"], rig.user("alice").id.to_string());
    for path in ["/opaque/orders/1", "/opaque/missing", "/opaque/%2e%2e/x"] {
        rig.gateway.get(path).header("cookie", &cookie).send().await;
        rig.gateway.get(path).bearer("garbage").send().await;
    }
    let logout = rig.gateway.post("/auth/logout").header("cookie", &cookie).header("origin", &rig.gateway_origin());
    assert_eq!(logout.send().await.code(), 204);
    rig.gateway.get("/opaque/orders/1").header("cookie", &cookie).send().await;
    assert!(rig.spy.hits() > 0);
    let received = rig.gateway.received();
    assert!(!holds_a_jwt(&received), "{received}");
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_2_the_token_is_short_and_says_nothing_and_the_upstream_sees_a_jwt_instead() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    assert!(opaque.len() <= 64, "{} bytes", opaque.len());
    assert!(opaque.bytes().all(|b| b.is_ascii_alphanumeric()));
    assert_ne!(opaque, rig.login("alice").await);

    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    assert_eq!(answer.code(), 200, "{}", answer.text());
    let seen = rig.spy.last();
    assert!(!seen.head_text().contains(&opaque));
    let claims = rig.verify(&seen.bearer(), "orders").await;
    assert_eq!(claims["sub"], rig.user("alice").id.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_2_a_jwt_in_a_response_header_is_wrapped_and_a_foreign_one_is_dropped_and_audited() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    let inner = rig.spy.last().bearer();
    rig.spy.answer_with("x-access-token", &inner);
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    let wrapped = answer.header("x-access-token").expect("a wrapped token").to_owned();
    assert!(wrapped.len() <= 64 && !holds_a_jwt(&wrapped), "{wrapped}");
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&wrapped).send().await.code(), 200);

    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    rig.spy.answer_with("x-access-token", &rig.foreign_jwt());
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    assert_eq!(answer.code(), 200);
    assert!(answer.header("x-access-token").is_none());
    assert_eq!(rig.audit.lines_of_event("response_token_dropped").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_3_solves_it_the_old_token_is_refused_on_the_very_next_request_after_logout() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    let inner = rig.spy.last().bearer();
    let claims = rig.verify(&inner, "orders").await;
    assert!(claims["exp"].as_i64().unwrap() - rig.now() >= 60, "the inner JWT has minutes to live");

    let logout = rig.gateway.post("/auth/logout").bearer(&opaque).send().await;
    assert_eq!(logout.code(), 204, "{}", logout.text());
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    assert_eq!(answer.code(), 401, "{}", answer.text());
    assert_eq!(rig.clock_moved(), Duration::ZERO, "no time passed in between");
    // The same script as JWT-4, with the opposite result: services with the feed refuse the inner JWT too.
    rig.settle().await;
    assert_eq!(rig.orders.get("/orders/1").bearer(&inner).send().await.code(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_4_the_inner_jwt_presented_from_outside_is_refused() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    let inner = rig.spy.last().bearer();
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&inner).send().await;
    assert_eq!((answer.code(), answer.reason().as_str()), (401, "jwt_on_opaque_route"));
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_5_a_restarted_house_still_knows_the_token() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let rig = rig.restart().await;
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    assert_eq!(answer.code(), 200, "{}", answer.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_6_a_hundred_parallel_requests_at_the_inner_expiry_cause_one_exchange_and_no_401() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    let swaps = rig.swaps();
    assert_eq!(swaps, 1);
    rig.advance(rig.access_token_lifetime() + Duration::from_secs(1)).await;
    let asks = (0..100).map(|_| rig.gateway.get("/opaque/orders/1").bearer(&opaque).send());
    let answers = futures_util::future::join_all(asks).await;
    for answer in answers {
        assert_eq!(answer.code(), 200, "{}", answer.text());
    }
    assert_eq!(rig.swaps(), swaps + 1, "one exchange for all hundred");
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_7_revoking_everything_of_a_user_ends_all_devices_and_nobody_else() {
    let rig = Rig::start().await;
    let devices = [rig.login("alice").await, rig.login("alice").await, rig.login("alice").await];
    let jwt = rig.login_jwt("alice").await;
    let bob = rig.login("bob").await;
    for token in devices.iter().chain([&bob]) {
        assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(token).send().await.code(), 200);
    }
    rig.sign_out_everywhere("alice").await;
    for token in &devices {
        let answer = rig.gateway.get("/opaque/orders/1").bearer(token).send().await;
        assert_eq!(answer.code(), 401, "{}", answer.text());
    }
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.reason(), "subject_revoked");
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&bob).send().await.code(), 200);
    // A new sign-in within the same second is not hit by the revocation.
    let again = rig.login("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&again).send().await.code(), 200);
    let again = rig.login_jwt("alice").await;
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&again).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_7_a_password_change_ends_all_devices_and_the_list_of_sign_ins_empties() {
    let rig = Rig::start().await;
    let devices = [rig.login("alice").await, rig.login("alice").await];
    let bob = rig.login("bob").await;
    let alice = "alice".parse().unwrap();
    let listed = rig.admin().sessions(&realm(), &alice).await.unwrap();
    assert_eq!(listed.len(), 2);
    assert!(listed.iter().all(|session| session.auth_time.0 == rig.now() && session.address.is_some()));
    rig.set_password("alice", "another horse altogether").await;
    for token in &devices {
        assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(token).send().await.code(), 401);
    }
    assert!(rig.admin().sessions(&realm(), &alice).await.unwrap().is_empty());
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&bob).send().await.code(), 200);
    let again = rig.login("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&again).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_8_a_token_minted_for_orders_alone_is_refused_by_stock() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let both = rig.gateway.get("/shop/orders/1").bearer(&opaque).send().await;
    assert_eq!(both.code(), 200, "{}", both.text());
    assert_eq!(both.json()["stock"]["status"], 200, "orders passed a token on that stock accepts: {}", both.text());
    let alone = rig.gateway.get("/shop-orders-only/orders/1").bearer(&opaque).send().await;
    assert_eq!(alone.json()["stock"]["status"], 401, "stock refuses a token for orders alone: {}", alone.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn opaque_with_identity_away_lives_for_max_staleness_and_no_longer() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    rig.switches.identity.set(State::Severed);
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    rig.advance(Duration::from_millis(1500)).await;
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    assert_eq!(answer.code(), 503, "{}", answer.text());
    let serving = rig.gateway.get("/opaque-serve/orders/1").bearer(&opaque).send().await;
    assert_eq!(serving.code(), 200, "on_stale: serve goes on with what is known: {}", serving.text());
    let cold = rig.gateway.get("/opaque-cold/orders/1").bearer(&opaque).send().await;
    assert_eq!(cold.code(), 503, "never exchanged for this route's audience: {}", cold.text());
    rig.switches.identity.set(State::Joined);
    rig.settle().await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_with_a_form_needs_the_same_origin() {
    let rig = Rig::start().await;
    let alice = rig.user("alice");
    let fields = [("username", "alice"), ("password", alice.password.as_str())];
    let plain = rig.gateway.post("/auth/login").form(&fields).send().await;
    assert_eq!((plain.code(), plain.reason().as_str()), (403, "cross_site"));
    let foreign = rig.gateway.post("/auth/login").form(&fields).header("origin", "https://evil.example").send().await;
    assert_eq!(foreign.code(), 403);
    let ours = rig.gateway.post("/auth/login").form(&fields).header("origin", &rig.gateway_origin()).send().await;
    assert_eq!(ours.code(), 200, "{}", ours.text());
    let foreign = rig.gateway.post("/auth/login").json(&rig.password_of("alice"));
    assert_eq!(foreign.header("sec-fetch-site", "cross-site").send().await.code(), 403);
    let broken = rig.gateway.post("/auth/login").json(&json!({"user": "alice"})).send().await;
    assert_eq!((broken.code(), broken.reason().as_str()), (400, "bad_login_request"));
}

crate::secured::over_tls![
    opq_1_login_goes_through_the_gateway_and_no_byte_returned_to_the_client_holds_a_jwt,
    opq_2_the_token_is_short_and_says_nothing_and_the_upstream_sees_a_jwt_instead,
    opq_2_a_jwt_in_a_response_header_is_wrapped_and_a_foreign_one_is_dropped_and_audited,
    opq_3_solves_it_the_old_token_is_refused_on_the_very_next_request_after_logout,
    opq_4_the_inner_jwt_presented_from_outside_is_refused,
    opq_5_a_restarted_house_still_knows_the_token,
    opq_6_a_hundred_parallel_requests_at_the_inner_expiry_cause_one_exchange_and_no_401,
    opq_7_revoking_everything_of_a_user_ends_all_devices_and_nobody_else,
    opq_7_a_password_change_ends_all_devices_and_the_list_of_sign_ins_empties,
    opq_8_a_token_minted_for_orders_alone_is_refused_by_stock,
    opaque_with_identity_away_lives_for_max_staleness_and_no_longer,
    a_login_with_a_form_needs_the_same_origin,
];
