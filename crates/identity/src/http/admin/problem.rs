//! What went wrong, as RFC 9457 has it; the one place where the admin API's errors meet status codes.
//!
//! `errors` names each place that is at fault: a JSON pointer into the body, a parameter of the query or the path, or a
//! header, and what was expected there.

use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::JsonSchema;
use sekisho_model::client::BadRegistration;
use sekisho_model::user::BadProfile;
use sekisho_wire::{Reason, RefusalId, Subject, Unavailable};
use serde::Serialize;

use super::super::refusals;
use crate::admin::AdminError;

/// When to come back if nobody said.
const RETRY_AFTER_S: u32 = 1;

/// What sort of thing went wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Malformed,
    Unauthenticated,
    Forbidden,
    NotFound,
    Conflict,
    Changed,
    TooLarge,
    MediaType,
    Unacceptable,
    Unconditional,
    Unavailable,
}

/// A problem. Boxed, because it is the unlikely end of most calls.
#[derive(Debug)]
pub(super) struct Problem(Box<Told>);

/// What went wrong (RFC 9457 §3).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub(super) struct Told {
    /// Names the sort of problem, for programs.
    #[serde(rename = "type")]
    kind: String,
    /// The sort of problem, for people.
    title: &'static str,
    /// The status of the answer.
    status: u16,
    /// What went wrong this time.
    detail: String,
    /// For 401 and 403: the reason's stable code.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'static str>,
    /// Names this refusal for `sekisho explain`.
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    /// The places that are at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<Finding>,
    #[serde(skip)]
    headers: Vec<(HeaderName, String)>,
    #[serde(skip)]
    why: Option<Reason>,
    #[serde(skip)]
    by: Option<Subject>,
}

/// A place that is at fault.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(super) struct Finding {
    /// Where in the body (RFC 6901).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) pointer: Option<String>,
    /// Which parameter of the query or the path.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) parameter: Option<String>,
    /// Which header.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) header: Option<&'static str>,
    /// The line of the body, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) line: Option<usize>,
    /// The column in it, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) column: Option<usize>,
    /// What is wrong there, and what was expected.
    pub(super) detail: String,
}

// === impl Kind ===

impl Kind {
    pub(super) const fn status(self) -> StatusCode {
        match self {
            Self::Malformed => StatusCode::BAD_REQUEST,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Conflict => StatusCode::CONFLICT,
            Self::Changed => StatusCode::PRECONDITION_FAILED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::MediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unacceptable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Unconditional => StatusCode::PRECONDITION_REQUIRED,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Malformed => "malformed",
            Self::Unauthenticated => "unauthenticated",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not-found",
            Self::Conflict => "conflict",
            Self::Changed => "changed",
            Self::TooLarge => "too-large",
            Self::MediaType => "media-type",
            Self::Unacceptable => "unacceptable",
            Self::Unconditional => "unconditional",
            Self::Unavailable => "unavailable",
        }
    }

    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Malformed => "The request cannot be read",
            Self::Unauthenticated => "No living access token for the admin API",
            Self::Forbidden => "The token does not permit this",
            Self::NotFound => "There is no such thing",
            Self::Conflict => "This cannot be done as things are",
            Self::Changed => "It is not what you saw any more",
            Self::TooLarge => "The body is too large",
            Self::MediaType => "The body is not JSON",
            Self::Unacceptable => "The request can be read and what it says cannot be",
            Self::Unconditional => "Say what you saw, with If-Match",
            Self::Unavailable => "Nobody can tell at the moment",
        }
    }
}

// === impl Problem ===

