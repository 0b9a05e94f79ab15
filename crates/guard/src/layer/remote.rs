//! A guard for a service that runs apart from identity: what it must be told, and how it starts.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use sekisho_fetch::{BadCertificate, Client, Options};
use sekisho_token::{Entropy, Secret, SystemEntropy};
use sekisho_wire::trace::Tracer;
use sekisho_wire::{Audit, AuditEvent, ClientId, Clock, Issuer};
use tokio::runtime::Handle;
use url::Url;

use super::{Freshness, Guard, OnStale, Parts};
use crate::access::{Accept, AccessVerifier, Authority, NoAudience};
use crate::clock::{SystemClock, fetch_timer};
use crate::follow::{Follow, Follower};
use crate::jwks::{JwksAddress, JwksKeys, Refetch};
use crate::remote::{BadIssuer, Connection, RemoteIdentity};

/// What a service says about itself and its issuer.
#[derive(Debug)]
pub struct GuardOptions {
    /// Whose tokens are accepted: `{base}/realms/{realm}`.
    pub issuer: String,
    /// Where the issuer is reached, when that is not its own address.
    pub address: Option<Url>,
    /// The service's own name among audiences; also its name in audit lines.
    pub audience: String,
    /// The service's own client, which may read the feed.
    pub client_id: ClientId,
    /// Its secret.
    pub client_secret: Secret<String>,
    /// Whether revocations are followed.
    pub revocation: Revocation,
    /// How old knowledge of them may be.
    pub max_staleness: Duration,
    /// What happens beyond.
    pub on_stale: OnStale,
    /// Certificates to trust for the way to the issuer, PEM or DER, beside the public roots.
    pub extra_roots: Vec<u8>,
    /// How far clocks may differ, in seconds.
    pub leeway_s: u32,
    /// What everything waits on.
    pub clock: Arc<dyn Clock>,
    /// Where refusal ids come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where refusals are recorded.
    pub audit: Arc<dyn Audit>,
    /// What begins spans, where somebody collects them.
    pub tracer: Option<Tracer>,
}

/// Whether a token can be taken back before it expires.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Revocation {
    /// Yes: the issuer's feed is followed.
    #[default]
    Feed,
    /// No: a token works until it expires.
    None,
}

/// A guard that was described and not started.
#[derive(Debug)]
pub struct Remote {
    options: GuardOptions,
}

/// A guard cannot be made from its options: whoever wrote them must act.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The issuer is not one of ours.
    #[error(transparent)]
    Issuer(#[from] BadIssuer),
    /// There is no audience.
    #[error(transparent)]
    Audience(#[from] NoAudience),
    /// An extra root is no certificate.
    #[error(transparent)]
    Certificate(#[from] BadCertificate),
}

/// An audit that writes each line, as JSON, to the service's own log (`tracing`, target `audit`).
#[derive(Clone, Copy, Debug, Default)]
pub struct LogAudit;

// === impl GuardOptions ===

impl GuardOptions {
    /// Tokens of `issuer` for `audience`, revocations no older than a second, the machine's clock.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, client_id: ClientId, client_secret: Secret<String>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            address: None,
            audience: audience.to_owned(),
            client_id,
            client_secret,
            revocation: Revocation::Feed,
            max_staleness: Duration::from_secs(1),
            on_stale: OnStale::Ask,
            extra_roots: Vec::new(),
            leeway_s: sekisho_token::jwt::LEEWAY_S,
            clock: Arc::new(SystemClock::new()),
            entropy: Arc::new(SystemEntropy::default()),
            audit: Arc::new(LogAudit),
            tracer: None,
        }
    }
}

// === impl Remote ===

impl Remote {
    pub(super) fn new(options: GuardOptions) -> Self {
        Self { options }
    }

    /// Begins to follow the issuer, on the runtime that this is awaited on. Does not wait for the issuer: until it has
    /// answered, requests get 503, and [`Guard::started`] waits.
    ///
    /// # Errors
    /// [`GuardError`].
    #[expect(clippy::unused_async, reason = "awaiting it is what says on which runtime the guard lives")]
    pub async fn start(self) -> Result<Guard, GuardError> {
        self.start_on(&Handle::current())
    }

    /// As [`Remote::start`], on a given runtime.
    ///
    /// # Errors
    /// [`GuardError`].
    pub fn start_on(self, handle: &Handle) -> Result<Guard, GuardError> {
        let options = self.options;
        let clock = Arc::clone(&options.clock);
        let mut fetch = Options::new(fetch_timer(&clock), handle.clone());
        if !options.extra_roots.is_empty() {
            fetch.extra_roots = sekisho_fetch::certificates(&options.extra_roots)?;
        }
        let identity = RemoteIdentity::new(Connection {
            issuer: Issuer::new(&options.issuer),
            address: options.address,
            client_id: options.client_id,
            client_secret: options.client_secret,
            http: Client::configured(fetch)?,
            clock: Arc::clone(&clock),
            handle: handle.clone(),
        })?;
        let (authority, freshness) = match options.revocation {
            Revocation::Feed => {
                let (realm, feed) = (identity.realm().clone(), identity.feed());
                let max_staleness = options.max_staleness;
                let follower =
                    Follower::start(Follow { realm, feed, clock: Arc::clone(&clock), max_staleness }, handle);
                let freshness =
                    Freshness::Lease { follower: Arc::clone(&follower), max_staleness, on_stale: options.on_stale };
                (Authority::Feed(follower), freshness)
            }
            Revocation::None => {
                let source = JwksAddress { url: identity.jwks_uri(), client: identity.http().clone() };
                let keys = JwksKeys::start(Arc::new(source), Arc::clone(&clock), Refetch::default(), handle);
                (Authority::Jwks(keys), Freshness::UntilExpiry)
            }
        };
        let mut accept = Accept::tokens_of(Issuer::new(&options.issuer), vec![options.audience.clone()]);
        accept.leeway_s = options.leeway_s;
        Ok(Guard::new(Parts {
            verifier: AccessVerifier::new(accept, authority, Arc::clone(&clock))?,
            freshness,
            clock,
            entropy: options.entropy,
            audit: options.audit,
            tracer: options.tracer,
            service: options.audience,
            realm: Some(identity.realm().clone()),
        }))
    }
}

// === impl LogAudit ===

impl Audit for LogAudit {
    fn record(&self, event: AuditEvent) {
        tracing::info!(target: "audit", "{}", Line(&event));
    }
}

/// An event as one line of JSON.
struct Line<'a>(&'a AuditEvent);

impl fmt::Display for Line<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self.0).unwrap_or_default())
    }
}
