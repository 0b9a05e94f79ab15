//! The house as the stories find it: identity, gateway, two services, a spy, a few people, and a clock that stands still
//! until a story moves it.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho::config::Traces;
use sekisho::demo::{orders, stock};
use sekisho::http::listener::Serving;
use sekisho::wiring::{GatewayPlan, House, IdentityPlan, Keep, Surroundings, Switches};
use sekisho_fetch::{Client as Fetch, Options as FetchOptions};
use sekisho_gateway::config as gateway;
use sekisho_guard::clock::fetch_timer;
use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_guard::{Guard, GuardOptions};
use sekisho_identity::admin::Person;
use sekisho_identity::{Admin, RealmSettings, Settings, Takeover};
use sekisho_model::client::{AccessTokenForm, Capability, ClientAuth, Consent, GrantType, Pkce, Registration};
use sekisho_store::postgres;
use sekisho_token::jwk::Jwk;
use sekisho_token::seal::SealingKey;
use sekisho_token::{Algorithm, KeyId, Secret, SigningKey, SystemEntropy};
use sekisho_wire::cut::State;
use sekisho_wire::{Audit, Clock as _, RealmName, UserId};
use serde_json::{Value, json};
use sqlx::{Connection as _, Row as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;

use crate::client::{Answer, Client};
use crate::forge;
use crate::secured::{self, Papers};
use crate::spy::Spy;

const KEK: [u8; 32] = [7; 32];
const PEOPLE: [(&str, &str); 3] =
    [("alice", "orders:read stock:read"), ("bob", "orders:read orders:write stock:read"), ("carol", "")];

/// A guarded route of the rig.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Route {
    prefix: &'static str,
    cookie: &'static str,
    jwt: bool,
}

/// Everything that speaks opaque tokens only.
const OPAQUE: [&str; 3] = ["/opaque", "/auth", "/shop"];

/// One route of each pattern.
pub(crate) const GUARDED: [Route; 3] = [
    Route { prefix: "/opaque", cookie: "sekisho-main-opaque", jwt: false },
    Route { prefix: "/jwt", cookie: "sekisho-main-jwt", jwt: true },
    Route { prefix: "/jwt-feed", cookie: "sekisho-main-jwt", jwt: true },
];

/// Somebody who can sign in.
#[derive(Clone, Debug)]
pub(crate) struct Somebody {
    pub(crate) name: String,
    pub(crate) password: String,
    pub(crate) id: UserId,
}

/// Lines of the audit, as JSON.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines(TestAudit);

/// The house and who is in it.
pub(crate) struct Rig {
    pub(crate) gateway: Client,
    pub(crate) identity: Client,
    pub(crate) identity_addr: SocketAddr,
    pub(crate) orders: Client,
    pub(crate) stock: Client,
    pub(crate) spy: Spy,
    pub(crate) audit: Lines,
    pub(crate) switches: Switches,
    pub(crate) surroundings: Surroundings,
    clock: TestClock,
    people: std::sync::Mutex<Vec<Somebody>>,
    house: House,
    services: Option<Services>,
    reader: (String, Secret<String>),
    dir: Arc<tempfile::TempDir>,
    options: RigOptions,
    gateway_addr: SocketAddr,
    orders_addr: SocketAddr,
    /// On TLS listeners.
    papers: Option<Papers>,
}

#[derive(Clone, Debug)]
struct RigOptions {
    refresh_grace_s: i64,
    deaf: bool,
    traces: Option<Traces>,
    /// A PostgreSQL in place of a file.
    database: Option<postgres::Address>,
}

struct Services {
    _guards: [Guard; 2],
    _serving: [Serving; 2],
}

// === impl Route ===

impl Route {
    pub(crate) fn path(self, rest: &str) -> String {
        format!("{}{rest}", self.prefix)
    }

