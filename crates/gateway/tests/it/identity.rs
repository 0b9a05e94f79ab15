//! Identity in memory, behind the gateway's ports: people, opaque tokens, and counters of what was asked.

use std::collections::{BTreeSet, HashMap};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use sekisho_guard::jwks::KeySource;
use sekisho_guard::testing::{TestClock, TestIssuer};
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::jwk::JwkSet;
use sekisho_token::{Secret, SystemEntropy};
use sekisho_wire::cut::Cut;
use sekisho_wire::exchange::{ExchangeError, Inspect, Inspected, Swap, Swapped, Wrap};
use sekisho_wire::login::{Attempt, LoginError, Redeem, Renew, Revoke, TokenForm, Tokens};
use sekisho_wire::{BoxFuture, Change, Clock, Exchange, GrantId, Login, Reason, SessionId, Subject, Unavailable};

/// How long an opaque token lives, in seconds.
pub(crate) const OPAQUE_LIFETIME_S: i64 = 12 * 3600;
/// How long a JWT lives, in seconds.
pub(crate) const JWT_LIFETIME_S: i64 = 300;

/// An identity provider that a test owns.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) issuer: TestIssuer,
    clock: TestClock,
    grants: Mutex<HashMap<String, Grant>>,
    codes: Mutex<HashMap<String, String>>,
    /// In front of everything but the feed.
    pub(crate) cut: Cut,
    pub(crate) swaps: AtomicUsize,
    pub(crate) inspections: AtomicUsize,
    pub(crate) revocations: AtomicUsize,
    pub(crate) attempts: Mutex<Vec<(Option<std::net::IpAddr>, Option<String>)>>,
    /// The names of the threads that did its work.
    pub(crate) threads: Mutex<BTreeSet<String>>,
}

/// What a token stands for.
#[derive(Clone, Debug)]
struct Grant {
    user: String,
    scopes: String,
    session: SessionId,
    id: GrantId,
    ended: bool,
    expires_at: i64,
}

// === impl Identity ===

impl Identity {
    pub(crate) fn new(clock: &TestClock) -> Arc<Self> {
        Arc::new(Self {
            issuer: TestIssuer::new("orders", clock.clone()),
            clock: clock.clone(),
            grants: Mutex::default(),
            codes: Mutex::default(),
            cut: Cut::joined("identity"),
            swaps: AtomicUsize::new(0),
            inspections: AtomicUsize::new(0),
            revocations: AtomicUsize::new(0),
            attempts: Mutex::default(),
            threads: Mutex::default(),
        })
    }

    /// An opaque token of a new sign-in of `user`.
    pub(crate) fn opaque(&self, user: &str, scopes: &str) -> String {
        let token = Credential::mint(Kind::OpaqueToken, &SystemEntropy::default()).expose().to_owned();
        self.remember(&token, user, scopes);
        token
    }

    /// A JWT of a new sign-in of `user`, for orders and stock.
    pub(crate) fn jwt(&self, user: &str, scopes: &str) -> String {
        let (now, entropy) = (self.clock.wall(), SystemEntropy::default());
        let (session, id) = (SessionId::generate(now, &entropy), GrantId::generate(now, &entropy));
        let grant = Grant {
            user: user.to_owned(),
            scopes: scopes.to_owned(),
            session,
            id,
            ended: false,
            expires_at: now.0 + JWT_LIFETIME_S,
        };
        let jwt = self.mint(&grant, &["orders", "stock"]);
        self.grants.lock().unwrap().insert(jwt.clone(), grant);
        jwt
    }

    /// Ends the sign-in behind a token, and tells the feed.
    pub(crate) fn end(&self, token: &str) {
        let ended = self.grants.lock().unwrap().get_mut(token).map(|grant| {
            grant.ended = true;
            grant.session
        });
        if let Some(session) = ended {
            self.issuer.revoke(Change::SessionEnded { session });
        }
    }

    pub(crate) fn swaps(&self) -> usize {
        self.swaps.load(Ordering::SeqCst)
    }

    /// Every call of a port comes by here.
    async fn pass(&self) -> Result<(), Unavailable> {
        self.cut.pass().await?;
        let thread = std::thread::current().name().unwrap_or("nameless").to_owned();
        self.threads.lock().unwrap().insert(thread);
        Ok(())
    }

    fn remember(&self, token: &str, user: &str, scopes: &str) {
        let (now, entropy) = (self.clock.wall(), SystemEntropy::default());
        let grant = Grant {
            user: user.to_owned(),
            scopes: scopes.to_owned(),
            session: SessionId::generate(now, &entropy),
            id: GrantId::generate(now, &entropy),
            ended: false,
            expires_at: now.0 + OPAQUE_LIFETIME_S,
        };
        self.grants.lock().unwrap().insert(token.to_owned(), grant);
    }

