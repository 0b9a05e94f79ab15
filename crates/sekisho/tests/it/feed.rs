//! The feed is a log with a lease, not a broadcast with a deny set; and time is the tests' own.

use std::time::Duration;

use sekisho_wire::cut::State;

use crate::rig::Rig;

#[tokio::test(flavor = "multi_thread")]
async fn with_every_notification_discarded_a_logout_is_in_force_within_max_staleness() {
    let rig = Rig::start_deaf().await;
    for (path, token) in
        [("/opaque/orders/1", rig.login("alice").await), ("/jwt-feed/orders/1", rig.login_jwt("alice").await)]
    {
        assert_eq!(rig.gateway.get(path).bearer(&token).send().await.code(), 200, "{path}");
        let mount = if path.starts_with("/opaque") { "/auth/logout" } else { "/jwt/auth/logout" };
        assert_eq!(rig.gateway.post(mount).bearer(&token).send().await.code(), 204);
        rig.advance(Duration::from_secs(1)).await;
        assert_eq!(rig.gateway.get(path).bearer(&token).send().await.code(), 401, "{path}");
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
    rig.switches.head.set(State::Severed);
    rig.advance(Duration::from_millis(1500)).await;
    let asked = rig.identity_calls();
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 200, "identity vouches");
    assert!(rig.identity_calls() > asked);
    assert_eq!(rig.gateway.get("/jwt-feed-serve/orders/1").bearer(&jwt).send().await.code(), 200);
    assert_eq!(rig.gateway.post("/jwt/auth/logout").bearer(&jwt).send().await.code(), 204);
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 401, "identity says no");
    rig.switches.identity.set(State::Severed);
    let other = rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await;
    assert!([401, 503].contains(&other.code()), "{}", other.text());
}

/// On one thread, so that its CPU time is what moving costs, whoever else uses the machine.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn twelve_hours_pass_in_under_a_second() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let before = cpu_time();
    rig.advance(Duration::from_secs(12 * 3600 + 60)).await;
    let spent = cpu_time() - before;
    assert!(spent < Duration::from_secs(1), "{spent:?}");
    let answer = rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    assert_eq!(answer.code(), 401, "the sign-in idled out: {}", answer.text());
    let again = rig.login("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&again).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_store_hanging_warm_opaque_traffic_within_its_lease_keeps_going() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    for _ in 0..100 {
        assert_eq!(rig.gateway.get("/opaque-patient/orders/1").bearer(&opaque).send().await.code(), 200);
    }
    rig.switches.store.set(State::Hanging);
    for step in 0..10 {
        for _ in 0..100 {
            let answer = rig.gateway.get("/opaque-patient/orders/1").bearer(&opaque).send().await;
            assert_eq!(answer.code(), 200, "step {step}: {}", answer.text());
        }
        rig.advance(Duration::from_millis(500)).await;
    }
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
