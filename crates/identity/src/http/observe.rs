//! Gives every request an id before anything else is done with it, and a span where traces are collected.
//!
//! A request may say both of itself: `x-request-id`, and in `traceparent` whether its trace is kept. A stranger is not
//! believed, or they could hide behind another's id and decide how much we store: the id is a fresh one and our own throw
//! decides. A trusted proxy is believed at once, a client from the moment when it has proved who it is ([`Said::believe`]).
//! Whatever became of it is in the audit, in the log and in the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use sekisho_wire::RequestId;
use sekisho_wire::trace::{Context, Open, Sampling};

use super::request::{self, REQUEST_ID};
use crate::oauth::discovery::Endpoint;
use crate::observe;
use crate::room::Room;

/// Who a request is, and what it says it is. Clones are the same request.
#[derive(Clone, Debug)]
pub(super) struct Said(Arc<Parts>);

#[derive(Debug)]
struct Parts {
    given: RequestId,
    said: Option<RequestId>,
    believed: AtomicBool,
}

pub(super) async fn observed(State(room): State<Arc<Room>>, mut request: Request, next: Next) -> Response {
    let said = Said::by(&room, &request);
    request.extensions_mut().insert(said.clone());
    let trace = once(request.headers(), "traceparent");
    // The template that matched, never the path: a path may hold anything.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = route.as_ref().and_then(|route| span(&room, trace, route.as_str()));
    let route = route.as_ref().map(MatchedPath::as_str);
    let answering = async {
        let begun = room.clock.monotonic();
        let response = next.run(request).await;
        let status = response.status();
        tracing::debug!(route, status = status.as_u16(), "answered");
        room.meter.answered(route, status, room.clock.monotonic().since(begun));
        response
    };
    let mut response = observe::named("http", said.id(), observe::traced(span.as_ref(), answering)).await;
    let id = said.id().to_string();
    if let Some(mut span) = span {
        if let Some(trace) = trace.filter(|_| said.is_believed()) {
            span.follow(trace);
        }
        span.set("sekisho.request", id.as_str());
        span.answered(response.status().as_u16());
    }
    if let Ok(header) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    response
}

/// The span of a request. Whoever follows the feed asks four times a second on nobody's behalf, so that alone begins no trace.
fn span(room: &Room, said: Option<Context>, route: &str) -> Option<Open> {
    let tracer = room.tracer.as_ref()?;
    if said.is_none() && route.contains(Endpoint::Feed.path()) {
        return None;
    }
    Some(tracer.serve(route, (said, Sampling::Thrown)))
}

/// What a header says, once: said twice it is said by somebody else as well.
fn once<T: std::str::FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    let mut said = headers.get_all(name).iter();
    let one = said.next().filter(|_| said.next().is_none())?;
    one.to_str().ok()?.parse().ok()
}

// === impl Said ===

impl Said {
    fn by(room: &Room, request: &Request) -> Self {
        let given = RequestId::generate(room.now(), &*room.entropy);
        let believed = AtomicBool::new(request::is_from_trusted_proxy(request.extensions(), room));
        Self(Arc::new(Parts { given, said: once(request.headers(), REQUEST_ID), believed }))
    }

    /// The request's id, as far as is known by now.
    pub(super) fn id(&self) -> RequestId {
        self.0.said.filter(|_| self.is_believed()).unwrap_or(self.0.given)
    }

    /// Whoever asks is known, and may say which request this is a part of.
    pub(super) fn believe(&self) {
        if !self.0.believed.swap(true, Ordering::AcqRel) {
            observe::renamed(self.id());
        }
    }

    fn is_believed(&self) -> bool {
        self.0.believed.load(Ordering::Acquire)
    }
}
