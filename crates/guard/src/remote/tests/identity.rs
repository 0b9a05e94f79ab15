//! An identity provider of a page: the feed of a [`TestIssuer`], signed, and one canned answer for everything else.

use std::sync::{Mutex, Weak};

use sekisho_token::jwk::JwkSet;
use sekisho_token::jws;
use sekisho_wire::feed::{After, ENTRY_TYP, Envelope, Reader, SNAPSHOT_TYP};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use super::*;

pub(super) struct Identity {
    pub(super) issuer: TestIssuer,
    pub(super) streams_refused: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Signs the feed in the place of the issuer's own.
    signer: Option<SigningKey>,
    more_keys: Vec<sekisho_token::jwk::Jwk>,
    canned: Option<(u16, String, String)>,
    last: String,
    streams: Vec<Arc<Stream>>,
}

/// One open stream of events.
#[derive(Debug)]
struct Stream(mpsc::UnboundedSender<Envelope>);

impl Reader for Stream {
    fn offer(&self, envelopes: &[Envelope]) {
        envelopes.iter().for_each(|envelope| {
            let _ = self.0.send(envelope.clone());
        });
    }

    fn distrust(&self) {}
}

impl Identity {
    pub(super) async fn serve(clock: TestClock) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let identity = Arc::new(Self {
            issuer: TestIssuer::new("orders", clock).at(&base),
            streams_refused: AtomicBool::new(false),
            state: Mutex::default(),
        });
        let shared = Arc::clone(&identity);
        Handle::current().spawn(async move {
            loop {
                let (tcp, _) = listener.accept().await.unwrap();
                Handle::current().spawn(Arc::clone(&shared).converse(tcp));
            }
        });
        identity
    }

    /// What everything but the feed is answered from now on, and the feed too when it is no success.
    pub(super) fn answer(&self, status: u16, headers: &str, body: &str) {
        self.state.lock().unwrap().canned = Some((status, headers.to_owned(), body.to_owned()));
    }

    pub(super) fn sign_with(&self, key: SigningKey) {
        self.state.lock().unwrap().signer = Some(key);
    }

    pub(super) fn publish_in_jwks(&self, key: &SigningKey) {
        self.state.lock().unwrap().more_keys.push(key.public_jwk());
    }

    pub(super) fn last_request(&self) -> String {
        self.state.lock().unwrap().last.clone()
    }

    pub(super) fn streams(&self) -> usize {
        self.state.lock().unwrap().streams.len()
    }

    async fn converse(self: Arc<Self>, mut tcp: TcpStream) {
        let mut buffer = vec![0; 65536];
        while let Ok(read @ 1..) = tcp.read(&mut buffer).await {
            let request = String::from_utf8_lossy(&buffer[..read]).into_owned();
            self.state.lock().unwrap().last.clone_from(&request);
            if request.contains("text/event-stream") {
                if self.streams_refused.load(Ordering::SeqCst) {
                    return;
                }
                return self.stream(tcp).await;
            }
            let (status, headers, body) = self.reply(&request).await;
            let length = body.len();
            let answer = format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}");
            tcp.write_all(answer.as_bytes()).await.unwrap();
        }
    }

    async fn reply(&self, request: &str) -> (u16, String, String) {
        let target = request.split(' ').nth(1).unwrap();
        let path = target.strip_prefix("/realms/main").unwrap();
        if let Some((status, headers, body)) = self.state.lock().unwrap().canned.clone() {
            return (status, headers, body);
        }
        let (feed, realm) = (self.issuer.feed(), self.issuer.realm());
        let body = match path.split_once('?').unwrap_or((path, "")) {
            ("/oauth2/jwks", _) => {
                let keys = [vec![self.issuer.key().public_jwk()], self.state.lock().unwrap().more_keys.clone()];
                serde_json::to_string(&JwkSet::new(keys.concat())).unwrap()
            }
            ("/feed/head", _) => serde_json::to_string(&feed.head(realm).await.unwrap()).unwrap(),
            ("/feed/snapshot", _) => {
                let snapshot = feed.snapshot(realm).await.unwrap();
                serde_json::json!({ "signed": self.signed(&snapshot, SNAPSHOT_TYP) }).to_string()
            }
            ("/feed", query) => {
                let after = query.strip_prefix("after=").unwrap().parse().unwrap();
                match feed.after(realm, after).await.unwrap() {
                    After::Resnapshot => serde_json::json!({ "resnapshot": true }).to_string(),
                    After::Entries(entries) => {
                        let entries: Vec<_> = entries.iter().map(|one| self.envelope(one)).collect();
                        serde_json::json!({ "entries": entries }).to_string()
                    }
                }
            }
            (other, _) => panic!("nothing is at `{other}`"),
        };
        (200, String::new(), body)
    }

    async fn stream(&self, mut tcp: TcpStream) {
        let (sender, mut envelopes) = mpsc::unbounded_channel();
        let stream = Arc::new(Stream(sender));
        let reader: Weak<Stream> = Arc::downgrade(&stream);
        self.issuer.feed().attach(self.issuer.realm(), reader);
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n: keep-alive\n\n";
        tcp.write_all(head.as_bytes()).await.unwrap();
        self.state.lock().unwrap().streams.push(stream);
        while let Some(envelope) = envelopes.recv().await {
            let position = envelope.entry.position;
            let event = format!("event: entry\nid: {position}\ndata: {}\n\n", self.envelope(&envelope));
            tcp.write_all(event.as_bytes()).await.unwrap();
        }
    }

    fn envelope(&self, envelope: &Envelope) -> serde_json::Value {
        serde_json::json!({ "prev": envelope.prev, "signed": self.signed(&envelope.entry, ENTRY_TYP) })
    }

    fn signed(&self, payload: &impl serde::Serialize, typ: &str) -> String {
        let state = self.state.lock().unwrap();
        let key = state.signer.as_ref().unwrap_or(self.issuer.key());
        jws::sign(&serde_json::to_vec(payload).unwrap(), typ, key).unwrap()
    }
}
