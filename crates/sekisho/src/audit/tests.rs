//! Rotation, and that nothing recorded before the end is lost.

use sekisho_token::Timestamp;
use sekisho_wire::audit::Event;

use super::*;

fn lines(dir: &Path) -> usize {
    files(dir).iter().map(|path| fs::read_to_string(path).unwrap().lines().count()).sum()
}

#[test]
fn every_line_recorded_before_the_end_is_in_a_file_of_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let audit = AuditFiles::open(dir.path()).unwrap();
    for second in 0..1000 {
        audit.record(AuditEvent::new(Timestamp(second), "gateway", Event::Refused));
    }
    audit.close();
    assert_eq!(lines(dir.path()), 1000);
    use std::os::unix::fs::PermissionsExt as _;
    assert_eq!(fs::metadata(dir.path().join(CURRENT)).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_full_file_is_followed_by_another_and_the_oldest_goes() {
    let dir = tempfile::tempdir().unwrap();
    let audit = AuditFiles::with_size(dir.path(), 100).unwrap();
    for second in 0..100 {
        audit.record(AuditEvent::new(Timestamp(second), "gateway", Event::Refused));
    }
    audit.close();
    assert_eq!(files(dir.path()).len(), FILES_MAX);
    let newest = fs::read_to_string(dir.path().join(CURRENT)).unwrap();
    assert!(newest.contains(r#""at":99"#), "{newest}");
}

#[test]
fn lines_after_the_end_are_counted_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let audit = AuditFiles::open(dir.path()).unwrap();
    audit.close();
    audit.record(AuditEvent::new(Timestamp(0), "gateway", Event::Refused));
    assert_eq!(audit.dropped(), 1);
}
