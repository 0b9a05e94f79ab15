//! The rule of rotation.

use super::*;

fn grant(generation: u32, rotated_at: i64) -> Grant {
    Grant {
        id: GrantId(1),
        client: "web".parse().unwrap(),
        user: UserId(2),
        session: None,
        scopes: Scopes::default(),
        audiences: vec![],
        created_at: Timestamp(0),
        expires_at: Timestamp(10_000),
        refresh: Some(RefreshState { generation, rotated_at: Timestamp(rotated_at), idle_s: 1000 }),
        ended_at: None,
    }
}

#[track_caller]
fn check(generation: u32, now: i64, grace_s: i64, expected: RefreshStep) {
    assert_eq!(grant(5, 100).refresh(generation, Timestamp(now), grace_s), expected);
}

#[test]
fn the_newest_token_advances_until_it_has_idled_too_long() {
    check(5, 100, 0, RefreshStep::Advance { to: 6 });
    check(5, 1099, 0, RefreshStep::Advance { to: 6 });
    check(5, 1100, 0, RefreshStep::Expired);
}

#[test]
fn the_one_before_is_answered_with_the_same_successor_inside_the_grace_only() {
    check(4, 100, 10, RefreshStep::Repeat { to: 5 });
    check(4, 109, 10, RefreshStep::Repeat { to: 5 });
    check(4, 110, 10, RefreshStep::Reuse);
    check(4, 100, 0, RefreshStep::Reuse);
}

#[test]
fn older_ones_are_reuse_even_inside_the_grace() {
    check(3, 100, 10, RefreshStep::Reuse);
    check(0, 100, 10, RefreshStep::Reuse);
}

#[test]
fn a_generation_that_was_never_given_out_is_refused_and_ends_nothing() {
    check(6, 100, 10, RefreshStep::Ended);
}

#[test]
fn a_grant_that_is_over_refreshes_nothing_and_its_cap_holds_despite_rotation() {
    let mut over = grant(5, 100);
    over.ended_at = Some(Timestamp(101));
    assert_eq!(over.refresh(5, Timestamp(102), 10), RefreshStep::Ended);
    assert_eq!(over.refresh(4, Timestamp(102), 10), RefreshStep::Ended);
    let old = grant(5, 9_900);
    assert_eq!(old.refresh(5, Timestamp(10_000), 10), RefreshStep::Expired);
}
