//! A gateway with an upstream that spies, an identity in memory, and a clock that the test owns.
//!
//! A test knows nothing of the listener that its rigs have: in the clear, unless it is run by [`over_tls!`].

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use sekisho_gateway::config::{
    self, Delivery, GuardKind, Issues, Limits, LoginMount, OnStale, Reach, Revocation, Route, Scheme,
};
use sekisho_gateway::{Gateway, Parts, RealmPorts};
use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_token::SystemEntropy;
use sekisho_wire::AuditEvent;
use tokio::runtime::Handle;

use crate::client::{self, Answer, Connection, Way, get};
use crate::identity::Identity;
use crate::secured::{self, Listener};
use crate::spy::Spy;

/// The whole arrangement.
#[derive(Debug)]
pub(crate) struct Rig {
    pub(crate) gateway: Gateway,
    pub(crate) spy: Spy,
    pub(crate) identity: Arc<Identity>,
    pub(crate) clock: TestClock,
    audit: TestAudit,
    way: Way,
}

/// What a test wants other than usual.
pub(crate) type Change<'a> = &'a dyn Fn(&mut config::Gateway);

// === impl Rig ===

impl Rig {
    /// The usual gateway.
    pub(crate) async fn start() -> Self {
        Self::with(&|_| ()).await
    }

    /// The usual gateway with other limits.
    pub(crate) async fn limited(change: impl Fn(&mut Limits)) -> Self {
        Self::with(&|config| change(&mut config.limits)).await
    }

    /// The usual gateway with another configuration.
    pub(crate) async fn with(change: Change<'_>) -> Self {
        let spy = Spy::start().await;
        let clock = TestClock::new();
        let identity = Identity::new(&clock);
        let audit = TestAudit::default();
        let mut config = usual(spy.addr);
        change(&mut config);
        let (handshake, tls) = match secured::listener() {
            Listener::Plain => (None, None),
            Listener::Tls => {
                config.scheme = Scheme::Https;
                let (handshake, tls) = secured::ends();
                (Some(handshake), Some(tls))
            }
        };
        let ports = RealmPorts {
            issuer: identity.issuer.issuer().clone(),
            feed: Arc::clone(identity.issuer.feed()) as _,
            keys: Arc::clone(&identity) as _,
            exchange: Arc::clone(&identity) as _,
            login: Arc::clone(&identity) as _,
            client: "gateway".parse().unwrap(),
        };
        let gateway = Gateway::start(Parts {
            config,
            realms: HashMap::from([(identity.issuer.realm().clone(), ports)]),
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SystemEntropy::default()),
            audit: Arc::new(audit.clone()),
            tracer: None,
            control: Handle::current(),
            listen: "127.0.0.1:0".parse().unwrap(),
            tls: handshake,
        })
        .unwrap();
        client::soon(gateway.started()).await;
        let way = Way { addr: gateway.addr(), tls };
        Self { gateway, spy, identity, clock, audit, way }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.gateway.addr()
    }

    pub(crate) async fn ask(&self, request: &str) -> Answer {
        client::ask(&self.way, request).await
    }

    /// A request that goes on by itself.
    pub(crate) fn ask_soon(&self, request: String) -> tokio::task::JoinHandle<Answer> {
        let way = self.way.clone();
        Handle::current().spawn(async move { client::ask(&way, &request).await })
    }

    pub(crate) async fn raw(&self, bytes: &str) -> String {
        client::raw(&self.way, bytes.as_bytes()).await
    }

    pub(crate) async fn connect(&self) -> Connection {
        Connection::open(&self.way).await
    }

    /// `GET path` with a bearer token.
    pub(crate) async fn get(&self, path: &str, token: &str) -> Answer {
        self.ask(&get(path, &[("Authorization", &format!("Bearer {token}"))])).await
    }

    /// Lets time pass in steps until something has happened: the gateway's threads arm their deadlines when they get to it.
    pub(crate) async fn pass_until<T>(&self, step: Duration, happens: impl Future<Output = T>) -> T {
        let time = async {
            loop {
                self.clock.advance(step).await;
                tokio::task::yield_now().await;
            }
        };
        client::soon(async {
            tokio::select! {
                biased;
                happened = happens => happened,
                () = time => unreachable!("time does not end"),
            }
        })
        .await
    }

    pub(crate) fn audit(&self) -> Vec<AuditEvent> {
        self.audit.lines()
    }
}

/// One route of each kind, and two login mounts.
pub(crate) fn usual(spy: SocketAddr) -> config::Gateway {
    let upstream = format!("http://{spy}");
    let guarded = |kind, name: &str| {
        let route = Route::guarded(kind, name, &format!("/{name}"), &upstream).audience(&["orders", "stock"]);
        let mut route = Route { max_staleness: Duration::from_secs(1), ..route };
        route.scopes.always.all = "orders:read".parse().unwrap();
        route.scopes.methods.insert("DELETE".to_owned(), rule("", "orders:write"));
        route.scopes.methods.insert("PUT".to_owned(), rule("orders:write orders:admin", ""));
        route
    };
    let mut exact = Route::open("start", "/", &upstream);
    exact.matching.reach = Reach::Exact;
    let mut read_only = Route::open("read-only", "/read-only", &upstream);
    read_only.matching.methods = vec!["GET".to_owned()];
    let mut stripped = Route::open("stripped", "/outer/inner", &upstream);
    stripped.strip_prefix = Some("/outer".to_owned());
    let routes = vec![
        exact,
        Route::open("open", "/open", &upstream),
        Route::open("open-admin", "/open/admin", &upstream),
        read_only,
        stripped,
        guarded(GuardKind::Opaque, "opaque"),
        guarded(GuardKind::Opaque, "orders-only").audience(&["orders"]),
        Route { on_stale: OnStale::Deny, ..guarded(GuardKind::Opaque, "opaque-deny") },
        Route { on_stale: OnStale::Serve, ..guarded(GuardKind::Opaque, "opaque-serve") },
        Route { revocation: Revocation::None, ..guarded(GuardKind::Jwt, "jwt") },
        guarded(GuardKind::Jwt, "jwt-feed"),
        Route { on_stale: OnStale::Deny, ..guarded(GuardKind::Jwt, "jwt-feed-deny") },
        Route { on_stale: OnStale::Serve, ..guarded(GuardKind::Jwt, "jwt-feed-serve") },
    ];
    let mut config = config::Gateway::new(routes);
    config.login = vec![
        LoginMount::new("/auth", Issues::Opaque),
        LoginMount::new("/jwt/auth", Issues::Jwt),
        LoginMount { delivery: Delivery::Cookie, ..LoginMount::new("/cookie-only", Issues::Opaque) },
    ];
    config.allowed_origins = vec!["https://app.example".to_owned()];
    config.limits.cores = NonZeroUsize::MIN;
    config
}

fn rule(any: &str, all: &str) -> config::ScopeRule {
    config::ScopeRule { any: any.parse().unwrap(), all: all.parse().unwrap() }
}
