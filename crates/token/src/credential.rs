//! Opaque credentials that we mint: references that mean nothing to whoever holds them.
//!
//! ```text
//!   sekot 4Hn…43 characters…Qz 0aB3xY
//!   ─┬─── ─────────┬────────── ──┬───
//!   kind   256 random bits     CRC-32 of all before it
//! ```
//!
//! The prefix lets secret scanners find a leaked credential (`\bsek(ot|ac|se|cs|fl|rt)[0-9A-Za-z]{49,76}\b`), and the
//! checksum lets them, and us, tell a mistyped or invented one without asking any table. Letters and digits only: some
//! clients do not form-encode Basic credentials, some shells and terminals break words elsewhere. What is stored is the
//! SHA-256 of the whole text: with 256 random bits there is nothing to guess, so a slow hash would only cost time.
//!
//! Not here: what a credential stands for; refresh tokens, which are derived ([`crate::refresh`]).

use std::fmt;

use zeroize::{Zeroize, Zeroizing};

use crate::digest::Digest;
use crate::entropy::Entropy;
use crate::secret::Secret;

pub(crate) mod base62;
mod crc32;
pub(crate) mod framed;

/// Characters of a prefix.
pub const PREFIX_CHARS: usize = 5;
/// Characters that 256 bits take in base 62.
const RANDOM_CHARS: usize = 43;
/// Characters of a whole credential.
pub const CHARS: usize = PREFIX_CHARS + RANDOM_CHARS + framed::CHECKSUM_CHARS;

/// What a credential is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An opaque access token.
    OpaqueToken,
    /// An authorization code (RFC 6749 §4.1.2).
    Code,
    /// A session id in a cookie.
    Session,
    /// A client secret (RFC 6749 §2.3.1).
    ClientSecret,
    /// A login that is under way: the reference to its stored request.
    Flow,
    /// A refresh token (RFC 6749 §1.5). Minted and opened by [`crate::refresh`]; it is listed here so that
    /// [`kind_of`] recognises it.
    Refresh,
}

/// A credential in full. Printed nowhere; wiped when dropped.
#[derive(Clone)]
pub struct Credential {
    kind: Kind,
    text: Secret<String>,
}

/// Why a text is not a credential of the wanted kind. Says nothing about whether it was ever issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// It begins like another kind, or like nothing of ours.
    #[error("not a credential of this kind")]
    Prefix,
    /// Too short or too long.
    #[error("wrong length")]
    Length,
    /// A character that is neither letter nor digit, or a number too large.
    #[error("not base62")]
    Alphabet,
    /// The checksum differs: mistyped, cut, or invented.
    #[error("wrong checksum")]
    Checksum,
}

/// Which kind a text claims to be, by its prefix alone.
#[must_use]
pub fn kind_of(text: &str) -> Option<Kind> {
    Kind::ALL.into_iter().find(|kind| text.starts_with(kind.prefix()))
}

// === impl Kind ===

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 6] =
        [Self::OpaqueToken, Self::Code, Self::Session, Self::ClientSecret, Self::Flow, Self::Refresh];

    /// What a credential of this kind begins with: five letters.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::OpaqueToken => "sekot",
            Self::Code => "sekac",
            Self::Session => "sekse",
            Self::ClientSecret => "sekcs",
            Self::Flow => "sekfl",
            Self::Refresh => "sekrt",
        }
    }
}

// === impl Credential ===

impl Credential {
    /// Mints a credential of 256 random bits. One of [`Kind::Refresh`] would be accepted nowhere, as refresh tokens are
    /// derived.
    pub fn mint(kind: Kind, entropy: &dyn Entropy) -> Self {
        let mut random = Zeroizing::new([0; 32]);
        entropy.fill(&mut *random);
        let body = Zeroizing::new(base62::encode(&*random, RANDOM_CHARS));
        Self { kind, text: Secret::new(framed::frame(kind.prefix(), &body)) }
    }

    /// Checks prefix, length, alphabet and checksum, in this order and before any table is asked.
    ///
    /// # Errors
    /// [`Malformed`].
    pub fn parse(kind: Kind, text: &str) -> Result<Self, Malformed> {
        let body = framed::unframe(kind.prefix(), RANDOM_CHARS, text)?;
        let mut random = base62::decode::<32>(body).ok_or(Malformed::Alphabet)?;
        random.zeroize();
        Ok(Self { kind, text: Secret::from(text) })
    }

    /// What it is for.
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The text to hand to its holder. Do not log or store what this returns.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.text.expose()
    }

    /// The text, still wrapped.
    #[must_use]
    pub fn into_secret(self) -> Secret<String> {
        self.text
    }

    /// What is stored in its place, and found by: SHA-256 of the whole text.
    #[must_use]
    pub fn digest(&self) -> Digest {
        Digest::of(self.text.expose().as_bytes())
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({:?}, …)", self.kind)
    }
}

#[cfg(test)]
mod tests;
