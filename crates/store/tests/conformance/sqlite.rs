//! What only SQLite brings: its files, its lock, its one writer, and what a crash or a dump shows.

mod backup;
mod crash;
pub(crate) mod dump;
mod files;
mod waiting;
