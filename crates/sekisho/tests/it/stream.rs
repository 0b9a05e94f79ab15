//! The gateway does not buffer: a gibibyte in both directions at once through the real binary, and what its memory did
//! meanwhile. Memory is read from `/proc`, so this runs on Linux alone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::binary::terminate;

const GIBIBYTE: u64 = 1 << 30;
const CHUNK: usize = 64 << 10;
/// How much the process may grow.
const GROWTH_BYTES_MAX: u64 = 16 << 20;

/// `sekisho serve` with one open route.
struct Served {
    child: Child,
    gateway: SocketAddr,
    _dir: tempfile::TempDir,
}

// === impl Served ===

impl Served {
    async fn before(upstream: SocketAddr) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (gateway, operations) = (free_port().await, free_port().await);
        let config = format!(
            "data: {}\noperations: {{ listen: '{operations}' }}\ngateway:\n  listen: '{gateway}'\n  routes:\n    - name: open\n      \
             match: {{ path: / }}\n      upstream: http://{upstream}\n      guard: open\n",
            dir.path().display(),
        );
        let file = dir.path().join("sekisho.yaml");
        std::fs::write(&file, config).unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .args(["serve", "--config"])
            .arg(&file)
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let served = Self { child, gateway, _dir: dir };
        served.until_ready().await;
        served
    }

    #[expect(clippy::disallowed_methods, reason = "the binary runs on real time")]
    async fn until_ready(&self) {
        for _ in 0..500 {
            if TcpStream::connect(self.gateway).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the gateway did not come up");
    }

    /// Waits until nobody is let in any more.
    #[expect(clippy::disallowed_methods, reason = "the binary runs on real time")]
    async fn until_closed(&self) {
        for _ in 0..500 {
            if TcpStream::connect(self.gateway).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("the gateway still listens");
    }

    /// The most memory that was ever resident, in bytes.
    fn peak(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() << 10
    }
}

/// A body that ends when it is told to.
fn held_back() -> (mpsc::Sender<&'static str>, impl hyper::body::Body<Data = Bytes, Error = Infallible> + Send) {
    let (sender, receiver) = mpsc::channel(1);
    let parts = futures_util::stream::unfold(receiver, async |mut receiver| {
        let part: &'static str = receiver.recv().await?;
        Some((Ok(Frame::data(Bytes::from_static(part.as_bytes()))), receiver))
    });
    (sender, StreamBody::new(parts))
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// A body of a gibibyte that exists a chunk at a time.
fn gibibyte() -> impl hyper::body::Body<Data = Bytes, Error = Infallible> + Send + 'static {
    let chunk = Bytes::from(vec![b'x'; CHUNK]);
    let chunks = futures_util::stream::iter(std::iter::repeat_n(chunk, usize::try_from(GIBIBYTE).unwrap() / CHUNK));
    StreamBody::new(futures_util::StreamExt::map(chunks, |chunk| Ok(Frame::data(chunk))))
}

async fn count(mut body: Incoming) -> u64 {
    let mut bytes = 0;
    while let Some(frame) = body.frame().await {
        bytes += frame.unwrap().data_ref().map_or(0, |data| data.len() as u64);
    }
    bytes
}

/// Sends back what it is sent, as it comes.
async fn upstream() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    Handle::current().spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let echo = async |request: Request<Incoming>| Ok::<_, Infallible>(Response::new(request.into_body()));
            let service = hyper::service::service_fn(echo);
            let connection = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
            let _ = connection.await;
        }
    });
    addr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gibibyte_goes_both_ways_at_once_while_the_gateway_grows_by_16_mib_at_most() {
    let served = Served::before(upstream().await).await;
    let before = served.peak();
    let stream = TcpStream::connect(served.gateway).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    Handle::current().spawn(connection);
    let request = Request::post("/").header("host", served.gateway.to_string()).body(gibibyte()).unwrap();
    let response = sender.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let received = count(response.into_body()).await;
    assert_eq!(received, GIBIBYTE, "every byte went up and came down");
    let growth = served.peak() - before;
    assert!(growth <= GROWTH_BYTES_MAX, "grew by {} KiB from {} KiB", growth >> 10, before >> 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_under_way_at_a_sigterm_is_finished_and_nothing_new_is_begun() {
    let mut served = Served::before(upstream().await).await;
    let stream = TcpStream::connect(served.gateway).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
    Handle::current().spawn(connection);
    let (parts, body) = held_back();
    let request = Request::post("/").header("host", served.gateway.to_string()).body(body).unwrap();
    let answer = Handle::current().spawn(sender.send_request(request));
    parts.send("half of it, ").await.unwrap();
    // The echo of the first half says that the request has arrived everywhere.
    let answer = answer.await.unwrap().unwrap();
    assert_eq!(answer.status(), 200);
    terminate(&served.child);
    served.until_closed().await;
    parts.send("and the rest").await.unwrap();
    drop(parts);
    let whole = answer.into_body().collect().await.unwrap().to_bytes();
    assert_eq!(whole, "half of it, and the rest");
    assert_eq!(served.child.wait().unwrap().code(), Some(0), "it ends well");
}