    pub(crate) const fn cookie(self) -> &'static str {
        self.cookie
    }

    pub(crate) const fn takes_jwt(self) -> bool {
        self.jwt
    }
}

// === impl Lines ===

impl Lines {
    fn all(&self) -> Vec<Value> {
        self.0.lines().iter().map(|line| serde_json::to_value(line).unwrap()).collect()
    }

    pub(crate) fn lines_of_refusal(&self, id: &str) -> Vec<Value> {
        self.all().into_iter().filter(|line| line["refusal"] == id).collect()
    }

    pub(crate) fn lines_of_event(&self, event: &str) -> Vec<Value> {
        self.all().into_iter().filter(|line| line["event"] == event).collect()
    }
}

// === impl RigOptions ===

impl Default for RigOptions {
    fn default() -> Self {
        Self { refresh_grace_s: 10, deaf: false, traces: None, database: None }
    }
}

// === impl Rig ===

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(RigOptions::default()).await
    }

    pub(crate) async fn start_deaf() -> Self {
        Self::with(RigOptions { deaf: true, ..RigOptions::default() }).await
    }

    pub(crate) async fn start_with_refresh_grace(refresh_grace_s: i64) -> Self {
        Self::with(RigOptions { refresh_grace_s, ..RigOptions::default() }).await
    }

    /// One whose rooms and services tell a collector what they do.
    pub(crate) async fn start_traced(traces: Traces) -> Self {
        Self::with(RigOptions { traces: Some(traces), ..RigOptions::default() }).await
    }

    /// On a PostgreSQL.
    pub(crate) async fn start_on(address: &str) -> Self {
        Self::with(RigOptions { database: Some(address.parse().unwrap()), ..RigOptions::default() }).await
    }

    /// Another process, on the same database and at the same time of day.
    pub(crate) async fn start_beside(&self) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let people = self.people.lock().unwrap().clone();
        Self::raise(dir, self.clock.clone(), self.options.clone(), people).await
    }

    async fn with(options: RigOptions) -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        Self::raise(dir, TestClock::new(), options, Vec::new()).await
    }

    /// Ends the process's rooms and raises them again on the same directory.
    pub(crate) async fn restart(self) -> Self {
        let Self { house, dir, clock, options, people, services, .. } = self;
        drop(services);
        meanwhile(&clock, house.shutdown(Duration::from_secs(1))).await;
        let people = people.into_inner().unwrap();
        Self::raise(dir, clock, options, people).await
    }

    /// Ends the house, whose connections would otherwise outlive the story.
    pub(crate) async fn close(self) {
        let Self { house, clock, services, .. } = self;
        drop(services);
        meanwhile(&clock, house.shutdown(Duration::from_secs(1))).await;
    }

    async fn raise(dir: Arc<tempfile::TempDir>, clock: TestClock, options: RigOptions, people: Vec<Somebody>) -> Self {
        let spy = Spy::start().await;
        let audit = Lines::default();
        let surroundings = surroundings(&clock, &audit, &options);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let identity_addr = listener.local_addr().unwrap();
        let papers = secured::papers(dir.path());
        let origin = origin(papers.as_ref(), "localhost", identity_addr);
        let mut settings = Settings::at(&origin);
        settings.realm_defaults =
            RealmSettings { refresh_grace_s: options.refresh_grace_s, ..RealmSettings::default() };
        settings.realms = [("shop".parse().unwrap(), crate::pages::dressed())].into();
        let mut house = House::within(surroundings.clone());
        if let Some(traces) = &options.traces {
            house.trace(traces).unwrap();
        }
        let keep = match &options.database {
            Some(address) => Keep::Postgres { dir: dir.path().to_owned(), address: Box::new(address.clone()) },
            None => Keep::Dir(dir.path().to_owned()),
        };
        let plan = IdentityPlan { keep, settings, seal: SealingKey::from_bytes(KEK) };
        house.open_identity(plan).await.unwrap();
        match &papers {
            None => house.serve_identity(listener).unwrap(),
            Some(papers) => house.serve_identity_over_tls(listener, papers.files.read().unwrap()).unwrap(),
        }

        let fresh = people.is_empty();
        let people = if fresh { admit_people(&house).await } else { people };
        let (reader, services, orders_addr, stock_addr) =
            services(&house, &surroundings, (identity_addr, papers.as_ref()), fresh).await;
        let plan = GatewayPlan {
            config: config(&spy, orders_addr, papers.as_ref()),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            remote: Vec::new(),
            tls: papers.as_ref().map(|papers| papers.files.read().unwrap()),
        };
        house.open_gateway(plan).await.unwrap();
        house.started().await;
        for guard in &services._guards {
            guard.started().await;
        }
        let gateway_addr = house.gateway_addr().await.unwrap();
        let tls = papers.as_ref().map(|papers| &papers.client);
        Self {
            gateway: Client::outside(gateway_addr, &OPAQUE).over(tls),
            identity: Client::of(identity_addr).over(tls),
            identity_addr,
            orders: Client::of(orders_addr),
            stock: Client::of(stock_addr),
            spy,
            audit,
            switches: surroundings.switches.clone(),
            surroundings,
            clock,
            people: std::sync::Mutex::new(people),
            house,
            services: Some(services),
            reader,
            dir,
            options,
            gateway_addr,
            orders_addr,
            papers,
        }
    }

    // === people and their credentials

    #[track_caller]
    pub(crate) fn user(&self, name: &str) -> Somebody {
        let people = self.people.lock().unwrap();
        people.iter().find(|somebody| somebody.name == name).expect("somebody of this name").clone()
    }

    pub(crate) fn password_of(&self, name: &str) -> Value {
        json!({ "username": name, "password": self.user(name).password })
    }

    pub(crate) async fn login_with(&self, name: &str, password: &str) -> Answer {
        self.gateway.post("/auth/login").json(&json!({ "username": name, "password": password })).send().await
    }

    /// An opaque token, handed over in the body.
    pub(crate) async fn login(&self, name: &str) -> String {
        self.login_at("/auth/login", &self.gateway, name).await
    }

    /// A JWT, handed over in the body.
    pub(crate) async fn login_jwt(&self, name: &str) -> String {
        self.login_at("/jwt/auth/login", &self.gateway, name).await
    }

    /// A JWT, fetched by somebody else's client, so that this rig's client never received it.
    pub(crate) async fn login_jwt_elsewhere(&self, name: &str) -> String {
        let tls = self.papers.as_ref().map(|papers| &papers.client);
        self.login_at("/jwt/auth/login", &Client::of(self.gateway_addr).over(tls), name).await
    }

    pub(crate) async fn token(&self, name: &str, route: Route) -> String {
        if route.jwt { self.login_jwt(name).await } else { self.login(name).await }
    }

    async fn login_at(&self, path: &str, client: &Client, name: &str) -> String {
        let answer = client.post(&format!("{path}?delivery=body")).json(&self.password_of(name)).send().await;
        assert_eq!(answer.code(), 200, "{name} at {path}: {}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn make_user_with_scopes(&self, name: &str, count: usize) {
        let many = (0..count).map(|number| format!("team-{number:03}:reports:read"));
        let scopes: Vec<String> = many.chain(["orders:read".to_owned(), "stock:read".to_owned()]).collect();
        let somebody = admit(&self.house, name, &scopes.join(" ")).await;
        self.people.lock().unwrap().push(somebody);
    }

    pub(crate) async fn sign_out_everywhere(&self, name: &str) {
        let admin = self.house.identity().unwrap().admin();
        admin.sign_out_everywhere(&realm(), &name.parse().unwrap()).await.unwrap();
    }

    pub(crate) async fn rotate_key(&self, takeover: Takeover) {
        self.admin().rotate_key(&realm(), takeover).await.unwrap();
    }

    pub(crate) async fn revoke_key(&self, kid: &str) {
        self.admin().revoke_key(&realm(), &KeyId::new(kid)).await.unwrap();
    }

    pub(crate) async fn set_password(&self, name: &str, password: &str) {
        self.admin().set_password(&realm(), &name.parse().unwrap(), &password.into()).await.unwrap();
        let mut people = self.people.lock().unwrap();
        let somebody = people.iter_mut().find(|somebody| somebody.name == name).unwrap();
        somebody.password = password.to_owned();
    }

    /// Where metrics and health are.
    pub(crate) fn serve_operations(&mut self, listener: TcpListener) -> SocketAddr {
        self.house.serve_operations(listener).unwrap();
        self.house.operations_addr().unwrap()
    }

    pub(crate) fn admin(&self) -> Admin {
        self.house.identity().unwrap().admin()
    }

    /// Registers a client; its secret, if it has one.
    pub(crate) async fn register(&self, id: &str, registration: Registration) -> Option<Secret<String>> {
        self.admin().create_client(&realm(), id.parse().unwrap(), registration).await.unwrap()
    }

    pub(crate) fn config(&self) -> gateway::Gateway {
        config(&self.spy, self.orders_addr, self.papers.as_ref())
    }

    pub(crate) fn argon2_runs(&self) -> u64 {
        self.house.identity().unwrap().admin().hashing_runs()
    }

    pub(crate) async fn forget_throttling(&self) {
        self.house.identity().unwrap().admin().forgive();
    }

    // === time

    /// What the wall clock shows, in unix seconds.
    pub(crate) fn now(&self) -> i64 {
        self.clock.wall().0
    }

    pub(crate) fn clock_moved(&self) -> Duration {
        self.clock.monotonic().0
    }

    pub(crate) async fn advance(&self, duration: Duration) {
        self.clock.advance(duration).await;
        real_pause().await;
    }

    /// Awaits what needs time to pass.
    pub(crate) async fn while_time_passes<T>(&self, awaited: impl Future<Output = T>) -> T {
        meanwhile(&self.clock, awaited).await
    }

    /// Lets readers find out what changed: a second and a half of polls, with real time for real sockets in between.
    pub(crate) async fn settle(&self) {
        for _ in 0..30 {
            self.clock.advance(Duration::from_millis(50)).await;
            real_pause().await;
        }
    }

    #[expect(clippy::unused_self, reason = "a setting of this rig's realm")]
    pub(crate) fn access_token_lifetime(&self) -> Duration {
        Duration::from_secs(u64::try_from(RealmSettings::default().access_token_lifetime_s).unwrap())
    }

    // === what the house says of itself

    pub(crate) fn issuer(&self) -> String {
        format!("{}/realms/main", self.identity_origin())
    }

    pub(crate) fn identity_origin(&self) -> String {
        origin(self.papers.as_ref(), "localhost", self.identity_addr)
    }

    /// A location at identity as a path.
    pub(crate) fn identity_path(&self, location: &str) -> String {
        location.strip_prefix(&self.identity_origin()).unwrap_or(location).to_owned()
    }

    pub(crate) fn gateway_origin(&self) -> String {
        origin(self.papers.as_ref(), "127.0.0.1", self.gateway_addr)
    }

    /// What a cookie is called here that has this name on plain listeners.
    pub(crate) fn cookie(&self, plain: &str) -> String {
        let prefix = match &self.papers {
            None => "",
            Some(_) if plain.ends_with("-refresh") => "__Secure-",
            Some(_) => "__Host-",
        };
        format!("{prefix}{plain}")
    }

    /// Calls from the gateway to identity, whatever became of them.
    pub(crate) fn identity_calls(&self) -> u64 {
        self.switches.identity.calls()
    }

    /// Opaque tokens that were swapped.
    pub(crate) fn swaps(&self) -> usize {
        self.audit.lines_of_event("token_exchanged").len()
    }

    /// The claims of a JWT, verified by an independent library with the keys at the JWKS endpoint. Its clock is the real
    /// one, so times are left to the house.
    pub(crate) async fn verify(&self, jwt: &str, audience: &str) -> Value {
        let jwks = self.identity.get("/realms/main/oauth2/jwks").send().await;
        let jwks: jsonwebtoken::jwk::JwkSet = serde_json::from_slice(&jwks.body).unwrap();
        let header = jsonwebtoken::decode_header(jwt).unwrap();
        let key = jwks.find(header.kid.as_deref().unwrap()).expect("the key is published");
        let mut validation = jsonwebtoken::Validation::new(header.alg);
        validation.validate_exp = false;
        validation.set_audience(&[audience]);
        validation.set_issuer(&[self.issuer()]);
        let key = jsonwebtoken::DecodingKey::from_jwk(key).unwrap();
        jsonwebtoken::decode::<Value>(jwt, &key, &validation).unwrap().claims
    }

    pub(crate) async fn jwks_kids(&self) -> Vec<String> {
        let jwks = self.identity.get("/realms/main/oauth2/jwks").send().await.json();
        let keys = jwks["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
    }

    /// A client with a secret: that of the service `orders`.
    pub(crate) fn machine(&self) -> (String, String) {
        (self.reader.0.clone(), self.reader.1.expose().clone())
    }

    pub(crate) async fn introspect(&self, token: &str) -> Value {
        let (id, secret) = &self.reader;
        let ask = self.identity.post("/realms/main/oauth2/introspect").basic(id, secret.expose());
        ask.form(&[("token", token)]).send().await.json()
    }

    /// How many revocations the feed still remembers.
    pub(crate) async fn standing_revocations(&self) -> usize {
        let (id, secret) = &self.reader;
        let answer = self.identity.get("/realms/main/feed/snapshot").basic(id, secret.expose()).send().await;
        let signed = answer.json()["signed"].as_str().unwrap().to_owned();
        let payload = URL_SAFE_NO_PAD.decode(signed.split('.').nth(1).unwrap()).unwrap();
        let snapshot: Value = serde_json::from_slice(&payload).unwrap();
        snapshot["standing"].as_array().unwrap().len()
    }

    #[expect(clippy::unused_self, reason = "reads as a question to the rig")]
    pub(crate) fn foreign_jwt(&self) -> String {
        forge::foreign_jwt()
    }

    // === behind the scenes

    /// The oldest signing key, from under its seal.
    pub(crate) async fn signing_key(&self) -> SigningKey {
        let mut database = self.database().await;
        let row = sqlx::query("SELECT kid, jwk, sealed FROM signing_keys WHERE realm = 'main' ORDER BY signs_from");
        let row = row.fetch_one(&mut database).await.unwrap();
        let (kid, jwk, sealed): (String, String, Vec<u8>) = (row.get(0), row.get(1), row.get(2));
        assert!(Jwk::from_json(jwk.as_bytes()).is_ok());
        let seal = SealingKey::from_bytes(KEK);
        let pkcs8 = seal.open(&format!("signing_keys/main/{kid}"), &sealed).unwrap();
        SigningKey::from_pkcs8(Algorithm::Es256, &pkcs8).unwrap()
    }

    /// Every value of every table, as text: text as it is, bytes in hex.
    pub(crate) async fn dump(&self) -> Vec<String> {
        let mut database = self.database().await;
        let tables = sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table'");
        let tables: Vec<String> = tables.fetch_all(&mut database).await.unwrap().iter().map(|row| row.get(0)).collect();
        let mut values = Vec::new();
        for table in tables {
            let rows = sqlx::query(sqlx::AssertSqlSafe(format!("SELECT * FROM \"{table}\"")));
            for row in rows.fetch_all(&mut database).await.unwrap() {
                for column in 0..row.len() {
                    if let Ok(Some(text)) = row.try_get::<Option<String>, _>(column) {
                        values.push(text);
                    } else if let Ok(Some(bytes)) = row.try_get::<Option<Vec<u8>>, _>(column) {
                        values.push(bytes.iter().map(|byte| format!("{byte:02x}")).collect());
                        values.push(URL_SAFE_NO_PAD.encode(&bytes));
                    }
                }
            }
        }
        values
    }

    /// So many sign-ins like the only one there is, which nobody could make one by one in a test.
    pub(crate) async fn repeat_the_sign_in(&self, numbers: std::ops::Range<u32>) {
        let path = self.dir.path().join("sekisho.db");
        let mut database = sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        let sql = "WITH RECURSIVE n (number) AS (SELECT $1 UNION ALL SELECT number + 1 FROM n WHERE number + 1 < $2) \
                   INSERT INTO sessions SELECT realm, printf('%026d', number), user_id, client, NULL, auth_time, amr, \
                   last_seen, idle_until, expires_at, ended_at, address, user_agent, over_at \
                   FROM sessions, n WHERE cookie IS NOT NULL";
        sqlx::query(sql).bind(numbers.start).bind(numbers.end).execute(&mut database).await.unwrap();
    }

    async fn database(&self) -> sqlx::SqliteConnection {
        let path = self.dir.path().join("sekisho.db");
        sqlx::SqliteConnection::connect(&format!("sqlite://{}?mode=ro", path.display())).await.unwrap()
    }

    /// A connection of somebody else's to the same database.
    pub(crate) async fn another_writer(&self) -> sqlx::SqliteConnection {
        let path = self.dir.path().join("sekisho.db");
        sqlx::SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap()
    }

    /// Sends bytes as they are and reads until the other side closes.
    pub(crate) async fn raw(&self, addr: SocketAddr, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        // The other side may answer and close before it has read everything.
        let _ = stream.write_all(bytes).await;
        let mut answer = Vec::new();
        let mut chunk = [0; 4096];
        while let Ok(count) = stream.read(&mut chunk).await {
            if count == 0 || answer.len() > 1 << 20 {
                break;
            }
            answer.extend_from_slice(&chunk[..count]);
        }
        String::from_utf8_lossy(&answer).into_owned()
    }

    pub(crate) async fn raw_status(&self, head: &str) -> u16 {
        let answer = self.raw(self.gateway_addr, head.as_bytes()).await;
        answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap_or_else(|| panic!("no status: {answer:?}"))
    }

    #[expect(clippy::unused_self, reason = "reads as a request to the rig")]
    pub(crate) fn head_of_bytes(&self, bytes: usize) -> String {
        let token = "a".repeat(bytes);
        format!("GET /opaque/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\nConnection: close\r\n\r\n")
    }
}

impl std::fmt::Debug for Rig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rig({})", self.gateway_addr)
    }
}

