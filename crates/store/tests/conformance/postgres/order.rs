//! Revisions of the feed become visible in their order, also where several connections of several processes write at once:
//! whoever saw a revision has seen all before it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::session::Sessions as _;
use sekisho_model::user::Users as _;
use sekisho_wire::feed::After;
use sekisho_wire::{Position, TokenId};
use sqlx::PgConnection;
use tokio::task::JoinSet;

use super::{neighbour, superuser};
use crate::rig::{NOW, Rig, check_chain};

/// How many states of the log are looked at while it grows; the writers go on until then.
const STATES_ENOUGH: usize = 50;

/// What can be seen at this moment.
async fn revisions(connection: &mut PgConnection, sql: &'static str) -> Vec<i64> {
    sqlx::query_scalar(sql).fetch_all(connection).await.unwrap()
}

/// The first revision that is missing before a later one.
fn gap(revisions: &[i64]) -> Option<i64> {
    (1..).zip(revisions).find_map(|(expected, found)| (expected != *found).then_some(expected))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_reader_ever_sees_a_revision_before_the_one_before_it() {
    let rig = Arc::new(Rig::postgres().await);
    let (_dir, other) = neighbour(&rig).await;
    let mut people = Vec::new();
    for number in 0..16 {
        people.push(rig.any_grant(&format!("user{number}")).await);
    }
    let (mut writers, watched) = (JoinSet::new(), Arc::new(AtomicBool::new(false)));
    for (number, (user, session, grant)) in people.into_iter().enumerate() {
        let store = if number % 2 == 0 { Arc::clone(&rig.store) } else { Arc::clone(&other) };
        let (rig, act, watched) = (Arc::clone(&rig), rig.act(), Arc::clone(&watched));
        writers.spawn(async move {
            while !watched.load(Ordering::Relaxed) {
                store.revoke_token(act.clone(), TokenId(rig.fresh()), NOW).await.unwrap();
            }
            store.revoke_grant(act.clone(), grant).await.unwrap().unwrap();
            store.end_session(act.clone(), session).await.unwrap().unwrap();
            store.sign_out_everywhere(act, user).await.unwrap().unwrap();
        });
    }
    let mut watcher = superuser(rig.database.as_ref().unwrap()).await;
    let (mut states, mut last, mut read) = (0, 0, rig.head().await);
    while !writers.is_empty() {
        let seen = revisions(&mut watcher, "SELECT revision FROM entries WHERE realm = 'main' ORDER BY revision").await;
        assert_eq!(gap(&seen), None, "{seen:?}");
        states += usize::from(seen.len() > last);
        last = seen.len();
        watched.fetch_or(states >= STATES_ENOUGH, Ordering::Relaxed);
        // A reader that follows never has to begin again, which a gap would make it do.
        let After::Entries(page) = other.after(&rig.realm, read).await.unwrap() else { panic!("a gap after {read}") };
        read = page.last().map_or(read, |envelope| envelope.entry.position);
        while let Some(done) = writers.try_join_next() {
            done.unwrap();
        }
    }
    let entries = rig.entries().await;
    assert!(states >= STATES_ENOUGH && entries.len() > 16 * 3, "{states} states, {} entries", entries.len());
    check_chain(&rig.realm, &entries);
    other.close().await;
    Arc::into_inner(rig).unwrap().close().await;
}

/// The proof that the test above can fail: with numbers from a sequence the same watcher sees what must not be.
#[tokio::test]
async fn numbers_from_a_sequence_would_be_seen_out_of_order() {
    let rig = Rig::postgres().await;
    let database = rig.database.as_ref().unwrap();
    let [mut first, mut second, mut watcher] =
        [superuser(database).await, superuser(database).await, superuser(database).await];
    let table = "CREATE TABLE wrong (revision BIGINT PRIMARY KEY GENERATED ALWAYS AS IDENTITY)";
    sqlx::raw_sql(table).execute(&mut watcher).await.unwrap();
    let write = "BEGIN; INSERT INTO wrong DEFAULT VALUES";
    sqlx::raw_sql(write).execute(&mut first).await.unwrap();
    sqlx::raw_sql(write).execute(&mut second).await.unwrap();
    sqlx::raw_sql("COMMIT").execute(&mut second).await.unwrap();
    let wrong = "SELECT revision FROM wrong ORDER BY revision";
    assert_eq!(gap(&revisions(&mut watcher, wrong).await), Some(1));
    sqlx::raw_sql("COMMIT").execute(&mut first).await.unwrap();
    assert_eq!(gap(&revisions(&mut watcher, wrong).await), None);
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn new_epochs_that_begin_at_once_come_after_one_another() {
    let rig = Rig::postgres().await;
    let (_dir, other) = neighbour(&rig).await;
    let mut calls = JoinSet::new();
    for number in 0..12 {
        let store = if number % 2 == 0 { Arc::clone(&rig.store) } else { Arc::clone(&other) };
        let (act, token) = (rig.act(), TokenId(rig.fresh()));
        calls.spawn(async move {
            let epoch = store.start_epoch(act.clone()).await.unwrap();
            store.revoke_token(act, token, NOW).await.unwrap();
            epoch.0
        });
    }
    let mut epochs = calls.join_all().await;
    epochs.sort_unstable();
    let first = NOW.0.unsigned_abs() + 1;
    assert_eq!(epochs, (first..first + 12).collect::<Vec<_>>());
    assert_eq!(rig.head().await.epoch, Position::new(first + 11, 0).epoch);
    other.close().await;
    rig.close().await;
}
