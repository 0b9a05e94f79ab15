//! The schema, as the steps that led to it. They are part of the program and run by themselves when it opens a database.
//!
//! All that are missing run in one transaction, under a lock that only those who migrate take: of several processes that
//! start at once, one does it and the others find it done. A database that is newer than the program is refused untouched.
//! No copy is kept of the older state; that is what the server's backups are for.

use sekisho_token::Timestamp;
use sqlx::{Connection as _, PgConnection};

use super::{Address, OpenError};
use crate::migration::Migration;

/// The schema that this program writes and reads.
pub const SCHEMA_VERSION: i64 = 1;

/// Every step, oldest first.
pub(crate) const ALL: &[Migration] =
    &[Migration { version: SCHEMA_VERSION, sql: include_str!("../../migrations/postgres/0001_first_light.sql") }];

/// The number is "sekisho" in ASCII. A step may take long on a large table, and so may waiting for whoever does it.
const BEGIN: &str = "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = '60s'; \
                     SELECT pg_advisory_xact_lock(32481164460255343)";

/// Brings the database up to the last of `steps`.
pub(crate) async fn run(
    connection: &mut PgConnection,
    address: &Address,
    steps: &[Migration],
    now: Timestamp,
) -> Result<(), OpenError> {
    let known = steps.last().map_or(0, |step| step.version);
    let found = bring_up(connection, steps, now).await;
    let found = found.map_err(|source| OpenError::Schema { address: address.to_string(), source: Box::new(source) })?;
    if found > known {
        return Err(OpenError::SchemaTooNew { address: address.to_string(), found, known });
    }
    Ok(())
}

/// The version that is there, if there is a schema; a newer one is refused.
pub(crate) async fn look(connection: &mut PgConnection, address: &Address) -> Result<Option<i64>, OpenError> {
    let failed = |source| OpenError::Schema { address: address.to_string(), source: Box::new(source) };
    if !has_schema(connection).await.map_err(failed)? {
        return Ok(None);
    }
    let found = newest(connection).await.map_err(failed)?;
    if found > SCHEMA_VERSION {
        return Err(OpenError::SchemaTooNew { address: address.to_string(), found, known: SCHEMA_VERSION });
    }
    Ok(Some(found))
}

/// The version that was found. One that is newer than the last step is left alone.
async fn bring_up(connection: &mut PgConnection, steps: &[Migration], now: Timestamp) -> Result<i64, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::raw_sql(BEGIN).execute(&mut *transaction).await?;
    let found = version(&mut transaction).await?;
    for step in steps.iter().filter(|step| step.version > found) {
        sqlx::raw_sql(step.sql).execute(&mut *transaction).await?;
        sqlx::query("INSERT INTO schema_version (version, applied_at) VALUES ($1, $2)")
            .bind(step.version)
            .bind(now.0)
            .execute(&mut *transaction)
            .await?;
    }
    transaction.commit().await?;
    Ok(found)
}

/// 0 for a database without a schema; then there is a table for its version from now on.
async fn version(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    if has_schema(connection).await? {
        return newest(connection).await;
    }
    let table = "CREATE TABLE schema_version (version BIGINT PRIMARY KEY, applied_at BIGINT)";
    sqlx::raw_sql(table).execute(connection).await?;
    Ok(0)
}

async fn has_schema(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass('schema_version') IS NOT NULL").fetch_one(connection).await
}

async fn newest(connection: &mut PgConnection) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM schema_version").fetch_one(connection).await
}
