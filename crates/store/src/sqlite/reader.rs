//! Readers: each takes the next read from the queue and looks at the snapshot that the write-ahead log gives it.
//!
//! A read that begins after a write was answered sees that write.

use std::sync::Arc;

use sekisho_wire::Clock;
use tokio::sync::{Mutex, mpsc};

use crate::connection::Connection;
use crate::lane::{Job, Span};

/// Works until the lane is closed and empty.
pub(crate) async fn run(queue: Arc<Mutex<mpsc::Receiver<Job>>>, mut connection: Connection, clock: Arc<dyn Clock>) {
    loop {
        // The lock is held while waiting for a job, not while doing it: one reader waits, the others wait for its place.
        let next = queue.lock().await.recv().await;
        let Some(job) = next else { break };
        if clock.monotonic() < job.deadline {
            read(&mut connection, job).await;
        }
    }
    connection.close().await;
}

async fn read(connection: &mut Connection, mut job: Job) {
    if job.span == Span::Statement {
        job.run(connection).await;
        job.tell();
        return;
    }
    // Dropping the job answers it; the driver has logged why.
    if connection.execute("BEGIN", &[]).await.is_err() {
        return;
    }
    job.run(connection).await;
    // There is nothing to keep or undo: this ends the snapshot.
    drop(connection.execute("ROLLBACK", &[]).await);
    job.tell();
}
