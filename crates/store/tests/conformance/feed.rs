//! The log behind the feed: order, chain, snapshots, trimming, epochs.

use std::collections::BTreeMap;
use std::sync::Arc;

use sekisho_model::audit::AuditLog as _;
use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::key::Keys as _;
use sekisho_model::session::Sessions as _;
use sekisho_model::store::Upkeep as _;
use sekisho_model::user::Users as _;
use sekisho_wire::audit::Event;
use sekisho_wire::change::PublishedKey;
use sekisho_wire::feed::{After, Entry, PAGE_ENTRIES_MAX, Snapshot};
use sekisho_wire::{Change, Position, RealmName, TokenId};
use tokio::task::JoinSet;

use crate::rig::{NOW, Rig, TOKEN_LIFETIME_S, check_chain, new_key};

/// Longer than any verifier's leeway: when the store forgets what has expired.
const FORGET_GRACE_S: i64 = 300;

/// The naive twin of a reader: what is refused, and the keys.
#[derive(Debug, Default, PartialEq)]
struct Fold {
    refused: Vec<(Position, Change)>,
    keys: BTreeMap<String, PublishedKey>,
}

// === impl Fold ===

impl Fold {
    fn of(snapshot: Snapshot) -> Self {
        let mut fold = Self::default();
        let keys = snapshot.keys.into_iter().map(|key| Change::KeyScheduled { key });
        keys.for_each(|change| fold.apply(snapshot.head.position, change));
        snapshot.standing.into_iter().for_each(|standing| fold.apply(standing.at, standing.change));
        fold
    }

    fn apply_all(&mut self, entries: &[Entry]) {
        for entry in entries {
            entry.changes.iter().for_each(|change| self.apply(entry.position, change.clone()));
        }
    }

    fn apply(&mut self, at: Position, change: Change) {
        if let Change::KeyScheduled { key } = change {
            self.keys.insert(key.jwk.kid().unwrap().as_str().to_owned(), key);
            return;
        }
        if let Change::KeyRevoked { kid } = &change {
            self.keys.remove(kid.as_str());
        }
        self.refused.push((at, change));
    }
}

async fn revisions_are_in_order_and_without_a_gap_under_concurrent_writers(rig: &Rig) {
    let mut calls = JoinSet::new();
    for name in 0..60 {
        let (user, session, grant) = rig.any_grant(&format!("user{name}")).await;
        let (store, act, token) = (Arc::clone(&rig.store), rig.act(), TokenId(rig.fresh()));
        calls.spawn(async move {
            match name % 4 {
                0 => store.end_session(act, session).await.unwrap().unwrap(),
                1 => store.revoke_grant(act, grant).await.unwrap().unwrap(),
                2 => store.sign_out_everywhere(act, user).await.unwrap().unwrap(),
                _ => store.revoke_token(act, token, NOW).await.unwrap(),
            }
        });
    }
    let mut told = calls.join_all().await;
    told.sort_unstable();
    let entries = rig.entries().await;
    assert_eq!(told, entries[1..].iter().map(|entry| entry.position).collect::<Vec<_>>());
    let head = rig.store.head(&rig.realm).await.unwrap();
    assert_eq!((head.position.revision.0, head.hash), (61, check_chain(&rig.realm, &entries)));
}

async fn long_logs_come_in_pages_that_follow_one_another(rig: &Rig) {
    let mut calls = JoinSet::new();
    for _ in 0..PAGE_ENTRIES_MAX + 5 {
        let (store, act, token) = (Arc::clone(&rig.store), rig.act(), TokenId(rig.fresh()));
        calls.spawn(async move { store.revoke_token(act, token, NOW).await.unwrap() });
    }
    calls.join_all().await;
    let start = Position::new(NOW.0.unsigned_abs(), 3);
    let After::Entries(page) = rig.store.after(&rig.realm, start).await.unwrap() else { panic!("trimmed") };
    assert_eq!((page.len(), page[0].prev), (PAGE_ENTRIES_MAX, start));
    assert!(page.windows(2).all(|pair| pair[1].prev == pair[0].entry.position));
    let last = page.last().unwrap().entry.position;
    let After::Entries(page) = rig.store.after(&rig.realm, last).await.unwrap() else { panic!("trimmed") };
    assert_eq!((page.len(), page[0].prev), (3, last));
    check_chain(&rig.realm, &rig.entries().await);
}

async fn a_snapshot_and_what_follows_it_are_the_fold_of_the_whole_log(rig: &Rig) {
    let (alice, session, _) = rig.any_grant("alice").await;
    rig.store.publish_key(rig.act(), new_key(NOW), NOW.plus_s(700)).await.unwrap();
    rig.store.end_session(rig.act(), session).await.unwrap();
    let snapshot = rig.store.snapshot(&rig.realm, NOW).await.unwrap();
    let at = snapshot.head;

    let (_, _, grant) = rig.any_grant("bob").await;
    rig.store.revoke_grant(rig.act_at(1), grant).await.unwrap();
    rig.store.disable_user(rig.act_at(2), alice).await.unwrap();
    let (_, keys) = rig.store.keys(&rig.realm, NOW).await.unwrap();
    let kid = keys[0].published.jwk.kid().unwrap().clone();
    rig.store.revoke_key(rig.act_at(3), kid).await.unwrap();
    let third = new_key(NOW.plus_s(4));
    rig.store.publish_key(rig.act_at(4), third, NOW.plus_s(800)).await.unwrap();

    let entries = rig.entries().await;
    let mut whole = Fold::default();
    whole.apply_all(&entries);
    let mut followed = Fold::of(snapshot);
    let After::Entries(page) = rig.store.after(&rig.realm, at.position).await.unwrap() else { panic!("trimmed") };
    let later: Vec<_> = page.into_iter().map(|envelope| envelope.entry).collect();
    followed.apply_all(&later);
    assert_eq!(followed, whole);
    assert_eq!(Fold::of(rig.store.snapshot(&rig.realm, NOW.plus_s(4)).await.unwrap()), whole);
    // The chain of a reader who began with the snapshot goes on from the snapshot's link.
    assert_eq!(later[0].hash, at.hash.next(later[0].position, later[0].until, &later[0].changes));
}

