//! Several processes on one database, what they do to one another, and how a database is opened.

use std::sync::Arc;

use sekisho_model::StoreError;
use sekisho_model::grant::Grants as _;
use sekisho_model::key::Keys as _;
use sekisho_model::session::Sessions as _;
use sekisho_model::user::Users as _;
use sekisho_store::postgres::{self, OpenError};
use sekisho_store::{DirectoryError, SqlStore};
use sekisho_wire::cut::Cut;
use tokio::task::JoinSet;

use super::{neighbour, superuser, until_waiting};
use crate::postgres::cluster::Cluster;
use crate::rig::{NOW, Rig, TestClock, new_key, settings};

async fn open(dir: &std::path::Path, address: &str) -> Result<Arc<SqlStore>, OpenError> {
    postgres::open(dir, &address.parse().unwrap(), settings(&TestClock::new(), &Cut::joined("store"))).await
}

#[tokio::test]
async fn a_database_is_shared_and_a_directory_is_not() {
    let rig = Rig::postgres().await;
    let (_dir, other) = neighbour(&rig).await;
    let user = rig.user("alice").await;
    assert!(other.user(&rig.realm, user).await.unwrap().is_some());
    let position = other.disable_user(rig.act(), user).await.unwrap().unwrap();
    assert_eq!(rig.head().await, position);
    other.close().await;

    let refused = open(&rig.data(), &rig.database.as_ref().unwrap().address()).await.unwrap_err();
    assert!(matches!(refused, OpenError::Directory(DirectoryError::Locked { .. })), "{refused:?}");
    rig.store.close().await;
    open(&rig.data(), &rig.database.as_ref().unwrap().address()).await.unwrap().close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn processes_that_start_at_once_make_the_schema_once() {
    let database = Cluster::shared().database();
    let mut starts = JoinSet::new();
    for _ in 0..4 {
        let address = database.address();
        starts.spawn(async move {
            let dir = tempfile::tempdir().unwrap();
            open(dir.path(), &address).await.unwrap().close().await;
        });
    }
    starts.join_all().await;
    let mut connection = superuser(&database).await;
    let versions: Vec<i64> =
        sqlx::query_scalar("SELECT version FROM schema_version").fetch_all(&mut connection).await.unwrap();
    assert_eq!(versions, (1..=postgres::SCHEMA_VERSION).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_both_versions_are_named() {
    let rig = Rig::postgres().await;
    let database = rig.database.as_ref().unwrap();
    rig.store.close().await;
    let newer = "INSERT INTO schema_version VALUES (4711, 0)";
    sqlx::raw_sql(newer).execute(&mut superuser(database).await).await.unwrap();
    let message = open(&rig.data(), &database.address()).await.unwrap_err().to_string();
    let known = format!("has schema version 4711, and this program knows versions up to {}", postgres::SCHEMA_VERSION);
    assert!(message.contains(&known), "{message}");
}

#[tokio::test]
async fn what_keeps_a_database_from_being_opened_is_told_without_the_password() {
    let database = Cluster::shared().database();
    let good = database.address();
    let dir = tempfile::tempdir().unwrap();
    for (bad, expected) in [
        (good.replace("%2F%231", "hunter2"), "password authentication failed"),
        (good.replace(&database.name, "nowhere"), "does not exist"),
        (good.replace("127.0.0.1", "no-such-host.invalid").replace("nowhere", "x") + "?sslmode=disable", ""),
        (good.clone() + "?sslmode=require", "TLS"),
    ] {
        let error = open(dir.path(), &bad).await.unwrap_err();
        let told = format!("{error}: {}", std::error::Error::source(&error).unwrap());
        assert!(matches!(error, OpenError::Connect { .. }) && told.contains(expected), "{told}");
        assert!(!format!("{told} {error:?}").contains("sesame"), "{error:?}");
    }
    open(dir.path(), &good).await.unwrap().close().await;
}

#[tokio::test]
async fn of_two_transactions_in_each_others_way_the_one_taken_back_is_done_again() {
    let rig = Rig::postgres().await;
    rig.client("web").await;
    let user = rig.user("alice").await;
    let session = rig.first_party(user).await;
    let grant = rig.grant(user, session).await;
    let mut other = superuser(rig.database.as_ref().unwrap()).await;
    // The other never gives way, and does what ending the sign-in does: its row first, then its grants.
    let first = "SET deadlock_timeout = '1h'; BEGIN; UPDATE sessions SET last_seen = last_seen";
    sqlx::raw_sql(first).execute(&mut other).await.unwrap();
    let (store, act) = (Arc::clone(&rig.store), rig.act());
    let mut calls = JoinSet::new();
    calls.spawn(async move { store.revoke_grant(act, grant).await });
    let mut watcher = superuser(rig.database.as_ref().unwrap()).await;
    until_waiting(&mut watcher, 1).await;
    sqlx::raw_sql("UPDATE grants SET created_at = created_at; COMMIT").execute(&mut other).await.unwrap();
    assert_eq!(calls.join_next().await.unwrap().unwrap().unwrap(), Some(rig.head().await));
    let sessions = rig.store.sessions_of(rig.realm.clone(), user, NOW).await.unwrap();
    assert!(sessions.is_empty() && rig.last_changes().await.len() == 2, "the whole of it was done");
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_keys_that_are_published_at_once_one_is_without_an_end() {
    let rig = Rig::postgres().await;
    let (_dir, other) = neighbour(&rig).await;
    let mut calls = JoinSet::new();
    for number in 0..8 {
        let store = if number % 2 == 0 { Arc::clone(&rig.store) } else { Arc::clone(&other) };
        let act = rig.act();
        calls.spawn(async move { store.publish_key(act, new_key(NOW), NOW.plus_s(700)).await.unwrap() });
    }
    calls.join_all().await;
    let (_, keys) = rig.store.keys(&rig.realm, NOW).await.unwrap();
    assert_eq!(keys.len(), 9);
    assert_eq!(keys.iter().filter(|key| key.published.gone_at.is_none()).count(), 1);
    other.close().await;
    rig.close().await;
}

#[tokio::test]
async fn a_damaged_row_is_told_by_table_and_key_and_spoils_nothing_else() {
    let rig = Rig::postgres().await;
    let (alice, bob) = (rig.user("alice").await, rig.user("bob").await);
    let mut other = superuser(rig.database.as_ref().unwrap()).await;
    sqlx::raw_sql("UPDATE users SET scopes = '\"' WHERE name = 'alice'").execute(&mut other).await.unwrap();
    let damaged = rig.store.user(&rig.realm, alice).await.unwrap_err();
    let StoreError::Damaged { table, row, .. } = damaged else { panic!("{damaged:?}") };
    assert_eq!((table, row), ("users", alice.to_string()));
    assert!(rig.store.user(&rig.realm, bob).await.unwrap().is_some());
    rig.close().await;
}
