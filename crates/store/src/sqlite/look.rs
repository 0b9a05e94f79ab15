//! Looking at a database without touching it: no lock, no migration, nothing written. For `doctor`, also beside a server.

use std::fs::OpenOptions;
use std::path::Path;
use std::sync::Arc;

use rustix::fs::{FlockOperation, flock};

use super::driver::SqliteDriver;
use super::{
    OpenError, READS_WAITING_MAX, SCHEMA_VERSION, connect, migrations, no_restore_was_interrupted, options, reader,
};
use crate::connection::Connection;
use crate::directory::holder;
use crate::lane::Lane;
use crate::store::{Look, Settings, SqlStore, Workers};

/// Whether somebody holds a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Held {
    /// Nobody.
    No,
    /// A process; its id, if it said.
    By(Option<u32>),
}

/// Looks at `DIR/sekisho.db`.
///
/// # Errors
/// [`OpenError`].
pub async fn look(dir: &Path, settings: Settings) -> Result<Look, OpenError> {
    no_restore_was_interrupted(dir)?;
    let path = dir.join("sekisho.db");
    if !path.exists() {
        return Ok(Look::Nothing);
    }
    let mut connection = connect(&options().filename(&path).read_only(true), &path).await?;
    let found = migrations::version(&mut connection).await.map_err(|source| super::cannot_open(&path, source))?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::SchemaTooNew { path, found, known: SCHEMA_VERSION });
    }
    if found < SCHEMA_VERSION {
        return Ok(Look::Older { schema: found });
    }
    let (reads, queue) = Lane::new(READS_WAITING_MAX);
    let connection = Connection::over(SqliteDriver::new(connection));
    let queue = Arc::new(tokio::sync::Mutex::new(queue));
    let task = settings.handle.spawn(reader::run(queue, connection, Arc::clone(&settings.clock)));
    // Nobody is at the other end of this one.
    let (writes, _) = Lane::new(1);
    let workers = Workers { readers: vec![task], writers: Vec::new() };
    Ok(Look::Current(Arc::new(SqlStore::new(settings, Arc::new(reads), Arc::new(writes), workers))))
}

/// Whether a process has the directory open. The lock is shared for a moment, and never waited for.
#[must_use]
pub fn held(dir: &Path) -> Held {
    let Ok(mut file) = OpenOptions::new().read(true).open(dir.join("lock")) else { return Held::No };
    match flock(&file, FlockOperation::NonBlockingLockShared) {
        Err(rustix::io::Errno::WOULDBLOCK) => Held::By(holder(&mut file)),
        // Given back when the file is closed.
        Ok(()) | Err(_) => Held::No,
    }
}
