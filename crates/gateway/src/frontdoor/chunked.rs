//! Where a chunked body ends: a strict reading of RFC 9112 §7.1 that keeps nothing.
//!
//! Sizes are 1 to 15 hexadecimal digits, lines end in CR LF, extensions and trailers are bounded and hold no control
//! characters. hyper decodes the same bytes; being stricter than it, this can only refuse more.

/// Digits of a size: more would not fit a number of 64 bits with room to spare.
const SIZE_DIGITS_MAX: u8 = 15;

/// How much of a body may be other than its data.
#[derive(Clone, Copy, Debug)]
pub(super) struct Allowance {
    /// Bytes of all extensions.
    pub(super) extensions: usize,
    /// Bytes of the trailers.
    pub(super) trailers: usize,
}

/// A reader inside a chunked body.
#[derive(Debug)]
pub(super) struct Chunked {
    at: At,
    left: Allowance,
}

/// What is expected next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    /// A digit of a size, or what ends it.
    Size { value: u64, digits: u8 },
    /// More of an extension.
    Extension { size: u64 },
    /// The line feed behind a size.
    SizeEnd { size: u64 },
    /// Data.
    Data { left: u64 },
    /// The carriage return behind data.
    DataEnd,
    /// The line feed behind data.
    DataLineFeed,
    /// A trailer line's first byte, or the carriage return of the last line.
    TrailerStart,
    /// More of a trailer line.
    Trailer,
    /// The line feed behind a trailer line.
    TrailerEnd,
    /// The line feed of the last line.
    LastLineFeed,
    /// Nothing.
    Done,
}

/// The body is not what RFC 9112 §7.1 describes, or exceeds its allowance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Malformed;

// === impl Chunked ===

impl Chunked {
    pub(super) const fn new(allowance: Allowance) -> Self {
        Self { at: At::Size { value: 0, digits: 0 }, left: allowance }
    }

    pub(super) fn is_done(&self) -> bool {
        self.at == At::Done
    }

    /// Reads on; returns how many of `bytes` belong to this body.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<usize, Malformed> {
        let mut read = 0;
        while let Some((&byte, _)) = bytes.get(read..).and_then(<[u8]>::split_first) {
            if self.is_done() {
                break;
            }
            if let At::Data { left } = self.at {
                let here = bytes.len() - read;
                let taken = usize::try_from(left).map_or(here, |left| left.min(here));
                read += taken;
                let left = left - u64::try_from(taken).unwrap_or(left);
                self.at = if left == 0 { At::DataEnd } else { At::Data { left } };
            } else {
                self.at = self.next(self.at, byte)?;
                read += 1;
            }
        }
        Ok(read)
    }

    fn next(&mut self, at: At, byte: u8) -> Result<At, Malformed> {
        match (at, byte) {
            (At::Size { value, digits: digits @ 0..SIZE_DIGITS_MAX }, _) if byte.is_ascii_hexdigit() => {
                let digit = char::from(byte).to_digit(16).ok_or(Malformed)?;
                Ok(At::Size { value: value * 16 + u64::from(digit), digits: digits + 1 })
            }
            (At::Size { value: size, digits: 1.. }, b'\r') => Ok(At::SizeEnd { size }),
            (At::Size { value: size, digits: 1.. }, b';') => Ok(At::Extension { size }),
            (At::Extension { size }, b'\r') => Ok(At::SizeEnd { size }),
            (At::Extension { .. }, _) if is_text(byte) => {
                self.left.extensions = self.left.extensions.checked_sub(1).ok_or(Malformed)?;
                Ok(at)
            }
            (At::SizeEnd { size: 0 }, b'\n') => Ok(At::TrailerStart),
            (At::SizeEnd { size }, b'\n') => Ok(At::Data { left: size }),
            (At::DataEnd, b'\r') => Ok(At::DataLineFeed),
            (At::DataLineFeed, b'\n') => Ok(At::Size { value: 0, digits: 0 }),
            (At::TrailerStart, b'\r') => Ok(At::LastLineFeed),
            (At::LastLineFeed, b'\n') => Ok(At::Done),
            (At::Trailer, b'\r') => Ok(At::TrailerEnd),
            (At::TrailerEnd, b'\n') => Ok(At::TrailerStart),
            (At::TrailerStart | At::Trailer, _) if is_text(byte) => {
                self.left.trailers = self.left.trailers.checked_sub(1).ok_or(Malformed)?;
                Ok(At::Trailer)
            }
            (_, _) => Err(Malformed),
        }
    }
}

const fn is_text(byte: u8) -> bool {
    byte == b'\t' || (byte >= 0x20 && byte != 0x7f)
}
