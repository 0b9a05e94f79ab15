//! What only PostgreSQL brings: several writers and several processes, a server that goes and comes back.

use std::sync::Arc;

use sekisho_store::{SqlStore, postgres};
use sekisho_wire::cut::Cut;
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, PgConnection};

use crate::rig::{Rig, TestClock, settings};

mod between;
pub(crate) mod cluster;
mod commit;
mod dump;
mod loss;
mod order;
mod sharing;
mod tls;

use cluster::Database;

/// A connection that may do everything, beside the store's.
async fn superuser(database: &Database<'_>) -> PgConnection {
    let address: PgConnectOptions = database.address().parse().unwrap();
    let socket = address.socket(database.cluster.data()).username("postgres");
    socket.connect().await.unwrap()
}

/// Another process on the rig's database, as far as the store can tell.
async fn neighbour(rig: &Rig) -> (tempfile::TempDir, Arc<SqlStore>) {
    let dir = tempfile::tempdir().unwrap();
    let address = rig.database.as_ref().unwrap().address().parse().unwrap();
    let settings = settings(&TestClock::new(), &Cut::joined("store"));
    let store = postgres::open(dir.path(), &address, settings).await.unwrap();
    (dir, store)
}

/// Waits until so many of the store's statements wait for a lock. Not within a transaction, which sees one state of this.
async fn until_waiting(connection: &mut PgConnection, count: i64) {
    let waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() \
                   AND usename = 'house' AND wait_event_type = 'Lock'";
    while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut *connection).await.unwrap() < count {
        tokio::task::yield_now().await;
    }
}
