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

/// What the thread would do with these orders, done here.
fn written(dir: &Path, lines: i64, dropped: u64) -> String {
    let (queue, orders) = sync_channel(QUEUE_LINES_MAX);
    for second in 0..lines {
        queue.send(Order::Write(Box::new(AuditEvent::new(Timestamp(second), "gateway", Event::Refused)))).unwrap();
    }
    queue.send(Order::Stop).unwrap();
    let dropped = AtomicU64::new(dropped);
    Log::open(dir, FILE_BYTES_MAX).unwrap().run(&orders, &dropped, &AtomicU64::new(0));
    assert_eq!(dropped.into_inner(), 0, "what was said is no longer to be said");
    fs::read_to_string(dir.join(CURRENT)).unwrap()
}

#[test]
fn dropped_lines_are_counted_in_the_place_where_they_are_missing_and_at_the_end_too() {
    let dir = tempfile::tempdir().unwrap();
    let text = written(dir.path(), 1, 3);
    assert!(text.starts_with(r#"{"at":0,"count":3,"event":"lines_dropped"}"#), "{text}");
    assert_eq!(text.lines().count(), 2);
    assert!(written(dir.path(), 0, 2).ends_with("{\"at\":null,\"count\":2,\"event\":\"lines_dropped\"}\n"));
}

#[test]
fn a_line_that_a_crash_tore_does_not_take_the_next_one_with_it() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(CURRENT), r#"{"at":1,"ev"#).unwrap();
    let text = written(dir.path(), 1, 0);
    let last = text.lines().last().unwrap();
    assert!(serde_json::from_str::<AuditEvent>(last).is_ok(), "{text}");
    assert_eq!(text.lines().count(), 2);
}

#[test]
fn lines_after_the_end_are_counted_and_not_waited_for() {
    let dir = tempfile::tempdir().unwrap();
    let audit = AuditFiles::open(dir.path()).unwrap();
    audit.close();
    audit.record(AuditEvent::new(Timestamp(0), "gateway", Event::Refused));
    assert_eq!((audit.dropped(), audit.dropped_in_all()), (1, 1));
}