async fn positions_that_cannot_be_followed_ask_for_a_snapshot(rig: &Rig) {
    let head = rig.head().await;
    let ahead = Position::new(head.epoch.0, head.revision.0 + 1);
    let cases = [ahead, Position::new(head.epoch.0 + 1, 1), Position::new(head.epoch.0 - 1, 1), Position::new(0, 0)];
    for position in cases.into_iter().chain([Position::new(u64::MAX, u64::MAX)]) {
        assert_eq!(rig.store.after(&rig.realm, position).await.unwrap(), After::Resnapshot, "{position}");
    }
    assert_eq!(rig.store.after(&rig.realm, head).await.unwrap(), After::Entries(vec![]));
}

async fn only_the_old_end_is_trimmed_and_who_was_there_loads_a_snapshot(rig: &Rig) {
    let start = rig.head().await;
    let long = rig.store.revoke_token(rig.act(), TokenId(1), NOW.plus_s(50_000)).await.unwrap();
    let short = rig.store.revoke_token(rig.act(), TokenId(2), NOW.plus_s(1)).await.unwrap();
    let later = NOW.plus_s(TOKEN_LIFETIME_S + FORGET_GRACE_S);
    assert_eq!(rig.store.sweep(later.plus_s(-1), 100).await, Ok(0));
    assert_eq!(rig.store.sweep(later, 100).await, Ok(1));

    // The short one is over, but the long one before it stands, so both stay.
    assert_eq!(rig.store.after(&rig.realm, Position::new(start.epoch.0, 0)).await.unwrap(), After::Resnapshot);
    let After::Entries(page) = rig.store.after(&rig.realm, start).await.unwrap() else { panic!("trimmed") };
    assert_eq!(page.iter().map(|envelope| envelope.entry.position).collect::<Vec<_>>(), [long, short]);
    let snapshot = rig.store.snapshot(&rig.realm, later).await.unwrap();
    assert_eq!(snapshot.standing.iter().map(|standing| standing.at).collect::<Vec<_>>(), [long]);

    // With the whole log gone, the head still says where it stands.
    assert_eq!(rig.store.sweep(NOW.plus_s(60_000), 100).await, Ok(2));
    assert_eq!(rig.head().await, short);
    assert_eq!(rig.store.after(&rig.realm, short).await.unwrap(), After::Entries(vec![]));
    assert_eq!(rig.store.after(&rig.realm, long).await.unwrap(), After::Resnapshot);
    let next = rig.store.revoke_token(rig.act(), TokenId(3), NOW).await.unwrap();
    assert_eq!(next.revision.0, short.revision.0 + 1);
}

async fn a_new_epoch_lies_after_everything_and_keeps_what_stands(rig: &Rig) {
    let other: RealmName = "other".parse().unwrap();
    let other_at = rig.make_realm(&other).await;
    let before = rig.store.head(&rig.realm).await.unwrap();
    let revoked = rig.store.revoke_token(rig.act(), TokenId(1), NOW.plus_s(60)).await.unwrap();
    // The clock went back: the epoch does not.
    let epoch = rig.store.start_epoch(rig.act_at(-500)).await.unwrap();
    assert_eq!(epoch.0, before.position.epoch.0 + 1);
    assert_eq!(rig.store.start_epoch(rig.act_at(500)).await.unwrap().0, NOW.plus_s(500).0.unsigned_abs());

    assert_eq!(rig.store.head(&other).await.unwrap().position, other_at, "one realm's is not another's");
    let lines = rig.store.audit(&rig.realm, None, 2).await.unwrap();
    let told: Vec<_> = lines.into_iter().map(|row| (row.event.event, row.event.detail.unwrap_or_default())).collect();
    assert_eq!(told[0], (Event::EpochBegun, NOW.plus_s(500).0.to_string()));
    assert_eq!(told[1], (Event::EpochBegun, epoch.0.to_string()));

    assert_eq!(rig.store.after(&rig.realm, revoked).await.unwrap(), After::Resnapshot);
    let snapshot = rig.store.snapshot(&rig.realm, NOW).await.unwrap();
    assert_eq!(snapshot.head.position, Position::new(NOW.plus_s(500).0.unsigned_abs(), 0));
    assert_eq!(snapshot.standing.iter().map(|standing| standing.at).collect::<Vec<_>>(), [revoked]);

    let next = rig.store.revoke_token(rig.act(), TokenId(2), NOW).await.unwrap();
    assert!(next > revoked && next.revision.0 == 1);
    let entry = &rig.entries().await[0];
    assert_eq!(entry.hash, snapshot.head.hash.next(entry.position, entry.until, &entry.changes));
}

on_every_backend!(
    revisions_are_in_order_and_without_a_gap_under_concurrent_writers,
    long_logs_come_in_pages_that_follow_one_another,
    a_snapshot_and_what_follows_it_are_the_fold_of_the_whole_log,
    positions_that_cannot_be_followed_ask_for_a_snapshot,
    only_the_old_end_is_trimmed_and_who_was_there_loads_a_snapshot,
    a_new_epoch_lies_after_everything_and_keeps_what_stands,
);
