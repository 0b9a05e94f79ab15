//! The opaque pattern: swapped once, kept in memory, refused on the next request.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::join_all;
use sekisho_token::SystemEntropy;
use sekisho_token::credential::{Credential, Kind};
use sekisho_wire::Change;
use sekisho_wire::cut::State;

use crate::identity::{JWT_LIFETIME_S, OPAQUE_LIFETIME_S};
use crate::rig::Rig;

fn seconds(count: i64) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap())
}

#[tokio::test]
async fn a_token_is_swapped_once_and_then_known_from_memory() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    for _ in 0..20 {
        let answer = rig.get("/opaque/1", &token).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(rig.identity.swaps(), 1);
    let inner = rig.spy.last().bearer();
    assert!(inner.starts_with("eyJ") && !rig.spy.last().head.contains(&token));
    rig.identity.cut.set(State::Severed);
    assert_eq!(rig.get("/opaque/1", &token).await.status, 200, "identity is not needed");
    assert_eq!(rig.get("/opaque/1", &inner).await.verdict(), (401, "jwt_on_opaque_route".to_owned()));
}

#[tokio::test]
async fn a_hundred_first_requests_cause_one_swap() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    rig.identity.cut.set(State::Hanging);
    let asks = join_all((0..100).map(|_| rig.get("/opaque/1", &token)));
    let release = async {
        while rig.identity.swaps() == 0 {
            tokio::task::yield_now().await;
        }
        rig.clock.settle().await;
        rig.identity.cut.set(State::Joined);
    };
    let (answers, ()) = futures_util::future::join(asks, release).await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(rig.identity.swaps(), 1);
}

#[tokio::test]
async fn a_hundred_requests_at_the_inner_expiry_cause_one_swap_and_no_401() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque/1", &token).await.status, 200);
    let first = rig.spy.last().bearer();
    rig.clock.advance(seconds(JWT_LIFETIME_S)).await;
    let answers = join_all((0..100).map(|_| rig.get("/opaque/1", &token))).await;
    for answer in answers {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(rig.identity.swaps(), 2, "one for all hundred");
    assert_ne!(rig.spy.last().bearer(), first);
}

#[tokio::test]
async fn a_revoked_token_is_refused_on_the_next_request_from_memory() {
    let rig = Rig::start().await;
    let (alice, bob) = (rig.identity.opaque("alice", "orders:read"), rig.identity.opaque("bob", "orders:read"));
    for token in [&alice, &bob] {
        assert_eq!(rig.get("/opaque/1", token).await.status, 200);
    }
    rig.identity.cut.set(State::Severed);
    rig.identity.end(&alice);
    assert_eq!(rig.get("/opaque/1", &alice).await.verdict(), (401, "session_ended".to_owned()));
    assert_eq!(rig.get("/opaque/1", &bob).await.status, 200);
    rig.identity.cut.set(State::Joined);
    assert_eq!(rig.get("/opaque/1", &alice).await.verdict(), (401, "unknown_token".to_owned()));
}

#[tokio::test]
async fn with_every_wake_up_discarded_a_revocation_is_in_force_within_the_lease() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque/1", &token).await.status, 200);
    rig.identity.issuer.feed().wakeups.set(State::Severed);
    rig.identity.end(&token);
    rig.clock.advance(Duration::from_secs(1)).await;
    assert_eq!(rig.get("/opaque/1", &token).await.status, 401);
}

#[tokio::test]
async fn of_what_was_minted_for_a_subject_and_taken_back_identity_says_what_is_left() {
    let rig = Rig::start().await;
    let (kept, ended) = (rig.identity.opaque("alice", "orders:read"), rig.identity.opaque("alice", "orders:read"));
    for token in [&kept, &ended] {
        assert_eq!(rig.get("/opaque/1", token).await.status, 200);
    }
    let before = rig.spy.last().bearer();
    rig.identity.end(&ended);
    rig.identity.cut.set(State::Severed);
    rig.identity.issuer.revoke(Change::SubjectRevoked { subject: "alice".parse().unwrap() });
    let nobody_tells = (503, "identity_unavailable".to_owned());
    assert_eq!(rig.get("/opaque/1", &kept).await.verdict(), nobody_tells, "the old JWT is not good any more");
    rig.identity.cut.set(State::Joined);
    let swaps = rig.identity.swaps();
    for _ in 0..3 {
        assert_eq!(rig.get("/opaque/1", &kept).await.status, 200);
        assert_ne!(rig.spy.last().bearer(), before, "minted after the revocation");
        assert_eq!(rig.get("/opaque/1", &ended).await.status, 401);
    }
    assert_eq!(rig.identity.swaps(), swaps + 2, "asked once about each");
}

#[tokio::test]
async fn an_expired_token_is_refused() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque/1", &token).await.status, 200);
    rig.clock.advance(seconds(OPAQUE_LIFETIME_S)).await;
    assert_eq!(rig.get("/opaque/1", &token).await.verdict(), (401, "unknown_token".to_owned()));
}

#[tokio::test]
async fn what_one_audience_was_given_never_answers_for_another() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque/1", &token).await.status, 200);
    let both = rig.spy.last().bearer();
    assert_eq!(rig.get("/orders-only/1", &token).await.status, 200);
    let alone = rig.spy.last().bearer();
    assert_eq!(rig.identity.swaps(), 2);
    assert_ne!(both, alone);
    assert_eq!(rig.get("/opaque-deny/1", &token).await.status, 200);
    assert_eq!(rig.spy.last().bearer(), both, "the same audience shares");
    assert_eq!(rig.identity.swaps(), 2);
}