impl Problem {
    pub(super) fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self(Box::new(Told {
            kind: format!("urn:sekisho:problem:{}", kind.name()),
            title: kind.title(),
            status: kind.status().as_u16(),
            detail: detail.into(),
            reason: None,
            id: None,
            errors: Vec::new(),
            headers: Vec::new(),
            why: None,
            by: None,
        }))
    }

    /// With the place that is at fault; what is wrong there is the problem's detail unless it says more.
    pub(super) fn at(mut self, mut finding: Finding) -> Self {
        if finding.detail.is_empty() {
            finding.detail.clone_from(&self.0.detail);
        }
        self.0.errors.push(finding);
        self
    }

    /// A parameter of the query is not what it should be.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        let finding = Finding { parameter: Some(name.to_owned()), ..Finding::default() };
        Self::new(Kind::Malformed, detail).at(finding)
    }

    /// There is nothing at this path, because a part of it cannot name anything.
    pub(super) fn no_place(name: &str, detail: impl Into<String>) -> Self {
        let finding = Finding { parameter: Some(name.to_owned()), ..Finding::default() };
        Self::new(Kind::NotFound, detail).at(finding)
    }

    pub(super) fn too_large(bytes_max: usize) -> Self {
        Self::new(Kind::TooLarge, format!("expected at most {bytes_max} bytes"))
    }

    /// RFC 6750 §3: without a credential the challenge names no error.
    pub(super) fn unauthenticated(reason: Reason) -> Self {
        let challenge = if reason == Reason::NoCredential { "Bearer" } else { "Bearer error=\"invalid_token\"" };
        Self::new(Kind::Unauthenticated, reason.words()).refused(reason, challenge.to_owned())
    }

    pub(super) fn forbidden(scope: &str, by: Subject) -> Self {
        let challenge = format!("Bearer error=\"insufficient_scope\", scope=\"{scope}\"");
        let detail = format!("this needs the scope `{scope}`");
        let mut problem = Self::new(Kind::Forbidden, detail).refused(Reason::InsufficientScope, challenge);
        problem.0.by = Some(by);
        problem
    }

    pub(super) fn unavailable(unavailable: &Unavailable) -> Self {
        let mut problem = Self::new(Kind::Unavailable, unavailable.to_string());
        let after = unavailable.retry_after_s.unwrap_or(RETRY_AFTER_S);
        problem.0.headers.push((RETRY_AFTER, after.to_string()));
        problem
    }

    fn refused(mut self, reason: Reason, challenge: String) -> Self {
        self.0.reason = Some(reason.code());
        self.0.why = Some(reason);
        self.0.headers.push((WWW_AUTHENTICATE, challenge));
        self
    }

    /// The answer, which the layer around all endpoints writes down under this id.
    pub(super) fn told(mut self, id: RefusalId) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        self.0.id = Some(id.to_string());
        let (extra, by) = (std::mem::take(&mut self.0.headers), self.0.by.take());
        // A detail may repeat what the body said, so it is for whoever sent that and not for the audit.
        let told = refusals::Told::Problem { id, reason: self.0.why, says: self.0.title.to_owned(), by };
        let mut response = (status, axum::Json(self.0)).into_response();
        response.extensions_mut().insert(told);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        for (name, value) in extra {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(name, value);
            }
        }
        response
    }

    /// With pointers that begin at another member of the body.
    pub(super) fn within(mut self, member: &str) -> Self {
        for finding in &mut self.0.errors {
            if let Some(pointer) = &mut finding.pointer {
                *pointer = format!("{member}{pointer}");
            }
        }
        self
    }

    /// With the member of the body that is at fault.
    fn pointing(self, pointer: &str) -> Self {
        self.at(Finding { pointer: Some(pointer.to_owned()), ..Finding::default() })
    }
}

impl From<AdminError> for Problem {
    fn from(error: AdminError) -> Self {
        let detail = error.to_string();
        let unacceptable = |pointer| Self::new(Kind::Unacceptable, detail.clone()).pointing(pointer);
        match error {
            AdminError::NoRealm(_) => Self::no_place("realm", detail),
            AdminError::NoUser(_) => Self::no_place("user", detail),
            AdminError::NoClient(_) => Self::no_place("client", detail),
            AdminError::NoKey(_) => Self::no_place("key", detail),
            AdminError::NoSession(_) => Self::no_place("session", detail),
            AdminError::NoGrant(_) => Self::no_place("grant", detail),
            AdminError::Exists(_) | AdminError::OfTheHouse(_) | AdminError::OtherKind(_) | AdminError::Public(_) => {
                Self::new(Kind::Conflict, detail)
            }
            AdminError::Differs => Self::new(Kind::Changed, detail),
            AdminError::Password { .. } => unacceptable("/password"),
            AdminError::PasswordHash => unacceptable("/password_hash"),
            AdminError::Secret => unacceptable("/secret"),
            AdminError::RedirectUri(_) => unacceptable("/redirect_uris"),
            AdminError::Registration(fault) => unacceptable(match fault {
                BadRegistration::PublicWithRights => "/capabilities",
                BadRegistration::PublicWithoutPkce => "/pkce",
                BadRegistration::FeedWithoutBasic => "/auth",
                BadRegistration::NoAudience | BadRegistration::Audience => "/audiences",
                BadRegistration::Name => "/name",
            }),
            AdminError::Profile(BadProfile::DisplayName) => unacceptable("/display_name"),
            AdminError::Profile(BadProfile::Email) => unacceptable("/email"),
            AdminError::NoAudience => unacceptable("/audiences"),
            AdminError::NoSubject(_) => unacceptable("/subject"),
            AdminError::TooLong(_) => unacceptable("/ttl_s"),
            AdminError::Key(error) => {
                // The operator's to mend; the caller can only come back.
                tracing::error!(%error, "a signing key could not be made");
                Self::unavailable(&Unavailable::of("keys"))
            }
            AdminError::Unavailable(unavailable) => Self::unavailable(&unavailable),
        }
    }
}
