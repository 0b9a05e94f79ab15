//! Codes: one use, whatever comes of it.

use std::sync::Arc;

use sekisho_model::client::Clients as _;
use sekisho_model::code::{Codes as _, RedeemError, Redeemed};
use sekisho_model::grant::{Grants as _, RefreshState};
use sekisho_model::session::Sessions as _;
use sekisho_wire::{Change, Reason};
use tokio::task::JoinSet;

use crate::rig::{NOW, Rig, granted, web};

async fn a_code_becomes_a_grant_for_what_it_says(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let digest = rig.code(user, session).await;
    let before = rig.head().await;
    let redemption = rig.redemption(digest);
    let id = redemption.grant.id;
    let redeemed = rig.store.redeem_code(rig.act_at(10), redemption).await.unwrap();
    assert!(matches!(&redeemed, Redeemed::Granted { nonce: Some(nonce), .. } if nonce == "nonce"));
    let basis = granted(redeemed);
    assert_eq!(basis.position, before);
    let (grant, now) = (&basis.grant, NOW.plus_s(10));
    assert_eq!((grant.id, grant.client.clone(), grant.user, grant.session), (id, web(), user, Some(session)));
    assert_eq!((grant.scopes.to_string().as_str(), grant.audiences.len()), ("orders:read", 2));
    assert_eq!((grant.created_at, grant.expires_at, grant.ended_at), (now, now.plus_s(100_000), None));
    assert_eq!(grant.refresh, Some(RefreshState { generation: 0, rotated_at: now, idle_s: 10_000 }));

    let kept = rig.store.basis(&rig.realm, id).await.unwrap().unwrap();
    assert_eq!((&kept.grant, kept.user.id), (grant, user));
    assert_eq!(kept.session, basis.session);
    assert_eq!(rig.head().await, before);
}

async fn of_50_parallel_redemptions_one_is_granted_and_the_replays_revoke_it(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let digest = rig.code(user, session).await;
    let mut calls = JoinSet::new();
    for _ in 0..50 {
        let (store, act, redemption) = (Arc::clone(&rig.store), rig.act(), rig.redemption(digest));
        calls.spawn(async move { store.redeem_code(act, redemption).await.unwrap() });
    }
    let (mut grants, mut revoked_at) = (Vec::new(), Vec::new());
    for outcome in calls.join_all().await {
        match outcome {
            Redeemed::Granted { basis, .. } => grants.push(basis.grant.id),
            Redeemed::Refused { error: RedeemError::AlreadyRedeemed { .. }, revoked_at: at } => revoked_at.extend(at),
            other @ (Redeemed::Refused { .. } | Redeemed::Gone(_) | Redeemed::Unknown) => panic!("{other:?}"),
        }
    }
    assert_eq!((grants.len(), revoked_at.as_slice()), (1, [rig.head().await].as_slice()));
    assert_eq!(rig.last_changes().await, [Change::GrantRevoked { grant: grants[0] }]);
    let basis = rig.store.basis(&rig.realm, grants[0]).await.unwrap().unwrap();
    assert_eq!(basis.check(NOW), Err(Reason::GrantRevoked));
}

async fn a_code_that_was_presented_wrongly_is_burnt(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let digest = rig.code(user, session).await;
    let mut wrong = rig.redemption(digest);
    wrong.presented.challenge = Some("another".to_owned());
    let refused = rig.store.redeem_code(rig.act(), wrong).await.unwrap();
    assert!(matches!(refused, Redeemed::Refused { error: RedeemError::WrongVerifier, revoked_at: None }));
    let refused = rig.store.redeem_code(rig.act(), rig.redemption(digest)).await.unwrap();
    assert!(matches!(refused, Redeemed::Refused { error: RedeemError::Burnt, revoked_at: None }));
    assert!(rig.store.grants_of(rig.realm.clone(), user, NOW).await.unwrap().is_empty());
}

async fn a_code_whose_sign_in_ended_meanwhile_is_worth_nothing(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let digest = rig.code(user, session).await;
    rig.store.end_session(rig.act(), session).await.unwrap();
    let gone = rig.store.redeem_code(rig.act(), rig.redemption(digest)).await.unwrap();
    assert!(matches!(gone, Redeemed::Gone(Reason::SessionEnded)));
    let again = rig.store.redeem_code(rig.act(), rig.redemption(digest)).await.unwrap();
    assert!(matches!(again, Redeemed::Refused { error: RedeemError::Burnt, .. }));
}

async fn a_replay_ends_the_sign_in_that_exists_for_the_grant_alone(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.first_party(user).await;
    let digest = rig.code(user, session).await;
    let grant = granted(rig.store.redeem_code(rig.act(), rig.redemption(digest)).await.unwrap()).grant.id;
    let replay = rig.store.redeem_code(rig.act_at(3600), rig.redemption(digest)).await.unwrap();
    assert!(matches!(replay, Redeemed::Refused { revoked_at: Some(_), .. }));
    assert_eq!(rig.last_changes().await, [Change::GrantRevoked { grant }, Change::SessionEnded { session }]);
}

async fn a_code_that_never_was_is_unknown(rig: &Rig) {
    let outcome = rig.store.redeem_code(rig.act(), rig.redemption(rig.digest())).await.unwrap();
    assert!(matches!(outcome, Redeemed::Unknown));
}

async fn a_code_whose_client_was_disabled_meanwhile_is_worth_nothing(rig: &Rig) {
    rig.client("web").await;
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let code = rig.code(user, session).await;
    rig.store.disable_client(rig.act(), web()).await.unwrap().unwrap();
    let gone = rig.store.redeem_code(rig.act(), rig.redemption(code)).await;
    assert!(matches!(gone, Ok(Redeemed::Gone(Reason::ClientRevoked))), "{gone:?}");
    rig.store.enable_client(rig.act(), web()).await.unwrap();
    let again = rig.store.redeem_code(rig.act(), rig.redemption(code)).await;
    assert!(!matches!(again, Ok(Redeemed::Granted { .. })), "{again:?}");
}

on_every_backend!(
    a_code_whose_client_was_disabled_meanwhile_is_worth_nothing,
    a_code_becomes_a_grant_for_what_it_says,
    of_50_parallel_redemptions_one_is_granted_and_the_replays_revoke_it,
    a_code_that_was_presented_wrongly_is_burnt,
    a_code_whose_sign_in_ended_meanwhile_is_worth_nothing,
    a_replay_ends_the_sign_in_that_exists_for_the_grant_alone,
    a_code_that_never_was_is_unknown,
);
