//! What is told of a refusal, and when nothing can be.

use sekisho_token::Timestamp;
use sekisho_wire::Audit as _;
use sekisho_wire::audit::Event;

use super::*;
use crate::audit::AuditFiles;

#[test]
fn a_refusal_is_found_by_its_id_and_told_in_words() {
    let dir = tempfile::tempdir().unwrap();
    let files = AuditFiles::open(dir.path()).unwrap();
    for number in 0..3 {
        let mut line = AuditEvent::new(Timestamp(7), "gateway", Event::Refused);
        line.refusal = Some(RefusalId(number));
        line.reason = Some(Reason::InsufficientScope);
        line.route = Some(format!("route-{number}"));
        files.record(line);
    }
    files.close();
    let told = explain(dir.path(), RefusalId(1)).unwrap().to_string();
    assert!(told.contains("insufficient_scope") && told.contains("route-1"), "{told}");
    assert!(told.contains(Reason::InsufficientScope.words()), "{told}");
    assert!(told.contains("1970-01-01T00:00:07Z, by gateway"), "{told}");
    let unknown = explain(dir.path(), RefusalId(9)).unwrap_err().to_string();
    assert!(unknown.contains(&dir.path().display().to_string()), "where it looked: {unknown}");
}
