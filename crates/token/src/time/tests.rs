//! Arithmetic that stays within the range.

use super::*;

#[test]
fn times_stop_at_the_ends_instead_of_wrapping() {
    assert_eq!(Timestamp(10).plus_s(5), Timestamp(15));
    assert_eq!(Timestamp(i64::MAX).plus_s(1), Timestamp(i64::MAX));
    assert_eq!(Timestamp(10).seconds_since(Timestamp(25)), -15);
    assert_eq!(Timestamp(i64::MIN).seconds_since(Timestamp(1)), i64::MIN);
}