#[expect(clippy::disallowed_methods, reason = "sockets and disks are real, whatever the house's clock shows")]
async fn real_pause() {
    tokio::time::sleep(Duration::from_millis(4)).await;
}

/// Awaits something while the clock goes on, a tenth of a second every few real milliseconds.
async fn meanwhile<T>(clock: &TestClock, awaited: impl Future<Output = T>) -> T {
    let mut awaited = std::pin::pin!(awaited);
    loop {
        tokio::select! {
            done = &mut awaited => return done,
            () = real_pause() => clock.advance(Duration::from_millis(100)).await,
        }
    }
}

/// The registration of a gateway in another process.
pub(crate) fn enforcement_point() -> Registration {
    let grants = vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange];
    let capabilities =
        vec![Capability::ReadFeed, Capability::Introspect, Capability::Swap, Capability::FirstPartyLogin];
    registration(grants, ClientAuth::ClientSecretBasic, capabilities)
}

/// Traces of everything, to this collector.
pub(crate) fn everything(collector: SocketAddr) -> Traces {
    Traces { endpoint: format!("http://{collector}").parse().unwrap(), sample: 1.0.try_into().unwrap() }
}

pub(crate) fn realm() -> RealmName {
    RealmName::DEFAULT.parse().unwrap()
}

