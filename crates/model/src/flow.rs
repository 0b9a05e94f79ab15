//! Login in progress: the authorization request that waits while a person signs in, bound to their browser.

use sekisho_token::{Digest, Timestamp};
use sekisho_wire::{BoxFuture, ClientId, RealmName, Scopes, SessionId, UserId};
use serde::{Deserialize, Serialize};

use crate::{Act, StoreError};

/// An authorization request that passed every check that needs no person (RFC 6749 §4.1.1, OpenID Connect Core §3.1.2.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthorizationRequest {
    /// Who asks.
    pub client: ClientId,
    /// Where the answer goes; registered for the client.
    pub redirect_uri: String,
    /// What is asked, as far as the client may have it.
    pub scopes: Scopes,
    /// For which services.
    pub audiences: Vec<String>,
    /// Returned unchanged.
    pub state: Option<String>,
    /// Goes into the ID token.
    pub nonce: Option<String>,
    /// The S256 challenge.
    pub challenge: Option<String>,
    /// Whether the person must sign in again although they have a session (`prompt=login`).
    pub sign_in_again: bool,
    /// Whether the person must be asked again (`prompt=consent`).
    pub ask_again: bool,
    /// How old the sign-in may be, in seconds.
    pub max_age_s: Option<i64>,
    /// Whom the client expects, as it calls them.
    pub login_hint: Option<String>,
    /// Who must sign in, where an ID token named them.
    #[serde(default)]
    pub expected: Option<UserId>,
    /// Which languages the person reads, as the client knows (RFC 5646 tags with spaces between them).
    #[serde(default)]
    pub ui_locales: Option<String>,
}

/// A wish to see one's own account, at identity itself: no client takes part.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountRequest {
    /// Which page.
    pub account: AccountPage,
    /// How old the sign-in may be, in seconds.
    pub max_age_s: Option<i64>,
    /// Which languages the person reads, as the address said.
    pub ui_locales: Option<String>,
}

/// The pages of a person's own account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountPage {
    /// Sign-ins and applications.
    Overview,
    /// The form for a new password.
    Password,
}

/// What waits while a person signs in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Request {
    /// A client's request.
    Authorization(Box<AuthorizationRequest>),
    /// The person's own.
    Account(AccountRequest),
}

/// A stored request and how far it got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// SHA-256 of the flow's id in the page's address.
    pub digest: Digest,
    /// SHA-256 of the cookie of the browser that began it; another browser cannot go on with it.
    pub browser: Digest,
    /// What waits.
    pub request: Request,
    /// When it began: a sign-in after this counts as signing in again.
    pub started_at: Timestamp,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// How far it got.
    pub progress: Progress,
}

/// What the steps of a flow have brought so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// The sign-in that was made or chosen.
    pub session: Option<SessionId>,
    /// When the person said yes to the client.
    pub consented_at: Option<Timestamp>,
}

/// Keeps logins in progress.
pub trait Flows: Send + Sync {
    /// Keeps a new one.
    fn start_flow(&self, act: Act, flow: Flow) -> BoxFuture<'_, Result<(), StoreError>>;

    /// The flow of this id, if its time is not over.
    fn flow<'a>(
        &'a self,
        realm: &'a RealmName,
        digest: Digest,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<Flow>, StoreError>>;

    /// Notes how far the flow got; does nothing when it is gone.
    fn advance_flow(&self, act: Act, digest: Digest, progress: Progress) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Takes the flow away. Says whether this call was the one that did, so that only one code comes of it.
    fn finish_flow(&self, act: Act, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>>;
}

// === impl Request ===

impl Request {
    /// Which client takes part.
    #[must_use]
    pub const fn client(&self) -> Option<&ClientId> {
        match self {
            Self::Authorization(request) => Some(&request.client),
            Self::Account(_) => None,
        }
    }

    /// Which languages the person reads.
    #[must_use]
    pub fn ui_locales(&self) -> Option<&str> {
        match self {
            Self::Authorization(request) => request.ui_locales.as_deref(),
            Self::Account(request) => request.ui_locales.as_deref(),
        }
    }

    /// How old the sign-in may be, in seconds.
    #[must_use]
    pub const fn max_age_s(&self) -> Option<i64> {
        match self {
            Self::Authorization(request) => request.max_age_s,
            Self::Account(request) => request.max_age_s,
        }
    }

    /// Whom the client expects.
    #[must_use]
    pub fn login_hint(&self) -> Option<&str> {
        match self {
            Self::Authorization(request) => request.login_hint.as_deref(),
            Self::Account(_) => None,
        }
    }
}

impl From<AuthorizationRequest> for Request {
    fn from(request: AuthorizationRequest) -> Self {
        Self::Authorization(Box::new(request))
    }
}

impl From<AccountRequest> for Request {
    fn from(request: AccountRequest) -> Self {
        Self::Account(request)
    }
}
