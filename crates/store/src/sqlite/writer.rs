//! The one writer, with group commit.
//!
//! ```text
//!   BEGIN IMMEDIATE
//!     SAVEPOINT job … RELEASE job            each waiting job; one that fails goes back to its savepoint
//!   COMMIT                                   one sync of the disk for all of them
//!   answers
//! ```
//!
//! While the disk syncs one batch, the next one gathers in the queue: under load the number of syncs stays the same and
//! the batches grow.
//!
//! INVARIANT (answer-after-commit): nothing is answered before the commit that carries it has returned.

use std::sync::Arc;

use sekisho_model::StoreError;
use sekisho_wire::Clock;
use tokio::sync::mpsc;

use crate::connection::Connection;
use crate::lane::{Job, Verdict};

/// The most jobs in one transaction: the first of them waits for the last.
const BATCH_JOBS_MAX: usize = 256;

/// Works until the lane is closed and empty. It ends as the last connection, at which SQLite moves what is in the log into
/// the database file.
pub(crate) async fn run(mut queue: mpsc::Receiver<Job>, mut connection: Connection, clock: Arc<dyn Clock>) {
    let mut batch = Vec::with_capacity(BATCH_JOBS_MAX);
    while queue.recv_many(&mut batch, BATCH_JOBS_MAX).await > 0 {
        let now = clock.monotonic();
        // Nobody waits for these any more, and whoever asked was told that they did not happen.
        batch.retain(|job| now < job.deadline);
        if batch.is_empty() {
            continue;
        }
        match commit(&mut connection, batch.drain(..)).await {
            Ok(done) => done.into_iter().for_each(Job::tell),
            // Dropping the jobs has answered them. The driver has logged why; SQLite may have rolled back already.
            Err(_) => drop(connection.execute("ROLLBACK", &[]).await),
        }
        batch.clear();
    }
    connection.close().await;
}

async fn commit(connection: &mut Connection, batch: impl Iterator<Item = Job>) -> Result<Vec<Job>, StoreError> {
    let mut all = Vec::with_capacity(BATCH_JOBS_MAX);
    connection.execute("BEGIN IMMEDIATE", &[]).await?;
    for mut job in batch {
        connection.execute("SAVEPOINT job", &[]).await?;
        if job.run(connection).await == Verdict::RollBack {
            connection.execute("ROLLBACK TO job", &[]).await?;
        }
        connection.execute("RELEASE job", &[]).await?;
        all.push(job);
    }
    connection.execute("COMMIT", &[]).await?;
    Ok(all)
}
