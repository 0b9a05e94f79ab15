//! Jobs and the bounded queues they wait in.
//!
//! A port call becomes a [`Job`]: work to be done inside one transaction, and an answer that is given only after that
//! transaction has been committed. A job that is dropped instead, because the commit failed or its deadline passed while
//! it waited, answers by that alone: the waiting caller reads [`Unavailable`].
//!
//! A job that was accepted is done even when its caller goes away meanwhile: who presents a stolen token must not be
//! able to escape the revocation by hanging up.

use std::sync::{PoisonError, RwLock};

use sekisho_model::StoreError;
use sekisho_wire::{BoxFuture, Monotonic, Unavailable};
use tokio::sync::{mpsc, oneshot};

use crate::connection::Connection;

/// What callers are told when the database does not answer.
pub(crate) const UNAVAILABLE: StoreError = StoreError::Unavailable(Unavailable::of("store"));

/// One port call on its way to the database.
pub(crate) struct Job {
    /// When nobody waits for the answer any more.
    pub(crate) deadline: Monotonic,
    /// What it needs around it.
    pub(crate) span: Span,
    work: Box<dyn Work>,
}

/// What a job needs around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Nothing: it is one statement.
    Statement,
    /// A transaction: its statements see one state of the database.
    Transaction,
}

/// What is to become of a job's changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Keep,
    RollBack,
}

/// A bounded queue towards the database.
#[derive(Debug)]
pub(crate) struct Lane {
    queue: RwLock<Option<mpsc::Sender<Job>>>,
}

/// Work with its outcome and the place where that will appear.
struct Asked<T, E, F> {
    work: F,
    outcome: Option<Result<T, E>>,
    answer: oneshot::Sender<Result<T, E>>,
}

/// Work of any kind.
trait Work: Send {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> BoxFuture<'a, Verdict>;
    fn tell(self: Box<Self>);
}

// === impl Job ===

impl Job {
    /// A job and the place where its answer will appear.
    pub(crate) fn new<T, E, F>(deadline: Monotonic, span: Span, work: F) -> (Self, oneshot::Receiver<Result<T, E>>)
    where
        T: Send + 'static,
        E: Send + 'static,
        F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Clone + Send + 'static,
    {
        let (answer, receiver) = oneshot::channel();
        (Self { deadline, span, work: Box::new(Asked { work, outcome: None, answer }) }, receiver)
    }

    /// Does the work on a connection. It may be done again where the database took back what it did.
    pub(crate) async fn run(&mut self, connection: &mut Connection) -> Verdict {
        self.work.run(connection).await
    }

    /// Tells the caller what came of the last run; to be called once its transaction is over.
    pub(crate) fn tell(self) {
        self.work.tell();
    }
}

// === impl Asked ===

impl<T, E, F> Work for Asked<T, E, F>
where
    T: Send,
    E: Send,
    F: for<'c> FnOnce(&'c mut Connection) -> BoxFuture<'c, Result<T, E>> + Clone + Send,
{
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> BoxFuture<'a, Verdict> {
        let work = self.work.clone();
        Box::pin(async move {
            let outcome = work(connection).await;
            let verdict = if outcome.is_ok() { Verdict::Keep } else { Verdict::RollBack };
            self.outcome = Some(outcome);
            verdict
        })
    }

    fn tell(self: Box<Self>) {
        if let Some(outcome) = self.outcome {
            // The caller may have gone; then nobody reads the answer.
            drop(self.answer.send(outcome));
        }
    }
}

// === impl Lane ===

impl Lane {
    /// A lane in which at most `jobs_max` jobs wait.
    pub(crate) fn new(jobs_max: usize) -> (Self, mpsc::Receiver<Job>) {
        let (sender, receiver) = mpsc::channel(jobs_max);
        (Self { queue: RwLock::new(Some(sender)) }, receiver)
    }

    /// Queues a job. A full lane refuses it at once: waiting longer than the queue is worse than saying so.
    pub(crate) fn put(&self, job: Job) -> Result<(), StoreError> {
        let queue = self.queue.read().unwrap_or_else(PoisonError::into_inner);
        let queue = queue.as_ref().ok_or(UNAVAILABLE)?;
        queue.try_send(job).map_err(|_| UNAVAILABLE)
    }

    /// Takes no more jobs; those that wait are still done.
    pub(crate) fn close(&self) {
        self.queue.write().unwrap_or_else(PoisonError::into_inner).take();
    }
}
