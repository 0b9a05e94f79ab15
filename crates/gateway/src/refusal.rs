//! The one place where a cause becomes a status code: what a refused request is answered, and its one audit line.
//!
//! A refusal has a stable reason, and an id that stands in the answer and in the audit line; `sekisho explain` joins them.
//! Neither holds a secret: the detail of a reason goes to the audit alone.
//!
//! Specs: RFC 6750 §3, RFC 9110 §10.2.3 (Retry-After), §15.5.6 (Allow).

use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use sekisho_wire::audit::Event;
use sekisho_wire::exchange::ExchangeError;
use sekisho_wire::login::LoginError;
use sekisho_wire::reason::Class;
use sekisho_wire::{AuditEvent, Reason, RefusalId, Unavailable};
use serde::Serialize;

use crate::body::Outgoing;
use crate::core::Core;
use crate::cors;
use crate::trail::Trail;

/// When to come back after a 503 whose cause named no time, in seconds.
const RETRY_AFTER_S: u32 = 1;
/// The room's name in audit lines.
pub(crate) const ROOM: &str = "gateway";

/// Why a request goes no further.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    reason: Reason,
    /// For the audit alone.
    detail: Option<String>,
    hint: Hint,
}

/// What the client is told besides the reason.
#[derive(Clone, Debug)]
enum Hint {
    None,
    /// Try again in so many seconds.
    RetryAfterS(u32),
    /// These methods are taken.
    Allow(String),
    /// These scopes would help.
    Scopes(String),
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'a str,
    reason: &'a str,
    id: RefusalId,
}

/// Records a refusal and answers it.
pub(crate) fn answer(core: &Core, trail: &Trail, refused: &Refused) -> Response<Outgoing> {
    let shared = core.shared();
    let now = shared.clock.wall();
    let id = RefusalId::generate(now, &*shared.entropy);
    let mut line = AuditEvent::new(now, ROOM, Event::Refused);
    trail.describe(&mut line);
    line.refusal = Some(id);
    line.reason = Some(refused.reason);
    line.detail.clone_from(&refused.detail);
    shared.audit.record(line);
    shared.meters.refused(refused.reason);
    let mut response = refused.response(id);
    cors::allow_reading(&shared.table(), trail, response.headers_mut());
    response
}

// === impl Refused ===

