//! One core: a thread that accepts connections, serves them, and ends when it is told to.
//!
//! TLS lies below the front door: a connection is handed on when its handshake is done, and is plain bytes from there on.
//! Both kinds are compiled apart, so that a plain connection does not pay for the other kind.
//!
//! Not here: starting and stopping all of them (`server`), what happens to a request (the crate's root), certificates
//! (the roof's).

use std::convert::Infallible;
use std::fmt;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use arc_swap::{ArcSwap, Guard};
use futures_util::FutureExt as _;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use sekisho_guard::clock::{Elapsed, before};
use sekisho_token::Entropy;
use sekisho_token::entropy::Drawn;
use sekisho_wire::trace::Tracer;
use sekisho_wire::{Audit, Clock};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;

use crate::config::Limits;
use crate::frontdoor::Door;
use crate::meters::Meters;
use crate::routes::Table;
use crate::trail::Peer;
use crate::upstream::Pool;

/// How much of a body hyper reads ahead. A head must fit as well.
const BUFFER_BYTES: usize = 64 << 10;
/// Up to here hyper parses headers without allocating.
const HEADERS_ON_STACK: usize = 100;
/// How long a core waits when the machine has no more sockets to give.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What all cores share.
pub(crate) struct Shared {
    pub(crate) limits: Arc<Limits>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) audit: Arc<dyn Audit>,
    pub(crate) connections: Arc<Semaphore>,
    /// Whether each answer is the last one on its connection.
    pub(crate) draining: AtomicBool,
    pub(crate) table: ArcSwap<Table>,
    pub(crate) meters: Arc<Meters>,
    pub(crate) tracer: Option<Tracer>,
    /// Shakes hands where the gateway speaks TLS itself.
    pub(crate) tls: Option<TlsAcceptor>,
}

/// One core.
#[derive(Debug)]
pub(crate) struct Core {
    shared: Arc<Shared>,
    pool: Arc<Pool>,
    handle: Handle,
    ids: Drawn,
}

/// What the cores are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    Serve,
    /// Accept nobody, and close each connection after the request that is under way.
    Drain,
    /// Leave everything.
    Stop,
}

// === impl Shared ===

impl Shared {
    /// The routes as they are now.
    pub(crate) fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("limits", &self.limits).finish_non_exhaustive()
    }
}

// === impl Core ===

impl Core {
    pub(crate) fn new(shared: Arc<Shared>, handle: Handle) -> Arc<Self> {
        let limits = &shared.limits;
        let pool = Pool::new(Arc::clone(&shared.clock), limits.upstream_idle_max, limits.upstream_idle_deadline);
        let ids = Drawn::from(Arc::clone(&shared.entropy));
        Arc::new(Self { pool: Arc::new(pool), handle, ids, shared })
    }

    pub(crate) fn shared(&self) -> &Shared {
        &self.shared
    }

    pub(crate) fn pool(&self) -> &Arc<Pool> {
        &self.pool
    }

    /// Randomness for ids of requests.
    pub(crate) fn ids(&self) -> &dyn Entropy {
        &self.ids
    }

    pub(crate) fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Serves until it is told to stop, or to drain and everybody is served.
    pub(crate) async fn run(self: Arc<Self>, listener: TcpListener, mut stage: watch::Receiver<Stage>) {
        let mut connections = JoinSet::new();
        let sweep = Arc::clone(&self).sweep();
        let mut sweep = pin!(sweep);
        while *stage.borrow_and_update() == Stage::Serve {
            tokio::select! {
                accepted = self.accept(&listener) => {
                    if let Some((stream, peer, permit)) = accepted {
                        connections.spawn(Arc::clone(&self).serve((stream, peer), permit, stage.clone()));
                    }
                }
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                () = &mut sweep => {}
                changed = stage.changed() => if changed.is_err() { return },
            }
        }
        // Who is in the queue already has been let in by the kernel: they get one answer each.
        while let Some(Some((stream, peer, permit))) = self.accept(&listener).now_or_never() {
            connections.spawn(Arc::clone(&self).serve((stream, peer), permit, stage.clone()));
        }
        drop(listener);
        while !connections.is_empty() && *stage.borrow_and_update() != Stage::Stop {
            tokio::select! {
                _ = connections.join_next() => {}
                changed = stage.changed() => if changed.is_err() { return },
            }
        }
    }

