//! `sekisho apply`, `sekisho export` and `sekisho token admin` by the real binary, on a directory without a server.

use std::path::Path;
use std::process::{Command, Output, Stdio};

const FILE: &str = "
realms:
  main:
    users:
      alice: { scopes: orders:read, password: { env: ALICE } }
    clients:
      robot: { auth: client_secret_basic, grants: [client_credentials], scopes: orders:read, audiences: [orders] }
";

fn sekisho(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    let command = command.args(args).arg("--data").arg(dir.join("data")).stdin(Stdio::null()).current_dir(dir);
    command.env("ALICE", "the password of alice").output().unwrap()
}

#[track_caller]
fn says(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn what_a_file_declares_is_shown_made_once_exported_and_is_then_nothing_to_change() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    std::fs::write(dir.join("house.yaml"), FILE).unwrap();
    let shown = says(&sekisho(dir, &["apply", "house.yaml", "--dry-run"]));
    assert!(shown.contains("+ make user alice of realm main\n    scopes: orders:read"), "{shown}");
    assert!(shown.contains("    secret: made, and shown once"), "{shown}");
    assert!(!shown.contains("the password of alice"), "{shown}");
    let unasked = sekisho(dir, &["apply", "house.yaml"]);
    assert!(!unasked.status.success(), "nobody could be asked");
    assert!(String::from_utf8_lossy(&unasked.stderr).contains("expected `--yes` or `--dry-run`"));

    let made = says(&sekisho(dir, &["apply", "house.yaml", "--yes"]));
    assert!(made.contains("client: robot  secret: sekcs") && made.contains("changes made: 2"), "{made}");
    assert_eq!(says(&sekisho(dir, &["apply", "house.yaml", "--yes"])), "nothing to change\n");
    let exported = says(&sekisho(dir, &["export"]));
    assert!(exported.contains("alice:") && exported.contains("robot:") && !exported.contains("hash"), "{exported}");
    std::fs::write(dir.join("again.yaml"), exported).unwrap();
    assert_eq!(says(&sekisho(dir, &["apply", "again.yaml", "--prune", "--yes"])), "nothing to change\n");

    let token = says(&sekisho(dir, &["token", "admin", "--name", "ada"]));
    assert!(token.starts_with("token: eyJ"), "{token}");
    std::fs::write(dir.join("wrong.yaml"), FILE.replace("scopes: orders:read, audiences", "scope: x, audiences"))
        .unwrap();
    let wrong = sekisho(dir, &["apply", "wrong.yaml", "--yes"]);
    assert!(String::from_utf8_lossy(&wrong.stderr).contains("wrong.yaml:7:"), "a mistake has its place");
}

#[test]
fn a_reader_who_leaves_early_ends_a_command_without_a_word() {
    let dir = tempfile::tempdir().unwrap();
    for args in [&["export"][..], &["schema"], &["realm", "list", "--json"]] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
        let command = command.args(args).env("SEKISHO_LOG", "error").current_dir(dir.path());
        let ended = command.stdin(Stdio::null()).stdout(writer).output().unwrap();
        assert_eq!(ended.status.code(), Some(141), "{args:?}: {ended:?}");
        assert_eq!(String::from_utf8_lossy(&ended.stderr), "", "{args:?}");
    }
}
