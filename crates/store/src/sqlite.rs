//! SQLite: the database that needs nobody to run it.
//!
//! ```text
//!   DIR/lock          held by the one process that has the directory open; says who
//!   DIR/sekisho.db    write-ahead log, synced at every commit: what was answered survives kill -9 and a power cut
//! ```
//!
//! One writer owns the one connection that writes and commits whatever waits in one go (see `writer`); a few readers
//! look at snapshots beside it (see `reader`). In memory there is one connection, and reads queue with the writes.
//!
//! Beside `postgres`, this file and those below it are the only ones that know sqlx.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, SqliteConnection};

use crate::connection::Connection;
use crate::directory::{DirLock, DirectoryError};
use crate::lane::Lane;
use crate::store::{Settings, SqlStore, Workers};

mod backup;
mod driver;
mod look;
mod migrations;
mod reader;
mod writer;

pub use backup::{Backup, BackupError, RestoreError, Restored, backup, backup_at_rest, restore};
use driver::SqliteDriver;
pub use look::{Held, held, look};
pub use migrations::SCHEMA_VERSION;

/// The most writes that wait.
const WRITES_WAITING_MAX: usize = 4096;
/// The most reads that wait.
const READS_WAITING_MAX: usize = 4096;
/// How many snapshots are read at once.
const READERS: usize = 4;
/// How long SQLite waits for another program that has the file open, a backup say.
const BUSY_WAIT: Duration = Duration::from_secs(2);
/// The most statements a connection keeps compiled; we have fewer.
const STATEMENTS_KEPT_MAX: usize = 256;

/// Why a database was not opened. All of it is for the operator.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The directory or a file in it cannot be used, or another process has it.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// A later version of the program was here.
    #[error(
        "`{}` has schema version {found}, and this program knows versions up to {known}: run the version that wrote it, \
         or a later one",
        path.display()
    )]
    SchemaTooNew {
        /// The database.
        path: PathBuf,
        /// The version it has.
        found: i64,
        /// The newest version that we know.
        known: i64,
    },
    /// A restore did not come to its end, so nobody knows which database is meant.
    #[error(
        "`{}` is there: a restore was interrupted; expected it to be done again with `sekisho restore`, or that file to be \
         removed, and, where `sekisho.db` is missing, the newest `sekisho.db.replaced-EPOCH` moved back to it, with the \
         `-wal` and `-shm` of the same name if there are any: the newest commits are in them",
        .0.display()
    )]
    RestoreInterrupted(PathBuf),
    /// The database is where a restore moved it, and the one that was to follow is not there.
    #[error(
        "`{}` is missing and `{}` is there: a restore was interrupted; expected it to be done again with `sekisho restore`, \
         or the latter moved back, with the `-wal` and `-shm` of the same name if there are any: the newest commits are in \
         them",
        missing.display(),
        aside.display()
    )]
    MovedAside {
        /// Where the database belongs.
        missing: PathBuf,
        /// The newest that was moved aside.
        aside: PathBuf,
    },
    /// Commits without the database that they belong to.
    #[error(
        "`{}` holds commits, and its database is not beside it: expected the database to be put back, or this file and its \
         `-shm` moved to where the database is, or away",
        .0.display()
    )]
    LogAlone(PathBuf),
    /// The database cannot be opened or brought up to date.
    #[error("cannot open the database `{}`", path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Opens `DIR/sekisho.db`, makes it where there is none, and brings its schema up to date.
