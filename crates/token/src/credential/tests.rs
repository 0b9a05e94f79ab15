//! Opaque credentials: their form, their checksum, their silence.

use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::entropy::SystemEntropy;

#[derive(Debug)]
struct Fixed(u8);

impl Entropy for Fixed {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0);
    }
}

#[test]
fn crc32_and_base62_are_the_known_ones() {
    assert_eq!(crc32::crc32(b"123456789"), 0xCBF4_3926);
    assert_eq!(crc32::crc32(b""), 0);
    assert_eq!(base62::encode(&[0], 2), "00");
    assert_eq!(base62::encode(&[61], 2), "0z");
    assert_eq!(base62::encode(&[62], 2), "10");
    assert_eq!(base62::encode(&[255], 2), "47");
    assert_eq!(base62::decode::<1>("47"), Some([255]));
    assert_eq!(base62::decode::<1>("48"), None);
    assert_eq!(base62::decode::<1>("4-"), None);
}

#[test]
fn the_widths_hold_the_largest_numbers() {
    assert_eq!(base62::decode::<32>(&base62::encode(&[255; 32], RANDOM_CHARS)), Some([255; 32]));
    assert_eq!(base62::decode::<4>(&base62::encode(&[255; 4], framed::CHECKSUM_CHARS)), Some([255; 4]));
}

#[test]
fn every_kind_is_minted_recognised_and_read_as_itself_alone() {
    for kind in Kind::ALL {
        let minted = Credential::mint(kind, &SystemEntropy::default());
        let text = minted.expose();
        assert_eq!(text.len(), CHARS);
        assert!(text.len() <= 64 && text.bytes().all(|character| character.is_ascii_alphanumeric()));
        assert_eq!(kind_of(text), Some(kind));
        assert_eq!(Credential::parse(kind, text).unwrap().digest(), minted.digest());
        assert_eq!(minted.digest(), Digest::of(text.as_bytes()));
        for other in Kind::ALL.into_iter().filter(|other| *other != kind) {
            assert_eq!(Credential::parse(other, text).unwrap_err(), Malformed::Prefix);
        }
    }
}

#[test]
fn prefixes_are_five_letters_and_differ() {
    let prefixes: HashSet<_> = Kind::ALL.into_iter().map(Kind::prefix).collect();
    assert_eq!(prefixes.len(), Kind::ALL.len());
    for prefix in prefixes {
        assert!(prefix.len() == PREFIX_CHARS && prefix.bytes().all(|character| character.is_ascii_lowercase()));
    }
}

#[test]
fn the_text_follows_from_the_entropy() {
    let text = |byte| Credential::mint(Kind::Code, &Fixed(byte)).expose().to_owned();
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
    assert!(text(0).starts_with(&format!("sekac{}", "0".repeat(43))));
}

/// Computed by another implementation (Python: zlib, big integers): the form must not drift.
#[test]
fn the_form_is_fixed() {
    #[derive(Debug)]
    struct Counting;
    impl Entropy for Counting {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.iter_mut().zip(0..).for_each(|(byte, index)| *byte = index);
        }
    }
    let expected = "sekse003aUlTJC7tjlCTQj2uNU3MFagCXG9LRKRcwGkBIDlf3stId5";
    assert_eq!(Credential::mint(Kind::Session, &Counting).expose(), expected);
}

#[test]
fn what_is_mistyped_cut_or_stretched_is_refused_before_any_table() {
    let minted = Credential::mint(Kind::Session, &SystemEntropy::default());
    let text = minted.expose();
    for at in PREFIX_CHARS..CHARS {
        let mut changed = text.as_bytes().to_vec();
        changed[at] = if changed[at] == b'a' { b'b' } else { b'a' };
        let changed = String::from_utf8(changed).unwrap();
        assert_eq!(Credential::parse(Kind::Session, &changed).unwrap_err(), Malformed::Checksum, "character {at}");
    }
    for length in PREFIX_CHARS..CHARS {
        assert_eq!(Credential::parse(Kind::Session, &text[..length]).unwrap_err(), Malformed::Length);
    }
    assert_eq!(Credential::parse(Kind::Session, &format!("{text}0")).unwrap_err(), Malformed::Length);
    assert_eq!(Credential::parse(Kind::Session, "").unwrap_err(), Malformed::Prefix);
    assert_eq!(Credential::parse(Kind::Session, &text.to_uppercase()).unwrap_err(), Malformed::Prefix);
    let spaced = format!("{} {}", &text[..20], &text[21..]);
    assert_eq!(Credential::parse(Kind::Session, &spaced).unwrap_err(), Malformed::Alphabet);
    let wide = format!("{}é{}", &text[..20], &text[22..]);
    assert_eq!(Credential::parse(Kind::Session, &wide).unwrap_err(), Malformed::Alphabet);
}

#[test]
fn a_number_beyond_256_bits_is_refused_so_that_no_two_texts_mean_the_same() {
    let beyond = framed::frame("sekse", &"z".repeat(RANDOM_CHARS));
    assert_eq!(Credential::parse(Kind::Session, &beyond).unwrap_err(), Malformed::Alphabet);
}

#[test]
fn debug_tells_the_kind_alone() {
    let minted = Credential::mint(Kind::ClientSecret, &SystemEntropy::default());
    assert_eq!(format!("{minted:?}"), "Credential(ClientSecret, …)");
    assert_eq!(format!("{:?}", minted.into_secret()), "Secret(…)");
}

#[test]
fn a_jwt_or_rubbish_is_no_kind() {
    for text in ["", "sek", "eyJhbGciOiJFUzI1NiJ9.e30.x", "Sekot", "sek_ot"] {
        assert_eq!(kind_of(text), None);
    }
}

proptest! {
    #[test]
    fn base62_comes_back(bytes in any::<[u8; 32]>()) {
        let text = base62::encode(&bytes, RANDOM_CHARS);
        prop_assert_eq!(text.len(), RANDOM_CHARS);
        prop_assert_eq!(base62::decode::<32>(&text), Some(bytes));
    }

    #[test]
    fn base62_keeps_the_order_of_numbers(a in any::<u128>(), b in any::<u128>()) {
        let text = |number: u128| base62::encode(&number.to_be_bytes(), 22);
        prop_assert_eq!(text(a).cmp(&text(b)), a.cmp(&b));
    }
}
