//! From what was said to what it means, or every mistake in it, each with its place.
//!
//! Not here: mistakes that only a start can show (a realm without ports, a busy address).

use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use http::uri::Authority;
use http::{HeaderName, HeaderValue, Method};
use sekisho_wire::RealmName;

use super::{Gateway, GuardKind, Issues, LoginMount, OnStale, Reach, Revocation, Route, ScopeRule};
use crate::path::{self, Ambiguous};
use crate::upstream::{Address, NotAnAddress};

/// Where a mistake is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// In what holds for the whole gateway.
    Gateway,
    /// In the route of this name.
    Route(String),
    /// In the login mount with this prefix.
    Login(String),
}

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: `{field}`: {problem}")]
pub struct Invalid {
    /// Where.
    pub place: Place,
    /// In which field.
    pub field: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// Every mistake of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalids(pub Vec<Invalid>);

/// What is wrong with a field.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Nothing is there.
    #[error("must not be empty")]
    Empty,
    /// The same is said elsewhere.
    #[error("`{0}` is there already")]
    Duplicate(String),
    /// Another route takes exactly the same requests.
    #[error("route `{0}` takes the same host, path and method")]
    SameMatch(String),
    /// Not a path that could be matched.
    #[error("`{given}`: {why}")]
    Path {
        /// What was given.
        given: String,
        /// Why it is none.
        why: NotMatchable,
    },
    /// Not a host.
    #[error("`{0}` is not a host name without port")]
    Host(String),
    /// Not a method that can be proxied.
    #[error("`{0}` is not a method that can be proxied")]
    Method(String),
    /// Not an upstream.
    #[error("`{given}`: {why}")]
    Upstream {
        /// What was given.
        given: String,
        /// Why it is none.
        why: NotAnAddress,
    },
    /// Not a prefix of the path.
    #[error("`{0}` is not the route's path or a part of its beginning, by whole segments")]
    NotAPrefix(String),
    /// Not a header's name.
    #[error("`{0}` is not the name of a header")]
    Header(String),
    /// Not an origin.
    #[error("`{0}` is not an origin: expected `https://host` or `http://host:port`")]
    Origin(String),
    /// A demand on a caller whom nobody asks who they are.
    #[error("means nothing on an open route")]
    OnOpenRoute,
    /// A setting that another one makes meaningless.
    #[error("means nothing with this guard")]
    NotWithThisGuard,
    /// Zero.
    #[error("must be more than zero")]
    Zero,
    /// A method with its own scopes that the route does not take.
    #[error("`{0}` is not one of the route's methods")]
    NotTaken(String),
    /// Nothing says for which services a login's tokens are.
    #[error("no route of realm `{0}` and this kind names an audience; name one here")]
    NoAudience(RealmName),
}

/// Why a path cannot be matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotMatchable {
    /// It could be read in two ways.
    #[error("{0}")]
    Ambiguous(#[from] Ambiguous),
    /// It is not in the form that requests are brought to.
    #[error("not in canonical form: write it decoded, with single slashes and none at the end")]
    NotCanonical,
    /// It holds a parameter.
    #[error("`;` cannot be matched")]
    Parameter,
    /// It is the root, where that cannot be meant.
    #[error("a prefix of its own is needed")]
    Root,
}

/// A configuration without mistakes, in the types that the gateway works with.
#[derive(Debug)]
pub(crate) struct Sound {
    pub(crate) routes: Vec<SoundRoute>,
    pub(crate) mounts: Vec<SoundMount>,
    pub(crate) origins: Vec<HeaderValue>,
}

/// What a route's texts mean.
#[derive(Debug)]
pub(crate) struct SoundRoute {
    pub(crate) host: Option<Box<str>>,
    pub(crate) path: Box<str>,
    pub(crate) methods: Vec<Method>,
    pub(crate) upstream: Arc<Address>,
    pub(crate) strip_prefix: Option<Box<str>>,
    pub(crate) scopes: Vec<(Method, ScopeRule)>,
    pub(crate) response_tokens: Vec<HeaderName>,
}

/// What a login mount's texts mean.
#[derive(Debug)]
pub(crate) struct SoundMount {
    pub(crate) prefix: Box<str>,
    pub(crate) audience: Vec<String>,
}

/// Collects the mistakes of one place.
struct Findings<'a> {
    place: Place,
    found: &'a mut Vec<Invalid>,
}

// === impl Gateway ===

impl Gateway {
    /// Looks for every mistake that can be found without starting anything.
    ///
    /// # Errors
    /// [`Invalids`], all of them.
    pub fn validate(&self) -> Result<(), Invalids> {
        self.sound().map(drop)
    }

