//! What the gateway is told to do: routes, login mounts, limits. Typed, with nothing left to guess.
//!
//! These are plain structs that the roof fills from its YAML and tests fill by hand. [`Gateway::validate`] finds every
//! mistake that can be found without starting anything, and says in which route and field it is; [`crate::Gateway`]
//! starts on nothing that did not pass.
//!
//! Not here: reading files, what the words mean at run time (`routes`, `guards`).

use std::collections::BTreeMap;
use std::time::Duration;

use ipnet::IpNet;
use sekisho_wire::{RealmName, Scopes};

mod limits;
pub(crate) mod validate;

pub use crate::upstream::NotAnAddress;
pub use limits::Limits;
pub use sekisho_guard::layer::OnStale;
pub use validate::{Invalid, Invalids, NotMatchable, Place, Problem};

/// The lease of a route that names none.
pub const MAX_STALENESS: Duration = Duration::from_secs(1);

/// Everything the gateway is told.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// The routes. Their order does not matter: the longest path that matches wins, one with a host before one without.
    pub routes: Vec<Route>,
    /// Where people sign in through the gateway.
    pub login: Vec<LoginMount>,
    /// How clients reach the gateway; decides the names and attributes of its cookies.
    pub scheme: Scheme,
    /// Origins, written `https://app.example`, whose scripts may call with credentials and read the answers.
    pub allowed_origins: Vec<String>,
    /// Whose `X-Forwarded-*` and `x-request-id` are believed. Empty means nobody's.
    pub trusted_proxies: Vec<IpNet>,
    /// Every limit, by name.
    pub limits: Limits,
}

/// How clients reach the gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP: loopback only.
    #[default]
    Http,
    /// HTTPS, which ends in the gateway or in front of it.
    Https,
}

/// One route.
#[derive(Clone, Debug)]
pub struct Route {
    /// Its name in audit lines and errors; unique.
    pub name: String,
    /// Which requests it takes.
    pub matching: Match,
    /// Where they go: `http://host:port`.
    pub upstream: String,
    /// A prefix of the path that the upstream does not see.
    pub strip_prefix: Option<String>,
    /// How callers prove who they are.
    pub guard: GuardKind,
    /// Whose tokens count.
    pub realm: RealmName,
    /// Which services the token must be for; the opaque guard asks for a JWT for all of them.
    pub audience: Vec<String>,
    /// What the caller must be permitted.
    pub scopes: Demand,
    /// For the JWT guard: whether the issuer's feed is followed.
    pub revocation: Revocation,
    /// How old knowledge of revocations may be.
    pub max_staleness: Duration,
    /// What happens when it is older.
    pub on_stale: OnStale,
    /// What the upstream is told about the caller.
    pub forward: Forward,
    /// Response headers in which the opaque guard wraps a JWT of our issuer into an opaque token; `Set-Cookie` always is.
    pub response_tokens: Vec<String>,
    /// The longest request body, in bytes, when it differs from [`Limits::body_bytes_max`].
    pub body_bytes_max: Option<u64>,
}

/// Which requests a route takes.
#[derive(Clone, Debug)]
pub struct Match {
    /// The host without port; any when absent.
    pub host: Option<String>,
    /// The path, beginning with `/`.
    pub path: String,
    /// Whether what lies below the path is taken too.
    pub reach: Reach,
    /// The methods; all but CONNECT and TRACE when empty.
    pub methods: Vec<String>,
}

/// How far a path reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reach {
    /// The path and everything below it, by whole segments.
    #[default]
    Below,
    /// The path alone.
    Exact,
}

/// How callers prove who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuardKind {
    /// Not at all.
    Open,
    /// With an opaque token, which is swapped for a JWT.
    Opaque,
    /// With a JWT.
    Jwt,
}

/// Whether a JWT can be taken back before it expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// The issuer's feed is followed.
    #[default]
    Feed,
    /// It works until it expires; keys come from the issuer's JWKS.
    None,
}

/// What the upstream is told about the caller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Forward {
    /// A JWT in `Authorization`.
    #[default]
    Token,
    /// Nothing.
    None,
}

