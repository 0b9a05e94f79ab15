//! The port through which a first party signs a person in without a redirect: the opaque and JWT patterns' own login.
//!
//! Over a wire: the challenge endpoint of "OAuth 2.0 for First-Party Applications" (an IETF draft), then the token and
//! revocation endpoints, authenticated as the gateway's own client. It is not the password grant: the answer to a
//! password is an authorization code, and identity may answer with another step instead.

use std::fmt;
use std::net::IpAddr;

use sekisho_token::{Secret, Timestamp};

use crate::{BoxFuture, RealmName, RequestId, Scopes, SessionId, Subject, Unavailable};

/// A person's name and password, as they typed them.
#[derive(Debug)]
pub struct Attempt {
    /// Whose users are asked.
    pub realm: RealmName,
    /// The name as typed.
    pub username: String,
    /// The password as typed.
    pub password: Secret<String>,
    /// What is wanted; everything the client and the user may have when absent.
    pub scope: Option<Scopes>,
    /// Where the person sits, for throttling, the audit and the list of sessions.
    pub address: Option<IpAddr>,
    /// What they sit at, cut to 256 characters.
    pub user_agent: Option<String>,
    /// The request this came in with, for the audit.
    pub request: RequestId,
}

/// In which form the client will hold its access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenForm {
    /// A reference that says nothing.
    Opaque,
    /// A signed token (RFC 9068).
    Jwt,
}

/// An authorization code to be turned into tokens.
#[derive(Debug)]
pub struct Redeem {
    /// Whose issuer is asked.
    pub realm: RealmName,
    /// The code that [`Login::challenge`] gave.
    pub code: Secret<String>,
    /// In which form the access token is wanted.
    pub form: TokenForm,
    /// For which services, when the form is a JWT.
    pub audience: Vec<String>,
    /// The longest access token that the client's carrier takes, in bytes; a longer one is refused here and now rather
    /// than as a 431 later.
    pub token_bytes_max: usize,
    /// The request this came in with, for the audit.
    pub request: RequestId,
}

/// A refresh token to be turned into its successor and a new access token.
#[derive(Debug)]
pub struct Renew {
    /// Whose issuer is asked.
    pub realm: RealmName,
    /// The refresh token.
    pub refresh_token: Secret<String>,
    /// In which form the access token is wanted.
    pub form: TokenForm,
    /// For which services, when the form is a JWT.
    pub audience: Vec<String>,
    /// The request this came in with, for the audit.
    pub request: RequestId,
}

/// A credential to be ended, with the sign-in behind it.
#[derive(Debug)]
pub struct Revoke {
    /// Whose issuer is asked.
    pub realm: RealmName,
    /// An opaque token, a JWT or a refresh token.
    pub token: Secret<String>,
    /// The request this came in with, for the audit.
    pub request: RequestId,
}

/// What a login brought.
#[derive(Debug)]
pub struct Tokens {
    /// What the client will present.
    pub access_token: Secret<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// How to get the next one, where the client may.
    pub refresh_token: Option<Secret<String>>,
    /// Who signed in.
    pub subject: Subject,
    /// The sign-in.
    pub session: Option<SessionId>,
    /// What was granted.
    pub scope: Scopes,
}

/// Why a login brought nothing, by who must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoginError {
    /// Name or password wrong, user unknown or disabled: all the same answer.
    #[error("name or password is wrong")]
    WrongCredentials,
    /// The code, refresh token or scope is not good (`invalid_grant`, `invalid_scope`).
    #[error("the grant was refused: {0}")]
    Refused(&'static str),
    /// Too many attempts for this account or from this address.
    #[error("too many attempts: try again in {retry_after_s} s")]
    Throttled {
        /// When to try again.
        retry_after_s: u32,
    },
    /// The access token would not fit its carrier.
    #[error("the access token would have {bytes} bytes, and {bytes_max} fit: this user has too many scopes for it")]
    TooLarge {
        /// How long it would be.
        bytes: usize,
        /// How long it may be.
        bytes_max: usize,
    },
    /// The gateway's own client may not do this: the operator must act. Callers get 503.
    #[error("identity does not let this client do that: {0}")]
    Misconfigured(&'static str),
    /// Nobody knows. Callers get 503.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// First-party login. Answered by identity; asked by the gateway.
pub trait Login: Send + Sync + fmt::Debug {
    /// Checks a password; on success the code that stands for the sign-in.
    fn challenge(&self, attempt: Attempt) -> BoxFuture<'_, Result<Secret<String>, LoginError>>;

    /// Turns the code into tokens, once.
    fn redeem(&self, redeem: Redeem) -> BoxFuture<'_, Result<Tokens, LoginError>>;

    /// Turns a refresh token into its successor.
    fn renew(&self, renew: Renew) -> BoxFuture<'_, Result<Tokens, LoginError>>;

    /// Ends a credential and the first-party sign-in behind it. Unknown ones are fine (RFC 7009 §2.2). Answered after
    /// every reader in identity's process has applied it.
    fn revoke(&self, revoke: Revoke) -> BoxFuture<'_, Result<(), LoginError>>;
}
