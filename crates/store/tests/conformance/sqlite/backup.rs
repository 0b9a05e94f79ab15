//! Copies of a database in use, databases out of copies, and everything that is no copy.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::user::Users as _;
use sekisho_store::DirectoryError;
use sekisho_store::sqlite::{self, BackupError, OpenError, RestoreError, Restored, SCHEMA_VERSION};
use sekisho_token::Timestamp;
use sekisho_wire::feed::After;
use sekisho_wire::{Epoch, TokenId};
use sqlx::{Connection as _, SqliteConnection};

use crate::rig::{NOW, Rig, alone, reopen};

async fn backup_of(rig: &Rig) -> PathBuf {
    let file = rig.data().join("../kept.db");
    sqlite::backup(&rig.data(), &file).await.unwrap();
    file
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_taken_between_writes_holds_all_that_was_answered_and_is_ours_alone() {
    let rig = Arc::new(Rig::sqlite_on_disk().await);
    for number in 0..50 {
        rig.user(&format!("before{number}")).await;
    }
    let during = tokio::runtime::Handle::current().spawn({
        let rig = Arc::clone(&rig);
        async move {
            for number in 0..200 {
                rig.user(&format!("during{number}")).await;
            }
        }
    });
    let file = rig.data().join("../kept.db");
    let made = sqlite::backup(&rig.data(), &file).await.unwrap();
    during.await.unwrap();
    let metadata = file.metadata().unwrap();
    assert_eq!((metadata.permissions().mode() & 0o777, metadata.len()), (0o600, made.bytes));
    let names = names_in(&rig.data().join(".."));
    assert!(!names.iter().any(|name| name.contains("partial")), "{names:?}");

    let elsewhere = rig.data().join("../elsewhere");
    let restored = sqlite::restore(&elsewhere, &file, NOW).await.unwrap();
    assert_eq!((restored.schema, restored.replaced), (SCHEMA_VERSION, None));
    assert_eq!(elsewhere.join("sekisho.db").metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let again = reopen(&elsewhere).await;
    let users = again.users(&rig.realm, None, 1000).await.unwrap();
    let before = users.iter().filter(|user| user.name.as_str().starts_with("before")).count();
    assert_eq!(before, 50, "of {}", users.len());
    again.close().await;
}

fn names_in(dir: &Path) -> Vec<String> {
    let names = std::fs::read_dir(dir).unwrap();
    names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_backups_to_one_name_one_is_made_whole_and_what_others_left_there_is_not_touched() {
    let rig = Rig::sqlite_on_disk().await;
    rig.user("alice").await;
    let kept = tempfile::tempdir().unwrap();
    let (file, victim) = (kept.path().join("kept.db"), kept.path().join("victim"));
    std::fs::write(&victim, "mine").unwrap();
    // Whatever name a copy goes by meanwhile, one of these could be it.
    for number in 0..100 {
        let planted = kept.path().join(format!("kept.db.partial-{}-{number}", std::process::id()));
        std::os::unix::fs::symlink(&victim, planted).unwrap();
    }
    assert!(matches!(sqlite::backup(&rig.data(), &file).await, Err(BackupError::Files { .. })));
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "mine");
    for planted in names_in(kept.path()).iter().filter(|name| name.contains("partial")) {
        std::fs::remove_file(kept.path().join(planted)).unwrap();
    }

    let data = rig.data();
    let both = (sqlite::backup(&data, &file), sqlite::backup(&data, &file), sqlite::backup(&data, &file));
    let (one, two, three) = tokio::join!(both.0, both.1, both.2);
    let made: Vec<_> =
        [one, two, three].into_iter().filter(|made| !matches!(made, Err(BackupError::Exists(_)))).collect();
    assert!(matches!(made.as_slice(), [Ok(_)]), "{made:?}");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let elsewhere = kept.path().join("elsewhere");
    sqlite::restore(&elsewhere, &file, NOW).await.unwrap();
    let mut names = names_in(kept.path());
    names.sort();
    assert_eq!(names, ["elsewhere", "kept.db", "victim"]);
}

#[tokio::test]
async fn a_restore_begins_an_epoch_after_that_of_the_backup_and_of_what_it_replaces() {
    let rig = Rig::sqlite_on_disk().await;
    let file = backup_of(&rig).await;
    let lost = rig.store.revoke_token(rig.act(), TokenId(1), NOW.plus_s(60)).await.unwrap();
    // The house went on for an epoch that the backup has never heard of.
    let newer = rig.store.start_epoch(rig.act_at(900)).await.unwrap();
    rig.store.close().await;

    // By a clock that is far behind both.
    let Restored { epoch, replaced, .. } = sqlite::restore(&rig.data(), &file, Timestamp(10)).await.unwrap();
    assert_eq!(epoch, Epoch(newer.0 + 1));
    let replaced = replaced.unwrap();
    assert!(replaced.ends_with(format!("sekisho.db.replaced-{}", epoch.0)), "{replaced:?}");
    let again = reopen(&rig.data()).await;
    let head = again.head(&rig.realm).await.unwrap().position;
    assert_eq!((head.epoch, head.revision.0), (epoch, 0));
    assert_eq!(again.after(&rig.realm, lost).await.unwrap(), After::Resnapshot, "who knows the lost history");
    assert!(again.revoke_token(rig.act(), TokenId(2), NOW).await.unwrap() > lost);
    again.close().await;

    // A second one keeps what the first one made.
    let second = sqlite::restore(&rig.data(), &file, Timestamp(10)).await.unwrap();
    assert_eq!(second.epoch, Epoch(epoch.0 + 1));
    assert!(replaced.exists() && second.replaced.unwrap().exists());
}

#[tokio::test]
async fn a_house_whose_restore_was_interrupted_does_not_open_until_it_is_restored_again() {
    let rig = Rig::sqlite_on_disk().await;
    let file = backup_of(&rig).await;
    rig.store.close().await;
    let dir = rig.data();
    let first = sqlite::restore(&dir, &file, Timestamp(10)).await.unwrap().epoch;
    // As a restore leaves it that is killed between its renames, or before them.
    for moved_aside in [true, false] {
        std::fs::copy(&file, dir.join("sekisho.db.restoring")).unwrap();
        if moved_aside {
            std::fs::rename(dir.join("sekisho.db"), dir.join(format!("sekisho.db.replaced-{}", first.0 + 1))).unwrap();
        }
        let before = names_in(&dir);
        let refused = sqlite::open(&dir, alone()).await;
        assert!(matches!(refused, Err(OpenError::RestoreInterrupted(_))), "{refused:?}");
        assert!(matches!(sqlite::look(&dir, alone()).await, Err(OpenError::RestoreInterrupted(_))));
        assert_eq!(names_in(&dir).len(), before.len(), "no empty database was made");
        let again = sqlite::restore(&dir, &file, Timestamp(10)).await.unwrap();
        assert!(again.epoch > Epoch(first.0 + 1), "after the one that was begun: {again:?}");
        let store = reopen(&dir).await;
        assert_eq!(store.head(&rig.realm).await.unwrap().position.epoch, again.epoch);
        store.close().await;
    }
}

/// A directory as kill -9 leaves it, with the newest commits, the user `later`, only in the log; and a backup without them.
async fn killed() -> (Rig, PathBuf, PathBuf) {
    let rig = Rig::sqlite_on_disk().await;
    let file = backup_of(&rig).await;
    rig.user("later").await;
    let dead = rig.data().join("../dead");
    std::fs::create_dir(&dead).unwrap();
    for part in ["sekisho.db", "sekisho.db-wal"] {
        std::fs::copy(rig.data().join(part), dead.join(part)).unwrap();
    }
    (rig, dead, file)
}

/// How many users there are in a database that was moved aside, with whatever is beside it.
async fn users_in(rig: &Rig, aside: &Path) -> usize {
    let house = tempfile::tempdir().unwrap();
    for part in ["", "-wal"] {
        let from = format!("{}{part}", aside.display());
        if Path::new(&from).exists() {
            std::fs::copy(from, house.path().join(format!("sekisho.db{part}"))).unwrap();
        }
    }
    let store = reopen(house.path()).await;
    let users = store.users(&rig.realm, None, 10).await.unwrap().len();
    store.close().await;
    users
}

/// Moves the database, and nothing else of it, to where the restore that begins this epoch would.
fn move_aside(dir: &Path, epoch: u64) -> PathBuf {
    let aside = dir.join(format!("sekisho.db.replaced-{epoch}"));
    std::fs::rename(dir.join("sekisho.db"), &aside).unwrap();
    aside
}

/// A copy of this backup that is no longer whole.
fn spoilt(file: &Path) -> PathBuf {
    let mut bytes = std::fs::read(file).unwrap();
    let half = bytes.len() / 2;
    bytes[4096..half].fill(0xff);
    let spoilt = file.with_extension("spoilt");
    std::fs::write(&spoilt, bytes).unwrap();
    spoilt
}

#[tokio::test]
async fn a_second_restore_that_fails_leaves_an_interrupted_one_interrupted() {
    let rig = Rig::sqlite_on_disk().await;
    let file = backup_of(&rig).await;
    rig.store.close().await;
    let (dir, spoilt) = (rig.data(), spoilt(&file));
    for (moved_aside, mark) in [(true, std::fs::read(&file).unwrap()), (true, Vec::new()), (false, Vec::new())] {
        std::fs::write(dir.join("sekisho.db.restoring"), &mark).unwrap();
        // As a try leaves it that was killed while it copied.
        std::fs::write(dir.join("sekisho.db.restoring-new"), "half").unwrap();
        if moved_aside {
            move_aside(&dir, 4711);
        }
        let failed = sqlite::restore(&dir, &spoilt, NOW).await;
        assert!(matches!(failed, Err(RestoreError::NotABackup { .. })), "{failed:?}");
        assert_eq!(std::fs::read(dir.join("sekisho.db.restoring")).unwrap(), mark);
        assert!(!dir.join("sekisho.db.restoring-new").exists());
        for refused in [sqlite::open(&dir, alone()).await.err(), sqlite::look(&dir, alone()).await.err()] {
            assert!(matches!(refused, Some(OpenError::RestoreInterrupted(_))), "{refused:?}");
        }
        assert_eq!(dir.join("sekisho.db").exists(), !moved_aside, "no empty database was made");
        sqlite::restore(&dir, &file, NOW).await.unwrap();
        reopen(&dir).await.close().await;
    }
}

#[tokio::test]
async fn where_the_database_was_moved_aside_no_other_is_made_although_nothing_else_tells_of_a_restore() {
    let rig = Rig::sqlite_on_disk().await;
    rig.user("alice").await;
    rig.store.close().await;
    let dir = rig.data();
    let aside = move_aside(&dir, 4711);
    let before = names_in(&dir);
    for refused in [sqlite::open(&dir, alone()).await.err(), sqlite::look(&dir, alone()).await.err()] {
        let words = refused.unwrap().to_string();
        for part in ["is missing", "sekisho.db.replaced-4711", "`sekisho restore`", "`-wal`", "`-shm`"] {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
    assert_eq!(names_in(&dir), before);
    std::fs::rename(aside, dir.join("sekisho.db")).unwrap();
    let store = reopen(&dir).await;
    assert_eq!(store.users(&rig.realm, None, 10).await.unwrap().len(), 1);
    store.close().await;
}

#[tokio::test]
async fn what_is_replaced_is_one_file_with_every_commit() {
    let (rig, dead, file) = killed().await;
    let replaced = sqlite::restore(&dead, &file, NOW).await.unwrap().replaced.unwrap();
    let mut names = names_in(&dead);
    names.sort();
    let aside = replaced.file_name().unwrap().to_str().unwrap();
    assert_eq!(names, ["lock", "sekisho.db", aside]);
    assert_eq!(users_in(&rig, &replaced).await, 1);
    rig.store.close().await;
}

#[tokio::test]
async fn a_log_that_lost_its_database_between_the_renames_follows_it_and_no_other() {
    let (rig, dead, file) = killed().await;
    let older = dead.join("sekisho.db.replaced-4710");
    std::fs::copy(&file, &older).unwrap();
    std::fs::copy(&file, dead.join("sekisho.db.restoring")).unwrap();
    let aside = move_aside(&dead, 4711);
    let restored = sqlite::restore(&dead, &file, NOW).await.unwrap();
    assert!(restored.epoch > Epoch(4711) && restored.replaced.is_none(), "{restored:?}");
    let names = names_in(&dead);
    let logs: Vec<_> = names.iter().filter(|name| name.ends_with("-wal")).collect();
    assert_eq!(logs, ["sekisho.db.replaced-4711-wal"], "{names:?}");
    assert_eq!((users_in(&rig, &aside).await, users_in(&rig, &older).await), (1, 0));
    rig.store.close().await;
}

#[tokio::test]
async fn a_log_whose_database_nobody_knows_stops_everything_and_is_not_touched() {
    let (rig, dead, file) = killed().await;
    std::fs::remove_file(dead.join("sekisho.db")).unwrap();
    let log = std::fs::read(dead.join("sekisho.db-wal")).unwrap();
    let refused = sqlite::open(&dead, alone()).await;
    assert!(matches!(refused, Err(OpenError::LogAlone(_))), "{refused:?}");
    // Neither is it the one of a restore long ago, nor of one that has the log of its own.
    for (mark, aside) in [(None, "4711"), (Some("sekisho.db.restoring"), "4711-wal")] {
        if let Some(mark) = mark {
            std::fs::write(dead.join(mark), "").unwrap();
        }
        std::fs::copy(&file, dead.join(format!("sekisho.db.replaced-{aside}"))).unwrap();
        let refused = sqlite::restore(&dead, &file, NOW).await;
        assert!(matches!(refused, Err(RestoreError::Open(OpenError::LogAlone(_)))), "{refused:?}");
        assert_eq!(std::fs::read(dead.join("sekisho.db-wal")).unwrap(), log);
        assert!(!dead.join("sekisho.db").exists());
    }
    rig.store.close().await;
}

#[tokio::test]
async fn a_restore_that_cannot_be_put_in_place_leaves_the_house_as_it_was() {
    let rig = Rig::sqlite_on_disk().await;
    let file = backup_of(&rig).await;
    rig.user("alice").await;
    rig.store.close().await;
    let dir = rig.data();
    let next = sqlite::restore(&dir, &file, Timestamp(10)).await.unwrap().epoch.0 + 1;
    // No file can be moved to where a directory is.
    std::fs::create_dir_all(dir.join(format!("sekisho.db.replaced-{next}")).join("something")).unwrap();
    let refused = sqlite::restore(&dir, &file, Timestamp(10)).await;
    assert!(matches!(refused, Err(RestoreError::Files { .. })), "{refused:?}");
    let store = reopen(&dir).await;
    assert_eq!(store.head(&rig.realm).await.unwrap().position.epoch, Epoch(next - 1));
    store.close().await;
}

#[tokio::test]
async fn commits_that_a_killed_server_left_in_its_log_are_not_played_into_the_restored_database() {
    // What is there is damaged, so that its log heals it, or nothing at all, so that SQLite would throw its log away.
    for (damaged, kept) in [("damage", ""), ("", "-wal")] {
        let (rig, dead, file) = killed().await;
        let log = std::fs::read(dead.join("sekisho.db-wal")).unwrap();
        std::fs::write(dead.join("sekisho.db"), damaged).unwrap();
        let restored = sqlite::restore(&dead, &file, NOW).await.unwrap();
        assert!(!dead.join("sekisho.db-wal").exists(), "{:?}", names_in(&dead));
        let replaced = restored.replaced.unwrap();
        match kept {
            "" => assert_eq!(users_in(&rig, &replaced).await, 1),
            part => assert_eq!(std::fs::read(format!("{}{part}", replaced.display())).unwrap(), log),
        }
        let again = reopen(&dead).await;
        assert!(again.users(&rig.realm, None, 10).await.unwrap().is_empty(), "the backup is older than that user");
        again.close().await;
        rig.store.close().await;
    }
}

#[tokio::test]
async fn no_backup_takes_the_place_of_a_file_and_none_is_made_of_nothing() {
    let rig = Rig::sqlite_on_disk().await;
    let file = backup_of(&rig).await;
    let bytes = std::fs::read(&file).unwrap();
    assert!(matches!(sqlite::backup(&rig.data(), &file).await, Err(BackupError::Exists(_))));
    assert_eq!(std::fs::read(&file).unwrap(), bytes);
    let nothing = rig.data().join("../nothing");
    for made in [sqlite::backup(&nothing, &file).await, sqlite::backup_at_rest(&nothing, &file).await] {
        assert!(matches!(made, Err(BackupError::NoDatabase(_))));
    }
    assert!(!nothing.exists());
    let other = rig.data().join("../other.db");
    let held = sqlite::backup_at_rest(&rig.data(), &other).await;
    assert!(matches!(held, Err(BackupError::Open(OpenError::Directory(DirectoryError::Locked { .. })))), "{held:?}");
    rig.store.close().await;
    assert!(sqlite::backup_at_rest(&rig.data(), &other).await.is_ok());
}

#[tokio::test]
async fn whatever_is_no_backup_is_refused_by_what_it_is_and_the_house_stays_as_it_was() {
    let rig = Rig::sqlite_on_disk().await;
    rig.user("alice").await;
    let file = backup_of(&rig).await;
    let running = sqlite::restore(&rig.data(), &file, NOW).await.unwrap_err();
    assert!(matches!(running, RestoreError::Open(OpenError::Directory(DirectoryError::Locked { .. }))), "{running}");
    let live = rig.data().join("sekisho.db");
    let elsewhere = rig.data().join("../elsewhere");
    check(&elsewhere, &live, "it is a database in use, with commits beside it").await;
    rig.store.close().await;
    let before = std::fs::read(&live).unwrap();

    let make = async |name: &str, sql: &'static str| {
        let path = rig.data().join("..").join(name);
        std::fs::copy(&file, &path).unwrap();
        let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
        path
    };
    let text = rig.data().join("../text");
    std::fs::write(&text, "not a database").unwrap();
    check(&rig.data(), &text, "is not a backup: it is no SQLite database; expected a file that `sekisho backup`").await;
    let foreign = make("foreign.db", "DROP TABLE schema_version").await;
    check(&rig.data(), &foreign, "it is the database of another program").await;
    let newer = make("newer.db", "INSERT INTO schema_version VALUES (4711, 0)").await;
    check(&rig.data(), &newer, "schema version 4711, and this program knows versions up to").await;
    check(&rig.data(), &spoilt(&file), "it is damaged").await;
    check(&rig.data(), Path::new("/nowhere/kept.db"), "cannot use `/nowhere/kept.db`").await;
    assert_eq!(std::fs::read(&live).unwrap(), before);
    let left: Vec<_> = std::fs::read_dir(rig.data()).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "the lock and the database: {left:?}");
}

async fn check(dir: &Path, file: &Path, expected: &str) {
    let error = sqlite::restore(dir, file, NOW).await.unwrap_err().to_string();
    assert!(error.contains(expected), "{error}");
}
