//! Where a database is: `postgres://USER:PASSWORD@HOST:PORT/DATABASE?sslmode=…`, read strictly.
//!
//! The text holds a password, so no error repeats any of it but names of parameters. [`Address`] shows itself without
//! user and password. A host elsewhere is spoken to over verified TLS unless the address says otherwise: passwords and
//! sealed keys travel there.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use sekisho_token::Secret;
use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use url::Url;

const PORT: u16 = 5432;
/// The most statements a connection keeps prepared; we have fewer.
const STATEMENTS_KEPT_MAX: usize = 256;
/// What each certificate of a file begins with (RFC 7468 §5.1).
const PEM_BEGIN: &[u8] = b"-----BEGIN CERTIFICATE-----";

/// A database on a server, and who we are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    host: Host,
    port: u16,
    user: String,
    password: Option<Password>,
    database: String,
    tls: Tls,
    root: Option<PathBuf>,
}

/// How far the connection is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Not at all: `disable`.
    Off,
    /// Against listeners, not against impostors: `require`.
    Unverified,
    /// Against both: `verify-full`.
    Verified,
}

/// Why a text is not an address. Shown to whoever wrote it, and so without any of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no URL of this form.
    #[error(
        "expected `postgres://USER@HOST/DATABASE`; characters like `@`, `/`, `#` and `?` in a password are \
         percent-encoded"
    )]
    Form,
    /// A part is missing.
    #[error("{0} is missing: expected `postgres://USER@HOST/DATABASE`")]
    Missing(&'static str),
    /// A parameter that we do not have.
    #[error("`{0}` is not a parameter here: expected `host`, `sslmode` or `sslrootcert`")]
    Parameter(String),
    /// A parameter with a value that it does not have.
    #[error("`{0}` has no such value: expected {1}")]
    Value(&'static str, &'static str),
}

/// Why the file of `sslrootcert` names nobody who may vouch for a server.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    /// It is not there, or not for us.
    #[error("cannot read the certificates of `sslrootcert`, `{}`", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It holds something else.
    #[error("no certificate is in the file of `sslrootcert`, `{}`: expected certificates in PEM", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Name(String),
    /// The directory of a socket.
    Socket(PathBuf),
}

#[derive(Clone, Debug)]
struct Password(Secret<String>);

// === impl Address ===

impl Address {
    /// The same with this password.
    #[must_use]
    pub fn with_password(self, password: Secret<String>) -> Self {
        Self { password: Some(Password(password)), ..self }
    }

    /// Whether the text brought a password.
    #[must_use]
    pub const fn has_password(&self) -> bool {
        self.password.is_some()
    }

    /// Whether what is said to the server crosses a network that somebody else may listen to.
    #[must_use]
    pub fn is_elsewhere(&self) -> bool {
        self.host.is_elsewhere()
    }

    /// How far the connection is protected.
    #[must_use]
    pub const fn tls(&self) -> Tls {
        self.tls
    }

    /// Whether `sslrootcert` is what it is to be: sqlx takes a file without certificates for one that adds nothing.
    pub(crate) fn check_root(&self) -> Result<(), RootError> {
        let Some(path) = self.root.clone() else { return Ok(()) };
        match std::fs::read(&path) {
            Ok(bytes) if bytes.windows(PEM_BEGIN.len()).any(|window| window == PEM_BEGIN) => Ok(()),
            Ok(_) => Err(RootError::Empty { path }),
            Err(source) => Err(RootError::Unreadable { path, source }),
        }
    }

    pub(crate) fn options(&self) -> PgConnectOptions {
        let Self { host, port, user, password, database, tls, root } = self;
        let mut options = PgConnectOptions::new_without_pgpass()
            .port(*port)
            .username(user)
            .database(database)
            .application_name("sekisho")
            .statement_cache_capacity(STATEMENTS_KEPT_MAX)
            .ssl_mode(match tls {
                Tls::Off => PgSslMode::Disable,
                Tls::Unverified => PgSslMode::Require,
                Tls::Verified => PgSslMode::VerifyFull,
            })
            .disable_statement_logging();
        options = match host {
            Host::Name(name) => options.host(name),
            Host::Socket(dir) => options.socket(dir),
        };
        if let Some(Password(password)) = password {
            options = options.password(password.expose());
        }
        if let Some(root) = root {
            options = options.ssl_root_cert(root);
        }
        options
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let url = Url::parse(text).map_err(|_| AddressError::Form)?;
        if !matches!(url.scheme(), "postgres" | "postgresql") || url.fragment().is_some() {
            return Err(AddressError::Form);
        }
        let mut host = url.host().map(|host| match host {
            url::Host::Domain(name) => decoded(name).map(Host::named),
            url::Host::Ipv4(address) => Ok(Host::Name(address.to_string())),
            url::Host::Ipv6(address) => Ok(Host::Name(address.to_string())),
        });
        let (mut tls, mut root) = (None, None);
        for (name, value) in url.query_pairs() {
            match &*name {
                "host" => host = Some(Ok(Host::named(value.into_owned()))),
                "sslmode" => tls = Some(mode(&value)?),
                "sslrootcert" => root = Some(PathBuf::from(&*value)),
                _ => return Err(AddressError::Parameter(name.into_owned())),
            }
        }
        let host = host.ok_or(AddressError::Missing("a host"))??;
        let user = decoded(url.username())?;
        let database = decoded(url.path().trim_start_matches('/'))?;
        if user.is_empty() {
            return Err(AddressError::Missing("a user"));
        }
        if database.is_empty() {
            return Err(AddressError::Missing("a database"));
        }
        let password = url.password().map(decoded).transpose()?.map(|text| Password(Secret::new(text)));
        let tls = tls.unwrap_or(if host.is_elsewhere() { Tls::Verified } else { Tls::Off });
        Ok(Self { host, port: url.port().unwrap_or(PORT), user, password, database, tls, root })
    }
}

/// Without user and password.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port, database, .. } = self;
        match host {
            Host::Name(name) if name.contains(':') => write!(f, "postgres://[{name}]:{port}/{database}"),
            Host::Name(name) => write!(f, "postgres://{name}:{port}/{database}"),
            Host::Socket(dir) => write!(f, "postgres:///{database} at {}", dir.display()),
        }
    }
}

// === impl Host ===

impl Host {
    fn named(text: String) -> Self {
        if text.starts_with('/') { Self::Socket(Path::new(&text).to_owned()) } else { Self::Name(text) }
    }

    fn is_elsewhere(&self) -> bool {
        match self {
            Self::Socket(_) => false,
            Self::Name(name) => name != "localhost" && !name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        }
    }
}

// === impl Password ===

impl PartialEq for Password {
    fn eq(&self, other: &Self) -> bool {
        self.0.expose() == other.0.expose()
    }
}

impl Eq for Password {}

fn mode(text: &str) -> Result<Tls, AddressError> {
    match text {
        "disable" => Ok(Tls::Off),
        "require" => Ok(Tls::Unverified),
        "verify-full" => Ok(Tls::Verified),
        _ => Err(AddressError::Value("sslmode", "`disable`, `require` or `verify-full`")),
    }
}

fn decoded(text: &str) -> Result<String, AddressError> {
    percent_decode_str(text).decode_utf8().map(Into::into).map_err(|_| AddressError::Form)
}

#[cfg(test)]
mod tests;
