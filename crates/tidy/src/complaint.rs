//! What a check says about one place: where, what stands there, and what was expected instead.

use std::fmt;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Complaint {
    /// Path from the root of the repository, with `/` on every system.
    pub path: String,
    /// Counted from 1.
    pub line: usize,
    pub found: String,
    pub expected: String,
}

// === impl Complaint ===

impl Complaint {
    pub fn new(path: &str, line: usize, found: impl Into<String>, expected: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, found: found.into(), expected: expected.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, found, expected } = self;
        write!(f, "{path}:{line}: {found}; expected {expected}")
    }
}
