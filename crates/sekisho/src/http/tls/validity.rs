//! From when to when a certificate counts.
//!
//! rustls asks this of the other side's certificates and not of ours, so it is read here: the few elements of DER on the
//! way to the two times of RFC 5280 §4.1.2.5, and nothing else of the certificate.

use std::time::Duration;

use sekisho_token::Timestamp;

/// So long before the end it is time to renew: a third of the shortest lifetime that is common.
const SOON: Duration = Duration::from_secs(14 * 24 * 3600);

const INTEGER: u8 = 0x02;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The time in which a certificate counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    /// The first second.
    pub not_before: Timestamp,
    /// The last second.
    pub not_after: Timestamp,
}

/// How a certificate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Age {
    /// Its time has not come.
    Early,
    /// It counts.
    Good,
    /// It counts, for two weeks at most.
    Late,
    /// Its time is over.
    Over,
}

/// Elements of DER (X.690 §8.1), one after the other.
struct Elements<'a>(&'a [u8]);

// === impl Validity ===

impl Validity {
    /// Reads it from a certificate in DER.
    #[must_use]
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let mut outer = Elements(certificate);
        let mut certificate = Elements(outer.next_of(SEQUENCE)?);
        let mut body = Elements(certificate.next_of(SEQUENCE)?);
        body.next_of(VERSION)?;
        body.next_of(INTEGER)?; // the serial number
        body.next_of(SEQUENCE)?; // the signature's algorithm
        body.next_of(SEQUENCE)?; // the issuer's name
        let mut times = Elements(body.next_of(SEQUENCE)?);
        Some(Self { not_before: times.next_time()?, not_after: times.next_time()? })
    }

    /// How a certificate stands at this moment.
    #[must_use]
    pub const fn age(&self, now: Timestamp) -> Age {
        if now.0 < self.not_before.0 {
            Age::Early
        } else if now.0 > self.not_after.0 {
            Age::Over
        } else if now.0.saturating_add_unsigned(SOON.as_secs()) > self.not_after.0 {
            Age::Late
        } else {
            Age::Good
        }
    }
}

// === impl Elements ===

impl<'a> Elements<'a> {
    /// The content of the next element, if it is of this kind.
    fn next_of(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|(found, _)| *found == tag).map(|(_, content)| content)
    }

    fn next_time(&mut self) -> Option<Timestamp> {
        let (tag, content) = self.next()?;
        let text = std::str::from_utf8(content).ok()?.strip_suffix('Z')?;
        // Numbers of Rust's may begin with a plus sign, those of a time may not.
        let text = Some(text).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))?;
        let two = |at: usize| text.get(at..at + 2)?.parse::<u8>().ok().map(i64::from);
        match (tag, text.len()) {
            // RFC 5280 §4.1.2.5.1: years of two digits lie between 1950 and 2049.
            (UTC_TIME, 12) => moment(two(0)? + if two(0)? < 50 { 2000 } else { 1900 }, text.get(2..)?),
            (GENERALIZED_TIME, 14) => moment(two(0)? * 100 + two(2)?, text.get(4..)?),
            (_, _) => None,
        }
    }
}

impl<'a> Iterator for Elements<'a> {
    type Item = (u8, &'a [u8]);

    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            // The length of the length; more than four bytes of it would be gigabytes.
            0x81..=0x84 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }
}

/// A year and `MMDDhhmmss`.
fn moment(year: i64, rest: &str) -> Option<Timestamp> {
    let mut pairs = (0..5).map(|pair| rest.get(pair * 2..pair * 2 + 2)?.parse::<u8>().ok().map(i64::from));
    let mut pair = |range: std::ops::RangeInclusive<i64>| pairs.next()?.filter(|value| range.contains(value));
    let (month, day) = (pair(1..=12)?, pair(1..=31)?);
    let (hour, minute, second) = (pair(0..=23)?, pair(0..=59)?, pair(0..=59)?);
    Some(Timestamp(((days(year, month, day) * 24 + hour) * 60 + minute) * 60 + second))
}

/// Days since 1970-01-01 in the Gregorian calendar. Years are counted from March, so that a leap day is the last of its
/// year; then five months from March on always have 153 days.
const fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, in_era) = (year.div_euclid(400), year.rem_euclid(400));
    let in_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + in_era * 365 + in_era / 4 - in_era / 100 + in_year - 719_468
}

#[cfg(test)]
mod tests;
