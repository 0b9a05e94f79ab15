//! PostgreSQL: the database that several processes share.
//!
//! ```text
//!   lanes ──► workers ──► connections        each worker has one, makes it when it needs it, and drops it when it broke
//!                │
//!              opener                        one for all: how to connect, and when to try again
//! ```
//!
//! Each write is a transaction of its own (READ COMMITTED; the rules of entities are compare-and-set), several of them side
//! by side; a read of several statements is REPEATABLE READ. What a transaction must not do twice it does not do twice:
//! work is done again only where the server took the first try back, never where a commit's fate is unknown.
//!
//! A server that is away costs the calls that meet it there, which read `Unavailable`, and nothing else: the next call
//! after a short pause tries again.
//!
//! Beside `sqlite`, this file and those below it are the only ones that know sqlx.
//!
//! Not here: which database is used (`sekisho`), failover (a standby is refused, its promotion is the operator's).

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use tokio::sync::Mutex;

use crate::directory::{DirLock, DirectoryError};
use crate::lane::Lane;
use crate::store::{Look, Settings, SqlStore, Workers};

mod address;
mod driver;
mod migrations;
mod opener;
mod worker;

pub use address::{Address, AddressError, RootError, Tls};
pub use migrations::SCHEMA_VERSION;
pub use opener::ConnectError;
use opener::Opener;
use worker::{Role, Worker};

/// The most writes that wait.
const WRITES_WAITING_MAX: usize = 4096;
/// The most reads that wait.
const READS_WAITING_MAX: usize = 4096;
/// Transactions that write side by side.
const WRITERS: usize = 4;
/// How many states are read at once.
const READERS: usize = 4;

/// Why a database was not opened. All of it is for the operator, and none of it holds a password.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory beside the database cannot be used, or another process has it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The server cannot be reached, or is not the one that we need.
    #[error("cannot open the database `{address}`")]
    Connect {
        /// Where it is.
        address: String,
        /// What came of it.
        source: ConnectError,
    },
    /// A later version of the program was here.
    #[error(
        "`{address}` has schema version {found}, and this program knows versions up to {known}: run the version that \
         wrote it, or a later one"
    )]
    SchemaTooNew {
        /// The database.
        address: String,
        /// The version it has.
        found: i64,
        /// The newest version that we know.
        known: i64,
    },
    /// The schema cannot be read or brought up to date.
    #[error("cannot bring the schema of `{address}` up to date")]
    Schema {
        /// The database.
        address: String,
        /// What the server said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Opens the database at `address` and brings its schema up to date. `dir` is this process's own: it has the lock there
/// until the store is closed. Other processes open the same database with directories of theirs.
///
/// # Errors
/// [`OpenError`].
pub async fn open(dir: &Path, address: &Address, settings: Settings) -> Result<Arc<SqlStore>, OpenError> {
    let lock = Arc::new(DirLock::take(dir)?);
    let opener = Arc::new(Opener::new(address, Arc::clone(&settings.clock)));
    let mut connection = connected(&opener, address).await?;
    migrations::run(&mut connection, address, migrations::ALL, settings.clock.wall()).await?;
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "the connection of the migrations ended badly");
    }

    let (reads, queue) = Lane::new(READS_WAITING_MAX);
    let queue = Arc::new(Mutex::new(queue));
    let reader = || Worker::new(Role::Reader, Arc::clone(&queue), Arc::clone(&opener)).run();
    let readers = (0..READERS).map(|_| settings.handle.spawn(reader())).collect();
    let (writes, queue) = Lane::new(WRITES_WAITING_MAX);
    let queue = Arc::new(Mutex::new(queue));
    let writer = || {
        let worker = Worker::new(Role::Writer, Arc::clone(&queue), Arc::clone(&opener));
        let lock = Arc::clone(&lock);
        async move {
            worker.run().await;
            // Given up by the last of them, whatever became of the store object.
            drop(lock);
        }
    };
    let writers = (0..WRITERS).map(|_| settings.handle.spawn(writer())).collect();
    Ok(Arc::new(SqlStore::new(settings, Arc::new(reads), Arc::new(writes), Workers { readers, writers })))
}

/// Looks at the database at `address` without touching it: no migration, nothing written. For `doctor`, also beside servers.
///
/// # Errors
/// [`OpenError`].
pub async fn look(address: &Address, settings: Settings) -> Result<Look, OpenError> {
    let opener = Arc::new(Opener::new(address, Arc::clone(&settings.clock)));
    let mut connection = connected(&opener, address).await?;
    let found = migrations::look(&mut connection, address).await?;
    match found {
        None => return Ok(Look::Nothing),
        Some(schema) if schema < SCHEMA_VERSION => return Ok(Look::Older { schema }),
        Some(_) => {}
    }
    if let Err(error) = connection.close().await {
        tracing::debug!(%error, "the connection of the look ended badly");
    }
    let (reads, queue) = Lane::new(READS_WAITING_MAX);
    let reader = Worker::new(Role::Reader, Arc::new(Mutex::new(queue)), opener).run();
    // Nobody is at the other end of this one.
    let (writes, _) = Lane::new(1);
    let workers = Workers { readers: vec![settings.handle.spawn(reader)], writers: Vec::new() };
    Ok(Look::Current(Arc::new(SqlStore::new(settings, Arc::new(reads), Arc::new(writes), workers))))
}

/// The first connection of all.
async fn connected(opener: &Opener, address: &Address) -> Result<PgConnection, OpenError> {
    let connected = match address.check_root() {
        Ok(()) => opener.connect().await,
        Err(error) => Err(error.into()),
    };
    connected.map_err(|source| OpenError::Connect { address: address.to_string(), source })
}

/// How long ending a connection may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(1);