    pub(crate) fn sound(&self) -> Result<Sound, Invalids> {
        let mut found = Vec::new();
        let mut findings = Findings { place: Place::Gateway, found: &mut found };
        let origins = self.allowed_origins.iter().filter_map(|text| findings.check("allowed_origins", origin(text)));
        let origins = origins.collect();
        if let Some((name, _)) = self.limits.zeros().into_iter().find(|(_, zero)| *zero) {
            findings.add(name, Problem::Zero);
        }
        self.names(&mut findings);
        let mut routes = Vec::new();
        for route in &self.routes {
            findings.place = Place::Route(route.name.clone());
            routes.extend(sound_route(route, &mut findings));
        }
        let mut mounts = Vec::new();
        for mount in &self.login {
            findings.place = Place::Login(mount.prefix.clone());
            mounts.extend(self.sound_mount(mount, &mut findings));
        }
        self.overlaps(&mut findings);
        if found.is_empty() { Ok(Sound { routes, mounts, origins }) } else { Err(Invalids(found)) }
    }

    fn names(&self, findings: &mut Findings<'_>) {
        let mut names = HashSet::new();
        for route in &self.routes {
            findings.place = Place::Route(route.name.clone());
            if route.name.is_empty() {
                findings.add("name", Problem::Empty);
            } else if !names.insert(route.name.as_str()) {
                findings.add("name", Problem::Duplicate(route.name.clone()));
            }
        }
        let mut prefixes = HashSet::new();
        for mount in &self.login {
            findings.place = Place::Login(mount.prefix.clone());
            if !prefixes.insert(mount.prefix.as_str()) {
                findings.add("prefix", Problem::Duplicate(mount.prefix.clone()));
            }
        }
    }

    /// Two routes for the same request: one of them would never be reached.
    fn overlaps(&self, findings: &mut Findings<'_>) {
        let mut taken: BTreeMap<_, &str> = BTreeMap::new();
        for route in &self.routes {
            let matching = &route.matching;
            let all = [String::new()];
            let methods = if matching.methods.is_empty() { &all } else { matching.methods.as_slice() };
            for method in methods {
                let key = (&matching.host, &matching.path, matching.reach == Reach::Exact, method.clone());
                if let Some(other) = taken.insert(key, &route.name) {
                    findings.place = Place::Route(route.name.clone());
                    findings.add("match", Problem::SameMatch(other.to_owned()));
                }
            }
        }
    }

    fn sound_mount(&self, mount: &LoginMount, findings: &mut Findings<'_>) -> Option<SoundMount> {
        let prefix = findings.check("prefix", own_path(&mount.prefix));
        let kind = match mount.issues {
            Issues::Opaque => GuardKind::Opaque,
            Issues::Jwt => GuardKind::Jwt,
        };
        let of_routes = self.routes.iter().filter(|route| route.guard == kind && route.realm == mount.realm);
        let mut audience = mount.audience.clone();
        if audience.is_empty() {
            audience = of_routes.flat_map(|route| route.audience.iter().cloned()).collect();
            audience.sort_unstable();
            audience.dedup();
        }
        if audience.is_empty() {
            findings.add("audience", Problem::NoAudience(mount.realm.clone()));
        }
        Some(SoundMount { prefix: prefix?, audience })
    }
}

// === impl Findings ===

impl Findings<'_> {
    fn add(&mut self, field: &'static str, problem: Problem) {
        self.found.push(Invalid { place: self.place.clone(), field, problem });
    }

    fn check<T>(&mut self, field: &'static str, checked: Result<T, Problem>) -> Option<T> {
        checked.map_err(|problem| self.add(field, problem)).ok()
    }
}

// === impl Place, Invalids ===

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Gateway => f.write_str("gateway"),
            Self::Route(name) => write!(f, "route `{name}`"),
            Self::Login(prefix) => write!(f, "login `{prefix}`"),
        }
    }
}

impl fmt::Display for Invalids {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, invalid) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            write!(f, "{invalid}")?;
        }
        Ok(())
    }
}

