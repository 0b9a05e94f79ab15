//! Which browser on which system, from what a browser calls itself, for a person to recognise; nothing is decided by it.
//!
//! Every browser calls itself by the names of others too, so the order of the tables is what tells them apart.
//!
//! Not here: how it is said in a language (`http::pages::device`).

use std::fmt;

/// The longest foreign name that is shown, in characters.
const CHARS_MAX: usize = 60;

/// What stands in the text, and what people call it; the first that stands there counts.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];
const SYSTEMS: [(&str, &str); 7] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
];

/// What signed somebody in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    /// It did not say.
    Unknown,
    /// A browser on a system.
    Browser { browser: &'static str, system: &'static str },
    /// A name of its own.
    Named(String),
}

// === impl Device ===

impl Device {
    /// The one that calls itself so.
    pub(crate) fn of(user_agent: Option<&str>) -> Self {
        let Some(text) = user_agent.map(str::trim).filter(|text| !text.is_empty()) else { return Self::Unknown };
        let of =
            |table: &[(&str, &'static str)]| table.iter().find(|(sign, _)| text.contains(sign)).map(|(_, name)| *name);
        match (of(&BROWSERS), of(&SYSTEMS)) {
            (Some(browser), Some(system)) => Self::Browser { browser, system },
            (Some(name), None) => Self::Named(name.to_owned()),
            // Programs call themselves `name/version` and mean it.
            (None, _) => Self::Named(text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect()),
        }
    }
}

/// For administrators, who read English.
impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("unknown device"),
            Self::Browser { browser, system } => write!(f, "{browser} on {system}"),
            Self::Named(name) => f.write_str(name),
        }
    }
}
