//! `backup` and `restore`: the database into a file, and out of one.
//!
//! A backup is written by the server where one runs, else under the directory's lock. A restore takes that lock and so cannot
//! happen under a server.

use sekisho_guard::clock::SystemClock;
use sekisho_store::sqlite;
use sekisho_wire::Clock as _;

use super::Keeping;
use super::administer::as_json;
use super::run::{Outcome, data_dir, print};
use crate::admin::{kept, restored};
use crate::http::admin_socket::{SendError, send_backup};

pub(super) async fn backup(keeping: Keeping) -> Outcome {
    let Keeping { file, place, json } = keeping;
    let dir = data_dir(&place)?;
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
    let outcome = restored(&sqlite::restore(&data_dir(&place)?, &file, SystemClock::new().wall()).await?);
    if json { print(as_json(&outcome)) } else { print(outcome) }
}
