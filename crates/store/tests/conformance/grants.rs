//! Grants: rotation by compare-and-set, and the end of a family.

use std::sync::Arc;

use sekisho_model::grant::{Grants as _, Refreshed};
use sekisho_model::session::Sessions as _;
use sekisho_model::user::Users as _;
use sekisho_wire::{Change, GrantId, Position, Reason, TokenId};
use tokio::task::JoinSet;

use crate::rig::{NOW, Rig, refresh};

/// What 50 parallel refreshes brought: the generations given out, the positions of revocations, the reasons of refusals.
async fn refresh_50_times(rig: &Rig, grant: GrantId, grace_s: i64) -> (Vec<u32>, Vec<Position>, Vec<Reason>) {
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (store, act) = (Arc::clone(&rig.store), rig.act_at(1));
        calls.spawn(async move { store.refresh_grant(act, refresh(grant, 0, grace_s)).await.unwrap() });
    }
    let (mut generations, mut revoked, mut refused) = (Vec::new(), Vec::new(), Vec::new());
    for outcome in calls.join_all().await {
        match outcome {
            Refreshed::Granted { generation, .. } => generations.push(generation),
            Refreshed::Reused(position) => revoked.extend(position),
            Refreshed::Refused(reason) => refused.push(reason),
        }
    }
    (generations, revoked, refused)
}

async fn generation(rig: &Rig, grant: GrantId) -> u32 {
    rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().grant.refresh.unwrap().generation
}

async fn without_grace_one_of_50_parallel_refreshes_is_granted_and_the_family_ends(rig: &Rig) {
    let (_, _, grant) = rig.any_grant("alice").await;
    let (generations, revoked, refused) = refresh_50_times(rig, grant, 0).await;
    assert_eq!(generations, [1]);
    assert_eq!(revoked, [rig.head().await]);
    assert_eq!(refused, [Reason::GrantRevoked; 48]);
    assert_eq!(rig.last_changes().await, [Change::GrantRevoked { grant }]);
    let basis = rig.store.basis(&rig.realm, grant).await.unwrap().unwrap();
    assert_eq!(basis.check(NOW.plus_s(1)), Err(Reason::GrantRevoked));
}

async fn with_grace_50_parallel_refreshes_get_the_same_generation_and_it_rises_by_one(rig: &Rig) {
    let (_, _, grant) = rig.any_grant("alice").await;
    let before = rig.head().await;
    let (generations, revoked, refused) = refresh_50_times(rig, grant, 10).await;
    assert_eq!(generations, [1; 50]);
    assert!(revoked.is_empty() && refused.is_empty());
    assert_eq!(generation(rig, grant).await, 1);
    assert_eq!(rig.head().await, before);
}

async fn a_successor_that_was_used_makes_its_predecessor_reuse_even_in_the_grace(rig: &Rig) {
    let (_, _, grant) = rig.any_grant("alice").await;
    for (generation, later_s) in [(0, 1), (1, 2)] {
        let outcome = rig.store.refresh_grant(rig.act_at(later_s), refresh(grant, generation, 10)).await.unwrap();
        assert!(matches!(outcome, Refreshed::Granted { generation: to, .. } if to == generation + 1));
    }
    let outcome = rig.store.refresh_grant(rig.act_at(3), refresh(grant, 0, 10)).await.unwrap();
    assert!(matches!(outcome, Refreshed::Reused(Some(_))));
}

async fn a_refresh_that_is_refused_changes_nothing(rig: &Rig) {
    let (user, session, grant) = rig.any_grant("alice").await;
    let before = rig.head().await;
    let mut foreign = refresh(grant, 0, 0);
    foreign.client = "another".parse().unwrap();
    let cases = [
        (1, foreign, Reason::UnknownToken),
        (1, refresh(GrantId(5), 0, 0), Reason::UnknownToken),
        (1, refresh(grant, 9, 0), Reason::GrantRevoked),
        (10_000, refresh(grant, 0, 0), Reason::Expired),
        // The sign-in has idled out although the refresh token has not.
        (1001, refresh(grant, 0, 0), Reason::Expired),
    ];
    for (later_s, request, expected) in cases {
        let outcome = rig.store.refresh_grant(rig.act_at(later_s), request).await.unwrap();
        assert!(matches!(outcome, Refreshed::Refused(reason) if reason == expected), "{outcome:?}");
    }
    assert_eq!((generation(rig, grant).await, rig.head().await), (0, before));

    rig.store.end_session(rig.act(), session).await.unwrap();
    let outcome = rig.store.refresh_grant(rig.act(), refresh(grant, 0, 0)).await.unwrap();
    assert!(matches!(outcome, Refreshed::Refused(Reason::GrantRevoked)));
    assert!(rig.store.grants_of(rig.realm.clone(), user, NOW).await.unwrap().is_empty());
}

