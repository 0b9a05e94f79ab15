//! One connection of HTTP/2, with limits (RFC 9113): how many requests at once, how long nothing may happen, how long the
//! other side may stay silent.
//!
//! Resets in quick succession and endless header blocks are bounded by the `h2` crate (CVE-2023-44487, CVE-2024-27316);
//! heads and bodies have the same limits as over HTTP/1.1.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sekisho_wire::Clock;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use tower_service::Service as _;

use super::listener::{BODY_BYTES_MAX, HEAD_BYTES_MAX, limited, stopped};
use super::timer::ClockTimer;

/// Requests at once on a connection.
const STREAMS_MAX: u32 = 100;
/// How long a connection is kept on which nothing is under way.
const IDLE_DEADLINE: Duration = Duration::from_secs(60);
/// So often the other side is asked whether it is still there …
const PING_PERIOD: Duration = Duration::from_secs(30);
/// … and so long it may take to say so.
const PING_DEADLINE: Duration = Duration::from_secs(20);
/// How long it may take to take note of a farewell.
const FAREWELL: Duration = Duration::from_secs(5);

/// A request that is under way, its answer's body included.
struct UnderWay(Arc<watch::Sender<usize>>);

// === impl UnderWay ===

impl UnderWay {
    fn begin(count: &Arc<watch::Sender<usize>>) -> Self {
        count.send_modify(|count| *count += 1);
        Self(Arc::clone(count))
    }

    /// The same answer, which is over when its body is.
    fn until_the_end_of(self, answer: Response<Body>) -> Response<Body> {
        answer.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _under_way = &self;
                frame
            }))
        })
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count = count.saturating_sub(1));
    }
}

/// Serves one connection to its end, to the end of what is under way once everything is stopping, or until it was idle for
/// too long.
pub(super) async fn serve<S>(
    stream: S,
    peer: SocketAddr,
    router: Router,
    clock: Arc<dyn Clock>,
    mut stopping: watch::Receiver<bool>,
) where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (count, under_way) = watch::channel(0);
    let (count, bodies) = (Arc::new(count), Arc::clone(&clock));
    let service = service_fn(move |request: Request<Incoming>| {
        let under_way = UnderWay::begin(&count);
        let answer = router.clone().call(limited(request, peer, BODY_BYTES_MAX, &bodies));
        async move { answer.await.map(|answer| under_way.until_the_end_of(answer)) }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(ClockTimer::new(Arc::clone(&clock)))
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(u32::try_from(HEAD_BYTES_MAX).unwrap_or(u32::MAX))
        .keep_alive_interval(PING_PERIOD)
        .keep_alive_timeout(PING_DEADLINE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = either(stopped(&mut stopping), quiet(under_way.clone(), &clock, IDLE_DEADLINE)) => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                ended = connection.as_mut() => ended,
                // Whoever does not take note of the farewell is left without an answer to it.
                () = quiet(under_way, &clock, FAREWELL) => Ok(()),
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}

async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    tokio::select! {
        () = one => {}
        () = other => {}
    }
}

/// Waits until nothing has been under way for so long.
async fn quiet(mut under_way: watch::Receiver<usize>, clock: &Arc<dyn Clock>, span: Duration) {
    // An error says that nobody is left who could begin anything.
    while under_way.wait_for(|count| *count == 0).await.is_ok() {
        tokio::select! {
            () = clock.sleep_until(clock.monotonic().plus(span)) => return,
            _ = under_way.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests;
