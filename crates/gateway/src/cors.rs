//! Whose scripts may call from elsewhere and read what we answer.
//!
//! A fetch that lacks a credential gets 401 that its script can read, when its origin is one of the configured ones;
//! never a redirect. A true preflight (OPTIONS with `Origin` and `Access-Control-Request-Method`) carries no credential
//! and asks about the gateway's rules, so the gateway answers it and no service sees it. On guarded routes the gateway's
//! word replaces the service's: who may read an answer given to a credential is decided where the credential is checked.
//!
//! Specs: the Fetch standard, §3.2 (CORS protocol). Not here: which origins may change something (`csrf`).

use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::body::Outgoing;
use crate::headers;
use crate::routes::Table;
use crate::trail::Trail;

/// How long a browser may remember the answer to a preflight, in seconds.
const PREFLIGHT_AGE_S: u32 = 600;
/// What a script may read besides the safelisted headers.
const EXPOSED: HeaderValue = HeaderValue::from_static("x-request-id, www-authenticate, retry-after");

/// Whether this asks what may be asked, rather than for something.
pub(crate) fn is_preflight(head: &Parts) -> bool {
    head.method == Method::OPTIONS
        && head.headers.contains_key(ORIGIN)
        && head.headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD)
}

/// Answers a preflight for a path that takes these methods. To an origin that is not allowed it says nothing, which the
/// browser takes for no.
pub(crate) fn preflight(table: &Table, trail: &Trail, head: &Parts, methods: &str) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let answer = response.headers_mut();
    if allow_reading(table, trail, answer) {
        if let Ok(methods) = HeaderValue::from_str(methods) {
            answer.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        }
        if let Some(wanted) = allowed_headers(&head.headers) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, wanted);
        }
        answer.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from(PREFLIGHT_AGE_S));
        answer.remove(ACCESS_CONTROL_EXPOSE_HEADERS);
    }
    answer.append(VARY, HeaderValue::from_static("access-control-request-method, access-control-request-headers"));
    response
}

/// Lets the request's origin read an answer, when it is one of the allowed ones. Says whether it is.
pub(crate) fn allow_reading(table: &Table, trail: &Trail, answer: &mut HeaderMap) -> bool {
    if table.origins.is_empty() {
        return false;
    }
    // Also where no origin asks: a cache must not hand what it got then to one that does.
    answer.append(VARY, HeaderValue::from_static("origin"));
    let Some(origin) = trail.origin.as_ref().filter(|origin| table.origins.contains(origin)) else { return false };
    answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    answer.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
    answer.append(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    true
}

/// Takes away what a service of a guarded route says about reading its answers.
pub(crate) fn silence(answer: &mut HeaderMap) {
    answer.remove(ACCESS_CONTROL_ALLOW_ORIGIN);
    answer.remove(ACCESS_CONTROL_ALLOW_CREDENTIALS);
}

/// What the script wants to send, without what nobody may send.
fn allowed_headers(headers: &HeaderMap) -> Option<HeaderValue> {
    let wanted = headers.get(ACCESS_CONTROL_REQUEST_HEADERS)?.to_str().ok()?;
    let names = wanted.split(',').filter_map(|name| name.trim().parse::<HeaderName>().ok());
    let allowed: Vec<HeaderName> = names.filter(|name| !headers::is_identity(name.as_str().as_bytes())).collect();
    HeaderValue::try_from(allowed.iter().map(HeaderName::as_str).collect::<Vec<_>>().join(", ")).ok()
}