async fn admit_people(house: &House) -> Vec<Somebody> {
    let mut people = Vec::new();
    for (name, scopes) in PEOPLE {
        people.push(admit(house, name, scopes).await);
    }
    people
}

async fn admit(house: &House, name: &str, scopes: &str) -> Somebody {
    let password = format!("correct horse of {name}");
    let person = Person {
        name: name.parse().unwrap(),
        password: Secret::from(password.as_str()),
        scopes: scopes.parse().unwrap(),
        display_name: None,
        email: None,
    };
    let id = house.identity().unwrap().admin().create_user(&realm(), person).await.unwrap();
    Somebody { name: name.to_owned(), password, id }
}

/// A client like most of this rig's.
pub(crate) fn registration(grants: Vec<GrantType>, auth: ClientAuth, capabilities: Vec<Capability>) -> Registration {
    Registration {
        name: "Rig".to_owned(),
        auth,
        grants,
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
        post_logout_redirect_uris: Vec::new(),
        scopes: "openid orders:read orders:write stock:read".parse().unwrap(),
        audiences: vec!["orders".to_owned(), "stock".to_owned()],
        pkce: Pkce::Required,
        tokens: AccessTokenForm::Jwt,
        consent: Consent::Implied,
        capabilities,
    }
}

fn surroundings(clock: &TestClock, audit: &Lines, options: &RigOptions) -> Surroundings {
    let switches = Switches::joined();
    if options.deaf {
        switches.wakeups.set(State::Severed);
    }
    let recorded: Arc<dyn Audit> = Arc::new(audit.0.clone());
    Surroundings {
        clock: Arc::new(clock.clone()),
        entropy: Arc::new(SystemEntropy::default()),
        audit: recorded,
        handle: Handle::current(),
        switches,
    }
}

