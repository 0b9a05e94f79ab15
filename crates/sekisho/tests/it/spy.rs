//! An upstream that writes down every request it sees, so that "the service was not contacted" needs nobody's word.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::runtime::Handle;

/// A request as the upstream saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
}

/// The upstream. Answers 200 with a small body and whatever headers a test asked for.
#[derive(Clone, Debug)]
pub(crate) struct Spy {
    pub(crate) addr: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    seen: Mutex<Vec<Seen>>,
    answer_headers: Mutex<Vec<(HeaderName, HeaderValue)>>,
}

// === impl Spy ===

impl Spy {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let spy = Self { addr: listener.local_addr().unwrap(), shared: Arc::default() };
        Handle::current().spawn(accept(listener, spy.clone()));
        spy
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// How many requests arrived so far.
    pub(crate) fn hits(&self) -> usize {
        self.seen().len()
    }

    /// The newest request.
    #[track_caller]
    pub(crate) fn last(&self) -> Seen {
        self.seen().last().expect("the upstream saw no request").clone()
    }

    /// Makes every later answer carry a header.
    pub(crate) fn answer_with(&self, name: &str, value: &str) {
        let header = (name.parse().unwrap(), value.parse().unwrap());
        self.shared.answer_headers.lock().unwrap().push(header);
    }

    fn seen(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.shared.seen.lock().unwrap()
    }
}

// === impl Seen ===

impl Seen {
    /// The bearer token the upstream was given.
    #[track_caller]
    pub(crate) fn bearer(&self) -> String {
        let value = self.headers.get("authorization").expect("no Authorization header arrived").to_str().unwrap();
        value.strip_prefix("Bearer ").expect("not a bearer token").to_owned()
    }

    /// Every byte of the head, to search for what must not be there.
    pub(crate) fn head_text(&self) -> String {
        let headers = self.headers.iter().map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?")));
        format!("{} {}\n{}", self.method, self.target, headers.collect::<String>())
    }
}

async fn accept(listener: TcpListener, spy: Spy) {
    while let Ok((stream, _)) = listener.accept().await {
        let spy = spy.clone();
        Handle::current().spawn(async move {
            let service = hyper::service::service_fn(move |request| note(request, spy.clone()));
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn note(request: Request<Incoming>, spy: Spy) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    // Read to its end, as a service would, so that the connection can be used again.
    let _ = body.collect().await;
    let seen = Seen { method: head.method, target: head.uri.to_string(), headers: head.headers };
    spy.seen().push(seen);
    let mut response = Response::new(Full::new(Bytes::from_static(b"seen")));
    *response.status_mut() = StatusCode::OK;
    for (name, value) in spy.shared.answer_headers.lock().unwrap().iter() {
        response.headers_mut().append(name, value.clone());
    }
    Ok(response)
}
