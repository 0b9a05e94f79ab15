//! Gateways and services in other processes than identity, as far as a wire can tell: the ports' forms over HTTP.
//!
//! Every request to identity goes over a relay that counts it and that can be cut, one for each process.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sekisho::config::RemoteRealm;
use sekisho::demo::stock;
use sekisho::http::listener::Serving;
use sekisho::wiring::{GatewayPlan, House};
use sekisho_gateway::config as gateway;
use sekisho_guard::{Guard, GuardOptions};
use sekisho_identity::Takeover;
use sekisho_wire::Issuer;
use tokio::net::TcpListener;

use crate::client::Client;
use crate::forge::Forge;
use crate::relay::Relay;
use crate::rig::{GUARDED, Rig, enforcement_point, realm};

/// A gateway whose identity is elsewhere.
struct Gatehouse {
    house: House,
    gateway: Client,
    relay: Relay,
}

// === impl Gatehouse ===

impl Gatehouse {
    async fn beside(rig: &Rig, id: &str) -> Self {
        let secret = rig.register(id, enforcement_point()).await.unwrap();
        let relay = Relay::to(rig.identity_addr).await;
        let remote = RemoteRealm {
            name: realm(),
            issuer: Issuer::new(&rig.issuer()),
            address: Some(relay.realm().parse().unwrap()),
            client_id: id.parse().unwrap(),
            client_secret: secret,
            certificate_authorities: Vec::new(),
        };
        let mut house = House::within(rig.surroundings.clone());
        // Whoever asks from this machine may say for whom.
        let config = gateway::Gateway { trusted_proxies: vec!["127.0.0.0/8".parse().unwrap()], ..rig.config() };
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        house.open_gateway(GatewayPlan { config, listen, remote: vec![remote], tls: None }).await.unwrap();
        rig.while_time_passes(house.started()).await;
        let gateway = Client::of(house.gateway_addr().await.unwrap());
        Self { house, gateway, relay }
    }

    async fn login(&self, rig: &Rig, mount: &str) -> String {
        let ask = self.gateway.post(&format!("{mount}/login?delivery=body")).json(&rig.password_of("alice"));
        let answer = ask.send().await;
        assert_eq!(answer.code(), 200, "{}", answer.text());
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }
}

/// The service `stock` on a guard of its own.
struct Lone {
    service: Client,
    guard: Guard,
    _serving: Serving,
}

