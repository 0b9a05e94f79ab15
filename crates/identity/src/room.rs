//! What every part of this room shares: the store, the clock, the keys, the feed, the limits.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use sekisho_model::client::Client;
use sekisho_model::opaque::{Found, Opaque};
use sekisho_model::{Act, Session, Store, StoreError};
use sekisho_token::seal::SealingKey;
use sekisho_token::{Digest, Entropy, Secret, Timestamp};
use sekisho_wire::trace::Tracer;
use sekisho_wire::{Audit, AuditEvent, ClientId, Clock, Position, RealmName, RequestId, Unavailable};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};

use crate::batch::Batch;
use crate::feed::Hub;
use crate::feed::signed::Signed;
use crate::joint::Joint;
use crate::meters::ListenerMeter;
use crate::newcomers::Newcomers;
use crate::oauth::own::ReadBack;
use crate::password::Passwords;
use crate::realms::{RealmState, Realms};
use crate::settings::{Base, Settings};
use crate::throttle::Throttle;
use quick_cache::sync::Cache;

/// Everything that the endpoints work with.
pub(crate) struct Room {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) tracer: Option<Tracer>,
    pub(crate) meter: ListenerMeter,
    pub(crate) settings: Settings,
    pub(crate) base: Base,
    pub(crate) seal: SealingKey,
    pub(crate) handle: Handle,
    pub(crate) realms: Realms,
    pub(crate) newcomers: Newcomers,
    pub(crate) hub: Arc<Hub>,
    pub(crate) signed: Signed,
    pub(crate) passwords: Passwords,
    pub(crate) throttle: Throttle,
    /// Clients that are being read.
    pub(crate) clients: Joint<(RealmName, ClientId), ClientRead>,
    /// Opaque tokens that are being looked for.
    pub(crate) opaques: Batch<(RealmName, Digest), OpaqueRead>,
    /// JWTs of ours that were shown to us.
    pub(crate) verified: Cache<Digest, Arc<ReadBack>>,
    /// Under which form tokens are made (HMAC).
    pub(crate) form_key: Secret<[u8; 32]>,
    /// Places for streams of the feed.
    pub(crate) streams: Arc<Semaphore>,
    /// Says when open streams have to end.
    pub(crate) draining: watch::Sender<bool>,
}

/// What the store says of an opaque token.
type OpaqueRead = Result<Option<Opaque>, StoreError>;

/// What the store says of a client.
type ClientRead = Result<Option<(Position, Client)>, StoreError>;

/// Who is at the other end of a request, as far as that is known.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origin {
    pub(crate) address: Option<IpAddr>,
    pub(crate) user_agent: Option<String>,
    pub(crate) request: Option<RequestId>,
}

// === impl Room ===

impl Room {
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.wall()
    }

    /// The circumstances of a write.
    pub(crate) fn act(&self, realm: &RealmState, client: Option<&ClientId>, origin: &Origin) -> Act {
        Act {
            realm: realm.name.clone(),
            now: self.now(),
            by: None,
            client: client.cloned(),
            address: origin.address,
            request: origin.request,
        }
    }

    pub(crate) fn record(&self, line: AuditEvent) {
        self.audit.record(line);
    }

    /// The client with the position that was read before it; none when it may do nothing.
    pub(crate) async fn client(
        &self,
        realm: &RealmName,
        id: &ClientId,
    ) -> Result<Option<(Position, Client)>, Unavailable> {
        // Many requests of one client come at once: an introspecting service, a gateway.
        let about = (realm.clone(), id.clone());
        let found = self.clients.read(&about, self.store.client(realm, id)).await.map_err(unavailable)?;
        Ok(found.filter(|(_, client)| client.disabled_at.is_none()))
    }

    /// The opaque token of this digest, if its time is not over.
    pub(crate) async fn opaque(&self, realm: &RealmName, digest: Digest) -> Result<Option<Opaque>, Unavailable> {
        let same_realm = |(one, _): &(RealmName, Digest), (other, _): &(RealmName, Digest)| one == other;
        let reading = |asked: Vec<(RealmName, Digest)>| async move {
            let Some((realm, _)) = asked.first() else { return Vec::new() };
            let digests: Vec<Digest> = asked.iter().map(|(_, digest)| *digest).collect();
            let found = self.store.opaques(realm, digests.clone(), self.now()).await;
            digests.iter().map(|digest| of(&found, digest)).collect()
        };
        self.opaques.ask((realm.clone(), digest), same_realm, reading).await.map_err(unavailable)
    }

    /// Notes that a sign-in was used, at most every tenth of its idle time and without holding up the answer.
    pub(crate) fn touch(&self, realm: &RealmState, session: &Session, origin: &Origin) {
        let idle_s = realm.settings.session_idle_s;
        if self.now().seconds_since(session.last_seen) < (idle_s / 10).max(1) {
            return;
        }
        let (store, act, id) = (Arc::clone(&self.store), self.act(realm, None, origin), session.id);
        self.handle.spawn(async move {
            if let Err(error) = store.touch_session(act, id, idle_s).await {
                tracing::warn!(%error, "a sign-in was used and this could not be noted");
            }
        });
    }
}

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Room").field("base", &self.base.url).field("realms", &self.realms).finish_non_exhaustive()
    }
}

/// What was found of one token.
fn of(found: &Result<Vec<Found>, StoreError>, digest: &Digest) -> OpaqueRead {
    let found = found.as_ref().map_err(Clone::clone)?;
    found.iter().find(|(other, _)| other == digest).map(|(_, opaque)| opaque.clone()).transpose()
}

/// What the store's failures are to everybody outside: an operator reads the log, a caller comes back later.
#[expect(clippy::needless_pass_by_value, reason = "handed to `map_err`, which gives the error away")]
pub(crate) fn unavailable(error: StoreError) -> Unavailable {
    match error {
        StoreError::Unavailable(unavailable) => unavailable,
        StoreError::Damaged { .. } | StoreError::NoRealm(_) => {
            tracing::error!(%error, "the store cannot answer");
            Unavailable::of("store")
        }
    }
}
