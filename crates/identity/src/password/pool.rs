//! The threads that hash, and the memory they share.
//!
//! A queue of fixed length, a fixed number of threads, and a shelf of memory blocks: a thread takes one from the shelf,
//! or a fresh one, and puts it back. Reusing it saves a third of each run, which otherwise goes into page faults.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use argon2::{Algorithm, Argon2, Block, Params, Version};
use sekisho_token::Secret;
use tokio::sync::oneshot;

use super::phc::Phc;

/// One run.
pub(super) struct Work {
    pub(super) phc: Phc,
    pub(super) password: Secret<String>,
}

struct Job {
    work: Work,
    answer: oneshot::Sender<Option<Vec<u8>>>,
}

type Shelf = Arc<Mutex<Vec<Vec<Block>>>>;

/// The threads end when this is dropped.
pub(super) struct Pool {
    queue: SyncSender<Job>,
    shelf: Shelf,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
}

// === impl Pool ===

impl Pool {
    pub(super) fn start(threads: usize, queue_max: usize, runs: &Arc<AtomicU64>) -> std::io::Result<Self> {
        let (queue, jobs) = sync_channel(queue_max);
        let jobs = Arc::new(Mutex::new(jobs));
        let shelf = Shelf::default();
        let waiting = Arc::new(AtomicUsize::new(0));
        for number in 0..threads.max(1) {
            let (jobs, shelf, runs) = (Arc::clone(&jobs), Arc::clone(&shelf), Arc::clone(runs));
            let waiting = Arc::clone(&waiting);
            let thread = thread::Builder::new().name(format!("argon2-{number}"));
            thread.spawn(move || serve(&jobs, &shelf, (&runs, &waiting)))?;
        }
        Ok(Self { queue, shelf, waiting, waiting_max: queue_max })
    }

    /// Puts work into the queue; none when it is full.
    pub(super) fn put(&self, work: Work) -> Option<oneshot::Receiver<Option<Vec<u8>>>> {
        let (answer, receiver) = oneshot::channel();
        // Counted first: whoever takes it from the queue must find it counted.
        self.waiting.fetch_add(1, Ordering::Relaxed);
        if self.queue.try_send(Job { work, answer }).is_err() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(receiver)
    }

    /// How many wait.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// How many may.
    pub(super) const fn waiting_max(&self) -> usize {
        self.waiting_max
    }

    pub(super) fn give_memory_back(&self) {
        lock(&self.shelf).clear();
    }
}

fn serve(jobs: &Mutex<Receiver<Job>>, shelf: &Shelf, (runs, waiting): (&AtomicU64, &AtomicUsize)) {
    loop {
        // The guard is gone before the work begins, so that another thread can wait for the next job.
        let Ok(job) = lock(jobs).recv() else { return };
        waiting.fetch_sub(1, Ordering::Relaxed);
        let Job { work, answer } = job;
        // Whoever asked has gone away: their deadline passed, or their connection.
        if answer.is_closed() {
            continue;
        }
        let mut memory = lock(shelf).pop().unwrap_or_default();
        let hash = hash(&work, &mut memory);
        lock(shelf).push(memory);
        runs.fetch_add(1, Ordering::Relaxed);
        // The receiver may be gone by now.
        drop(answer.send(hash));
    }
}

fn hash(work: &Work, memory: &mut Vec<Block>) -> Option<Vec<u8>> {
    let Phc { memory_kib, passes, lanes, salt, hash } = &work.phc;
    let params = Params::new(*memory_kib, *passes, *lanes, Some(hash.len())).ok()?;
    memory.resize(params.block_count(), Block::default());
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut out = vec![0; hash.len()];
    argon2.hash_password_into_with_memory(work.password.expose().as_bytes(), salt, &mut out, memory).ok()?;
    Some(out)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
