//! Points in time, as JOSE writes them: whole seconds since 1970-01-01T00:00:00Z (RFC 7519 §2, NumericDate).
//!
//! Nothing here reads a clock.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Seconds since the Unix epoch, UTC, leap seconds ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Timestamp(pub i64);

/// A point in time on the Gregorian calendar, UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// The year.
    pub year: i64,
    /// From 1.
    pub month: i64,
    /// From 1.
    pub day: i64,
    /// From 0.
    pub hour: i64,
    /// From 0.
    pub minute: i64,
    /// From 0.
    pub second: i64,
}

const DAY_S: i64 = 86_400;

// === impl Timestamp ===

impl Timestamp {
    /// This time and `seconds` more (fewer when negative); stays at the ends of the range instead of wrapping.
    #[must_use]
    pub const fn plus_s(self, seconds: i64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// Seconds from `earlier` to this time; negative when `earlier` is later.
    #[must_use]
    pub const fn seconds_since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// On the calendar.
    #[must_use]
    pub const fn civil(self) -> Civil {
        let (days, second) = (self.0.div_euclid(DAY_S), self.0.rem_euclid(DAY_S));
        let (year, month, day) = date(days);
        Civil { year, month, day, hour: second / 3600, minute: second / 60 % 60, second: second % 60 }
    }
}

// === impl Civil ===

/// RFC 3339 §5.6: `2026-11-21T06:40:33Z`.
impl fmt::Display for Civil {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { year, month, day, hour, minute, second } = self;
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

/// Year, month and day of the Gregorian calendar, from days since 1970-01-01.
///
/// Years are counted from March, so that a leap day is the last of its year; 400 of them have 146,097 days.
const fn date(days: i64) -> (i64, i64, i64) {
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
