//! Values into SQLite and out of it.

use sekisho_model::StoreError;
use sekisho_wire::BoxFuture;
use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteRow};
use sqlx::{Connection as _, Row as _, Sqlite, SqliteConnection, TypeInfo as _, ValueRef as _};

use crate::connection::Driver;
use crate::lane::UNAVAILABLE;
use crate::row::Row;
use crate::value::Value;

/// One connection; its statements stay compiled.
#[derive(Debug)]
pub(crate) struct SqliteDriver {
    connection: SqliteConnection,
}

// === impl SqliteDriver ===

impl SqliteDriver {
    pub(crate) fn new(connection: SqliteConnection) -> Self {
        Self { connection }
    }
}

impl Driver for SqliteDriver {
    fn execute<'a>(&'a mut self, sql: &'static str, values: &'a [Value]) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let done = bound(sql, values).execute(&mut self.connection).await;
            done.map(|done| done.rows_affected()).map_err(|error| failed(sql, &error))
        })
    }

    fn fetch<'a>(&'a mut self, sql: &'static str, values: &'a [Value]) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let rows = bound(sql, values).fetch_all(&mut self.connection).await;
            rows.and_then(|rows| rows.iter().map(row).collect()).map_err(|error| failed(sql, &error))
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = self.connection.close().await {
                tracing::warn!(%error, "a connection to SQLite ended badly");
            }
        })
    }
}

fn bound(sql: &'static str, values: &[Value]) -> Query<'static, Sqlite, SqliteArguments> {
    values.iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Null => query.bind(None::<i64>),
        Value::Int(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
        Value::Blob(bytes) => query.bind(bytes.clone()),
    })
}

/// A value is read as what it is, not as what its column was declared to be, so that damage is seen as damage.
fn row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    let value = |index| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        match raw.type_info().name() {
            "INTEGER" => row.try_get_unchecked(index).map(Value::Int),
            "TEXT" => row.try_get_unchecked(index).map(Value::Text),
            _ => row.try_get_unchecked(index).map(Value::Blob),
        }
    };
    (0..row.len()).map(value).collect::<Result<_, _>>().map(Row)
}

fn failed(sql: &'static str, error: &sqlx::Error) -> StoreError {
    tracing::error!(sql, %error, "SQLite failed");
    UNAVAILABLE
}
