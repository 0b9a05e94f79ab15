//! Points in time as people read them: `2026-11-21T06:40:33Z` (RFC 3339 §5.6), always UTC.

use sekisho_token::Timestamp;

const DAY_S: i64 = 86_400;

/// The point in time as text.
#[must_use]
pub fn written(at: Timestamp) -> String {
    let (days, second) = (at.0.div_euclid(DAY_S), at.0.rem_euclid(DAY_S));
    let (year, month, day) = date(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01.
///
/// Years are counted from March, so that a leap day is the last of its year; 400 of them have 146,097 days.
fn date(days: i64) -> (i64, i64, i64) {
    // 0000-03-01 lies 719,468 days before 1970-01-01.
    let since = days.saturating_add(719_468);
    let (era, in_era) = (since.div_euclid(146_097), since.rem_euclid(146_097));
    let year = (in_era - in_era / 1_460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year + year / 4 - year / 100);
    // Months from March have 31, 30, 31, 30, 31 days, twice, and 31 and what is left: five are always 153.
    let month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * month + 2) / 5 + 1;
    let (month, january_or_later) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + january_or_later, month, day)
}

#[cfg(test)]
mod tests;
