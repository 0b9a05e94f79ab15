//! `demo.json`: what a program needs to drive the demo, as `docs/demo.schema.json` describes it.
//!
//! Its existence means ready: a stale one is removed before anything starts, the new one appears whole, by rename, as the
//! last step. It holds passwords in full, being a demo's, and is readable by its owner only.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use serde::Serialize;

/// The file's name within the data directory.
pub(crate) const FILE: &str = "demo.json";

/// The whole file.
#[derive(Clone, Serialize)]
pub(crate) struct Manifest {
    /// The gateway's public address, without a trailing slash.
    pub(crate) gateway: String,
    /// The realm's issuer.
    pub(crate) issuer: String,
    /// The operations listener: `/healthz`, `/readyz`.
    pub(crate) operations: String,
    /// With `--tls`, the file with the certificate of the authority that vouches for gateway and identity.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) certificate_authority: Option<String>,
    pub(crate) admin: AdminEntry,
    pub(crate) users: Vec<UserEntry>,
    pub(crate) clients: Vec<ClientEntry>,
    pub(crate) login: Vec<LoginEntry>,
    pub(crate) routes: Vec<RouteEntry>,
}

/// The way into the admin API. It holds no token: the command makes one for whoever may open the socket in the data
/// directory, who is whoever may read this file.
#[derive(Clone, Serialize)]
pub(crate) struct AdminEntry {
    /// What paths of the API begin with.
    pub(crate) url: String,
    /// Its OpenAPI document.
    pub(crate) openapi: String,
    /// Program and arguments; prints `[{"token": …}]`.
    pub(crate) token_command: Vec<String>,
}

/// A person who can log in.
#[derive(Clone, Serialize)]
pub(crate) struct UserEntry {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) scopes: Vec<String>,
}

/// A client that can ask identity for tokens.
#[derive(Clone, Serialize)]
pub(crate) struct ClientEntry {
    pub(crate) client_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_secret: Option<String>,
    pub(crate) kind: ClientKind,
    pub(crate) redirect_uris: Vec<String>,
}

/// What sort of client it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ClientKind {
    /// Keeps no secret: code with PKCE.
    Public,
    /// Keeps a secret: code with PKCE, refresh.
    Web,
    /// No person behind it: client credentials.
    Machine,
}

/// Where the gateway takes a name and a password.
#[derive(Clone, Serialize)]
pub(crate) struct LoginEntry {
    pub(crate) prefix: String,
    pub(crate) realm: String,
    pub(crate) issues: Guard,
}

/// A protected path of the gateway.
#[derive(Clone, Serialize)]
pub(crate) struct RouteEntry {
    pub(crate) name: String,
    pub(crate) guard: Guard,
    /// The method of the request that `expect` speaks of.
    pub(crate) method: String,
    /// Its URL.
    pub(crate) url: String,
    /// How it carries the credential, where it needs one; the other way works too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) credential: Option<Carrier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cookie_name: Option<String>,
    pub(crate) expect: Expected,
}

/// The pattern of a route, or what a login hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Guard {
    Open,
    Opaque,
    Jwt,
}

/// Where a credential travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Carrier {
    Cookie,
    Bearer,
}

/// The status for whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Expected {
    pub(crate) anonymous: u16,
    pub(crate) alice: u16,
    pub(crate) carol: u16,
}

// === impl Manifest ===

impl Manifest {
    /// Takes away what an earlier run left behind, so that nobody believes it.
    ///
    /// # Errors
    /// Any but "there is none".
    pub(crate) fn remove(directory: &Path) -> io::Result<()> {
        match fs::remove_file(directory.join(FILE)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// Makes the file appear, whole.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn publish(&self, directory: &Path) -> io::Result<()> {
        write_private(directory, FILE, self)
    }
}

// === impl AdminEntry ===

impl AdminEntry {
    /// Of identity at this address, with its data here.
    ///
    /// # Errors
    /// When the system does not say where the program or the directory is.
    pub(crate) fn of(public_url: &str, data: &Path) -> io::Result<Self> {
        let url = format!("{public_url}/admin/v1");
        let words = ["token", "admin", "--json", "--data"].map(str::to_owned);
        let program = std::env::current_exe()?.display().to_string();
        let data = std::path::absolute(data)?.display().to_string();
        let token_command = [program].into_iter().chain(words).chain([data]).collect();
        Ok(Self { openapi: format!("{url}/openapi.json"), url, token_command })
    }
}

// === impl UserEntry ===

impl UserEntry {
    /// Whether the start page keeps this one's password to itself.
    pub(crate) fn is_admin(&self) -> bool {
        self.scopes.iter().any(|scope| scope == "admin")
    }
}

// === impl Guard ===

impl Guard {
    /// As it is written in the configuration.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Opaque => "opaque",
            Self::Jwt => "jwt",
        }
    }
}

/// Writes JSON that only its owner may read, by rename: a reader sees the old file, none, or the whole new one.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn write_private(directory: &Path, name: &str, content: &impl Serialize) -> io::Result<()> {
    let mut bytes = serde_json::to_vec_pretty(content)?;
    bytes.push(b'\n');
    write_bytes(directory, name, &bytes)
}

/// The same for any bytes.
///
/// # Errors
/// When they cannot be written.
pub(crate) fn write_bytes(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(format!("{name}.new"));
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // Made anew, so that the mode is ours and not that of a file which stood there.
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, directory.join(name))
}

#[cfg(test)]
pub(crate) mod tests;
