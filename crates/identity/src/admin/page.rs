//! Pages of lists: where one goes on, and that nothing is cut without saying so.
//!
//! A page is found by the key that the one before ended with, never by counting rows, so that rows which are made or
//! removed meanwhile move nothing: what is there all the time is seen once.

/// How many rows a page has at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit(u32);

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T, K> {
    /// In the list's order.
    pub items: Vec<T>,
    /// After which key the list goes on; none at its end.
    pub next: Option<K>,
}

/// A number is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a number from 1 to {}", Limit::MAX.0)]
pub struct BadLimit;

// === impl Limit ===

impl Limit {
    /// The most rows of a page.
    pub const MAX: Self = Self(200);

    /// As a number.
    #[must_use]
    pub const fn rows(self) -> u32 {
        self.0
    }

    /// One row more than the page has shows whether there is another page.
    pub(super) const fn rows_and_one(self) -> u32 {
        self.0 + 1
    }
}

impl Default for Limit {
    fn default() -> Self {
        Self(50)
    }
}

impl TryFrom<u32> for Limit {
    type Error = BadLimit;

    fn try_from(rows: u32) -> Result<Self, BadLimit> {
        if (1..=Self::MAX.0).contains(&rows) { Ok(Self(rows)) } else { Err(BadLimit) }
    }
}

// === impl Page ===

impl<T, K> Page<T, K> {
    /// From [`Limit::rows_and_one`] rows, or fewer where the list ends.
    pub(super) fn of(mut rows: Vec<T>, limit: Limit, key: impl Fn(&T) -> K) -> Self {
        let most = usize::try_from(limit.0).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| more).map(key);
        Self { items: rows, next }
    }

    /// The same page of something else.
    pub fn map<U>(self, each: impl FnMut(T) -> U) -> Page<U, K> {
        Page { items: self.items.into_iter().map(each).collect(), next: self.next }
    }
}

#[cfg(test)]
mod tests;
