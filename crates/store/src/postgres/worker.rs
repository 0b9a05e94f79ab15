//! Workers: each takes the next job from the queue and does it on its own connection.
//!
//! ```text
//!   BEGIN ─► the job ─► COMMIT ─► the answer
//!     │         │         └─ broke: nobody knows what became of a write; the caller reads Unavailable
//!     │         ├─ refused: ROLLBACK, Unavailable
//!     │         └─ a conflict: ROLLBACK, and again
//!     └────────────── broke before COMMIT was sent: on a new connection, again
//! ```
//!
//! INVARIANT (answer-after-commit): nothing is answered before the commit that carries it has returned.
//!
//! INVARIANT (once): a job is done again only where its transaction cannot have been kept.

use std::sync::Arc;

use tokio::sync::{Mutex, mpsc};

use super::CLOSE_WITHIN;
use super::driver::Trouble;
use super::opener::{Link, Opener};
use crate::lane::{Job, Span, Verdict};

/// How often a job is tried: each time another got in its way, or its connection was of no use any more.
const TRIES_MAX: usize = 5;

/// What a worker's transactions are for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Reader,
    Writer,
}

/// One connection's worth of work.
#[derive(Debug)]
pub(crate) struct Worker {
    role: Role,
    queue: Arc<Mutex<mpsc::Receiver<Job>>>,
    opener: Arc<Opener>,
    link: Option<Link>,
}

/// What came of one try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Try {
    /// Its transaction is over and the answer stands.
    Done,
    /// It did not happen and would not the next time.
    Refused,
    /// It did not happen; the connection is good.
    Conflict,
    /// It did not happen; the connection is not good.
    Lost,
    /// Nobody knows whether it happened.
    Unknown,
}

// === impl Role ===

impl Role {
    const fn begin(self) -> &'static str {
        match self {
            Self::Reader => "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY",
            Self::Writer => "BEGIN",
        }
    }

    /// A try whose commit was not answered.
    const fn uncommitted(self) -> Try {
        match self {
            // There was nothing to keep.
            Self::Reader => Try::Lost,
            Self::Writer => Try::Unknown,
        }
    }
}

// === impl Worker ===

impl Worker {
    pub(crate) fn new(role: Role, queue: Arc<Mutex<mpsc::Receiver<Job>>>, opener: Arc<Opener>) -> Self {
        Self { role, queue, opener, link: None }
    }

    /// Works until the lane is closed and empty.
    pub(crate) async fn run(mut self) {
        loop {
            // The lock is held while waiting for a job, not while doing it: one waits, the others wait for its place.
            let next = self.queue.lock().await.recv().await;
            let Some(job) = next else { break };
            self.serve(job).await;
        }
        if let Some(link) = self.link {
            let clock = self.opener.clock();
            let deadline = clock.monotonic().plus(CLOSE_WITHIN);
            tokio::select! {
                () = link.connection.close() => {}
                () = clock.sleep_until(deadline) => {}
            }
        }
    }

    /// Does the job and tells its caller; a job that is dropped instead answers by that.
    async fn serve(&mut self, mut job: Job) {
        let clock = Arc::clone(self.opener.clock());
        for _ in 0..TRIES_MAX {
            if clock.monotonic() >= job.deadline {
                return;
            }
            let link = match self.link.take() {
                Some(link) => Some(link),
                None => self.opener.open().await,
            };
            let Some(mut link) = link else { return };
            let deadline = job.deadline;
            let came_of_it = tokio::select! {
                biased;
                came_of_it = attempt(self.role, &mut link, &mut job) => came_of_it,
                // In the middle of something, so the connection goes with it.
                () = clock.sleep_until(deadline) => return,
            };
            match came_of_it {
                Try::Done => {
                    self.link = Some(link);
                    return job.tell();
                }
                Try::Refused => {
                    self.link = Some(link);
                    return;
                }
                Try::Conflict => self.link = Some(link),
                Try::Lost => {}
                Try::Unknown => return,
            }
        }
    }
}

async fn attempt(role: Role, Link { connection, trouble }: &mut Link, job: &mut Job) -> Try {
    if job.span == Span::Statement {
        job.run(connection).await;
        return trouble.take().map_or(Try::Done, Try::without);
    }
    if connection.execute(role.begin(), &[]).await.is_err() {
        return Try::Lost;
    }
    let verdict = job.run(connection).await;
    match (trouble.take(), verdict) {
        (None, Verdict::Keep) => match connection.execute("COMMIT", &[]).await {
            Ok(_) => Try::Done,
            Err(_) if trouble.take() == Some(Trouble::Conflict) => Try::Conflict,
            Err(_) => role.uncommitted(),
        },
        (None, Verdict::RollBack) => {
            // If this fails the next job notices; there was nothing to keep.
            drop(connection.execute("ROLLBACK", &[]).await);
            Try::Done
        }
        (Some(Trouble::Lost), _) => Try::Lost,
        // A job that went on after a failure has no answer either: its transaction cannot be kept.
        (Some(trouble), _) => match connection.execute("ROLLBACK", &[]).await {
            Ok(_) => Try::without(trouble),
            Err(_) => Try::Lost,
        },
    }
}

// === impl Try ===

impl Try {
    /// A try whose transaction was not kept.
    const fn without(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Refused => Self::Refused,
            Trouble::Conflict => Self::Conflict,
            Trouble::Lost => Self::Lost,
        }
    }
}
