//! An issuer's keys from its JWKS: for `revocation: none`, and for issuers whose feed we cannot read.
//!
//! The set is fetched at the start and then at intervals; a `kid` that nobody knows fetches it earlier, but never more
//! often than once per cool-down, however many such tokens arrive. When a fetch fails the last good set is kept.
//!
//! Specs: RFC 7517. Not here: keys of an issuer whose feed is followed ([`crate::fold`]).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use sekisho_fetch::{Client, Door};
use sekisho_token::jwk::JwkSet;
use sekisho_token::jwt::{KeyLookup, Keys};
use sekisho_token::{KeyId, KeySet, VerifyingKey};
use sekisho_wire::{BoxFuture, Clock, Monotonic, Unavailable};
use tokio::runtime::Handle;
use tokio::sync::{Mutex, Notify};
use tokio::task::AbortHandle;

use crate::clock::before;

/// The longest JWKS that is read, in bytes.
pub const JWKS_BYTES_MAX: usize = 256 << 10;
/// How many requests may wait for one fetch.
const WAITING_MAX: usize = 1024;

/// Where a set comes from.
pub trait KeySource: Send + Sync + fmt::Debug {
    /// Fetches the set.
    fn fetch(&self) -> BoxFuture<'_, Result<JwkSet, Unavailable>>;
}

/// A JWKS at an address.
#[derive(Debug)]
pub struct JwksAddress<D: Door> {
    /// The `jwks_uri`.
    pub url: url::Url,
    /// The client to fetch it with.
    pub client: Client<D>,
}

/// When to fetch.
#[derive(Clone, Copy, Debug)]
pub struct Refetch {
    /// At least so often; also how long a key that was withdrawn may still be believed.
    pub every: Duration,
    /// At most once in this time.
    pub cool_down: Duration,
    /// How long one fetch may take.
    pub deadline: Duration,
}

/// The keys of one issuer. Fetching ends when this is dropped.
#[derive(Debug)]
pub struct JwksKeys {
    shared: Arc<Shared>,
    task: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    source: Arc<dyn KeySource>,
    clock: Arc<dyn Clock>,
    refetch: Refetch,
    current: ArcSwapOption<Fetched>,
    /// Rises whenever the set changes.
    generation: AtomicU64,
    changed: Notify,
    waiting: AtomicUsize,
    /// Held while fetching: everybody who wants the set anew waits for the same fetch.
    fetching: Mutex<Option<Monotonic>>,
}

#[derive(Debug)]
struct Fetched {
    published: JwkSet,
    keys: KeySet,
}

// === impl Refetch ===

impl Default for Refetch {
    fn default() -> Self {
        Self { every: Duration::from_secs(300), cool_down: Duration::from_secs(10), deadline: Duration::from_secs(3) }
    }
}

// === impl JwksKeys ===

impl JwksKeys {
    /// Begins to fetch, on `handle`.
    #[must_use]
    pub fn start(source: Arc<dyn KeySource>, clock: Arc<dyn Clock>, refetch: Refetch, handle: &Handle) -> Arc<Self> {
        let shared = Arc::new(Shared {
            source,
            clock,
            refetch,
            current: ArcSwapOption::empty(),
            generation: AtomicU64::new(1),
            changed: Notify::new(),
            waiting: AtomicUsize::new(0),
            fetching: Mutex::new(None),
        });
        let task = handle.spawn(Arc::clone(&shared).run()).abort_handle();
        Arc::new(Self { shared, task })
    }

