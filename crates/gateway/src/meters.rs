//! What the gateway counts, and the reading that it hands out.
//!
//! Raised on the cores, without a lock and without sharing a cache line (see [`sekisho_wire::meter`]); added up when somebody
//! asks. What is counted is named by the configuration (routes, realms) or by a closed list (reasons, classes of status):
//! nothing that a caller chose becomes a name here, so nobody can make the list grow.
//!
//! Not here: formats for monitoring systems (the roof).

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::StatusCode;
use sekisho_wire::meter::{Counter, Histogram, Lookups, Spread, Tally};
use sekisho_wire::{Position, RealmName, Reason};

/// Classes of status codes, from `1xx` to `5xx`.
const CLASSES: usize = 5;

/// Everything that is counted.
#[derive(Debug)]
pub(crate) struct Meters {
    /// By name: a route that is replaced by one of the same name goes on counting.
    routes: Mutex<HashMap<Arc<str>, Arc<RouteMeter>>>,
    /// Requests that belong to no route.
    pub(crate) unrouted: RouteMeter,
    refusals: Tally<{ Reason::ALL.len() }>,
    pub(crate) connections_opened: Counter,
    pub(crate) connections_reused: Counter,
}

/// What is counted of one route or login mount.
pub(crate) struct RouteMeter {
    name: Arc<str>,
    realm: Option<RealmName>,
    answers: Tally<CLASSES>,
    /// From sending a request to the head of its answer, or to giving up.
    pub(crate) upstream: Histogram,
}

/// What the gateway has counted, and what it knows of itself.
#[derive(Clone, Debug)]
pub struct Readings {
    /// One for each route and login mount, and one without a name for requests that belong to none.
    pub routes: Vec<RouteReading>,
    /// Refusals, by reason; every reason is there.
    pub refusals: Vec<(Reason, u64)>,
    /// One for each realm that a route or login mount names.
    pub realms: Vec<RealmReading>,
    /// Connections to upstreams that were made.
    pub connections_opened: u64,
    /// Requests that were sent over a kept connection.
    pub connections_reused: u64,
    /// Connections of clients that are open now.
    pub clients: usize,
    /// How many there may be.
    pub clients_max: usize,
}

/// What was counted of a route.
#[derive(Clone, Debug)]
pub struct RouteReading {
    /// Its name; empty for requests that belong to no route.
    pub name: Arc<str>,
    /// Its realm, where it has one.
    pub realm: Option<RealmName>,
    /// Answers, from `1xx` to `5xx`.
    pub answers: [u64; CLASSES],
    /// How long its upstream took for the head of an answer.
    pub upstream: Spread,
}

/// What is known of a realm.
#[derive(Clone, Debug)]
pub struct RealmReading {
    /// Which.
    pub name: RealmName,
    /// Up to where its feed was applied, and how old that knowledge is; none where nobody follows it.
    pub feed: Option<(Position, Duration)>,
    /// Opaque tokens that were swapped from memory, and those that identity was asked about.
    pub swaps: Lookups,
    /// JWTs that were verified before, and those that were not.
    pub verified: Lookups,
}

// === impl Meters ===

impl Meters {
    pub(crate) fn new() -> Self {
        Self {
            routes: Mutex::default(),
            unrouted: RouteMeter::new("".into(), None),
            refusals: Tally::default(),
            connections_opened: Counter::default(),
            connections_reused: Counter::default(),
        }
    }

    /// The meter of this name: the one that it had before, unless its realm has changed.
    pub(crate) fn of_route(&self, name: &str, realm: Option<&RealmName>) -> Arc<RouteMeter> {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = routes.get(name).filter(|known| known.realm.as_ref() == realm) {
            return Arc::clone(known);
        }
        let name: Arc<str> = name.into();
        let meter = Arc::new(RouteMeter::new(Arc::clone(&name), realm.cloned()));
        routes.insert(name, Arc::clone(&meter));
        meter
    }

    /// Forgets the routes that are gone. Those that are left are held by the table as well.
    pub(crate) fn keep_those_in_use(&self) {
        let mut routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        routes.retain(|_, meter| Arc::strong_count(meter) > 1);
    }

    pub(crate) fn refused(&self, reason: Reason) {
        // The table of reasons is in the order of the enum; a test holds that.
        self.refusals.add(reason as usize, 1);
    }

    pub(crate) fn refusals(&self) -> Vec<(Reason, u64)> {
        Reason::ALL.iter().copied().zip(self.refusals.read()).collect()
    }

    /// By name, so that two readings can be compared line by line.
    pub(crate) fn routes(&self) -> Vec<RouteReading> {
        let routes = self.routes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut readings: Vec<RouteReading> = routes.values().map(|meter| meter.read()).collect();
        drop(routes);
        readings.push(self.unrouted.read());
        readings.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        readings
    }
}

// === impl RouteMeter ===

impl RouteMeter {
    fn new(name: Arc<str>, realm: Option<RealmName>) -> Self {
        Self { name, realm, answers: Tally::default(), upstream: Histogram::default() }
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn answered(&self, status: StatusCode) {
        self.answers.add(usize::from(status.as_u16() / 100).wrapping_sub(1), 1);
    }

    fn read(&self) -> RouteReading {
        let (name, realm) = (Arc::clone(&self.name), self.realm.clone());
        RouteReading { name, realm, answers: self.answers.read(), upstream: self.upstream.read() }
    }
}

impl fmt::Debug for RouteMeter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RouteMeter").field("name", &self.name).field("answers", &self.answers).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
