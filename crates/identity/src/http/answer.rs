//! Where what went wrong becomes a status: the one place in this room.
//!
//! Specs: RFC 6749 §5.1 and §5.2, RFC 6750 §3, RFC 7662 §2.3.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Map, Value, json};

use crate::oauth::refusal::{BearerFault, Fault, Refusal};
use crate::oauth::token::Issued;
use sekisho_token::Timestamp;
use sekisho_wire::{Reason, Unavailable};

/// When to come back if nobody said.
const RETRY_AFTER_S: u32 = 1;

/// JSON that nobody may keep.
pub(super) fn json(status: StatusCode, body: Value) -> Response {
    let mut response = (status, Json(body)).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}

/// A few words.
pub(super) fn plain(status: StatusCode, words: &'static str) -> Response {
    (status, format!("{words}\n")).into_response()
}

/// RFC 6749 §5.1, and what RFC 8693 and our own ports add.
pub(super) fn issued(issued: &Issued, now: Timestamp) -> Response {
    let mut body = json!({
        "access_token": issued.access_token.expose(),
        "token_type": "Bearer",
        "expires_in": issued.expires_at.seconds_since(now).max(0),
        "scope": issued.scope,
        "sub": issued.subject,
    });
    let mut add = |name: &str, value: Option<Value>| {
        if let (Some(members), Some(value)) = (body.as_object_mut(), value) {
            members.insert(name.to_owned(), value);
        }
    };
    add("refresh_token", issued.refresh_token.as_ref().map(|token| Value::from(token.expose().as_str())));
    add("id_token", issued.id_token.as_ref().map(|token| Value::from(token.expose().as_str())));
    add("issued_token_type", issued.issued_token_type.map(Value::from));
    add("subject_token_expires_at", issued.subject_token_expires_at.map(|at| Value::from(at.0)));
    add("sid", issued.session.map(|session| Value::from(session.to_string())));
    json(StatusCode::OK, body)
}

/// Every refusal has its status.
pub(super) fn refusal(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Request(fault) => error(StatusCode::BAD_REQUEST, fault),
        Refusal::Client => client(),
        Refusal::Incapable(words) => {
            let body = json!({ "error": "unauthorized_client", "error_description": words });
            json(StatusCode::FORBIDDEN, body)
        }
        Refusal::Bearer(fault) => bearer(*fault),
        Refusal::TooLarge { bytes, bytes_max } => json(
            StatusCode::BAD_REQUEST,
            json!({
                "error": "invalid_scope",
                "error_description": "the access token would not fit its carrier",
                "reason": Reason::CredentialTooLarge.code(),
                "bytes": bytes,
                "bytes_max": bytes_max,
            }),
        ),
        Refusal::Throttled(throttled) => {
            let body = json!({ "error": "slow_down", "reason": Reason::Throttled.code() });
            retry(json(StatusCode::TOO_MANY_REQUESTS, body), Some(throttled.retry_after_s))
        }
        Refusal::Unavailable(unavailable) => self::unavailable(unavailable),
    }
}

/// 503: nobody knows.
pub(super) fn unavailable(unavailable: &Unavailable) -> Response {
    let body = json!({ "error": "temporarily_unavailable", "error_description": unavailable.to_string() });
    retry(json(StatusCode::SERVICE_UNAVAILABLE, body), unavailable.retry_after_s)
}

fn error(status: StatusCode, fault: &Fault) -> Response {
    let mut body = Map::new();
    body.insert("error".to_owned(), fault.code.text().into());
    body.insert("error_description".to_owned(), fault.words.into());
    if let Some(reason) = fault.reason {
        body.insert("reason".to_owned(), reason.code().into());
    }
    json(status, Value::Object(body))
}

/// RFC 6749 §5.2: the same for an unknown client and a wrong secret.
fn client() -> Response {
    let body = json!({ "error": "invalid_client", "error_description": "the client is not known by what it shows" });
    let mut response = json(StatusCode::UNAUTHORIZED, body);
    // RFC 9110 §15.5.2 wants a challenge with every 401; whoever tried the form is told of the header too.
    let challenge = HeaderValue::from_static("Basic realm=\"sekisho\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// RFC 6750 §3.
fn bearer(fault: BearerFault) -> Response {
    let (status, challenge, body) = match fault {
        BearerFault::Missing => (StatusCode::UNAUTHORIZED, "Bearer".to_owned(), json!({ "error": "unauthorized" })),
        BearerFault::Twice => (
            StatusCode::BAD_REQUEST,
            "Bearer error=\"invalid_request\"".to_owned(),
            json!({ "error": "invalid_request" }),
        ),
        BearerFault::Invalid(reason) => (
            StatusCode::UNAUTHORIZED,
            "Bearer error=\"invalid_token\"".to_owned(),
            json!({ "error": "invalid_token", "reason": reason.code() }),
        ),
        BearerFault::Scope(scope) => (
            StatusCode::FORBIDDEN,
            format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""),
            json!({ "error": "insufficient_scope", "scope": scope }),
        ),
    };
    let mut response = json(status, body);
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn retry(mut response: Response, retry_after_s: Option<u32>) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_s.unwrap_or(RETRY_AFTER_S)));
    response
}
