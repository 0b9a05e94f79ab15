//! The gateway as a whole: its listeners, its cores, starting and draining.
//!
//! Every core is a thread with a current-thread runtime, a listener of its own on the same address (`SO_REUSEPORT`) and
//! an upstream pool of its own; cores share the routes, what is known of each realm, and the audit. Work for identity
//! runs on the `control` runtime, never on a core.
//!
//! Not here: what happens to a connection (`core`), to a request (the crate's root).

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener as StdListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use sekisho_guard::access::NoAudience;
use sekisho_guard::clock::before;
use sekisho_guard::jwks::KeySource;
use sekisho_token::Entropy;
use sekisho_wire::{Audit, ClientId, Clock, Exchange, Feed, Issuer, Login, RealmName};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle};
use tokio::sync::{Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

use crate::config::{self, Invalids, Scheme};
use crate::core::{Core, Shared, Stage};
use crate::realm::{Realm, Services};
use crate::routes;

/// How many connections the kernel queues for a core.
const BACKLOG: i32 = 1024;

/// What a gateway is made of.
#[derive(Debug)]
pub struct Parts {
    /// What it is told to do.
    pub config: config::Gateway,
    /// The ports of every realm that its configuration names.
    pub realms: HashMap<RealmName, RealmPorts>,
    /// What deadlines, leases and expiries count on.
    pub clock: Arc<dyn Clock>,
    /// Where ids come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where refusals are recorded.
    pub audit: Arc<dyn Audit>,
    /// Where calls to identity run.
    pub control: Handle,
    /// Where to listen; port 0 takes any free one.
    pub listen: SocketAddr,
    /// How to speak TLS, when it does not end in front of the gateway. Offers `http/1.1` and nothing else by ALPN.
    pub tls: Option<Arc<ServerConfig>>,
}

/// The ports of one realm.
#[derive(Clone, Debug)]
pub struct RealmPorts {
    /// The `iss` of its tokens.
    pub issuer: Issuer,
    /// Its feed.
    pub feed: Arc<dyn Feed>,
    /// Its JWKS, asked by routes with `revocation: none`.
    pub keys: Arc<dyn KeySource>,
    /// Credentials for credentials, as the gateway's own client.
    pub exchange: Arc<dyn Exchange>,
    /// First-party login, as the gateway's own client.
    pub login: Arc<dyn Login>,
    /// The gateway's own client.
    pub client: ClientId,
}

/// A running gateway. Dropping it stops it without waiting for anybody.
#[derive(Debug)]
pub struct Gateway {
    addr: SocketAddr,
    shared: Arc<Shared>,
    ports: HashMap<RealmName, RealmPorts>,
    services: Services,
    realms: Mutex<HashMap<RealmName, Arc<Realm>>>,
    stage: watch::Sender<Stage>,
    /// Closes when the last core has ended.
    ended: mpsc::Receiver<Infallible>,
}

/// A gateway could not start, or could not take new routes.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration has mistakes.
    #[error(transparent)]
    Invalid(#[from] Invalids),
    /// The configuration names a realm that it was given no ports of.
    #[error("realm `{0}` does not exist")]
    UnknownRealm(RealmName),
    /// Something needs the feed of a realm that nobody follows.
    #[error("the feed of realm `{0}` is not followed")]
    NotFollowed(RealmName),
    /// A guard without an audience.
    #[error(transparent)]
    NoAudience(#[from] NoAudience),
    /// Plain HTTP beyond this machine.
    #[error("{0} is not a loopback address, and plain http is for loopback only: put https in front and say so")]
    NotLoopback(SocketAddr),
    /// TLS, and cookies for plain HTTP.
    #[error("a gateway that speaks TLS is reached by https: expected that scheme")]
    NotHttps,
    /// The address cannot be listened on.
    #[error("cannot listen on {addr}: {source}")]
    Listen {
        /// Which address.
        addr: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A core could not start.
    #[error("a core could not start: {0}")]
    Core(#[source] io::Error),
}

// === impl Gateway ===

impl Gateway {
    /// Starts: listens, follows the feeds, serves.
    ///
    /// Requests that arrive before a realm's feed was loaded get 503; [`Gateway::started`] waits for it.
    ///
    /// # Errors
    /// [`StartError`]; nothing runs then.
    pub fn start(parts: Parts) -> Result<Self, StartError> {
        let Parts { config, realms: ports, clock, entropy, audit, control, listen, tls } = parts;
        if config.scheme == Scheme::Http && tls.is_some() {
            return Err(StartError::NotHttps);
        }
        if config.scheme == Scheme::Http && !listen.ip().is_loopback() {
            return Err(StartError::NotLoopback(listen));
        }
        let limits = Arc::new(config.limits.clone());
        let services = Services { clock: Arc::clone(&clock), control, limits: Arc::clone(&limits) };
        let built = routes::build(&config, &ports, &HashMap::new(), &services)?;
        let unheard = |source| StartError::Listen { addr: listen, source };
        let (addr, listeners) = bind(listen, limits.cores.get()).map_err(unheard)?;
        let shared = Arc::new(Shared {
            connections: Arc::new(Semaphore::new(limits.connections_max.min(Semaphore::MAX_PERMITS))),
            draining: AtomicBool::new(false),
            table: ArcSwap::from_pointee(built.table),
            limits,
            clock,
            entropy,
            audit,
            tls: tls.map(TlsAcceptor::from),
        });
        let (stage, told) = watch::channel(Stage::Serve);
        let (alive, ended) = mpsc::channel(1);
        for (number, listener) in listeners.into_iter().enumerate() {
            let (shared, told, alive) = (Arc::clone(&shared), told.clone(), alive.clone());
            start_core(number, listener, (shared, told), alive).map_err(StartError::Core)?;
        }
        Ok(Self { addr, shared, ports, services, realms: Mutex::new(built.realms), stage, ended })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Whether the feeds and keys of all realms were loaded. Says nothing about their age.
    #[must_use]
    pub fn ready(&self) -> bool {
        self.realms().values().all(|realm| realm.ready())
    }

    /// Waits until the feeds and keys of all realms were loaded once.
    pub async fn started(&self) {
        let realms: Vec<Arc<Realm>> = self.realms().values().cloned().collect();
        for realm in realms {
            realm.started().await;
        }
    }

    /// Replaces routes, login mounts, allowed origins and trusted proxies. Requests that are under way finish on the old
    /// ones; limits stay as they were at the start.
    ///
    /// # Errors
    /// [`StartError`]; the old routes stay then.
    pub fn replace_routes(&self, config: &config::Gateway) -> Result<(), StartError> {
        let mut realms = self.realms();
        let built = routes::build(config, &self.ports, &realms, &self.services)?;
        self.shared.table.store(Arc::new(built.table));
        *realms = built.realms;
        Ok(())
    }

    /// Stops accepting, closes each connection after the request that is under way, and waits for that, no longer than
    /// `patience`.
    pub async fn shutdown(mut self, patience: Duration) {
        // Before anybody is woken: who is answered from now on is told that it was the last answer.
        self.shared.draining.store(true, Ordering::Release);
        self.stage.send_replace(Stage::Drain);
        let clock = Arc::clone(&self.shared.clock);
        let deadline = clock.monotonic().plus(patience);
        if before(&*clock, deadline, self.ended.recv()).await.is_err() {
            tracing::warn!("requests were still under way when draining ended");
            self.stage.send_replace(Stage::Stop);
            let _ = self.ended.recv().await;
        }
    }

    fn realms(&self) -> MutexGuard<'_, HashMap<RealmName, Arc<Realm>>> {
        self.realms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.stage.send_replace(Stage::Stop);
    }
}

/// One listener per core on the same address.
fn bind(addr: SocketAddr, cores: usize) -> io::Result<(SocketAddr, Vec<StdListener>)> {
    // With SO_REUSEPORT the kernel would let a second gateway share a busy port; without it, it says so.
    drop(StdListener::bind(addr)?);
    let mut listeners = Vec::with_capacity(cores);
    let mut actual = addr;
    for _ in 0..cores {
        let listener = listener(actual)?;
        actual = listener.local_addr()?;
        listeners.push(listener);
    }
    Ok((actual, listeners))
}

fn listener(addr: SocketAddr) -> io::Result<StdListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

/// A thread that ends when it is told to; `alive` closes then.
fn start_core(
    number: usize,
    listener: StdListener,
    (shared, told): (Arc<Shared>, watch::Receiver<Stage>),
    alive: mpsc::Sender<Infallible>,
) -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let listener = {
        let _inside = runtime.enter();
        TcpListener::from_std(listener)?
    };
    std::thread::Builder::new().name(format!("gateway-{number}")).spawn(move || {
        let core = Core::new(shared, runtime.handle().clone());
        runtime.block_on(core.run(listener, told));
        // Whatever was left undone ends here, before anybody is told that the core has ended.
        drop(runtime);
        drop(alive);
    })?;
    Ok(())
}
