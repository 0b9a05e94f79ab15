//! Order and spelling of positions.

use super::*;

#[test]
fn a_later_epoch_is_later_whatever_the_revision() {
    assert!(Position::new(2, 0) > Position::new(1, u64::MAX));
    assert!(Position::new(1, 2) > Position::new(1, 1));
}

#[test]
fn a_position_has_one_spelling() {
    assert_eq!("1700000000.12".parse(), Ok(Position::new(1_700_000_000, 12)));
    for bad in ["", ".", "1", "1.", ".1", "01.1", "1.+1", "1.1.1", "-1.1", " 1.1", "99999999999999999999.1"] {
        assert_eq!(bad.parse::<Position>(), Err(MalformedPosition), "{bad}");
    }
}
