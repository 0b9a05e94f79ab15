//! A store with one realm, a clock that stands still, and short ways to make what tests need.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sekisho_model::client::{
    AccessTokenForm, ClientAuth, Clients as _, Consent, GrantType, NewClient, Pkce, Registration,
};
use sekisho_model::code::{Codes as _, Presented, Redeemed, Redemption, Stage};
use sekisho_model::feed::FeedLog as _;
use sekisho_model::grant::{NewGrant, RefreshRequest};
use sekisho_model::key::NewKey;
use sekisho_model::opaque::{NewOpaque, Opaque, OpaqueTokens as _};
use sekisho_model::realm::{NewRealm, Realms as _};
use sekisho_model::session::{NewSession, Origin, Sessions as _};
use sekisho_model::user::{NewUser, Users as _};
use sekisho_model::{Act, Basis, Code, Session};
use sekisho_store::{Settings, SqlStore, postgres, sqlite};
use sekisho_token::{Algorithm, Digest, SigningKey, Timestamp};
use sekisho_wire::change::PublishedKey;
use sekisho_wire::cut::Cut;
use sekisho_wire::feed::{After, ChainHash, Entry};
use sekisho_wire::{BoxFuture, Change, ClientId, Clock, GrantId, Monotonic, Position, RealmName, SessionId, UserId};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::postgres::cluster::{Cluster, Database};

/// When everything happens that does not say otherwise.
pub(crate) const NOW: Timestamp = Timestamp(1_000_000);
/// The longest lifetime of an access token.
pub(crate) const TOKEN_LIFETIME_S: i64 = 600;
/// How long a session lives unused, and in any case.
pub(crate) const IDLE_S: i64 = 1000;
pub(crate) const SESSION_S: i64 = 5000;

/// Everybody's password hash.
pub(crate) const PASSWORD: &str = "$argon2id$hash";

/// A store and its surroundings.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) store: Arc<SqlStore>,
    pub(crate) realm: RealmName,
    pub(crate) clock: TestClock,
    pub(crate) cut: Cut,
    pub(crate) dir: Option<TempDir>,
    pub(crate) database: Option<Database<'static>>,
    next: AtomicU64,
}

/// A stopwatch that stands still until a test moves it.
#[derive(Clone, Debug)]
pub(crate) struct TestClock(watch::Sender<Duration>);

// === impl Rig ===

impl Rig {
    pub(crate) async fn sqlite_in_memory() -> Self {
        let (clock, cut) = (TestClock::new(), Cut::joined("store"));
        let store = sqlite::in_memory(settings(&clock, &cut)).await.unwrap();
        Self::around(store, clock, cut, None).await
    }

    pub(crate) async fn sqlite_on_disk() -> Self {
        let (clock, cut) = (TestClock::new(), Cut::joined("store"));
        let dir = tempfile::tempdir().unwrap();
        let store = sqlite::open(&dir.path().join("data"), settings(&clock, &cut)).await.unwrap();
        Self::around(store, clock, cut, Some(dir)).await
    }

    pub(crate) async fn postgres() -> Self {
        let (clock, cut) = (TestClock::new(), Cut::joined("store"));
        let (dir, database) = (tempfile::tempdir().unwrap(), Cluster::shared().database());
        let address = database.address().parse().unwrap();
        let store = postgres::open(&dir.path().join("data"), &address, settings(&clock, &cut)).await.unwrap();
        let rig = Self::around(store, clock, cut, Some(dir)).await;
        Self { database: Some(database), ..rig }
    }

    pub(crate) async fn around(store: Arc<SqlStore>, clock: TestClock, cut: Cut, dir: Option<TempDir>) -> Self {
        let realm: RealmName = "main".parse().unwrap();
        let rig = Self { store, realm, clock, cut, dir, database: None, next: AtomicU64::new(1) };
        rig.make_realm(&rig.realm).await;
        rig
    }

    pub(crate) async fn close(self) {
        self.store.close().await;
    }

    /// The directory of the database, for backends that have one.
    pub(crate) fn data(&self) -> std::path::PathBuf {
        self.dir.as_ref().unwrap().path().join("data")
    }

