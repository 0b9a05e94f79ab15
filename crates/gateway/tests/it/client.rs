//! A client that writes the bytes it is told to and reads what comes back, in the clear or within TLS.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use rustls::pki_types::ServerName;
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// No answer may take longer than this in real time, whatever the clock of the test shows: a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(20);

/// Header lines of a request.
pub(crate) type Headers<'a> = &'a [(&'a str, &'a str)];

/// How a gateway is reached.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) addr: SocketAddr,
    /// Shakes hands, where the gateway speaks TLS.
    pub(crate) tls: Option<TlsConnector>,
}

/// A connection to the gateway.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Box<dyn Stream>,
    unread: Vec<u8>,
}

/// What bytes are written to and read from.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin + fmt::Debug> Stream for S {}

/// An answer.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

/// Waits for something that must happen soon.
#[expect(clippy::disallowed_methods, reason = "a bound in real time on a test that hangs")]
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("this took too long")
}

/// One request on a connection of its own.
pub(crate) async fn ask(way: &Way, request: &str) -> Answer {
    Connection::open(way).await.ask(request).await
}

/// Everything that comes back for these bytes, until the gateway closes.
pub(crate) async fn raw(way: &Way, bytes: &[u8]) -> String {
    let mut connection = Connection::open(way).await;
    connection.write(bytes).await;
    connection.rest().await
}

/// `GET path` with these header lines.
pub(crate) fn get(path: &str, headers: &[(&str, &str)]) -> String {
    request("GET", path, headers, "")
}

/// A request with a body, if it is not empty.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> String {
    let mut text = format!("{method} {path} HTTP/1.1\r\n");
    if !headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
        text.push_str("Host: gateway.test\r\n");
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", body.len()));
    }
    format!("{text}\r\n{body}")
}

// === impl Way ===

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("addr", &self.addr).field("tls", &self.tls.is_some()).finish()
    }
}

// === impl Connection ===

impl Connection {
    pub(crate) async fn open(way: &Way) -> Self {
        let stream = soon(TcpStream::connect(way.addr)).await.unwrap();
        let stream: Box<dyn Stream> = match &way.tls {
            None => Box::new(stream),
            Some(tls) => {
                let name = ServerName::try_from("gateway.test").unwrap();
                Box::new(soon(tls.connect(name, stream)).await.unwrap())
            }
        };
        Self { stream, unread: Vec::new() }
    }

    /// Whether all of it was taken. The gateway may have closed already; mostly, what it answered is what counts.
    pub(crate) async fn write(&mut self, bytes: &[u8]) -> bool {
        soon(self.stream.write_all(bytes)).await.is_ok() && soon(self.stream.flush()).await.is_ok()
    }

    pub(crate) async fn ask(&mut self, request: &str) -> Answer {
        self.write(request.as_bytes()).await;
        let is_head = request.starts_with("HEAD ");
        soon(self.answer(is_head)).await
    }

    /// Whether all of this was taken within so much real time.
    #[expect(clippy::disallowed_methods, reason = "a client that is not read from can only be seen to wait")]
    pub(crate) async fn write_within(&mut self, bytes: &[u8], patience: Duration) -> bool {
        matches!(tokio::time::timeout(patience, self.stream.write_all(bytes)).await, Ok(Ok(())))
    }

    /// The next answer. Interim ones are kept in its head.
    pub(crate) async fn answer(&mut self, is_head: bool) -> Answer {
        let mut interim = String::new();
        loop {
            let end = self.until(b"\r\n\r\n").await.expect("the gateway closed without an answer");
            let head = String::from_utf8(self.unread.drain(..end).collect()).unwrap();
            let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
            if status < 200 {
                interim.push_str(&head);
                continue;
            }
            let mut answer = Answer { status, head: interim + &head, body: Vec::new() };
            if !is_head && status != 204 && status != 304 {
                answer.body = self.body(&answer).await;
            }
            return answer;
        }
    }

    async fn body(&mut self, answer: &Answer) -> Vec<u8> {
        if answer.header("transfer-encoding").is_some() {
            let mut body = Vec::new();
            loop {
                let end = self.until(b"\r\n").await.expect("a chunk");
                let line: Vec<u8> = self.unread.drain(..end).collect();
                let size = usize::from_str_radix(std::str::from_utf8(&line).unwrap().trim(), 16).unwrap();
                self.fill(size + 2).await;
                body.extend(self.unread.drain(..size + 2).take(size));
                if size == 0 {
                    return body;
                }
            }
        }
        let length = answer.header("content-length").map_or(0, |text| text.parse().unwrap());
        self.fill(length).await;
        self.unread.drain(..length).collect()
    }

    /// Reads until the gateway closes.
    pub(crate) async fn rest(&mut self) -> String {
        let mut buffer = [0; 4096];
        loop {
            match soon(self.stream.read(&mut buffer)).await {
                Ok(0) | Err(_) => return String::from_utf8_lossy(&std::mem::take(&mut self.unread)).into_owned(),
                Ok(read) => self.unread.extend_from_slice(&buffer[..read]),
            }
        }
    }

    /// Says that nothing more will be sent, and reads until the gateway closes.
    pub(crate) async fn finish(&mut self) -> String {
        let _ = self.stream.shutdown().await;
        self.rest().await
    }

    /// Reads a piece of whatever comes; nothing when the gateway closed.
    pub(crate) async fn piece(&mut self) -> Vec<u8> {
        if !self.unread.is_empty() {
            return std::mem::take(&mut self.unread);
        }
        let mut buffer = vec![0; 64 << 10];
        let read = soon(self.stream.read(&mut buffer)).await.unwrap_or(0);
        buffer.truncate(read);
        buffer
    }

    async fn until(&mut self, mark: &[u8]) -> Option<usize> {
        loop {
            if let Some(at) = self.unread.windows(mark.len()).position(|window| window == mark) {
                return Some(at + mark.len());
            }
            if !self.more().await {
                return None;
            }
        }
    }

    async fn fill(&mut self, length: usize) {
        while self.unread.len() < length {
            assert!(self.more().await, "the gateway closed inside a body");
        }
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 8192];
        let read = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.unread.extend_from_slice(&buffer[..read]);
        read > 0
    }
}

// === impl Answer ===

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.split("\r\n").filter_map(|line| line.split_once(':'));
        lines.filter(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim()).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not json: {} {}", self.head, self.text()))
    }

    /// The stable code of a refusal; empty for an answer that is none.
    pub(crate) fn reason(&self) -> String {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["reason"].as_str().unwrap_or_default().to_owned()
    }

    /// Status and reason.
    pub(crate) fn verdict(&self) -> (u16, String) {
        (self.status, self.reason())
    }

    /// The value of a cookie that is set here.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<String> {
        let pairs = self.headers("set-cookie").into_iter().filter_map(|cookie| cookie.split(';').next());
        let mut values = pairs.filter_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        values.next().map(str::to_owned)
    }
}
