//! The guard of a service: a tower layer that lets verified callers through, and says why it refuses the others.
//!
//! ```text
//!   request ─ Authorization: Bearer … ─► how old is what we know? ─► access ─► scopes of the layer ─► handler
//!                     │                          │                     │              │
//!                401 without error          503 Retry-After      401 invalid_token    403 insufficient_scope
//! ```
//!
//! The handler finds an [`Authenticated`] in the request's extensions (with axum: takes it as an argument): who calls, and
//! the bearer token itself to pass on to the next service. Every refusal has an id, in the answer and in one audit line.
//! With a tracer, each request is a span, and `sekisho_wire::trace::traceparent` says in the handler what to tell the next service.
//!
//! Specs: RFC 6750 §2.1 (the header is the only place we look), §3 (the challenge). Not here: cookies and opaque tokens
//! (the gateway swaps them for what arrives here), policies.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use sekisho_token::{Entropy, Secret};
use sekisho_wire::trace::Tracer;
use sekisho_wire::{Audit, Caller, Clock, RealmName, Reason, Scopes};

use crate::access::{AccessVerifier, Authority, Refused, VerifiedAccess};
use crate::follow::Follower;

mod bearer;
mod refusal;
mod remote;
mod service;

pub use refusal::{Refusal, RequestLine};
pub use remote::{GuardError, GuardOptions, LogAudit, Remote, Revocation};
pub use service::{GuardLayer, Guarded};

/// How long `on_stale: ask` waits for the answer.
const ASK_PATIENCE: Duration = Duration::from_secs(1);

/// What a service puts in front of its routes. Clones share everything.
#[derive(Clone)]
pub struct Guard(Arc<Parts>);

/// What a guard is made of, for whoever wires it by hand.
#[derive(Debug)]
pub struct Parts {
    /// What verifies tokens.
    pub verifier: AccessVerifier,
    /// How old knowledge of revocations may be.
    pub freshness: Freshness,
    /// What refusals are dated by.
    pub clock: Arc<dyn Clock>,
    /// Where refusal ids come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where refusals are recorded.
    pub audit: Arc<dyn Audit>,
    /// What begins spans, where somebody collects them.
    pub tracer: Option<Tracer>,
    /// The service's name in audit lines.
    pub service: String,
    /// The realm in audit lines.
    pub realm: Option<RealmName>,
}

/// How old knowledge of revocations may be.
#[derive(Clone, Debug)]
pub enum Freshness {
    /// At most as old as a lease.
    Lease {
        /// Who knows.
        follower: Arc<Follower>,
        /// How old at most.
        max_staleness: Duration,
        /// What happens beyond.
        on_stale: OnStale,
    },
    /// Revocations are not looked at: tokens work until they expire.
    UntilExpiry,
}

/// What happens when knowledge is older than it may be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnStale {
    /// The issuer is asked once for everybody who waits; if it does not answer, 503.
    #[default]
    Ask,
    /// 503.
    Deny,
    /// The request is served on what is known.
    Serve,
}

/// A verified caller, with the proof that came along.
#[derive(Clone, Debug)]
pub struct Authenticated {
    access: Arc<VerifiedAccess>,
    bearer: Bearer,
    /// For refusals that the handler decides on.
    guard: Guard,
    line: Arc<RequestLine>,
}

/// A bearer token to pass on to the next service, which must be one of its audiences.
#[derive(Clone, Debug)]
pub struct Bearer(Secret<String>);

// === impl Guard ===

