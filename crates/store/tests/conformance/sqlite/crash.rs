//! kill -9 in the middle of a write load.
//!
//! The test starts itself as a child that writes without end and tells each write that was acknowledged. It is killed,
//! and everything it told must be there, on a chain that verifies; several times over the same files.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

use sekisho_model::Act;
use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::Grants as _;
use sekisho_model::user::{NewUser, Users as _};
use sekisho_store::SqlStore;
use sekisho_wire::{Change, Position, RealmName, TokenId, UserId};
use tokio::task::JoinSet;

use crate::rig::{NOW, Rig, check_chain, entries_of, reopen};

const DIR: &str = "SEKISHO_STORE_TEST_CRASH_DIR";
const FIRST_ID: &str = "SEKISHO_STORE_TEST_CRASH_FIRST_ID";
const WRITERS: u128 = 16;
const ROUNDS: u128 = 3;
const ACKNOWLEDGED_BEFORE_KILL: usize = 300;

fn realm() -> RealmName {
    "main".parse().unwrap()
}

/// A user and a revocation by the same number.
async fn write(store: &SqlStore, id: u128) -> Position {
    let act = Act::by_house(realm(), NOW);
    let user = NewUser {
        id: UserId(id),
        name: format!("user{id}").parse().unwrap(),
        password: "hash".into(),
        scopes: Default::default(),
        display_name: None,
        email: None,
    };
    store.create_user(act.clone(), user).await.unwrap();
    store.revoke_token(act, TokenId(id), NOW.plus_s(1_000_000)).await.unwrap()
}

/// The life of the child.
async fn write_until_killed(dir: &Path, first_id: u128) {
    let store = reopen(dir).await;
    let mut writers = JoinSet::new();
    for writer in 0..WRITERS {
        let store = Arc::clone(&store);
        writers.spawn(async move {
            for id in (first_id + writer..).step_by(16) {
                let position = write(&store, id).await;
                // One write of one line, which a kill cannot split from its end.
                std::io::stdout().lock().write_all(format!("\nacknowledged {id} {position}\n").as_bytes()).unwrap();
            }
        });
    }
    writers.join_all().await;
}

/// Starts the child, kills it under load, and returns what it had told.
fn run_and_kill(dir: PathBuf, first_id: u128) -> Vec<(u128, Position)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sqlite::crash::nothing_acknowledged_is_lost_by_kill_9_under_load", "--nocapture"])
        .env(DIR, dir)
        .env(FIRST_ID, first_id.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    let mut told: Vec<_> =
        lines.by_ref().filter_map(|line| acknowledged(&line)).take(ACKNOWLEDGED_BEFORE_KILL).collect();
    child.kill().unwrap();
    told.extend(lines.filter_map(|line| acknowledged(&line)));
    assert!(!child.wait().unwrap().success());
    told
}

/// Where to write and from which number on, when this process is the child.
fn as_child() -> Option<(PathBuf, u128)> {
    #[expect(clippy::disallowed_methods, reason = "how the test talks to the child that it starts")]
    let (dir, first_id) = (std::env::var(DIR).ok()?, std::env::var(FIRST_ID).ok()?);
    Some((dir.into(), first_id.parse().unwrap()))
}

fn acknowledged(line: &str) -> Option<(u128, Position)> {
    let (id, position) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
    Some((id.parse().ok()?, position.parse().ok()?))
}

#[tokio::test]
async fn nothing_acknowledged_is_lost_by_kill_9_under_load() {
    if let Some((dir, first_id)) = as_child() {
        return write_until_killed(&dir, first_id).await;
    }
    let rig = Rig::sqlite_on_disk().await;
    rig.store.close().await;
    let mut told = Vec::new();
    for round in 0..ROUNDS {
        let (dir, first_id) = (rig.data(), (1 << 100) + round * 1_000_000);
        let told_now = tokio::task::spawn_blocking(move || run_and_kill(dir, first_id)).await.unwrap();
        assert!(told_now.len() >= ACKNOWLEDGED_BEFORE_KILL, "the child told {} only", told_now.len());
        told.extend(told_now);

        let store = reopen(&rig.data()).await;
        let entries = entries_of(&store, &realm()).await;
        assert_eq!(store.head(&realm()).await.unwrap().hash, check_chain(&realm(), &entries));
        for (id, position) in &told {
            assert!(store.user(&realm(), UserId(*id)).await.unwrap().is_some(), "user {id} is lost");
            let entry = &entries[usize::try_from(position.revision.0).unwrap() - 1];
            assert_eq!(
                (entry.position, &entry.changes),
                (*position, &vec![Change::TokenRevoked { token: TokenId(*id) }])
            );
        }
        store.close().await;
    }
}
