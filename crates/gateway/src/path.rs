//! One path: the form that is matched, forwarded and written to the audit is the same, byte for byte.
//!
//! Two readers of a path may disagree about what it means: one decodes before it resolves dots, another after; one takes
//! a backslash for a slash, another cuts `;` parameters off. So a path that could be read in two ways is refused, and
//! what remains is brought to one form: escapes of unreserved characters decoded, the other escapes in upper case,
//! characters that belong escaped escaped, and runs of slashes merged into one.
//!
//! Dot segments are refused rather than resolved: browsers and HTTP libraries resolve them before they send, so whoever
//! sends one wants somebody to disagree.
//!
//! Specs: RFC 3986 §2.3, §3.3, §6.2.2. Not here: which route a path belongs to, and `;` in a segment that a route
//! matches (`routes`).

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// How a path could be read in two ways.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Ambiguous {
    /// It does not begin with `/`, or holds a byte that no path holds.
    #[error("not a path")]
    NotAPath,
    /// `%` without two hexadecimal digits.
    #[error("an invalid escape")]
    Escape,
    /// An encoded slash, or a backslash in any form.
    #[error("an encoded slash, or a backslash")]
    Separator,
    /// A control character in any form.
    #[error("a control character")]
    Control,
    /// An escaped escape of something that matters, which a second decoding would bring out.
    #[error("an escape that was escaped again")]
    Twice,
    /// Escapes that are not UTF-8.
    #[error("escapes that are not utf-8")]
    Encoding,
    /// `.` or `..` as a segment, also with parameters behind it.
    #[error("a dot segment")]
    DotSegment,
    /// A segment that would match a route if its parameters or escapes were taken off.
    #[error("a parameter or escape in a segment that routes look at")]
    Parameter,
}

/// The one form of a path.
///
/// # Errors
/// [`Ambiguous`].
pub fn canonical(raw: &str) -> Result<Cow<'_, str>, Ambiguous> {
    if !raw.starts_with('/') {
        return Err(Ambiguous::NotAPath);
    }
    if is_plain(raw.as_bytes()) {
        return Ok(Cow::Borrowed(raw));
    }
    let path = rewrite(raw)?;
    // Looked for in the result: `%25%32e` is `%252e` once its own escapes are decoded.
    if path.match_indices("%25").any(|(at, escape)| hides_something(path.as_bytes().get(at + escape.len()..))) {
        return Err(Ambiguous::Twice);
    }
    if path.split('/').any(is_dot_segment) {
        return Err(Ambiguous::DotSegment);
    }
    if percent_decode_str(&path).decode_utf8().is_err() {
        return Err(Ambiguous::Encoding);
    }
    Ok(if path == raw { Cow::Borrowed(raw) } else { Cow::Owned(path) })
}

/// What a careless reader would take a segment for: decoded, and cut at its parameters.
#[must_use]
pub fn loose(segment: &str) -> Cow<'_, str> {
    let decoded = percent_decode_str(segment).decode_utf8_lossy();
    match decoded.find(';') {
        Some(at) => Cow::Owned(decoded.get(..at).unwrap_or_default().to_owned()),
        None => decoded,
    }
}

/// Most paths: nothing to decode, nothing to merge, no segment that begins with a dot.
fn is_plain(raw: &[u8]) -> bool {
    let mut previous = 0;
    raw.iter().all(|&byte| {
        let fine = match byte {
            b'/' | b'.' => previous != b'/',
            _ => is_path_character(byte),
        };
        previous = byte;
        fine
    })
}

fn rewrite(raw: &str) -> Result<String, Ambiguous> {
    let mut path = String::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        match byte {
            b'/' if path.ends_with('/') => {}
            b'/' => path.push('/'),
            b'\\' => return Err(Ambiguous::Separator),
            // A query or fragment is not part of a path, and a path never holds their marks.
            b'?' | b'#' => return Err(Ambiguous::NotAPath),
            b'%' => {
                let value = escaped(behind).ok_or(Ambiguous::Escape)?;
                rest = behind.get(2..).unwrap_or_default();
                match value {
                    b'/' | b'\\' => return Err(Ambiguous::Separator),
                    0..0x20 | 0x7f => return Err(Ambiguous::Control),
                    _ if is_unreserved(value) => path.push(char::from(value)),
                    _ => push_escape(&mut path, value),
                }
            }
            _ if is_path_character(byte) => path.push(char::from(byte)),
            // What http libraries let through although RFC 3986 wants it escaped: quotes, angle and curly brackets, `|`.
            0x21..=0x7e => push_escape(&mut path, byte),
            _ => return Err(Ambiguous::NotAPath),
        }
    }
    Ok(path)
}

/// The value of the two hexadecimal digits that a text begins with.
fn escaped(digits: &[u8]) -> Option<u8> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (high, low) = (digit(digits.first()?)?, digit(digits.get(1)?)?);
    u8::try_from(high * 16 + low).ok()
}

/// Whether the text behind a `%25` makes it an escape of something that a second decoding must not bring out.
fn hides_something(behind: Option<&[u8]>) -> bool {
    let value = behind.and_then(escaped);
    value.is_some_and(|value| matches!(value, b'/' | b'\\' | b'.' | b'%' | b';' | 0..0x20 | 0x7f))
}

fn push_escape(path: &mut String, value: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    path.push('%');
    for digit in [value >> 4, value & 15] {
        path.push(char::from(DIGITS.get(usize::from(digit)).copied().unwrap_or(b'0')));
    }
}

fn is_dot_segment(segment: &str) -> bool {
    let end = segment.find(';').into_iter().chain(segment.find("%3B")).min().unwrap_or(segment.len());
    matches!(segment.get(..end), Some("." | ".."))
}

/// RFC 3986 §2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §3.3, `pchar` without its escapes.
const fn is_path_character(byte: u8) -> bool {
    is_unreserved(byte)
        || matches!(byte, b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'=' | b':' | b'@')
}

#[cfg(test)]
mod tests;
