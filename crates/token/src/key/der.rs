//! The one structure of DER that we have to read: an RSA public key as the crypto library gives it.
//!
//! Specs: RFC 8017 §A.1.1, X.690. Not here: anything from outside; this reads our own library's output.

/// Modulus and exponent of an `RSAPublicKey`, big-endian without leading zeros.
pub(super) fn rsa_public_key(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (body, rest) = element(der, 0x30)?;
    let (n, after_n) = element(body, 0x02)?;
    let (e, after_e) = element(after_n, 0x02)?;
    (rest.is_empty() && after_e.is_empty()).then_some((unsigned(n), unsigned(e)))
}

/// The content of the element with this tag, and what follows it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&length, rest) = der.strip_prefix(&[tag])?.split_first()?;
    let (length, rest) = match length {
        0..=0x7F => (usize::from(length), rest),
        0x81 => rest.split_first().map(|(&low, rest)| (usize::from(low), rest))?,
        0x82 => rest.split_first_chunk().map(|(&length, rest)| (usize::from(u16::from_be_bytes(length)), rest))?,
        _ => return None,
    };
    rest.split_at_checked(length)
}

/// A DER integer has a zero in front when its first bit is set.
fn unsigned(integer: &[u8]) -> &[u8] {
    integer.strip_prefix(&[0]).unwrap_or(integer)
}
