//! Refresh tokens, derived instead of stored.
//!
//! ```text
//!   sekrt base62( grant 16 ‖ generation 4 ‖ HMAC-SHA256 32 ) checksum
//! ```
//!
//! The database holds one row per grant with a generation counter and nothing that could be presented. Whoever has the
//! realm's key can compute the token of any generation, so inside a short grace the same successor can be handed out
//! twice. The realm's name goes into the MAC: a token of another realm fails even where two realms share a key by mistake.
//!
//! Specs: RFC 6749 §6, RFC 9700 §4.14.2, RFC 2104. Not here: which generation is current, the grace, what reuse ends.

use std::fmt;

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::credential::{Kind, Malformed as BadText, base62, framed};
use crate::secret::Secret;

const GRANT_BYTES: usize = 16;
const GENERATION_BYTES: usize = 4;
const MAC_BYTES: usize = 32;
const BODY_BYTES: usize = GRANT_BYTES + GENERATION_BYTES + MAC_BYTES;
/// Characters that 416 bits take in base 62.
const BODY_CHARS: usize = 70;
/// Characters of a whole refresh token.
pub const CHARS: usize = crate::credential::PREFIX_CHARS + BODY_CHARS + framed::CHECKSUM_CHARS;
/// Keeps this use of HMAC apart from every other.
const LABEL: &[u8] = b"sekisho refresh token 1";

/// What a refresh token says: a grant, and the how-manieth token of it this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RefreshToken {
    /// The grant.
    pub grant: u128,
    /// The generation; the first token of a grant has 0 or 1, as the caller counts.
    pub generation: u32,
}

/// The key that the refresh tokens of one realm are made with.
pub struct RefreshKey {
    key: hmac::Key,
    realm: String,
}

/// Why a text is not a refresh token of this realm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Not of the form of one.
    #[error("{0}")]
    Text(#[from] BadText),
    /// Of the right form, but not made with this key for this realm.
    #[error("not made by this realm")]
    Forged,
}

/// Makes the token of a grant and generation. The same arguments give the same text.
#[must_use]
pub fn mint(key: &RefreshKey, grant: u128, generation: u32) -> Secret<String> {
    let mut body = Zeroizing::new(Vec::with_capacity(BODY_BYTES));
    body.extend_from_slice(&grant.to_be_bytes());
    body.extend_from_slice(&generation.to_be_bytes());
    let mac = key.mac(&body);
    body.extend_from_slice(mac.as_ref());
    let body = Zeroizing::new(base62::encode(&body, BODY_CHARS));
    Secret::new(framed::frame(Kind::Refresh.prefix(), &body))
}

/// Reads a token that [`mint`] made with the same key and realm. The MAC is compared in constant time.
///
/// # Errors
/// [`Malformed`].
pub fn open(key: &RefreshKey, text: &str) -> Result<RefreshToken, Malformed> {
    let body = framed::unframe(Kind::Refresh.prefix(), BODY_CHARS, text)?;
    let body = Zeroizing::new(base62::decode::<BODY_BYTES>(body).ok_or(BadText::Alphabet)?);
    let parts = body.split_first_chunk::<GRANT_BYTES>().and_then(|(grant, rest)| {
        rest.split_first_chunk::<GENERATION_BYTES>().map(|(generation, mac)| (grant, generation, mac))
    });
    let (grant, generation, mac) = parts.ok_or(BadText::Length)?;
    let said = [grant.as_slice(), generation.as_slice()].concat();
    hmac::verify(&key.key, &key.message(&said), mac).map_err(|_| Malformed::Forged)?;
    Ok(RefreshToken { grant: u128::from_be_bytes(*grant), generation: u32::from_be_bytes(*generation) })
}

// === impl RefreshKey ===

impl RefreshKey {
    /// The key of a realm. `bytes` should be derived for this purpose alone ([`crate::seal::SealingKey::derive`]) or be
    /// random and stored sealed.
    pub fn new(realm: impl Into<String>, bytes: &Secret<[u8; 32]>) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, bytes.expose()), realm: realm.into() }
    }

    fn mac(&self, said: &[u8]) -> hmac::Tag {
        hmac::sign(&self.key, &self.message(said))
    }

    /// What the MAC is over. The realm's name is the only part of varying length, and it stands last.
    fn message(&self, said: &[u8]) -> Vec<u8> {
        [LABEL, said, self.realm.as_bytes()].concat()
    }
}

impl fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RefreshKey").field("realm", &self.realm).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
