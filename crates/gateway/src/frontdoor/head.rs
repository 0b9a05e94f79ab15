//! One request head, judged on its bytes: line ends, names, and how the body is framed.
//!
//! Stricter than RFC 9112 permits, on purpose: a bare line feed as a line end (§2.2), a repeated Content-Length (§6.3),
//! white space around a name (§5.1), folding (§5.2) and leading empty lines (§2.2) are all refused.
//!
//! INVARIANT (nobody-behind-refuses): hyper, and the types of `http` that it fills, accept every head that passes here.
//! What they refused would be answered without a reason, an id and an audit line.

use http::Uri;
use sekisho_wire::Reason;

/// The method of the request that stands in for one that was refused. No client may use it.
pub(super) const REFUSED_METHOD: &str = "SEKISHO-REFUSED";

/// Bytes of a target, or of a header's name. Both are counted in 16 bits by `http`.
const PIECE_BYTES_MAX: usize = u16::MAX as usize - 1;
/// The longest body that may be announced. Other readers count in signed numbers, and hyper refuses the last of `u64`.
const LENGTH_MAX: u64 = i64::MAX as u64;

/// How the body behind a head is framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Framing {
    /// So many bytes; none when nothing is said.
    Length(u64),
    /// RFC 9112 §7.1.
    Chunked,
}

/// Where a head ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Behind this many bytes.
    At(usize),
    /// Not in these bytes.
    Missing,
    /// Nowhere: a line feed stands alone.
    BareLineFeed,
}

/// Looks for the end of the head that `bytes` begins with; nothing before `from` is looked at again.
pub(super) fn end(bytes: &[u8], from: usize) -> End {
    let unseen = bytes.get(from..).unwrap_or_default();
    for offset in memchr::memchr_iter(b'\n', unseen) {
        let line_end = bytes.get(..=from + offset).unwrap_or_default();
        if line_end.ends_with(b"\r\n\r\n") {
            return End::At(line_end.len());
        }
        if !line_end.ends_with(b"\r\n") {
            return End::BareLineFeed;
        }
    }
    End::Missing
}

/// Whether a head may begin with this byte: the first of a method. TLS begins otherwise, and so does the white space that
/// some readers skip.
pub(super) const fn may_begin_with(byte: u8) -> bool {
    is_token(byte)
}

/// Judges a whole head, its last empty line included.
pub(super) fn judge(head: &[u8], headers_max: usize) -> Result<Framing, Reason> {
    let lines = head.strip_suffix(b"\r\n").ok_or(Reason::BadFraming)?;
    // Each line loses its own end and no more: a second carriage return before it would be somebody else's line end.
    let mut lines = lines_of(lines).map(|line| line.strip_suffix(b"\r\n").unwrap_or(line));
    let version = request_line(lines.next().unwrap_or_default())?;
    let mut seen = Seen::default();
    for (count, line) in lines.enumerate() {
        if count >= headers_max {
            return Err(Reason::HeadTooLarge);
        }
        seen.note(line)?;
    }
    seen.framing(version)
}

