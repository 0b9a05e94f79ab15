//! What is legal and still, most likely, a mistake. `sekisho check` prints it; nothing is refused because of it.

use std::fmt;

use sekisho_gateway::config as gateway;

use super::Config;

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
}

// === impl Config ===

impl Config {
    /// What to think about before starting with this.
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let routes = self.gateway.iter().flat_map(|gateway| &gateway.config.routes);
        routes.flat_map(of_route).collect()
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
    if guarded && route.upstream.starts_with("http://") && !is_loopback(&route.upstream) {
        warnings.push(Warning::PlainUpstream { route: name(), upstream: route.upstream.clone() });
    }
    warnings
}

fn is_loopback(upstream: &str) -> bool {
    let Ok(url) = upstream.parse::<url::Url>() else { return false };
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
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
        }
    }
}
