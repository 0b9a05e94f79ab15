//! Why a token was refused: one variant for each check, each with a code that never changes.
//!
//! A refusal carries what helps to find the cause and nothing that was in the token beyond numbers: it goes into audit
//! lines and answers.

use crate::json;
use crate::key::KeyLookup;

/// Why a JWS or JWT was refused. In the order of the checks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The token, or its header, is longer than allowed.
    #[error("{part} has {bytes} bytes, at most {bytes_max} are read")]
    TooLarge {
        /// Which part.
        part: Part,
        /// Its length.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// Not three parts of base64url without padding (RFC 7515 §7.1).
    #[error("not a JWS in compact form")]
    NotCompact,
    /// The header is not a strict JSON object with a text `alg` (RFC 7515 §4).
    #[error("the header is malformed: {0}")]
    HeaderMalformed(json::Malformed),
    /// `alg` is not in the allow-list: `none`, symmetric algorithms, and what was not asked for (RFC 8725 §3.1).
    #[error("the algorithm is not allowed")]
    AlgorithmNotAllowed,
    /// `typ` is not what is expected here (RFC 8725 §3.11).
    #[error("the token is of another type")]
    TypMismatch,
    /// There is a `crit`; we know no extension, so we understand none of what it names (RFC 7515 §4.1.11).
    #[error("the header demands extensions that are not supported")]
    CriticalUnsupported,
    /// There is a `b64` (RFC 7797); we read encoded payloads only.
    #[error("unencoded payloads are not supported")]
    UnencodedUnsupported,
    /// The key was not found; [`KeyLookup::Unavailable`] is not the token's fault.
    #[error("key: {0}")]
    Key(KeyLookup),
    /// The key is bound to another algorithm than the header names.
    #[error("the key is for another algorithm")]
    KeyAlgorithm,
    /// The signature does not belong to this text and key.
    #[error("the signature is not valid")]
    SignatureInvalid,
    /// The payload is not a strict JSON object, or not of the shape the caller asked for.
    #[error("the claims are malformed: {0}")]
    ClaimsMalformed(json::Malformed),
    /// A claim that must be there is not.
    #[error("`{0}` is missing")]
    ClaimMissing(Claim),
    /// A claim is of the wrong kind or out of all reason.
    #[error("`{0}` is not valid")]
    ClaimInvalid(Claim),
    /// `iss` differs; compared byte for byte.
    #[error("the token is of another issuer")]
    IssuerMismatch,
    /// No `aud` is one of ours.
    #[error("the token is for another audience")]
    AudienceMismatch,
    /// `exp` is past, by more than the leeway.
    #[error("the token expired {ago_s} s ago")]
    Expired {
        /// Seconds since `exp`, leeway not taken off.
        ago_s: i64,
    },
    /// `nbf` or `iat` is in the future, by more than the leeway: two clocks differ.
    #[error("`{claim}` is {ahead_s} s in the future")]
    ClockSkew {
        /// Which claim.
        claim: Claim,
        /// How far ahead of our clock it is, leeway not taken off.
        ahead_s: i64,
    },
    /// The token lives longer than allowed here, from `iat` to `exp`.
    #[error("the token lives for {lifetime_s} s, at most {lifetime_s_max} are accepted")]
    LifetimeTooLong {
        /// `exp` − `iat`.
        lifetime_s: i64,
        /// The limit.
        lifetime_s_max: u32,
    },
}

/// A part of a token that has a limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The whole text.
    Token,
    /// The header, decoded.
    Header,
}

/// A registered claim (RFC 7519 §4.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// Issuer.
    Iss,
    /// Subject.
    Sub,
    /// Audience.
    Aud,
    /// Expiry.
    Exp,
    /// Not before.
    Nbf,
    /// Issued at.
    Iat,
    /// Identifier.
    Jti,
}

// === impl Refusal ===

impl Refusal {
    /// The stable name of the reason, for audit lines and `explain`. Never changes once released.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLarge { part: Part::Token, .. } => "token_too_large",
            Self::TooLarge { part: Part::Header, .. } => "header_too_large",
            Self::NotCompact => "token_malformed",
            Self::HeaderMalformed(_) => "header_malformed",
            Self::AlgorithmNotAllowed => "alg_not_allowed",
            Self::TypMismatch => "typ_mismatch",
            Self::CriticalUnsupported => "crit_unsupported",
            Self::UnencodedUnsupported => "b64_unsupported",
            Self::Key(KeyLookup::Unknown) => "kid_unknown",
            Self::Key(KeyLookup::Ambiguous) => "kid_ambiguous",
            Self::Key(KeyLookup::Unavailable) => "keys_unavailable",
            Self::KeyAlgorithm => "key_alg_mismatch",
            Self::SignatureInvalid => "signature_invalid",
            Self::ClaimsMalformed(_) => "claims_malformed",
            Self::ClaimMissing(_) => "claim_missing",
            Self::ClaimInvalid(_) => "claim_invalid",
            Self::IssuerMismatch => "iss_mismatch",
            Self::AudienceMismatch => "aud_mismatch",
            Self::Expired { .. } => "token_expired",
            Self::ClockSkew { .. } => "clock_skew",
            Self::LifetimeTooLong { .. } => "lifetime_too_long",
        }
    }

    /// Whether the token itself is to blame. Otherwise the keys could not be had, and the answer is 503, not 401.
    #[must_use]
    pub fn is_the_tokens_fault(&self) -> bool {
        !matches!(self, Self::Key(KeyLookup::Unavailable))
    }
}

impl From<KeyLookup> for Refusal {
    fn from(lookup: KeyLookup) -> Self {
        Self::Key(lookup)
    }
}

// === impl Part ===

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Token => "the token",
            Self::Header => "the header",
        })
    }
}

// === impl Claim ===

impl Claim {
    /// Its name in the payload.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Iss => "iss",
            Self::Sub => "sub",
            Self::Aud => "aud",
            Self::Exp => "exp",
            Self::Nbf => "nbf",
            Self::Iat => "iat",
            Self::Jti => "jti",
        }
    }
}

impl std::fmt::Display for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
