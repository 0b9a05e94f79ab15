//! How a connection of HTTP/2 ends. No sockets, and a clock that the tests own.

use axum::routing::get;
use bytes::Bytes;
use http::StatusCode;
use http_body_util::Empty;
use hyper::client::conn::http2::SendRequest;
use sekisho_guard::testing::TestClock;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use super::*;

/// A connection that is being served.
struct Connection {
    sender: SendRequest<Empty<Bytes>>,
    clock: TestClock,
    stop: watch::Sender<bool>,
    served: JoinHandle<()>,
}

// === impl Connection ===

impl Connection {
    async fn to(router: Router) -> Self {
        let (stream, end) = tokio::io::duplex(1 << 16);
        let (clock, peer) = (TestClock::new(), "192.0.2.7:4242".parse().unwrap());
        let (stop, stopping) = watch::channel(false);
        let served = Handle::current().spawn(serve(end, peer, router, Arc::new(clock.clone()), stopping));
        let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = client.await.unwrap();
        Handle::current().spawn(connection);
        Self { sender, clock, stop, served }
    }

    fn ask(&mut self) -> impl Future<Output = hyper::Result<Response<Incoming>>> + use<> {
        let request = Request::get("https://localhost/").body(Empty::new()).unwrap();
        self.sender.send_request(request)
    }
}

/// A router whose answers wait until they are let go.
fn slow() -> (Router, Arc<Notify>, Arc<Notify>) {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, waits) = (Arc::clone(&arrived), Arc::clone(&go));
    let answer = async move || {
        told.notify_one();
        waits.notified().await;
        "done"
    };
    (Router::new().route("/", get(answer)), arrived, go)
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_is_closed() {
    let mut connection = Connection::to(Router::new().route("/", get(async || "here"))).await;
    assert_eq!(connection.ask().await.unwrap().status(), StatusCode::OK);
    connection.clock.settle().await;
    connection.clock.advance(IDLE_DEADLINE / 2).await;
    assert_eq!(connection.ask().await.unwrap().status(), StatusCode::OK);
    connection.clock.settle().await;
    connection.clock.advance(IDLE_DEADLINE / 2).await;
    assert!(!connection.served.is_finished(), "it was idle for half of the time, twice");
    connection.clock.advance(IDLE_DEADLINE / 2).await;
    connection.served.await.unwrap();
}

#[tokio::test]
async fn draining_lets_what_is_under_way_finish() {
    let (router, arrived, go) = slow();
    let mut connection = Connection::to(router).await;
    let answer = Handle::current().spawn(connection.ask());
    arrived.notified().await;
    connection.stop.send(true).unwrap();
    connection.clock.settle().await;
    assert!(!connection.served.is_finished());
    go.notify_one();
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "done");
    connection.served.await.unwrap();
}

#[tokio::test]
async fn a_client_that_never_says_a_word_is_left() {
    let (_stream, end) = tokio::io::duplex(1 << 16);
    let (clock, peer) = (TestClock::new(), "192.0.2.7:4242".parse().unwrap());
    let (_stop, stopping) = watch::channel(false);
    let served = Handle::current().spawn(serve(end, peer, Router::new(), Arc::new(clock.clone()), stopping));
    clock.settle().await;
    clock.advance(IDLE_DEADLINE).await;
    clock.advance(FAREWELL).await;
    served.await.unwrap();
}
