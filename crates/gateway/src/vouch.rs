//! For JWTs while the feed is stale: identity is asked whether a token lives (RFC 7662), once for all who wait.
//!
//! The answer stands in for the feed within the route's `max_staleness`, and only in the generation of the fold in which
//! it was asked for (see `swap`, INVARIANT vouched). Only tokens that were verified are asked about.

use std::sync::Arc;
use std::time::Duration;

use quick_cache::sync::Cache;
use sekisho_guard::Follower;
use sekisho_token::{Digest, Secret};
use sekisho_wire::exchange::{Inspect, Inspected};
use sekisho_wire::{Clock, Exchange, Monotonic, RealmName, Reason, RequestId};

use crate::config::Limits;
use crate::lease::{Lease, stale};
use crate::ports::{Calls, Flights};
use crate::realm::Services;
use crate::refusal::Refused;
use crate::server::RealmPorts;

/// How often one request asks, when each answer is outdated by the time it arrives.
const ASKS_MAX: u32 = 2;

/// Who vouches for the JWTs of one realm.
#[derive(Debug)]
pub(crate) struct Vouchers {
    realm: RealmName,
    exchange: Arc<dyn Exchange>,
    follower: Arc<Follower>,
    calls: Arc<Calls>,
    clock: Arc<dyn Clock>,
    limits: Arc<Limits>,
    vouched: Cache<Digest, Asked>,
    flights: Arc<Flights<Digest, Result<Asked, Refused>>>,
}

/// When identity was asked, and in which generation of the fold.
#[derive(Clone, Copy, Debug)]
struct Asked {
    at: Monotonic,
    generation: u64,
}

// === impl Vouchers ===

impl Vouchers {
    pub(crate) fn new(
        realm: RealmName,
        ports: &RealmPorts,
        (follower, calls): (&Arc<Follower>, &Arc<Calls>),
        services: &Services,
    ) -> Self {
        Self {
            realm,
            exchange: Arc::clone(&ports.exchange),
            follower: Arc::clone(follower),
            calls: Arc::clone(calls),
            clock: Arc::clone(&services.clock),
            limits: Arc::clone(&services.limits),
            vouched: Cache::new(services.limits.vouched_tokens_max),
            flights: Arc::default(),
        }
    }

    pub(crate) fn follower(&self) -> &Arc<Follower> {
        &self.follower
    }

    /// Makes the feed fresh, or has identity vouch for one verified token.
    pub(crate) async fn vouch(
        self: &Arc<Self>,
        token: &str,
        digest: &Digest,
        lease: Lease,
        request: RequestId,
    ) -> Result<(), Refused> {
        for _ in 0..ASKS_MAX {
            if self.known(digest, lease.max_staleness).is_some() || self.refresh(lease).await {
                return Ok(());
            }
            let known = || self.known(digest, lease.max_staleness).map(Ok);
            let (vouchers, digest) = (Arc::clone(self), *digest);
            let token = Secret::from(token);
            let call = async move { vouchers.inspect(token, digest, request).await };
            let asked = self.calls.join(&self.flights, digest, known, call).await??;
            if self.holds(&asked, lease.max_staleness) {
                return Ok(());
            }
        }
        Err(stale(&self.follower))
    }

    /// Makes the feed fresh for everybody, when it can be.
    pub(crate) async fn refresh(&self, lease: Lease) -> bool {
        self.follower.refresh(lease.max_staleness, self.limits.ask_deadline).await.is_ok()
    }

    fn known(&self, digest: &Digest, max_age: Duration) -> Option<Asked> {
        self.vouched.get(digest).filter(|asked| self.holds(asked, max_age))
    }

    fn holds(&self, asked: &Asked, max_age: Duration) -> bool {
        self.clock.monotonic().since(asked.at) <= max_age && asked.generation == self.follower.generation()
    }

    async fn inspect(&self, token: Secret<String>, digest: Digest, request: RequestId) -> Result<Asked, Refused> {
        let asked = Asked { at: self.clock.monotonic(), generation: self.follower.generation() };
        let exchange = Arc::clone(&self.exchange);
        let inspect = Inspect { realm: self.realm.clone(), token, request };
        let deadline = asked.at.plus(self.limits.identity_deadline);
        match self.calls.run(deadline, async move { exchange.inspect(inspect).await }).await?? {
            Inspected::Active(_) => {
                self.vouched.insert(digest, asked);
                Ok(asked)
            }
            Inspected::Inactive => {
                Err(Refused::from(Reason::TokenRevoked).detail("the feed is stale, and identity says it is not active"))
            }
        }
    }
}
