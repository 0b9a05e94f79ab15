//! The gateway of the demo: one route for each pattern, all to orders, and what each of them must answer to whom.
//!
//! ```text
//!   /open/…      nobody is asked                    ─┐
//!   /opaque/…    an opaque token, swapped for a JWT  ├─► orders ─► stock, which follow the feed
//!   /jwt-feed/…  a JWT, until it is taken back      ─┘
//!   /jwt/…       a JWT, until it expires            ───► orders ─► stock, which check signatures only
//!   /, /demo/…   the start page
//! ```

use std::net::SocketAddr;

use sekisho_gateway::config::{self, Delivery, Demand, GuardKind, Issues, LoginMount, Reach, Revocation, Route};
use sekisho_wire::RealmName;
use sekisho_wire::scope::MalformedScope;

use super::cast::AUDIENCES;
use super::manifest::{Carrier, Expected, Guard, LoginEntry, RouteEntry};

/// Where the gateway finds what it forwards to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upstreams {
    /// The start page.
    pub(crate) page: SocketAddr,
    /// Orders and stock that follow the feed.
    pub(crate) orders: SocketAddr,
    /// Orders and stock that do not.
    pub(crate) orders_until_expiry: SocketAddr,
}

/// A route of the demo.
#[derive(Clone, Copy, Debug)]
struct Pattern {
    /// Its name and, after a slash, its path.
    name: &'static str,
    guard: Guard,
    revocation: Revocation,
    /// What `demo.json` asks of it.
    path: &'static str,
    expect: Expected,
}

const PROTECTED: Expected = Expected { anonymous: 401, alice: 200, carol: 403 };
const FOR_EVERYBODY: Expected = Expected { anonymous: 200, alice: 200, carol: 200 };

const PATTERNS: [Pattern; 4] = [
    Pattern {
        name: "open",
        guard: Guard::Open,
        revocation: Revocation::None,
        path: "/catalogue",
        expect: FOR_EVERYBODY,
    },
    Pattern {
        name: "opaque",
        guard: Guard::Opaque,
        revocation: Revocation::Feed,
        path: "/orders/1",
        expect: PROTECTED,
    },
    Pattern { name: "jwt", guard: Guard::Jwt, revocation: Revocation::None, path: "/orders/1", expect: PROTECTED },
    Pattern { name: "jwt-feed", guard: Guard::Jwt, revocation: Revocation::Feed, path: "/orders/1", expect: PROTECTED },
];

/// Where people log in, and what they are given.
const LOGINS: [(&str, Guard); 2] = [("/auth", Guard::Opaque), ("/jwt/auth", Guard::Jwt)];

/// What the gateway is told.
///
/// # Errors
/// None that a test would not find: the scopes are constants.
pub(crate) fn gateway(upstreams: Upstreams) -> Result<config::Gateway, MalformedScope> {
    let mut routes = Vec::new();
    for pattern in PATTERNS {
        routes.push(pattern.route(upstreams)?);
    }
    let page = |name, path, reach| {
        let mut route = Route::open(name, path, &format!("http://{}", upstreams.page));
        route.matching.reach = reach;
        route.matching.methods = vec!["GET".to_owned(), "HEAD".to_owned()];
        route
    };
    routes.push(page("start-page", "/", Reach::Exact));
    routes.push(page("start-page-files", "/demo", Reach::Below));
    let mut gateway = config::Gateway::new(routes);
    gateway.login = LOGINS.iter().filter_map(|(prefix, issues)| mount(prefix, *issues)).collect();
    Ok(gateway)
}

/// The routes as `demo.json` lists them.
pub(crate) fn entries(gateway: &str) -> Vec<RouteEntry> {
    PATTERNS.iter().map(|pattern| pattern.entry(gateway)).collect()
}

/// The login prefixes as `demo.json` lists them.
pub(crate) fn logins() -> Vec<LoginEntry> {
    let entry = |(prefix, issues): (&str, Guard)| LoginEntry {
        prefix: prefix.to_owned(),
        realm: RealmName::DEFAULT.to_owned(),
        issues,
    };
    LOGINS.map(entry).to_vec()
}

fn mount(prefix: &str, issues: Guard) -> Option<LoginMount> {
    let issues = match issues {
        Guard::Open => return None,
        Guard::Opaque => Issues::Opaque,
        Guard::Jwt => Issues::Jwt,
    };
    // The start page keeps the old credential to show its end; an application would take the cookie.
    Some(LoginMount { delivery: Delivery::CookieOrBody, ..LoginMount::new(prefix, issues) })
}

// === impl Pattern ===

impl Pattern {
    fn route(self, upstreams: Upstreams) -> Result<Route, MalformedScope> {
        let (name, path) = (self.name, format!("/{}", self.name));
        let orders = match self.revocation {
            Revocation::None if self.guard == Guard::Jwt => upstreams.orders_until_expiry,
            Revocation::None | Revocation::Feed => upstreams.orders,
        };
        let upstream = format!("http://{orders}");
        let mut route = match self.guard {
            Guard::Open => Route::open(name, &path, &upstream),
            Guard::Opaque => Route::guarded(GuardKind::Opaque, name, &path, &upstream),
            Guard::Jwt => Route::guarded(GuardKind::Jwt, name, &path, &upstream),
        };
        route.strip_prefix = Some(path);
        route.matching.methods = vec!["GET".to_owned(), "POST".to_owned()];
        if self.guard != Guard::Open {
            route.audience = AUDIENCES.map(str::to_owned).to_vec();
            route.scopes = demand()?;
            route.revocation = self.revocation;
        }
        Ok(route)
    }

    fn entry(self, gateway: &str) -> RouteEntry {
        let (credential, cookie_name) = match self.guard {
            Guard::Open => (None, None),
            Guard::Opaque => (Some(Carrier::Cookie), Some(cookie(gateway, self.guard))),
            Guard::Jwt => (Some(Carrier::Bearer), Some(cookie(gateway, self.guard))),
        };
        RouteEntry {
            name: self.name.to_owned(),
            guard: self.guard,
            method: "GET".to_owned(),
            url: format!("{gateway}/{}{}", self.name, self.path),
            credential,
            cookie_name,
            expect: self.expect,
        }
    }
}

/// `orders:read` to look, `orders:write` to order.
fn demand() -> Result<Demand, MalformedScope> {
    let rule = |scope: &str| {
        let all = scope.parse()?;
        Ok(config::ScopeRule { all, ..config::ScopeRule::default() })
    };
    let methods = [("GET".to_owned(), rule("orders:read")?), ("POST".to_owned(), rule("orders:write")?)];
    Ok(Demand { methods: methods.into(), ..Demand::default() })
}

/// The cookie of a kind: on plain loopback HTTP under a name that browsers and scripts alike send there.
fn cookie(gateway: &str, guard: Guard) -> String {
    let prefix = if gateway.starts_with("https://") { "__Host-" } else { "" };
    format!("{prefix}sekisho-{}-{}", RealmName::DEFAULT, guard.name())
}

#[cfg(test)]
mod tests;
