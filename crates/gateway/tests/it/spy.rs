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
    fragments: Mutex<Vec<String>>,
    plan: Mutex<VecDeque<Act>>,
    early: Mutex<Option<Act>>,
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
    /// Without its framing.
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

    /// Does this as soon as the next request's head has arrived; what may follow is read as usual.
    pub(crate) fn early(&self, act: Act) {
        *self.shared.early.lock().unwrap() = Some(act);
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

    /// All but the first so many.
    pub(crate) fn after(&self, hits: usize) -> Vec<Seen> {
        self.shared.seen.lock().unwrap()[hits..].to_vec()
    }

    pub(crate) fn all(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// What arrived on connections that ended before a request did.
    pub(crate) fn fragments(&self) -> Vec<String> {
        self.shared.fragments.lock().unwrap().clone()
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
        while let Some(begin) = head(&mut stream, &mut unread).await {
            let early = self.early.lock().unwrap().take();
            if early.is_some() && !self.act(early, &mut stream, false).await {
                return;
            }
            let Some(seen) = request(&mut stream, &mut unread, begin).await else { break };
            let head_only = seen.head.starts_with("HEAD ");
            self.seen.lock().unwrap().push(seen);
            self.arrived.notify_waiters();
            let planned = self.plan.lock().unwrap().pop_front();
            let act = planned.or_else(|| self.always.lock().unwrap().clone());
            if !self.act(act, &mut stream, head_only).await {
                return;
            }
        }
        if !unread.is_empty() {
            self.fragments.lock().unwrap().push(String::from_utf8_lossy(&unread).into_owned());
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
}

/// Where the next request's head ends.
async fn head(stream: &mut TcpStream, unread: &mut Vec<u8>) -> Option<usize> {
    loop {
        if let Some(at) = unread.windows(4).position(|window| window == b"\r\n\r\n") {
            return Some(at + 4);
        }
        more(stream, unread).await?;
    }
}

/// The next request, whose body begins here. What ended before it was whole stays unread.
async fn request(stream: &mut TcpStream, unread: &mut Vec<u8>, begin: usize) -> Option<Seen> {
    let head = String::from_utf8_lossy(&unread[..begin]).into_owned();
    let mut seen = Seen { head, body: Vec::new() };
    let length: usize = seen.header("content-length").map_or(0, |text| text.parse().unwrap());
    if seen.header("transfer-encoding").is_some() {
        let end = loop {
            if let Some((body, end)) = dechunked(unread, begin) {
                seen.body = body;
                break end;
            }
            more(stream, unread).await?;
        };
        unread.drain(..end);
    } else if length <= 1 << 20 {
        while unread.len() < begin + length {
            more(stream, unread).await?;
        }
        seen.body = unread.drain(..begin + length).skip(begin).collect();
    } else {
        // Too long to remember: counted instead.
        let mut left = length;
        unread.drain(..begin);
        while left > unread.len() {
            left -= unread.len();
            unread.clear();
            more(stream, unread).await?;
        }
        unread.drain(..left);
    }
    Some(seen)
}

/// The chunked body that begins here, and where it ends; none when it has not arrived whole. The gateway writes neither
/// extensions nor trailers, so this reader knows none.
fn dechunked(bytes: &[u8], begin: usize) -> Option<(Vec<u8>, usize)> {
    let (mut body, mut at) = (Vec::new(), begin);
    loop {
        let line_end = at + bytes.get(at..)?.windows(2).position(|window| window == b"\r\n")?;
        let line = std::str::from_utf8(&bytes[at..line_end]).unwrap();
        let size = usize::from_str_radix(line, 16).unwrap_or_else(|_| panic!("not a chunk size: `{line}`"));
        let data = bytes.get(line_end + 2..line_end + 2 + size + 2)?;
        assert!(data.ends_with(b"\r\n"), "a chunk that does not end where its size says");
        body.extend_from_slice(&data[..size]);
        at = line_end + 2 + size + 2;
        if size == 0 {
            return Some((body, at));
        }
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
