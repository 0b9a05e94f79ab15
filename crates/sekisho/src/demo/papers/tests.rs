//! Papers are good for this machine, for nothing else, and for a while.

use std::os::unix::fs::PermissionsExt as _;

use super::*;

const NOW: Timestamp = Timestamp(1_800_000_000);

#[test]
fn papers_are_kept_from_start_to_start_until_they_are_about_to_expire() {
    let dir = tempfile::tempdir().unwrap();
    let first = Papers::at(dir.path(), NOW).unwrap();
    assert!(first.pair.names("localhost") && first.pair.names("127.0.0.1") && !first.pair.names("example.com"));
    let again = |later_s: i64| Papers::at(dir.path(), Timestamp(NOW.0 + later_s)).unwrap().authority_pem;
    assert_eq!(again(60 * 24 * 3600), first.authority_pem);
    assert_ne!(again(80 * 24 * 3600), first.authority_pem, "ten days are left");
}

#[test]
fn only_their_owner_can_read_them_and_the_authoritys_key_is_nowhere() {
    let dir = tempfile::tempdir().unwrap();
    Papers::at(dir.path(), NOW).unwrap();
    let mut names = Vec::new();
    for entry in std::fs::read_dir(dir.path()).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        names.push(entry.file_name().into_string().unwrap());
    }
    names.sort_unstable();
    assert_eq!(names, [AUTHORITY, KEY, CERTIFICATE]);
    let longest = std::fs::read_to_string(dir.path().join(CERTIFICATE)).unwrap();
    assert!(longest.lines().all(|line| line.len() <= LINE_CHARS));
}

#[test]
fn what_was_left_half_made_is_made_anew() {
    let dir = tempfile::tempdir().unwrap();
    let first = Papers::at(dir.path(), NOW).unwrap();
    for lost in [AUTHORITY, CERTIFICATE, KEY] {
        std::fs::remove_file(dir.path().join(lost)).unwrap();
        let next = Papers::at(dir.path(), NOW).unwrap();
        assert_ne!(next.authority_pem, first.authority_pem, "{lost}");
    }
    std::fs::write(dir.path().join(KEY), "nonsense").unwrap();
    assert!(Papers::at(dir.path(), NOW).is_ok());
}
