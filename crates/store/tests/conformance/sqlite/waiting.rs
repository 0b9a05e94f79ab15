//! Severed, hanging, busy, full and closed: each is an answer, and none of them is a wait without end.

use std::sync::Arc;
use std::time::Duration;

use sekisho_model::StoreError;
use sekisho_model::feed::FeedLog as _;
use sekisho_model::session::{Origin, Sessions as _};
use sekisho_model::user::Users as _;
use sekisho_wire::Unavailable;
use sekisho_wire::cut::State;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};
use tokio::task::JoinSet;

use crate::rig::Rig;

const UNAVAILABLE: StoreError = StoreError::Unavailable(Unavailable::of("store"));

/// Another program that holds the write lock, until it is dropped.
async fn other_writer(rig: &Rig) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(rig.data().join("sekisho.db"));
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::query("BEGIN IMMEDIATE").execute(&mut connection).await.unwrap();
    connection
}

#[tokio::test]
async fn a_severed_store_answers_at_once_and_a_hanging_one_when_it_is_joined_again() {
    for rig in [Rig::sqlite_in_memory().await, Rig::sqlite_on_disk().await] {
        let user = rig.user("alice").await;
        rig.cut.set(State::Severed);
        assert_eq!(rig.store.head(&rig.realm).await, Err(UNAVAILABLE));
        assert_eq!(rig.store.disable_user(rig.act(), user).await, Err(UNAVAILABLE));

        rig.cut.set(State::Hanging);
        let mut calls = JoinSet::new();
        let (store, act) = (Arc::clone(&rig.store), rig.act());
        calls.spawn(async move { store.disable_user(act, user).await });
        tokio::task::yield_now().await;
        assert!(calls.try_join_next().is_none());
        rig.cut.set(State::Joined);
        assert!(calls.join_next().await.unwrap().unwrap().unwrap().is_some());
        rig.close().await;
    }
}

#[tokio::test]
async fn a_write_that_waited_past_its_deadline_is_unavailable_and_is_not_done_later() {
    let rig = Rig::sqlite_on_disk().await;
    let user = rig.user("alice").await;
    let other = other_writer(&rig).await;
    let mut calls = JoinSet::new();
    // The first occupies the writer; the second waits in the queue behind it.
    for count in 1..=2 {
        let (store, act) = (Arc::clone(&rig.store), rig.act());
        calls.spawn(async move { store.sign_out_everywhere(act, user).await });
        rig.clock.has_sleepers(count).await;
    }
    // Reads do not wait for the writer.
    let before = rig.head().await;
    rig.clock.advance(Duration::from_secs(5));
    for outcome in calls.join_all().await {
        assert_eq!(outcome, Err(UNAVAILABLE));
    }
    other.close().await.unwrap();

    // The first may still be done, since it had begun; whoever comes now is served after it.
    let position = rig.store.disable_user(rig.act(), user).await.unwrap().unwrap();
    assert!(position.revision.0 <= before.revision.0 + 2);
    rig.close().await;
}

#[tokio::test]
async fn a_full_queue_refuses_at_once_and_what_was_accepted_is_done() {
    let rig = Rig::sqlite_on_disk().await;
    let user = rig.user("alice").await;
    let other = other_writer(&rig).await;
    let mut calls = JoinSet::new();
    for _ in 0..5000 {
        let (store, act) = (Arc::clone(&rig.store), rig.act());
        calls.spawn(async move { store.set_user_scopes(act, user, Default::default()).await });
    }
    // The clock stands still: a refusal now can only come from the queue.
    assert_eq!(calls.join_next().await.unwrap().unwrap(), Err(UNAVAILABLE));
    other.close().await.unwrap();
    let (done, refused): (Vec<_>, Vec<_>) = calls.join_all().await.into_iter().partition(Result::is_ok);
    assert!(done.len() >= 4096 && done.len() + refused.len() == 4999, "{} done", done.len());
    rig.close().await;
}

#[tokio::test]
async fn a_job_that_fails_does_not_hurt_those_in_the_same_commit() {
    let rig = Rig::sqlite_on_disk().await;
    let user = rig.user("alice").await;
    let taken = rig.session(user).await;
    let mut calls = JoinSet::new();
    for number in 0..40 {
        let mut new = rig.new_session(user, Origin::Browser);
        if number % 2 == 0 {
            new.id = taken;
        }
        let (store, act) = (Arc::clone(&rig.store), rig.act());
        calls.spawn(async move { (number, store.open_session(act, new).await.is_ok()) });
    }
    for (number, opened) in calls.join_all().await {
        assert_eq!(opened, number % 2 == 1);
    }
    let living = rig.store.sessions_of(rig.realm.clone(), user, crate::rig::NOW).await.unwrap();
    assert_eq!(living.len(), 21);
    rig.close().await;
}

#[tokio::test]
async fn a_closed_store_has_done_what_it_accepted_and_is_unavailable() {
    let rig = Rig::sqlite_on_disk().await;
    let mut calls = JoinSet::new();
    let user = rig.user("alice").await;
    for _ in 0..20 {
        let (store, act) = (Arc::clone(&rig.store), rig.act());
        calls.spawn(async move { store.sign_out_everywhere(act, user).await });
    }
    rig.clock.has_sleepers(20).await;
    rig.store.close().await;
    let done = calls.join_all().await.into_iter().filter(Result::is_ok).count();
    assert_eq!(rig.store.head(&rig.realm).await, Err(UNAVAILABLE));
    rig.store.close().await;

    let again = crate::rig::reopen(&rig.data()).await;
    assert_eq!(again.head(&rig.realm).await.unwrap().position.revision.0, 1 + u64::try_from(done).unwrap());
    again.close().await;
}
