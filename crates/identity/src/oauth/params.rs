//! The parameters of a request, read strictly.
//!
//! Specs: RFC 6749 §3.1 (no parameter twice, one without a value counts as left out, unknown ones are ignored), RFC 8707 §2
//! and RFC 8693 §2.1 (`resource` and `audience` may be repeated). Text that is not UTF-8 is refused: whoever reads it as
//! something else could give `state` back changed.

use std::fmt;

use percent_encoding::percent_decode;

/// The most parameters a request may have.
const COUNT_MAX: usize = 100;
/// What may stand more than once.
const REPEATABLE: [&str; 2] = ["audience", "resource"];

/// The parameters of one request. Printed without their values.
#[derive(Clone, Default)]
pub(crate) struct Params {
    pairs: Vec<(String, String)>,
    duplicated: Vec<String>,
}

/// The text is not a list of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    #[error("a parameter is not UTF-8")]
    NotText,
    #[error("more than {COUNT_MAX} parameters")]
    TooMany,
}

// === impl Params ===

impl Params {
    /// Reads `application/x-www-form-urlencoded`, from a query or a body.
    pub(crate) fn parse(text: &[u8]) -> Result<Self, Malformed> {
        let mut params = Self::default();
        for pair in text.split(|byte| *byte == b'&').filter(|pair| !pair.is_empty()) {
            let mut halves = pair.splitn(2, |byte| *byte == b'=');
            let (name, value) = (decode(halves.next())?, decode(halves.next())?);
            if params.pairs.len() == COUNT_MAX {
                return Err(Malformed::TooMany);
            }
            if !REPEATABLE.contains(&name.as_str()) && params.pairs.iter().any(|(known, _)| *known == name) {
                params.duplicated.push(name.clone());
            }
            params.pairs.push((name, value));
        }
        Ok(params)
    }

    /// Parameters that nobody had to write down: those of a port.
    pub(crate) fn of(pairs: &[(&str, &str)]) -> Self {
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { pairs, duplicated: Vec::new() }
    }

    /// The value of a parameter that stands once; none when it has none.
    pub(crate) fn one(&self, name: &str) -> Option<&str> {
        let found = self.pairs.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
    }

    /// The values of a parameter that may be repeated.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let values = self.pairs.iter().filter(move |(known, _)| known == name).map(|(_, value)| value.as_str());
        values.filter(|value| !value.is_empty())
    }

    /// Whether this one stands more than once.
    pub(crate) fn is_duplicated(&self, name: &str) -> bool {
        self.duplicated.iter().any(|known| known == name)
    }

    /// Whether any one does that must not.
    pub(crate) fn has_duplicates(&self) -> bool {
        !self.duplicated.is_empty()
    }

    /// `resource` (RFC 8707) and `audience` (RFC 8693) name the same things here.
    pub(crate) fn audiences(&self) -> Vec<String> {
        let mut names: Vec<String> = self.all("audience").chain(self.all("resource")).map(str::to_owned).collect();
        names.sort_unstable();
        names.dedup();
        names
    }
}

impl fmt::Debug for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.pairs.iter().map(|(name, _)| name)).finish()
    }
}

fn decode(text: Option<&[u8]>) -> Result<String, Malformed> {
    let plain: Vec<u8> = text.unwrap_or_default().iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
    let text = percent_decode(&plain).decode_utf8().map_err(|_| Malformed::NotText)?;
    Ok(text.into_owned())
}

#[cfg(test)]
mod tests;
