//! Keys that sign and keys that verify, each bound to one algorithm and kept parsed.
//!
//! Parsing a private key costs more than signing with it (an RSA key: twice as much), so a [`SigningKey`] is built once.
//! A key never serves two algorithms: an RS256 key does not check PS256 signatures, whatever a header asks for.
//!
//! Specs: RFC 7518 §3, RFC 8037, RFC 5958 (PKCS#8). Not here: when a key signs ([`crate::ring`]), keys at rest
//! ([`crate::seal`]).

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;

use aws_lc_rs::encoding::AsDer as _;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, ParsedPublicKey, RsaKeyPair, RsaSignatureEncoding,
};
use serde::{Deserialize, Serialize};

use crate::alg::{Algorithm, Scheme};
use crate::jwk::{Jwk, Material, Unusable};
use crate::secret::Secret;

mod der;
mod set;

pub use set::{KeyLookup, KeySet, Keys};

/// Longest key id that we read, in bytes. Ours are thumbprints of 43.
pub const KEY_ID_BYTES_MAX: usize = 256;

/// The name of a key (`kid`). Ours are RFC 7638 thumbprints; other issuers write what they like.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeyId(String);

/// A text cannot be the name of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a key id: expected 1 to {KEY_ID_BYTES_MAX} bytes, none of them a control character")]
pub struct MalformedKeyId;

/// A private key, parsed, and the one algorithm it signs with.
pub struct SigningKey {
    pair: Pair,
    alg: Algorithm,
    jwk: Jwk,
    kid: KeyId,
}

enum Pair {
    Ecdsa(EcdsaKeyPair),
    Ed25519(Ed25519KeyPair),
    Rsa { pair: RsaKeyPair, encoding: &'static RsaSignatureEncoding },
}

/// A public key, parsed, and the one algorithm it verifies. Share it as `Arc<VerifyingKey>`.
pub struct VerifyingKey {
    parsed: ParsedPublicKey,
    alg: Algorithm,
    kid: KeyId,
}

/// The length of an RSA key that we make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaBits {
    /// 2048 bits, good until 2030 by NIST SP 800-57.
    Bits2048,
    /// 3072 bits, good beyond.
    Bits3072,
}

/// A private key could not be made or read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyFault {
    /// The crypto library made no key.
    #[error("no key could be generated")]
    Generate,
    /// Not an unencrypted PKCS#8 private key of this algorithm's kind.
    #[error("not a PKCS#8 private key for {alg}")]
    Pkcs8 {
        /// The algorithm the key was wanted for.
        alg: Algorithm,
    },
    /// The private key could not be written out.
    #[error("the key could not be written")]
    Write,
    /// The public half is not one that we would accept from others.
    #[error("the public key is not usable: {0}")]
    Public(#[from] Unusable),
}

/// The crypto library refused to sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("signing failed")]
pub struct Unsigned;

/// A signature does not belong to this message and key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the signature is not valid")]
pub struct BadSignature;

// === impl RsaBits ===

impl RsaBits {
    /// The length of so many bits, if it is one that we make.
    #[must_use]
    pub const fn of(bits: u32) -> Option<Self> {
        match bits {
            2048 => Some(Self::Bits2048),
            3072 => Some(Self::Bits3072),
            _ => None,
        }
    }
}

// === impl KeyId ===

