//! The directory: one process, our eyes only, schemas and damage.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sekisho_model::StoreError;
use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::opaque::OpaqueTokens as _;
use sekisho_model::user::Users as _;
use sekisho_store::DirectoryError;
use sekisho_store::sqlite::{self, OpenError};
use sekisho_wire::cut::Cut;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{Connection as _, SqliteConnection};

use crate::rig::{NOW, Rig, TestClock, opaque, reopen, settings};

/// Changes the database behind the store's back.
async fn tamper(dir: &Path, sql: &'static str) {
    let options = SqliteConnectOptions::new().filename(dir.join("sekisho.db")).foreign_keys(false);
    let mut connection = SqliteConnection::connect_with(&options).await.unwrap();
    sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
}

async fn refused(dir: &Path) -> OpenError {
    sqlite::open(dir, settings(&TestClock::new(), &Cut::joined("store"))).await.unwrap_err()
}

#[tokio::test]
async fn a_second_opener_is_refused_by_the_name_of_the_lock_and_its_holder_until_the_first_closes() {
    let rig = Rig::sqlite_on_disk().await;
    let error = refused(&rig.data()).await;
    let OpenError::Directory(DirectoryError::Locked { holder, .. }) = &error else { panic!("{error:?}") };
    assert_eq!(*holder, Some(std::process::id()));
    let message = error.to_string();
    assert!(message.contains("data/lock` is held by process "), "{message}");

    rig.store.close().await;
    let again = reopen(&rig.data()).await;
    assert_eq!(again.head(&rig.realm).await.unwrap().position.revision.0, 1);
    again.close().await;
}

#[tokio::test]
async fn what_was_written_is_there_after_reopening_and_the_log_is_folded_into_the_file() {
    let rig = Rig::sqlite_on_disk().await;
    let (user, _, grant) = rig.any_grant("alice").await;
    rig.store.close().await;
    assert!(!rig.data().join("sekisho.db-wal").exists());
    let again = reopen(&rig.data()).await;
    assert_eq!(again.basis(&rig.realm, grant).await.unwrap().unwrap().user.id, user);
    again.close().await;
}

#[tokio::test]
async fn nobody_else_can_read_the_directory_or_its_files() {
    let rig = Rig::sqlite_on_disk().await;
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&rig.data()), 0o700);
    let mut names = Vec::new();
    for file in std::fs::read_dir(rig.data()).unwrap() {
        let file = file.unwrap();
        assert_eq!(mode(&file.path()), 0o600, "{file:?}");
        names.push(file.file_name().into_string().unwrap());
    }
    names.sort();
    assert_eq!(names, ["lock", "sekisho.db", "sekisho.db-shm", "sekisho.db-wal"]);
    rig.close().await;
}

#[tokio::test]
async fn a_newer_schema_is_refused_untouched_and_both_versions_are_named() {
    let rig = Rig::sqlite_on_disk().await;
    rig.store.close().await;
    tamper(&rig.data(), "INSERT INTO schema_version VALUES (4711, 0)").await;
    let bytes = std::fs::read(rig.data().join("sekisho.db")).unwrap();
    let message = refused(&rig.data()).await.to_string();
    let known = format!("has schema version 4711, and this program knows versions up to {}", sqlite::SCHEMA_VERSION);
    assert!(message.contains(&known), "{message}");
    assert_eq!(std::fs::read(rig.data().join("sekisho.db")).unwrap(), bytes);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_untouched() {
    let dir = tempfile::tempdir().unwrap();
    let text = "this was never a database\n".repeat(100);
    std::fs::write(dir.path().join("sekisho.db"), &text).unwrap();
    assert!(matches!(refused(dir.path()).await, OpenError::Database { .. }));
    assert_eq!(std::fs::read_to_string(dir.path().join("sekisho.db")).unwrap(), text);
}

#[tokio::test]
async fn a_damaged_row_is_told_by_table_and_key_and_spoils_nothing_else() {
    let rig = Rig::sqlite_on_disk().await;
    let (alice, session, grant) = rig.any_grant("alice").await;
    let bob = rig.user("bob").await;
    let data = rig.data();
    let check = async |expected_table: &str, key: String, found: StoreError| match found {
        StoreError::Damaged { table, row, .. } => assert_eq!((table, row), (expected_table, key)),
        other @ (StoreError::Unavailable(_) | StoreError::NoRealm(_)) => panic!("{other:?}"),
    };

    tamper(&data, "UPDATE users SET scopes = 'orders:read \"' WHERE name = 'alice'").await;
    check("users", alice.to_string(), rig.store.user(&rig.realm, alice).await.unwrap_err()).await;
    check("users", alice.to_string(), rig.store.basis(&rig.realm, grant).await.unwrap_err()).await;
    assert!(rig.store.user(&rig.realm, bob).await.unwrap().is_some());
    tamper(&data, "UPDATE users SET scopes = 'orders:read'").await;

    let (_, _, bobs) = rig.any_grant("carol").await;
    let tokens = [rig.digest(), rig.digest()];
    for (token, grant) in tokens.into_iter().zip([grant, bobs]) {
        rig.store.keep_opaque(rig.act(), opaque(token, grant, NOW.plus_s(60))).await.unwrap();
    }
    tamper(&data, "UPDATE grants SET audiences = '[1]' WHERE user_id = (SELECT id FROM users WHERE name = 'alice')")
        .await;
    let found = rig.store.opaques(&rig.realm, tokens.to_vec(), NOW).await.unwrap();
    let of = |token| found.iter().find(|(digest, _)| *digest == token).unwrap().1.clone();
    check("grants", grant.to_string(), of(tokens[0]).unwrap_err()).await;
    assert_eq!(of(tokens[1]).unwrap().basis.grant.id, bobs);

    tamper(&data, "UPDATE grants SET audiences = '[1]'").await;
    check("grants", grant.to_string(), rig.store.basis(&rig.realm, grant).await.unwrap_err()).await;
    tamper(&data, "UPDATE grants SET audiences = '[]', generation = NULL").await;
    check("grants", grant.to_string(), rig.store.basis(&rig.realm, grant).await.unwrap_err()).await;
    tamper(&data, "UPDATE grants SET generation = 0").await;

    tamper(&data, "UPDATE entries SET hash = x'00'").await;
    let position = rig.head().await;
    check("entries", position.to_string(), {
        let start = sekisho_wire::Position::new(position.epoch.0, 0);
        rig.store.after(&rig.realm, start).await.unwrap_err()
    })
    .await;

    // A grant whose sign-in is missing is damage; it must not count as a grant that needs none.
    tamper(&data, "DELETE FROM sessions").await;
    let missing = rig.store.basis(&rig.realm, grant).await.unwrap_err();
    assert!(matches!(missing, StoreError::Damaged { table: "sessions", .. }), "{session} {missing:?}");
    assert!(rig.store.grants_of(rig.realm.clone(), alice, NOW).await.is_ok());
    rig.close().await;
}