/// The address of somebody who listens there.
fn origin(papers: Option<&Papers>, host: &str, addr: SocketAddr) -> String {
    let scheme = if papers.is_some() { "https" } else { "http" };
    format!("{scheme}://{host}:{}", addr.port())
}

/// The services' clients and the services themselves.
async fn services(
    house: &House,
    surroundings: &Surroundings,
    (identity, papers): (SocketAddr, Option<&Papers>),
    fresh: bool,
) -> ((String, Secret<String>), Services, SocketAddr, SocketAddr) {
    let admin = house.identity().unwrap().admin();
    let capabilities = || vec![Capability::ReadFeed, Capability::Introspect];
    let machine = || {
        registration(
            vec![GrantType::ClientCredentials, GrantType::TokenExchange],
            ClientAuth::ClientSecretBasic,
            capabilities(),
        )
    };
    let mut secrets = Vec::new();
    for name in ["orders", "stock"] {
        let id = name.parse().unwrap();
        let secret = if fresh {
            admin.create_client(&realm(), id, machine()).await.unwrap().unwrap()
        } else {
            let was = admin.client(&realm(), &id).await.unwrap();
            admin.rotate_client_secret(&realm(), was).await.unwrap()
        };
        secrets.push(secret);
    }
    if fresh {
        let grants = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
        let public = registration(grants, ClientAuth::None, Vec::new());
        admin.create_client(&realm(), "public".parse().unwrap(), public).await.unwrap();
    }
    let issuer = format!("{}/realms/main", origin(papers, "localhost", identity));
    let guard = |name: &str, secret: &Secret<String>| {
        let mut options = GuardOptions::new(&issuer, name, name.parse().unwrap(), secret.clone());
        options.address = Some(format!("{}/realms/main", origin(papers, "127.0.0.1", identity)).parse().unwrap());
        options.extra_roots = papers.map(|papers| papers.authority.clone()).unwrap_or_default();
        options.clock = Arc::clone(&surroundings.clock);
        options.audit = Arc::clone(&surroundings.audit);
        options.tracer = house.tracer(name);
        Guard::remote(options).start_on(&surroundings.handle).unwrap()
    };
    let guards = [guard("orders", &secrets[0]), guard("stock", &secrets[1])];
    let serve = async |router| {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        Serving::start(listener, router, Arc::clone(&surroundings.clock), &surroundings.handle).unwrap()
    };
    let stock = serve(stock::router(&guards[1])).await;
    let options = FetchOptions::new(fetch_timer(&surroundings.clock), surroundings.handle.clone());
    let neighbour = orders::Stock {
        address: format!("http://{}", stock.addr()).parse().unwrap(),
        client: Fetch::configured(options).unwrap(),
    };
    let orders = serve(orders::router(&guards[0], neighbour)).await;
    let (orders_addr, stock_addr) = (orders.addr(), stock.addr());
    let reader = ("orders".to_owned(), secrets.swap_remove(0));
    (reader, Services { _guards: guards, _serving: [orders, stock] }, orders_addr, stock_addr)
}

