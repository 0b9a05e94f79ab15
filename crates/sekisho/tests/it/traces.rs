//! One request, one trace: gateway, identity and both services, as a collector sees them, and nothing of the caller in it.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::State;
use axum::response::Json;
use axum::routing::post;
use sekisho::config::{RemoteRealm, Traces};
use sekisho::http::listener::Serving;
use sekisho::wiring::{GatewayPlan, House};
use sekisho_guard::clock::SystemClock;
use sekisho_wire::Issuer;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::client::{Answer, Client};
use crate::rig::{Rig, enforcement_point, everything, realm};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const CLIENT: &str = "00f067aa0ba902b7";

/// Takes spans as a collector does: OTLP over HTTP.
pub(crate) struct Collector {
    taken: Arc<Mutex<Vec<Value>>>,
    serving: Serving,
}

/// A span as it arrived.
#[derive(Clone, Debug)]
struct Arrived {
    service: String,
    name: String,
    kind: i64,
    id: String,
    parent: String,
    attributes: BTreeMap<String, Value>,
}

// === impl Collector ===

impl Collector {
    pub(crate) async fn start() -> Self {
        let taken: Arc<Mutex<Vec<Value>>> = Arc::default();
        let take = async |State(taken): State<Arc<Mutex<Vec<Value>>>>, Json(request): Json<Value>| {
            taken.lock().unwrap().push(request);
            Json(json!({}))
        };
        let router = Router::new().route("/v1/traces", post(take)).with_state(Arc::clone(&taken));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let serving = Serving::start(listener, router, Arc::new(SystemClock::new()), &Handle::current()).unwrap();
        Self { taken, serving }
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.serving.addr()
    }

    pub(crate) fn text(&self) -> String {
        Value::from(self.taken.lock().unwrap().clone()).to_string()
    }

    /// The spans of one trace, by service and name.
    fn spans(&self, trace: &str) -> Vec<Arrived> {
        let mut spans = Vec::new();
        for resource in self.taken.lock().unwrap().iter().flat_map(|it| it["resourceSpans"].as_array().unwrap().clone())
        {
            let service = resource["resource"]["attributes"][0]["value"]["stringValue"].as_str().unwrap().to_owned();
            for span in resource["scopeSpans"][0]["spans"].as_array().unwrap() {
                if span["traceId"] != trace {
                    continue;
                }
                let text = |key: &str| span[key].as_str().unwrap().to_owned();
                let attributes = span["attributes"].as_array().unwrap().iter();
                let attributes = attributes.map(|it| (it["key"].as_str().unwrap().to_owned(), it["value"].clone()));
                spans.push(Arrived {
                    service: service.clone(),
                    name: text("name"),
                    kind: span["kind"].as_i64().unwrap(),
                    id: text("spanId"),
                    parent: text("parentSpanId"),
                    attributes: attributes.collect(),
                });
            }
        }
        spans
    }
}

/// The one span of this service, name and parent.
#[track_caller]
fn one<'a>(spans: &'a [Arrived], service: &str, name: &str, parent: &str) -> &'a Arrived {
    let mut found = spans.iter().filter(|it| it.service == service && it.name == name && it.parent == parent);
    let first = found.next().unwrap_or_else(|| panic!("no {name} of {service} below {parent}: {spans:#?}"));
    assert!(found.next().is_none(), "{name} of {service} stands twice below {parent}");
    first
}

