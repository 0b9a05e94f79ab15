//! Secrets at rest: sealed under a key-encryption key that is not in the database.
//!
//! One master key, from a file or the environment, gives a separate key to each purpose by HKDF, so that what one purpose
//! leaks says nothing about another. Sealed bytes begin with a version and the id of the key, so that a wrong key is told
//! from damage, and a later format or a rotated key can be told from today's:
//!
//! ```text
//!   version 1 ‖ key id 8 ‖ nonce 12 ‖ ciphertext ‖ tag 16
//! ```
//!
//! The purpose is authenticated with them: a private key that was sealed for one row cannot be moved to another.
//!
//! Specs: AES-256-GCM (SP 800-38D), HKDF with SHA-256 (RFC 5869). Not here: where the master key comes from.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hmac;

use crate::entropy::Entropy;
use crate::secret::Secret;

const VERSION: u8 = 1;
const KEY_ID_BYTES: usize = 8;
const TAG_BYTES: usize = 16;

/// Separates the derived keys from one another and from those of other programs.
const SEAL_LABEL: &str = "sekisho seal 1";
const KEY_ID_LABEL: &str = "sekisho seal key id 1";
const DERIVE_LABEL: &str = "sekisho derive 1 ";

/// A key-encryption key.
pub struct SealingKey {
    /// The pseudo-random key of HKDF (RFC 5869 §2.2); every other key is expanded from it.
    root: hmac::Key,
    seal: LessSafeKey,
    id: SealingKeyId,
}

/// Tells key-encryption keys apart without telling anything about them.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SealingKeyId([u8; KEY_ID_BYTES]);

/// The crypto library refused to seal. It does so only for texts of many gigabytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sealing failed")]
pub struct Unsealed;

/// Why sealed bytes do not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unsealable {
    /// Too short to be sealed by us.
    #[error("not sealed bytes")]
    NotSealed,
    /// Of a format that this program does not know: written by a later one?
    #[error("sealed in format {found}, this program knows format {VERSION}")]
    Version {
        /// The version byte found.
        found: u8,
    },
    /// Sealed under another key.
    #[error("sealed under key {sealed_under}, but the key given is {given}")]
    OtherKey {
        /// The key it was sealed under.
        sealed_under: SealingKeyId,
        /// The key that was tried.
        given: SealingKeyId,
    },
    /// The right key, but the bytes or their purpose were changed.
    #[error("the sealed bytes are damaged, or belong to another purpose")]
    Damaged,
}

// === impl SealingKey ===

impl SealingKey {
    /// Makes a key-encryption key of 32 random bytes. The caller's copy stays the caller's to wipe.
    #[must_use]
    pub fn from_bytes(master: [u8; 32]) -> Self {
        Self::new(&Secret::new(master))
    }

    /// As [`Self::from_bytes`], for bytes that are wrapped already.
    #[must_use]
    pub fn new(master: &Secret<[u8; 32]>) -> Self {
        // RFC 5869 §2.2, extract, with the salt that the section prescribes when there is none.
        let extracted = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &[0; 32]), master.expose());
        let root = hmac::Key::new(hmac::HMAC_SHA256, extracted.as_ref());
        let seal = expand(&root, SEAL_LABEL);
        let id = expand(&root, KEY_ID_LABEL);
        let [a, b, c, d, e, f, g, h, ..] = *id.expose();
        #[expect(
            clippy::expect_used,
            reason = "the key has the length that the algorithm names, so it is never refused"
        )]
        let seal = UnboundKey::new(&AES_256_GCM, seal.expose()).expect("32 bytes are an AES-256 key");
        Self { root, seal: LessSafeKey::new(seal), id: SealingKeyId([a, b, c, d, e, f, g, h]) }
    }

    /// Which key this is.
    #[must_use]
    pub fn id(&self) -> SealingKeyId {
        self.id
    }

    /// Seals `secret` for `purpose`, which must be given again to open it: name the table, the column and the row.
    ///
    /// Nonces are random; below 2³² sealings under one key they do not meet.
    ///
    /// # Errors
    /// [`Unsealed`].
    pub fn seal(&self, purpose: &str, secret: &[u8], entropy: &dyn Entropy) -> Result<Vec<u8>, Unsealed> {
        let mut nonce = [0; NONCE_LEN];
        entropy.fill(&mut nonce);
        let header = [&[VERSION], self.id.0.as_slice()].concat();
        let mut text = secret.to_vec();
        text.reserve_exact(TAG_BYTES);
        let aad = Aad::from([header.as_slice(), purpose.as_bytes()].concat());
        self.seal
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), aad, &mut text)
            .map_err(|_| Unsealed)?;
        Ok([header.as_slice(), &nonce, &text].concat())
    }

    /// Opens what [`Self::seal`] sealed for the same purpose.
    ///
    /// # Errors
    /// [`Unsealable`].
    pub fn open(&self, purpose: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Unsealable> {
        let (header, rest) = sealed.split_first_chunk::<{ 1 + KEY_ID_BYTES }>().ok_or(Unsealable::NotSealed)?;
        let [version, id @ ..] = header;
        if *version != VERSION {
            return Err(Unsealable::Version { found: *version });
        }
        let sealed_under = SealingKeyId(*id);
        if sealed_under != self.id {
            return Err(Unsealable::OtherKey { sealed_under, given: self.id });
        }
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(Unsealable::NotSealed)?;
        let aad = Aad::from([header.as_slice(), purpose.as_bytes()].concat());
        let mut text = text.to_vec();
        let opened = self
            .seal
            .open_in_place(Nonce::assume_unique_for_key(*nonce), aad, &mut text)
            .map_err(|_| Unsealable::Damaged)?
            .len();
        text.truncate(opened);
        Ok(Secret::new(text))
    }

    /// A key for one purpose. Different labels give keys that say nothing about each other.
    #[must_use]
    pub fn derive(&self, label: &str) -> Secret<[u8; 32]> {
        expand(&self.root, &format!("{DERIVE_LABEL}{label}"))
    }
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SealingKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// RFC 5869 §2.3, expand, for one block, which is all we ever need.
fn expand(root: &hmac::Key, info: &str) -> Secret<[u8; 32]> {
    let mut context = hmac::Context::with_key(root);
    context.update(info.as_bytes());
    context.update(&[1]);
    let mut key = [0; 32];
    key.copy_from_slice(context.sign().as_ref());
    Secret::new(key)
}

// === impl SealingKeyId ===

impl fmt::Display for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SealingKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKeyId({self})")
    }
}

#[cfg(test)]
mod tests;
