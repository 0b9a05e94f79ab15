//! A device in the words of the page's language.

use super::words::Words;
use crate::device::Device;

/// What to call the device that calls itself so.
pub(super) fn called(user_agent: Option<&str>, words: &Words) -> String {
    let words = &words.account;
    match Device::of(user_agent) {
        Device::Unknown => words.unknown_device.to_owned(),
        Device::Browser { browser, system } => (words.device)(browser, system),
        Device::Named(name) => name,
    }
}

#[cfg(test)]
mod tests;
