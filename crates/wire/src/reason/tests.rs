//! The table of reasons.

use super::*;

#[test]
fn codes_are_distinct_lower_case_and_read_back() {
    let mut codes: Vec<&str> = Reason::ALL.iter().map(|reason| reason.code()).collect();
    codes.sort_unstable();
    codes.dedup();
    assert_eq!(codes.len(), Reason::ALL.len());
    for reason in Reason::ALL {
        assert_eq!(Reason::of_code(reason.code()), Some(*reason));
        assert!(reason.code().bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{reason}");
        assert!(reason.words().ends_with('.'), "{reason}");
    }
    assert_eq!(Reason::of_code("because"), None);
}
