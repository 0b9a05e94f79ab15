//! What the gateway keeps of one realm: its ports, the fold over its feed, what it has verified and swapped.
//!
//! Shared by all cores, kept when routes are replaced. It is made anew only when the new routes need a fresher feed, or a
//! source of keys that nobody needed before: a cache never outlives the fold that it was judged by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sekisho_guard::access::{Accept, AccessVerifier, Authority, NoAudience};
use sekisho_guard::follow::{Follow, Follower};
use sekisho_guard::jwks::{JwksKeys, Refetch};
use sekisho_wire::meter::Lookups;
use sekisho_wire::{Clock, RealmName};
use tokio::runtime::Handle;

use crate::config::Limits;
use crate::meters::{Meters, RealmReading};
use crate::ports::{CallLimits, Calls};
use crate::server::RealmPorts;
use crate::swap::Swaps;
use crate::vouch::Vouchers;

/// What is kept of one realm.
#[derive(Debug)]
pub(crate) struct Realm {
    pub(crate) name: RealmName,
    pub(crate) ports: RealmPorts,
    /// Questions about tokens.
    pub(crate) calls: Arc<Calls>,
    /// Logins, whose number never slows questions about tokens.
    pub(crate) logins: Calls,
    needs: Needs,
    feed: Option<Followed>,
    jwks: Option<Arc<JwksKeys>>,
    services: Services,
    verifiers: Mutex<Verifiers>,
}

/// By audiences, and whose word counts.
type Verifiers = HashMap<(Vec<String>, Keys), Arc<AccessVerifier>>;

/// What depends on the realm's feed.
#[derive(Debug)]
struct Followed {
    follower: Arc<Follower>,
    swaps: Arc<Swaps>,
    vouchers: Arc<Vouchers>,
}

/// What routes and login mounts need of a realm.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// The smallest lease of those who follow the feed.
    pub(crate) max_staleness: Option<Duration>,
    /// Whether anybody takes keys from the JWKS.
    pub(crate) jwks: bool,
}

/// What every realm is made with.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) control: Handle,
    pub(crate) limits: Arc<Limits>,
    pub(crate) meters: Arc<Meters>,
}

/// Whose word counts for a verifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Keys {
    Feed,
    Jwks,
}

// === impl Needs ===

impl Needs {
    pub(crate) fn lease(&mut self, max_staleness: Duration) {
        self.max_staleness = Some(self.max_staleness.map_or(max_staleness, |known| known.min(max_staleness)));
    }

    fn are_met_by(&self, other: &Self) -> bool {
        let fresh_enough = match (self.max_staleness, other.max_staleness) {
            (None, _) => true,
            (Some(wanted), Some(kept)) => kept <= wanted,
            (Some(_), None) => false,
        };
        fresh_enough && (other.jwks || !self.jwks)
    }
}

// === impl Realm ===

impl Realm {
    /// Begins to follow what is needed.
    pub(crate) fn start(name: RealmName, ports: RealmPorts, needs: Needs, services: &Services) -> Arc<Self> {
        let Services { clock, control, limits, meters: _ } = services;
        let call_limits = |calls_max| CallLimits {
            calls_max,
            waiting_max: limits.identity_waiting_max,
            failures_max: limits.breaker_failures_max,
            pause: limits.breaker_pause,
        };
        let calls = Arc::new(Calls::new(control.clone(), Arc::clone(clock), call_limits(limits.identity_calls_max)));
        let logins = Calls::new(control.clone(), Arc::clone(clock), call_limits(limits.login_calls_max));
        let feed = needs.max_staleness.map(|max_staleness| {
            let (feed, clock) = (Arc::clone(&ports.feed), Arc::clone(clock));
            let follower = Follower::start(Follow { realm: name.clone(), feed, clock, max_staleness }, control);
            let swaps = Swaps::new(name.clone(), &ports, (&follower, &calls), services);
            let vouchers = Vouchers::new(name.clone(), &ports, (&follower, &calls), services);
            Followed { follower, swaps: Arc::new(swaps), vouchers: Arc::new(vouchers) }
        });
        let jwks = needs
            .jwks
            .then(|| JwksKeys::start(Arc::clone(&ports.keys), Arc::clone(clock), Refetch::default(), control));
        let (services, verifiers) = (services.clone(), Mutex::default());
        Arc::new(Self { name, ports, calls, logins, needs, feed, jwks, services, verifiers })
    }

