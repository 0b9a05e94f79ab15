//! The one file that names all rooms, and joins them.
//!
//! ```text
//!   store ─► identity ─► its ports, as the gateway's own client ─► switches ─► gateway
//!                │                                                    ▲
//!                └─► its router, on a listener      another process ──┘  over HTTP, with the same ports
//! ```
//!
//! Time, randomness, the audit and the switches come in from outside, so that a test builds the same house and owns them.
//!
//! Not here: where configuration comes from (`config`), what the demo adds (`demo`).

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sekisho_fetch::{BadCertificate, Client, Configured, Options, certificates};
use sekisho_gateway::{Gateway, Parts as GatewayParts, RealmPorts, StartError, config as gateway};
use sekisho_guard::clock::{before, fetch_timer};
use sekisho_guard::jwks::{JwksAddress, KeySource};
use sekisho_guard::otlp::{Otlp, OtlpOptions};
use sekisho_guard::remote::{BadIssuer, Connection, RemoteIdentity};
use sekisho_identity::{Identity, OpenError as IdentityError, Parts as IdentityParts, Settings as IdentitySettings};
use sekisho_model::StoreError;
use sekisho_store::{Settings as StoreSettings, SqlStore, postgres, sqlite};
use sekisho_token::seal::SealingKey;
use sekisho_token::{Entropy, Timestamp};
use sekisho_wire::trace::{Spans, Tracer};
use sekisho_wire::{Audit, Clock, Exchange, Feed, Login, RealmName};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::RwLock;

use crate::config::{RemoteRealm, Traces};
use crate::http::listener::Serving;
use crate::http::operations::{self, Readiness, Told};
use crate::http::tls::{Handshake, Offer, Pair, Tls};

mod lodging;
mod own_client;
mod own_keys;
mod switches;
mod told;

pub use lodging::Lodging;
pub use switches::Switches;

/// How long the database may take to say where the feed stands, before the process counts as not ready.
const READINESS_DEADLINE: Duration = Duration::from_secs(1);

/// The names of the rooms in traces.
const IDENTITY: &str = "sekisho-identity";
const GATEWAY: &str = "sekisho-gateway";

/// What the house stands in.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// What everything waits on.
    pub clock: Arc<dyn Clock>,
    /// Where randomness comes from.
    pub entropy: Arc<dyn Entropy>,
    /// Where lines go.
    pub audit: Arc<dyn Audit>,
    /// Where work runs that is not proxying.
    pub handle: Handle,
    /// What can be taken away.
    pub switches: Switches,
}

/// Where things are kept.
#[derive(Clone, Debug)]
pub enum Keep {
    /// In a directory.
    Dir(PathBuf),
    /// In memory, gone with the house.
    Memory,
    /// On a server, which other processes share.
    Postgres {
        /// This process's own directory.
        dir: PathBuf,
        /// Where the server is.
        address: Box<postgres::Address>,
    },
}

/// An identity provider to be opened.
#[derive(Debug)]
pub struct IdentityPlan {
    /// Where its database is.
    pub keep: Keep,
    /// What it is told.
    pub settings: IdentitySettings,
    /// The key its private keys are sealed under.
    pub seal: SealingKey,
}

/// A gateway to be opened.
#[derive(Debug)]
pub struct GatewayPlan {
    /// What it is told.
    pub config: gateway::Gateway,
    /// Where it listens; port 0 takes any free one.
    pub listen: SocketAddr,
    /// The realms that are asked over HTTP, even when identity is in this process.
    pub remote: Vec<RemoteRealm>,
    /// The certificate, where TLS does not end in front of it.
    pub tls: Option<Pair>,
}

/// Everything that runs in this process.
pub struct House {
    surroundings: Surroundings,
    identity: Option<IdentityPart>,
    /// Shared with whoever asks whether the process is ready.
    gateway: Arc<RwLock<Option<Gateway>>>,
    draining: Arc<AtomicBool>,
    operations: Option<Serving>,
    started: Timestamp,
    traces: Option<Traced>,
    /// The certificates that are shown, kept in step with their files.
    certificates: Vec<Tls>,
}

/// Where spans go.
struct Traced {
    otlp: Arc<Otlp>,
    tracer: Tracer,
}

struct IdentityPart {
    store: Arc<SqlStore>,
    room: Arc<Identity>,
    base_url: String,
    serving: Option<Serving>,
}