/// The lines of a head, each with its end.
fn lines_of(head: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut from = 0;
    let ends = memchr::memchr_iter(b'\n', head).map(|at| at + 1);
    let whole = ends.chain(std::iter::once(head.len()));
    whole.filter_map(move |end| {
        let line = head.get(from..end).filter(|line| !line.is_empty());
        from = end;
        line
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Version {
    Http10,
    Http11,
}

/// What the headers say about framing and host.
#[derive(Default)]
struct Seen {
    length: Option<u64>,
    chunked: bool,
    host: bool,
}

// === impl Seen ===

impl Seen {
    fn note(&mut self, line: &[u8]) -> Result<(), Reason> {
        let colon = memchr::memchr(b':', line).ok_or(Reason::BadFraming)?;
        let (name, value) = line.split_at_checked(colon).ok_or(Reason::BadFraming)?;
        let value = value.strip_prefix(b":").unwrap_or_default();
        // A name ends at its colon; one that begins with white space is a folded line.
        if name.is_empty() || !name.iter().all(|byte| is_token(*byte)) {
            return Err(Reason::BadFraming);
        }
        if name.len() > PIECE_BYTES_MAX {
            return Err(Reason::HeadTooLarge);
        }
        // All of it is looked at, so that many bytes are looked at together: a token is the longest thing in a head.
        if value.iter().fold(false, |bad, byte| bad | (*byte < 0x20 && *byte != b'\t') | (*byte == 0x7f)) {
            return Err(Reason::BadFraming);
        }
        if spelt(name, b"content-length") {
            let length = length(value.trim_ascii()).ok_or(Reason::BadFraming)?;
            // Also when both say the same: a reader that takes the first and one that joins them would disagree.
            if self.length.replace(length).is_some() || name.contains(&b'_') || name.contains(&b'.') {
                return Err(Reason::BadFraming);
            }
        } else if spelt(name, b"transfer-encoding") {
            let chunked = value.trim_ascii().eq_ignore_ascii_case(b"chunked");
            if !chunked || std::mem::replace(&mut self.chunked, true) || name.contains(&b'_') || name.contains(&b'.') {
                return Err(Reason::BadFraming);
            }
        } else if name.eq_ignore_ascii_case(b"host") && std::mem::replace(&mut self.host, true) {
            return Err(Reason::BadHost);
        }
        Ok(())
    }

    fn framing(&self, version: Version) -> Result<Framing, Reason> {
        match (self.chunked, self.length) {
            // RFC 9112 §6.1: who sends both wants two readers to disagree.
            (true, Some(_)) => Err(Reason::BadFraming),
            // RFC 9112 §6.1: HTTP/1.0 knows no transfer coding.
            (true, None) if version == Version::Http10 => Err(Reason::BadFraming),
            (true, None) => Ok(Framing::Chunked),
            (false, length) => Ok(Framing::Length(length.unwrap_or(0))),
        }
    }
}

/// `method SP target SP version`, single spaces, nothing else (RFC 9112 §3).
fn request_line(line: &[u8]) -> Result<Version, Reason> {
    let mut words = line.split(|byte| *byte == b' ');
    let (Some(method), Some(target), Some(version), None) = (words.next(), words.next(), words.next(), words.next())
    else {
        return Err(Reason::BadFraming);
    };
    if method.is_empty() || !method.iter().all(|byte| is_token(*byte)) || method == REFUSED_METHOD.as_bytes() {
        return Err(Reason::BadFraming);
    }
    judge_target(target)?;
    match version {
        b"HTTP/1.1" => Ok(Version::Http11),
        b"HTTP/1.0" => Ok(Version::Http10),
        _ => Err(Reason::BadFraming),
    }
}

/// Whether a name is this one, or would become it in an upstream that takes `_` or `.` for `-`.
fn spelt(name: &[u8], lower: &[u8]) -> bool {
    let fold = |byte: &u8| match byte {
        b'_' | b'.' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    name.len() == lower.len() && name.iter().map(fold).eq(lower.iter().copied())
}

/// RFC 9110 §8.6, digits only; a leading zero reads as octal elsewhere, so it is refused.
fn length(value: &[u8]) -> Option<u64> {
    let digits = value.iter().all(u8::is_ascii_digit);
    let canonical = value.len() == 1 || !value.starts_with(b"0");
    let length = std::str::from_utf8(value).ok().filter(|_| digits && canonical)?.parse().ok()?;
    (length <= LENGTH_MAX).then_some(length)
}

/// RFC 9112 §3.2, and what browsers leave unescaped. Which form a route takes is decided later (`examine`).
fn judge_target(target: &[u8]) -> Result<(), Reason> {
    if target.len() > PIECE_BYTES_MAX {
        return Err(Reason::HeadTooLarge);
    }
    if target.is_empty() || !target.iter().all(|byte| is_target(*byte)) {
        return Err(Reason::BadTarget);
    }
    // Nearly all targets are a path, and in one without a backtick `http` finds no fault. About the others it is asked.
    let is_plain = target.starts_with(b"/") && !target.contains(&b'`');
    if !is_plain && Uri::try_from(target).is_err() {
        return Err(Reason::BadTarget);
    }
    Ok(())
}

/// A fragment is never sent: hyper would cut it off silently.
const fn is_target(byte: u8) -> bool {
    matches!(byte, 0x21..=0x7e) && !matches!(byte, b'#' | b'"' | b'<' | b'>')
}

/// RFC 9110 §5.6.2.
const fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}

#[cfg(test)]
mod tests;