    /// Whether this realm, as it was started, serves these needs too.
    pub(crate) fn serves(&self, needs: &Needs) -> bool {
        needs.are_met_by(&self.needs)
    }

    /// The swaps, where the feed is followed.
    pub(crate) fn swaps(&self) -> Option<Arc<Swaps>> {
        self.feed.as_ref().map(|feed| Arc::clone(&feed.swaps))
    }

    /// Who vouches for JWTs while the feed is stale, where it is followed.
    pub(crate) fn vouchers(&self) -> Option<Arc<Vouchers>> {
        self.feed.as_ref().map(|feed| Arc::clone(&feed.vouchers))
    }

    /// A verifier for the tokens of this realm for these audiences: one for all who ask for the same.
    pub(crate) fn verifier(&self, audience: &[String], keys: Keys) -> Result<Arc<AccessVerifier>, NoAudience> {
        let mut verifiers = self.verifiers.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (audience.to_vec(), keys);
        if let Some(known) = verifiers.get(&key) {
            return Ok(Arc::clone(known));
        }
        let authority = match (keys, &self.feed, &self.jwks) {
            (Keys::Feed, Some(feed), _) => Authority::Feed(Arc::clone(&feed.follower)),
            (Keys::Jwks, _, Some(jwks)) => Authority::Jwks(Arc::clone(jwks)),
            // Nobody asks for what was not among the needs that the realm was started with.
            (Keys::Feed | Keys::Jwks, _, _) => return Err(NoAudience),
        };
        let mut accept = Accept::tokens_of(self.ports.issuer.clone(), audience.to_vec());
        accept.remembered_max = self.services.limits.verified_tokens_max;
        let verifier = Arc::new(AccessVerifier::new(accept, authority, Arc::clone(&self.services.clock))?);
        verifiers.insert(key, Arc::clone(&verifier));
        Ok(verifier)
    }

    /// Applies what the feed holds by now. A feed that does not answer is not waited for any longer than for a lease.
    pub(crate) async fn catch_up(&self) {
        if let Some(feed) = &self.feed {
            // What this fails to bring, the lease will: nothing older than that is believed.
            let _ = feed.follower.refresh(Duration::ZERO, self.services.limits.ask_deadline).await;
        }
    }

    /// What was counted, and what is known now.
    pub(crate) fn reading(&self) -> RealmReading {
        let verifiers = self.verifiers.lock().unwrap_or_else(PoisonError::into_inner);
        let verified = verifiers.values().map(|verifier| verifier.lookups()).fold(Lookups::default(), Lookups::and);
        drop(verifiers);
        RealmReading {
            name: self.name.clone(),
            feed: self.feed.as_ref().map(|feed| (feed.follower.position(), feed.follower.age())),
            swaps: self.feed.as_ref().map_or_else(Lookups::default, |feed| feed.swaps.lookups()),
            verified,
        }
    }

    /// Whether everything that is followed was loaded once.
    pub(crate) fn ready(&self) -> bool {
        self.feed.as_ref().is_none_or(|feed| feed.follower.ready())
            && self.jwks.as_ref().is_none_or(|keys| keys.loaded())
    }

    /// Waits until everything that is followed was loaded once.
    pub(crate) async fn started(&self) {
        if let Some(feed) = &self.feed {
            feed.follower.started().await;
        }
        if let Some(jwks) = &self.jwks {
            jwks.started().await;
        }
    }

    /// When a question to identity ends that begins now.
    pub(crate) fn deadline(&self, patience: Duration) -> sekisho_wire::Monotonic {
        self.services.clock.monotonic().plus(patience)
    }
}
