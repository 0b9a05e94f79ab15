//! Everything that is kept: SQL behind the ports of the model.
//!
//! ```text
//!   users clients sessions flows codes grants opaque keys realms feed audit upkeep     one file per entity
//!                                     │ jobs
//!                                   store            the ports' object: each call is one job
//!                                     │ lanes        bounded queues, deadlines on the clock
//!                           sqlite      postgres     one writer with group commit and a few readers, or many of both
//!                                     │
//!              connection   value   row              the narrow waist that the SQL text is written against
//! ```
//!
//! The files of the entities hold the one SQL text of every database: `$1` placeholders, `RETURNING`, times as whole
//! seconds, ids as text, digests as bytes, lists as JSON. A database is one file that brings connections and decides how
//! jobs become transactions; the tests under `tests/conformance` say what it must hold.
//!
//! INVARIANT (append-with-the-change): a write that changes what an enforcement point may accept appends to the feed in
//! its own transaction, as the last thing it does.
//!
//! Not here: the rules of entities (`sekisho-model` has them, and they are called inside the transactions), credentials
//! (only digests and sealed bytes arrive here), HTTP.

mod connection;
mod directory;
mod lane;
mod migration;
mod row;
mod store;
mod value;

mod audit;
mod clients;
mod codes;
mod feed;
mod flows;
mod grants;
mod keys;
mod opaque;
mod realms;
mod sessions;
mod upkeep;
mod users;

pub mod postgres;
pub mod sqlite;

pub use directory::DirectoryError;
pub use store::{Look, Readings, Settings, SqlStore};

/// The most rows a list returns, whatever was asked for.
pub const LIST_ROWS_MAX: u32 = 1000;
/// A text that comes after the text of every id that we generate.
const AFTER_EVERY_ID: &str = "~";
