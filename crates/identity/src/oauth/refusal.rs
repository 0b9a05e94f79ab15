//! Why an endpoint says no, by who must act. `http::answer` turns these into answers, `ports` into errors of the ports.
//!
//! Specs: RFC 6749 §4.1.2.1 and §5.2, RFC 6750 §3.1, RFC 8693 §2.2.2, RFC 8707 §2, OpenID Connect Core §3.1.2.6.

use sekisho_wire::{Reason, Unavailable};

use crate::throttle::Throttled;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)*) => {
        /// An `error` of a specification.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($(#[$doc])* $name,)* }

        impl Code {
            /// As it stands on the wire.
            pub(crate) const fn text(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }
        }
    };
}

codes! {
    AccessDenied = "access_denied";
    ConsentRequired = "consent_required";
    InvalidGrant = "invalid_grant";
    InvalidRequest = "invalid_request";
    InvalidScope = "invalid_scope";
    InvalidTarget = "invalid_target";
    LoginRequired = "login_required";
    RequestNotSupported = "request_not_supported";
    RequestUriNotSupported = "request_uri_not_supported";
    UnauthorizedClient = "unauthorized_client";
    UnsupportedGrantType = "unsupported_grant_type";
    UnsupportedResponseType = "unsupported_response_type";
}

/// What is wrong with a request, for its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) code: Code,
    /// `error_description`: ours alone, never a word of the request.
    pub(crate) words: &'static str,
    /// What an enforcement point wants to know beyond the code.
    pub(crate) reason: Option<Reason>,
}

/// Why a bearer token opens nothing here (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BearerFault {
    /// There is none; the answer carries no error code.
    Missing,
    /// Two of them.
    Twice,
    /// It is not good.
    Invalid(Reason),
    /// It does not permit this.
    Scope(&'static str),
}

/// Why an endpoint says no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The request is at fault.
    Request(Fault),
    /// The client did not prove who it is. Nothing tells an unknown client from a wrong secret.
    Client,
    /// The client may not ask for this at all: its registration lacks the capability.
    Incapable(&'static str),
    /// The bearer token is at fault.
    Bearer(BearerFault),
    /// The access token would not fit its carrier.
    TooLarge { bytes: usize, bytes_max: usize },
    /// Too many tries.
    Throttled(Throttled),
    /// Somebody we need does not answer.
    Unavailable(Unavailable),
}

// === impl Fault ===

impl Fault {
    pub(crate) const fn new(code: Code, words: &'static str) -> Self {
        Self { code, words, reason: None }
    }
}

// === impl Refusal ===

impl Refusal {
    /// The request cannot be read.
    pub(crate) const fn request(words: &'static str) -> Self {
        Self::Request(Fault::new(Code::InvalidRequest, words))
    }

    /// The code or refresh token is not good. Nobody is told more: who holds a stolen one must not learn why.
    pub(crate) const fn grant(words: &'static str) -> Self {
        Self::Request(Fault::new(Code::InvalidGrant, words))
    }

    pub(crate) const fn scope(words: &'static str) -> Self {
        Self::Request(Fault::new(Code::InvalidScope, words))
    }

    pub(crate) const fn target(words: &'static str) -> Self {
        Self::Request(Fault::new(Code::InvalidTarget, words))
    }

    /// A subject token is not good (RFC 8693 §2.2.2 has `invalid_request` for it), and this is why.
    pub(crate) const fn subject_token(reason: Reason) -> Self {
        let words = "subject_token is not a living token of this issuer for this purpose";
        Self::Request(Fault { code: Code::InvalidRequest, words, reason: Some(reason) })
    }
}

impl From<Fault> for Refusal {
    fn from(fault: Fault) -> Self {
        Self::Request(fault)
    }
}

impl From<BearerFault> for Refusal {
    fn from(fault: BearerFault) -> Self {
        Self::Bearer(fault)
    }
}

impl From<Throttled> for Refusal {
    fn from(throttled: Throttled) -> Self {
        Self::Throttled(throttled)
    }
}

impl From<Unavailable> for Refusal {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}