impl Lone {
    async fn beside(rig: &Rig, relay: &Relay) -> Self {
        let (id, secret) = rig.machine();
        let mut options = GuardOptions::new(&rig.issuer(), "stock", id.parse().unwrap(), secret.as_str().into());
        options.address = Some(relay.realm().parse().unwrap());
        options.clock = Arc::clone(&rig.surroundings.clock);
        let guard = Guard::remote(options).start_on(&rig.surroundings.handle).unwrap();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let clock = Arc::clone(&rig.surroundings.clock);
        let serving = Serving::start(listener, stock::router(&guard), clock, &rig.surroundings.handle).unwrap();
        Self { service: Client::of(serving.addr()), guard, _serving: serving }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_5_over_the_wire_bad_credential_not_allowed_and_dependency_down_never_mix() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    for route in GUARDED {
        let (alice, carol) = (rig.token("alice", route).await, rig.token("carol", route).await);
        let get = |token: &str| there.gateway.get(&route.path("/orders/1")).bearer(token);
        assert_eq!(get("nonsense").send().await.code(), 401, "{route:?}");
        assert_eq!(get(&carol).send().await.reason(), "insufficient_scope", "{route:?}");
        assert_eq!(get(&alice).send().await.code(), 200, "{route:?}");
    }
    let fresh = rig.login("alice").await;
    there.relay.cut();
    let answer = there.gateway.get("/opaque/orders/1").bearer(&fresh).send().await;
    assert_eq!((answer.code(), answer.reason().as_str()), (503, "identity_unavailable"));
    let login = there.gateway.post("/auth/login").json(&rig.password_of("alice")).send().await;
    assert_eq!(login.code(), 503, "{}", login.text());
    there.relay.mend();
    rig.settle().await;
    assert_eq!(there.gateway.get("/opaque/orders/1").bearer(&fresh).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_7_over_the_wire_a_denial_has_its_reason_its_id_and_one_line() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    let carol = rig.login("carol").await;
    let gone = rig.login("alice").await;
    assert_eq!(rig.gateway.post("/auth/logout").bearer(&gone).send().await.code(), 204);
    for (token, reason) in [(&carol, "insufficient_scope"), (&gone, "grant_revoked")] {
        let answer = there.gateway.get("/opaque/orders/1").bearer(token).send().await;
        assert_eq!(answer.reason(), reason, "{}", answer.text());
        let lines = rig.audit.lines_of_refusal(answer.json()["id"].as_str().unwrap());
        assert_eq!(lines.len(), 1);
        assert_eq!(lines[0]["reason"], reason);
        assert!(!lines[0].to_string().contains(token.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_3_a_logout_is_in_force_on_the_very_next_request_and_within_a_second_at_a_second_gateway() {
    let rig = Rig::start().await;
    let (first, second) = (Gatehouse::beside(&rig, "gate1").await, Gatehouse::beside(&rig, "gate2").await);
    let opaque = first.login(&rig, "/auth").await;
    for gateway in [&first.gateway, &second.gateway] {
        assert_eq!(gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    }
    let before = rig.clock_moved();
    assert_eq!(first.gateway.post("/auth/logout").bearer(&opaque).send().await.code(), 204);
    assert_eq!(first.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 401, "the very next");
    assert_eq!(rig.clock_moved(), before);
    rig.advance(Duration::from_secs(1)).await;
    assert_eq!(second.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_5_a_gateway_that_is_replaced_while_another_serves_still_knows_the_token() {
    let rig = Rig::start().await;
    let (first, second) = (Gatehouse::beside(&rig, "gate1").await, Gatehouse::beside(&rig, "gate2").await);
    let opaque = first.login(&rig, "/auth").await;
    rig.while_time_passes(first.house.shutdown(Duration::from_secs(1))).await;
    assert_eq!(second.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    let third = Gatehouse::beside(&rig, "gate3").await;
    assert_eq!(third.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_6_over_the_wire_a_hundred_parallel_requests_at_the_inner_expiry_cause_one_exchange() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    let opaque = there.login(&rig, "/auth").await;
    assert_eq!(there.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    rig.advance(rig.access_token_lifetime() + Duration::from_secs(1)).await;
    rig.settle().await;
    let asked = there.relay.asked("/oauth2/token");
    let asks = (0..100).map(|_| there.gateway.get("/opaque/orders/1").bearer(&opaque).send());
    for answer in futures_util::future::join_all(asks).await {
        assert_eq!(answer.code(), 200, "{}", answer.text());
    }
    assert_eq!(there.relay.asked("/oauth2/token") - asked, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_3_a_thousand_requests_cost_one_jwks_fetch_and_nothing_else_and_go_on_when_identity_is_gone() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    let relay = Relay::to(rig.identity_addr).await;
    let stock = Lone::beside(&rig, &relay).await;
    rig.while_time_passes(stock.guard.started()).await;
    let jwt = rig.login_jwt("alice").await;
    let (gateway_before, service_before) = (there.relay.asked_beside_the_feed(), relay.asked_beside_the_feed());
    for _ in 0..1000 {
        assert_eq!(there.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200);
        assert_eq!(stock.service.get("/stock/tea").bearer(&jwt).send().await.code(), 200);
    }
    assert!(there.relay.asked_beside_the_feed() - gateway_before <= 1, "at most one JWKS fetch of the gateway");
    assert!(relay.asked_beside_the_feed() - service_before <= 1, "at most one JWKS fetch of the service");
    let fresh = Forge::of(&rig).await.sound_token(&rig);
    there.relay.cut();
    relay.cut();
    assert_eq!(there.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200);
    assert_eq!(there.gateway.get("/jwt/orders/1").bearer(&fresh).send().await.code(), 200, "never seen before");
    // A service that is started while identity is away does not know the keys: nobody knows, and that is 503.
    let restarted = Lone::beside(&rig, &relay).await;
    let answer = restarted.service.get("/stock/tea").bearer(&jwt).send().await;
    assert_eq!(answer.code(), 503, "{}", answer.text());
    relay.mend();
    rig.while_time_passes(restarted.guard.started()).await;
    assert_eq!(restarted.service.get("/stock/tea").bearer(&jwt).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_7_over_the_wire_random_kids_cause_at_most_one_jwks_fetch_per_cool_down() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    let sound = rig.login_jwt("alice").await;
    assert_eq!(there.gateway.get("/jwt/orders/1").bearer(&sound).send().await.code(), 200);
    let forge = Forge::of(&rig).await;
    let fetched = there.relay.asked("/oauth2/jwks");
    for number in 0..1000 {
        let forged = forge.with_kid(&format!("kid{number}"));
        assert_eq!(there.gateway.get("/jwt/orders/1").bearer(&forged).send().await.code(), 401);
    }
    assert!(there.relay.asked("/oauth2/jwks") - fetched <= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn jwt_7_over_the_wire_a_new_key_is_known_at_once_and_the_old_one_is_refused_once_it_is_gone() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    let old = rig.login_jwt("alice").await;
    assert_eq!(there.gateway.get("/jwt-feed/orders/1").bearer(&old).send().await.code(), 200);
    rig.advance(Duration::from_secs(1)).await;
    rig.rotate_key(Takeover::AtOnce).await;
    let new = rig.login_jwt("alice").await;
    assert_eq!(there.gateway.get("/jwt-feed/orders/1").bearer(&new).send().await.code(), 200, "the new key is known");
    rig.settle().await;
    assert_eq!(rig.stock.get("/stock/tea").bearer(&new).send().await.code(), 200);
    // The old key retires: what it signed lives to its end, and then nothing that it signs is taken any more.
    assert_eq!(there.gateway.get("/jwt-feed/orders/1").bearer(&old).send().await.code(), 200);
    let forge = Forge::of(&rig).await;
    rig.advance(rig.access_token_lifetime() + Duration::from_secs(300)).await;
    rig.settle().await;
    assert_eq!(rig.jwks_kids().await.len(), 1);
    let late = forge.sound_now(&rig);
    let answer = there.gateway.get("/jwt-feed/orders/1").bearer(&late).send().await;
    assert_eq!((answer.code(), answer.reason().as_str()), (401, "key_gone"));
}

#[tokio::test(flavor = "multi_thread")]
async fn over_the_wire_a_cut_feed_means_503_after_max_staleness_and_recovery_without_a_restart() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    let (opaque, jwt) = (rig.login("alice").await, rig.login_jwt("alice").await);
    let routes = [("/opaque-deny/orders/1", &opaque), ("/jwt-feed-deny/orders/1", &jwt)];
    for (path, token) in routes {
        assert_eq!(there.gateway.get(path).bearer(token).send().await.code(), 200, "{path}");
    }
    there.relay.cut();
    for _ in 0..30 {
        rig.advance(Duration::from_millis(50)).await;
    }
    for (path, token) in routes {
        let answer = there.gateway.get(path).bearer(token).send().await;
        assert_eq!((answer.code(), answer.reason().as_str()), (503, "feed_stale"), "{path}");
    }
    assert_eq!(there.gateway.get("/jwt/orders/1").bearer(&jwt).send().await.code(), 200, "revocation: none");
    there.relay.mend();
    for _ in 0..5 {
        rig.settle().await;
    }
    for (path, token) in routes {
        assert_eq!(there.gateway.get(path).bearer(token).send().await.code(), 200, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_tries_many_names_at_a_gateway_elsewhere_is_throttled_by_where_they_sit() {
    let rig = Rig::start().await;
    let there = Gatehouse::beside(&rig, "gate1").await;
    let tried = async |number: u32, address: &str| {
        let body = serde_json::json!({"username": format!("user{number}"), "password": "wrong"});
        there.gateway.post("/auth/login").header("x-forwarded-for", address).json(&body).send().await.code()
    };
    let mut codes = Vec::new();
    for number in 0..51 {
        codes.push(tried(number, "192.0.2.1").await);
    }
    assert_eq!(codes.iter().position(|code| *code == 429), Some(50), "{codes:?}");
    assert_eq!(tried(51, "192.0.2.2").await, 401, "somebody else");
}