    /// A number that no other call returns.
    pub(crate) fn fresh(&self) -> u128 {
        // High enough that it looks like an id of our time, and ascending like one.
        (1 << 100) + u128::from(self.next.fetch_add(1, Ordering::Relaxed))
    }

    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.fresh().to_be_bytes())
    }

    pub(crate) fn act(&self) -> Act {
        self.act_at(0)
    }

    /// `later_s` seconds after [`NOW`].
    pub(crate) fn act_at(&self, later_s: i64) -> Act {
        Act::by_house(self.realm.clone(), NOW.plus_s(later_s))
    }

    pub(crate) async fn make_realm(&self, realm: &RealmName) -> Position {
        let new = NewRealm { refresh_key_sealed: b"sealed refresh key".to_vec(), key: new_key(NOW) };
        self.store.create_realm(Act::by_house(realm.clone(), NOW), new).await.unwrap()
    }

    pub(crate) async fn user(&self, name: &str) -> UserId {
        let user = NewUser {
            id: UserId(self.fresh()),
            name: name.parse().unwrap(),
            password: PASSWORD.into(),
            scopes: "orders:read stock:read".parse().unwrap(),
            display_name: Some(name.to_owned()),
            email: None,
        };
        let id = user.id;
        self.store.create_user(self.act(), user).await.unwrap();
        id
    }

    pub(crate) async fn client(&self, id: &str) -> ClientId {
        let id: ClientId = id.parse().unwrap();
        let new = NewClient { id: id.clone(), registration: registration(), secret: Some(self.digest()) };
        self.store.create_client(self.act(), new).await.unwrap();
        id
    }

    pub(crate) fn new_session(&self, user: UserId, origin: Origin) -> NewSession {
        NewSession {
            id: SessionId(self.fresh()),
            user,
            password: PASSWORD.into(),
            cookie: (origin == Origin::Browser).then(|| self.digest()),
            origin,
            amr: vec!["pwd".to_owned()],
            idle_s: IDLE_S,
            lifetime_s: SESSION_S,
            user_agent: Some("curl".to_owned()),
            held: None,
        }
    }

    /// A sign-in at identity's own page.
    pub(crate) async fn session(&self, user: UserId) -> SessionId {
        self.open(self.new_session(user, Origin::Browser)).await.id
    }

    /// A sign-in through the client `web`, for it alone.
    pub(crate) async fn first_party(&self, user: UserId) -> SessionId {
        self.open(self.new_session(user, Origin::FirstParty(web()))).await.id
    }

    pub(crate) async fn open(&self, session: NewSession) -> Session {
        self.store.open_session(self.act(), session).await.unwrap().unwrap()
    }

    /// The digest of a fresh code for the client `web`.
    pub(crate) async fn code(&self, user: UserId, session: SessionId) -> Digest {
        let code = Code {
            digest: self.digest(),
            client: web(),
            user,
            session,
            redirect_uri: Some("https://web.example/cb".to_owned()),
            challenge: Some("challenge".to_owned()),
            scopes: "orders:read".parse().unwrap(),
            audiences: vec!["orders".to_owned(), "stock".to_owned()],
            nonce: Some("nonce".to_owned()),
            expires_at: NOW.plus_s(60),
            stage: Stage::Pending,
        };
        let digest = code.digest;
        self.store.issue_code(self.act(), code).await.unwrap();
        digest
    }

    pub(crate) fn redemption(&self, digest: Digest) -> Redemption {
        let presented = Presented {
            client: web(),
            redirect_uri: Some("https://web.example/cb".to_owned()),
            challenge: Some("challenge".to_owned()),
        };
        let grant = NewGrant { id: GrantId(self.fresh()), lifetime_s: 100_000, refresh_idle_s: Some(10_000) };
        Redemption { digest, presented, grant }
    }

    /// A grant to the client `web`, bound to the session.
    pub(crate) async fn grant(&self, user: UserId, session: SessionId) -> GrantId {
        let digest = self.code(user, session).await;
        granted(self.store.redeem_code(self.act(), self.redemption(digest)).await.unwrap()).grant.id
    }

    /// A grant of somebody in a browser.
    pub(crate) async fn any_grant(&self, name: &str) -> (UserId, SessionId, GrantId) {
        let user = self.user(name).await;
        let session = self.session(user).await;
        (user, session, self.grant(user, session).await)
    }

    /// The one token of this digest.
    pub(crate) async fn opaque(&self, digest: Digest, now: Timestamp) -> Option<Opaque> {
        let found = self.store.opaques(&self.realm, vec![digest], now).await.unwrap();
        found.into_iter().next().map(|(_, opaque)| opaque.unwrap())
    }

    pub(crate) async fn head(&self) -> Position {
        self.store.head(&self.realm).await.unwrap().position
    }

    /// Every entry of this epoch.
    pub(crate) async fn entries(&self) -> Vec<Entry> {
        entries_of(&self.store, &self.realm).await
    }

    /// The changes of the newest entry.
    pub(crate) async fn last_changes(&self) -> Vec<Change> {
        self.entries().await.pop().unwrap().changes
    }
}