/// Why a house could not be raised.
#[derive(Debug, thiserror::Error)]
pub enum RaiseError {
    /// The database cannot be opened; another process may hold it.
    #[error(transparent)]
    Store(#[from] sqlite::OpenError),
    /// The database on a server cannot be opened.
    #[error(transparent)]
    Server(#[from] postgres::OpenError),
    /// The database does not answer.
    #[error("the database does not answer: {0}")]
    Kept(#[from] StoreError),
    /// Identity cannot start.
    #[error("identity cannot start: {0}")]
    Identity(#[from] IdentityError),
    /// The gateway cannot start.
    #[error("the gateway cannot start: {0}")]
    Gateway(#[from] StartError),
    /// A realm is answered for neither here nor elsewhere.
    #[error("realm `{0}` is unknown: expected one of this process, or one under `gateway.realms`")]
    UnknownRealm(RealmName),
    /// The issuer of a remote realm is not one of ours.
    #[error(transparent)]
    Issuer(#[from] BadIssuer),
    /// The address of a remote realm is none.
    #[error("the address of a remote realm is malformed: {0}")]
    Address(#[source] url::ParseError),
    /// A certificate authority cannot be read.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
    /// The operating system gave no listener.
    #[error("cannot listen: {0}")]
    Listen(#[source] io::Error),
}

// === impl House ===

impl House {
    /// A house without rooms.
    #[must_use]
    pub fn within(surroundings: Surroundings) -> Self {
        let (gateway, draining, started) = (Arc::default(), Arc::default(), surroundings.clock.wall());
        Self {
            surroundings,
            identity: None,
            gateway,
            draining,
            operations: None,
            started,
            traces: None,
            certificates: Vec::new(),
        }
    }

    /// Lets the rooms that are opened from here on tell a collector what they do.
    ///
    /// # Errors
    /// [`RaiseError::Certificate`].
    pub fn trace(&mut self, traces: &Traces) -> Result<(), RaiseError> {
        let Surroundings { clock, entropy, handle, .. } = &self.surroundings;
        let (endpoint, http) = (traces.endpoint.clone(), self.http_client(&[])?);
        let otlp = Otlp::start(OtlpOptions { endpoint, http, clock: Arc::clone(clock) }, handle);
        let spans: Arc<dyn Spans> = Arc::clone(&otlp) as _;
        let tracer = Tracer::new("sekisho", traces.sample, spans, Arc::clone(clock), Arc::clone(entropy));
        self.traces = Some(Traced { otlp, tracer });
        Ok(())
    }

    /// What begins spans of this service, where somebody collects them.
    #[must_use]
    pub fn tracer(&self, service: &str) -> Option<Tracer> {
        self.traces.as_ref().map(|traces| traces.tracer.of(service))
    }

    /// Opens the identity provider: its database, its realms and keys. Nobody reaches it yet.
    ///
    /// # Errors
    /// [`RaiseError`].
    pub async fn open_identity(&mut self, plan: IdentityPlan) -> Result<(), RaiseError> {
        let IdentityPlan { keep, settings, seal } = plan;
        let Surroundings { clock, entropy, audit, handle, switches } = self.surroundings.clone();
        let kept = StoreSettings {
            clock: Arc::clone(&clock),
            handle: handle.clone(),
            cut: switches.store,
            token_lifetime_s_max: settings.token_lifetime_s_max(),
        };
        let store = match keep {
            Keep::Dir(dir) => sqlite::open(&dir, kept).await?,
            Keep::Memory => sqlite::in_memory(kept).await?,
            Keep::Postgres { dir, address } => postgres::open(&dir, &address, kept).await?,
        };
        let base_url = settings.base_url.clone();
        let (tracer, store_of_room) = (self.tracer(IDENTITY), Arc::clone(&store) as _);
        let parts = IdentityParts { store: store_of_room, clock, entropy, audit, tracer, settings, seal, handle };
        let room = Arc::new(Identity::open(parts).await?);
        self.identity = Some(IdentityPart { store, room, base_url, serving: None });
        Ok(())
    }

    /// Lets identity be reached.
    ///
    /// # Errors
    /// [`RaiseError::Listen`].
    pub fn serve_identity(&mut self, listener: TcpListener) -> Result<(), RaiseError> {
        if let Some(part) = &mut self.identity {
            let Surroundings { clock, handle, .. } = &self.surroundings;
            let serving = Serving::start(listener, part.room.router(), Arc::clone(clock), handle);
            part.serving = Some(serving.map_err(RaiseError::Listen)?);
        }
        Ok(())
    }

    /// Lets identity be reached over TLS.
    ///
    /// # Errors
    /// [`RaiseError::Listen`].
    pub fn serve_identity_over_tls(&mut self, listener: TcpListener, pair: Pair) -> Result<(), RaiseError> {
        let tls = self.show("identity", pair, Offer::Http2);
        if let Some(part) = &mut self.identity {
            let Surroundings { clock, handle, .. } = &self.surroundings;
            let serving = Serving::start_over_tls(listener, tls, part.room.router(), Arc::clone(clock), handle);
            part.serving = Some(serving.map_err(RaiseError::Listen)?);
        }
        Ok(())
    }

    /// Opens the gateway on the rooms and remote realms that its configuration names.
    ///
    /// # Errors
    /// [`RaiseError`].
    pub async fn open_gateway(&mut self, plan: GatewayPlan) -> Result<(), RaiseError> {
        let GatewayPlan { config, listen, remote, tls } = plan;
        let mut realms = HashMap::new();
        for realm in remote {
            realms.insert(realm.name.clone(), self.remote_ports(realm)?);
        }
        for name in named_realms(&config) {
            if let Entry::Vacant(place) = realms.entry(name) {
                let ports = self.own_ports(place.key(), &config).await?;
                place.insert(ports);
            }
        }
        let tls = tls.map(|pair| self.show("gateway", pair, Offer::Http1));
        let Surroundings { clock, entropy, audit, handle, .. } = self.surroundings.clone();
        let tracer = self.tracer(GATEWAY);
        let parts = GatewayParts { config, realms, clock, entropy, audit, tracer, control: handle, listen, tls };
        *self.gateway.write().await = Some(Gateway::start(parts)?);
        Ok(())
    }

    /// Begins to answer whether the process is alive and ready. Whatever rooms there are to be have been opened before:
    /// one that is not there is not waited for.
    ///
    /// # Errors
    /// [`RaiseError::Listen`].
    pub fn serve_operations(&mut self, listener: TcpListener) -> Result<(), RaiseError> {
        let told = Told { readiness: self.readiness(), metrics: self.metrics(), state: self.state() };
        let router = operations::router(told);
        let Surroundings { clock, handle, .. } = &self.surroundings;
        let serving = Serving::start(listener, router, Arc::clone(clock), handle).map_err(RaiseError::Listen)?;
        self.operations = Some(serving);
        Ok(())
    }

    /// Whether a room speaks TLS itself.
    #[must_use]
    pub fn shows_certificates(&self) -> bool {
        !self.certificates.is_empty()
    }

    /// Looks at the files of all certificates now.
    pub fn reload_certificates(&self) {
        self.certificates.iter().for_each(Tls::look_again);
    }

    /// The identity provider, for administration.
    #[must_use]
    pub fn identity(&self) -> Option<&Arc<Identity>> {
        self.identity.as_ref().map(|part| &part.room)
    }

    /// Where identity listens.
    #[must_use]
    pub fn identity_addr(&self) -> Option<SocketAddr> {
        self.identity.as_ref()?.serving.as_ref().map(Serving::addr)
    }

    /// Where the gateway listens.
    pub async fn gateway_addr(&self) -> Option<SocketAddr> {
        self.gateway.read().await.as_ref().map(Gateway::addr)
    }

    /// Where the operations listener is.
    #[must_use]
    pub fn operations_addr(&self) -> Option<SocketAddr> {
        self.operations.as_ref().map(Serving::addr)
    }

    /// Waits until the gateway has taken its first leases.
    pub async fn started(&self) {
        if let Some(gateway) = &*self.gateway.read().await {
            gateway.started().await;
        }
    }

    /// Stops the gateway: it takes no more requests, and those under way may finish.
    pub async fn close_gateway(&mut self, deadline: Duration) {
        // Taken out first: whoever asks meanwhile whether the process is ready must not wait for the drain.
        let gateway = self.gateway.write().await.take();
        if let Some(gateway) = gateway {
            gateway.shutdown(deadline).await;
        }
    }

    /// Stops identity in the same way, then closes the database.
    pub async fn close_identity(&mut self, deadline: Duration) {
        if let Some(IdentityPart { store, room, serving, .. }) = self.identity.take() {
            room.drain();
            if let Some(serving) = serving {
                serving.shutdown(deadline).await;
            }
            store.close().await;
        }
    }

    /// Says to whoever asks that the process should get no more traffic.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// From the edge inwards, all of it within `deadline`: what the edge takes is no longer there for the rooms behind it.
    pub async fn shutdown(mut self, deadline: Duration) {
        self.drain();
        let clock = Arc::clone(&self.surroundings.clock);
        let end = clock.monotonic().plus(deadline);
        let left = || end.since(clock.monotonic());
        self.close_gateway(left()).await;
        self.close_identity(left()).await;
        if let Some(Traced { otlp, .. }) = &self.traces {
            // Nothing is lost with a collector that answers; one that does not is not waited for.
            let _ = before(&*clock, end, otlp.flush()).await;
        }
        self.close_operations(left()).await;
    }

    /// Stops answering whether the process is ready.
    pub async fn close_operations(&mut self, deadline: Duration) {
        if let Some(operations) = self.operations.take() {
            operations.shutdown(deadline).await;
        }
    }

    /// Which parts should get no traffic yet, or any more.
    fn readiness(&self) -> Readiness {
        let (gateway, draining) = (Arc::clone(&self.gateway), Arc::clone(&self.draining));
        let feed = self.identity.as_ref().map(|part| part.room.feed());
        let clock = Arc::clone(&self.surroundings.clock);
        Arc::new(move || {
            let (gateway, draining) = (Arc::clone(&gateway), draining.load(Ordering::Relaxed));
            let (feed, clock) = (feed.clone(), Arc::clone(&clock));
            Box::pin(async move {
                let mut missing = Vec::new();
                if draining {
                    missing.push("draining");
                }
                if let Some(feed) = feed
                    && !answers(&*feed, &*clock).await
                {
                    missing.push("store");
                }
                if gateway.read().await.as_ref().is_some_and(|gateway| !gateway.ready()) {
                    missing.push("gateway");
                }
                missing
            })
        })
    }

    /// A realm of this process: the ports as the gateway's own client, behind the switches.
    async fn own_ports(&self, name: &RealmName, config: &gateway::Gateway) -> Result<RealmPorts, RaiseError> {
        let unknown = || RaiseError::UnknownRealm(name.clone());
        let part = self.identity.as_ref().ok_or_else(unknown)?;
        let client = own_client::ensure(&*part.store, name, config, self.surroundings.clock.wall()).await?;
        let switches = &self.surroundings.switches;
        let feed: Arc<dyn Feed> = switches.before(part.room.feed());
        let exchange: Arc<dyn Exchange> = switches.before(part.room.exchange(client.clone()));
        let login: Arc<dyn Login> = switches.before(part.room.login(client.clone()));
        let keys: Arc<dyn KeySource> = own_keys::of(Arc::clone(&feed), name.clone());
        Ok(RealmPorts { issuer: name.issuer(&part.base_url), feed, keys, exchange, login, client })
    }

    /// A realm of another process, or of this one by its front door: the wire forms of the ports.
    fn remote_ports(&self, realm: RemoteRealm) -> Result<RealmPorts, RaiseError> {
        let RemoteRealm { name: _, issuer, address, client_id, client_secret, certificate_authorities } = realm;
        let http = self.http_client(&certificate_authorities)?;
        let base = address.as_ref().map_or_else(|| issuer.to_string(), ToString::to_string);
        let url = format!("{}/oauth2/jwks", base.trim_end_matches('/')).parse().map_err(RaiseError::Address)?;
        let keys: Arc<dyn KeySource> = Arc::new(JwksAddress { url, client: http.clone() });
        let connection = Connection {
            issuer: issuer.clone(),
            address,
            client_id: client_id.clone(),
            client_secret,
            http,
            clock: Arc::clone(&self.surroundings.clock),
            handle: self.surroundings.handle.clone(),
        };
        let identity = RemoteIdentity::new(connection)?;
        let feed: Arc<dyn Feed> = identity.feed();
        let exchange: Arc<dyn Exchange> = identity.exchange();
        let login: Arc<dyn Login> = identity.login();
        Ok(RealmPorts { issuer, feed, keys, exchange, login, client: client_id })
    }

    fn http_client(&self, authorities: &[u8]) -> Result<Client<Configured>, RaiseError> {
        let mut options = Options::new(fetch_timer(&self.surroundings.clock), self.surroundings.handle.clone());
        if !authorities.is_empty() {
            options.extra_roots = certificates(authorities)?;
        }
        Ok(Client::configured(options)?)
    }

    /// Shows a certificate for as long as the house stands.
    fn show(&mut self, name: &'static str, pair: Pair, offer: Offer) -> Arc<Handshake> {
        let Surroundings { clock, handle, .. } = &self.surroundings;
        let tls = Tls::start(name, pair, Arc::clone(clock), handle);
        let config = tls.config(offer);
        self.certificates.push(tls);
        config
    }
}

impl fmt::Debug for House {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("House")
            .field("identity", &self.identity_addr())
            .field("operations", &self.operations_addr())
            .finish_non_exhaustive()
    }
}

/// Whether the database says in time where the feed stands.
async fn answers(feed: &dyn Feed, clock: &dyn Clock) -> bool {
    let Ok(realm) = RealmName::DEFAULT.parse() else { return false };
    let deadline = clock.monotonic().plus(READINESS_DEADLINE);
    before(clock, deadline, feed.head(&realm)).await.is_ok_and(|head| head.is_ok())
}

/// Every realm that a guarded route or a login mount names.
fn named_realms(config: &gateway::Gateway) -> BTreeSet<RealmName> {
    let guarded = config.routes.iter().filter(|route| route.guard != gateway::GuardKind::Open);
    let routes = guarded.map(|route| route.realm.clone());
    routes.chain(config.login.iter().map(|mount| mount.realm.clone())).collect()
}

#[cfg(test)]
mod tests;
