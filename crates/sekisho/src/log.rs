//! The process's own log, on standard error: for people as text, for programs as one JSON object a line.
//!
//! What is logged is said by `SEKISHO_LOG`; how, by `--log-format` or `SEKISHO_LOG_FORMAT`. Lines about a request carry its
//! id, the one that is in `x-request-id` and in the audit: in `request` at the gateway, in `span.id` at identity, where work on
//! behalf of a request logs in many places. No line holds a credential: those types do not tell themselves, and a story looks
//! for them in everything that a busy process logs.
//!
//! Not here: the audit, which is kept in files of its own (`audit`).

use std::io::{self, IsTerminal as _};

use clap::ValueEnum;

/// How lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Begins to log to standard error. Said a second time in one process, it changes nothing.
pub fn to_stderr(format: Format) {
    let filter = tracing_subscriber::EnvFilter::builder()
        .with_env_var("SEKISHO_LOG")
        .with_default_directive(tracing::Level::INFO.into())
        .from_env_lossy();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(io::stderr);
    // Whoever came first goes on; there is nothing to tell anybody, and nowhere to tell it.
    let _ = match format {
        Format::Text => lines.with_ansi(io::stderr().is_terminal()).try_init(),
        Format::Json => lines.json().flatten_event(true).with_span_list(false).try_init(),
    };
}
