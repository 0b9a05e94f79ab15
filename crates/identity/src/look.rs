//! What a realm's pages wear: one style sheet, allowed by its hash, with the realm's colours in it as variables.
//!
//! The operator chooses one colour. What is drawn with it is that colour moved towards black on light paper and towards
//! white on dark paper, no further than text needs to be readable, so that no choice makes a page unreadable.
//!
//! Specs: WCAG 2.2 §1.4.3 (contrast of text), CSP Level 3 §2.3 (hashes). Not here: which theme (`settings`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_token::Digest;
use sekisho_wire::RealmName;

use crate::settings::{Accent, Theme};

/// The sheet without the realm's colours.
const STYLE: &str = include_str!("../templates/styles.css");
/// The house's own name, and its colour on light and on dark paper.
const BRAND: &str = "Sekisho";
const ACCENT: Accent = Accent([0x8a, 0x2b, 0x1f]);
const ACCENT_DARK: Accent = Accent([0xe2, 0x83, 0x6f]);
/// What lies under text, as in the sheet: `--card`, light and dark.
const PAPER_LIGHT: Accent = Accent([0xff, 0xff, 0xff]);
const PAPER_DARK: Accent = Accent([0x21, 0x1f, 0x1d]);
const WHITE: Accent = Accent([0xff, 0xff, 0xff]);
const BLACK: Accent = Accent([0, 0, 0]);
/// The least contrast of text with what lies under it (WCAG 2.2 §1.4.3), and a little for rounding.
const CONTRAST_MIN: f64 = 4.6;
/// In how many steps a colour is moved to black or white.
const STEPS: u8 = 32;

/// A realm's pages, as far as they are the same for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The whole style sheet.
    pub(crate) style: String,
    /// The content security policy that allows it and nothing else.
    pub(crate) policy: String,
    /// What the pages are headed with.
    pub(crate) brand: String,
    /// The logo's address.
    pub(crate) logo: Option<String>,
}

// === impl Look ===

impl Look {
    pub(crate) fn of(realm: &RealmName, theme: &Theme) -> Self {
        let style = format!(
            "{STYLE}:root {{ {} }}\n@media (prefers-color-scheme: dark) {{ :root {{ {} }} }}\n",
            variables(theme.accent.unwrap_or(ACCENT), PAPER_LIGHT),
            variables(theme.accent.unwrap_or(ACCENT_DARK), PAPER_DARK)
        );
        let hash = STANDARD.encode(Digest::of(style.as_bytes()).0);
        // No `form-action`: browsers apply it to the redirect that answers a form too, and ours lead to applications.
        let policy = format!(
            "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'"
        );
        let brand = match &theme.name {
            Some(name) => name.as_str().to_owned(),
            None if realm.as_str() == RealmName::DEFAULT => BRAND.to_owned(),
            None => format!("{BRAND} · {realm}"),
        };
        let logo = theme.logo.as_ref().map(|logo| format!("/realms/{realm}/logo?v={}", logo.version()));
        Self { style, policy, brand, logo }
    }
}

/// The accent on this paper, and what is written on it.
fn variables(accent: Accent, paper: Accent) -> String {
    let accent = readable(accent, paper);
    let on_accent = if contrast(WHITE, accent) >= contrast(BLACK, accent) { WHITE } else { BLACK };
    format!("--accent: {accent}; --on-accent: {on_accent};")
}

/// The colour, moved away from the paper's until it can be read on it.
fn readable(colour: Accent, paper: Accent) -> Accent {
    let end = if luminance(paper) > 0.5 { BLACK } else { WHITE };
    let mut steps = (0..=STEPS).map(|step| mixed(colour, end, step));
    steps.find(|mixed| contrast(*mixed, paper) >= CONTRAST_MIN).unwrap_or(end)
}

fn mixed(from: Accent, to: Accent, step: u8) -> Accent {
    let mix = |from: u8, to: u8| {
        let sum = u16::from(from) * u16::from(STEPS - step) + u16::from(to) * u16::from(step);
        u8::try_from(sum / u16::from(STEPS)).unwrap_or(u8::MAX)
    };
    let ([r, g, b], [red, green, blue]) = (from.0, to.0);
    Accent([mix(r, red), mix(g, green), mix(b, blue)])
}

/// WCAG 2.2, "contrast ratio".
fn contrast(one: Accent, other: Accent) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// WCAG 2.2, "relative luminance".
fn luminance(colour: Accent) -> f64 {
    let [red, green, blue] = colour.0.map(|channel| {
        let part = f64::from(channel) / 255.0;
        if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[cfg(test)]
mod tests;
