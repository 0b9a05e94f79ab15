//! What is legal and still, most likely, a mistake. `sekisho check` prints it; nothing is refused because of it.

use std::fmt;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sekisho_gateway::config as gateway;

use sekisho_identity::RealmSettings;
use sekisho_token::Timestamp;
use sekisho_wire::RealmName;

use super::Config;
use super::address::is_open_road;
use crate::database::Database;
use crate::http::tls::{Age, Pair, Validity};
use crate::kek::KekSource;
use crate::moment::written;

/// Beyond this an access token is no longer one of minutes, as RFC 9068 §4 wants it.
const LIFETIME_S_USUAL_MAX: i64 = 60 * 60;

/// Something to think about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A JWT cannot be taken back on this route.
    NotRevocable {
        /// Which.
        route: String,
    },
    /// Callers of this route need nothing but an account.
    NoScopes {
        /// Which.
        route: String,
    },
    /// Tokens cross a network in clear text.
    PlainUpstream {
        /// Which route.
        route: String,
        /// Where it goes.
        upstream: String,
    },
    /// A route goes on serving while nobody knows what was revoked.
    ServesStale {
        /// Which.
        route: String,
    },
    /// Every request is answered with 404.
    NoRoutes,
    /// Passwords and tokens cross a network in clear text.
    PlainIdentity {
        /// Of which realm.
        realm: RealmName,
        /// Where identity is reached.
        address: String,
    },
    /// Access tokens live for hours.
    LongLived {
        /// In which realm.
        realm: RealmName,
        /// How long.
        lifetime_s: i64,
    },
    /// Others can read the key of a certificate.
    ExposedKey {
        /// Whose, by its key in the file.
        owner: &'static str,
        /// The key's file.
        path: PathBuf,
    },
    /// Clients will say that the certificate is somebody else's.
    OtherName {
        /// The host that issuers begin with.
        host: String,
        /// The certificate's file.
        path: PathBuf,
    },
    /// A certificate does not count yet, not much longer, or no longer.
    Certificate {
        /// Whose, by its key in the file.
        owner: &'static str,
        /// The certificate's file.
        path: PathBuf,
        /// When it does.
        validity: Validity,
        /// How that stands.
        age: Age,
    },
    /// Health checks are answered to everybody.
    PublicOperations(SocketAddr),
    /// What is said to the database can be listened to, or be said to an impostor.
    OpenDatabase {
        /// Where it is.
        address: String,
    },
    /// Every process that shares the database makes a key of its own, with which it opens none of what others sealed.
    OwnKey,
}

// === impl Config ===

impl Config {
    /// What to think about before starting with this.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let gateway = self.gateway.iter();
        let mut warnings: Vec<Warning> =
            gateway.clone().flat_map(|gateway| &gateway.config.routes).flat_map(of_route).collect();
        if gateway.clone().any(|gateway| gateway.config.routes.is_empty()) {
            warnings.push(Warning::NoRoutes);
        }
        let remote = gateway.flat_map(|gateway| &gateway.remote);
        warnings.extend(remote.filter_map(|realm| {
            let reached = realm.address.as_ref().map_or(realm.issuer.as_str(), url::Url::as_str);
            is_open_road(reached)
                .then(|| Warning::PlainIdentity { realm: realm.name.clone(), address: reached.to_owned() })
        }));
        warnings.extend(self.identity.iter().flat_map(|identity| &identity.settings.realms).filter_map(of_realm));
        let exposed = self.certificates().filter(|(_, pair)| pair.key_is_exposed());
        warnings.extend(exposed.map(|(owner, pair)| Warning::ExposedKey { owner, path: pair.files().key.clone() }));
        let misnamed = self.certificate_of_another_host();
        warnings.extend(misnamed.map(|(host, path)| Warning::OtherName { host, path: path.to_owned() }));
        if !self.operations.ip().is_loopback() {
            warnings.push(Warning::PublicOperations(self.operations));
        }
        warnings.extend(of_database(&self.database, &self.kek));
        warnings
    }

    /// What is to be thought about certificates at this moment.
    #[must_use]
    pub fn expiries(&self, now: Timestamp) -> Vec<Warning> {
        let aged = self.certificates().map(|(owner, pair)| (owner, pair, pair.validity().age(now)));
        aged.filter(|(_, _, age)| *age != Age::Good)
            .map(|(owner, pair, age)| {
                let path = pair.files().certificate.clone();
                Warning::Certificate { owner, path, validity: pair.validity(), age }
            })
            .collect()
    }

    /// Every certificate that is to be shown, by the key under which it is configured.
    pub(crate) fn certificates(&self) -> impl Iterator<Item = (&'static str, &Pair)> {
        let identity = self.identity.as_ref().and_then(|identity| identity.tls.as_ref());
        let gateway = self.gateway.as_ref().and_then(|gateway| gateway.tls.as_ref());
        [("identity.tls", identity), ("gateway.tls", gateway)]
            .into_iter()
            .filter_map(|(owner, pair)| Some((owner, pair?)))
    }

    /// The host that everybody is sent to, and the file of identity's certificate, when that is not one for this host.
    pub(crate) fn certificate_of_another_host(&self) -> Option<(String, &Path)> {
        let identity = self.identity.as_ref()?;
        let pair = identity.tls.as_ref()?;
        let host = identity.settings.base_url.parse::<url::Url>().ok()?.host_str()?.to_owned();
        (!pair.names(&host)).then(|| (host, pair.files().certificate.as_path()))
    }
}

