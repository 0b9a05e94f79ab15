//! An upstream that records every request as the bytes it was, and answers as it is told.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::Notify;

/// What the spy answers when it is told nothing.
const FINE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine";

/// An upstream that remembers.
#[derive(Clone, Debug)]
pub(crate) struct Spy {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    plan: Mutex<VecDeque<Act>>,
    always: Mutex<Option<Act>>,
    connections: AtomicUsize,
    flooded: AtomicU64,
    arrived: Notify,
    go: Notify,
}

/// What the spy does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Writes these bytes.
    Answer(Vec<u8>),
    /// Reads the request and closes without a word.
    Close,
    /// Reads the request and never answers.
    Silence,
    /// Waits for [`Spy::go`], then answers.
    Wait,
    /// Answers, and closes once the gateway believes that the connection is kept.
    AnswerThenClose,
    /// Writes so many bytes of body.
    Flood(u64),
    /// Writes the head and these bytes, then nothing.
    Stall(Vec<u8>),
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

// === impl Spy ===

impl Spy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let for_task = Arc::clone(&shared);
        Handle::current().spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                for_task.connections.fetch_add(1, Ordering::SeqCst);
                Handle::current().spawn(Arc::clone(&for_task).serve(stream));
            }
        });
        Self { addr, shared }
    }

    /// Does this with the next request.
    pub(crate) fn next(&self, act: Act) {
        self.shared.plan.lock().unwrap().push_back(act);
    }

    /// Does this with every request that has no plan.
    pub(crate) fn always(&self, act: Act) {
        *self.shared.always.lock().unwrap() = Some(act);
    }

    /// Answers the next request with these header lines.
    pub(crate) fn next_with(&self, headers: &str) {
        self.next(Act::Answer(format!("HTTP/1.1 200 OK\r\n{headers}Content-Length: 4\r\n\r\nfine").into_bytes()));
    }

    pub(crate) fn hits(&self) -> usize {
        self.shared.seen.lock().unwrap().len()
    }

    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    #[track_caller]
    pub(crate) fn last(&self) -> Seen {
        self.shared.seen.lock().unwrap().last().cloned().expect("the upstream saw no request")
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Waits until so many requests have arrived.
    pub(crate) async fn arrived(&self, count: usize) {
        crate::client::soon(async {
            loop {
                let notified = self.shared.arrived.notified();
                if self.hits() >= count {
                    return;
                }
                notified.await;
            }
        })
        .await;
    }

    /// Bytes of bodies that were taken off the spy's hands.
    pub(crate) fn flooded(&self) -> u64 {
        self.shared.flooded.load(Ordering::SeqCst)
    }

    /// Waits until nothing more is taken.
    #[expect(clippy::disallowed_methods, reason = "that nothing happens can only be seen in real time")]
    pub(crate) async fn flooded_until_still(&self) {
        let mut before = u64::MAX;
        while std::mem::replace(&mut before, self.flooded()) != self.flooded() {
            tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        }
    }

    /// Lets one waiting request be answered.
    pub(crate) fn go(&self) {
        self.shared.go.notify_one();
    }
}

// === impl Shared ===

impl Shared {
    async fn serve(self: Arc<Self>, mut stream: TcpStream) {
        let mut unread = Vec::new();
        while let Some(seen) = self.request(&mut stream, &mut unread).await {
            let head_only = seen.head.starts_with("HEAD ");
            self.seen.lock().unwrap().push(seen);
            self.arrived.notify_waiters();
            let planned = self.plan.lock().unwrap().pop_front();
            let act = planned.or_else(|| self.always.lock().unwrap().clone());
            if !self.act(act, &mut stream, head_only).await {
                return;
            }
        }
    }

    /// Whether the connection goes on.
    async fn act(&self, act: Option<Act>, stream: &mut TcpStream, head_only: bool) -> bool {
        let fine = if head_only { FINE.strip_suffix("fine").unwrap() } else { FINE };
        match act {
            None => stream.write_all(fine.as_bytes()).await.is_ok(),
            Some(Act::Answer(bytes)) => stream.write_all(&bytes).await.is_ok(),
            Some(Act::Close) => false,
            Some(Act::Silence) => {
                std::future::pending::<()>().await;
                false
            }
            Some(Act::Wait) => {
                self.go.notified().await;
                stream.write_all(fine.as_bytes()).await.is_ok()
            }
            Some(Act::AnswerThenClose) => {
                stream.write_all(fine.as_bytes()).await.unwrap();
                false
            }
            Some(Act::Flood(length)) => {
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n");
                stream.write_all(head.as_bytes()).await.unwrap();
                let piece = vec![b'x'; 64 << 10];
                let mut left = length;
                while left > 0 {
                    let size = left.min(piece.len() as u64);
                    if stream.write_all(&piece[..usize::try_from(size).unwrap()]).await.is_err() {
                        return false;
                    }
                    left -= size;
                    self.flooded.fetch_add(size, Ordering::SeqCst);
                }
                true
            }
            Some(Act::Stall(bytes)) => {
                stream.write_all(&bytes).await.unwrap();
                std::future::pending::<()>().await;
                false
            }
        }
    }

    async fn request(&self, stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<Seen> {
        let end = loop {
            if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
                break at + 4;
            }
            more(stream, unread).await?;
        };
        let head = String::from_utf8(unread.drain(..end).collect()).unwrap();
        let seen = Seen { head, body: Vec::new() };
        let length: usize = seen.header("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = Vec::new();
        if seen.header("transfer-encoding").is_some() {
            while !unread.ends_with(b"0\r\n\r\n") {
                more(stream, unread).await?;
            }
            body = std::mem::take(unread);
        } else if length <= 1 << 20 {
            while unread.len() < length {
                more(stream, unread).await?;
            }
            body = unread.drain(..length).collect();
        } else {
            // Too long to remember: counted instead.
            let mut read = unread.len();
            unread.clear();
            while read < length {
                more(stream, unread).await?;
                read += unread.len();
                unread.clear();
            }
        }
        Some(Seen { body, ..seen })
    }
}

async fn more(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<()> {
    let mut buffer = vec![0; 64 << 10];
    let read = stream.read(&mut buffer).await.ok().filter(|read| *read > 0)?;
    unread.extend_from_slice(&buffer[..read]);
    Some(())
}

// === impl Seen ===

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    /// The target of the request line.
    pub(crate) fn target(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    #[track_caller]
    pub(crate) fn bearer(&self) -> String {
        let authorization = self.header("authorization").expect("an authorization header");
        authorization.strip_prefix("Bearer ").expect("a bearer token").to_owned()
    }
}
