//! How the connections are set up, which no test from outside could tell.

use super::*;

async fn pragma(connection: &mut SqliteConnection, sql: &'static str) -> String {
    let value: Vec<u8> = sqlx::Row::get_unchecked(&sqlx::query(sql).fetch_one(connection).await.unwrap(), 0);
    String::from_utf8(value).unwrap()
}

#[tokio::test]
async fn the_writer_syncs_at_every_commit_and_readers_cannot_write() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.db");
    make_file(&path).unwrap();
    let mut writer = connect(&writing(&path), &path).await.unwrap();
    assert_eq!(pragma(&mut writer, "PRAGMA journal_mode").await, "wal");
    assert_eq!(pragma(&mut writer, "PRAGMA synchronous").await, "2");
    assert_eq!(pragma(&mut writer, "PRAGMA foreign_keys").await, "1");
    let mut reader = connect(&options().filename(&path).read_only(true), &path).await.unwrap();
    assert!(sqlx::query("CREATE TABLE a (x INTEGER)").execute(&mut reader).await.is_err());
}