/// What a caller must be permitted. The rule for the method holds in addition to the one for all methods.
#[derive(Clone, Debug, Default)]
pub struct Demand {
    /// For every method.
    pub always: ScopeRule,
    /// For one method, by its name.
    pub methods: BTreeMap<String, ScopeRule>,
}

/// Scopes that must be there. Empty sets demand nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ScopeRule {
    /// At least one of these.
    pub any: Scopes,
    /// All of these.
    pub all: Scopes,
}

/// A place where people sign in through the gateway: `PREFIX/login`, `PREFIX/logout`, `PREFIX/session`, and `PREFIX/refresh`
/// where JWTs are issued.
#[derive(Clone, Debug)]
pub struct LoginMount {
    /// The prefix, beginning with `/`.
    pub prefix: String,
    /// Whose users sign in.
    pub realm: RealmName,
    /// What they are given.
    pub issues: Issues,
    /// For which services; when empty, for all that routes of this realm and kind name.
    pub audience: Vec<String>,
    /// How it may be handed over.
    pub delivery: Delivery,
}

/// What a login gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Issues {
    /// An opaque token.
    Opaque,
    /// A JWT.
    Jwt,
}

/// How a login hands over what it gives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// In a cookie; `?delivery=body` is refused.
    Cookie,
    /// In a cookie, or in the body when the client asks with `?delivery=body`.
    #[default]
    CookieOrBody,
}

// === impl Gateway ===

impl Gateway {
    /// These routes, no login, everything else as usual.
    #[must_use]
    pub fn new(routes: Vec<Route>) -> Self {
        Self {
            routes,
            login: Vec::new(),
            scheme: Scheme::default(),
            allowed_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
        }
    }
}

// === impl Scheme ===

impl Scheme {
    /// As it stands in an origin.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }
}

// === impl Route ===

impl Route {
    /// A route that asks nobody who they are.
    #[must_use]
    pub fn open(name: &str, path: &str, upstream: &str) -> Self {
        Self::new(name, path, upstream, GuardKind::Open)
    }

    /// A route for callers with a credential of `kind`, for tokens of the default realm.
    #[must_use]
    pub fn guarded(kind: GuardKind, name: &str, path: &str, upstream: &str) -> Self {
        Self::new(name, path, upstream, kind)
    }

    /// For these services.
    #[must_use]
    pub fn audience(self, audience: &[&str]) -> Self {
        Self { audience: audience.iter().map(|one| (*one).to_owned()).collect(), ..self }
    }

    fn new(name: &str, path: &str, upstream: &str, guard: GuardKind) -> Self {
        Self {
            name: name.to_owned(),
            matching: Match { host: None, path: path.to_owned(), reach: Reach::default(), methods: Vec::new() },
            upstream: upstream.to_owned(),
            strip_prefix: None,
            guard,
            realm: default_realm(),
            audience: Vec::new(),
            scopes: Demand::default(),
            revocation: Revocation::default(),
            max_staleness: MAX_STALENESS,
            on_stale: OnStale::default(),
            forward: Forward::default(),
            response_tokens: vec!["authorization".to_owned(), "x-access-token".to_owned()],
            body_bytes_max: None,
        }
    }

    /// Whether this route's guard depends on the feed of its realm.
    #[must_use]
    pub fn follows_feed(&self) -> bool {
        match (self.guard, self.revocation) {
            (GuardKind::Open, _) | (GuardKind::Jwt, Revocation::None) => false,
            (GuardKind::Opaque, _) | (GuardKind::Jwt, Revocation::Feed) => true,
        }
    }
}

// === impl ScopeRule ===

impl ScopeRule {
    /// Whether nothing is demanded.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.all.is_empty()
    }
}

// === impl LoginMount ===

impl LoginMount {
    /// A mount for the default realm.
    #[must_use]
    pub fn new(prefix: &str, issues: Issues) -> Self {
        let audience = Vec::new();
        Self { prefix: prefix.to_owned(), realm: default_realm(), issues, audience, delivery: Delivery::default() }
    }
}

#[expect(clippy::expect_used, reason = "a constant of our own that a test of `wire` covers")]
fn default_realm() -> RealmName {
    RealmName::DEFAULT.parse().expect("the default realm has a good name")
}
