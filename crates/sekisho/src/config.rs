//! Configuration: what the operator wrote, and what it means.
//!
//! One YAML file, everything in it optional. `said` are its types as written, with their limits and forms checked where they
//! stand, so that an error names line and column; `meant` turns them into what the rooms take, each struct taken apart in
//! full so that a new key does not compile until it is handled. `warnings` adds what is legal and most likely a mistake.
//!
//! Not here: what the words do at run time.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sekisho_gateway::config as gateway;
use sekisho_identity::Settings;
use sekisho_token::Secret;
use sekisho_wire::trace::Share;
use sekisho_wire::{ClientId, Issuer, RealmName};

use crate::database::Database;
use crate::http::tls::Pair;
use crate::kek::KekSource;

mod address;
mod meant;
mod mistake;
mod said;
mod units;
mod warnings;

pub use mistake::{ConfigError, Mistake, Spot};
pub use said::File;
pub(crate) use units::{At, Span};
pub use warnings::Warning;

/// Everything the process is told.
#[derive(Debug)]
pub struct Config {
    /// The directory of this process.
    pub data: PathBuf,
    /// Where everything is kept.
    pub database: Database,
    /// Under which key private keys are sealed.
    pub kek: KekSource,
    /// The identity provider, if this process is one.
    pub identity: Option<Identity>,
    /// The gateway, if this process is one.
    pub gateway: Option<Gateway>,
    /// Where `/healthz` and `/readyz` are.
    pub operations: SocketAddr,
    /// Where traces are collected, if anywhere.
    pub traces: Option<Traces>,
    /// What was not said and therefore assumed, a sentence each.
    pub assumed: Vec<String>,
}

/// Where traces are collected.
#[derive(Clone, Debug)]
pub struct Traces {
    /// The collector's base address.
    pub endpoint: url::Url,
    /// Which share of the traces that begin here is kept.
    pub sample: Share,
}

/// The identity provider.
#[derive(Debug)]
pub struct Identity {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it is told.
    pub settings: Settings,
    /// Its certificate, where TLS does not end in front of it.
    pub tls: Option<Pair>,
}

/// The gateway.
#[derive(Debug)]
pub struct Gateway {
    /// Where it listens.
    pub listen: SocketAddr,
    /// What it is told.
    pub config: gateway::Gateway,
    /// The realms whose identity is in another process.
    pub remote: Vec<RemoteRealm>,
    /// Its certificate, where TLS does not end in front of it.
    pub tls: Option<Pair>,
}

/// A realm that another process answers for.
#[derive(Debug)]
pub struct RemoteRealm {
    /// Its name.
    pub name: RealmName,
    /// Its issuer.
    pub issuer: Issuer,
    /// Where it is reached, when that is not the issuer's own address.
    pub address: Option<url::Url>,
    /// The gateway's client there.
    pub client_id: ClientId,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// Certificates in PEM that vouch for it, beside the public ones; may be empty.
    pub certificate_authorities: Vec<u8>,
}

// === impl Config ===

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    /// [`ConfigError`], with every mistake that was found.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path);
        let text = text.map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
        Self::parse(&text, path)
    }

    /// Reads a text as the file at `path`.
    ///
    /// # Errors
    /// [`ConfigError`].
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigError> {
        let wrong = |mistakes| ConfigError::Wrong { path: path.to_owned(), text: text.to_owned(), mistakes };
        let said: File = if text.trim().is_empty() {
            File::default()
        } else {
            serde_saphyr::from_str(text).map_err(|error| wrong(vec![Mistake::of_form(&error)]))?
        };
        meant::meant(said).map_err(wrong)
    }

    /// Without a file: everything on loopback, a gateway without routes, and what that assumes.
    ///
    /// # Errors
    /// None that a test would not find.
    pub fn assumed() -> Result<Self, ConfigError> {
        Self::parse("identity: {}\ngateway: {}\n", Path::new("no file"))
    }
}

/// The JSON Schema of the file (draft 2020-12).
#[must_use]
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(File).to_value()
}

#[cfg(test)]
mod tests;
