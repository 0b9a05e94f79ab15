//! An issuer without a server: keys, a feed in memory, and tokens minted on the spot.

use std::sync::Arc;
use std::time::Duration;

use sekisho_token::{Algorithm, SigningKey, SystemEntropy, Timestamp, jwt};
use sekisho_wire::change::PublishedKey;
use sekisho_wire::claims::ACCESS_TOKEN_TYP;
use sekisho_wire::{
    AccessClaims, Change, ClientId, Clock, GrantId, Issuer, Position, RealmName, Scopes, SessionId, Subject, TokenId,
};
use tokio::runtime::Handle;

use super::{MemoryFeed, TestAudit, TestClock};
use crate::access::{Accept, AccessVerifier, Authority};
use crate::follow::{Follow, Follower};
use crate::layer::{Freshness, Guard, OnStale, Parts};

/// How long a test token lives unless told otherwise, in seconds.
const LIFETIME_S: i64 = 300;
/// The lease of a guard in tests.
const MAX_STALENESS: Duration = Duration::from_secs(1);

/// An issuer of one realm, for one service.
#[derive(Debug)]
pub struct TestIssuer {
    audience: String,
    realm: RealmName,
    issuer: Issuer,
    clock: TestClock,
    key: SigningKey,
    feed: Arc<MemoryFeed>,
    audit: TestAudit,
}

/// A token to be minted.
#[derive(Debug)]
pub struct TestToken<'a> {
    issuer: &'a TestIssuer,
    claims: AccessClaims,
}

// === impl TestIssuer ===

impl TestIssuer {
    /// An issuer whose tokens are for `audience`, with one ES256 key.
    ///
    /// # Panics
    /// When the machine makes no key.
    #[must_use]
    #[expect(clippy::expect_used, reason = "in a test, to stop is the right answer")]
    pub fn new(audience: &str, clock: TestClock) -> Self {
        let realm: RealmName = RealmName::DEFAULT.parse().expect("the default realm has a good name");
        let key = SigningKey::generate(Algorithm::Es256).expect("a key can be generated");
        let feed = MemoryFeed::new(realm.clone(), vec![published(&key, clock.wall())]);
        let issuer = realm.issuer("http://issuer.test");
        Self { audience: audience.to_owned(), realm, issuer, clock, key, feed, audit: TestAudit::default() }
    }

    /// The same issuer below another address.
    #[must_use]
    pub fn at(self, base: &str) -> Self {
        Self { issuer: self.realm.issuer(base), ..self }
    }

    /// The `iss` of its tokens.
    #[must_use]
    pub fn issuer(&self) -> &Issuer {
        &self.issuer
    }

    /// Its realm.
    #[must_use]
    pub fn realm(&self) -> &RealmName {
        &self.realm
    }

    /// Its feed, with the switches in front of it.
    #[must_use]
    pub fn feed(&self) -> &Arc<MemoryFeed> {
        &self.feed
    }

    /// The key it signs with.
    #[must_use]
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// The clock it lives by.
    #[must_use]
    pub fn clock(&self) -> &TestClock {
        &self.clock
    }

    /// What its guards recorded.
    #[must_use]
    pub fn audit(&self) -> &TestAudit {
        &self.audit
    }

