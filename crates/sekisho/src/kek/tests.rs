//! Forms of the key, and who may read a generated one.

use sekisho_token::SystemEntropy;

use super::*;

#[track_caller]
fn check(text: &str, good: bool) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    std::fs::write(&path, text).unwrap();
    assert_eq!(load(&KekSource::File(path), dir.path(), &SystemEntropy::default()).is_ok(), good, "{text}");
}

#[test]
fn hex_and_base64_of_32_bytes_are_keys_and_nothing_else_is() {
    check(&"ab".repeat(32), true);
    check(&format!("{}\n", STANDARD.encode([7; 32])), true);
    check(&STANDARD.encode([7; 31]), false);
    check(&"zz".repeat(32), false);
    check("", false);
}

#[test]
fn a_generated_key_stays_the_same_and_is_its_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let first = load(&KekSource::Generated, dir.path(), &SystemEntropy::default()).unwrap();
    let second = load(&KekSource::Generated, dir.path(), &SystemEntropy::default()).unwrap();
    assert_eq!(first.id(), second.id());
    use std::os::unix::fs::PermissionsExt as _;
    let mode = std::fs::metadata(dir.path().join("kek")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "no draft is left behind");
}

#[test]
fn two_first_starts_at_once_seal_under_one_key() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("kek");
    std::fs::write(&path, "ab".repeat(32)).unwrap();
    // As if the other start had put its key there after this one had looked.
    generate(&path, &SystemEntropy::default()).unwrap();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "ab".repeat(32));
}

#[test]
fn a_variable_that_holds_no_key_is_named_and_its_content_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let source = KekSource::Environment("CARGO_PKG_NAME".to_owned());
    let message = load(&source, dir.path(), &SystemEntropy::default()).unwrap_err().to_string();
    assert!(message.contains("CARGO_PKG_NAME") && message.contains("64 hex digits"), "{message}");
    assert!(!message.contains(env!("CARGO_PKG_NAME")), "{message}");
}

#[test]
fn a_missing_variable_or_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let missing = load(&KekSource::Environment("SEKISHO_NO_SUCH".to_owned()), dir.path(), &SystemEntropy::default());
    assert!(missing.unwrap_err().to_string().contains("SEKISHO_NO_SUCH"));
    let missing = load(&KekSource::File(dir.path().join("gone")), dir.path(), &SystemEntropy::default());
    assert!(missing.unwrap_err().to_string().contains("gone"));
}