    /// Rises whenever the set changes.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.shared.generation.load(Ordering::Acquire)
    }

    /// Whether a set was fetched once.
    #[must_use]
    pub fn loaded(&self) -> bool {
        self.shared.current.load().is_some()
    }

    /// Waits until a set was fetched once.
    pub async fn started(&self) {
        loop {
            // Registered before looking, so that a set that comes in between is not missed.
            let changed = self.shared.changed.notified();
            if self.loaded() {
                return;
            }
            changed.await;
        }
    }

    /// Whether the issuer still publishes a key of this name.
    #[must_use]
    pub fn has(&self, kid: &KeyId) -> bool {
        self.key(Some(kid.as_str())).is_ok()
    }

    /// Fetches the set anew unless that was just done, because a key was not found. Says whether the set has changed.
    pub async fn look_again(&self) -> bool {
        let Ok(_place) = Place::take(&self.shared.waiting) else { return false };
        let generation = self.generation();
        let mut fetching = self.shared.fetching.lock().await;
        // Whoever waited finds that the fetch it waited for has answered its question too.
        if self.generation() == generation {
            self.shared.fetch(&mut fetching).await;
        }
        self.generation() != generation
    }
}

impl Keys for JwksKeys {
    fn key(&self, kid: Option<&str>) -> Result<Arc<VerifyingKey>, KeyLookup> {
        self.shared.current.load().as_ref().ok_or(KeyLookup::Unavailable)?.keys.key(kid)
    }
}

impl Drop for JwksKeys {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Shared ===

impl Shared {
    async fn run(self: Arc<Self>) {
        loop {
            let mut fetching = self.fetching.lock().await;
            let fetched = self.fetch(&mut fetching).await;
            drop(fetching);
            let pause = if fetched { self.refetch.every } else { self.refetch.cool_down };
            self.clock.sleep_until(self.clock.monotonic().plus(pause)).await;
        }
    }

    /// One fetch, unless the last began within the cool-down. Says whether it succeeded.
    async fn fetch(&self, last: &mut Option<Monotonic>) -> bool {
        let now = self.clock.monotonic();
        if last.is_some_and(|last| now.since(last) < self.refetch.cool_down) {
            return false;
        }
        *last = Some(now);
        let fetched = before(&*self.clock, now.plus(self.refetch.deadline), self.source.fetch()).await;
        let Ok(Ok(published)) = fetched else {
            tracing::warn!(source = ?self.source, "the issuer's keys could not be fetched");
            return false;
        };
        let keys = KeySet::from_jwks(&published);
        if keys.is_empty() {
            // An issuer without keys is a broken one; what we have is better than nothing to verify with.
            tracing::warn!(source = ?self.source, "the issuer publishes no usable key");
            return false;
        }
        let changed = self.current.load().as_ref().is_none_or(|current| current.published != published);
        if changed {
            self.current.store(Some(Arc::new(Fetched { published, keys })));
            self.generation.fetch_add(1, Ordering::Release);
            self.changed.notify_waiters();
        }
        true
    }
}

/// One of the [`WAITING_MAX`] places.
struct Place<'a>(&'a AtomicUsize);

// === impl Place ===

impl<'a> Place<'a> {
    fn take(waiting: &'a AtomicUsize) -> Result<Self, ()> {
        let place = Self(waiting);
        // Counted first and given back by the drop, so that two who come at once cannot both take the last place.
        if waiting.fetch_add(1, Ordering::Relaxed) < WAITING_MAX { Ok(place) } else { Err(()) }
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl JwksAddress ===

impl<D: Door> KeySource for JwksAddress<D> {
    fn fetch(&self) -> BoxFuture<'_, Result<JwkSet, Unavailable>> {
        Box::pin(async move {
            let unavailable = Unavailable::of("jwks");
            let request = sekisho_fetch::Request::get(self.url.clone()).response_bytes_max(JWKS_BYTES_MAX);
            let response = self.client.send(request).await.map_err(|error| {
                tracing::warn!(url = %self.url, %error, "the issuer's keys could not be fetched");
                unavailable
            })?;
            // A redirect is an answer like any other here: nobody follows it to somewhere else.
            if response.status() != http::StatusCode::OK {
                tracing::warn!(url = %self.url, status = %response.status(), "the issuer's keys were not given");
                return Err(unavailable);
            }
            JwkSet::from_json(response.body()).map_err(|error| {
                tracing::warn!(url = %self.url, %error, "the issuer's keys could not be read");
                unavailable
            })
        })
    }
}

#[cfg(test)]
mod tests;
