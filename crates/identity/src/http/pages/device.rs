//! Which browser on which system, from what a browser calls itself, for a person to recognise; nothing is decided by it.
//!
//! Every browser calls itself by the names of others too, so the order of the tables is what tells them apart.

use super::words::Words;

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

/// What to call the device that calls itself so.
pub(super) fn called(user_agent: Option<&str>, words: &Words) -> String {
    let words = &words.account;
    let Some(text) = user_agent.map(str::trim).filter(|text| !text.is_empty()) else {
        return words.unknown_device.to_owned();
    };
    let of = |table: &[(&str, &'static str)]| table.iter().find(|(sign, _)| text.contains(sign)).map(|(_, name)| *name);
    match (of(&BROWSERS), of(&SYSTEMS)) {
        (Some(browser), Some(system)) => (words.device)(browser, system),
        (Some(name), None) => name.to_owned(),
        // Programs call themselves `name/version` and mean it.
        (None, _) => text.chars().filter(|c| !c.is_control()).take(CHARS_MAX).collect(),
    }
}

#[cfg(test)]
mod tests;
