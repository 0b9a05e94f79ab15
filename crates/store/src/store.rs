//! The object behind every port: it turns calls into jobs, and waits for their answers with a deadline.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_model::{Act, StoreError};
use sekisho_token::Timestamp;
use sekisho_wire::cut::Cut;
use sekisho_wire::meter::{Counter, Histogram, Spread};
use sekisho_wire::{BoxFuture, Clock};
use tokio::runtime::Handle;
use tokio::task::JoinHandle;

use crate::connection::Connection;
use crate::lane::{Job, Lane, Span, UNAVAILABLE};

/// How long a caller waits for the database.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// What every database needs to know.
#[derive(Clone, Debug)]
pub struct Settings {
    /// For deadlines. The times that are written down come with each call.
    pub clock: Arc<dyn Clock>,
    /// Where the tasks of the store run.
    pub handle: Handle,
    /// A switch that every call passes first.
    pub cut: Cut,
    /// The longest lifetime of an access token in any realm, in seconds: how long a revocation matters.
    pub token_lifetime_s_max: i64,
}

/// Everything that is kept, in one SQL database. Open it with [`crate::sqlite::open`] or [`crate::postgres::open`].
pub struct SqlStore {
    settings: Settings,
    /// The same lane as `writes` where a database has one connection only.
    reads: Arc<Lane>,
    writes: Arc<Lane>,
    workers: Mutex<Option<Workers>>,
    read_took: Histogram,
    write_took: Histogram,
    unanswered: Counter,
}

/// What the store has counted.
#[derive(Clone, Copy, Debug)]
pub struct Readings {
    /// From asking to the answer, for calls that read.
    pub reads: Spread,
    /// The same for calls that write: their commit is in it.
    pub writes: Spread,
    /// Calls that were not answered, or not in time.
    pub unanswered: u64,
}

/// What a look at a database found that touches nothing.
#[derive(Clone, Debug)]
pub enum Look {
    /// No database, or an empty one.
    Nothing,
    /// One whose schema is brought up to date when a server opens it.
    Older {
        /// Its schema.
        schema: i64,
    },
    /// One of this program's schema. It can be read; every write fails.
    Current(Arc<SqlStore>),
}

/// The tasks at the other end of the lanes.
#[derive(Debug)]
pub(crate) struct Workers {
    pub(crate) readers: Vec<JoinHandle<()>>,
    pub(crate) writers: Vec<JoinHandle<()>>,
}

// === impl SqlStore ===

impl SqlStore {
    pub(crate) fn new(settings: Settings, reads: Arc<Lane>, writes: Arc<Lane>, workers: Workers) -> Self {
        let workers = Mutex::new(Some(workers));
        let (read_took, write_took, unanswered) = Default::default();
        Self { settings, reads, writes, workers, read_took, write_took, unanswered }
    }

    /// Takes no more calls, does those that wait, and leaves the database tidy: the writer goes last. A call that comes
    /// later reads [`StoreError::Unavailable`].
    pub async fn close(&self) {
        let workers = self.workers.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Workers { readers, writers }) = workers else { return };
        self.reads.close();
        for reader in readers {
            reader.await.unwrap_or_else(|error| tracing::error!(%error, "a reader of the store ended badly"));
        }
        self.writes.close();
        for writer in writers {
            writer.await.unwrap_or_else(|error| tracing::error!(%error, "a writer of the store ended badly"));
        }
    }

    /// What was counted so far.
    #[must_use]
    pub fn readings(&self) -> Readings {
        let (reads, writes) = (self.read_took.read(), self.write_took.read());
        Readings { reads, writes, unanswered: self.unanswered.read() }
    }

    /// When the last token that a revocation in this act can hit has expired.
    pub(crate) fn until(&self, act: &Act) -> Timestamp {
        act.now.plus_s(self.settings.token_lifetime_s_max)
    }

    /// Does `work` in a transaction of its own; an error rolls it back.
    pub(crate) fn write<T, E, F>(&self, work: F) -> BoxFuture<'_, Result<T, E>>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Clone + Send + 'static,
    {
        Box::pin(self.ask((&self.writes, &self.write_took), Span::Transaction, work))
    }

    /// Reads with several statements that see one state of the database.
    pub(crate) fn read<T, F>(&self, work: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        Box::pin(self.ask((&self.reads, &self.read_took), Span::Transaction, work))
    }

    /// Reads with a single statement.
    pub(crate) fn look<T, F>(&self, work: F) -> BoxFuture<'_, Result<T, StoreError>>
    where
        T: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, StoreError>> + Clone + Send + 'static,
    {
        Box::pin(self.ask((&self.reads, &self.read_took), Span::Statement, work))
    }

    /// A write that is given up at its deadline while it is being done may still be kept; that is what `Unavailable`
    /// means to a caller: unknown, not undone.
    async fn ask<T, E, F>(&self, (lane, took): (&Lane, &Histogram), span: Span, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Clone + Send + 'static,
    {
        let clock = &self.settings.clock;
        let unanswered = |error: StoreError| {
            self.unanswered.raise();
            error
        };
        self.settings.cut.pass().await.map_err(|cut| unanswered(cut.into()))?;
        let asked = clock.monotonic();
        let deadline = asked.plus(ANSWER_WITHIN);
        let (job, answer) = Job::new(deadline, span, work);
        lane.put(job).map_err(unanswered)?;
        tokio::select! {
            biased;
            answer = answer => {
                took.observe(clock.monotonic().since(asked));
                answer.unwrap_or_else(|_| Err(unanswered(UNAVAILABLE).into()))
            }
            () = clock.sleep_until(deadline) => Err(unanswered(UNAVAILABLE).into()),
        }
    }
}

impl fmt::Debug for SqlStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqlStore").field("settings", &self.settings).finish_non_exhaustive()
    }
}
