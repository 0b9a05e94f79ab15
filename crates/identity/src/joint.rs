//! One reading for everybody who asks at the same time.
//!
//! Whoever asks while a reading is under way waits for the next one, which serves all who wait by then. So an answer is
//! never older than its question, and however many ask at once, two readings answer them.
//!
//! Not here: keeping anything. An answer is given to those who waited for it and to nobody later.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A question that many ask.
#[derive(Debug)]
pub(crate) struct Turn<T> {
    /// How many asked so far.
    asked: AtomicU64,
    /// Held while it is read.
    last: tokio::sync::Mutex<Last<T>>,
}

#[derive(Debug)]
struct Last<T> {
    /// How many had asked when the reading began: it was for all of them.
    covers: u64,
    read: Option<T>,
}

/// Questions by what they are about. Those that nobody waits for take no room.
#[derive(Debug)]
pub(crate) struct Joint<K: Eq + Hash, T> {
    turns: Mutex<HashMap<K, Arc<Turn<T>>>>,
}

/// Somebody who waits, also until they do not any more.
struct Waiting<'a, K: Eq + Hash, T> {
    joint: &'a Joint<K, T>,
    about: &'a K,
    turn: Option<Arc<Turn<T>>>,
}

// === impl Turn ===

impl<T: Clone> Turn<T> {
    /// What a reading that begins from now on finds.
    pub(crate) async fn read(&self, reading: impl Future<Output = T>) -> T {
        let asked = self.asked.fetch_add(1, Ordering::SeqCst) + 1;
        let mut last = self.last.lock().await;
        if let Some(read) = last.read.clone().filter(|_| last.covers >= asked) {
            return read;
        }
        let covers = self.asked.load(Ordering::SeqCst);
        let read = reading.await;
        *last = Last { covers, read: Some(read.clone()) };
        read
    }
}

impl<T> Default for Turn<T> {
    fn default() -> Self {
        Self { asked: AtomicU64::new(0), last: tokio::sync::Mutex::new(Last { covers: 0, read: None }) }
    }
}

// === impl Joint ===

impl<K: Eq + Hash + Clone, T: Clone> Joint<K, T> {
    /// What a reading about this that begins from now on finds.
    pub(crate) async fn read(&self, about: &K, reading: impl Future<Output = T>) -> T {
        let turn = Arc::clone(self.turns().entry(about.clone()).or_default());
        let waiting = Waiting { joint: self, about, turn: Some(turn) };
        match &waiting.turn {
            Some(turn) => turn.read(reading).await,
            None => reading.await,
        }
    }
}

impl<K: Eq + Hash, T> Joint<K, T> {
    fn turns(&self) -> MutexGuard<'_, HashMap<K, Arc<Turn<T>>>> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash, T> Default for Joint<K, T> {
    fn default() -> Self {
        Self { turns: Mutex::default() }
    }
}

// === impl Waiting ===

impl<K: Eq + Hash, T> Drop for Waiting<'_, K, T> {
    fn drop(&mut self) {
        let mut turns = self.joint.turns();
        self.turn = None;
        // The table holds the last one: under its lock nobody else can take another.
        if turns.get(self.about).is_some_and(|turn| Arc::strong_count(turn) == 1) {
            turns.remove(self.about);
        }
    }
}

#[cfg(test)]
mod tests;
