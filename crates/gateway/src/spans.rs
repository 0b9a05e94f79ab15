//! The spans of a proxied request: the request itself, the call to its upstream, and calls to identity (`ports`).
//!
//! A span has the name of its route. Beyond that it holds what is a closed list or configured, and the request's id, by which
//! the audit and the log are found; never a path, an address or anything of the caller.
//!
//! Specs: W3C Trace Context §3. Not here: what is current while work is done (`sekisho_wire::trace`).

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode};
use sekisho_wire::Reason;
use sekisho_wire::trace::{self, Context, Failed, Open, Sampling, Tracer};

use crate::refusal::Refused;
use crate::routes::Route;
use crate::trail::Trail;
use crate::upstream::Answer;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");
/// The name of requests that belong to no route.
const UNROUTED: &str = "unrouted";
/// The method of requests with a method that HTTP does not name.
const OTHER: &str = "_OTHER";

/// Begins the span of a request that came in, below what it says itself.
pub(crate) fn begin(tracer: &Tracer, trail: &Trail, headers: &mut HeaderMap) -> Open {
    let said = said(headers);
    if said.is_none() {
        // §3.3.1.1: what goes with another trace does not go with ours.
        headers.remove(TRACESTATE);
    }
    let sampling = if trail.peer_trusted { Sampling::Followed } else { Sampling::Thrown };
    tracer.serve(UNROUTED, (said, sampling))
}

/// The request was answered.
pub(crate) fn end(mut span: Open, trail: &Trail, status: StatusCode, reason: Option<Reason>) {
    if let Some(route) = &trail.route {
        span.rename(route.name());
        span.set("http.route", route.name());
    }
    span.set("http.request.method", method(&trail.method));
    span.set("sekisho.request", trail.id.to_string().as_str());
    if let Some(realm) = &trail.realm {
        span.set("sekisho.realm", realm.as_str());
    }
    if let Some(reason) = reason {
        span.set("sekisho.reason", reason.code());
    }
    span.answered(status.as_u16());
}

/// Begins the span of the call to the upstream and puts it into the call's headers. Without a tracer, what the client said
/// about its trace travels as it is.
pub(crate) fn call(route: &Route, headers: &mut HeaderMap) -> Option<Open> {
    let mut span = trace::child(&route.name)?;
    span.set("http.route", &*route.name);
    if let Ok(value) = HeaderValue::try_from(span.context().to_string()) {
        headers.insert(TRACEPARENT, value);
    }
    Some(span)
}

/// The upstream answered, or did not.
pub(crate) fn called(span: Option<Open>, answer: &Result<Answer, Refused>) {
    let Some(mut span) = span else { return };
    match answer {
        Ok(answer) => span.answered(answer.response.status().as_u16()),
        Err(refused) => {
            span.set("sekisho.reason", refused.reason().code());
            span.finish(Failed::Yes);
        }
    }
}

/// One header of version 00 or later, or none (§3.2.2.1).
fn said(headers: &HeaderMap) -> Option<Context> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    let one = values.next().filter(|_| values.next().is_none())?;
    one.to_str().ok()?.parse().ok()
}

fn method(method: &Method) -> &'static str {
    const KNOWN: [(Method, &str); 7] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
    ];
    KNOWN.iter().find(|(known, _)| known == method).map_or(OTHER, |(_, name)| name)
}
