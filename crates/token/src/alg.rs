//! The four signature algorithms we speak, one row each.
//!
//! Whatever depends on the algorithm is read from its row; nothing else matches on names. Symmetric algorithms and
//! `none` have no row, so nothing in this crate can be talked into them.
//!
//! Specs: RFC 7518 §3.1, RFC 8037 §3.1.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ED25519, EcdsaSigningAlgorithm,
    EcdsaVerificationAlgorithm, EdDSAParameters, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256,
    RSA_PSS_2048_8192_SHA256, RSA_PSS_SHA256, RsaParameters, RsaSignatureEncoding,
};
use serde::{Deserialize, Serialize};

/// A JWS signature algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "&'static str", try_from = "String")]
pub enum Algorithm {
    /// ECDSA on P-256 with SHA-256; the signature is r ‖ s, 64 bytes (RFC 7518 §3.4). What we sign with by default.
    Es256,
    /// Ed25519 (RFC 8037 §3.1).
    EdDsa,
    /// RSASSA-PKCS1-v1_5 with SHA-256 (RFC 7518 §3.3).
    Rs256,
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256, a salt of 32 bytes (RFC 7518 §3.5).
    Ps256,
}

/// An `alg` that we do not speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not one of ES256, EdDSA, RS256, PS256")]
pub struct UnknownAlgorithm;

/// What one algorithm is made of.
pub(crate) struct Row {
    name: &'static str,
    pub(crate) scheme: Scheme,
}

/// The key family of an algorithm, with what the crypto library calls its two directions.
pub(crate) enum Scheme {
    Ecdsa { sign: &'static EcdsaSigningAlgorithm, verify: &'static EcdsaVerificationAlgorithm },
    Ed25519 { verify: &'static EdDSAParameters },
    Rsa { sign: &'static RsaSignatureEncoding, verify: &'static RsaParameters },
}

static ES256: Row = Row {
    name: "ES256",
    scheme: Scheme::Ecdsa { sign: &ECDSA_P256_SHA256_FIXED_SIGNING, verify: &ECDSA_P256_SHA256_FIXED },
};
static EDDSA: Row = Row { name: "EdDSA", scheme: Scheme::Ed25519 { verify: &ED25519 } };
static RS256: Row =
    Row { name: "RS256", scheme: Scheme::Rsa { sign: &RSA_PKCS1_SHA256, verify: &RSA_PKCS1_2048_8192_SHA256 } };
static PS256: Row =
    Row { name: "PS256", scheme: Scheme::Rsa { sign: &RSA_PSS_SHA256, verify: &RSA_PSS_2048_8192_SHA256 } };

// === impl Algorithm ===

impl Algorithm {
    /// Every algorithm, the default first.
    pub const ALL: [Self; 4] = [Self::Es256, Self::EdDsa, Self::Rs256, Self::Ps256];

    /// The JOSE name, as in `alg`. Names are compared byte for byte (RFC 7515 §4.1.1).
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    pub(crate) fn row(self) -> &'static Row {
        match self {
            Self::Es256 => &ES256,
            Self::EdDsa => &EDDSA,
            Self::Rs256 => &RS256,
            Self::Ps256 => &PS256,
        }
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.into_iter().find(|alg| alg.name() == name).ok_or(UnknownAlgorithm)
    }
}

impl TryFrom<String> for Algorithm {
    type Error = UnknownAlgorithm;

    fn try_from(name: String) -> Result<Self, UnknownAlgorithm> {
        name.parse()
    }
}

impl From<Algorithm> for &'static str {
    fn from(alg: Algorithm) -> Self {
        alg.name()
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests;
