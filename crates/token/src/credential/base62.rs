//! Numbers as letters and digits: base 62 of a fixed width, most significant first.
//!
//! A number has exactly one spelling of a given width, and a spelling that says a larger number than fits is refused, so
//! no two texts stand for the same bytes.

use zeroize::Zeroizing;

const ALPHABET: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Writes big-endian bytes as `chars` characters. `chars` must be wide enough for any number of that many bytes: what
/// does not fit is lost.
pub(crate) fn encode(bytes: &[u8], chars: usize) -> String {
    let mut number = Zeroizing::new(bytes.to_vec());
    let mut digits: Zeroizing<Vec<u8>> = Zeroizing::new(Vec::with_capacity(chars));
    for _ in 0..chars {
        let rest = divide(&mut number, 62);
        digits.push(rest);
    }
    digits.iter().rev().map(|digit| character(*digit)).collect()
}

/// Reads a number that must fit into `N` big-endian bytes. `None` when a character is none of the 62 or it does not fit.
pub(crate) fn decode<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut number = [0; N];
    for character in text.bytes() {
        let mut carry = u32::from(digit(character)?);
        for byte in number.iter_mut().rev() {
            let [.., high, low] = (u32::from(*byte) * 62 + carry).to_be_bytes();
            *byte = low;
            carry = u32::from(high);
        }
        if carry != 0 {
            return None;
        }
    }
    Some(number)
}

/// Divides a big-endian number in place; returns the rest.
fn divide(number: &mut [u8], divisor: u16) -> u8 {
    let mut rest = 0_u16;
    for byte in number {
        let dividend = rest << 8 | u16::from(*byte);
        let [_, quotient] = (dividend / divisor).to_be_bytes();
        *byte = quotient;
        rest = dividend % divisor;
    }
    let [_, rest] = rest.to_be_bytes();
    rest
}

fn character(digit: u8) -> char {
    ALPHABET.get(usize::from(digit)).copied().map_or('0', char::from)
}

fn digit(character: u8) -> Option<u8> {
    match character {
        b'0'..=b'9' => Some(character - b'0'),
        b'A'..=b'Z' => Some(character - b'A' + 10),
        b'a'..=b'z' => Some(character - b'a' + 36),
        _ => None,
    }
}
