//! Serves an axum router with limits, in the clear or over TLS, and drains it.
//!
//! In the clear it speaks HTTP/1.1; over TLS what the handshake agreed on, HTTP/1.1 here or HTTP/2 (`h2`). Every limit is a
//! constant with a name. The peer's address travels as [`ConnectInfo`]; no header is believed for it.
//!
//! Not here: routes, certificates (`tls`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use http::Request;
use http_body_util::Limited;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustls::ServerConfig;
use sekisho_guard::clock::{Elapsed, before};
use sekisho_wire::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tower_service::Service;

use super::body::Timely;
use super::h2;
use super::timer::ClockTimer;

/// How long a TLS handshake may take.
const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(10);
/// The largest head of a request, in bytes.
pub(super) const HEAD_BYTES_MAX: usize = 32 << 10;
/// The most headers of a request.
const HEADERS_MAX: usize = 100;
/// How long a head may take to arrive.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);
/// The largest body of a request from the network, in bytes; a room may permit less.
pub(super) const BODY_BYTES_MAX: usize = 2 << 20;
/// How long a whole body may take to arrive.
const BODY_DEADLINE: Duration = Duration::from_secs(30);
/// The most connections at once; further ones wait in the listener's queue.
const CONNECTIONS_MAX: usize = 10_000;
/// How long to wait after the system could not accept: it is out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// A router that is being served. Dropping it ends it without waiting for anybody.
#[derive(Debug)]
pub struct Serving {
    addr: SocketAddr,
    stop: watch::Sender<bool>,
    accepting: tokio::task::JoinHandle<()>,
    clock: Arc<dyn Clock>,
}

// === impl Serving ===

impl Serving {
    /// Begins to serve `router` on `listener`, with tasks on `handle`.
    ///
    /// # Errors
    /// The system's, when the listener has no address.
    pub fn start(listener: TcpListener, router: Router, clock: Arc<dyn Clock>, handle: &Handle) -> io::Result<Self> {
        Self::begin(listener, None, (router, clock), handle)
    }

    /// The same over TLS, to whoever gets through the handshake.
    ///
    /// # Errors
    /// The system's, when the listener has no address.
    pub fn start_over_tls(
        listener: TcpListener,
        tls: Arc<ServerConfig>,
        router: Router,
        clock: Arc<dyn Clock>,
        handle: &Handle,
    ) -> io::Result<Self> {
        Self::begin(listener, Some(TlsAcceptor::from(tls)), (router, clock), handle)
    }

    fn begin(
        listener: TcpListener,
        tls: Option<TlsAcceptor>,
        (router, clock): (Router, Arc<dyn Clock>),
        handle: &Handle,
    ) -> io::Result<Self> {
        let addr = listener.local_addr()?;
        let (stop, stopping) = watch::channel(false);
        let accepting = handle.spawn(accept((listener, tls), router, Arc::clone(&clock), stopping));
        Ok(Self { addr, stop, accepting, clock })
    }

    /// Where it listens.
    #[must_use]
    pub const fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Takes no more connections, lets requests under way finish, and ends at `deadline` in any case.
    pub async fn shutdown(mut self, deadline: Duration) {
        let _ = self.stop.send(true);
        let deadline = self.clock.monotonic().plus(deadline);
        tokio::select! {
            _ = &mut self.accepting => {}
            () = self.clock.sleep_until(deadline) => self.accepting.abort(),
        }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(
    (listener, tls): (TcpListener, Option<TlsAcceptor>),
    router: Router,
    clock: Arc<dyn Clock>,
    mut stopping: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let mut connections = JoinSet::new();
    loop {
        let place = Arc::clone(&places).acquire_owned();
        let accepted = tokio::select! {
            () = stopped(&mut stopping) => break,
            Some(_) = connections.join_next() => continue,
            (Ok(place), accepted) = async { (place.await, listener.accept().await) } => accepted.map(|found| (place, found)),
        };
        match accepted {
            Ok((place, (stream, peer))) => {
                // Answers and events are small; none of them is to wait for the last one's acknowledgement.
                let _ = stream.set_nodelay(true);
                let (router, clock, stopping) = (router.clone(), Arc::clone(&clock), stopping.clone());
                let tls = tls.clone();
                connections.spawn(async move {
                    match tls {
                        None => serve(stream, peer, (router, BODY_BYTES_MAX), clock, stopping).await,
                        // On the heap: a plain connection does not pay for what a handshake needs.
                        Some(tls) => Box::pin(secure((tls, stream), peer, router, clock, stopping)).await,
                    }
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                clock.sleep_until(clock.monotonic().plus(ACCEPT_PAUSE)).await;
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

/// Shakes hands, then serves in the language that was agreed on (RFC 7301).
async fn secure(
    (tls, stream): (TlsAcceptor, TcpStream),
    peer: SocketAddr,
    router: Router,
    clock: Arc<dyn Clock>,
    mut stopping: watch::Receiver<bool>,
) {
    let deadline = clock.monotonic().plus(HANDSHAKE_DEADLINE);
    let shaken = tokio::select! {
        shaken = before(&*clock, deadline, tls.accept(stream)) => shaken,
        // Nothing was asked yet, so there is nothing to finish.
        () = stopped(&mut stopping) => return,
    };
    match shaken {
        Ok(Ok(stream)) if stream.get_ref().1.alpn_protocol() == Some(b"h2") => {
            h2::serve(stream, peer, router, clock, stopping).await;
        }
        Ok(Ok(stream)) => serve(stream, peer, (router, BODY_BYTES_MAX), clock, stopping).await,
        Ok(Err(error)) => tracing::debug!(%peer, %error, "a handshake failed"),
        Err(Elapsed) => tracing::debug!(%peer, "a handshake took too long"),
    }
}

/// Serves one connection to its end, or to the end of the request under way once everything is stopping. No body is larger
/// than so many bytes.
pub(super) async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    (router, body_bytes_max): (Router, usize),
    clock: Arc<dyn Clock>,
    mut stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let bodies = Arc::clone(&clock);
    let service = service_fn(move |request| router.clone().call(limited(request, peer, body_bytes_max, &bodies)));
    let connection = http1::Builder::new()
        .timer(ClockTimer::new(clock))
        .header_read_timeout(HEAD_DEADLINE)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stopped(&mut stopping) => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}

/// A request as the router gets it: with its peer's address, and a body that has limits.
pub(super) fn limited(
    mut request: Request<Incoming>,
    peer: SocketAddr,
    body_bytes_max: usize,
    clock: &Arc<dyn Clock>,
) -> Request<Body> {
    request.extensions_mut().insert(ConnectInfo(peer));
    let deadline = clock.monotonic().plus(BODY_DEADLINE);
    request.map(|body| Body::new(Timely::new(Limited::new(body, body_bytes_max), Arc::clone(clock), deadline)))
}

/// Waits until everything is to stop. Nobody being left to say so means the same.
pub(super) async fn stopped(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stopping| *stopping).await.map(|_| ());
}

#[cfg(test)]
mod tests;
