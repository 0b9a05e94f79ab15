//! A client outside the house: sends one request on a connection of its own and keeps every byte that came back, so that
//! a story can end with "and nothing of all that held a JWT".

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::runtime::Handle;

use crate::tls::secure;

/// No answer may take longer than this in real time, whatever the house's clock shows: a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sends requests to one address.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    addr: SocketAddr,
    /// How it shakes hands, where TLS is spoken.
    tls: Option<Arc<ClientConfig>>,
    received: Arc<Mutex<Vec<u8>>>,
    /// Below these paths no answer may hold a JWT, in whichever story.
    opaque: &'static [&'static str],
}

/// A request to be sent.
#[derive(Debug)]
pub(crate) struct Ask {
    client: Client,
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// What came back.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

// === impl Client ===

impl Client {
    pub(crate) fn of(addr: SocketAddr) -> Self {
        Self { addr, tls: None, received: Arc::default(), opaque: &[] }
    }

    /// One that speaks TLS, if there is something to do it with.
    pub(crate) fn over(self, tls: Option<&Arc<ClientConfig>>) -> Self {
        Self { tls: tls.cloned(), ..self }
    }

    /// One that fails its story when an answer from below these paths holds a JWT (OPQ-1).
    pub(crate) fn outside(addr: SocketAddr, opaque: &'static [&'static str]) -> Self {
        Self { opaque, ..Self::of(addr) }
    }

    pub(crate) fn get(&self, target: &str) -> Ask {
        self.ask(Method::GET, target)
    }

    pub(crate) fn post(&self, target: &str) -> Ask {
        self.ask(Method::POST, target)
    }

    pub(crate) fn ask(&self, method: Method, target: &str) -> Ask {
        Ask { client: self.clone(), method, target: target.to_owned(), headers: Vec::new(), body: Bytes::new() }
    }

    /// Every byte of every answer so far, heads and bodies.
    pub(crate) fn received(&self) -> String {
        String::from_utf8_lossy(&self.received.lock().unwrap()).into_owned()
    }

    async fn connect(&self) -> SendRequest<Full<Bytes>> {
        match &self.tls {
            None => {
                let stream = TcpStream::connect(self.addr).await.unwrap();
                let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
                Handle::current().spawn(connection);
                sender
            }
            Some(tls) => {
                let stream = secure(Arc::clone(tls).into(), self.addr).await.unwrap();
                let (sender, connection) = handshake(TokioIo::new(stream)).await.unwrap();
                Handle::current().spawn(connection);
                sender
            }
        }
    }

    fn note(&self, target: &str, answer: &Answer) {
        let mut received = Vec::new();
        for (name, value) in &answer.headers {
            received.extend_from_slice(name.as_str().as_bytes());
            received.extend_from_slice(b": ");
            received.extend_from_slice(value.as_bytes());
            received.push(b'\n');
        }
        received.extend_from_slice(&answer.body);
        received.push(b'\n');
        if self.opaque.iter().any(|path| target.starts_with(path)) {
            let text = String::from_utf8_lossy(&received);
            assert!(!holds_a_jwt(&text), "OPQ-1: {target} was answered with a JWT: {text}");
        }
        self.received.lock().unwrap().extend_from_slice(&received);
    }
}

// === impl Ask ===

impl Ask {
    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub(crate) fn basic(self, id: &str, secret: &str) -> Self {
        use base64::Engine as _;
        let credentials = base64::engine::general_purpose::STANDARD.encode(format!("{id}:{secret}"));
        self.header("authorization", &format!("Basic {credentials}"))
    }

    pub(crate) fn json(mut self, body: &Value) -> Self {
        self.body = Bytes::from(body.to_string());
        self.header("content-type", "application/json")
    }

    pub(crate) fn form(mut self, fields: &[(&str, &str)]) -> Self {
        let body: String = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
        self.body = Bytes::from(body);
        self.header("content-type", "application/x-www-form-urlencoded")
    }

    pub(crate) fn body(mut self, body: Vec<u8>) -> Self {
        self.body = Bytes::from(body);
        self
    }

    /// Sends and waits for the whole answer.
    #[expect(clippy::disallowed_methods, reason = "patience is real time")]
    pub(crate) async fn send(self) -> Answer {
        tokio::time::timeout(PATIENCE, self.exchange()).await.expect("no answer came")
    }

    async fn exchange(self) -> Answer {
        let mut sender = self.client.connect().await;
        let mut request = Request::builder().method(self.method).uri(&self.target);
        if !self.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("host")) {
            request = request.header("host", self.client.addr.to_string());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let response = sender.send_request(request.body(Full::new(self.body)).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        let answer = Answer { status: head.status, headers: head.headers, body };
        self.client.note(&self.target, &answer);
        answer
    }
}

/// Whether a text holds the start of a JWT: `{"` in base64url, the rest of a header, and a dot.
pub(crate) fn holds_a_jwt(text: &str) -> bool {
    let is_part = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    text.match_indices("eyJ").any(|(at, _)| {
        let tail = &text.as_bytes()[at..];
        let end = tail.iter().position(|&b| !is_part(b)).unwrap_or(tail.len());
        tail.get(end) == Some(&b'.')
    })
}

// === impl Answer ===

impl Answer {
    /// The status as a number, for tables.
    pub(crate) fn code(&self) -> u16 {
        self.status.as_u16()
    }

    /// Of a refusal, what another one of its kind says too.
    #[track_caller]
    pub(crate) fn json_without_id(&self) -> Value {
        let mut body = self.json();
        assert!(body.as_object_mut().unwrap().remove("id").is_some(), "no id in {}", self.text());
        body
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("not JSON: {:?}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The refusal's stable code.
    #[track_caller]
    pub(crate) fn reason(&self) -> String {
        self.json()["reason"].as_str().expect("a refusal names its reason").to_owned()
    }

    /// The value of a cookie that this answer sets.
    pub(crate) fn set_cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all("set-cookie").into_iter().filter_map(|value| value.to_str().ok());
        let mut values = cookies.filter_map(|cookie| cookie.split(';').next()?.strip_prefix(name)?.strip_prefix('='));
        values.next().map(str::to_owned)
    }
}
