//! Connections to upstreams that are kept for the next request: one pool per core, the youngest first.
//!
//! The youngest is the least likely to have been closed by the other side, and lets the others grow old and go. A
//! connection is given back as soon as the answer's last byte was read; whether hyper has finished with it is looked at
//! when it is taken.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use hyper::client::conn::http1::SendRequest;
use sekisho_wire::{Clock, Monotonic};

use super::{Address, Upload};
use crate::core::Core;
use crate::watch::Watch;

/// The kept connections of one core.
#[derive(Debug)]
pub(crate) struct Pool {
    clock: Arc<dyn Clock>,
    idle_max: usize,
    idle_deadline: Duration,
    /// By address, the youngest last. Only its own core takes the lock.
    idle: Mutex<HashMap<Box<str>, Vec<Idle>, RandomState>>,
}

/// A connection to an upstream. Its watch goes with it from exchange to exchange, and so does a timer that was armed.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) sender: SendRequest<Upload>,
    pub(super) watch: Watch,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Monotonic,
}

/// A connection that is in use. Dropped, it is closed; [`Lease::end`] keeps it.
#[derive(Debug)]
pub(crate) struct Lease {
    pool: Arc<Pool>,
    address: Arc<Address>,
    connection: Connection,
}

// === impl Pool ===

impl Pool {
    pub(crate) fn new(clock: Arc<dyn Clock>, idle_max: usize, idle_deadline: Duration) -> Self {
        Self { clock, idle_max, idle_deadline, idle: Mutex::default() }
    }

    /// The youngest connection to an address that can be used now.
    pub(super) fn take(&self, to: &Address, now: Monotonic) -> Option<Connection> {
        let mut idle = self.idle();
        let kept = idle.get_mut(to.key())?;
        let mut at = kept.len();
        while let Some(next) = at.checked_sub(1) {
            at = next;
            let candidate = kept.get(at)?;
            if now.since(candidate.since) >= self.idle_deadline {
                // All below are older still.
                kept.drain(..=at);
                return None;
            }
            if candidate.connection.sender.is_closed() {
                drop(kept.remove(at));
            } else if candidate.connection.sender.is_ready() {
                return Some(kept.remove(at).connection);
            }
        }
        None
    }

    /// Closes what has been idle for too long.
    pub(crate) fn sweep(&self) {
        let now = self.clock.monotonic();
        let mut idle = self.idle();
        for kept in idle.values_mut() {
            kept.retain(|one| !one.connection.sender.is_closed() && now.since(one.since) < self.idle_deadline);
        }
        idle.retain(|_, kept| !kept.is_empty());
    }

    fn keep(&self, address: &Address, connection: Connection) {
        if connection.sender.is_closed() {
            return;
        }
        let since = self.clock.monotonic();
        let mut idle = self.idle();
        if let Some(kept) = idle.get_mut(address.key()) {
            if kept.len() >= self.idle_max {
                kept.drain(..=kept.len() - self.idle_max);
            }
            kept.push(Idle { connection, since });
        } else if self.idle_max > 0 {
            idle.insert(address.key().into(), vec![Idle { connection, since }]);
        }
    }

    fn idle(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Idle>, RandomState>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Lease ===

impl Lease {
    pub(super) fn new(core: &Core, address: &Arc<Address>, connection: Connection) -> Self {
        Self { pool: Arc::clone(core.pool()), address: Arc::clone(address), connection }
    }

    /// The answer was read to its end: the connection may carry another request.
    pub(super) fn end(self) {
        self.pool.keep(&self.address, self.connection);
    }

    /// Times the answer.
    pub(super) fn watch(&mut self) -> &mut Watch {
        &mut self.connection.watch
    }
}
