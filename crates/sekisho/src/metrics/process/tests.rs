//! The kernel's line is read by its fields, whatever the program is called.

use super::*;

#[test]
fn a_name_with_spaces_and_brackets_moves_no_field() {
    let rest = "S 1 2 3 4 5 6 7 8 9 10 250 50 0 0 20 0 4 0 999 123456 77 18446744073709551615";
    let expected = Seen { resident_bytes: 77 * 4096, virtual_bytes: 123_456, cpu_ticks: 300 };
    for name in ["sekisho", "a b", "x) S 9 9 9", ""] {
        assert_eq!(seen(&format!("42 ({name}) {rest}\n"), 4096), Some(expected), "{name}");
    }
    assert_eq!(seen("42 (sekisho) S 1 2", 4096), None);
}
