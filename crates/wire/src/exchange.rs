//! The port through which an enforcement point turns one credential into another, or asks whether one still lives.
//!
//! Over a wire: RFC 8693 token exchange and RFC 7662 introspection, authenticated as the enforcement point's own client.
//! In a process the same client's rights apply: identity hands out one port per client.

use std::fmt;

use sekisho_token::{Secret, Timestamp};

use crate::{AccessClaims, BoxFuture, RealmName, Reason, RequestId, Unavailable};

/// An opaque token to be swapped for a JWT.
#[derive(Debug)]
pub struct Swap {
    /// Whose issuer is asked.
    pub realm: RealmName,
    /// The opaque token as the client presented it.
    pub token: Secret<String>,
    /// For which services the JWT is wanted; never empty.
    pub audience: Vec<String>,
    /// The request on whose behalf this happens, for the audit.
    pub request: RequestId,
}

/// What an opaque token was swapped for.
#[derive(Clone, Debug)]
pub struct Swapped {
    /// An access token (RFC 9068), yet to be verified by whoever relies on it.
    pub jwt: Secret<String>,
    /// When the opaque token itself ends.
    pub opaque_expires_at: Timestamp,
}

/// A JWT of our issuer to be wrapped into an opaque token for a client outside.
#[derive(Debug)]
pub struct Wrap {
    /// Whose issuer is asked.
    pub realm: RealmName,
    /// The JWT that a service answered with.
    pub jwt: Secret<String>,
    /// The request on whose behalf this happens, for the audit.
    pub request: RequestId,
}

/// A token whose life is in question.
#[derive(Debug)]
pub struct Inspect {
    /// Whose issuer is asked.
    pub realm: RealmName,
    /// A JWT or an opaque token.
    pub token: Secret<String>,
    /// The request on whose behalf this happens, for the audit.
    pub request: RequestId,
}

/// What introspection found (RFC 7662 §2.2).
#[derive(Clone, Debug)]
pub enum Inspected {
    /// The token is alive and says this.
    Active(Box<AccessClaims>),
    /// It is not, or not for the asking client; nobody is told why (RFC 7662 §2.2).
    Inactive,
}

/// Why a port call brought nothing, by who must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExchangeError {
    /// The presented token is not good: the caller must sign in again.
    #[error("the token was refused: {0}")]
    Refused(Reason),
    /// This enforcement point may not do what it asked: the operator must act. Callers get 503.
    #[error("identity does not let this client do that: {0}")]
    Misconfigured(&'static str),
    /// Nobody knows. Callers get 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Credentials for credentials. Answered by identity; asked by gateway and guard.
pub trait Exchange: Send + Sync + fmt::Debug {
    /// Swaps an opaque token for a JWT.
    fn swap(&self, swap: Swap) -> BoxFuture<'_, Result<Swapped, ExchangeError>>;

    /// Wraps a JWT into an opaque token of the same grant.
    fn wrap(&self, wrap: Wrap) -> BoxFuture<'_, Result<Secret<String>, ExchangeError>>;

    /// Asks whether a token is alive.
    fn inspect(&self, inspect: Inspect) -> BoxFuture<'_, Result<Inspected, ExchangeError>>;
}
