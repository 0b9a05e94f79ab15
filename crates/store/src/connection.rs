//! The narrow waist: everything above speaks SQL to a [`Connection`], everything below is one database.

use std::fmt;

use sekisho_model::StoreError;
use sekisho_wire::BoxFuture;

use crate::row::Row;
use crate::value::Value;

/// What a database brings.
///
/// Errors are [`StoreError::Unavailable`]; the driver logs what the database said, because no caller can act on it.
pub(crate) trait Driver: fmt::Debug + Send {
    /// Runs a statement to its end and says how many rows it changed.
    fn execute<'a>(&'a mut self, sql: &'static str, values: &'a [Value]) -> BoxFuture<'a, Result<u64, StoreError>>;

    /// Runs a statement to its end and returns its rows.
    fn fetch<'a>(&'a mut self, sql: &'static str, values: &'a [Value]) -> BoxFuture<'a, Result<Vec<Row>, StoreError>>;

    /// Ends the connection and waits until it has ended.
    fn close(self: Box<Self>) -> BoxFuture<'static, ()>;
}

/// A connection to a database, inside the transaction of the job that was handed it.
#[derive(Debug)]
pub(crate) struct Connection {
    driver: Box<dyn Driver>,
}

// === impl Connection ===

impl Connection {
    pub(crate) fn over(driver: impl Driver + 'static) -> Self {
        Self { driver: Box::new(driver) }
    }

    /// Runs a statement and says how many rows it changed.
    pub(crate) async fn execute(&mut self, sql: &'static str, values: &[Value]) -> Result<u64, StoreError> {
        self.driver.execute(sql, values).await
    }

    /// Runs a statement and returns its rows.
    pub(crate) async fn fetch(&mut self, sql: &'static str, values: &[Value]) -> Result<Vec<Row>, StoreError> {
        self.driver.fetch(sql, values).await
    }

    /// The only row, or none.
    pub(crate) async fn fetch_one(&mut self, sql: &'static str, values: &[Value]) -> Result<Option<Row>, StoreError> {
        Ok(self.driver.fetch(sql, values).await?.into_iter().next())
    }

    /// Ends the connection and waits until it has ended.
    pub(crate) async fn close(self) {
        self.driver.close().await;
    }
}