// === impl TestClock ===

impl TestClock {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(Duration::ZERO))
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.0.send_modify(|now| *now += by);
    }

    /// Waits until so many sleep: each call that waits for the store has its deadline.
    pub(crate) async fn has_sleepers(&self, count: usize) {
        while self.0.receiver_count() < count {
            tokio::task::yield_now().await;
        }
    }
}

impl Clock for TestClock {
    fn wall(&self) -> Timestamp {
        NOW
    }

    fn monotonic(&self) -> Monotonic {
        Monotonic(*self.0.borrow())
    }

    fn sleep_until(&self, deadline: Monotonic) -> BoxFuture<'static, ()> {
        let mut time = self.0.subscribe();
        Box::pin(async move {
            time.wait_for(|now| *now >= deadline.0).await.unwrap();
        })
    }
}

pub(crate) fn settings(clock: &TestClock, cut: &Cut) -> Settings {
    Settings {
        clock: Arc::new(clock.clone()),
        handle: tokio::runtime::Handle::current(),
        cut: cut.clone(),
        token_lifetime_s_max: TOKEN_LIFETIME_S,
    }
}

/// The settings of a store with nothing around it.
pub(crate) fn alone() -> Settings {
    settings(&TestClock::new(), &Cut::joined("store"))
}

/// A store in this directory, with nothing around it.
pub(crate) async fn reopen(dir: &Path) -> Arc<SqlStore> {
    sqlite::open(dir, alone()).await.unwrap()
}

/// Every entry of this epoch, page after page.
pub(crate) async fn entries_of(store: &SqlStore, realm: &RealmName) -> Vec<Entry> {
    let mut position = Position::new(store.head(realm).await.unwrap().position.epoch.0, 0);
    let mut entries = Vec::new();
    loop {
        let After::Entries(page) = store.after(realm, position).await.unwrap() else { panic!("trimmed") };
        let Some(last) = page.last() else { return entries };
        position = last.entry.position;
        entries.extend(page.into_iter().map(|envelope| envelope.entry));
    }
}

/// Checks that the entries are a whole log from its first link on, without a gap, and returns its last link.
#[track_caller]
pub(crate) fn check_chain(realm: &RealmName, entries: &[Entry]) -> ChainHash {
    entries.iter().zip(1..).fold(ChainHash::genesis(realm), |link, (entry, revision)| {
        assert_eq!(entry.position.revision.0, revision);
        assert_eq!(entry.hash, link.next(entry.position, entry.until, &entry.changes));
        entry.hash
    })
}

pub(crate) fn web() -> ClientId {
    "web".parse().unwrap()
}

#[track_caller]
pub(crate) fn granted(redeemed: Redeemed) -> Basis {
    match redeemed {
        Redeemed::Granted { basis, .. } => *basis,
        other @ (Redeemed::Refused { .. } | Redeemed::Gone(_) | Redeemed::Unknown) => panic!("{other:?}"),
    }
}

pub(crate) fn refresh(grant: GrantId, generation: u32, grace_s: i64) -> RefreshRequest {
    RefreshRequest { grant, generation, client: web(), grace_s }
}

pub(crate) fn new_key(now: Timestamp) -> NewKey {
    let jwk = SigningKey::generate(Algorithm::Es256).unwrap().public_jwk();
    let published = PublishedKey { jwk, published_at: now, signs_from: now, gone_at: None };
    NewKey { published, sealed: b"sealed private key".to_vec() }
}

pub(crate) fn registration() -> Registration {
    Registration {
        name: "Web".to_owned(),
        auth: ClientAuth::ClientSecretBasic,
        grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken],
        redirect_uris: vec!["https://web.example/cb".to_owned()],
        post_logout_redirect_uris: vec![],
        scopes: "orders:read".parse().unwrap(),
        audiences: vec!["orders".to_owned()],
        pkce: Pkce::Required,
        tokens: AccessTokenForm::Jwt,
        consent: Consent::Implied,
        capabilities: vec![],
    }
}

/// An opaque token with some of its grant's rights.
pub(crate) fn opaque(digest: Digest, grant: GrantId, expires_at: Timestamp) -> NewOpaque {
    NewOpaque {
        digest,
        grant,
        scopes: "orders:read".parse().unwrap(),
        audiences: vec!["orders".to_owned()],
        expires_at,
    }
}
