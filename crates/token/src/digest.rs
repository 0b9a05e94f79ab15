//! SHA-256, HMAC with it, and comparison that takes the same time wherever two values differ.
//!
//! Specs: FIPS 180-4, RFC 2104.

use std::fmt;

use aws_lc_rs::{constant_time, digest, hmac};

use crate::secret::Secret;

use crate::Algorithm;

/// A SHA-256 digest. What is stored in place of a credential, and the key of every table of credentials.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

// === impl Digest ===

impl Digest {
    /// SHA-256 (FIPS 180-4) of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
        Self(out)
    }

    /// HMAC-SHA-256 (RFC 2104) over the parts one after the other; give them lengths that cannot be mistaken.
    #[must_use]
    pub fn keyed(key: &Secret<[u8; 32]>, parts: &[&[u8]]) -> Self {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()));
        for part in parts {
            context.update(part);
        }
        let mut out = [0; 32];
        out.copy_from_slice(context.sign().as_ref());
        Self(out)
    }

    /// Compares in constant time; `==` is for table look-ups, where what is compared is already a digest of a secret.
    #[must_use]
    pub fn matches(&self, other: &Self) -> bool {
        same(&self.0, &other.0)
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Digest(…)")
    }
}

/// The left half of the digest that goes with a signature algorithm (OpenID Connect Core §3.1.3.6). Ed25519 hashes with
/// SHA-512 inside (RFC 8032 §5.1), so that is what clients compute for it.
#[must_use]
pub fn left_half(algorithm: Algorithm, bytes: &[u8]) -> Vec<u8> {
    let with = match algorithm {
        Algorithm::Es256 | Algorithm::Rs256 | Algorithm::Ps256 => &digest::SHA256,
        Algorithm::EdDsa => &digest::SHA512,
    };
    let digest = digest::digest(with, bytes);
    let bytes = digest.as_ref();
    bytes.iter().take(bytes.len() / 2).copied().collect()
}

/// Whether two byte strings are equal, in a time that depends on their lengths alone.
#[must_use]
pub fn same(left: &[u8], right: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(left, right).is_ok()
}

#[cfg(test)]
mod tests;
