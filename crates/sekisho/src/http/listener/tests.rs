//! What a connection may not do, and what draining lets it finish. No sockets, and a clock that the tests own.

use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};
use sekisho_guard::testing::TestClock;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::sync::Notify;

use super::*;

/// A connection that is being served.
struct Connection {
    stream: DuplexStream,
    clock: TestClock,
    stop: watch::Sender<bool>,
}

// === impl Connection ===

impl Connection {
    #[expect(clippy::disallowed_methods, reason = "a test runs on the one runtime there is")]
    fn to(router: Router) -> Self {
        let (stream, served) = tokio::io::duplex(1 << 16);
        let (clock, peer) = (TestClock::new(), "192.0.2.7:4242".parse().unwrap());
        let (stop, stopping) = watch::channel(false);
        tokio::spawn(serve(served, peer, (router, BODY_BYTES_MAX), Arc::new(clock.clone()), stopping));
        Self { stream, clock, stop }
    }

    async fn say(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).await.unwrap();
    }

    /// Everything until the connection is closed.
    async fn heard(&mut self) -> String {
        let mut bytes = Vec::new();
        self.stream.read_to_end(&mut bytes).await.unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

fn echo() -> Router {
    Router::new().route("/", post(async |body: bytes::Bytes| body.len().to_string())).layer(DefaultBodyLimit::disable())
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up_at_the_deadline_of_the_whole() {
    let mut connection = Connection::to(echo());
    connection.say("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n").await;
    for _ in 0..4 {
        connection.say("x").await;
        connection.clock.advance(BODY_DEADLINE / 4).await;
    }
    assert!(connection.heard().await.starts_with("HTTP/1.1 400 "));
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused_although_the_room_sets_none() {
    let mut connection = Connection::to(echo());
    connection.say(&format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", BODY_BYTES_MAX + 1)).await;
    let (mut read, mut write) = tokio::io::split(connection.stream);
    let body = vec![b'x'; BODY_BYTES_MAX + 1];
    let mut answer = [0; 13];
    let (_, read) = tokio::join!(write.write_all(&body), read.read_exact(&mut answer));
    read.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 413 ");
}

#[tokio::test]
async fn a_head_that_does_not_arrive_ends_the_connection() {
    let mut connection = Connection::to(echo());
    connection.say("POST / HTTP/1.1\r\nhost:").await;
    connection.clock.advance(HEAD_DEADLINE).await;
    assert_eq!(connection.heard().await, "", "closed without a word");
}

#[tokio::test]
async fn draining_lets_the_request_under_way_finish_and_takes_no_other() {
    let (arrived, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (told, waits) = (Arc::clone(&arrived), Arc::clone(&go));
    let slow = async move || {
        told.notify_one();
        waits.notified().await;
        "done"
    };
    let mut connection = Connection::to(Router::new().route("/", get(slow)));
    connection.say("GET / HTTP/1.1\r\nhost: x\r\n\r\n").await;
    arrived.notified().await;
    connection.stop.send(true).unwrap();
    connection.clock.settle().await;
    go.notify_one();
    let heard = connection.heard().await;
    assert!(heard.starts_with("HTTP/1.1 200 ") && heard.ends_with("done"), "{heard}");
}

#[tokio::test]
async fn the_peers_address_is_that_of_the_connection_whatever_headers_say() {
    let address = async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.to_string();
    let mut connection = Connection::to(Router::new().route("/", get(address)));
    connection.say("GET / HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 10.0.0.1\r\nconnection: close\r\n\r\n").await;
    assert!(connection.heard().await.ends_with("192.0.2.7:4242"));
}