fn sound_route(route: &Route, findings: &mut Findings<'_>) -> Option<SoundRoute> {
    let host = match &route.matching.host {
        Some(text) => findings.check("match.host", host(text)).map(Some),
        None => Some(None),
    };
    let path = findings.check("match.path", matchable(&route.matching.path));
    let methods = route.matching.methods.iter().filter_map(|text| findings.check("match.methods", method(text)));
    let methods: Vec<Method> = methods.collect();
    let why = |why| Problem::Upstream { given: route.upstream.clone(), why };
    let upstream = findings.check("upstream", Address::parse(&route.upstream).map_err(why));
    let strip_prefix = match &route.strip_prefix {
        Some(prefix) => findings.check("strip_prefix", strip(prefix, &route.matching.path)).map(Some),
        None => Some(None),
    };
    let mut scopes = Vec::new();
    for (name, rule) in &route.scopes.methods {
        if let Some(method) = findings.check("scopes", method(name)) {
            if !methods.is_empty() && !methods.contains(&method) {
                findings.add("scopes", Problem::NotTaken(name.clone()));
            }
            scopes.push((method, rule.clone()));
        }
    }
    let header = |name: &String| name.parse().map_err(|_| Problem::Header(name.clone()));
    let response_tokens =
        route.response_tokens.iter().filter_map(|name| findings.check("response_tokens", header(name))).collect();
    guard_is_sound(route, findings);
    Some(SoundRoute {
        host: host?,
        path: path?,
        methods,
        upstream: Arc::new(upstream?),
        strip_prefix: strip_prefix?,
        scopes,
        response_tokens,
    })
}

fn guard_is_sound(route: &Route, findings: &mut Findings<'_>) {
    let demands = !route.scopes.always.is_empty() || !route.scopes.methods.is_empty();
    match route.guard {
        GuardKind::Open => {
            if demands {
                findings.add("scopes", Problem::OnOpenRoute);
            }
            if !route.audience.is_empty() {
                findings.add("audience", Problem::OnOpenRoute);
            }
        }
        GuardKind::Opaque | GuardKind::Jwt => {
            if route.audience.is_empty() || route.audience.iter().any(String::is_empty) {
                findings.add("audience", Problem::Empty);
            }
        }
    }
    if route.revocation == Revocation::None {
        if route.guard != GuardKind::Jwt {
            findings.add("revocation", Problem::NotWithThisGuard);
        } else if route.on_stale != OnStale::default() {
            findings.add("on_stale", Problem::NotWithThisGuard);
        }
    }
    if route.follows_feed() && route.max_staleness.is_zero() {
        findings.add("max_staleness", Problem::Zero);
    }
    if route.body_bytes_max == Some(0) {
        findings.add("body_bytes_max", Problem::Zero);
    }
}

/// A path in the form that requests are brought to, without a slash at its end.
fn matchable(given: &str) -> Result<Box<str>, Problem> {
    let not = |why| Problem::Path { given: given.to_owned(), why };
    let path = path::canonical(given).map_err(|why| not(why.into()))?;
    if path != given || (given.len() > 1 && given.ends_with('/')) {
        return Err(not(NotMatchable::NotCanonical));
    }
    if given.contains(';') || given.contains("%3B") {
        return Err(not(NotMatchable::Parameter));
    }
    Ok(given.into())
}

fn own_path(given: &str) -> Result<Box<str>, Problem> {
    let path = matchable(given)?;
    if &*path == "/" {
        return Err(Problem::Path { given: given.to_owned(), why: NotMatchable::Root });
    }
    Ok(path)
}

fn strip(prefix: &str, path: &str) -> Result<Box<str>, Problem> {
    let prefix = own_path(prefix)?;
    let below = path.strip_prefix(&*prefix);
    if below.is_some_and(|rest| rest.is_empty() || rest.starts_with('/')) {
        Ok(prefix)
    } else {
        Err(Problem::NotAPrefix(prefix.into()))
    }
}

fn host(text: &str) -> Result<Box<str>, Problem> {
    match crate::frontdoor::host_name(text) {
        Ok(host) if !text.is_empty() && host.len() == text.len() => Ok(host.into()),
        Ok(_) | Err(_) => Err(Problem::Host(text.to_owned())),
    }
}

fn method(text: &str) -> Result<Method, Problem> {
    match text.parse::<Method>() {
        Ok(Method::CONNECT | Method::TRACE) | Err(_) => Err(Problem::Method(text.to_owned())),
        Ok(method) => Ok(method),
    }
}

/// RFC 6454 §6.2: scheme, host and port, nothing behind.
fn origin(text: &str) -> Result<HeaderValue, Problem> {
    let not = || Problem::Origin(text.to_owned());
    let rest = text.strip_prefix("https://").or(text.strip_prefix("http://")).ok_or_else(not)?;
    let authority: Authority = rest.parse().map_err(|_| not())?;
    let whole = authority.as_str() == rest && !rest.contains('@') && !rest.bytes().any(|b| b.is_ascii_uppercase());
    if whole { HeaderValue::from_str(text).map_err(|_| not()) } else { Err(not()) }
}

#[cfg(test)]
mod tests;
