//! From a reason to an answer: the one place where a guard's causes become status codes.
//!
//! Specs: RFC 6750 §3, RFC 9110 §10.2.3 (Retry-After).

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use sekisho_wire::audit::Event;
use sekisho_wire::reason::Class;
use sekisho_wire::{AuditEvent, Caller, Reason, RefusalId, RequestId};
use serde::Serialize;

use super::{Guard, Refused};

/// When to come back after a 503, in seconds.
const RETRY_AFTER_S: u32 = 1;

/// A refusal that was recorded and is to be answered.
#[derive(Clone, Debug)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// Its id, in the audit line too.
    pub id: RefusalId,
    /// The scopes that would help, for `insufficient_scope`.
    wanted: Option<String>,
}

/// What an audit line says about a request: never its query, never a header.
#[derive(Clone, Debug, Default)]
pub struct RequestLine {
    /// The method.
    pub method: String,
    /// The path.
    pub path: String,
    /// Its id, where the gateway gave it one.
    pub request: Option<RequestId>,
    /// From where, where the service knows.
    pub address: Option<IpAddr>,
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    reason: &'a str,
    id: RefusalId,
}

// === impl Guard ===

impl Guard {
    /// Records a refusal and gives it its id.
    pub(super) fn refuse(&self, line: &RequestLine, refused: &Refused, caller: Option<&Caller>) -> Refusal {
        let parts = self.parts();
        let now = parts.clock.wall();
        let id = RefusalId::generate(now, &*parts.entropy);
        let mut event = AuditEvent::new(now, &parts.service, Event::Refused);
        event.realm.clone_from(&parts.realm);
        event.refusal = Some(id);
        event.reason = Some(refused.reason);
        event.detail.clone_from(&refused.detail);
        event.request = line.request;
        event.method = Some(line.method.clone());
        event.path = Some(line.path.clone());
        event.address = line.address;
        if let Some(caller) = caller {
            event.subject = Some(caller.subject.clone());
            event.client = Some(caller.client.clone());
            event.session = caller.session;
            event.grant = caller.grant;
        }
        parts.audit.record(event);
        Refusal { reason: refused.reason, id, wanted: None }
    }
}

// === impl Refusal ===

impl Refusal {
    /// Names the scopes that would help, separated by spaces.
    pub(super) fn wanting(self, scopes: &str) -> Self {
        Self { wanted: Some(scopes.to_owned()), ..self }
    }

    /// The status that the reason's class demands.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.reason.class() {
            Class::Malformed => StatusCode::BAD_REQUEST,
            Class::Unauthenticated => StatusCode::UNAUTHORIZED,
            Class::Forbidden => StatusCode::FORBIDDEN,
            Class::NotFound => StatusCode::NOT_FOUND,
            Class::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Class::RequestTimeout => StatusCode::REQUEST_TIMEOUT,
            Class::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Class::Throttled => StatusCode::TOO_MANY_REQUESTS,
            Class::HeadTooLarge => StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Class::BadUpstream => StatusCode::BAD_GATEWAY,
            Class::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Class::UpstreamTimeout => StatusCode::GATEWAY_TIMEOUT,
        }
    }

    /// The answer.
    #[must_use]
    pub fn to_response<B: From<Bytes>>(&self) -> Response<B> {
        let body = Body { error: self.error(), reason: self.reason.code(), id: self.id };
        let mut response = Response::new(B::from(serde_json::to_vec(&body).unwrap_or_default().into()));
        *response.status_mut() = self.status();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        if self.reason.class() == Class::Unavailable {
            headers.insert(RETRY_AFTER, RETRY_AFTER_S.into());
        }
        response
    }

    /// The name that a client of RFC 6750 §3.1 acts on; for what is outside it, one that says who must act.
    fn error(&self) -> &'static str {
        match self.reason.class() {
            Class::Unauthenticated if self.reason == Reason::NoCredential => "unauthorized",
            Class::Unauthenticated => "invalid_token",
            Class::Forbidden if self.reason == Reason::InsufficientScope => "insufficient_scope",
            Class::Forbidden => "access_denied",
            Class::Unavailable | Class::BadUpstream | Class::UpstreamTimeout => "temporarily_unavailable",
            Class::Throttled => "slow_down",
            Class::Malformed
            | Class::NotFound
            | Class::MethodNotAllowed
            | Class::RequestTimeout
            | Class::BodyTooLarge
            | Class::HeadTooLarge => "invalid_request",
        }
    }

    fn challenge(&self) -> Option<HeaderValue> {
        let text = match (self.reason.class(), &self.wanted) {
            // RFC 6750 §3.1: a request without any credential is told no error.
            (Class::Unauthenticated, _) if self.reason == Reason::NoCredential => "Bearer".to_owned(),
            (Class::Unauthenticated | Class::Malformed, _) => {
                format!(r#"Bearer error="{}", error_description="{}""#, self.error(), self.reason.code())
            }
            (Class::Forbidden, Some(scopes)) => format!(r#"Bearer error="{}", scope="{scopes}""#, self.error()),
            (_, _) => return None,
        };
        HeaderValue::from_str(&text).ok()
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "refused: {} ({})", self.reason, self.id)
    }
}

impl std::error::Error for Refusal {}

// === impl RequestLine ===

impl RequestLine {
    /// What may be said about a request.
    #[must_use]
    pub fn of(request: &http::request::Parts) -> Self {
        let id = request.headers.get("x-request-id").and_then(|id| id.to_str().ok()?.parse().ok());
        Self { method: request.method.to_string(), path: request.uri.path().to_owned(), request: id, address: None }
    }
}