impl Guard {
    /// A guard of these parts.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(parts))
    }

    /// A guard for a service that runs apart from identity. Nothing happens before [`Remote::start`].
    #[must_use]
    pub fn remote(options: GuardOptions) -> Remote {
        Remote::new(options)
    }

    /// A layer that lets every verified caller through.
    #[must_use]
    pub fn layer(&self) -> GuardLayer {
        self.scopes(&Scopes::default())
    }

    /// A layer that lets verified callers through who have all of these scopes.
    #[must_use]
    pub fn scopes(&self, required: &Scopes) -> GuardLayer {
        GuardLayer::new(self.clone(), required.clone())
    }

    /// Verifies a token: first whether what is known of revocations is fresh enough, then the token.
    ///
    /// # Errors
    /// [`Refused`].
    pub async fn verify(&self, token: &str) -> Result<Arc<VerifiedAccess>, Refused> {
        self.fresh_enough().await?;
        self.0.verifier.verify(token).await
    }

    /// Whether a token could be verified now: keys are known, and what is known is fresh enough or may be stale.
    #[must_use]
    pub fn ready(&self) -> bool {
        match (&self.0.freshness, self.0.verifier.authority()) {
            (Freshness::Lease { follower, on_stale: OnStale::Serve, .. }, _) => follower.ready(),
            (Freshness::Lease { follower, max_staleness, .. }, _) => follower.age() <= *max_staleness,
            (Freshness::UntilExpiry, Authority::Jwks(keys)) => keys.loaded(),
            (Freshness::UntilExpiry, Authority::Feed(follower)) => follower.ready(),
        }
    }

    /// Waits until the issuer's keys and revocations were loaded once.
    pub async fn started(&self) {
        match self.0.verifier.authority() {
            Authority::Feed(follower) => follower.started().await,
            Authority::Jwks(keys) => keys.started().await,
        }
    }

    /// What it is made of.
    #[must_use]
    pub fn parts(&self) -> &Parts {
        &self.0
    }

    async fn fresh_enough(&self) -> Result<(), Refused> {
        let Freshness::Lease { follower, max_staleness, on_stale } = &self.0.freshness else { return Ok(()) };
        if follower.age() <= *max_staleness {
            return Ok(());
        }
        match on_stale {
            OnStale::Serve => Ok(()),
            OnStale::Ask if follower.refresh(*max_staleness, ASK_PATIENCE).await.is_ok() => Ok(()),
            // Before the first snapshot it is the keys that are missing, and that has another cause.
            OnStale::Ask | OnStale::Deny if !follower.ready() => Err(Reason::KeysUnavailable.into()),
            OnStale::Ask | OnStale::Deny => Err(Reason::FeedStale.into()),
        }
    }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard").field("service", &self.0.service).finish_non_exhaustive()
    }
}

// === impl Authenticated ===

impl Authenticated {
    /// Who calls.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        self.access.caller()
    }

    /// What the token says, and which key signed it.
    #[must_use]
    pub fn access(&self) -> &Arc<VerifiedAccess> {
        &self.access
    }

    /// The token, for the call to the next service.
    #[must_use]
    pub fn bearer(&self) -> &Bearer {
        &self.bearer
    }

    /// Demands a scope.
    ///
    /// # Errors
    /// [`Refusal`], 403 with `insufficient_scope` (RFC 6750 §3.1); it was recorded.
    pub fn require(&self, scope: &str) -> Result<(), Refusal> {
        if self.caller().scopes.has(scope) {
            return Ok(());
        }
        let refused = Refused { reason: Reason::InsufficientScope, detail: Some(format!("missing: {scope}")) };
        Err(self.guard.refuse(&self.line, &refused, Some(self.caller())).wanting(scope))
    }
}

impl Deref for Authenticated {
    type Target = Caller;

    fn deref(&self) -> &Caller {
        self.caller()
    }
}

// === impl Bearer ===

impl Bearer {
    /// The token's text.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }

    /// The `Authorization` header for the next call, marked so that it is not logged.
    ///
    /// # Errors
    /// Never for a token that was verified: its text is base64url and dots.
    pub fn to_header(&self) -> Result<http::HeaderValue, http::header::InvalidHeaderValue> {
        let mut value = http::HeaderValue::from_str(&format!("Bearer {}", self.expose()))?;
        value.set_sensitive(true);
        Ok(value)
    }
}

#[cfg(test)]
mod tests;
