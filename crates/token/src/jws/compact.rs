//! A compact JWS, split and decoded, and the rules for its header. Nothing here is trusted yet.
//!
//! Specs: RFC 7515 §4, §7.1; RFC 7797.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny};

use super::Typ;
use crate::alg::Algorithm;
use crate::json;
use crate::key::{KEY_ID_BYTES_MAX, Keys, VerifyingKey};
use crate::refusal::{Part, Refusal};

/// How deep a header may nest: `jwk` and `x5c` of others bring one level.
const HEADER_DEPTH_MAX: usize = 4;

/// The three parts.
pub(crate) struct Compact<'a> {
    /// Header and payload as they came, with the dot between them: what the signature is over.
    pub(crate) signing_input: &'a str,
    pub(crate) header: Header,
    pub(crate) payload: Vec<u8>,
    pub(crate) signature: Vec<u8>,
}

/// The header members that we read. `jwk`, `jku`, `x5u`, `x5c` are deliberately not among them: a key that a token brings
/// along proves nothing, and an address in it is a way to make us fetch what somebody else wants.
#[derive(Deserialize)]
pub(crate) struct Header {
    alg: String,
    #[serde(default, deserialize_with = "text")]
    typ: Option<String>,
    #[serde(default, deserialize_with = "text")]
    kid: Option<String>,
    #[serde(default, deserialize_with = "present")]
    crit: bool,
    #[serde(default, deserialize_with = "present")]
    b64: bool,
}

// === impl Compact ===

impl<'a> Compact<'a> {
    /// Checks size and form, decodes the parts, reads the header.
    pub(crate) fn parse(text: &'a str, bytes_max: usize, header_bytes_max: usize) -> Result<Self, Refusal> {
        if text.len() > bytes_max {
            return Err(Refusal::TooLarge { part: Part::Token, bytes: text.len(), bytes_max });
        }
        // RFC 7515 §7.1: exactly two dots.
        let (signing_input, signature) = text.rsplit_once('.').ok_or(Refusal::NotCompact)?;
        let (header, payload) = signing_input.split_once('.').ok_or(Refusal::NotCompact)?;
        let header = decode(header)?;
        let (payload, signature) = (decode(payload)?, decode(signature)?);
        if header.len() > header_bytes_max {
            return Err(Refusal::TooLarge { part: Part::Header, bytes: header.len(), bytes_max: header_bytes_max });
        }
        let header = json::object(&header, HEADER_DEPTH_MAX).map_err(Refusal::HeaderMalformed)?;
        Ok(Self { signing_input, header, payload, signature })
    }
}

// === impl Header ===

impl Header {
    pub(crate) fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// RFC 8725 §3.1: the algorithm must be one that the caller expects.
    pub(crate) fn algorithm(&self, allowed: &[Algorithm]) -> Result<Algorithm, Refusal> {
        let alg = self.alg.parse().map_err(|_| Refusal::AlgorithmNotAllowed)?;
        if allowed.contains(&alg) { Ok(alg) } else { Err(Refusal::AlgorithmNotAllowed) }
    }

    /// RFC 8725 §3.11: a token of one kind must not pass as another.
    pub(crate) fn typ(&self, wanted: Typ) -> Result<(), Refusal> {
        if wanted.accepts(self.typ.as_deref()) { Ok(()) } else { Err(Refusal::TypMismatch) }
    }

    /// RFC 7515 §4.1.11: what is critical and not understood makes the token invalid, and we understand no extension. An
    /// empty `crit` is forbidden by the same section. RFC 7797 §6: whoever sets `b64` must also make it critical, but a
    /// reader that only looked at `crit` would take the raw payload of a sloppy signer for an encoded one.
    pub(crate) fn nothing_critical(&self) -> Result<(), Refusal> {
        if self.crit {
            return Err(Refusal::CriticalUnsupported);
        }
        if self.b64 { Err(Refusal::UnencodedUnsupported) } else { Ok(()) }
    }

    /// The key by `kid`, and only if it is a key for this algorithm.
    pub(crate) fn key(&self, keys: &(impl Keys + ?Sized), alg: Algorithm) -> Result<Arc<VerifyingKey>, Refusal> {
        let key = keys.key(self.kid())?;
        if key.alg() == alg { Ok(key) } else { Err(Refusal::KeyAlgorithm) }
    }
}

/// RFC 7515 §2: the URL-safe alphabet, no padding, no white space; leftover bits must be zero, so that one text has one
/// spelling.
fn decode(part: &str) -> Result<Vec<u8>, Refusal> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::NotCompact)
}

/// A member that must be a string when it is there; `null` is not one.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.len() > KEY_ID_BYTES_MAX {
        return Err(serde::de::Error::custom("too long"));
    }
    Ok(Some(text))
}

/// A member whose presence is all that counts, whatever its value.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    IgnoredAny::deserialize(deserializer).map(|_| true)
}
