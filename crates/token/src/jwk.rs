//! Public keys as JSON.
//!
//! A [`Jwk`] holds a public key of one of our four algorithms and nothing else: a text with a private member is refused,
//! so a private key that was published by mistake is never trusted. A [`JwkSet`] is what an issuer publishes: entries we
//! cannot use are skipped and counted, as RFC 7517 §5 wants, so that an issuer may publish keys of kinds unknown to us.
//!
//! Specs: RFC 7517, RFC 7518 §6, RFC 7638, RFC 8037 §2. Not here: private keys as JSON (ours are PKCS#8, see
//! [`crate::key`]), checking signatures, fetching.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Serialize};

use crate::alg::{Algorithm, Scheme};
use crate::digest::Digest;
use crate::json;
use crate::key::{KEY_ID_BYTES_MAX, KeyId};

mod raw;
mod roca;
mod set;
mod small_order;

pub use set::{JwkSet, Malformed, SET_KEYS_MAX};

/// Smallest RSA modulus that we accept, in bits (RFC 7518 §3.3).
pub const RSA_BITS_MIN: usize = 2048;
/// Largest RSA modulus that we accept, in bits. Ours have 2048 or 3072; other issuers use 4096.
pub const RSA_BITS_MAX: usize = 4096;
/// Longest RSA public exponent, in bytes. Everybody uses 65537; a long one only costs us time.
const RSA_EXPONENT_BYTES_MAX: usize = 4;
/// How deep a JWK may nest; extensions such as `oth` bring an array of objects.
const DEPTH_MAX: usize = 8;

/// A public key, as it is published.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "raw::RawJwk", into = "raw::RawJwk")]
pub struct Jwk {
    material: Material,
    kid: Option<KeyId>,
    alg: Option<Algorithm>,
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
}

/// The numbers of a public key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Material {
    /// A point on P-256, its coordinates big-endian (RFC 7518 §6.2).
    P256 { x: [u8; 32], y: [u8; 32] },
    /// An Ed25519 public key (RFC 8037 §2).
    Ed25519 { x: [u8; 32] },
    /// Modulus and exponent, big-endian without leading zeros (RFC 7518 §6.3).
    Rsa { n: Vec<u8>, e: Vec<u8> },
}