async fn a_basis_carries_a_position_that_every_later_revocation_passes(rig: &Rig) {
    let (user, _, grant) = rig.any_grant("alice").await;
    let basis = rig.store.basis(&rig.realm, grant).await.unwrap().unwrap();
    let Refreshed::Granted { basis: rotated, .. } =
        rig.store.refresh_grant(rig.act(), refresh(grant, 0, 0)).await.unwrap()
    else {
        panic!("refused")
    };
    let revoked = rig.store.sign_out_everywhere(rig.act(), user).await.unwrap().unwrap();
    assert!(basis.position < revoked && rotated.position < revoked);
    assert_eq!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().position, revoked);
    assert!(rig.store.basis(&rig.realm, GrantId(5)).await.unwrap().is_none());
}

async fn a_revoked_grant_leaves_a_browser_session_and_ends_a_first_party_one(rig: &Rig) {
    let (user, browser, grant) = rig.any_grant("alice").await;
    assert!(rig.store.revoke_grant(rig.act(), grant).await.unwrap().is_some());
    assert_eq!(rig.last_changes().await, [Change::GrantRevoked { grant }]);
    assert_eq!(rig.store.revoke_grant(rig.act(), grant).await, Ok(None));

    let own = rig.first_party(user).await;
    let grant = rig.grant(user, own).await;
    rig.store.revoke_grant(rig.act(), grant).await.unwrap();
    assert_eq!(rig.last_changes().await, [Change::GrantRevoked { grant }, Change::SessionEnded { session: own }]);
    let living = rig.store.sessions_of(rig.realm.clone(), user, NOW).await.unwrap();
    assert_eq!(living.iter().map(|session| session.id).collect::<Vec<_>>(), [browser]);
}

async fn a_token_without_a_grant_is_revoked_until_it_would_have_expired(rig: &Rig) {
    let token = TokenId(rig.fresh());
    let position = rig.store.revoke_token(rig.act(), token, NOW.plus_s(77)).await.unwrap();
    let entry = rig.entries().await.pop().unwrap();
    assert_eq!((entry.position, entry.until), (position, NOW.plus_s(77)));
    assert_eq!(entry.changes, [Change::TokenRevoked { token }]);
}

async fn living_grants_are_listed_newest_first(rig: &Rig) {
    let (user, session, first) = rig.any_grant("alice").await;
    let second = rig.grant(user, session).await;
    let ended = rig.grant(user, session).await;
    rig.store.revoke_grant(rig.act(), ended).await.unwrap();
    let ids = async |later_s: i64| {
        let grants = rig.store.grants_of(rig.realm.clone(), user, NOW.plus_s(later_s)).await.unwrap();
        grants.iter().map(|grant| grant.id).collect::<Vec<_>>()
    };
    assert_eq!(ids(0).await, [second, first]);
    assert!(ids(100_000).await.is_empty());
}

on_every_backend!(
    without_grace_one_of_50_parallel_refreshes_is_granted_and_the_family_ends,
    with_grace_50_parallel_refreshes_get_the_same_generation_and_it_rises_by_one,
    a_successor_that_was_used_makes_its_predecessor_reuse_even_in_the_grace,
    a_refresh_that_is_refused_changes_nothing,
    a_basis_carries_a_position_that_every_later_revocation_passes,
    a_revoked_grant_leaves_a_browser_session_and_ends_a_first_party_one,
    a_token_without_a_grant_is_revoked_until_it_would_have_expired,
    living_grants_are_listed_newest_first,
);
