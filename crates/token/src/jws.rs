//! Signed texts in compact form: header, payload and signature, each in base64url, joined by dots.
//!
//! Used as it is for entries and snapshots of the feed; [`crate::jwt`] builds on it. The header says which key and which
//! algorithm the signer claims to have used, and is believed in nothing: the algorithm must be in the caller's list and be
//! the key's own, and members that would bring a key along (`jwk`, `jku`, `x5u`, `x5c`) are not even read.
//!
//! Specs: RFC 7515, RFC 8725. Not here: JSON serialisation, several signatures, detached or unencoded payloads.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Serialize;

use crate::alg::Algorithm;
use crate::key::{KeyId, Keys, SigningKey, Unsigned, VerifyingKey};

mod compact;

pub(crate) use compact::Compact;

pub use crate::refusal::{Part, Refusal};

/// Longest header that is read, in bytes after decoding.
pub const HEADER_BYTES_MAX: usize = 2048;

/// Which `typ` a token must bear. Compared as media types: case does not count, `application/` may be left out
/// (RFC 7515 §4.1.9).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typ {
    /// One of these.
    OneOf(&'static [&'static str]),
    /// One of these, or none at all: for issuers that leave it out.
    OneOfOrAbsent(&'static [&'static str]),
}

/// What a signed text must be.
#[derive(Clone, Copy, Debug)]
pub struct Expect<'a> {
    /// The algorithms that may sign it.
    pub algorithms: &'a [Algorithm],
    /// Its type.
    pub typ: Typ,
    /// The longest text to read, in bytes.
    pub bytes_max: usize,
}

/// A payload whose signature was valid. Only [`verify`] makes one.
#[derive(Clone, Debug)]
pub struct Signed {
    payload: Vec<u8>,
    kid: KeyId,
}

#[derive(Serialize)]
struct NewHeader<'a> {
    alg: Algorithm,
    typ: &'a str,
    kid: &'a KeyId,
}

/// Signs a payload: RFC 7515 §5.1 with the compact serialisation of §7.1.
///
/// # Errors
/// [`Unsigned`].
pub fn sign(payload: &[u8], typ: &str, key: &SigningKey) -> Result<String, Unsigned> {
    let header = NewHeader { alg: key.alg(), typ, kid: key.kid() };
    let header = serde_json::to_vec(&header).map_err(|_| Unsigned)?;
    let mut text = String::with_capacity((header.len() + payload.len() + 512) * 4 / 3);
    URL_SAFE_NO_PAD.encode_string(&header, &mut text);
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(payload, &mut text);
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut text);
    Ok(text)
}

/// Reads a signed text: size, compact form, header, key, signature, in this order (RFC 7515 §5.2).
///
/// # Errors
/// The first [`Refusal`] in that order.
pub fn verify(text: &str, keys: &(impl Keys + ?Sized), expect: &Expect<'_>) -> Result<Signed, Refusal> {
    let compact = Compact::parse(text, expect.bytes_max, HEADER_BYTES_MAX)?;
    let alg = compact.header.algorithm(expect.algorithms)?;
    compact.header.typ(expect.typ)?;
    compact.header.nothing_critical()?;
    let key = compact.header.key(keys, alg)?;
    compact.signed_by(&key)?;
    Ok(Signed { kid: key.kid().clone(), payload: compact.payload })
}

// === impl Typ ===

impl Typ {
    pub(crate) fn accepts(self, typ: Option<&str>) -> bool {
        let (list, absent) = match self {
            Self::OneOf(list) => (list, false),
            Self::OneOfOrAbsent(list) => (list, true),
        };
        typ.map_or(absent, |typ| list.iter().any(|wanted| bare(typ).eq_ignore_ascii_case(bare(wanted))))
    }
}

/// A media type without `application/`, where nothing but a subtype follows.
fn bare(typ: &str) -> &str {
    const PREFIX: &str = "application/";
    match typ.split_at_checked(PREFIX.len()) {
        Some((prefix, subtype)) if prefix.eq_ignore_ascii_case(PREFIX) && !subtype.contains('/') => subtype,
        _ => typ,
    }
}

// === impl Signed ===

impl Signed {
    /// What was signed.
    #[must_use]
    pub fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// What was signed, taken out.
    #[must_use]
    pub fn into_payload(self) -> Vec<u8> {
        self.payload
    }

    /// The key that signed it.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

// === impl Compact ===

impl Compact<'_> {
    /// The signature is over the text as it came, not over what was decoded from it (RFC 7515 §5.2 step 8).
    pub(crate) fn signed_by(&self, key: &Arc<VerifyingKey>) -> Result<(), Refusal> {
        key.verify(self.signing_input.as_bytes(), &self.signature).map_err(|_| Refusal::SignatureInvalid)
    }
}

#[cfg(test)]
mod tests;
