//! What can be a theme.

use super::*;

#[test]
fn a_colour_has_six_digits() {
    assert_eq!("#8A2b1f".parse(), Ok(Accent([0x8a, 0x2b, 0x1f])));
    assert_eq!(Accent([0x8a, 0x2b, 0x1f]).to_string(), "#8a2b1f");
    for bad in ["", "red", "8a2b1f", "#8a2b1", "#8a2b1g", "#+a2b1f", "#8a2b1f;}", "#８a2b1f"] {
        assert_eq!(bad.parse::<Accent>(), Err(BadAccent), "{bad}");
    }
}

#[test]
fn a_name_is_a_line_that_can_be_read() {
    assert!("関所商店".parse::<Name>().is_ok());
    for bad in ["", " x", "a\nb", &"x".repeat(61)] {
        assert_eq!(bad.parse::<Name>(), Err(BadName), "{bad:?}");
    }
}

#[test]
fn a_logo_is_known_by_its_bytes() {
    let kind = |bytes: &[u8]| Logo::new(bytes.to_vec()).map(|logo| logo.media_type());
    assert_eq!(kind(b"\x89PNG\r\n\x1a\n...."), Ok("image/png"));
    assert_eq!(kind(b"\xff\xd8\xff\xe0"), Ok("image/jpeg"));
    assert_eq!(kind(b"RIFF\0\0\0\0WEBPVP8 "), Ok("image/webp"));
    assert_eq!(kind(b"<svg xmlns='http://www.w3.org/2000/svg'/>"), Ok("image/svg+xml"));
    assert_eq!(kind(b"<?xml version='1.0'?>\n<!-- x --><svg/>"), Ok("image/svg+xml"));
    for bad in [&b""[..], b"<!doctype html><svg>", b"<html><svg></svg></html>", b"GIF89a", b"\xff\xfe<svg"] {
        assert_eq!(kind(bad), Err(BadLogo::Kind), "{bad:?}");
    }
    assert_eq!(kind(&vec![0; LOGO_BYTES_MAX + 1]), Err(BadLogo::TooLarge { bytes: LOGO_BYTES_MAX + 1 }));
}
