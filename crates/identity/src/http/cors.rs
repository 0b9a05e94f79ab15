//! Which scripts may read answers: those of origins that the realm names, at the endpoints that take no cookie.
//!
//! Nothing here ever allows credentials, and the pages are not here at all (RFC 9700 §2.6).

use axum::response::{IntoResponse, Response};
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_MAX_AGE,
    ORIGIN, VARY,
};
use http::{HeaderValue, StatusCode};

use super::request::Asked;

/// Lets an allowed origin's script read an answer.
pub(super) fn readable(asked: &Asked, mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.append(VARY, HeaderValue::from_static("Origin"));
    if let Some(origin) = allowed(asked) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
    }
    response
}

/// Answers a preflight.
pub(super) fn preflight(asked: &Asked) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    if allowed(asked).is_some() {
        let headers = response.headers_mut();
        headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST"));
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("authorization, content-type"));
        headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    }
    readable(asked, response)
}

fn allowed(asked: &Asked) -> Option<HeaderValue> {
    let origin = asked.headers.get(ORIGIN)?;
    let known = &asked.realm.settings.allowed_origins;
    known.iter().any(|known| known.as_bytes() == origin.as_bytes()).then(|| origin.clone())
}
