//! Days that calendars get wrong.

use super::*;

#[track_caller]
fn check(seconds: i64, expected: &str) {
    assert_eq!(written(Timestamp(seconds)), expected);
}

#[test]
fn leap_days_centuries_and_years_before_1970_are_where_they_belong() {
    check(0, "1970-01-01T00:00:00Z");
    check(-1, "1969-12-31T23:59:59Z");
    check(951_782_400, "2000-02-29T00:00:00Z");
    check(951_868_800, "2000-03-01T00:00:00Z");
    check(1_735_689_599, "2024-12-31T23:59:59Z");
    check(1_709_164_800, "2024-02-29T00:00:00Z");
    check(4_107_542_399, "2100-02-28T23:59:59Z");
    check(4_107_542_400, "2100-03-01T00:00:00Z");
}