///
/// # Errors
/// [`OpenError`].
pub async fn open(dir: &Path, settings: Settings) -> Result<Arc<SqlStore>, OpenError> {
    let lock = DirLock::take(dir)?;
    no_restore_was_interrupted(dir)?;
    let path = dir.join("sekisho.db");
    make_file(&path)?;
    sync(dir)?;

    let mut connection = connect(&writing(&path), &path).await?;
    migrations::run(&mut connection, &path, migrations::ALL, settings.clock.wall()).await?;

    let (reads, queue) = Lane::new(READS_WAITING_MAX);
    let queue = Arc::new(tokio::sync::Mutex::new(queue));
    let mut readers = Vec::with_capacity(READERS);
    for _ in 0..READERS {
        let connection = connect(&options().filename(&path).read_only(true), &path).await?;
        let connection = Connection::over(SqliteDriver::new(connection));
        let task = reader::run(Arc::clone(&queue), connection, Arc::clone(&settings.clock));
        readers.push(settings.handle.spawn(task));
    }
    let (writes, queue) = Lane::new(WRITES_WAITING_MAX);
    let writer = writer::run(queue, Connection::over(SqliteDriver::new(connection)), Arc::clone(&settings.clock));
    let writer = settings.handle.spawn(async move {
        writer.await;
        // Given up after the last write, whatever became of the store object.
        drop(lock);
    });
    let workers = Workers { readers, writers: vec![writer] };
    Ok(Arc::new(SqlStore::new(settings, Arc::new(reads), Arc::new(writes), workers)))
}

/// A database that is gone when the store is.
///
/// # Errors
/// [`OpenError::Database`].
pub async fn in_memory(settings: Settings) -> Result<Arc<SqlStore>, OpenError> {
    let path = Path::new(":memory:");
    let options = SqliteConnectOptions::from_str("sqlite::memory:").map_err(|source| cannot_open(path, source))?;
    let options = options.statement_cache_capacity(STATEMENTS_KEPT_MAX).disable_statement_logging();
    let mut connection = connect(&options, path).await?;
    migrations::run(&mut connection, path, migrations::ALL, settings.clock.wall()).await?;

    let (lane, queue) = Lane::new(WRITES_WAITING_MAX);
    let writer = writer::run(queue, Connection::over(SqliteDriver::new(connection)), Arc::clone(&settings.clock));
    let workers = Workers { readers: Vec::new(), writers: vec![settings.handle.spawn(writer)] };
    let lane = Arc::new(lane);
    Ok(Arc::new(SqlStore::new(settings, Arc::clone(&lane), lane, workers)))
}

/// In WAL, `FULL` syncs the log at each commit; the default there, `NORMAL`, would lose commits in a power cut.
fn writing(path: &Path) -> SqliteConnectOptions {
    options().filename(path).journal_mode(SqliteJournalMode::Wal).synchronous(SqliteSynchronous::Full)
}

fn options() -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .statement_cache_capacity(STATEMENTS_KEPT_MAX)
        .busy_timeout(BUSY_WAIT)
        .disable_statement_logging()
}

async fn connect(options: &SqliteConnectOptions, path: &Path) -> Result<SqliteConnection, OpenError> {
    SqliteConnection::connect_with(options).await.map_err(|source| cannot_open(path, source))
}

fn cannot_open(path: &Path, source: sqlx::Error) -> OpenError {
    OpenError::Database { path: path.to_owned(), source: Box::new(source) }
}

/// Whether it is certain which database is meant. A new one is made only where none was.
fn no_restore_was_interrupted(dir: &Path) -> Result<(), OpenError> {
    let (mark, database) = (backup::mark_in(dir), dir.join("sekisho.db"));
    if mark.exists() {
        return Err(OpenError::RestoreInterrupted(mark));
    }
    if database.exists() {
        return Ok(());
    }
    if let Some(epoch) = backup::newest_aside(&database)? {
        return Err(OpenError::MovedAside { aside: backup::aside(&database, epoch), missing: database });
    }
    backup::log_alone(&database).map_or(Ok(()), |log| Err(OpenError::LogAlone(log)))
}

/// Makes the file before SQLite does, for us alone; SQLite gives the same permissions to the files beside it.
fn make_file(path: &Path) -> Result<(), DirectoryError> {
    let made = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
    made.map(drop).map_err(|source| DirectoryError::Files { path: path.to_owned(), source })
}

/// After this the names in the directory survive a power cut, not only the bytes in the files.
fn sync(dir: &Path) -> Result<(), DirectoryError> {
    let synced = File::open(dir).and_then(|dir| dir.sync_all());
    synced.map_err(|source| DirectoryError::Files { path: dir.to_owned(), source })
}

#[cfg(test)]
mod tests;