fn traceparent() -> String {
    format!("00-{TRACE}-{CLIENT}-01")
}

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_runs_through_gateway_identity_orders_and_stock_and_holds_nothing_of_the_caller() {
    let collector = Collector::start().await;
    let rig = Rig::start_traced(everything(collector.addr())).await;
    let token = rig.login("alice").await;
    let answer = rig.gateway.get("/shop/orders/1").bearer(&token).header("traceparent", &traceparent()).send().await;
    assert_eq!(answer.code(), 200, "{}", answer.text());
    assert_eq!(answer.json()["stock"]["status"], 200);
    rig.settle().await;

    let spans = collector.spans(TRACE);
    let served = one(&spans, "sekisho-gateway", "shop", CLIENT);
    let asked = one(&spans, "sekisho-gateway", "identity", &served.id);
    let swap = one(&spans, "sekisho-identity", "swap", &asked.id);
    let called = one(&spans, "sekisho-gateway", "shop", &served.id);
    let orders = one(&spans, "orders", "orders", &called.id);
    let stock = one(&spans, "stock", "stock", &orders.id);
    assert_eq!(spans.len(), 6, "{spans:#?}");
    assert_eq!([served, asked, swap, called, orders, stock].map(|it| it.kind), [2, 3, 2, 3, 2, 2]);
    assert_eq!(served.attributes["http.response.status_code"]["intValue"], "200");
    assert_eq!(served.attributes["http.request.method"]["stringValue"], "GET");
    assert_eq!(served.attributes["sekisho.realm"]["stringValue"], "main");
    assert_eq!(served.attributes["sekisho.request"]["stringValue"], answer.headers["x-request-id"].to_str().unwrap());

    let refused = rig.gateway.get("/shop/orders/1").header("traceparent", &traceparent().replace("4bf9", "aaaa"));
    assert_eq!(refused.send().await.code(), 401);
    rig.gateway.get("/a-path-of-somebody").header("traceparent", &traceparent().replace("4bf9", "bbbb")).send().await;
    rig.settle().await;
    let refused = collector.spans(&TRACE.replace("4bf9", "aaaa"));
    assert_eq!(refused[0].attributes["sekisho.reason"]["stringValue"], "no_credential");
    assert_eq!(collector.spans(&TRACE.replace("4bf9", "bbbb"))[0].name, "unrouted");

    let text = collector.text();
    let password = rig.user("alice").password;
    let alice = rig.user("alice").id.to_string();
    for secret in [&*token, &*password, &*alice, "alice", "orders/1", "a-path-of-somebody", "127.0.0.1"] {
        assert!(!text.contains(secret), "{secret} reached the collector");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trace_crosses_the_wire_to_an_identity_in_another_process() {
    let collector = Collector::start().await;
    let rig = Rig::start_traced(everything(collector.addr())).await;
    let secret = rig.register("gate1", enforcement_point()).await.unwrap();
    let remote = RemoteRealm {
        name: realm(),
        issuer: Issuer::new(&rig.issuer()),
        address: Some(format!("http://{}/realms/main", rig.identity_addr).parse().unwrap()),
        client_id: "gate1".parse().unwrap(),
        client_secret: secret,
        certificate_authorities: Vec::new(),
    };
    let mut house = House::within(rig.surroundings.clone());
    house.trace(&everything(collector.addr())).unwrap();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    house.open_gateway(GatewayPlan { config: rig.config(), listen, remote: vec![remote], tls: None }).await.unwrap();
    rig.while_time_passes(house.started()).await;
    let there = Client::of(house.gateway_addr().await.unwrap());
    let login = there.post("/auth/login?delivery=body").json(&rig.password_of("alice"));
    let login = login.header("traceparent", &traceparent()).send().await;
    assert_eq!(login.code(), 200, "{}", login.text());
    rig.settle().await;

    let spans = collector.spans(TRACE);
    let served = one(&spans, "sekisho-gateway", "login /auth", CLIENT);
    let calls: Vec<&Arrived> = spans.iter().filter(|it| it.name == "identity" && it.parent == served.id).collect();
    let answered = |call: &&Arrived| {
        let below: Vec<&Arrived> = spans.iter().filter(|it| it.parent == call.id).collect();
        let [answered] = below.as_slice() else { panic!("{below:#?}") };
        assert_eq!((answered.service.as_str(), answered.kind), ("sekisho-identity", 2));
        answered.name.clone()
    };
    let mut answered: Vec<String> = calls.iter().map(answered).collect();
    answered.sort();
    assert_eq!(answered, ["/realms/{realm}/oauth2/challenge", "/realms/{realm}/oauth2/token"]);
    assert!(!collector.text().contains("/feed"), "followers ask on nobody's behalf");
}

#[tokio::test(flavor = "multi_thread")]
async fn identity_believes_a_known_client_about_its_request_and_trace_and_no_stranger() {
    let collector = Collector::start().await;
    let rig = Rig::start_traced(Traces { sample: 0.0.try_into().unwrap(), ..everything(collector.addr()) }).await;
    let said = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    let (id, secret) = rig.machine();
    let form = [("grant_type", "client_credentials"), ("scope", "nobodys:scope")];
    let ask = |secret: &str, trace: &str| {
        let ask = rig.identity.post("/realms/main/oauth2/token").basic(&id, secret).form(&form);
        ask.header("x-request-id", said).header("traceparent", &traceparent().replace("4bf9", trace)).send()
    };
    let (known, stranger) = (ask(&secret, "aaaa").await, ask("sekcs0", "bbbb").await);
    assert_eq!((known.code(), stranger.code()), (400, 401));
    let audited = |answer: &Answer| {
        let lines = rig.audit.lines_of_refusal(answer.json()["id"].as_str().unwrap());
        assert_eq!(lines[0]["request"], answer.header("x-request-id").unwrap());
        lines[0]["request"].as_str().unwrap().to_owned()
    };
    assert_eq!(audited(&known), said);
    assert_ne!(audited(&stranger), said);
    rig.settle().await;
    let [span] = collector.spans(&TRACE.replace("4bf9", "aaaa")).try_into().unwrap();
    assert_eq!((&*span.parent, &span.attributes["sekisho.request"]["stringValue"]), (CLIENT, &json!(said)));
    assert!(collector.spans(&TRACE.replace("4bf9", "bbbb")).is_empty(), "a stranger decides nothing that we store");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_says_of_its_trace_goes_on_unless_it_is_malformed() {
    let collector = Collector::start().await;
    let mut rig = Rig::start_traced(everything(collector.addr())).await;
    let ask = async |rig: &Rig, traceparent: &str| {
        let ask = rig.gateway.get("/open/x").header("traceparent", traceparent).header("tracestate", "a=b");
        assert_eq!(ask.send().await.code(), 200);
        let seen = rig.spy.last().headers;
        let state = seen.get("tracestate").map(|state| state.to_str().unwrap().to_owned());
        (seen["traceparent"].to_str().unwrap().to_owned(), state)
    };
    let (parent, state) = ask(&rig, &traceparent()).await;
    assert!(parent.starts_with(&format!("00-{TRACE}-")) && !parent.contains(CLIENT), "{parent}");
    assert_eq!(state.as_deref(), Some("a=b"));
    let (parent, state) = ask(&rig, "00-nonsense").await;
    assert!(parent.len() == 55 && !parent.contains(TRACE), "{parent}");
    assert_eq!(state, None, "the state of another trace does not go with ours");

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let metrics = Client::of(rig.serve_operations(listener));
    rig.settle().await;
    let page = metrics.get("/metrics").send().await.text();
    let exported = page.lines().find_map(|line| line.strip_prefix("sekisho_spans_exported_total ")).unwrap();
    assert!(exported.parse::<u64>().unwrap() >= 4, "{exported}");
    assert!(page.contains("\nsekisho_spans_dropped_total 0\n"), "{page}");
}
