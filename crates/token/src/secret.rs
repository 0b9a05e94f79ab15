//! Values that must not be printed: passwords, tokens, codes, session ids, private keys.
//!
//! A [`Secret`] has no telling `Debug`, no `Display` and no `Serialize`, and is wiped when it is dropped. The one way to
//! the value is [`Secret::expose`], so that every place where a secret is used can be found by searching for that word.

use std::fmt;

use zeroize::Zeroize;

/// A value that is wiped when dropped and never printed.
#[derive(Clone)]
pub struct Secret<T: Zeroize>(T);

// === impl Secret ===

impl<T: Zeroize> Secret<T> {
    /// Wraps a value. The caller's own copies stay the caller's to wipe.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself. Do not log, format or store what this returns.
    pub const fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> Drop for Secret<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl From<&str> for Secret<String> {
    fn from(value: &str) -> Self {
        Self::new(value.to_owned())
    }
}

impl From<String> for Secret<String> {
    fn from(value: String) -> Self {
        Self::new(value)
    }
}

#[cfg(test)]
mod tests;
