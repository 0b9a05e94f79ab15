//! Who plays in the demo: four people, six clients, and what they prove themselves with.
//!
//! Passwords are made at the first start and kept in `demo-credentials.json` beside the database, so that a second start
//! on the same directory knows them; client secrets likewise, as identity handed them out once. What is in the database
//! cannot tell them: there are only digests.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use sekisho_model::client::{AccessTokenForm, Capability, ClientAuth, Consent, GrantType, Pkce, Registration};
use sekisho_token::Entropy;
use sekisho_wire::scope::MalformedScope;
use serde::{Deserialize, Serialize};

use super::manifest::{ClientKind, write_private};

/// The file's name within the data directory.
const FILE: &str = "demo-credentials.json";
/// Letters and digits that nobody mistakes for one another; 32 of them, so that a byte chooses without bias.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// Characters of a password: 100 bits.
const PASSWORD_CHARS: usize = 20;

/// The people, and what they may do.
pub(crate) const USERS: [(&str, &str); 4] = [
    ("alice", "orders:read stock:read"),
    ("bob", "orders:read orders:write stock:read"),
    ("carol", ""),
    ("admin", "admin orders:read orders:write stock:read"),
];

/// The services that tokens are for.
pub(crate) const AUDIENCES: [&str; 2] = ["orders", "stock"];

/// Everything that anybody here can be granted.
const SCOPES: &str = "admin email openid orders:read orders:write profile stock:read";

/// The clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// A web application with a backend.
    Web,
    /// An application on somebody's own device.
    Public,
    /// A program that acts for itself.
    Machine,
    /// The first service.
    Orders,
    /// The second service.
    Stock,
    /// The gateway.
    Gateway,
}

/// What was generated, by name.
#[derive(Default, Serialize, Deserialize)]
pub(crate) struct Credentials {
    #[serde(default)]
    passwords: BTreeMap<String, String>,
    #[serde(default)]
    secrets: BTreeMap<String, String>,
}

// === impl Role ===

impl Role {
    /// Every client.
    pub(crate) const ALL: [Self; 6] =
        [Self::Web, Self::Public, Self::Machine, Self::Orders, Self::Stock, Self::Gateway];

    /// Its `client_id`.
    pub(crate) const fn client_id(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Public => "public",
            Self::Machine => "machine",
            Self::Orders => "orders",
            Self::Stock => "stock",
            Self::Gateway => "gateway",
        }
    }

    /// What `demo.json` calls its kind.
    pub(crate) const fn kind(self) -> ClientKind {
        match self {
            Self::Web => ClientKind::Web,
            Self::Public => ClientKind::Public,
            Self::Machine | Self::Orders | Self::Stock | Self::Gateway => ClientKind::Machine,
        }
    }

    /// How it is registered.
    ///
    /// # Errors
    /// None that a test would not find: the scopes are constants.
    pub(crate) fn registration(self) -> Result<Registration, MalformedScope> {
        let (name, grants) = match self {
            Self::Web => ("Demo web application", vec![GrantType::AuthorizationCode, GrantType::RefreshToken]),
            Self::Public => ("Demo application on a device", vec![GrantType::AuthorizationCode]),
            Self::Machine => ("Demo program", vec![GrantType::ClientCredentials]),
            Self::Orders => ("Service orders", vec![GrantType::ClientCredentials, GrantType::TokenExchange]),
            Self::Stock => ("Service stock", vec![GrantType::ClientCredentials]),
            Self::Gateway => {
                ("Gateway", vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange])
            }
        };
        Ok(Registration {
            name: name.to_owned(),
            auth: if self.kind() == ClientKind::Public { ClientAuth::None } else { ClientAuth::ClientSecretBasic },
            grants,
            redirect_uris: self.redirect_uris(),
            post_logout_redirect_uris: self.redirect_uris(),
            scopes: self.scopes().parse()?,
            audiences: AUDIENCES.map(str::to_owned).to_vec(),
            pkce: Pkce::Required,
            tokens: AccessTokenForm::Jwt,
            consent: Consent::Implied,
            capabilities: self.capabilities(),
        })
    }

    /// Where codes may be sent: to any port of this machine (RFC 8252 §7.3).
    pub(crate) fn redirect_uris(self) -> Vec<String> {
        match self {
            Self::Web | Self::Public => {
                ["http://127.0.0.1/callback", "http://localhost/callback"].map(str::to_owned).to_vec()
            }
            Self::Machine | Self::Orders | Self::Stock | Self::Gateway => Vec::new(),
        }
    }

    /// The most it can be granted. A program acting for itself gets all of its own scopes, so they are few.
    const fn scopes(self) -> &'static str {
        match self {
            Self::Web | Self::Public | Self::Gateway => SCOPES,
            Self::Machine => "orders:read stock:read",
            Self::Orders => "orders:read orders:write stock:read",
            Self::Stock => "stock:read",
        }
    }

    fn capabilities(self) -> Vec<Capability> {
        match self {
            Self::Web | Self::Public | Self::Machine => Vec::new(),
            Self::Orders | Self::Stock => vec![Capability::ReadFeed, Capability::Introspect],
            Self::Gateway => {
                vec![Capability::ReadFeed, Capability::Introspect, Capability::Swap, Capability::FirstPartyLogin]
            }
        }
    }
}

// === impl Credentials ===

impl Credentials {
    /// What an earlier start left, or nothing yet.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub(crate) fn load(directory: &Path) -> io::Result<Self> {
        match fs::read(directory.join(FILE)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error),
        }
    }

    /// Keeps them for the next start.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub(crate) fn store(&self, directory: &Path) -> io::Result<()> {
        write_private(directory, FILE, self)
    }

    /// Makes a password for the user, unless there is one.
    pub(crate) fn make_password(&mut self, user: &str, entropy: &dyn Entropy) {
        self.passwords.entry(user.to_owned()).or_insert_with(|| password(entropy));
    }

    /// The user's password; empty, which nobody's is, for somebody who was never given one.
    pub(crate) fn password(&self, user: &str) -> &str {
        self.passwords.get(user).map_or("", String::as_str)
    }

    /// The client's secret, when identity has given one.
    pub(crate) fn secret(&self, client: Role) -> Option<&str> {
        self.secrets.get(client.client_id()).map(String::as_str)
    }

    /// Identity has given this client a secret.
    pub(crate) fn set_secret(&mut self, client: Role, secret: String) {
        self.secrets.insert(client.client_id().to_owned(), secret);
    }
}

/// Something to be read from one window and typed into another.
fn password(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; PASSWORD_CHARS];
    entropy.fill(&mut bytes);
    bytes.iter().filter_map(|byte| ALPHABET.get(usize::from(byte % 32))).map(|byte| char::from(*byte)).collect()
}

#[cfg(test)]
mod tests;
