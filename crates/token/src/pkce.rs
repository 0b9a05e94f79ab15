//! Proof Key for Code Exchange with S256: whoever redeems a code must know what only its requester knew.
//!
//! The method `plain` does not exist here: it protects against nothing that reads the request.
//!
//! Specs: RFC 7636 §4.1, §4.2, §4.6.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::digest::{Digest, same};

/// Characters of an S256 challenge: 256 bits in base64url.
pub const CHALLENGE_CHARS: usize = 43;
/// Shortest verifier, in characters.
pub const VERIFIER_CHARS_MIN: usize = 43;
/// Longest verifier, in characters.
pub const VERIFIER_CHARS_MAX: usize = 128;

/// Whether `verifier` is the one that `challenge` was made from (RFC 7636 §4.6). A text of the wrong form never is.
#[must_use]
pub fn matches(challenge: &str, verifier: &str) -> bool {
    is_verifier(verifier) && same(challenge.as_bytes(), challenge_of(verifier).as_bytes())
}

/// The S256 challenge of a verifier (RFC 7636 §4.2).
#[must_use]
pub fn challenge_of(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Digest::of(verifier.as_bytes()).0)
}

/// Whether a text has the form of a verifier: 43 to 128 unreserved characters (RFC 7636 §4.1).
#[must_use]
pub fn is_verifier(text: &str) -> bool {
    (VERIFIER_CHARS_MIN..=VERIFIER_CHARS_MAX).contains(&text.len())
        && text.bytes().all(|character| character.is_ascii_alphanumeric() || b"-._~".contains(&character))
}

/// Whether a text has the form of an S256 challenge: 32 bytes in base64url without padding (RFC 7636 §4.2). Refusing
/// others when the code is asked for tells a client its mistake before a person logs in for nothing.
#[must_use]
pub fn is_challenge(text: &str) -> bool {
    text.len() == CHALLENGE_CHARS && URL_SAFE_NO_PAD.decode(text).is_ok()
}

#[cfg(test)]
mod tests;
