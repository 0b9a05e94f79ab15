//! What an operator sees: numbers that grow with what happens and with nothing else, and a log that holds no secret.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader};
use std::net::Ipv4Addr;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::client::Client;
use crate::rig::Rig;

/// A page of metrics, parsed: a sample's name with its labels, and its value.
pub(crate) struct Page(BTreeMap<String, f64>);

// === impl Page ===

impl Page {
    pub(crate) async fn of(operations: &Client) -> Self {
        let answer = operations.get("/metrics").send().await;
        assert_eq!(answer.code(), 200, "{}", answer.text());
        assert_eq!(answer.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
        Self::parse(&answer.text())
    }

    /// Strict where the format is: a family's type stands once and before its samples, and no sample stands twice.
    fn parse(text: &str) -> Self {
        assert!(text.ends_with('\n'));
        let mut samples = BTreeMap::new();
        let mut families = std::collections::BTreeSet::new();
        let mut family = String::new();
        for line in text.lines() {
            if let Some(typed) = line.strip_prefix("# TYPE ") {
                let (name, kind) = typed.split_once(' ').unwrap();
                assert!(["counter", "gauge", "histogram"].contains(&kind), "{line}");
                assert!(families.insert(name.to_owned()), "{name} stands twice");
                assert!(kind != "counter" || name.ends_with("_total"), "{name}");
                family = name.to_owned();
            } else if !line.starts_with("# HELP ") {
                let (sample, value) = line.rsplit_once(' ').unwrap();
                assert!(sample.starts_with(&family), "{line} under {family}");
                assert!(samples.insert(sample.to_owned(), value.parse().unwrap()).is_none(), "{line} stands twice");
            }
        }
        Self(samples)
    }

    #[track_caller]
    pub(crate) fn value(&self, sample: &str) -> f64 {
        *self.0.get(sample).unwrap_or_else(|| panic!("no {sample} among {:#?}", self.0.keys()))
    }

    fn names(&self) -> Vec<&String> {
        self.0.keys().collect()
    }
}

async fn operations(rig: &mut Rig) -> Client {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    Client::of(rig.serve_operations(listener))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_numbers_grow_with_what_happened() {
    let mut rig = Rig::start().await;
    let metrics = operations(&mut rig).await;
    let before = Page::of(&metrics).await;

    let token = rig.login("alice").await;
    for _ in 0..3 {
        assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&token).send().await.code(), 200);
    }
    assert_eq!(rig.gateway.get("/opaque/orders/1").send().await.code(), 401);
    assert_eq!(rig.gateway.get("/nowhere").send().await.code(), 404);
    assert_eq!(rig.login_with("alice", "not hers").await.code(), 401);
    let jwt = rig.login_jwt("alice").await;
    for _ in 0..2 {
        assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&jwt).send().await.code(), 200);
    }

    let (id, secret) = rig.machine();
    let mint = async |secret: &str| {
        let ask = rig.identity.post("/realms/main/oauth2/token").basic(&id, secret);
        ask.form(&[("grant_type", "client_credentials")]).send().await.code()
    };
    assert_eq!((mint(&secret).await, mint("sekcs0").await), (200, 401));
    assert_eq!(rig.identity.get("/nowhere").send().await.code(), 404);

    let after = Page::of(&metrics).await;
    let check = |sample: &str, expected: f64| {
        assert_eq!(after.value(sample) - before.value(sample), expected, "{sample}");
    };
    check(r#"sekisho_gateway_requests_total{route="opaque",realm="main",class="2xx"}"#, 3.0);
    check(r#"sekisho_gateway_requests_total{route="opaque",realm="main",class="4xx"}"#, 1.0);
    check(r#"sekisho_gateway_requests_total{route="",realm="",class="4xx"}"#, 1.0);
    check(r#"sekisho_gateway_refusals_total{reason="no_credential"}"#, 1.0);
    check(r#"sekisho_gateway_refusals_total{reason="no_route"}"#, 1.0);
    check(r#"sekisho_gateway_refusals_total{reason="wrong_credentials"}"#, 1.0);
    check(r#"sekisho_gateway_swap_lookups_total{realm="main",found="hit"}"#, 2.0);
    check(r#"sekisho_gateway_swap_lookups_total{realm="main",found="miss"}"#, 1.0);
    check(r#"sekisho_gateway_upstream_seconds_count{route="opaque"}"#, 3.0);
    check(r#"sekisho_identity_requests_total{endpoint="/oauth2/token",class="2xx"}"#, 1.0);
    check(r#"sekisho_identity_requests_total{endpoint="/oauth2/token",class="4xx"}"#, 1.0);
    check(r#"sekisho_identity_requests_total{endpoint="",class="4xx"}"#, 1.0);
    check(r#"sekisho_identity_seconds_count{endpoint="/oauth2/token"}"#, 2.0);
    check(r#"sekisho_identity_refusals_total{reason="wrong_client"}"#, 1.0);
    check(r#"sekisho_identity_refusals_total{reason="no_route"}"#, 1.0);
    check(r#"sekisho_identity_tokens_issued_total{realm="main",grant="authorization_code"}"#, 2.0);
    check(r#"sekisho_identity_tokens_issued_total{realm="main",grant="token_exchange"}"#, 1.0);
    check(r#"sekisho_identity_logins_total{realm="main",outcome="succeeded"}"#, 2.0);
    check(r#"sekisho_identity_logins_total{realm="main",outcome="wrong_credentials"}"#, 1.0);
    check("sekisho_identity_hashing_runs_total", 3.0);
    let verified = |found: &str| {
        let sample = format!(r#"sekisho_gateway_verify_lookups_total{{realm="main",found="{found}"}}"#);
        after.value(&sample) - before.value(&sample)
    };
    assert!(verified("miss") >= 2.0 && verified("hit") >= 1.0, "each JWT once, then from memory");
    assert!(
        after.value(r#"sekisho_store_seconds_count{lane="write"}"#)
            > before.value(r#"sekisho_store_seconds_count{lane="write"}"#)
    );
    for sample in ["process_resident_memory_bytes", "process_open_fds", "process_start_time_seconds"] {
        assert!(after.value(sample) > 0.0, "{sample}");
    }
    assert_eq!(before.names(), after.names(), "nothing that a caller did added a name");
}

/// Each family with its kind, and the labels of its samples.
fn families(page: &str) -> BTreeMap<String, (String, Vec<String>)> {
    let mut families = BTreeMap::new();
    let mut family = None;
    for line in page.lines() {
        if let Some(typed) = line.strip_prefix("# TYPE ") {
            let (name, kind) = typed.split_once(' ').unwrap();
            families.insert(name.to_owned(), (kind.to_owned(), Vec::new()));
            family = Some(name.to_owned());
        } else if let Some((_, labels)) = line.split_once('{').filter(|_| !line.starts_with('#')) {
            let names = labels.split_once('}').unwrap().0.split("\",").map(|label| label.split('=').next().unwrap());
            let names = names.filter(|name| *name != "le").map(str::to_owned).collect();
            families.get_mut(family.as_ref().unwrap()).unwrap().1 = names;
        }
    }
    families
}

#[tokio::test(flavor = "multi_thread")]
async fn every_metric_is_written_down_with_its_kind_and_its_labels_and_no_other() {
    let mut rig = Rig::start().await;
    let metrics = operations(&mut rig).await;
    let page = metrics.get("/metrics").send().await.text();
    let document = std::fs::read_to_string("../../docs/operations.md").unwrap();
    let rows = document.lines().filter(|line| line.starts_with("| `sekisho_") || line.starts_with("| `process_"));
    let written: Vec<String> = rows.map(|row| row.rsplit_once(" | ").unwrap().0.to_owned()).collect();
    let row = |(name, (kind, labels)): (&String, &(String, Vec<String>))| {
        let labels: Vec<String> = labels.iter().map(|label| format!("`{label}`")).collect();
        let labels = if labels.is_empty() { "–".to_owned() } else { labels.join(", ") };
        format!("| `{name}` | {kind} | {labels}")
    };
    let mut found: Vec<String> = families(&page).iter().map(row).collect();
    let mut written = written;
    written.sort();
    found.sort();
    assert_eq!(written, found);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revocation_moves_the_feed_at_both_ends_and_a_cut_one_grows_old() {
    let mut rig = Rig::start().await;
    let metrics = operations(&mut rig).await;
    let (ours, theirs) =
        (r#"sekisho_gateway_feed_revision{realm="main"}"#, r#"sekisho_identity_feed_revision{realm="main"}"#);
    let before = Page::of(&metrics).await;
    rig.sign_out_everywhere("alice").await;
    let after = Page::of(&metrics).await;
    assert_eq!(after.value(theirs), before.value(theirs) + 1.0);
    assert_eq!(after.value(ours), after.value(theirs), "the gateway has applied it");
    assert!(after.value(r#"sekisho_gateway_feed_age_seconds{realm="main"}"#) <= 1.0);
    rig.switches.head.set(sekisho_wire::cut::State::Severed);
    rig.advance(std::time::Duration::from_secs(30)).await;
    assert!(Page::of(&metrics).await.value(r#"sekisho_gateway_feed_age_seconds{realm="main"}"#) >= 29.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_can_make_the_page_of_metrics_grow() {
    let mut rig = Rig::start().await;
    let metrics = operations(&mut rig).await;
    let before = Page::of(&metrics).await;
    for number in 0..50 {
        let method: http::Method = format!("M{number}").parse().unwrap();
        rig.gateway.ask(method, &format!("/opaque/{number}")).bearer(&format!("x{number}")).send().await;
        rig.gateway.get(&format!("/{number}")).header("host", &format!("h{number}.example")).send().await;
        rig.login_with(&format!("nobody{number}"), "x").await;
        let form = [("grant_type", "client_credentials"), ("client_id", "nobody")];
        rig.identity.post(&format!("/realms/r{number}/oauth2/token")).form(&form).send().await;
    }
    assert_eq!(Page::of(&metrics).await.names(), before.names());
}

/// A running `sekisho demo` that logs everything as JSON.
struct Talkative {
    child: Child,
    lines: std::io::Lines<BufReader<ChildStderr>>,
    manifest: Value,
    _dir: tempfile::TempDir,
}

impl Talkative {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .args(["--log-format", "json", "demo", "--gateway-port", "0", "--identity-port", "0"])
            .args(["--operations-port", "0", "--data"])
            .arg(dir.path())
            .env("SEKISHO_LOG", "trace")
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let manifest = crate::binary::wait_for(&dir.path().join("demo.json"));
        Self { child, lines, manifest, _dir: dir }
    }

    fn client(&self, key: &str) -> Client {
        let url: url::Url = self.manifest[key].as_str().unwrap().parse().unwrap();
        Client::of((Ipv4Addr::LOCALHOST, url.port().unwrap()).into())
    }

    /// Ends it and returns everything that it logged.
    fn told(mut self) -> Vec<String> {
        Command::new("kill").args(["-TERM", &self.child.id().to_string()]).status().unwrap();
        let told: Vec<String> = self.lines.by_ref().map(Result::unwrap).collect();
        assert!(self.child.wait().unwrap().success());
        told
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_is_json_names_the_request_and_holds_no_secret() {
    let demo = Talkative::start();
    let (gateway, issuer) = (demo.client("gateway"), demo.client("issuer"));
    let alice = demo.manifest["users"].as_array().unwrap().iter().find(|user| user["name"] == "alice").unwrap();
    let password = alice["password"].as_str().unwrap().to_owned();
    let mut secrets = vec![password.clone(), "a-wrong-password".to_owned()];
    for mount in ["/auth", "/jwt/auth"] {
        let path = format!("{mount}/login?delivery=body");
        gateway.post(&path).json(&json!({"username": "alice", "password": "a-wrong-password"})).send().await;
        let login = gateway.post(&path).json(&json!({"username": "alice", "password": password})).send().await;
        let token = login.json()["access_token"].as_str().unwrap().to_owned();
        let route = if mount == "/auth" { "/opaque/orders/1" } else { "/jwt-feed/orders/1" };
        assert_eq!(gateway.get(route).bearer(&token).send().await.code(), 200);
        secrets.push(token);
        secrets.extend(login.json()["refresh_token"].as_str().map(str::to_owned));
    }
    let asked = issuer.get("/realms/main/.well-known/openid-configuration");
    let asked = asked.header("x-request-id", "01ARZ3NDEKTSV4RRFFQ69G5FAV").send().await;
    let id = asked.headers["x-request-id"].to_str().unwrap();
    assert_ne!(id, "01ARZ3NDEKTSV4RRFFQ69G5FAV", "a stranger chooses no id");

    let told = demo.told();
    assert!(told.len() > 10, "{told:#?}");
    for line in &told {
        let line: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(line["timestamp"].is_string() && line["level"].is_string() && line["target"].is_string(), "{line}");
    }
    let lines: Vec<Value> = told.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of_route = |route: &str| lines.iter().filter(|line| line["route"] == route && line["status"] == 200).count();
    assert_eq!((of_route("opaque"), of_route("jwt-feed")), (1, 1));
    let of_id = lines.iter().find(|line| line["span"]["id"] == id).unwrap();
    assert_eq!(of_id["route"], "/realms/{realm}/.well-known/openid-configuration");
    let told = told.join("\n");
    for secret in secrets {
        assert!(!told.contains(&secret), "{secret} was logged");
    }
}
