//! Sweeping.

use sekisho_model::code::{Codes as _, Redeemed};
use sekisho_model::grant::Grants as _;
use sekisho_model::opaque::OpaqueTokens as _;
use sekisho_model::session::Sessions as _;
use sekisho_model::store::Upkeep as _;

use crate::rig::{NOW, Rig, granted, opaque};

const DAY_S: i64 = 86_400;

async fn a_sweep_deletes_no_more_than_it_may_and_says_how_much(rig: &Rig) {
    let (_, _, grant) = rig.any_grant("alice").await;
    for _ in 0..25 {
        let token = opaque(rig.digest(), grant, NOW.plus_s(60));
        rig.store.keep_opaque(rig.act(), token).await.unwrap();
    }
    let now = NOW.plus_s(60);
    assert_eq!(rig.store.sweep(now, 10).await, Ok(10));
    assert_eq!(rig.store.sweep(now, 10).await, Ok(10));
    assert_eq!(rig.store.sweep(now, 10).await, Ok(5));
    assert_eq!(rig.store.sweep(now, 10).await, Ok(0));
    assert_eq!(rig.store.sweep(now, 0).await, Ok(0));
}

async fn what_lives_stays(rig: &Rig) {
    let (user, session, grant) = rig.any_grant("alice").await;
    rig.store.touch_session(rig.act_at(500), session, 4000).await.unwrap();
    rig.store.sweep(NOW.plus_s(4499), 1000).await.unwrap();
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().unwrap().check(NOW.plus_s(4499)).is_ok());
    assert_eq!(rig.store.sessions_of(rig.realm.clone(), user, NOW.plus_s(4499)).await.unwrap().len(), 1);
}

async fn what_is_over_stays_for_a_day_and_a_grant_goes_before_its_sign_in(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let code = rig.code(user, session).await;
    let grant = granted(rig.store.redeem_code(rig.act(), rig.redemption(code)).await.unwrap()).grant.id;
    // The session idles out after 1000 s, long before the grant's own end; nobody writes that down.
    let over = NOW.plus_s(1000 + DAY_S);
    rig.store.sweep(over.plus_s(-1), 1000).await.unwrap();
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().is_some());
    let mut swept = 0;
    while rig.store.sweep(over, 1).await.unwrap() == 1 {
        swept += 1;
        // At no time is there a grant whose sign-in is missing, which would be damage.
        rig.store.basis(&rig.realm, grant).await.unwrap();
    }
    assert_eq!(swept, 2);
    assert!(rig.store.basis(&rig.realm, grant).await.unwrap().is_none());
}

async fn a_code_is_remembered_for_a_day_so_that_its_replay_ends_the_grant(rig: &Rig) {
    let user = rig.user("alice").await;
    let session = rig.session(user).await;
    let code = rig.code(user, session).await;
    granted(rig.store.redeem_code(rig.act(), rig.redemption(code)).await.unwrap());
    rig.store.sweep(NOW.plus_s(60 + DAY_S - 1), 1000).await.unwrap();
    let replay = rig.store.redeem_code(rig.act_at(60 + DAY_S - 1), rig.redemption(code)).await.unwrap();
    assert!(matches!(replay, Redeemed::Refused { revoked_at: Some(_), .. }), "{replay:?}");
    rig.store.sweep(NOW.plus_s(60 + DAY_S), 1000).await.unwrap();
    let replay = rig.store.redeem_code(rig.act_at(60 + DAY_S), rig.redemption(code)).await.unwrap();
    assert!(matches!(replay, Redeemed::Unknown));
}

on_every_backend!(
    a_sweep_deletes_no_more_than_it_may_and_says_how_much,
    what_lives_stays,
    what_is_over_stays_for_a_day_and_a_grant_goes_before_its_sign_in,
    a_code_is_remembered_for_a_day_so_that_its_replay_ends_the_grant,
);
