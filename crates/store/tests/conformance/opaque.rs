//! Opaque tokens.

use sekisho_model::grant::Grants as _;
use sekisho_model::opaque::{OpaqueTokens as _, TOGETHER_MAX};
use sekisho_wire::Reason;

use crate::rig::{NOW, Rig, opaque};

async fn a_token_leads_to_its_grant_until_its_time_is_over(rig: &Rig) {
    let (user, session, grant) = rig.any_grant("alice").await;
    let token = opaque(rig.digest(), grant, NOW.plus_s(60));
    rig.store.keep_opaque(rig.act(), token.clone()).await.unwrap();
    let found = rig.opaque(token.digest, NOW.plus_s(59)).await.unwrap();
    assert_eq!((found.scopes, found.audiences), (token.scopes, token.audiences), "what it was issued with");
    assert_eq!((found.expires_at, found.basis.position), (NOW.plus_s(60), rig.head().await));
    assert_eq!((found.basis.grant.id, found.basis.user.id), (grant, user));
    assert_eq!(found.basis.session.map(|session| session.id), Some(session));
    assert!(rig.opaque(token.digest, NOW.plus_s(60)).await.is_none());
    assert!(rig.opaque(rig.digest(), NOW).await.is_none());
}

async fn the_end_of_the_grant_shows_in_the_basis_and_the_end_of_the_token_does_not_touch_the_grant(rig: &Rig) {
    let (_, _, grant) = rig.any_grant("alice").await;
    let tokens = [rig.digest(), rig.digest()];
    for digest in tokens {
        rig.store.keep_opaque(rig.act(), opaque(digest, grant, NOW.plus_s(60))).await.unwrap();
    }
    assert_eq!(rig.store.drop_opaque(rig.act(), tokens[0]).await, Ok(true));
    assert_eq!(rig.store.drop_opaque(rig.act(), tokens[0]).await, Ok(false));
    assert!(rig.opaque(tokens[0], NOW).await.is_none());
    let other = rig.opaque(tokens[1], NOW).await.unwrap();
    assert_eq!(other.basis.check(NOW), Ok(()));

    rig.store.revoke_grant(rig.act(), grant).await.unwrap();
    let other = rig.opaque(tokens[1], NOW).await.unwrap();
    assert_eq!(other.basis.check(NOW), Err(Reason::GrantRevoked));
}

async fn as_many_as_are_asked_for_are_found_by_one_reading_each_with_its_own_grant(rig: &Rig) {
    let (_, _, alices) = rig.any_grant("alice").await;
    let (_, _, bobs) = rig.any_grant("bob").await;
    let mut kept = Vec::new();
    for number in 0..i64::try_from(TOGETHER_MAX).unwrap() {
        let grant = if number % 3 == 0 { bobs } else { alices };
        let token = opaque(rig.digest(), grant, NOW.plus_s(60 + number));
        rig.store.keep_opaque(rig.act(), token.clone()).await.unwrap();
        kept.push(token);
    }
    for count in 0..=TOGETHER_MAX {
        let mut asked: Vec<_> = kept.iter().map(|token| token.digest).take(count).collect();
        // Somebody made one up, and one is there twice.
        if (2..TOGETHER_MAX).contains(&count) {
            asked[0] = rig.digest();
            asked.push(asked[1]);
        }
        let found = rig.store.opaques(&rig.realm, asked.clone(), NOW.plus_s(1)).await.unwrap();
        let expected: Vec<_> = kept.iter().filter(|token| asked.contains(&token.digest)).collect();
        assert_eq!(found.len(), expected.len(), "of {count}");
        for token in expected {
            let (_, opaque) = found.iter().find(|(digest, _)| *digest == token.digest).unwrap();
            let opaque = opaque.as_ref().unwrap();
            assert_eq!((opaque.basis.grant.id, opaque.expires_at), (token.grant, token.expires_at));
        }
    }
}

on_every_backend!(
    as_many_as_are_asked_for_are_found_by_one_reading_each_with_its_own_grant,
    a_token_leads_to_its_grant_until_its_time_is_over,
    the_end_of_the_grant_shows_in_the_basis_and_the_end_of_the_token_does_not_touch_the_grant,
);
