//! The log behind the feed, as the store keeps it.
//!
//! Entries are written by the other ports, in the transactions of the changes themselves; here they are read. The
//! meaning of positions and entries is in [`sekisho_wire::feed`].

use sekisho_token::Timestamp;
use sekisho_wire::feed::{After, Head, Snapshot};
use sekisho_wire::{BoxFuture, Epoch, Position, RealmName};

use crate::{Act, StoreError};

/// Reads the log.
pub trait FeedLog: Send + Sync {
    /// The newest position, read from the primary after the call.
    fn head<'a>(&'a self, realm: &'a RealmName) -> BoxFuture<'a, Result<Head, StoreError>>;

    /// The entries after `position`, at most [`PAGE_ENTRIES_MAX`](sekisho_wire::feed::PAGE_ENTRIES_MAX).
    fn after<'a>(&'a self, realm: &'a RealmName, position: Position) -> BoxFuture<'a, Result<After, StoreError>>;

    /// The fold of the log at `now`, in one transaction.
    fn snapshot<'a>(&'a self, realm: &'a RealmName, now: Timestamp) -> BoxFuture<'a, Result<Snapshot, StoreError>>;

    /// Starts a new epoch in the realm of the act: max(old + 1, `act.now`). After a restore from backup nothing minted or
    /// known before it can then look newer than what follows.
    fn start_epoch(&self, act: Act) -> BoxFuture<'_, Result<Epoch, StoreError>>;
}
