//! Where what went wrong becomes a status: the one place in this room.
//!
//! Specs: RFC 6749 §5.1 and §5.2, RFC 6750 §3, RFC 7662 §2.3.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, PRAGMA, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::refusals::Told;
use crate::oauth::refusal::{BearerFault, Fault, Refusal};
use crate::oauth::token::Issued;
use sekisho_token::Timestamp;
use sekisho_wire::{Reason, Unavailable};

/// When to come back if nobody said.
const RETRY_AFTER_S: u32 = 1;

/// What stands in a refusal's JSON.
type Members = Vec<(&'static str, Value)>;

/// JSON that nobody may keep.
pub(super) fn json(status: StatusCode, body: Value) -> Response {
    unkept((status, Json(body)).into_response())
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

/// Every refusal has its status. The layer in `refusals` gives it an id and its body.
pub(super) fn refusal(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Request(fault) => error(StatusCode::BAD_REQUEST, fault),
        Refusal::Client => client(),
        Refusal::Incapable(words) => {
            let body = vec![("error", "unauthorized_client".into()), ("error_description", (*words).into())];
            told(StatusCode::FORBIDDEN, Reason::ClientIncapable, body)
        }
        Refusal::Bearer(fault) => bearer(*fault),
        Refusal::TooLarge { bytes, bytes_max } => told(
            StatusCode::BAD_REQUEST,
            Reason::CredentialTooLarge,
            vec![
                ("error", "invalid_scope".into()),
                ("error_description", "the access token would not fit its carrier".into()),
                ("reason", Reason::CredentialTooLarge.code().into()),
                ("bytes", (*bytes).into()),
                ("bytes_max", (*bytes_max).into()),
            ],
        ),
        Refusal::Throttled(throttled) => {
            let body = vec![("error", "slow_down".into()), ("reason", Reason::Throttled.code().into())];
            retry(told(StatusCode::TOO_MANY_REQUESTS, Reason::Throttled, body), Some(throttled.retry_after_s))
        }
        Refusal::Unavailable(unavailable) => self::unavailable(unavailable),
    }
}

/// 503: nobody knows.
pub(super) fn unavailable(unavailable: &Unavailable) -> Response {
    let body = vec![("error", "temporarily_unavailable".into()), ("error_description", unavailable.to_string().into())];
    retry(told(StatusCode::SERVICE_UNAVAILABLE, Reason::PartUnavailable, body), unavailable.retry_after_s)
}

/// A status, and what the layer shall answer with it.
fn told(status: StatusCode, reason: Reason, body: Members) -> Response {
    let members = body.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut response = status.into_response();
    response.extensions_mut().insert(Told::Program { reason, members });
    unkept(response)
}

fn error(status: StatusCode, fault: &Fault) -> Response {
    let mut body: Members = vec![("error", fault.code.text().into()), ("error_description", fault.words.into())];
    if let Some(reason) = fault.reason {
        body.push(("reason", reason.code().into()));
    }
    told(status, fault.reason.unwrap_or(Reason::BadRequest), body)
}

/// RFC 6749 §5.2: the same for an unknown client and a wrong secret.
fn client() -> Response {
    let body = vec![
        ("error", "invalid_client".into()),
        ("error_description", "the client is not known by what it shows".into()),
    ];
    let mut response = told(StatusCode::UNAUTHORIZED, Reason::WrongClient, body);
    // RFC 9110 §15.5.2 wants a challenge with every 401; whoever tried the form is told of the header too.
    let challenge = HeaderValue::from_static("Basic realm=\"sekisho\", charset=\"UTF-8\"");
    response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    response
}

/// RFC 6750 §3.
fn bearer(fault: BearerFault) -> Response {
    let (status, reason, challenge, body) = match fault {
        BearerFault::Missing => (
            StatusCode::UNAUTHORIZED,
            Reason::NoCredential,
            "Bearer".to_owned(),
            vec![("error", "unauthorized".into())],
        ),
        BearerFault::Twice => (
            StatusCode::BAD_REQUEST,
            Reason::CredentialsDisagree,
            "Bearer error=\"invalid_request\"".to_owned(),
            vec![("error", "invalid_request".into())],
        ),
        BearerFault::Invalid(reason) => (
            StatusCode::UNAUTHORIZED,
            reason,
            "Bearer error=\"invalid_token\"".to_owned(),
            vec![("error", "invalid_token".into()), ("reason", reason.code().into())],
        ),
        BearerFault::Scope(scope) => (
            StatusCode::FORBIDDEN,
            Reason::InsufficientScope,
            format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\""),
            vec![("error", "insufficient_scope".into()), ("scope", scope.into())],
        ),
    };
    let mut response = told(status, reason, body);
    if let Ok(challenge) = HeaderValue::try_from(challenge) {
        response.headers_mut().insert(WWW_AUTHENTICATE, challenge);
    }
    response
}

fn retry(mut response: Response, retry_after_s: Option<u32>) -> Response {
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(retry_after_s.unwrap_or(RETRY_AFTER_S)));
    response
}

/// Nobody may keep it (RFC 6749 §5.1).
fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response.headers_mut().insert(PRAGMA, HeaderValue::from_static("no-cache"));
    response
}
