//! `backup` and `restore`: the database into a file, and out of one.
//!
//! A backup is written by the server where one runs, else under the directory's lock. A restore takes that lock and so cannot
//! happen under a server.

use std::path::PathBuf;

use sekisho_guard::clock::SystemClock;
use sekisho_store::sqlite;
use sekisho_wire::Clock as _;

use super::administer::as_json;
use super::run::{Outcome, configured, data_dir, print};
use super::{Keeping, Place};
use crate::admin::{kept, restored};
use crate::database::Database;
use crate::http::admin_socket::{SendError, send_backup};

/// The database is another program's.
#[derive(Debug, thiserror::Error)]
#[error(
    "the database is the PostgreSQL at `{0}`: copy it with its own tools, pg_dump or a base backup; this is for SQLite"
)]
struct NotOurs(String);

pub(super) async fn backup(keeping: Keeping) -> Outcome {
    let Keeping { file, place, json } = keeping;
    let dir = directory(&place)?;
    // The server stands in another directory.
    let file = std::path::absolute(file)?;
    let outcome = match send_backup(&dir, file.clone()).await {
        Err(SendError::NoServer) => kept(&sqlite::backup_at_rest(&dir, &file).await?),
        sent => sent?,
    };
    if json { print(as_json(&outcome)) } else { print(outcome) }
}

pub(super) async fn restore(keeping: Keeping) -> Outcome {
    let Keeping { file, place, json } = keeping;
    let outcome = restored(&sqlite::restore(&directory(&place)?, &file, SystemClock::new().wall()).await?);
    if json { print(as_json(&outcome)) } else { print(outcome) }
}

/// The directory with the database. That of a server is the server's to copy.
fn directory(place: &Place) -> Result<PathBuf, Box<dyn std::error::Error + Send + Sync>> {
    if place.data.is_none()
        && let Database::Postgres { address, .. } = configured(place.config.as_deref())?.database
    {
        return Err(NotOurs(address.to_string()).into());
    }
    data_dir(place)
}