#[tokio::test]
async fn a_stale_lease_is_503_where_the_route_denies_or_nobody_can_be_asked_and_nothing_where_it_serves() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    for path in ["/opaque", "/opaque-deny", "/opaque-serve"] {
        assert_eq!(rig.get(path, &token).await.status, 200, "{path}");
    }
    rig.identity.issuer.feed().head.set(State::Severed);
    rig.clock.advance(Duration::from_millis(1500)).await;
    let denied = rig.get("/opaque-deny", &token).await;
    assert_eq!(denied.verdict(), (503, "feed_stale".to_owned()));
    assert!(denied.header("retry-after").is_some() && denied.header("set-cookie").is_none());
    let swaps = rig.identity.swaps();
    assert_eq!(rig.get("/opaque", &token).await.status, 200, "identity vouches");
    assert_eq!(rig.identity.swaps(), swaps + 1);
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
    assert_eq!(rig.identity.swaps(), swaps + 1, "for as long as the lease would");
    assert_eq!(rig.get("/opaque-serve", &token).await.status, 200);
    rig.identity.cut.set(State::Severed);
    rig.clock.advance(Duration::from_millis(1500)).await;
    assert_eq!(rig.get("/opaque", &token).await.verdict(), (503, "identity_unavailable".to_owned()));
    assert_eq!(rig.get("/opaque-serve", &token).await.status, 200, "until the inner JWT expires");
    rig.clock.advance(seconds(JWT_LIFETIME_S)).await;
    assert_eq!(rig.get("/opaque-serve", &token).await.status, 503);
    rig.identity.cut.set(State::Joined);
    rig.identity.issuer.feed().head.set(State::Joined);
    rig.clock.advance(Duration::from_secs(2)).await;
    assert_eq!(rig.get("/opaque-deny", &token).await.status, 200);
}

#[tokio::test]
async fn a_vouched_token_that_is_revoked_is_refused_at_once_although_the_feed_is_stale() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    rig.identity.issuer.feed().head.set(State::Severed);
    rig.clock.advance(Duration::from_millis(1500)).await;
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
    // The reader is offered an entry that it cannot apply: from then on no older answer counts.
    rig.identity.issuer.feed().wakeups.set(State::Severed);
    rig.identity.end(&token);
    rig.identity.issuer.feed().wakeups.set(State::Joined);
    rig.identity.issuer.revoke(Change::SubjectRevoked { subject: "somebody-else".parse().unwrap() });
    assert_eq!(rig.get("/opaque", &token).await.status, 401);
}

#[tokio::test]
async fn a_cold_token_with_identity_away_is_503_and_a_flood_of_bad_ones_asks_nobody() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    for number in 0..200 {
        let mut bad = token.clone();
        bad.replace_range(10..13, &format!("{number:03}"));
        if bad == token {
            continue;
        }
        let answer = rig.get("/opaque", &bad).await;
        assert_eq!(answer.reason(), "malformed_credential", "{number}");
    }
    assert_eq!(rig.identity.swaps(), 0);
    let unknown = Credential::mint(Kind::OpaqueToken, &SystemEntropy::default()).expose().to_owned();
    for _ in 0..50 {
        assert_eq!(rig.get("/opaque", &unknown).await.verdict(), (401, "unknown_token".to_owned()));
    }
    assert_eq!(rig.identity.swaps(), 1, "a refusal is remembered for a moment");
    rig.identity.cut.set(State::Severed);
    assert_eq!(rig.get("/opaque", &token).await.verdict(), (503, "identity_unavailable".to_owned()));
    rig.identity.cut.set(State::Joined);
    assert_eq!(rig.get("/opaque", &token).await.status, 200);
}

#[tokio::test]
async fn an_identity_that_hangs_is_waited_for_until_the_deadline_and_its_breaker_opens_and_closes() {
    let rig = Rig::limited(|limits| {
        limits.identity_deadline = Duration::from_secs(2);
        limits.breaker_failures_max = 3;
        limits.breaker_pause = Duration::from_secs(5);
    })
    .await;
    let tokens: Vec<String> = (0..5).map(|_| rig.identity.opaque("alice", "orders:read")).collect();
    rig.identity.cut.set(State::Hanging);
    let ask = rig.get("/opaque", &tokens[0]);
    let pass = async {
        while rig.identity.swaps() == 0 {
            tokio::task::yield_now().await;
        }
        rig.clock.advance(Duration::from_secs(2)).await;
    };
    let (answer, ()) = futures_util::future::join(ask, pass).await;
    assert_eq!(answer.verdict(), (503, "identity_unavailable".to_owned()));
    rig.identity.cut.set(State::Severed);
    for token in &tokens[1..4] {
        assert_eq!(rig.get("/opaque", token).await.status, 503);
    }
    assert_eq!(rig.identity.swaps.load(Ordering::SeqCst), 3, "after three failures it is left alone");
    rig.identity.cut.set(State::Joined);
    assert_eq!(rig.get("/opaque", &tokens[4]).await.status, 503);
    rig.clock.advance(Duration::from_secs(5)).await;
    assert_eq!(rig.get("/opaque", &tokens[4]).await.status, 200);
}