    /// The next connection, once there is room for it.
    async fn accept(&self, listener: &TcpListener) -> Option<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
        let permit = Arc::clone(&self.shared.connections).acquire_owned().await.ok()?;
        match listener.accept().await {
            Ok((stream, peer)) => Some((stream, peer, permit)),
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                self.shared.clock.sleep_until(self.shared.clock.monotonic().plus(ACCEPT_PAUSE)).await;
                None
            }
        }
    }

    /// Closes kept upstream connections that have grown old.
    async fn sweep(self: Arc<Self>) {
        let clock = &self.shared.clock;
        loop {
            clock.sleep_until(clock.monotonic().plus(self.shared.limits.upstream_idle_deadline)).await;
            self.pool.sweep();
        }
    }

    async fn serve(
        self: Arc<Self>,
        (stream, peer): (TcpStream, SocketAddr),
        permit: OwnedSemaphorePermit,
        stage: watch::Receiver<Stage>,
    ) {
        // Without it, the last segment of an answer could wait for the client's acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        match self.shared.tls.clone() {
            None => self.converse((stream, peer), stage).await,
            // Apart on the heap: what a handshake needs would otherwise be reserved for every plain connection too.
            Some(tls) => Box::pin(self.secure(&tls, (stream, peer), stage)).await,
        }
        drop(permit);
    }

    /// Shakes hands, then serves. Whoever does not get through it is not answered: there is no language to do it in.
    async fn secure(
        self: Arc<Self>,
        tls: &TlsAcceptor,
        (stream, peer): (TcpStream, SocketAddr),
        mut stage: watch::Receiver<Stage>,
    ) {
        let Shared { clock, limits, .. } = &*self.shared;
        let deadline = clock.monotonic().plus(limits.handshake_deadline);
        let shaken = tokio::select! {
            shaken = before(&**clock, deadline, tls.accept(stream)) => shaken,
            // Nothing was asked yet, so there is nothing to finish.
            () = stage.wait_for(|stage| *stage != Stage::Serve).map(|_| ()) => return,
        };
        match shaken {
            Ok(Ok(stream)) => self.converse((stream, peer), stage).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake failed"),
            Err(Elapsed) => tracing::debug!(%peer, "a handshake took too long"),
        }
    }

    async fn converse<S: AsyncRead + AsyncWrite + Unpin>(
        self: Arc<Self>,
        (stream, peer): (S, SocketAddr),
        mut stage: watch::Receiver<Stage>,
    ) {
        let limits = &self.shared.limits;
        let door = Door::new(stream, Arc::clone(limits), &self.shared.clock);
        let link = door.link();
        let core = Arc::clone(&self);
        let at = Arc::new(Peer::at(peer.ip()));
        let service = service_fn(move |request| {
            let answer = crate::handle(Arc::clone(&core), Arc::clone(&link), Arc::clone(&at), request);
            async move { Ok::<_, Infallible>(answer.await) }
        });
        let mut builder = Builder::new();
        // The door has its own deadlines for heads, on our clock, and its own count of headers.
        builder.header_read_timeout(None).max_buf_size(BUFFER_BYTES.max(limits.head_bytes_max));
        if limits.headers_max > HEADERS_ON_STACK {
            builder.max_headers(limits.headers_max);
        }
        builder.keep_alive(*stage.borrow_and_update() == Stage::Serve);
        let mut connection = pin!(builder.serve_connection(TokioIo::new(door), service));
        loop {
            tokio::select! {
                biased;
                served = connection.as_mut() => {
                    if let Err(error) = served {
                        tracing::debug!(%peer, %error, "a connection ended");
                    }
                    break;
                }
                changed = stage.changed() => match changed {
                    Ok(()) => connection.as_mut().graceful_shutdown(),
                    Err(_) => break,
                },
            }
        }
    }
}
