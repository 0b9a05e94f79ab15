//! Whoever reads the whole database holds nothing that could be presented.

use sqlx::PgConnection;

use super::superuser;
use crate::rig::Rig;
use crate::sqlite::dump::{holds, live_a_little};

/// Every row of every table, with its table: text as it is, bytes in hex.
async fn dump(connection: &mut PgConnection) -> Vec<(String, String)> {
    let tables = "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'";
    let tables: Vec<String> = sqlx::query_scalar(tables).fetch_all(&mut *connection).await.unwrap();
    let mut rows = Vec::new();
    for table in tables {
        let sql = sqlx::AssertSqlSafe(format!("SELECT row({table}.*)::text FROM {table}"));
        let found: Vec<String> = sqlx::query_scalar(sql).fetch_all(&mut *connection).await.unwrap();
        rows.extend(found.into_iter().map(|row| (table.clone(), row)));
    }
    rows
}

#[tokio::test]
async fn nothing_in_a_dump_of_the_database_is_a_credential_in_clear() {
    let rig = Rig::postgres().await;
    let secrets = live_a_little(&rig).await;
    let rows = dump(&mut superuser(rig.database.as_ref().unwrap()).await).await;
    // The dump sees what was written, text and bytes.
    assert!(rows.iter().any(|(table, row)| table == "users" && row.contains("alice")));
    assert!(rows.iter().any(|(table, row)| table == "codes" && row.contains("\\x")));
    for (name, secret) in &secrets {
        let hex: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
        for (table, row) in &rows {
            assert!(!holds(row.as_bytes(), secret) && !row.contains(&hex), "{table} holds the {name}: {row}");
        }
    }
    rig.close().await;
}
