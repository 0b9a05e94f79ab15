//! The connection breaks in the middle of a write. Where nobody knows what became of it the caller reads Unavailable and
//! it is not done again; where the server cannot have kept it, it is done again. Either way it is there at most once.

use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::realm::{CreateRealmError, NewRealm, Realms as _};
use sekisho_model::{Act, StoreError};
use sekisho_store::postgres;
use sekisho_wire::cut::Cut;
use sekisho_wire::{Change, RealmName, TokenId, Unavailable};

use super::between::Between;
use super::between::Moment::{self, After, Before};
use super::cluster::Cluster;
use super::superuser;
use crate::rig::{NOW, Rig, TestClock, check_chain, new_key, settings};

const UNAVAILABLE: StoreError = StoreError::Unavailable(Unavailable::of("store"));

/// A store with somebody between it and its server.
async fn rig() -> (Rig, Between) {
    let (clock, cut) = (TestClock::new(), Cut::joined("store"));
    let (dir, database) = (tempfile::tempdir().unwrap(), Cluster::shared().database());
    let between = Between::us_and(&database).await;
    let address = between.address(&database).parse().unwrap();
    let store = postgres::open(&dir.path().join("data"), &address, settings(&clock, &cut)).await.unwrap();
    let mut rig = Rig::around(store, clock, cut, Some(dir)).await;
    rig.database = Some(database);
    (rig, between)
}

/// How often a token was revoked, by the feed and by the audit.
async fn times(rig: &Rig, token: TokenId) -> (usize, i64) {
    let entries = rig.entries().await;
    assert_eq!(rig.store.head(&rig.realm).await.unwrap().hash, check_chain(&rig.realm, &entries));
    let revoked = Change::TokenRevoked { token };
    let entries = entries.iter().flat_map(|entry| &entry.changes).filter(|change| **change == revoked).count();
    let mut connection = superuser(rig.database.as_ref().unwrap()).await;
    let lines = "SELECT count(*) FROM audit WHERE event = 'token_revoked' AND line::jsonb ->> 'detail' = $1";
    let lines = sqlx::query_scalar(lines).bind(token.to_string()).fetch_one(&mut connection).await.unwrap();
    (entries, lines)
}

/// Revokes a token while the wire is cut at this moment; says what the caller read, and how often it was done.
async fn revoked_amid(rig: &Rig, between: &Between, moment: Moment) -> (Result<(), StoreError>, (usize, i64)) {
    let token = TokenId(rig.fresh());
    between.cut(moment);
    let told = rig.store.revoke_token(rig.act(), token, NOW).await.map(drop);
    assert!(between.was_cut(), "{moment:?} came");
    (told, times(rig, token).await)
}

#[tokio::test]
async fn a_commit_whose_answer_was_lost_is_unavailable_and_was_done_once() {
    let (rig, between) = rig().await;
    // More often than there are writers: each of them meets it, with and without the statement prepared.
    for _ in 0..12 {
        assert_eq!(revoked_amid(&rig, &between, After("COMMIT")).await, (Err(UNAVAILABLE), (1, 1)));
    }
    // What was kept is what the caller finds who looks again.
    between.cut(After("COMMIT"));
    let other: RealmName = "other".parse().unwrap();
    let new = NewRealm { refresh_key_sealed: b"sealed refresh key".to_vec(), key: new_key(NOW) };
    let told = rig.store.create_realm(Act::by_house(other.clone(), NOW), new).await;
    assert_eq!(told, Err(CreateRealmError::Store(UNAVAILABLE)), "not that it exists already");
    assert!(rig.store.realm(&other).await.unwrap().is_some());
    rig.close().await;
}

#[tokio::test]
async fn a_commit_that_never_came_to_the_server_is_unavailable_and_was_not_done() {
    let (rig, between) = rig().await;
    for _ in 0..6 {
        assert_eq!(revoked_amid(&rig, &between, Before("COMMIT")).await, (Err(UNAVAILABLE), (0, 0)));
    }
    let token = TokenId(rig.fresh());
    rig.store.revoke_token(rig.act(), token, NOW).await.unwrap();
    assert_eq!(times(&rig, token).await, (1, 1));
    rig.close().await;
}

#[tokio::test]
async fn a_write_that_was_cut_off_before_its_commit_is_done_again_and_once() {
    let (rig, between) = rig().await;
    let statements = ["BEGIN", "INSERT INTO audit", "UPDATE heads SET revision", "INSERT INTO entries"];
    let within = statements.into_iter().flat_map(|statement| [Before(statement), After(statement)]);
    for moment in within.chain([Before("UPDATE heads SET hash"), After("UPDATE heads SET hash")]) {
        assert_eq!(revoked_amid(&rig, &between, moment).await, (Ok(()), (1, 1)), "{moment:?}");
    }
    rig.close().await;
}

#[tokio::test]
async fn a_read_that_was_cut_off_is_done_again_whenever_that_was() {
    let (rig, between) = rig().await;
    for moment in [Before("SELECT epoch"), After("SELECT epoch")] {
        between.cut(moment);
        rig.store.head(&rig.realm).await.unwrap();
        assert!(between.was_cut(), "{moment:?} came");
    }
    let within = ["BEGIN ISOLATION", "SELECT epoch", "COMMIT"];
    for moment in within.into_iter().flat_map(|statement| [Before(statement), After(statement)]) {
        between.cut(moment);
        rig.store.snapshot(&rig.realm, NOW).await.unwrap();
        assert!(between.was_cut(), "{moment:?} came");
    }
    rig.close().await;
}
