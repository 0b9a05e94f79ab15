//! The database that keeps everything: one file in the data directory, or a PostgreSQL.
//!
//! A password in the environment is read when the database is opened, so that a configuration can be checked where it is
//! not set.

use std::path::Path;

use sekisho_store::postgres::{Address, Tls};
use sekisho_token::Secret;

use crate::wiring::Keep;

/// Which database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file in the data directory.
    Directory,
    /// A server.
    Postgres {
        /// Where, and who we are there.
        address: Box<Address>,
        /// The environment variable with the password, if it is there.
        password_env: Option<String>,
    },
}

/// The environment variable is not set.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the password of the database: environment variable `{0}` is not set")]
pub struct PasswordNotSet(String);

// === impl Database ===

impl Database {
    /// Where the server is, if others may listen to what is said to it or answer in its place.
    pub(crate) fn exposed(&self) -> Option<String> {
        match self {
            Self::Postgres { address, .. } if address.is_elsewhere() && address.tls() != Tls::Verified => {
                Some(address.to_string())
            }
            Self::Postgres { .. } | Self::Directory => None,
        }
    }

    /// How to open it, for a process with this directory.
    ///
    /// # Errors
    /// [`PasswordNotSet`].
    pub fn keep(&self, dir: &Path) -> Result<Keep, PasswordNotSet> {
        let dir = dir.to_owned();
        match self {
            Self::Directory => Ok(Keep::Dir(dir)),
            Self::Postgres { address, password_env } => {
                let mut address = address.clone();
                if let Some(name) = password_env {
                    #[expect(
                        clippy::disallowed_methods,
                        reason = "the one place that reads this variable, at the start"
                    )]
                    let password = std::env::var(name).map_err(|_| PasswordNotSet(name.clone()))?;
                    *address = address.with_password(Secret::new(password));
                }
                Ok(Keep::Postgres { dir, address })
            }
        }
    }
}

#[cfg(test)]
mod tests;
