//! Signing keys.

use sekisho_model::feed::FeedLog as _;
use sekisho_model::key::Keys as _;
use sekisho_token::key::KeyId;
use sekisho_wire::Change;

use crate::rig::{NOW, Rig, new_key};

async fn a_published_key_gives_the_others_their_end_in_one_entry(rig: &Rig) {
    let (_, before) = rig.store.keys(&rig.realm, NOW).await.unwrap();
    let second = new_key(NOW.plus_s(10));
    let position = rig.store.publish_key(rig.act_at(10), second.clone(), NOW.plus_s(700)).await.unwrap();
    let mut first = before[0].published.clone();
    first.gone_at = Some(NOW.plus_s(700));
    let expected = [first.clone(), second.published.clone()];
    assert_eq!(rig.last_changes().await, expected.clone().map(|key| Change::KeyScheduled { key }));

    let (at, keys) = rig.store.keys(&rig.realm, NOW.plus_s(699)).await.unwrap();
    assert_eq!(at, position);
    assert_eq!(keys.iter().map(|key| key.published.clone()).collect::<Vec<_>>(), expected);
    assert_eq!(keys[1].sealed, second.sealed);
    let (_, keys) = rig.store.keys(&rig.realm, NOW.plus_s(700)).await.unwrap();
    assert_eq!(keys.len(), 1);

    // A third leaves the end of the first as it is.
    rig.store.publish_key(rig.act_at(20), new_key(NOW.plus_s(20)), NOW.plus_s(900)).await.unwrap();
    let (_, keys) = rig.store.keys(&rig.realm, NOW).await.unwrap();
    let ends: Vec<_> = keys.iter().map(|key| key.published.gone_at).collect();
    assert_eq!(ends, [Some(NOW.plus_s(700)), Some(NOW.plus_s(900)), None]);
}

async fn a_revoked_key_is_gone_at_once_and_stands_in_the_snapshot_as_revoked(rig: &Rig) {
    let (_, keys) = rig.store.keys(&rig.realm, NOW).await.unwrap();
    let kid = keys[0].published.jwk.kid().unwrap().clone();
    let position = rig.store.revoke_key(rig.act_at(5), kid.clone()).await.unwrap().unwrap();
    assert_eq!(rig.last_changes().await, [Change::KeyRevoked { kid: kid.clone() }]);
    let snapshot = rig.store.snapshot(&rig.realm, NOW.plus_s(5)).await.unwrap();
    assert!(snapshot.keys.is_empty());
    assert_eq!(snapshot.standing.len(), 1);
    assert_eq!((snapshot.standing[0].at, &snapshot.standing[0].change), (position, &Change::KeyRevoked { kid }));
    assert_eq!(rig.store.revoke_key(rig.act(), KeyId::new("nothing")).await, Ok(None));
    assert_eq!(rig.head().await, position);
}

on_every_backend!(
    a_published_key_gives_the_others_their_end_in_one_entry,
    a_revoked_key_is_gone_at_once_and_stands_in_the_snapshot_as_revoked,
);
