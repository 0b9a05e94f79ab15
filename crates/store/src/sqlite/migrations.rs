//! The schema, as the steps that led to it. They are part of the program and run by themselves when it opens a database.
//!
//! A step is never changed once it was released. Before a database that has a schema gets a newer one, a copy of it is
//! put beside it as `sekisho.db.schema-N`, so that the older program can be started again. A database that is newer than
//! the program is refused untouched.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use sekisho_token::Timestamp;
use sqlx::SqliteConnection;

use super::{OpenError, cannot_open};
use crate::directory::DirectoryError;
use crate::migration::Migration;

/// The schema that this program writes and reads.
pub const SCHEMA_VERSION: i64 = 2;

/// Every step, oldest first.
pub(crate) const ALL: &[Migration] = &[
    Migration { version: 1, sql: include_str!("../../migrations/sqlite/0001_first_light.sql") },
    Migration { version: SCHEMA_VERSION, sql: include_str!("../../migrations/sqlite/0002_opaque_tokens_narrow.sql") },
];

/// Brings the database up to the last of `steps`, each in a transaction of its own.
pub(crate) async fn run(
    connection: &mut SqliteConnection,
    path: &Path,
    steps: &[Migration],
    now: Timestamp,
) -> Result<(), OpenError> {
    let known = steps.last().map_or(0, |step| step.version);
    let found = version(connection).await.map_err(|source| cannot_open(path, source))?;
    if found > known {
        return Err(OpenError::SchemaTooNew { path: path.to_owned(), found, known });
    }
    if (1..known).contains(&found) {
        copy_aside(connection, path, found).await?;
    }
    for step in steps.iter().filter(|step| step.version > found) {
        apply(connection, *step, now).await.map_err(|source| cannot_open(path, source))?;
    }
    Ok(())
}

/// 0 for a database without a schema.
pub(crate) async fn version(connection: &mut SqliteConnection) -> Result<i64, sqlx::Error> {
    let table = "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name = 'schema_version'";
    if sqlx::query_scalar::<_, i64>(table).fetch_one(&mut *connection).await? == 0 {
        return Ok(0);
    }
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM schema_version").fetch_one(connection).await
}

async fn apply(connection: &mut SqliteConnection, step: Migration, now: Timestamp) -> Result<(), sqlx::Error> {
    let mut transaction = sqlx::Connection::begin_with(connection, "BEGIN IMMEDIATE").await?;
    sqlx::raw_sql("CREATE TABLE IF NOT EXISTS schema_version (version INTEGER PRIMARY KEY, applied_at INTEGER) STRICT")
        .execute(&mut *transaction)
        .await?;
    sqlx::raw_sql(step.sql).execute(&mut *transaction).await?;
    sqlx::query("INSERT INTO schema_version (version, applied_at) VALUES ($1, $2)")
        .bind(step.version)
        .bind(now.0)
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

/// Written under another name first, so that a copy of this name is always whole.
async fn copy_aside(connection: &mut SqliteConnection, path: &Path, found: i64) -> Result<(), OpenError> {
    let copy = beside(path, &format!("schema-{found}"));
    let partial = beside(path, "partial");
    let files = |source| DirectoryError::Files { path: copy.clone(), source };
    // An empty file is filled by SQLite; ours has the right permissions from the start.
    OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&partial).map_err(files)?;
    sqlx::query("VACUUM INTO $1")
        .bind(partial.to_string_lossy().into_owned())
        .execute(connection)
        .await
        .map_err(|source| cannot_open(path, source))?;
    File::open(&partial).and_then(|file| file.sync_all()).map_err(files)?;
    fs::rename(&partial, &copy).map_err(files)?;
    tracing::info!(copy = %copy.display(), "kept a copy of the database before its schema changes");
    Ok(())
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(ending);
    PathBuf::from(name)
}

#[cfg(test)]
mod tests;
