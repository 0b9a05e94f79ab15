//! Connections per origin: how many there may be, and the ones that wait for their next request.
//!
//! A request needs a permit of its origin. Holding it, it takes a waiting connection or makes one, so there are never
//! more connections than permits. A waiting connection may have been closed by the other side in the meantime: a request
//! that was not sent on it, or that may be sent twice, is sent again on a new one, once.

use std::collections::HashMap;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use http::Response;
use hyper::body::Incoming;
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_rustls::TlsConnector;

use crate::body::Body;
use crate::connect::{BadCertificate, Origin, Sender, tls};
use crate::door::Door;
use crate::error::{FetchError, Phase};
use crate::{Limits, Options, Request, Timer};

/// All connections of a client.
pub(crate) struct Pool {
    limits: Limits,
    tls: TlsConnector,
    timer: Timer,
    handle: Handle,
    origins: Mutex<Origins>,
}

#[derive(Default)]
struct Origins {
    by_name: HashMap<Origin, Place>,
    /// Whether a task closes connections that wait too long. It ends when none is left.
    swept: bool,
}

struct Place {
    permits: Arc<Semaphore>,
    waiting: Vec<Waiting>,
}

struct Waiting {
    sender: Sender,
    /// How many sweeps it has seen.
    sweeps: u8,
}

/// A connection in use, with the permit for it.
pub(crate) struct Lease {
    pool: Arc<Pool>,
    origin: Origin,
    sender: Sender,
    reused: Reused,
    permit: OwnedSemaphorePermit,
}

/// Whether a connection has served a request before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reused {
    Yes,
    No,
}

// === impl Pool ===

impl Pool {
    pub(crate) fn new(options: Options) -> Result<Self, BadCertificate> {
        let Options { limits, extra_roots, timer, handle } = options;
        Ok(Self { limits, tls: tls(&extra_roots)?, timer, handle, origins: Mutex::default() })
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Drives a future for no longer than this.
    pub(crate) async fn within<T>(
        &self,
        duration: Duration,
        phase: Phase,
        future: impl Future<Output = T>,
    ) -> Result<T, FetchError> {
        tokio::select! {
            // What has arrived counts.
            biased;
            output = future => Ok(output),
            () = (self.timer)(duration) => Err(FetchError::TooSlow(phase)),
        }
    }

    /// Sends a request; the answer's head is there when this returns.
    pub(crate) async fn exchange<D: Door>(self: &Arc<Self>, request: Request) -> Result<Response<Body>, FetchError> {
        D::admit(&request.url)?;
        let origin = Origin::of(&request.url)?;
        let bytes_max = request.response_bytes_max.unwrap_or(self.limits.response_bytes_max);
        let bytes_max = if D::LIMITS_ARE_FINAL { bytes_max.min(self.limits.response_bytes_max) } else { bytes_max };
        let permits = self.permits(&origin)?;
        let Ok(permit) = permits.acquire_owned().await else { return Err(FetchError::Busy) };
        let mut lease = self.lease::<D>(origin, permit).await?;
        let mut sent = lease.sender.try_send_request(request.to_http()?).await;
        if let Err(error) = &mut sent {
            let unsent = error.take_message().is_some();
            let again = lease.reused == Reused::Yes && (unsent || request.is_idempotent());
            if again {
                let Lease { origin, permit, .. } = lease;
                lease = self.fresh::<D>(origin, permit).await?;
                sent = lease.sender.try_send_request(request.to_http()?).await;
            }
        }
        let response: Response<Incoming> = sent.map_err(|error| FetchError::Broken(error.into_error()))?;
        Ok(response.map(|incoming| Body::new(incoming, lease, bytes_max)))
    }

    /// A connection that waits and still lives, else a new one.
    async fn lease<D: Door>(
        self: &Arc<Self>,
        origin: Origin,
        permit: OwnedSemaphorePermit,
    ) -> Result<Lease, FetchError> {
        while let Some(mut sender) = self.take_waiting(&origin) {
            // The last answer was read to its end, so this waits for the connection's own housekeeping at most.
            if sender.ready().await.is_ok() {
                return Ok(Lease { pool: Arc::clone(self), origin, sender, reused: Reused::Yes, permit });
            }
        }
        self.fresh::<D>(origin, permit).await
    }

    async fn fresh<D: Door>(
        self: &Arc<Self>,
        origin: Origin,
        permit: OwnedSemaphorePermit,
    ) -> Result<Lease, FetchError> {
        let connecting = origin.connect::<D>(&self.tls, &self.limits, &self.handle);
        let sender = self.within(self.limits.connect_deadline, Phase::Connect, connecting).await??;
        Ok(Lease { pool: Arc::clone(self), origin, sender, reused: Reused::No, permit })
    }

    fn permits(&self, origin: &Origin) -> Result<Arc<Semaphore>, FetchError> {
        let max = self.limits.connections_per_origin_max;
        let mut origins = self.origins();
        if !origins.by_name.contains_key(origin) && origins.by_name.len() >= self.limits.origins_max {
            // An origin that is in use holds a permit; the others can be forgotten, with their connections.
            origins.by_name.retain(|_, place| place.permits.available_permits() < max);
            if origins.by_name.len() >= self.limits.origins_max {
                return Err(FetchError::Busy);
            }
        }
        let place = origins.by_name.entry(origin.clone());
        let place = place.or_insert_with(|| Place { permits: Arc::new(Semaphore::new(max)), waiting: Vec::new() });
        Ok(Arc::clone(&place.permits))
    }

    fn take_waiting(&self, origin: &Origin) -> Option<Sender> {
        let mut origins = self.origins();
        let waiting = &mut origins.by_name.get_mut(origin)?.waiting;
        // The youngest first: it is the least likely to have been closed.
        std::iter::from_fn(|| waiting.pop()).map(|waiting| waiting.sender).find(|sender| !sender.is_closed())
    }

    fn put_waiting(self: &Arc<Self>, origin: &Origin, sender: Sender) {
        let mut origins = self.origins();
        let Some(place) = origins.by_name.get_mut(origin) else { return };
        place.waiting.push(Waiting { sender, sweeps: 0 });
        if !std::mem::replace(&mut origins.swept, true) {
            let (pool, timer, pause) = (Arc::downgrade(self), Arc::clone(&self.timer), self.limits.idle / 2);
            self.handle.spawn(sweep(pool, timer, pause));
        }
    }

    /// Closes what has waited through two sweeps. Says whether something still waits.
    fn sweep_once(&self) -> bool {
        let mut origins = self.origins();
        for place in origins.by_name.values_mut() {
            place.waiting.iter_mut().for_each(|waiting| waiting.sweeps += 1);
            place.waiting.retain(|waiting| waiting.sweeps <= 2 && !waiting.sender.is_closed());
        }
        let left = origins.by_name.values().any(|place| !place.waiting.is_empty());
        origins.swept = left;
        left
    }

    fn origins(&self) -> MutexGuard<'_, Origins> {
        self.origins.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs while connections wait.
async fn sweep(pool: Weak<Pool>, timer: Timer, pause: Duration) {
    loop {
        timer(pause).await;
        let Some(pool) = pool.upgrade() else { return };
        if !pool.sweep_once() {
            return;
        }
    }
}

// === impl Lease ===

impl Lease {
    /// The connection waits for its next request; the permit is free again.
    pub(crate) fn give_back(self) {
        let Self { pool, origin, sender, permit, .. } = self;
        pool.put_waiting(&origin, sender);
        drop(permit);
    }

    pub(crate) fn pool(&self) -> Arc<Pool> {
        Arc::clone(&self.pool)
    }
}