impl Refused {
    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    /// With more for the audit: never a part of a credential.
    pub(crate) fn detail(self, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..self }
    }

    pub(crate) fn allow(self, methods: String) -> Self {
        Self { hint: Hint::Allow(methods), ..self }
    }

    pub(crate) fn scopes(self, scopes: String) -> Self {
        Self { hint: Hint::Scopes(scopes), ..self }
    }

    pub(crate) fn retry_after_s(self, seconds: Option<u32>) -> Self {
        Self { hint: seconds.map_or(Hint::None, Hint::RetryAfterS), ..self }
    }

    fn response(&self, id: RefusalId) -> Response<Outgoing> {
        let body = Body { error: self.error(), reason: self.reason.code(), id };
        let body = Bytes::from(serde_json::to_vec(&body).unwrap_or_default());
        let mut response = Response::new(Outgoing::full(body));
        *response.status_mut() = status(self.reason.class());
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        if let Some(challenge) = self.challenge() {
            headers.insert(WWW_AUTHENTICATE, challenge);
        }
        match (&self.hint, self.reason.class()) {
            (Hint::Allow(methods), _) => {
                // An empty list is a header too (RFC 9110 §10.2.1).
                let allow = HeaderValue::from_str(methods).unwrap_or(HeaderValue::from_static(""));
                headers.insert(ALLOW, allow);
            }
            (Hint::RetryAfterS(seconds), _) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(*seconds));
            }
            (Hint::None | Hint::Scopes(_), Class::Unavailable | Class::Throttled) => {
                headers.insert(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_S));
            }
            (Hint::None | Hint::Scopes(_), _) => {}
        }
        if self.ends_connection() {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    /// The name that a client of RFC 6750 §3.1 acts on; for what is outside it, one that says who must act.
    fn error(&self) -> &'static str {
        match self.reason.class() {
            Class::Unauthenticated if self.reason == Reason::NoCredential => "unauthorized",
            Class::Unauthenticated if self.reason == Reason::WrongCredentials => "access_denied",
            Class::Unauthenticated => "invalid_token",
            Class::Forbidden if self.reason == Reason::InsufficientScope => "insufficient_scope",
            Class::Forbidden => "access_denied",
            Class::NotFound => "not_found",
            Class::Throttled => "slow_down",
            Class::Unavailable | Class::BadUpstream | Class::UpstreamTimeout => "temporarily_unavailable",
            Class::Malformed
            | Class::MethodNotAllowed
            | Class::RequestTimeout
            | Class::BodyTooLarge
            | Class::HeadTooLarge => "invalid_request",
        }
    }

    /// RFC 6750 §3. A request that brought no credential, or a password, is told no error (§3.1).
    fn challenge(&self) -> Option<HeaderValue> {
        let text = match (self.reason.class(), &self.hint) {
            (Class::Unauthenticated, _) if matches!(self.error(), "unauthorized" | "access_denied") => {
                return Some(HeaderValue::from_static("Bearer"));
            }
            (Class::Unauthenticated, _) => {
                format!(r#"Bearer error="invalid_token", error_description="{}""#, self.reason.code())
            }
            (Class::Forbidden, Hint::Scopes(scopes)) => {
                format!(r#"Bearer error="insufficient_scope", scope="{scopes}""#)
            }
            (_, _) => return None,
        };
        HeaderValue::from_str(&text).ok()
    }

    /// Where the next request on the connection would begin is not certain, or there shall be none.
    fn ends_connection(&self) -> bool {
        matches!(
            self.reason,
            Reason::BadFraming
                | Reason::BadHost
                | Reason::BadTarget
                | Reason::UpgradeRefused
                | Reason::HeadTooLarge
                | Reason::RequestTimeout
                | Reason::BodyTooLarge
                | Reason::Draining
        )
    }
}

impl From<Reason> for Refused {
    fn from(reason: Reason) -> Self {
        Self { reason, detail: None, hint: Hint::None }
    }
}

impl From<sekisho_guard::Refused> for Refused {
    fn from(refused: sekisho_guard::Refused) -> Self {
        Self { reason: refused.reason, detail: refused.detail, hint: Hint::None }
    }
}

impl From<Unavailable> for Refused {
    fn from(unavailable: Unavailable) -> Self {
        let seconds = unavailable.retry_after_s;
        Self::from(Reason::IdentityUnavailable).detail(unavailable.to_string()).retry_after_s(seconds)
    }
}

impl From<ExchangeError> for Refused {
    fn from(error: ExchangeError) -> Self {
        match error {
            ExchangeError::Refused(reason) => reason.into(),
            ExchangeError::Misconfigured(what) => Self::from(Reason::Misconfigured).detail(what),
            ExchangeError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

impl From<LoginError> for Refused {
    fn from(error: LoginError) -> Self {
        match error {
            LoginError::WrongCredentials => Reason::WrongCredentials.into(),
            LoginError::Throttled { retry_after_s } => Self::from(Reason::Throttled).retry_after_s(Some(retry_after_s)),
            LoginError::TooLarge { .. } => Self::from(Reason::CredentialTooLarge).detail(error.to_string()),
            // The code and the scope are ours: who signs in cannot have chosen wrong ones.
            LoginError::Refused(what) | LoginError::Misconfigured(what) => {
                Self::from(Reason::Misconfigured).detail(what)
            }
            LoginError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}

/// From who must act to the status.
const fn status(class: Class) -> StatusCode {
    match class {
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
