//! Values into PostgreSQL and out of it, and what an error means for the transaction and the connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use sekisho_model::StoreError;
use sekisho_wire::BoxFuture;
use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgArguments, PgRow, PgTypeInfo};
use sqlx::query::Query;
use sqlx::{Connection as _, Encode, PgConnection, Postgres, Row as _, Type, TypeInfo as _, ValueRef as _};

use crate::connection::Driver;
use crate::lane::UNAVAILABLE;
use crate::row::Row;
use crate::value::Value;

/// One connection; its statements stay prepared.
#[derive(Debug)]
pub(crate) struct PostgresDriver {
    connection: PgConnection,
    trouble: Arc<TroubleCell>,
}

/// What an error means, from the least to the worst.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trouble {
    /// The statement is refused, and with it the transaction.
    Refused = 1,
    /// The transaction was in the way of another and was taken back: the same work may succeed now.
    Conflict = 2,
    /// The connection is of no use any more.
    Lost = 3,
}

/// The worst trouble of a connection since somebody looked. Jobs see only that a statement failed; whoever runs them sees
/// here what to do about it.
#[derive(Debug, Default)]
pub(crate) struct TroubleCell(AtomicU8);

/// NULL of whatever type the statement needs in its place.
struct Untyped;

/// The type `unknown`: the server finds out from the statement.
const UNKNOWN: Oid = Oid(705);

// === impl PostgresDriver ===

impl PostgresDriver {
    pub(crate) fn new(connection: PgConnection) -> (Self, Arc<TroubleCell>) {
        let trouble = Arc::new(TroubleCell::default());
        (Self { connection, trouble: Arc::clone(&trouble) }, trouble)
    }

    fn failed(&self, sql: &'static str, error: &sqlx::Error) -> StoreError {
        let trouble = Trouble::of(error);
        match trouble {
            Trouble::Refused => tracing::error!(sql, %error, "PostgreSQL refused a statement"),
            Trouble::Conflict => tracing::debug!(sql, %error, "a transaction met another"),
            Trouble::Lost => tracing::warn!(sql, %error, "a connection to PostgreSQL broke"),
        }
        self.trouble.note(trouble);
        UNAVAILABLE
    }
}

impl Driver for PostgresDriver {
    fn execute<'a>(&'a mut self, sql: &'static str, values: &'a [Value]) -> BoxFuture<'a, Result<u64, StoreError>> {
        Box::pin(async move {
            let done = bound(sql, values).execute(&mut self.connection).await;
            done.map(|done| done.rows_affected()).map_err(|error| self.failed(sql, &error))
        })
    }

    fn fetch<'a>(&'a mut self, sql: &'static str, values: &'a [Value]) -> BoxFuture<'a, Result<Vec<Row>, StoreError>> {
        Box::pin(async move {
            let rows = bound(sql, values).fetch_all(&mut self.connection).await;
            let rows = rows.and_then(|rows| rows.iter().map(row).collect());
            rows.map_err(|error| self.failed(sql, &error))
        })
    }

    fn close(self: Box<Self>) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            if let Err(error) = self.connection.close().await {
                tracing::debug!(%error, "a connection to PostgreSQL ended badly");
            }
        })
    }
}

// === impl Trouble ===

impl Trouble {
    fn of(error: &sqlx::Error) -> Self {
        let sqlx::Error::Database(error) = error else { return Self::Lost };
        match error.code().as_deref() {
            // Serialization failure, deadlock.
            Some("40001" | "40P01") => Self::Conflict,
            // A server that has become a standby, or whose administrator ends our connection, starts or stops it.
            Some("25006") => Self::Lost,
            Some(code) if code.starts_with("08") || code.starts_with("57P") || code.starts_with("XX") => Self::Lost,
            Some(_) | None => Self::Refused,
        }
    }
}

// === impl TroubleCell ===

impl TroubleCell {
    /// What happened since the last call.
    pub(crate) fn take(&self) -> Option<Trouble> {
        match self.0.swap(0, Ordering::Relaxed) {
            0 => None,
            1 => Some(Trouble::Refused),
            2 => Some(Trouble::Conflict),
            _ => Some(Trouble::Lost),
        }
    }

    fn note(&self, trouble: Trouble) {
        self.0.fetch_max(trouble as u8, Ordering::Relaxed);
    }
}

// === impl Untyped ===

impl Type<Postgres> for Untyped {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(UNKNOWN)
    }
}

impl Encode<'_, Postgres> for Untyped {
    fn encode_by_ref(&self, _: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        Ok(IsNull::Yes)
    }
}

/// A statement is prepared once, with the types of the first values that it is given. So a NULL must not claim a type that
/// the next value in its place does not have.
fn bound(sql: &'static str, values: &[Value]) -> Query<'static, Postgres, PgArguments> {
    values.iter().fold(sqlx::query(sql), |query, value| match value {
        Value::Null => query.bind(Untyped),
        Value::Int(number) => query.bind(*number),
        Value::Text(text) => query.bind(text.clone()),
        Value::Blob(bytes) => query.bind(bytes.clone()),
    })
}

fn row(row: &PgRow) -> Result<Row, sqlx::Error> {
    let value = |index| {
        let raw = row.try_get_raw(index)?;
        if raw.is_null() {
            return Ok(Value::Null);
        }
        match raw.type_info().name() {
            "INT8" => row.try_get(index).map(Value::Int),
            "INT4" => row.try_get::<i32, _>(index).map(|number| Value::Int(number.into())),
            "BYTEA" => row.try_get(index).map(Value::Blob),
            // Columns have one of three types, so what is left is text, or an error that says what it is.
            _ => row.try_get(index).map(Value::Text),
        }
    };
    (0..row.len()).map(value).collect::<Result<_, _>>().map(Row)
}

#[cfg(test)]
mod tests;
