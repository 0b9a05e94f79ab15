//! Points in time, as JOSE writes them: whole seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate).
//!
//! Nothing here reads a clock.

use serde::{Deserialize, Serialize};

/// Seconds since the Unix epoch, UTC, leap seconds ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

// === impl Timestamp ===

impl Timestamp {
    /// This time and `seconds` more (fewer when negative); stays at the ends of the range instead of wrapping.
    #[must_use]
    pub const fn plus_s(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this time; negative when `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }
}

#[cfg(test)]
mod tests;