fn of_route(route: &gateway::Route) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let name = || route.name.clone();
    let guarded = route.guard != gateway::GuardKind::Open;
    if route.guard == gateway::GuardKind::Jwt && route.revocation == gateway::Revocation::None {
        warnings.push(Warning::NotRevocable { route: name() });
    }
    if guarded && route.scopes.always.is_empty() && route.scopes.methods.is_empty() {
        warnings.push(Warning::NoScopes { route: name() });
    }
    if guarded && route.follows_feed() && route.on_stale == gateway::OnStale::Serve {
        warnings.push(Warning::ServesStale { route: name() });
    }
    if guarded && is_open_road(&route.upstream) {
        warnings.push(Warning::PlainUpstream { route: name(), upstream: route.upstream.clone() });
    }
    warnings
}

/// What a realm's times lead to.
fn of_realm((name, settings): (&RealmName, &RealmSettings)) -> Option<Warning> {
    let lifetime_s = settings.access_token_lifetime_s;
    (lifetime_s > LIFETIME_S_USUAL_MAX).then(|| Warning::LongLived { realm: name.clone(), lifetime_s })
}

fn of_database(database: &Database, kek: &KekSource) -> Vec<Warning> {
    let open = database.exposed().map(|address| Warning::OpenDatabase { address });
    let own = (*database != Database::Directory && *kek == KekSource::Generated).then_some(Warning::OwnKey);
    open.into_iter().chain(own).collect()
}

// === impl Warning ===

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotRevocable { route } => {
                write!(f, "route `{route}`: `revocation: none` lets a JWT work until it expires, also after a logout")
            }
            Self::NoScopes { route } => {
                write!(f, "route `{route}`: no `scopes`, so everybody with an account may call it")
            }
            Self::PlainUpstream { route, upstream } => {
                write!(f, "route `{route}`: tokens travel to `{upstream}` in clear text")
            }
            Self::ServesStale { route } => {
                write!(f, "route `{route}`: `on_stale: serve` accepts revoked tokens while identity cannot be reached")
            }
            Self::NoRoutes => f.write_str("`gateway.routes` is empty, so every request is answered with 404"),
            Self::PlainIdentity { realm, address } => {
                write!(f, "realm `{realm}`: passwords and tokens travel to `{address}` in clear text")
            }
            Self::LongLived { realm, lifetime_s } => {
                write!(
                    f,
                    "realm `{realm}`: access tokens live {lifetime_s} s; services that follow no feed accept them so long after a logout"
                )
            }
            Self::ExposedKey { owner, path } => {
                write!(f, "`{owner}`: everybody on this machine can read `{}`: chmod 600 it", path.display())
            }
            Self::OtherName { host, path } => {
                write!(
                    f,
                    "`identity.tls`: `{}` is not a certificate for `{host}`, so clients refuse it",
                    path.display()
                )
            }
            Self::Certificate { owner, path, validity, age } => {
                let (from, until) = (written(validity.not_before), written(validity.not_after));
                write!(f, "`{owner}`: the certificate in `{}` ", path.display())?;
                match age {
                    Age::Good => write!(f, "is good until {until}"),
                    Age::Early => write!(f, "counts only from {from} on"),
                    Age::Late => write!(f, "expires at {until}"),
                    Age::Over => write!(f, "has expired at {until}, so clients refuse it: expected a newer one"),
                }
            }
            Self::PublicOperations(address) => {
                write!(f, "`operations.listen`: {address} is not loopback, so everybody can ask how this process is")
            }
            Self::OpenDatabase { address } => {
                write!(
                    f,
                    "`database`: `{address}` is spoken to without `sslmode=verify-full`, so others may listen or answer"
                )
            }
            Self::OwnKey => f.write_str(
                "`database`: without `key_encryption_key` only this directory's key opens what is sealed there: other \
                 processes on the same database need the same key, and so does a backup",
            ),
        }
    }
}
