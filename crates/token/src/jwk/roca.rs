//! CVE-2017-15361 (ROCA): RSA moduli of a broken generator can be factored, and can be told by their remainders.
//!
//! Its primes are of the form k·M + 65537^a mod M, with M a product of small primes. So a modulus of such primes is,
//! modulo each of these small primes, a power of 65537. Seventeen of them, in whose groups 65537 reaches only part of the
//! residues, tell those moduli from ordinary ones with fewer than one mistake in a hundred million.
//!
//! Source: Nemec, Sys, Svenda, Klinec, Matyas: The Return of Coppersmith's Attack (2017), §2.

const PRIMES: [u32; 17] = [11, 13, 17, 19, 37, 53, 61, 71, 73, 79, 97, 103, 107, 109, 127, 151, 157];

/// Whether a modulus (big-endian) bears the fingerprint.
pub(super) fn is_vulnerable(modulus: &[u8]) -> bool {
    PRIMES.iter().all(|&prime| is_power_of_65537(remainder(modulus, prime), prime))
}

fn remainder(number: &[u8], divisor: u32) -> u32 {
    number.iter().fold(0, |rest, byte| (rest * 256 + u32::from(*byte)) % divisor)
}

fn is_power_of_65537(residue: u32, prime: u32) -> bool {
    let mut power = 1;
    for _ in 1..prime {
        if power == residue {
            return true;
        }
        power = power * 65537 % prime;
    }
    false
}
