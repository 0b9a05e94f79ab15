//! Opaque tokens.

use sekisho_model::grant::Grants as _;
use sekisho_model::opaque::OpaqueTokens as _;
use sekisho_wire::Reason;

use crate::rig::{NOW, Rig, opaque};

async fn a_token_leads_to_its_grant_until_its_time_is_over(rig: &Rig) {
    let (user, session, grant) = rig.any_grant("alice").await;
    let token = opaque(rig.digest(), grant, NOW.plus_s(60));
    rig.store.keep_opaque(rig.act(), token.clone()).await.unwrap();
    let found = rig.store.opaque(&rig.realm, token.digest, NOW.plus_s(59)).await.unwrap().unwrap();
    assert_eq!((found.scopes, found.audiences), (token.scopes, token.audiences), "what it was issued with");
    assert_eq!((found.expires_at, found.basis.position), (NOW.plus_s(60), rig.head().await));
    assert_eq!((found.basis.grant.id, found.basis.user.id), (grant, user));
    assert_eq!(found.basis.session.map(|session| session.id), Some(session));
    assert!(rig.store.opaque(&rig.realm, token.digest, NOW.plus_s(60)).await.unwrap().is_none());
    assert!(rig.store.opaque(&rig.realm, rig.digest(), NOW).await.unwrap().is_none());
}

async fn the_end_of_the_grant_shows_in_the_basis_and_the_end_of_the_token_does_not_touch_the_grant(rig: &Rig) {
    let (_, _, grant) = rig.any_grant("alice").await;
    let tokens = [rig.digest(), rig.digest()];
    for digest in tokens {
        rig.store.keep_opaque(rig.act(), opaque(digest, grant, NOW.plus_s(60))).await.unwrap();
    }
    assert_eq!(rig.store.drop_opaque(rig.act(), tokens[0]).await, Ok(true));
    assert_eq!(rig.store.drop_opaque(rig.act(), tokens[0]).await, Ok(false));
    assert!(rig.store.opaque(&rig.realm, tokens[0], NOW).await.unwrap().is_none());
    let other = rig.store.opaque(&rig.realm, tokens[1], NOW).await.unwrap().unwrap();
    assert_eq!(other.basis.check(NOW), Ok(()));

    rig.store.revoke_grant(rig.act(), grant).await.unwrap();
    let other = rig.store.opaque(&rig.realm, tokens[1], NOW).await.unwrap().unwrap();
    assert_eq!(other.basis.check(NOW), Err(Reason::GrantRevoked));
}

on_every_backend!(
    a_token_leads_to_its_grant_until_its_time_is_over,
    the_end_of_the_grant_shows_in_the_basis_and_the_end_of_the_token_does_not_touch_the_grant,
);