impl KeyId {
    /// Names a key.
    pub fn new(kid: impl Into<String>) -> Self {
        Self(kid.into())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for KeyId {
    type Err = MalformedKeyId;

    fn from_str(text: &str) -> Result<Self, MalformedKeyId> {
        if (1..=KEY_ID_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(text.to_owned()))
        } else {
            Err(MalformedKeyId)
        }
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for KeyId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for KeyId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl From<&str> for KeyId {
    fn from(kid: &str) -> Self {
        Self::new(kid)
    }
}

impl From<String> for KeyId {
    fn from(kid: String) -> Self {
        Self(kid)
    }
}

// === impl SigningKey ===

impl SigningKey {
    /// Makes a new key; an RSA key of 2048 bits. The crypto library brings its own randomness.
    ///
    /// # Errors
    /// [`KeyFault::Generate`].
    pub fn generate(alg: Algorithm) -> Result<Self, KeyFault> {
        Self::generate_sized(alg, RsaBits::Bits2048)
    }

    /// Makes a new key, an RSA key of the given length; the others have one length only.
    ///
    /// # Errors
    /// [`KeyFault::Generate`].
    pub fn generate_sized(alg: Algorithm, bits: RsaBits) -> Result<Self, KeyFault> {
        let pair = match alg.row().scheme {
            Scheme::Ecdsa { sign, .. } => Pair::Ecdsa(EcdsaKeyPair::generate(sign).map_err(|_| KeyFault::Generate)?),
            Scheme::Ed25519 { .. } => Pair::Ed25519(Ed25519KeyPair::generate().map_err(|_| KeyFault::Generate)?),
            Scheme::Rsa { sign, .. } => {
                let pair = RsaKeyPair::generate(bits.key_size()).map_err(|_| KeyFault::Generate)?;
                Pair::Rsa { pair, encoding: sign }
            }
        };
        Self::bind(pair, alg)
    }

    /// Reads an unencrypted PKCS#8 private key (RFC 5958).
    ///
    /// # Errors
    /// [`KeyFault::Pkcs8`] when it is none, or of another kind than `alg` needs; [`KeyFault::Public`] when we would not
    /// accept its public half, for its length for example.
    pub fn from_pkcs8(alg: Algorithm, pkcs8: &Secret<Vec<u8>>) -> Result<Self, KeyFault> {
        let bytes = pkcs8.expose().as_slice();
        let refused = |_| KeyFault::Pkcs8 { alg };
        let pair = match alg.row().scheme {
            Scheme::Ecdsa { sign, .. } => Pair::Ecdsa(EcdsaKeyPair::from_pkcs8(sign, bytes).map_err(refused)?),
            Scheme::Ed25519 { .. } => Pair::Ed25519(Ed25519KeyPair::from_pkcs8(bytes).map_err(refused)?),
            Scheme::Rsa { sign, .. } => {
                Pair::Rsa { pair: RsaKeyPair::from_pkcs8(bytes).map_err(refused)?, encoding: sign }
            }
        };
        Self::bind(pair, alg)
    }

    /// Writes the private key as PKCS#8. Seal it before it is stored anywhere.
    ///
    /// # Errors
    /// [`KeyFault::Write`].
    pub fn to_pkcs8(&self) -> Result<Secret<Vec<u8>>, KeyFault> {
        let bytes = match &self.pair {
            Pair::Ecdsa(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.to_pkcs8v1().map(|document| document.as_ref().to_vec()),
            Pair::Rsa { pair, .. } => pair.as_der().map(|document| document.as_ref().to_vec()),
        };
        bytes.map(Secret::new).map_err(|_| KeyFault::Write)
    }

    /// The thumbprint of the public half.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The algorithm it signs with.
    #[must_use]
    pub fn alg(&self) -> Algorithm {
        self.alg
    }

    /// The public half, to be published.
    #[must_use]
    pub fn public_jwk(&self) -> Jwk {
        self.jwk.clone()
    }

    /// Signs a message. ES256 and PS256 signatures differ each time: the crypto library brings its own randomness.
    ///
    /// # Errors
    /// [`Unsigned`], which says that something is wrong with this machine rather than with the message.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Unsigned> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Ecdsa(pair) => pair.sign(&random, message).map(|signature| signature.as_ref().to_vec()),
            Pair::Ed25519(pair) => pair.try_sign(message).map(|signature| signature.as_ref().to_vec()),
            Pair::Rsa { pair, encoding } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(*encoding, &random, message, &mut signature).map(|()| signature)
            }
        }
        .map_err(|_| Unsigned)
    }

    fn bind(pair: Pair, alg: Algorithm) -> Result<Self, KeyFault> {
        let jwk = Jwk::of_signing_key(pair.material().ok_or(KeyFault::Pkcs8 { alg })?, alg)?;
        // Our own keys have to pass what we ask of everybody's.
        let kid = VerifyingKey::from_jwk(&jwk)?.kid;
        Ok(Self { pair, alg, jwk, kid })
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

// === impl Pair ===

impl Pair {
    fn material(&self) -> Option<Material> {
        match self {
            Self::Ecdsa(pair) => {
                // SEC 1 §2.3.3, uncompressed: 04 ‖ x ‖ y.
                let (x, y) = pair.public_key().as_ref().strip_prefix(&[4])?.split_at_checked(32)?;
                Some(Material::P256 { x: x.try_into().ok()?, y: y.try_into().ok()? })
            }
            Self::Ed25519(pair) => Some(Material::Ed25519 { x: pair.public_key().as_ref().try_into().ok()? }),
            Self::Rsa { pair, .. } => {
                let (n, e) = der::rsa_public_key(pair.public_key().as_ref())?;
                Some(Material::Rsa { n: n.to_vec(), e: e.to_vec() })
            }
        }
    }
}

// === impl VerifyingKey ===

impl VerifyingKey {
    /// Parses a public key for the algorithm it is bound to ([`Jwk::bound_algorithm`]). A key without `kid` is named by
    /// its thumbprint.
    ///
    /// # Errors
    /// [`Unusable::NotForVerifying`] when `use` or `key_ops` forbid it, [`Unusable::Rejected`] when it is no valid key.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, Unusable> {
        if !jwk.may_verify() {
            return Err(Unusable::NotForVerifying);
        }
        let alg = jwk.bound_algorithm();
        let parsed = match (&alg.row().scheme, jwk.material()) {
            (Scheme::Ecdsa { verify, .. }, Material::P256 { x, y }) => {
                ParsedPublicKey::new(*verify, [&[4], x.as_slice(), y.as_slice()].concat())
            }
            (Scheme::Ed25519 { verify }, Material::Ed25519 { x }) => ParsedPublicKey::new(*verify, x),
            (Scheme::Rsa { verify, .. }, Material::Rsa { n, e }) => {
                PublicKeyComponents { n, e }.to_parsed_public_key(verify)
            }
            (Scheme::Ecdsa { .. } | Scheme::Ed25519 { .. } | Scheme::Rsa { .. }, _) => {
                return Err(Unusable::Algorithm);
            }
        };
        let kid = jwk.kid().cloned().unwrap_or_else(|| KeyId::new(jwk.thumbprint()));
        Ok(Self { parsed: parsed.map_err(|_| Unusable::Rejected)?, alg, kid })
    }

    /// Checks a signature over a message. For ES256 it is r ‖ s, exactly 64 bytes; DER is refused.
    ///
    /// # Errors
    /// [`BadSignature`].
    pub fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), BadSignature> {
        self.parsed.verify_sig(message, signature).map_err(|_| BadSignature)
    }

    /// The name of the key.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }

    /// The one algorithm it verifies.
    #[must_use]
    pub fn alg(&self) -> Algorithm {
        self.alg
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifyingKey").field("alg", &self.alg).field("kid", &self.kid).finish_non_exhaustive()
    }
}

// === impl RsaBits ===

impl RsaBits {
    fn key_size(self) -> KeySize {
        match self {
            Self::Bits2048 => KeySize::Rsa2048,
            Self::Bits3072 => KeySize::Rsa3072,
        }
    }
}

#[cfg(test)]
mod tests;
