//! The feed is a log with a lease, not a broadcast with a deny set; and time is the tests' own.

use std::time::{Duration, Instant};

use sekisho_wire::cut::State;

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn with_every_notification_discarded_a_logout_is_in_force_within_max_staleness() {
    let rig = Rig::start_deaf().await;
    let routes = [("/opaque/orders/1", rig.login("alice").await), ("/jwt-feed/orders/1", rig.login_jwt("alice").await)];
    for (path, token) in &routes {
        assert_eq!(rig.gateway.get(path).bearer(token).send().await.code(), 200, "{path}");
    }
    // Not by way of the gateway, which would ask for the head by itself.
    rig.sign_out_everywhere("alice").await;
    for (path, token) in &routes {
        let deaf = rig.gateway.get(path).bearer(token).send().await;
        assert_eq!(deaf.code(), 200, "{path}: nobody told the gateway, and its lease has not run out");
    }
    rig.advance(Duration::from_secs(1)).await;
    // What is left of an opaque token identity says, which ended its grant.
    for ((path, token), reason) in routes.iter().zip(["grant_revoked", "subject_revoked"]) {
        let answer = rig.gateway.get(path).bearer(token).send().await;
        assert_eq!((answer.code(), answer.reason().as_str()), (401, reason), "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_head_failing_guarded_routes_answer_503_after_max_staleness_and_recover() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let jwt = rig.login_jwt("alice").await;
    let routes = [("/opaque-deny/orders/1", &opaque), ("/jwt-feed-deny/orders/1", &jwt)];
    for (path, token) in routes {
        assert_eq!(rig.gateway.get(path).bearer(token).send().await.code(), 200, "{path}");
    }
    rig.switches.head.set(State::Severed);
    rig.advance(Duration::from_millis(1500)).await;
    for (path, token) in routes {
        let answer = rig.gateway.get(path).bearer(token).send().await;
        assert_eq!((answer.code(), answer.reason().as_str()), (503, "feed_stale"), "{path}");
    }
    assert_eq!(rig.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200, "revocation: none does not ask");
    rig.switches.head.set(State::Joined);
    rig.settle().await;
    for (path, token) in routes {
        assert_eq!(rig.gateway.get(path).bearer(token).send().await.code(), 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_stale_ask_asks_identity_and_on_stale_serve_goes_on() {
    let rig = Rig::start().await;
    let jwt = rig.login_jwt("alice").await;
    for path in ["/jwt-feed/orders/1", "/jwt-feed-serve/orders/1"] {
        assert_eq!(rig.gateway.get(path).bearer(&jwt).send().await.code(), 200, "{path}");
    }
    let living = rig.login_jwt("alice").await;
    rig.switches.head.set(State::Severed);
    rig.advance(Duration::from_millis(1500)).await;
    let asked = rig.identity_calls();
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 200, "identity vouches");
    assert!(rig.identity_calls() > asked);
    assert_eq!(rig.gateway.get("/jwt-feed-serve/orders/1").bearer(&jwt).send().await.code(), 200);
    assert_eq!(rig.gateway.post("/jwt/auth/logout").bearer(&jwt).send().await.code(), 204);
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 401, "identity says no");
    rig.switches.identity.set(State::Severed);
    let nobody = rig.gateway.get("/jwt-feed/orders/1").bearer(&living).send().await;
    assert_eq!((nobody.code(), nobody.reason().as_str()), (503, "identity_unavailable"), "nobody can vouch for it");
}

/// A second of computing: on one thread, so that its CPU time is what moving costs, and how long it takes is up to whoever
/// else uses the machine. Nothing sleeps meanwhile, or it would take minutes of real time at the least.
#[cfg(target_os = "linux")]
#[tokio::test]
#[expect(clippy::disallowed_methods, reason = "what is measured here is real time")]
async fn twelve_hours_pass_in_under_a_second() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let (began, computed) = (Instant::now(), cpu_time());
    rig.advance(Duration::from_secs(12 * 3600 + 60)).await;
    let (took, spent) = (began.elapsed(), cpu_time() - computed);
    assert!(spent < Duration::from_secs(1), "{spent:?} of computing");
    assert!(took < Duration::from_secs(30), "{took:?}");
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    assert_eq!(answer.code(), 401, "the sign-in idled out: {}", answer.text());
    let again = rig.login("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&again).send().await.code(), 200);
}

/// How long a hundred requests of a token take, four at a time; each must succeed.
#[expect(clippy::disallowed_methods, reason = "a rate is in real time")]
async fn a_hundred_requests(rig: &Rig, token: &str) -> Duration {
    let began = Instant::now();
    let one = async || {
        for _ in 0..25 {
            let answer = rig.gateway.get("/opaque-patient/orders/1").bearer(token).send().await;
            assert_eq!(answer.code(), 200, "{}", answer.text());
        }
    };
    tokio::join!(one(), one(), one(), one());
    began.elapsed()
}

/// Quickest against quickest of ten, so that what else the machine does counts on neither side.
#[tokio::test(flavor = "multi_thread")]
async fn with_the_store_hanging_for_five_seconds_warm_opaque_traffic_within_its_lease_keeps_its_rate() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let (mut joined, mut hanging) = (Duration::MAX, Duration::MAX);
    for _ in 0..10 {
        joined = joined.min(a_hundred_requests(&rig, &opaque).await);
    }
    rig.switches.store.set(State::Hanging);
    for _ in 0..10 {
        hanging = hanging.min(a_hundred_requests(&rig, &opaque).await);
        rig.advance(Duration::from_millis(500)).await;
    }
    assert!(hanging < 2 * joined, "{hanging:?} with the store hanging, {joined:?} without");
    rig.switches.store.set(State::Joined);
    rig.settle().await;
    let fresh = rig.login("bob").await;
    assert_eq!(rig.gateway.get("/opaque-patient/orders/1").bearer(&fresh).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_gives_503_at_login_and_at_logout_and_keeps_the_cookie() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    rig.switches.store.set(State::Severed);
    assert_eq!(rig.login_with("alice", "whatever").await.code(), 503);
    let cookie = format!("sekisho-main-opaque={opaque}");
    let logout = rig.gateway.post("/auth/logout").header("cookie", &cookie).header("origin", &rig.gateway_origin());
    let logout = logout.send().await;
    assert_eq!(logout.code(), 503, "{}", logout.text());
    assert!(logout.header("set-cookie").is_none());
    rig.switches.store.set(State::Joined);
    rig.settle().await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200, "nothing was lost");
}

/// What this thread has computed so far.
#[cfg(target_os = "linux")]
fn cpu_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split_whitespace().next().unwrap().parse().unwrap())
}
