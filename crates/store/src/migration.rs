//! One step of a schema. The steps of each database are in its own folder of `migrations/`.

/// One step; never changed once it was released.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Migration {
    /// The schema's version after it; steps are numbered from 1 without a gap.
    pub(crate) version: i64,
    pub(crate) sql: &'static str,
}
