//! Which route a request belongs to: an immutable table, replaced as a whole.
//!
//! Paths are matched by whole segments in a tree; the longest match wins, and among equally long ones the one that names
//! the host. Wherever a segment could decide between routes, it must have one reading: a segment that would match only
//! after its parameters or escapes were taken off is refused, because the upstream may be the one that takes them off.
//!
//! Not here: what the routes do with a request (`guards`, `permit`, `forward`).

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use http::{HeaderName, HeaderValue, Method};
use sekisho_wire::{RealmName, Reason, TrustedProxies};

use crate::config::{Forward, Reach, Scheme};
use crate::guards::Guard;
use crate::login::{Endpoint, Mount};
use crate::meters::RouteMeter;
use crate::path;
use crate::permit::Demand;
use crate::refusal::Refused;
use crate::upstream::Address;

mod build;

pub(crate) use build::build;

/// Everything that replacing routes replaces.
#[derive(Debug)]
pub(crate) struct Table {
    pub(crate) scheme: Scheme,
    pub(crate) origins: Vec<HeaderValue>,
    pub(crate) proxies: TrustedProxies,
    any_host: Node,
    hosts: HashMap<Box<str>, Node, RandomState>,
}

/// One route, as requests meet it.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) name: Arc<str>,
    pub(crate) realm: Option<RealmName>,
    pub(crate) methods: Methods,
    pub(crate) guard: Guard,
    pub(crate) demand: Demand,
    pub(crate) upstream: Arc<Address>,
    pub(crate) strip_prefix: Option<Box<str>>,
    pub(crate) forward: Forward,
    pub(crate) body_bytes_max: u64,
    pub(crate) response_tokens: Vec<HeaderName>,
    pub(crate) meter: Arc<RouteMeter>,
}

/// Where a request may end up.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// At an upstream.
    Route(Arc<Route>),
    /// At a login mount of our own.
    Login(Arc<Mount>, Endpoint),
}

/// The methods of a route; all but CONNECT and TRACE when none is named.
#[derive(Clone, Debug, Default)]
pub(crate) struct Methods(pub(crate) Vec<Method>);

/// Everything that one host and path belongs to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Candidates<'a> {
    exact: &'a [Target],
    below: &'a [Target],
}

/// A segment of the tree.
#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, Node, RandomState>,
    exact: Vec<Target>,
    below: Vec<Target>,
}

// === impl Table ===

impl Table {
    /// Everything that a host and canonical path belongs to.
    pub(crate) fn candidates(&self, host: &str, path: &str) -> Result<Candidates<'_>, Refused> {
        let any = self.any_host.walk(path)?;
        let of_host = match self.hosts.get(host) {
            Some(node) => node.walk(path)?,
            None => None,
        };
        let longest = match (of_host, any) {
            (Some((depth, _)), Some((any_depth, any))) if any_depth > depth => Some(any),
            (Some((_, of_host)), _) => Some(of_host),
            (None, any) => any.map(|(_, any)| any),
        };
        longest.ok_or_else(|| Reason::NoRoute.into())
    }
}

// === impl Candidates ===

impl Candidates<'_> {
    /// The one that takes the method.
    pub(crate) fn pick(&self, method: &Method) -> Result<Target, Refused> {
        let taking = self.all().find(|target| target.methods().contain(method));
        taking.cloned().ok_or_else(|| Refused::from(Reason::MethodNotAllowed).allow(self.allow()))
    }

    /// Every method that one of them takes, as it stands in a header.
    pub(crate) fn allow(&self) -> String {
        let mut allow: Vec<&str> = Vec::new();
        for method in self.all().flat_map(|target| target.methods().named()) {
            if !allow.contains(&method) {
                allow.push(method);
            }
        }
        allow.join(", ")
    }

    fn all(&self) -> impl Iterator<Item = &Target> {
        self.exact.iter().chain(self.below)
    }
}

// === impl Target ===

impl Target {
    fn methods(&self) -> &Methods {
        match self {
            Self::Route(route) => &route.methods,
            Self::Login(_, endpoint) => endpoint.methods(),
        }
    }
}

// === impl Methods ===

impl Methods {
    fn contain(&self, method: &Method) -> bool {
        if self.0.is_empty() {
            return *method != Method::CONNECT && *method != Method::TRACE;
        }
        // RFC 9110 §9.1: who serves GET serves HEAD.
        self.0.contains(method) || (*method == Method::HEAD && self.0.contains(&Method::GET))
    }

    fn named(&self) -> impl Iterator<Item = &str> {
        const USUAL: &[&str] = &["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];
        let usual = if self.0.is_empty() { USUAL } else { &[] };
        self.0.iter().map(Method::as_str).chain(usual.iter().copied())
    }
}

// === impl Node ===

impl Node {
    /// The deepest node on the path that takes it, and how deep it is.
    fn walk(&self, path: &str) -> Result<Option<(usize, Candidates<'_>)>, Refused> {
        let mut node = self;
        let mut found = (!node.below.is_empty()).then_some((0, Candidates { exact: &[], below: &node.below }));
        let rest = path.strip_prefix('/').unwrap_or(path);
        if rest.is_empty() {
            let here = Candidates { exact: &node.exact, below: &node.below };
            return Ok(here.all().next().is_some().then_some((0, here)));
        }
        let mut segments = rest.split('/').enumerate().peekable();
        while let Some((index, segment)) = segments.next() {
            let Some(child) = node.children.get(segment) else {
                node.must_mean_one_thing(segment)?;
                break;
            };
            node = child;
            let exact = if segments.peek().is_none() { node.exact.as_slice() } else { &[] };
            if !exact.is_empty() || !node.below.is_empty() {
                found = Some((index + 1, Candidates { exact, below: &node.below }));
            }
        }
        Ok(found)
    }

    /// A segment that no child matches must not match one, or vanish, once somebody decodes it or cuts its parameters.
    fn must_mean_one_thing(&self, segment: &str) -> Result<(), Refused> {
        if self.children.is_empty() || !segment.contains([';', '%']) {
            return Ok(());
        }
        let taken_for = path::loose(segment);
        if taken_for.is_empty() || self.children.contains_key(&*taken_for) {
            return Err(Refused::from(Reason::AmbiguousPath).detail(path::Ambiguous::Parameter.to_string()));
        }
        Ok(())
    }

    fn insert(&mut self, path: &str, reach: Reach, target: Target) {
        let mut node = self;
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            node = node.children.entry(segment.into()).or_default();
        }
        match reach {
            Reach::Below => node.below.push(target),
            Reach::Exact => node.exact.push(target),
        }
    }
}

// === impl Route ===

impl Route {
    /// The path as the upstream sees it: the canonical one without the prefix that is stripped.
    pub(crate) fn upstream_path<'a>(&self, path: &'a str) -> &'a str {
        let stripped = self.strip_prefix.as_deref().and_then(|prefix| path.strip_prefix(prefix));
        match stripped {
            Some("") => "/",
            Some(rest) => rest,
            None => path,
        }
    }
}