fn config(spy: &Spy, orders: SocketAddr, papers: Option<&Papers>) -> gateway::Gateway {
    use gateway::{GuardKind, OnStale, Revocation, Route as Configured, Scheme};
    let spied = |kind, name: &str| {
        let path = format!("/{name}");
        let route = Configured::guarded(kind, name, &path, &spy.url()).audience(&["orders", "stock"]);
        Configured { scopes: demand(), strip_prefix: Some(path), ..route }
    };
    let opaque = |name: &str| spied(GuardKind::Opaque, name);
    let jwt = |name: &str| spied(GuardKind::Jwt, name);
    let shop = |name: &str, audience: &[&str]| Configured {
        upstream: format!("http://{orders}"),
        ..opaque(name).audience(audience)
    };
    let open = Configured { strip_prefix: Some("/open".to_owned()), ..Configured::open("open", "/open", &spy.url()) };
    let mut config = gateway::Gateway::new(vec![
        open,
        opaque("opaque"),
        Configured { on_stale: OnStale::Deny, ..opaque("opaque-deny") },
        Configured { on_stale: OnStale::Serve, ..opaque("opaque-serve") },
        Configured { on_stale: OnStale::Serve, ..opaque("opaque-cold").audience(&["stock"]) },
        Configured { max_staleness: Duration::from_secs(10), ..opaque("opaque-patient") },
        Configured { revocation: Revocation::None, ..jwt("jwt") },
        jwt("jwt-feed"),
        Configured { on_stale: OnStale::Deny, ..jwt("jwt-feed-deny") },
        Configured { on_stale: OnStale::Serve, ..jwt("jwt-feed-serve") },
        shop("shop", &["orders", "stock"]),
        shop("shop-orders-only", &["orders"]),
    ]);
    config.scheme = if papers.is_some() { Scheme::Https } else { Scheme::Http };
    config.allowed_origins = vec!["https://app.example".to_owned()];
    config.login = vec![
        gateway::LoginMount::new("/auth", gateway::Issues::Opaque),
        gateway::LoginMount::new("/jwt/auth", gateway::Issues::Jwt),
        gateway::LoginMount {
            delivery: gateway::Delivery::Cookie,
            ..gateway::LoginMount::new("/cookie-only/auth", gateway::Issues::Jwt)
        },
    ];
    config
}

fn demand() -> gateway::Demand {
    let rule = |scope: &str| gateway::ScopeRule { all: scope.parse().unwrap(), ..gateway::ScopeRule::default() };
    let methods = [("GET".to_owned(), rule("orders:read")), ("POST".to_owned(), rule("orders:write"))];
    gateway::Demand { always: gateway::ScopeRule::default(), methods: methods.into() }
}