    /// Begins a token for a subject: this audience, no scopes, five minutes, a sign-in and grant of its own.
    ///
    /// # Panics
    /// When `subject` cannot be one.
    #[must_use]
    #[expect(clippy::expect_used, reason = "in a test, to stop is the right answer")]
    pub fn token(&self, subject: &str) -> TestToken<'_> {
        let (now, entropy) = (self.clock.wall(), SystemEntropy::default());
        let claims = AccessClaims {
            iss: self.issuer.clone(),
            sub: subject.parse().expect("a subject"),
            aud: vec![self.audience.clone()],
            client_id: "test-client".parse().expect("a client id"),
            exp: now.plus_s(LIFETIME_S),
            iat: now,
            jti: TokenId::generate(now, &entropy),
            scope: Scopes::default(),
            rev: self.feed.position(),
            sid: Some(SessionId::generate(now, &entropy)),
            grant: Some(GrantId::generate(now, &entropy)),
            auth_time: Some(now),
            amr: Vec::new(),
            act: None,
        };
        TestToken { issuer: self, claims }
    }

    /// Takes something back, as identity does: its guards refuse it when this returns.
    pub fn revoke(&self, change: Change) -> Position {
        let until = self.clock.wall().plus_s(LIFETIME_S);
        self.feed.commit(vec![change], until)
    }

    /// Publishes another key on the feed. Tokens are signed with the first one all the same.
    pub fn publish_key(&self, key: &SigningKey) -> Position {
        self.revoke(Change::KeyScheduled { key: published(key, self.clock.wall()) })
    }

    /// Takes back everything of a subject that was minted before now.
    pub fn revoke_subject(&self, subject: &Subject) -> Position {
        self.revoke(Change::SubjectRevoked { subject: subject.clone() })
    }

    /// A follower of its feed with a lease of one second, on the runtime of the caller, with its first lease taken.
    pub async fn follower(&self) -> Arc<Follower> {
        let follower = Follower::start(self.follow(), &Handle::current());
        follower.started().await;
        follower
    }

    /// What a follower of its feed follows.
    #[must_use]
    pub fn follow(&self) -> Follow {
        Follow {
            realm: self.realm.clone(),
            feed: Arc::clone(&self.feed) as _,
            clock: Arc::new(self.clock.clone()),
            max_staleness: MAX_STALENESS,
        }
    }

    /// A guard for the audience, ready: it follows the feed and refuses what was taken back, and everything when its
    /// knowledge is older than a second.
    pub async fn guard(&self) -> Guard {
        self.guard_with(&self.follower().await, OnStale::Deny)
    }

    /// A guard for the audience that trusts this follower, with another rule for stale knowledge.
    ///
    /// # Panics
    /// When the audience is empty.
    #[must_use]
    #[expect(clippy::expect_used, reason = "in a test, to stop is the right answer")]
    pub fn guard_with(&self, follower: &Arc<Follower>, on_stale: OnStale) -> Guard {
        let freshness = Freshness::Lease { follower: Arc::clone(follower), max_staleness: MAX_STALENESS, on_stale };
        let authority = Authority::Feed(Arc::clone(follower));
        let clock: Arc<dyn Clock> = Arc::new(self.clock.clone());
        let accept = Accept::tokens_of(self.issuer.clone(), vec![self.audience.clone()]);
        Guard::new(Parts {
            verifier: AccessVerifier::new(accept, authority, Arc::clone(&clock)).expect("there is an audience"),
            freshness,
            clock,
            entropy: Arc::new(SystemEntropy::default()),
            audit: Arc::new(self.audit.clone()),
            tracer: None,
            service: self.audience.clone(),
            realm: Some(self.realm.clone()),
        })
    }
}

// === impl TestToken ===

impl TestToken<'_> {
    /// With these scopes, separated by spaces.
    ///
    /// # Panics
    /// When they are none.
    #[must_use]
    #[expect(clippy::expect_used, reason = "in a test, to stop is the right answer")]
    pub fn scopes(self, scopes: &str) -> Self {
        let scope = scopes.parse().expect("scopes");
        self.claims(|claims| claims.scope = scope)
    }

    /// For these audiences instead.
    #[must_use]
    pub fn audience(self, audience: &[&str]) -> Self {
        self.claims(|claims| claims.aud = audience.iter().map(|one| (*one).to_owned()).collect())
    }

    /// Issued to this client.
    #[must_use]
    pub fn client(self, client: ClientId) -> Self {
        self.claims(|claims| claims.client_id = client)
    }

    /// In this sign-in.
    #[must_use]
    pub fn session(self, session: SessionId) -> Self {
        self.claims(|claims| claims.sid = Some(session))
    }

    /// Expiring so many seconds from now.
    #[must_use]
    pub fn expires_in_s(self, seconds: i64) -> Self {
        let exp = self.issuer.clock.wall().plus_s(seconds);
        self.claims(|claims| claims.exp = exp)
    }

    /// With any other change to the claims.
    #[must_use]
    pub fn claims(mut self, change: impl FnOnce(&mut AccessClaims)) -> Self {
        change(&mut self.claims);
        self
    }

    /// The claims so far, for what a test wants to revoke.
    #[must_use]
    pub fn peek(&self) -> &AccessClaims {
        &self.claims
    }

    /// The signed token.
    ///
    /// # Panics
    /// When the machine does not sign.
    #[must_use]
    #[expect(clippy::expect_used, reason = "in a test, to stop is the right answer")]
    pub fn mint(self) -> String {
        jwt::sign(&self.claims, ACCESS_TOKEN_TYP, &self.issuer.key).expect("claims can be signed")
    }
}

/// A key as the feed publishes it: signing since `now`, with no end yet.
fn published(key: &SigningKey, now: Timestamp) -> PublishedKey {
    PublishedKey { jwk: key.public_jwk(), published_at: now, signs_from: now, gone_at: None }
}