    fn mint(&self, grant: &Grant, audience: &[&str]) -> String {
        let token = self.issuer.token(&grant.user).scopes(&grant.scopes).audience(audience).session(grant.session);
        token.claims(|claims| claims.grant = Some(grant.id)).expires_in_s(JWT_LIFETIME_S).mint()
    }

    fn living(&self, token: &str) -> Option<Grant> {
        let now = self.clock.wall().0;
        self.grants.lock().unwrap().get(token).filter(|grant| !grant.ended && now < grant.expires_at).cloned()
    }
}

impl Exchange for Identity {
    fn swap(&self, swap: Swap) -> BoxFuture<'_, Result<Swapped, ExchangeError>> {
        Box::pin(async move {
            self.swaps.fetch_add(1, Ordering::SeqCst);
            self.pass().await?;
            let grant = self.living(swap.token.expose()).ok_or(ExchangeError::Refused(Reason::UnknownToken))?;
            let audience: Vec<&str> = swap.audience.iter().map(String::as_str).collect();
            let jwt = Secret::from(self.mint(&grant, &audience));
            Ok(Swapped { jwt, opaque_expires_at: sekisho_token::Timestamp(grant.expires_at) })
        })
    }

    fn wrap(&self, wrap: Wrap) -> BoxFuture<'_, Result<Secret<String>, ExchangeError>> {
        Box::pin(async move {
            self.pass().await?;
            if wrap.jwt.expose().ends_with("forged") {
                return Err(ExchangeError::Refused(Reason::BadSignature));
            }
            if wrap.jwt.expose().ends_with("splitting") {
                return Ok(Secret::from("a\r\nX-Roles: admin".to_owned()));
            }
            Ok(Secret::from(self.opaque("wrapped", "orders:read")))
        })
    }

    fn inspect(&self, inspect: Inspect) -> BoxFuture<'_, Result<Inspected, ExchangeError>> {
        Box::pin(async move {
            self.inspections.fetch_add(1, Ordering::SeqCst);
            self.pass().await?;
            let Some(grant) = self.living(inspect.token.expose()) else { return Ok(Inspected::Inactive) };
            let token = self.issuer.token(&grant.user);
            Ok(Inspected::Active(Box::new(token.peek().clone())))
        })
    }
}

impl Login for Identity {
    fn challenge(&self, attempt: Attempt) -> BoxFuture<'_, Result<Secret<String>, LoginError>> {
        Box::pin(async move {
            self.pass().await?;
            self.attempts.lock().unwrap().push((attempt.address, attempt.user_agent.clone()));
            match (attempt.username.as_str(), attempt.password.expose().as_str()) {
                ("throttled", _) => Err(LoginError::Throttled { retry_after_s: 7 }),
                ("alice" | "heavy", "correct horse") => {
                    let code = format!("code-{}", self.codes.lock().unwrap().len());
                    self.codes.lock().unwrap().insert(code.clone(), attempt.username);
                    Ok(Secret::from(code))
                }
                (_, _) => Err(LoginError::WrongCredentials),
            }
        })
    }

    fn redeem(&self, redeem: Redeem) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(async move {
            self.pass().await?;
            let user = self.codes.lock().unwrap().remove(redeem.code.expose()).ok_or(LoginError::Refused("code"))?;
            if user == "heavy" && redeem.form == TokenForm::Jwt {
                return Err(LoginError::TooLarge { bytes: 5000, bytes_max: redeem.token_bytes_max });
            }
            let token = match redeem.form {
                TokenForm::Opaque => self.opaque(&user, "orders:read"),
                TokenForm::Jwt => self.jwt(&user, "orders:read"),
            };
            let grant = self.living(&token).ok_or(LoginError::Refused("grant"))?;
            Ok(Tokens {
                access_token: Secret::from(token),
                expires_at: sekisho_token::Timestamp(grant.expires_at),
                refresh_token: None,
                subject: user.parse::<Subject>().unwrap(),
                session: Some(grant.session),
                scope: grant.scopes.parse().unwrap(),
            })
        })
    }

    fn renew(&self, _: Renew) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(async { Err(LoginError::Refused("no refresh tokens here")) })
    }

    fn revoke(&self, revoke: Revoke) -> BoxFuture<'_, Result<(), LoginError>> {
        Box::pin(async move {
            self.revocations.fetch_add(1, Ordering::SeqCst);
            self.pass().await?;
            self.end(revoke.token.expose());
            Ok(())
        })
    }
}

impl KeySource for Identity {
    fn fetch(&self) -> BoxFuture<'_, Result<JwkSet, Unavailable>> {
        Box::pin(async move {
            self.pass().await?;
            Ok(JwkSet::new(vec![self.issuer.key().public_jwk()]))
        })
    }
}
