//! Gives every request an id before anything else is done with it.
//!
//! The id is the one that came in `x-request-id` (the gateway sends its own), or a fresh one; from here on it is in the
//! audit, in the log and in the answer. Where traces are collected, the request's span begins here too.

use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderMap, HeaderValue};
use sekisho_wire::RequestId;
use sekisho_wire::trace::{Open, Sampling};

use super::request::REQUEST_ID;
use crate::oauth::discovery::Endpoint;
use crate::observe;
use crate::room::Room;

pub(super) async fn observed(State(room): State<Arc<Room>>, mut request: Request, next: Next) -> Response {
    let mut given = request.headers().get_all(REQUEST_ID).iter();
    // Said twice it is said by somebody else as well.
    let one = given.next().filter(|_| given.next().is_none());
    let one = one.and_then(|id| id.to_str().ok()?.parse().ok());
    let id = one.unwrap_or_else(|| RequestId::generate(room.now(), &*room.entropy));
    let header = HeaderValue::try_from(id.to_string()).ok();
    if let Some(header) = header.clone() {
        request.headers_mut().insert(REQUEST_ID, header);
    }
    // The template that matched, never the path: a path may hold anything.
    let route = request.extensions().get::<MatchedPath>().cloned();
    let span = route.as_ref().and_then(|route| span(&room, request.headers(), route.as_str()));
    let answering = async {
        let response = next.run(request).await;
        let (route, status) = (route.as_ref().map(MatchedPath::as_str), response.status().as_u16());
        tracing::debug!(route, status, "answered");
        response
    };
    let mut response = observe::named("http", id, observe::traced(span.as_ref(), answering)).await;
    if let Some(mut span) = span {
        span.set("sekisho.request", id.to_string().as_str());
        span.answered(response.status().as_u16());
    }
    if let Some(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    response
}

/// The span of a request. Whoever follows the feed asks four times a second on nobody's behalf, so that alone begins no trace.
fn span(room: &Room, headers: &HeaderMap, route: &str) -> Option<Open> {
    let tracer = room.tracer.as_ref()?;
    let mut said = headers.get_all("traceparent").iter();
    let one = said.next().filter(|_| said.next().is_none());
    let said = one.and_then(|said| said.to_str().ok()?.parse().ok());
    if said.is_none() && route.contains(Endpoint::Feed.path()) {
        return None;
    }
    Some(tracer.serve(route, (said, Sampling::Followed)))
}
