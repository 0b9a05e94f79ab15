//! How a realm's pages look: a colour, a logo, a name. Each is checked when it is made, so that a page never is ugly in a
//! way that harms: text stays readable on every accent, and a logo is an image by its bytes, not by its name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use sekisho_token::Digest;

/// The largest logo, in bytes: it is sent with the first page that somebody sees.
const LOGO_BYTES_MAX: usize = 256 << 10;
/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 60;
/// How far into a file the root element of an SVG is looked for.
const SVG_HEAD_BYTES: usize = 1024;

/// What a realm's pages wear; by default the house's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Theme {
    /// The colour of what is to be pressed.
    pub accent: Option<Accent>,
    /// An image beside the name.
    pub logo: Option<Logo>,
    /// What the realm is called on its pages.
    pub name: Option<Name>,
}

/// A colour, red, green and blue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Accent(pub(crate) [u8; 3]);

/// A name that people read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

/// An image.
#[derive(Clone, PartialEq, Eq)]
pub struct Logo {
    bytes: Arc<[u8]>,
    media_type: &'static str,
    digest: Digest,
}

/// A text is not a colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("is not a colour: expected `#` and six hexadecimal digits, like `#8a2b1f`")]
pub struct BadAccent;

/// A text is not a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "is not a name: expected 1 to {NAME_CHARS_MAX} characters, none of them a control character, no space at the ends"
)]
pub struct BadName;

/// Why a file is not a logo.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLogo {
    /// Too large.
    #[error("has {bytes} bytes: expected at most {LOGO_BYTES_MAX}")]
    TooLarge {
        /// How many it has.
        bytes: usize,
    },
    /// Of no kind that we serve.
    #[error("is not an image that pages show: expected SVG, PNG, JPEG or WebP")]
    Kind,
}

// === impl Accent ===

impl FromStr for Accent {
    type Err = BadAccent;

    fn from_str(text: &str) -> Result<Self, BadAccent> {
        let digits = text.strip_prefix('#').ok_or(BadAccent)?;
        if digits.len() != 6 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(BadAccent);
        }
        let number = u32::from_str_radix(digits, 16).map_err(|_| BadAccent)?;
        let [_, red, green, blue] = number.to_be_bytes();
        Ok(Self([red, green, blue]))
    }
}

impl fmt::Display for Accent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [red, green, blue] = self.0;
        write!(f, "#{red:02x}{green:02x}{blue:02x}")
    }
}

// === impl Name ===

impl Name {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        let count = text.chars().count();
        let good = (1..=NAME_CHARS_MAX).contains(&count) && text.trim() == text && !text.chars().any(char::is_control);
        if good { Ok(Self(text.to_owned())) } else { Err(BadName) }
    }
}

// === impl Logo ===

impl Logo {
    /// Takes an image.
    ///
    /// # Errors
    /// [`BadLogo`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, BadLogo> {
        if bytes.len() > LOGO_BYTES_MAX {
            return Err(BadLogo::TooLarge { bytes: bytes.len() });
        }
        let media_type = media_type(&bytes).ok_or(BadLogo::Kind)?;
        let digest = Digest::of(&bytes);
        Ok(Self { bytes: bytes.into(), media_type, digest })
    }

    /// The image.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What it is.
    #[must_use]
    pub const fn media_type(&self) -> &'static str {
        self.media_type
    }

    /// Names this image and no other.
    #[must_use]
    pub(crate) fn version(&self) -> String {
        self.digest.0.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Logo({}, {} bytes)", self.media_type, self.bytes.len())
    }
}

fn media_type(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some("image/png"),
        [0xff, 0xd8, 0xff, ..] => Some("image/jpeg"),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => Some("image/webp"),
        _ => is_svg(bytes).then_some("image/svg+xml"),
    }
}

/// A text whose first element is `svg`, after declarations and comments.
fn is_svg(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let begins = text.trim_start_matches('\u{feff}').trim_start();
    let head: String = begins.chars().take(SVG_HEAD_BYTES).collect();
    let declared = ["<?xml", "<!--", "<!DOCTYPE svg", "<svg"].iter().any(|start| head.starts_with(start));
    declared && head.contains("<svg")
}

#[cfg(test)]
mod tests;
