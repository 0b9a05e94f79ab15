//! The languages of the pages, and which of them a person reads.
//!
//! What the client says of the person (`ui_locales`) goes before what the browser says (`Accept-Language`); who reads
//! neither of ours gets English.
//!
//! Specs: OpenID Connect Core §3.1.2.1, RFC 9110 §12.5.4 and §12.4.2, RFC 4647 §3.4. Not here: the words (`http::pages`).

/// The most entries of a header that are looked at.
const RANGES_MAX: usize = 20;

/// A language that the pages speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Language {
    English,
    Japanese,
}

// === impl Language ===

impl Language {
    pub(crate) const ALL: [Self; 2] = [Self::English, Self::Japanese];

    /// Its tag (RFC 5646).
    pub(crate) const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::Japanese => "ja",
        }
    }

    /// What it is called in itself.
    pub(crate) const fn own_name(self) -> &'static str {
        match self {
            Self::English => "English",
            Self::Japanese => "日本語",
        }
    }

    /// The other one.
    pub(crate) const fn other(self) -> Self {
        match self {
            Self::English => Self::Japanese,
            Self::Japanese => Self::English,
        }
    }

    /// What to speak with somebody.
    pub(crate) fn of(ui_locales: Option<&str>, accept_language: Option<&str>) -> Self {
        let wished = ui_locales.into_iter().flat_map(str::split_ascii_whitespace).find_map(Self::of_tag);
        wished.or_else(|| Self::accepted(accept_language?)).unwrap_or(Self::English)
    }

    /// `ja`, `ja-JP`: the region changes nothing that we would say.
    fn of_tag(tag: &str) -> Option<Self> {
        let primary = tag.split('-').next().unwrap_or_default();
        Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary))
    }

    /// The best of ours in the header; of equals the one that stands first.
    fn accepted(header: &str) -> Option<Self> {
        let mut best: Option<(Self, u16)> = None;
        for range in header.split(',').take(RANGES_MAX) {
            let (tag, parameters) = range.split_once(';').unwrap_or((range, ""));
            let (Some(language), Some(weight)) = (Self::of_tag(tag.trim()), weight(parameters)) else { continue };
            if weight > 0 && best.is_none_or(|(_, known)| weight > known) {
                best = Some((language, weight));
            }
        }
        best.map(|(language, _)| language)
    }
}

/// RFC 9110 §12.4.2, in thousandths; none when it is not one.
fn weight(parameters: &str) -> Option<u16> {
    let parameters = parameters.trim();
    if parameters.is_empty() {
        return Some(1000);
    }
    let (name, value) = parameters.split_once('=')?;
    if !name.trim().eq_ignore_ascii_case("q") {
        return None;
    }
    let (whole, part) = value.trim().split_once('.').unwrap_or((value.trim(), ""));
    if part.len() > 3 || !part.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{part:0<3}").parse().ok()?;
    match whole {
        "0" => Some(thousandths),
        "1" if thousandths == 0 => Some(1000),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