/// Why a JWK is not a public key that we use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// The text is not a strict JSON object of the right shape.
    #[error("malformed: {0}")]
    Json(#[from] json::Malformed),
    /// A member that this kind of key needs is not there.
    #[error("`{0}` is missing")]
    Missing(&'static str),
    /// A private or symmetric member is there. Whoever published it must replace the key.
    #[error("`{0}` is private and must not be published")]
    Private(&'static str),
    /// `kty` is none of EC, OKP, RSA (RFC 7518 §6.1).
    #[error("this `kty` is not supported")]
    KeyType,
    /// `crv` is neither P-256 nor Ed25519, or does not belong to the `kty`.
    #[error("this `crv` is not supported")]
    Curve,
    /// `alg` is not one of ours, or belongs to another kind of key.
    #[error("this `alg` is not supported for this kind of key")]
    Algorithm,
    /// Not base64url without padding, of the wrong length, or a number with leading zeros.
    #[error("`{0}` is badly encoded")]
    Encoding(&'static str),
    /// `kid` is longer than [`KEY_ID_BYTES_MAX`] or empty.
    #[error("`kid` is empty or too long")]
    Kid,
    /// The RSA modulus is too short or too long.
    #[error("the modulus has {bits} bits, wanted 2048 to 4096")]
    ModulusBits {
        /// The length found.
        bits: usize,
    },
    /// The RSA modulus is even, or of the family that CVE-2017-15361 (ROCA) can factor.
    #[error("the modulus is weak")]
    WeakModulus,
    /// The Ed25519 key is one of the few points under which a signature proves nothing.
    #[error("the point is weak")]
    WeakPoint,
    /// The RSA exponent is 1, even, or longer than 32 bits.
    #[error("the exponent is not acceptable")]
    Exponent,
    /// `use` or `key_ops` say that the key is for something else than checking signatures (RFC 7517 §4.2, §4.3).
    #[error("`use` or `key_ops` do not allow verifying")]
    NotForVerifying,
    /// The crypto library rejects the key: the point is not on the curve.
    #[error("the key is not valid")]
    Rejected,
}

// === impl Jwk ===

impl Jwk {
    /// Reads one JWK strictly: duplicate members are refused too, which plain `Deserialize` cannot promise.
    ///
    /// # Errors
    /// [`Unusable`].
    pub fn from_json(text: &[u8]) -> Result<Self, Unusable> {
        json::object::<raw::RawJwk>(text, DEPTH_MAX)?.try_into()
    }

    /// The public half of one of our own keys: for signatures of `alg`, its thumbprint as `kid`.
    pub(crate) fn of_signing_key(material: Material, alg: Algorithm) -> Result<Self, Unusable> {
        material.check()?;
        let kid = Some(KeyId::new(thumbprint(&material)));
        Ok(Self { material, kid, alg: Some(alg), usage: Some("sig".to_owned()), key_ops: None })
    }

    /// The `kid` member.
    #[must_use]
    pub fn kid(&self) -> Option<&KeyId> {
        self.kid.as_ref()
    }

    /// The `alg` member.
    #[must_use]
    pub fn alg(&self) -> Option<Algorithm> {
        self.alg
    }

    /// The algorithm this key is bound to: its `alg`, else the one of its kind of key.
    ///
    /// An RSA key without `alg` is taken for RS256, which nearly every issuer that leaves `alg` out means. A key serves
    /// one algorithm only, so that no signature of one can be passed off as the other; an issuer that signs with PS256
    /// says so.
    #[must_use]
    pub fn bound_algorithm(&self) -> Algorithm {
        self.alg.unwrap_or(match self.material {
            Material::P256 { .. } => Algorithm::Es256,
            Material::Ed25519 { .. } => Algorithm::EdDsa,
            Material::Rsa { .. } => Algorithm::Rs256,
        })
    }

    /// The RFC 7638 thumbprint with SHA-256, in base64url: 43 characters.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        thumbprint(&self.material)
    }

    /// Whether `use` and `key_ops` allow checking signatures with this key (RFC 7517 §4.2, §4.3); absent means allowed.
    #[must_use]
    pub fn may_verify(&self) -> bool {
        let by_use = self.usage.as_deref().is_none_or(|usage| usage == "sig");
        let by_ops = self.key_ops.as_deref().is_none_or(|ops| ops.iter().any(|op| op == "verify"));
        by_use && by_ops
    }

    pub(crate) fn material(&self) -> &Material {
        &self.material
    }
}

// === impl Material ===

impl Material {
    /// Checks what the encoding alone cannot promise, before any cryptography is done with the numbers.
    fn check(&self) -> Result<(), Unusable> {
        let (n, e) = match self {
            Self::P256 { .. } => return Ok(()),
            Self::Ed25519 { x } if small_order::is_small_order(x) => return Err(Unusable::WeakPoint),
            Self::Ed25519 { .. } => return Ok(()),
            Self::Rsa { n, e } => (n, e),
        };
        let bits = bit_length(n);
        if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) {
            return Err(Unusable::ModulusBits { bits });
        }
        if n.last().is_none_or(|last| last & 1 == 0) || roca::is_vulnerable(n) {
            return Err(Unusable::WeakModulus);
        }
        if e.len() > RSA_EXPONENT_BYTES_MAX || e.last().is_none_or(|last| last & 1 == 0) || e.as_slice() == [1] {
            return Err(Unusable::Exponent);
        }
        Ok(())
    }

    fn allows(&self, alg: Algorithm) -> bool {
        match alg.row().scheme {
            Scheme::Ecdsa { .. } => matches!(self, Self::P256 { .. }),
            Scheme::Ed25519 { .. } => matches!(self, Self::Ed25519 { .. }),
            Scheme::Rsa { .. } => matches!(self, Self::Rsa { .. }),
        }
    }
}

/// RFC 7638 §3: the required members alone, in lexicographic order, without white space.
fn thumbprint(material: &Material) -> String {
    let text = match material {
        Material::P256 { x, y } => format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, encode(x), encode(y)),
        Material::Ed25519 { x } => format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, encode(x)),
        Material::Rsa { n, e } => format!(r#"{{"e":"{}","kty":"RSA","n":"{}"}}"#, encode(e), encode(n)),
    };
    encode(&Digest::of(text.as_bytes()).0)
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn bit_length(number: &[u8]) -> usize {
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn kid_fits(kid: &KeyId) -> bool {
    (1..=KEY_ID_BYTES_MAX).contains(&kid.as_str().len())
}

#[cfg(test)]
mod tests;
