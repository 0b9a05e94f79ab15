//! The swap: an opaque token outside is a JWT inside.
//!
//! ```text
//!   token ─ SHA-256 ─► swapped before, and both still alive? ─no─► form and checksum ─► refused a moment ago? ─► identity,
//!                          │yes                                                               once for all who wait
//!                  lease good? ─no─► by the route: ask the feed, else identity again │ 503 │ go on
//!                          │yes
//!                  judged in this generation of the fold? ─no─► judge ─► the JWT alone was taken back? ─► identity again
//!                          │yes
//!                     `Bearer <JWT>`, from memory: no crypto, no I/O
//! ```
//!
//! What is kept is keyed by the token's digest *and* the audiences that the JWT is for, so what one route was given never
//! answers for another. A JWT comes from identity and is verified all the same: keys and revocations from the feed.
//!
//! INVARIANT (vouched): an answer of identity stands in for a stale feed only within the route's `max_staleness` and only
//! in the generation of the fold in which it was asked for. A reader that is offered an entry it cannot apply begins a
//! new generation, so an older answer never outlives a revocation that was answered.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use foldhash::fast::RandomState;
use http::HeaderValue;
use quick_cache::UnitWeighter;
use quick_cache::sync::{Cache, DefaultLifecycle};
use sekisho_guard::Follower;
use sekisho_guard::access::{AccessVerifier, VerifiedAccess};
use sekisho_token::credential::{CHARS, Credential, Kind};
use sekisho_token::{Digest, Secret, Timestamp};
use sekisho_wire::exchange::{ExchangeError, Swap};
use sekisho_wire::meter::{LookupMeter, Lookups};
use sekisho_wire::{Clock, Exchange, Monotonic, RealmName, Reason, RequestId};

use crate::config::Limits;
use crate::lease::{Lease, Standing, stale};
use crate::ports::{Calls, Flights};
use crate::realm::Services;
use crate::refusal::Refused;
use crate::server::RealmPorts;

/// How often one request asks, when each answer is outdated by the time it arrives.
const ASKS_MAX: u32 = 2;

/// The swaps of one realm.
#[derive(Debug)]
pub(crate) struct Swaps {
    realm: RealmName,
    exchange: Arc<dyn Exchange>,
    follower: Arc<Follower>,
    calls: Arc<Calls>,
    clock: Arc<dyn Clock>,
    limits: Arc<Limits>,
    swapped: Cache<Key, Arc<Swapped>, UnitWeighter, RandomState>,
    /// Tokens of good form that identity refused, and when.
    refused: Cache<Key, (Monotonic, Refused)>,
    flights: Arc<Flights<Key, Result<Arc<Swapped>, Refused>>>,
    audiences: Mutex<Vec<Arc<[String]>>>,
    looked_up: LookupMeter,
}

/// Services for which a JWT is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Audience {
    id: usize,
    names: Arc<[String]>,
    verifier: Arc<AccessVerifier>,
}

