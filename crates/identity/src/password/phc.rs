//! A hash with its parameters, as one line of text: `$argon2id$v=19$m=19456,t=2,p=1$SALT$HASH`.
//!
//! Specs: the PHC string format, of which exactly this much is read. Parameters above ours by far are refused: a row that
//! somebody managed to write must not be able to take all memory.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{HASH_BYTES, LANES, MEMORY_KIB, PASSES, SALT_BYTES};

/// The most memory a stored hash may ask for.
const MEMORY_KIB_MAX: u32 = 256 * 1024;
/// The most passes and lanes.
const COST_MAX: u32 = 16;

/// A hash, its salt, and what it was made with.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Phc {
    pub(super) memory_kib: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
    pub(super) salt: Vec<u8>,
    pub(super) hash: Vec<u8>,
}

// === impl Phc ===

impl Phc {
    pub(super) fn today(salt: [u8; SALT_BYTES], hash: [u8; HASH_BYTES]) -> Self {
        Self { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt: salt.to_vec(), hash: hash.to_vec() }
    }

    pub(super) fn is_of_today(&self) -> bool {
        (self.memory_kib, self.passes, self.lanes) == (MEMORY_KIB, PASSES, LANES)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix("$argon2id$v=19$m=")?;
        let mut parts = rest.split('$');
        let mut costs = parts.next()?.split(',');
        let memory_kib = number(costs.next()?)?;
        let passes = number(costs.next()?.strip_prefix("t=")?)?;
        let lanes = number(costs.next()?.strip_prefix("p=")?)?;
        let (salt, hash) = (bytes(parts.next()?)?, bytes(parts.next()?)?);
        let whole = costs.next().is_none() && parts.next().is_none();
        let sane = (8..=MEMORY_KIB_MAX).contains(&memory_kib)
            && (1..=COST_MAX).contains(&passes)
            && (1..=COST_MAX).contains(&lanes)
            && (8..=64).contains(&salt.len())
            && (16..=64).contains(&hash.len());
        (whole && sane).then_some(Self { memory_kib, passes, lanes, salt, hash })
    }
}

impl fmt::Display for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        write!(f, "$argon2id$v=19$m={},t={},p={}${salt}${hash}", self.memory_kib, self.passes, self.lanes)
    }
}

impl fmt::Debug for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Phc(…)")
    }
}

fn number(text: &str) -> Option<u32> {
    text.parse().ok()
}

fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}
