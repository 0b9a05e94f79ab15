//! What all ports towards the store have in common: their errors, their upkeep, and the name for all of them together.

use sekisho_token::Timestamp;
use sekisho_wire::{BoxFuture, Unavailable};

use crate::audit::AuditLog;
use crate::client::Clients;
use crate::code::Codes;
use crate::feed::FeedLog;
use crate::flow::Flows;
use crate::grant::Grants;
use crate::key::Keys;
use crate::opaque::OpaqueTokens;
use crate::realm::Realms;
use crate::session::Sessions;
use crate::user::Users;

/// Why a store call brought nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// The database did not answer, or not in time: 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// A row cannot be read back; the operator must look. Callers get 503.
    #[error("{table} row `{row}` is damaged: {what}")]
    Damaged {
        /// Which table.
        table: &'static str,
        /// Its key, never a secret.
        row: String,
        /// What is wrong with it.
        what: String,
    },
    /// The realm does not exist in this database.
    #[error("realm `{0}` does not exist")]
    NoRealm(String),
}

/// What became of a change that was meant for one state only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It is made.
    Done,
    /// Somebody else made another first; nothing was changed.
    Differs,
    /// There is no such row.
    Missing,
}

/// Deletes what has expired, a bounded batch at a time, so that no sweep holds up a login.
pub trait Upkeep: Send + Sync {
    /// Deletes at most `rows_max` expired rows over all tables and returns how many; the caller repeats while it is
    /// `rows_max`.
    fn sweep(&self, now: Timestamp, rows_max: u32) -> BoxFuture<'_, Result<u32, StoreError>>;
}

/// Everything that is kept, as one object.
pub trait Store:
    Realms
    + Users
    + Clients
    + Sessions
    + Flows
    + Codes
    + Grants
    + OpaqueTokens
    + Keys
    + FeedLog
    + AuditLog
    + Upkeep
    + std::fmt::Debug
{
}

impl<T> Store for T where
    T: Realms
        + Users
        + Clients
        + Sessions
        + Flows
        + Codes
        + Grants
        + OpaqueTokens
        + Keys
        + FeedLog
        + AuditLog
        + Upkeep
        + std::fmt::Debug
{
}