/// What an opaque token was swapped for.
#[derive(Debug)]
pub(crate) struct Swapped {
    /// `Bearer <JWT>`.
    pub(crate) bearer: HeaderValue,
    pub(crate) access: Arc<VerifiedAccess>,
    /// When the opaque token ends.
    pub(crate) opaque_expires_at: Timestamp,
    /// The generation of the fold in which the JWT was last judged.
    judged_in: AtomicU64,
    /// When identity was asked, and in which generation.
    asked: (Monotonic, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Key {
    token: Digest,
    audience: usize,
}

/// What a request needs of an answer.
#[derive(Clone, Copy, Debug)]
enum Wanted {
    /// That token and JWT have not expired.
    Alive,
    /// That identity said so within this time.
    Vouched(Duration),
}

// === impl Swaps ===

impl Swaps {
    pub(crate) fn new(
        realm: RealmName,
        ports: &RealmPorts,
        (follower, calls): (&Arc<Follower>, &Arc<Calls>),
        services: &Services,
    ) -> Self {
        let limits = &services.limits;
        Self {
            realm,
            exchange: Arc::clone(&ports.exchange),
            follower: Arc::clone(follower),
            calls: Arc::clone(calls),
            clock: Arc::clone(&services.clock),
            limits: Arc::clone(limits),
            swapped: by_digest(limits.swapped_tokens_max),
            refused: Cache::new(limits.refused_tokens_max),
            flights: Arc::default(),
            audiences: Mutex::default(),
            looked_up: LookupMeter::default(),
        }
    }

    /// The same audience for all who name the same services in the same order.
    pub(crate) fn audience(&self, names: &[String], verifier: Arc<AccessVerifier>) -> Audience {
        let mut audiences = self.audiences.lock().unwrap_or_else(PoisonError::into_inner);
        let known = audiences.iter().position(|known| **known == *names);
        let id = known.unwrap_or(audiences.len());
        let names = match audiences.get(id) {
            Some(known) => Arc::clone(known),
            None => {
                audiences.push(names.into());
                names.into()
            }
        };
        Audience { id, names, verifier }
    }

    /// What an opaque token from outside is inside.
    pub(crate) async fn of(
        self: &Arc<Self>,
        token: &str,
        audience: &Audience,
        lease: Lease,
        request: RequestId,
    ) -> Result<Arc<Swapped>, Refused> {
        // Prefix and length cost nothing; the checksum is looked at before anybody is asked about a token that is new.
        if token.len() != CHARS || !token.starts_with(Kind::OpaqueToken.prefix()) {
            return Err(Reason::MalformedCredential.into());
        }
        let key = Key { token: Digest::of(token.as_bytes()), audience: audience.id };
        let about = About { key, token, audience, request };
        let mut swapped = match self.alive(&key) {
            Some(swapped) => {
                self.looked_up.hit();
                swapped
            }
            None => {
                self.looked_up.miss();
                self.first(&about, lease).await?
            }
        };
        if self.standing(lease, &swapped)? == Standing::Ask {
            swapped = self.ask(&about, lease, swapped).await?;
        }
        match self.judge(&key, &swapped) {
            Ok(()) => Ok(swapped),
            Err(refused) if is_about_the_jwt(refused.reason()) => {
                let minted_anew = self.swap(&about, Wanted::Alive).await?;
                self.judge(&key, &minted_anew)?;
                Ok(minted_anew)
            }
            Err(refused) => Err(refused),
        }
    }

    /// How often a token was swapped from memory, and how often not.
    pub(crate) fn lookups(&self) -> Lookups {
        self.looked_up.read()
    }

    /// Forgets a token that was ended through this gateway, so that the next request asks identity.
    pub(crate) fn forget(&self, token: &str) {
        let token = Digest::of(token.as_bytes());
        let audiences = self.audiences.lock().unwrap_or_else(PoisonError::into_inner).len();
        for audience in 0..audiences {
            self.swapped.remove(&Key { token, audience });
        }
    }

    /// A token that is not known here.
    async fn first(self: &Arc<Self>, about: &About<'_>, lease: Lease) -> Result<Arc<Swapped>, Refused> {
        Credential::parse(Kind::OpaqueToken, about.token)
            .map_err(|error| Refused::from(Reason::MalformedCredential).detail(error.to_string()))?;
        if let Some((at, refused)) = self.refused.get(&about.key) {
            if self.clock.monotonic().since(at) < self.limits.refused_token_age {
                return Err(refused);
            }
            self.refused.remove(&about.key);
        }
        // On stale knowledge a route that denies asks nobody.
        lease.standing(&self.follower)?;
        self.swap(about, Wanted::Alive).await
    }

    /// Asks the feed, for everybody; if it does not answer, identity about this token.
    async fn ask(
        self: &Arc<Self>,
        about: &About<'_>,
        lease: Lease,
        known: Arc<Swapped>,
    ) -> Result<Arc<Swapped>, Refused> {
        for _ in 0..ASKS_MAX {
            if self.follower.refresh(lease.max_staleness, self.limits.ask_deadline).await.is_ok() {
                return Ok(known);
            }
            let swapped = self.swap(about, Wanted::Vouched(lease.max_staleness)).await?;
            if self.standing(lease, &swapped)? == Standing::Good {
                return Ok(swapped);
            }
        }
        Err(stale(&self.follower))
    }

    fn standing(&self, lease: Lease, swapped: &Swapped) -> Result<Standing, Refused> {
        match lease.standing(&self.follower) {
            Ok(Standing::Good) => Ok(Standing::Good),
            _ if self.is_vouched(swapped, lease.max_staleness) => Ok(Standing::Good),
            other => other,
        }
    }

    fn is_vouched(&self, swapped: &Swapped, max_age: Duration) -> bool {
        let (at, generation) = swapped.asked;
        self.clock.monotonic().since(at) <= max_age && generation == self.follower.generation()
    }

    fn alive(&self, key: &Key) -> Option<Arc<Swapped>> {
        let now = self.clock.wall();
        // To the second, without leeway: a JWT that is about to be forwarded should have some life left.
        self.swapped.get(key).filter(|swapped| now < swapped.access.claims().exp && now < swapped.opaque_expires_at)
    }

    /// Swaps, once for everybody who waits.
    async fn swap(self: &Arc<Self>, about: &About<'_>, wanted: Wanted) -> Result<Arc<Swapped>, Refused> {
        let known = || {
            let alive = self.alive(&about.key)?;
            let serves = match wanted {
                Wanted::Alive => true,
                Wanted::Vouched(max_age) => self.is_vouched(&alive, max_age),
            };
            serves.then_some(Ok(alive))
        };
        let (swaps, key) = (Arc::clone(self), about.key);
        let (audience, request) = (about.audience.clone(), about.request);
        let token = Secret::from(about.token);
        let call = async move { swaps.exchange(key, token, &audience, request).await };
        self.calls.join(&self.flights, about.key, known, call).await?
    }

    async fn exchange(
        &self,
        key: Key,
        token: Secret<String>,
        audience: &Audience,
        request: RequestId,
    ) -> Result<Arc<Swapped>, Refused> {
        let asked = (self.clock.monotonic(), self.follower.generation());
        let swap = Swap { realm: self.realm.clone(), token, audience: audience.names.to_vec(), request };
        let exchange = Arc::clone(&self.exchange);
        let deadline = asked.0.plus(self.limits.identity_deadline);
        let given = match self.calls.run(deadline, async move { exchange.swap(swap).await }).await? {
            Ok(given) => given,
            Err(ExchangeError::Refused(reason)) => {
                let refused = Refused::from(reason);
                self.refused.insert(key, (self.clock.monotonic(), refused.clone()));
                return Err(refused);
            }
            Err(error) => return Err(error.into()),
        };
        let (access, judged_in) = self.verify(given.jwt.expose(), audience).await?;
        let mut bearer = HeaderValue::try_from(format!("Bearer {}", given.jwt.expose()))
            .map_err(|_| Refused::from(Reason::Misconfigured).detail("identity's jwt is not a header value"))?;
        bearer.set_sensitive(true);
        let judged_in = AtomicU64::new(judged_in);
        let opaque_expires_at = given.opaque_expires_at;
        let swapped = Arc::new(Swapped { bearer, access, opaque_expires_at, judged_in, asked });
        self.swapped.insert(key, Arc::clone(&swapped));
        Ok(swapped)
    }

    /// Verifies what identity minted. What is wrong with it, other than that it was revoked, is not the caller's fault.
    async fn verify(&self, jwt: &str, audience: &Audience) -> Result<(Arc<VerifiedAccess>, u64), Refused> {
        let mut generation = self.follower.generation();
        let mut verified = audience.verifier.verify(jwt).await;
        if verified.as_ref().is_err_and(|refused| refused.reason == Reason::UnknownKey) {
            // Perhaps the key is younger than what we know.
            let _ = self.follower.refresh(Duration::ZERO, self.limits.ask_deadline).await;
            generation = self.follower.generation();
            verified = audience.verifier.verify(jwt).await;
        }
        verified.map(|access| (access, generation)).map_err(|refused| {
            if is_revocation(refused.reason) {
                refused.into()
            } else if matches!(refused.reason, Reason::UnknownKey | Reason::KeyGone | Reason::KeysUnavailable) {
                Reason::KeysUnavailable.into()
            } else {
                Refused::from(Reason::Misconfigured).detail(format!("identity's jwt is not accepted: {refused}"))
            }
        })
    }

    /// What was judged in another generation is judged again.
    fn judge(&self, key: &Key, swapped: &Swapped) -> Result<(), Refused> {
        // Read before judging: an entry that is applied meanwhile makes this verdict an old one.
        let generation = self.follower.generation();
        if swapped.judged_in.load(Ordering::Acquire) == generation {
            return Ok(());
        }
        let access = &swapped.access;
        if let Err(reason) = self.follower.view().judge(access.claims(), access.kid(), self.clock.wall()) {
            self.swapped.remove(key);
            return Err(reason.into());
        }
        swapped.judged_in.store(generation, Ordering::Release);
        Ok(())
    }
}

/// What a request wants to know.
struct About<'a> {
    key: Key,
    token: &'a str,
    audience: &'a Audience,
    request: RequestId,
}

/// What was taken back is the JWT, and perhaps not what the opaque token stands for: its key, which may also be lost with
/// a database that was restored, or everything minted for somebody so far, who may have lost one scope or all they had.
/// Identity says what is left.
fn is_about_the_jwt(reason: Reason) -> bool {
    matches!(reason, Reason::KeyGone | Reason::UnknownKey | Reason::SubjectRevoked | Reason::ClientRevoked)
}

/// Room for so many. Keys are digests, so nobody can aim at a slot.
fn by_digest(items_max: usize) -> Cache<Key, Arc<Swapped>, UnitWeighter, RandomState> {
    Cache::with(items_max, items_max as u64, UnitWeighter, RandomState::default(), DefaultLifecycle::default())
}

/// What the feed says about a caller, in contrast to what is wrong with a token.
fn is_revocation(reason: Reason) -> bool {
    matches!(
        reason,
        Reason::SessionEnded
            | Reason::GrantRevoked
            | Reason::TokenRevoked
            | Reason::SubjectRevoked
            | Reason::ClientRevoked
    )
}
