//! Points in time as people read them: `2026-11-21T06:40:33Z` (RFC 3339 §5.6), always UTC.

use sekisho_token::Timestamp;

/// The point in time as text.
#[must_use]
pub fn written(at: Timestamp) -> String {
    at.civil().to_string()
}

#[cfg(test)]
mod tests;
