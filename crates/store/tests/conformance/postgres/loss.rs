//! The server goes and comes back: whoever meets its absence is told so at once, nothing that was acknowledged is lost, and
//! nobody has to be started again.

use std::collections::HashSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sekisho_model::StoreError;
use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::realm::Realms as _;
use sekisho_model::user::Users as _;
use sekisho_store::postgres;
use sekisho_wire::cut::Cut;
use sekisho_wire::{Change, Position, TokenId, Unavailable};
use tokio::task::JoinSet;

use super::cluster::{Cluster, Database};
use super::{superuser, until_waiting};
use crate::rig::{NOW, Rig, TestClock, check_chain, settings};

const UNAVAILABLE: StoreError = StoreError::Unavailable(Unavailable::of("store"));

/// What writers were told, and whether they go on.
#[derive(Debug, Default)]
struct Told {
    acknowledged: Mutex<Vec<(TokenId, Position)>>,
    over: AtomicBool,
}

// === impl Told ===

impl Told {
    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Waits for so many more.
    async fn grows_by(&self, more: usize) {
        let enough = self.count() + more;
        while self.count() < enough {
            tokio::task::yield_now().await;
        }
    }
}

async fn on(database: &Database<'_>) -> Rig {
    let (clock, cut) = (TestClock::new(), Cut::joined("store"));
    let dir = tempfile::tempdir().unwrap();
    let address = database.address().parse().unwrap();
    let store = postgres::open(dir.path(), &address, settings(&clock, &cut)).await.unwrap();
    Rig::around(store, clock, cut, Some(dir)).await
}

/// Writes without end and notes what was acknowledged.
fn write_on(rig: &Arc<Rig>, told: &Arc<Told>) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for _ in 0..12 {
        let (rig, told) = (Arc::clone(rig), Arc::clone(told));
        writers.spawn(async move {
            while !told.over.load(Ordering::Relaxed) {
                let token = TokenId(rig.fresh());
                match rig.store.revoke_token(rig.act(), token, NOW.plus_s(1_000_000)).await {
                    Ok(position) => told.acknowledged.lock().unwrap().push((token, position)),
                    Err(error) => assert_eq!(error, UNAVAILABLE),
                }
                tokio::task::yield_now().await;
            }
        });
    }
    writers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_under_load_loses_nothing_acknowledged_and_the_store_goes_on_by_itself() {
    let cluster = Cluster::own();
    let database = cluster.database();
    let rig = Arc::new(on(&database).await);
    let user = rig.user("alice").await;
    let told = Arc::new(Told::default());
    let mut writers = write_on(&rig, &told);
    for _ in 0..2 {
        told.grows_by(200).await;
        cluster.crash();
        assert_eq!(rig.store.head(&rig.realm).await, Err(UNAVAILABLE));
        assert_eq!(rig.store.snapshot(&rig.realm, NOW).await, Err(UNAVAILABLE));
        assert_eq!(rig.store.realms().await, Err(UNAVAILABLE));
        assert_eq!(rig.store.set_user_scopes(rig.act(), user, Default::default()).await, Err(UNAVAILABLE));
        cluster.start();
        // Nobody tries again before a pause is over; it is the store's own clock that ends it.
        rig.clock.advance(Duration::from_secs(1));
        told.grows_by(200).await;
    }
    told.over.store(true, Ordering::Relaxed);
    while let Some(writer) = writers.join_next().await {
        writer.unwrap();
    }
    let entries = rig.entries().await;
    assert_eq!(rig.store.head(&rig.realm).await.unwrap().hash, check_chain(&rig.realm, &entries));
    for (token, position) in told.acknowledged.lock().unwrap().iter() {
        let entry = &entries[usize::try_from(position.revision.0).unwrap() - 1];
        assert_eq!((entry.position, &entry.changes), (*position, &vec![Change::TokenRevoked { token: *token }]));
    }
    // Also of those whose writers were told nothing, none was done twice.
    let mut connection = superuser(&database).await;
    let twice =
        "SELECT line::jsonb ->> 'detail' FROM audit WHERE event = 'token_revoked' GROUP BY 1 HAVING count(*) > 1";
    let twice: Vec<String> = sqlx::query_scalar(twice).fetch_all(&mut connection).await.unwrap();
    assert_eq!(twice, Vec::<String>::new());
    let mut revoked = HashSet::new();
    for change in entries.iter().flat_map(|entry| &entry.changes) {
        assert!(!matches!(change, Change::TokenRevoked { token } if !revoked.insert(*token)), "{change:?} twice");
    }
    assert!(revoked.len() >= told.count());
    let rig = Arc::into_inner(rig).unwrap();
    rig.close().await;
}

#[tokio::test]
async fn connections_that_died_unseen_cost_nobody_an_answer() {
    let cluster = Cluster::own();
    let database = cluster.database();
    let rig = on(&database).await;
    // Every reader and every writer has a connection.
    for number in 0..8 {
        rig.user(&format!("user{number}")).await;
        rig.head().await;
    }
    cluster.crash();
    cluster.start();
    for number in 8..16 {
        rig.user(&format!("user{number}")).await;
        rig.head().await;
        rig.store.snapshot(&rig.realm, NOW).await.unwrap();
    }
    rig.close().await;
}

#[tokio::test]
async fn a_server_that_does_not_answer_in_time_is_unavailable_and_its_connection_is_given_up() {
    let rig = Rig::postgres().await;
    let user = rig.user("alice").await;
    let database = rig.database.as_ref().unwrap();
    let (mut other, mut watcher) = (superuser(database).await, superuser(database).await);
    sqlx::raw_sql("BEGIN; LOCK TABLE heads, users").execute(&mut other).await.unwrap();
    let mut calls = JoinSet::new();
    let store = Arc::clone(&rig.store);
    let (realm, act) = (rig.realm.clone(), rig.act());
    calls.spawn(async move { store.head(&realm).await.map(drop) });
    let store = Arc::clone(&rig.store);
    calls.spawn(async move { store.disable_user(act, user).await.map(drop) });
    until_waiting(&mut watcher, 2).await;
    rig.clock.advance(Duration::from_secs(5));
    for outcome in calls.join_all().await {
        assert_eq!(outcome, Err(UNAVAILABLE));
    }
    sqlx::raw_sql("ROLLBACK").execute(&mut other).await.unwrap();
    for _ in 0..8 {
        rig.head().await;
        assert!(rig.store.disable_user(rig.act(), user).await.unwrap().is_some());
    }
    rig.close().await;
}
