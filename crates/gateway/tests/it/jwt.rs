//! The JWT pattern: verified here, with the feed or without.

use std::sync::atomic::Ordering;
use std::time::Duration;

use sekisho_wire::Change;
use sekisho_wire::cut::State;

use crate::rig::Rig;

#[tokio::test]
async fn without_the_feed_a_jwt_outlives_its_logout_and_with_it_it_is_refused_at_once() {
    let rig = Rig::start().await;
    let jwt = rig.identity.jwt("alice", "orders:read");
    for path in ["/jwt", "/jwt-feed"] {
        assert_eq!(rig.get(path, &jwt).await.status, 200, "{path}");
        assert_eq!(rig.spy.last().bearer(), jwt);
    }
    rig.identity.end(&jwt);
    assert_eq!(rig.get("/jwt", &jwt).await.status, 200, "until it expires");
    assert_eq!(rig.get("/jwt-feed", &jwt).await.verdict(), (401, "session_ended".to_owned()));
    rig.clock.advance(Duration::from_secs(300 + 59)).await;
    assert_eq!(rig.get("/jwt", &jwt).await.status, 200, "within the leeway");
    rig.clock.advance(Duration::from_secs(1)).await;
    assert_eq!(rig.get("/jwt", &jwt).await.verdict(), (401, "expired".to_owned()));
}

#[tokio::test]
async fn a_jwt_for_another_audience_with_another_type_or_changed_is_refused() {
    let rig = Rig::start().await;
    let issuer = &rig.identity.issuer;
    let other = issuer.token("alice").scopes("orders:read").audience(&["payroll"]).mint();
    let good = rig.identity.jwt("alice", "orders:read");
    let mut changed = good.clone();
    changed.replace_range(
        good.len() - 10..good.len() - 9,
        if good.as_bytes()[good.len() - 10] == b'A' { "B" } else { "A" },
    );
    for path in ["/jwt", "/jwt-feed"] {
        assert_eq!(rig.get(path, &other).await.verdict(), (401, "wrong_audience".to_owned()), "{path}");
        assert_eq!(rig.get(path, &changed).await.status, 401, "{path}");
        assert_eq!(rig.get(path, "nonsense").await.verdict(), (401, "malformed_credential".to_owned()), "{path}");
        assert_eq!(rig.get(path, &good).await.status, 200, "{path}");
    }
}

#[tokio::test]
async fn a_stale_feed_is_asked_about_through_identity_denied_or_served_as_the_route_says() {
    let rig = Rig::start().await;
    let jwt = rig.identity.jwt("alice", "orders:read");
    rig.identity.issuer.feed().head.set(State::Severed);
    rig.clock.advance(Duration::from_millis(1500)).await;
    assert_eq!(rig.get("/jwt-feed-deny", &jwt).await.verdict(), (503, "feed_stale".to_owned()));
    assert_eq!(rig.get("/jwt-feed-serve", &jwt).await.status, 200);
    assert_eq!(rig.get("/jwt", &jwt).await.status, 200);
    for _ in 0..5 {
        assert_eq!(rig.get("/jwt-feed", &jwt).await.status, 200, "identity vouches");
    }
    assert_eq!(rig.identity.inspections.load(Ordering::SeqCst), 1, "once within the lease");
    rig.identity.end(&jwt);
    assert_eq!(rig.get("/jwt-feed", &jwt).await.status, 401);
    let other = rig.identity.jwt("bob", "orders:read");
    assert_eq!(rig.get("/jwt-feed", "eyJh.eyJh.x").await.status, 401);
    assert_eq!(rig.identity.inspections.load(Ordering::SeqCst), 1, "nobody is asked about a token that is none");
    rig.identity.cut.set(State::Severed);
    assert_eq!(rig.get("/jwt-feed", &other).await.verdict(), (503, "identity_unavailable".to_owned()));
}

#[tokio::test]
async fn a_vouched_jwt_that_is_revoked_is_refused_at_once_although_the_feed_is_stale() {
    let rig = Rig::start().await;
    let jwt = rig.identity.jwt("alice", "orders:read");
    let feed = rig.identity.issuer.feed();
    feed.head.set(State::Severed);
    rig.clock.advance(Duration::from_millis(1500)).await;
    assert_eq!(rig.get("/jwt-feed", &jwt).await.status, 200);
    // The reader is offered an entry that it cannot apply: from then on no older answer counts.
    feed.wakeups.set(State::Severed);
    rig.identity.end(&jwt);
    feed.wakeups.set(State::Joined);
    rig.identity.issuer.revoke(Change::SubjectRevoked { subject: "somebody-else".parse().unwrap() });
    assert_eq!(rig.get("/jwt-feed", &jwt).await.verdict(), (401, "token_revoked".to_owned()));
}
