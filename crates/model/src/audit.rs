//! Identity's audit, in SQL beside what it speaks of.
//!
//! Writes of the other ports append their own rows in their own transactions. [`AuditLog::note`] is for what changes
//! nothing else: a failed login.

use sekisho_token::Timestamp;
use sekisho_wire::audit::Event;
use sekisho_wire::{AuditEvent, BoxFuture, RealmName, Subject};

use crate::StoreError;

/// A row of the audit.
#[derive(Clone, Debug)]
pub struct AuditRow {
    /// Ascending within the database.
    pub sequence: i64,
    /// What happened.
    pub event: AuditEvent,
}

/// Which rows are looked for; everything that is said must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Search {
    /// Concerning whom.
    pub subject: Option<Subject>,
    /// What happened.
    pub event: Option<Event>,
    /// Not earlier than this.
    pub since: Option<Timestamp>,
    /// Earlier than this.
    pub until: Option<Timestamp>,
}

/// Keeps the audit.
pub trait AuditLog: Send + Sync {
    /// Appends a row on its own.
    fn note(&self, event: AuditEvent) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Rows of a realm, newest first, before `before`, at most `limit`.
    fn audit<'a>(
        &'a self,
        realm: &'a RealmName,
        before: Option<i64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AuditRow>, StoreError>>;

    /// Those rows of a realm that are looked for, newest first, before `before`, at most `limit`.
    fn search_audit<'a>(
        &'a self,
        realm: &'a RealmName,
        search: Search,
        before: Option<i64>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<AuditRow>, StoreError>>;
}
