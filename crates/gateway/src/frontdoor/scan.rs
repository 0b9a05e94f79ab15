//! A reader of a connection's bytes that knows where each request begins and ends, and lets only sound ones pass.
//!
//! A pure function over bytes, however they were cut into reads: [`scan_all`] is what a fuzzer drives.

use sekisho_wire::Reason;

use super::chunked::{Allowance, Chunked};
use super::head::{self, End, Framing};

/// How much is read before it is refused.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// Bytes of a head.
    pub(super) head_bytes_max: usize,
    /// Headers of a head.
    pub(super) headers_max: usize,
    /// What may stand around the data of a chunked body.
    pub(super) chunked: Allowance,
}

/// Where in the stream of requests a connection is.
#[derive(Debug)]
pub(super) struct Scanner {
    bounds: Bounds,
    place: Place,
}

#[derive(Debug)]
enum Place {
    /// In a head, of which so many bytes were searched for its end.
    Head { searched: usize },
    /// In a body with so many bytes to come.
    Length { left: u64 },
    /// In a chunked body.
    Chunked(Chunked),
}

/// What became of bytes that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fed {
    /// So many of them may be passed on.
    pub(super) passed: usize,
    /// What about the others.
    pub(super) rest: Rest,
}

/// What about bytes that may not be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// There are none.
    None,
    /// They begin a head that has not ended yet: to be fed again from its first byte, with more behind it.
    Hold,
    /// They begin a head that is refused.
    Refuse(Reason),
    /// They are in a body that is no body.
    Broken,
}

/// What a whole stream of bytes holds: how many are sound, and why the next is not.
///
/// # Errors
/// The stable code of the reason, after how many sound bytes it arose.
pub fn scan_all(bytes: &[u8]) -> Result<usize, (usize, &'static str)> {
    let chunked = Allowance { extensions: 4096, trailers: 8192 };
    let mut scanner = Scanner::new(Bounds { head_bytes_max: 32 << 10, headers_max: 100, chunked });
    let fed = scanner.feed(bytes);
    match fed.rest {
        Rest::None | Rest::Hold => Ok(fed.passed),
        Rest::Refuse(reason) => Err((fed.passed, reason.code())),
        Rest::Broken => Err((fed.passed, Reason::BadFraming.code())),
    }
}

// === impl Scanner ===

impl Scanner {
    pub(super) const fn new(bounds: Bounds) -> Self {
        Self { bounds, place: Place::Head { searched: 0 } }
    }

    /// Whether the next byte belongs to a body.
    pub(super) const fn is_in_body(&self) -> bool {
        !matches!(self.place, Place::Head { .. })
    }

    /// Reads on. What was held back before must be the beginning of `bytes`.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Fed {
        let mut passed = 0;
        while let Some(rest) = bytes.get(passed..).filter(|rest| !rest.is_empty()) {
            match self.step(rest) {
                Ok(read) => passed += read,
                Err(rest) => return Fed { passed, rest },
            }
        }
        Fed { passed, rest: Rest::None }
    }

    /// One head, or one run of a body.
    fn step(&mut self, rest: &[u8]) -> Result<usize, Rest> {
        match &mut self.place {
            Place::Head { searched } => {
                // Not to be waited for: what begins so never becomes a request.
                if !rest.first().is_some_and(|byte| head::may_begin_with(*byte)) {
                    return Err(Rest::Refuse(Reason::BadFraming));
                }
                let end = head::end(rest, *searched);
                let size = if let End::At(size) = end { size } else { rest.len() };
                if size > self.bounds.head_bytes_max {
                    return Err(Rest::Refuse(Reason::HeadTooLarge));
                }
                *searched = rest.len();
                match end {
                    End::Missing => Err(Rest::Hold),
                    End::BareLineFeed => Err(Rest::Refuse(Reason::BadFraming)),
                    End::At(size) => {
                        let head = rest.get(..size).unwrap_or_default();
                        let framing = head::judge(head, self.bounds.headers_max).map_err(Rest::Refuse)?;
                        self.place = self.body(framing);
                        Ok(size)
                    }
                }
            }
            Place::Length { left } => {
                let taken = usize::try_from(*left).map_or(rest.len(), |left| left.min(rest.len()));
                *left -= u64::try_from(taken).unwrap_or(*left);
                if *left == 0 {
                    self.place = Place::Head { searched: 0 };
                }
                Ok(taken)
            }
            Place::Chunked(chunked) => {
                let read = chunked.feed(rest).map_err(|_| Rest::Broken)?;
                if chunked.is_done() {
                    self.place = Place::Head { searched: 0 };
                }
                Ok(read)
            }
        }
    }

    const fn body(&self, framing: Framing) -> Place {
        match framing {
            Framing::Length(0) => Place::Head { searched: 0 },
            Framing::Length(left) => Place::Length { left },
            Framing::Chunked => Place::Chunked(Chunked::new(self.bounds.chunked)),
        }
    }
}

#[cfg(test)]
mod tests;
