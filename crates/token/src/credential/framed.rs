//! Prefix and checksum around a body of letters and digits: the outer form that all our credentials share.

use super::crc32::crc32;
use super::{Malformed, base62};
use crate::digest::same;

/// Characters of a checksum: 62⁶ > 2³².
pub(crate) const CHECKSUM_CHARS: usize = 6;

pub(crate) fn frame(prefix: &str, body: &str) -> String {
    let mut text = String::with_capacity(prefix.len() + body.len() + CHECKSUM_CHARS);
    text.push_str(prefix);
    text.push_str(body);
    text.push_str(&checksum(&text));
    text
}

/// The body of a text with this prefix and a body of so many characters, once its checksum was found right.
pub(crate) fn unframe<'a>(prefix: &str, body_chars: usize, text: &'a str) -> Result<&'a str, Malformed> {
    let rest = text.strip_prefix(prefix).ok_or(Malformed::Prefix)?;
    if rest.len() != body_chars + CHECKSUM_CHARS {
        return Err(Malformed::Length);
    }
    if !rest.bytes().all(|character| character.is_ascii_alphanumeric()) {
        return Err(Malformed::Alphabet);
    }
    let (summed, sum) = text.split_at_checked(prefix.len() + body_chars).ok_or(Malformed::Length)?;
    if !same(checksum(summed).as_bytes(), sum.as_bytes()) {
        return Err(Malformed::Checksum);
    }
    summed.strip_prefix(prefix).ok_or(Malformed::Prefix)
}

fn checksum(text: &str) -> String {
    base62::encode(&crc32(text.as_bytes()).to_be_bytes(), CHECKSUM_CHARS)
}
