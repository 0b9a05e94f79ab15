//! Steps of schemas that do not exist yet.

use std::os::unix::fs::PermissionsExt as _;

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnectOptions;

use super::*;

const NOW: Timestamp = Timestamp(7);
const FIRST: Migration = Migration { version: 1, sql: "CREATE TABLE a (x INTEGER); INSERT INTO a VALUES (5);" };
const SECOND: Migration = Migration { version: 2, sql: "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y = x + 1;" };
const BROKEN: Migration = Migration { version: 3, sql: "UPDATE a SET y = 0; INSERT INTO nowhere VALUES (1);" };

async fn connect(path: &Path) -> SqliteConnection {
    let options = SqliteConnectOptions::new().filename(path).create_if_missing(true);
    SqliteConnection::connect_with(&options).await.unwrap()
}

async fn number(connection: &mut SqliteConnection, sql: &'static str) -> i64 {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn a_newer_schema_comes_with_a_copy_of_the_older_database() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut connection = connect(&path).await;
    run(&mut connection, &path, &[FIRST], NOW).await.unwrap();
    assert!(!dir.path().join("a.db.schema-1").exists());

    run(&mut connection, &path, &[FIRST, SECOND], NOW).await.unwrap();
    assert_eq!(number(&mut connection, "SELECT y FROM a").await, 6);
    assert_eq!(version(&mut connection).await.unwrap(), 2);

    let copy = dir.path().join("a.db.schema-1");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut copy = connect(&copy).await;
    assert_eq!(number(&mut copy, "SELECT x FROM a").await, 5);
    assert_eq!(version(&mut copy).await.unwrap(), 1);
}

#[tokio::test]
async fn a_step_that_fails_leaves_the_schema_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    let mut connection = connect(&path).await;
    assert!(run(&mut connection, &path, &[FIRST, SECOND, BROKEN], NOW).await.is_err());
    assert_eq!(version(&mut connection).await.unwrap(), 2);
    assert_eq!(number(&mut connection, "SELECT y FROM a").await, 6);
}

#[test]
fn steps_are_numbered_without_a_gap_up_to_the_version_that_is_told() {
    let versions: Vec<i64> = ALL.iter().map(|step| step.version).collect();
    assert_eq!(versions, (1..=SCHEMA_VERSION).collect::<Vec<_>>());
}
