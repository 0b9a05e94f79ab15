//! The key-encryption key: 32 bytes under which private keys are sealed at rest.
//!
//! It comes from a file or from the environment, in hex or base64, and never from the command line, where other processes
//! can read it. Where nobody configured one, `DIR/kek` is made at the first start, readable by its owner only.

use std::fmt;
use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_token::seal::SealingKey;
use sekisho_token::{Entropy, Secret};

/// Where the key comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KekSource {
    /// A file that must exist.
    File(PathBuf),
    /// An environment variable that must be set.
    Environment(String),
    /// `DIR/kek`, made where there is none.
    Generated,
}

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KekError {
    /// The file cannot be read or made.
    #[error("key-encryption key `{}`: {source}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The variable is not set.
    #[error("key-encryption key: environment variable `{0}` is not set")]
    NotSet(String),
    /// The text is not 32 bytes.
    #[error("key-encryption key from {from}: expected 32 bytes as 64 hex digits or 44 characters of base64")]
    Malformed {
        /// Where it came from.
        from: String,
    },
}

// === impl KekSource ===

impl fmt::Display for KekSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "`{}`", path.display()),
            Self::Environment(name) => write!(f, "environment variable `{name}`"),
            Self::Generated => f.write_str("`kek` in the data directory"),
        }
    }
}

/// Reads or makes the key.
///
/// # Errors
/// [`KekError`].
pub fn load(source: &KekSource, dir: &Path, entropy: &dyn Entropy) -> Result<SealingKey, KekError> {
    match source {
        KekSource::File(path) => parse(&read(path)?, &format!("`{}`", path.display())),
        KekSource::Environment(name) => {
            #[expect(clippy::disallowed_methods, reason = "the one place that reads this variable, once, at the start")]
            let text = std::env::var(name).map_err(|_| KekError::NotSet(name.clone()))?;
            parse(&Secret::new(text), &format!("`{name}`"))
        }
        KekSource::Generated => {
            let path = dir.join("kek");
            if !path.exists() {
                generate(&path, entropy)?;
            }
            parse(&read(&path)?, &format!("`{}`", path.display()))
        }
    }
}

fn read(path: &Path) -> Result<Secret<String>, KekError> {
    let told = |source| KekError::File { path: path.to_owned(), source };
    let mode = std::fs::metadata(path).map_err(told)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!("key-encryption key `{}` can be read by others: chmod 600 it", path.display());
    }
    std::fs::read_to_string(path).map(Secret::new).map_err(told)
}

/// Complete before it is in its place, and whoever comes second takes what is there: two first starts at once must not
/// seal under two keys.
fn generate(path: &Path, entropy: &dyn Entropy) -> Result<(), KekError> {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let text = Secret::new(format!("{}\n", STANDARD.encode(bytes)));
    let draft = path.with_extension(std::process::id().to_string());
    let placed = write(&draft, &text).and_then(|()| match std::fs::hard_link(&draft, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        Ok(()) | Err(_) => Ok(()),
    });
    let _ = std::fs::remove_file(&draft);
    placed.map_err(|source| KekError::File { path: path.to_owned(), source })
}

fn write(draft: &Path, text: &Secret<String>) -> io::Result<()> {
    // Left by a process of the same number that was killed here.
    let _ = std::fs::remove_file(draft);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(draft)?;
    file.write_all(text.expose().as_bytes())?;
    file.sync_all()
}

fn parse(text: &Secret<String>, from: &str) -> Result<SealingKey, KekError> {
    let text = text.expose().trim();
    let bytes = if text.len() == 64 { hex(text) } else { STANDARD.decode(text).ok() };
    let bytes: Option<[u8; 32]> = bytes.and_then(|bytes| bytes.try_into().ok());
    bytes.map(SealingKey::from_bytes).ok_or_else(|| KekError::Malformed { from: from.to_owned() })
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2).map(|pair| std::str::from_utf8(pair).ok());
    pairs.map(|pair| u8::from_str_radix(pair?, 16).ok()).collect()
}

#[cfg(test)]
mod tests;
