//! Each mistake that doctor knows, made on purpose, and found.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::Json;
use axum::routing::get;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use sekisho::beliefs::{Beliefs, GatewayBeliefs, GatewayRealm};
use sekisho::config::Config;
use sekisho::doctor::{Code, Report, Tools, Weight, examine};
use sekisho::http::listener::Serving;
use sekisho::http::tls::Files;
use sekisho::kek::{self, KekSource};
use sekisho::wiring::{GatewayPlan, House, IdentityPlan, Keep, Surroundings, Switches};
use sekisho_fetch::{Client, Options};
use sekisho_gateway::config as gateway;
use sekisho_guard::clock::{SystemClock, fetch_timer};
use sekisho_guard::testing::TestAudit;
use sekisho_identity::Settings;
use sekisho_token::SystemEntropy;
use sekisho_wire::Clock;
use serde_json::json;
use sqlx::{Connection as _, SqliteConnection};
use tokio::net::TcpListener;
use tokio::runtime::Handle;

use crate::cluster::Cluster;
use crate::rig::{enforcement_point, realm};
use crate::tls::Authority;

/// A house that really runs, on real time.
struct Standing {
    dir: tempfile::TempDir,
    house: House,
    identity: SocketAddr,
    operations: SocketAddr,
    gateway: SocketAddr,
}

// === impl Standing ===

impl Standing {
    async fn up() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        make(&data);
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
        let mut house = House::within(Surroundings {
            clock,
            entropy: Arc::new(SystemEntropy::default()),
            audit: Arc::new(TestAudit::default()),
            handle: Handle::current(),
            switches: Switches::joined(),
        });
        let (listener, identity) = listener().await;
        let settings = Settings::at(&format!("http://localhost:{}", identity.port()));
        let seal = kek::load(&KekSource::Generated, &data, &SystemEntropy::default()).unwrap();
        house.open_identity(IdentityPlan { keep: Keep::Dir(data), settings, seal }).await.unwrap();
        house.serve_identity(listener).unwrap();
        let guarded = gateway::Route::guarded(gateway::GuardKind::Jwt, "jwt", "/jwt", &format!("http://{identity}"));
        let config = gateway::Gateway::new(vec![gateway::Route { audience: vec!["x".to_owned()], ..guarded }]);
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        house.open_gateway(GatewayPlan { config, listen, remote: Vec::new(), tls: None }).await.unwrap();
        house.started().await;
        let (listener, operations) = self::listener().await;
        house.serve_operations(listener).unwrap();
        let gateway = house.gateway_addr().await.unwrap();
        Self { dir, house, identity, operations, gateway }
    }

    fn data(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    /// The configuration of this house, with more of the gateway's.
    fn with(&self, more: &str) -> String {
        let Self { identity, operations, gateway, .. } = self;
        let data = self.data();
        format!(
            "data: {}\nidentity:\n  listen: {identity}\n  public_url: http://localhost:{}\noperations:\n  listen: {operations}\n\
             gateway:\n  listen: {gateway}\n{more}",
            data.display(),
            identity.port(),
        )
    }

    /// Ends it; its configuration and its data are left.
    async fn down(self) -> (tempfile::TempDir, String) {
        let yaml = self.with("");
        let Self { dir, house, .. } = self;
        house.shutdown(std::time::Duration::from_secs(30)).await;
        (dir, yaml)
    }
}

fn make(data: &Path) {
    std::fs::create_dir(data).unwrap();
    std::fs::set_permissions(data, std::fs::Permissions::from_mode(0o700)).unwrap();
}

async fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let addr = listener.local_addr().unwrap();
    (listener, addr)
}

/// An address at which nobody listens.
async fn nobody() -> SocketAddr {
    listener().await.1
}

async fn examined(yaml: &str) -> Report {
    let config = Config::parse(yaml, Path::new("house.yaml")).unwrap_or_else(|error| panic!("{error}"));
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let http = Client::configured(Options::new(fetch_timer(&clock), Handle::current())).unwrap();
    let tools = Tools { clock, entropy: Arc::new(SystemEntropy::default()), http, handle: Handle::current() };
    examine(&config, None, &tools).await
}

/// Exactly these are found, in this order, the last of them at such a place and with such words.
#[track_caller]
fn check(report: &Report, codes: &[Code], words: &str) {
    let found: Vec<Code> = report.findings.iter().map(|finding| finding.code).collect();
    assert_eq!(found, codes, "{:#?}", report.findings);
    assert_eq!(report.is_healthy(), codes.iter().all(|code| code.weight() == Weight::Warning));
    if let Some(last) = report.findings.last() {
        let told = format!("{}: {}", last.place, last.found);
        assert!(told.contains(words), "{told}");
    }
}

async fn serve(router: Router) -> (Serving, SocketAddr) {
    let (listener, addr) = listener().await;
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    (Serving::start(listener, router, clock, &Handle::current()).unwrap(), addr)
}

/// Somebody who answers as an issuer, with these keys and this date.
async fn issuer(jwks: StatusCode, date: Option<&'static str>) -> (Serving, SocketAddr) {
    let discovery = move || async move {
        let document =
            Json(json!({ "issuer": "https://id.example/realms/main", "jwks_uri": "https://elsewhere/keys" }));
        let date = date.map(|date| (header::DATE, date));
        (axum::response::AppendHeaders(date), document)
    };
    let keys = move || async move { (jwks, Json(json!({ "keys": [] }))) };
    let router = Router::new()
        .route("/realms/main/.well-known/openid-configuration", get(discovery))
        .route("/realms/main/oauth2/jwks", get(keys))
        .route("/realms/main/feed/head", get(async || StatusCode::OK));
    serve(router).await
}

fn remote(issuer: &str, address: SocketAddr, secret: &Path) -> String {
    format!(
        "  realms:\n    main:\n      issuer: {issuer}\n      address: http://{address}/realms/main\n      client_id: gate\n      \
         client_secret_file: {}\n",
        secret.display()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sound_house_is_told_as_it_is_and_nothing_is_found() {
    let house = Standing::up().await;
    let report = examined(&house.with("")).await;
    check(&report, &[], "");
    let beliefs = report.running.unwrap();
    assert_eq!((beliefs.process, beliefs.not_ready.len()), (std::process::id(), 0));
    let identity = beliefs.identity.unwrap();
    assert_eq!(identity.listens, Some(house.identity));
    let main = identity.realms.iter().find(|realm| realm.name == "main").unwrap();
    assert_eq!(main.issuer, format!("http://localhost:{}/realms/main", house.identity.port()));
    assert_eq!(main.keys.iter().map(|key| key.stage.as_str()).collect::<Vec<_>>(), ["signing"]);
    let followed = &beliefs.gateway.unwrap().realms[0];
    assert_eq!(followed.feed.as_ref(), Some(&main.feed), "the gateway stands where identity stands");
    assert!(followed.age_ms.unwrap() < 5_000);
    let (_dir, yaml) = house.down().await;
    check(&examined(&yaml).await, &[], "");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_is_another_one_or_does_not_answer_is_found() {
    let house = Standing::up().await;
    let other_name = house.with("").replace("http://localhost:", "http://127.0.0.1:");
    check(&examined(&other_name).await, &[Code::ConfigNotLoaded, Code::IssuerWrong], "configured `http://127.0.0.1:");
    let secret = house.dir.path().join("secret");
    std::fs::write(&secret, "not the secret").unwrap();
    let gone = remote("https://id.example/realms/main", nobody().await, &secret);
    check(&examined(&house.with(&gone)).await, &[Code::IssuerUnreachable], "cannot be reached");

    // The keys are not there, or there are none.
    let (_serving, addr) = issuer(StatusCode::NOT_FOUND, None).await;
    let report = examined(&house.with(&remote("https://id.example/realms/main", addr, &secret))).await;
    check(&report, &[Code::JwksUnreachable], "404 Not Found");
    let (_serving, addr) = issuer(StatusCode::OK, None).await;
    let report = examined(&house.with(&remote("https://id.example/realms/main", addr, &secret))).await;
    check(&report, &[Code::JwksUnreachable], "no usable key");

    // Its clock is of another year.
    let (_serving, addr) = issuer(StatusCode::OK, Some("Sun, 06 Nov 1994 08:49:37 GMT")).await;
    let report = examined(&house.with(&remote("https://id.example/realms/main", addr, &secret))).await;
    check(&report, &[Code::ClockSkew, Code::JwksUnreachable], "no usable key");
    assert!(report.findings[0].found.contains("s behind ours"), "{:?}", report.findings);
}

/// Somebody whose certificate was over in 2020.
fn expired() -> SocketAddr {
    let certificate = include_bytes!("../../../fetch/src/tests/data/expired.pem");
    shows(certificate, include_bytes!("../../../fetch/src/tests/data/expired.key.pem"))
}

/// Somebody who shows this certificate and says nothing more.
fn shows(certificate: &[u8], key: &[u8]) -> SocketAddr {
    let chain = sekisho_fetch::certificates(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).unwrap());
    let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let addr = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut tcp in listener.incoming().map_while(Result::ok) {
            // The other side hangs up when it has seen the certificate.
            let _ = rustls::ServerConnection::new(Arc::clone(&config)).unwrap().complete_io(&mut tcp);
        }
    });
    addr
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_over_is_found() {
    let house = Standing::up().await;
    let secret = house.dir.path().join("secret");
    std::fs::write(&secret, "any").unwrap();
    let more =
        remote("https://id.example/realms/main", expired(), &secret).replace("address: http:", "address: https:");
    check(&examined(&house.with(&more)).await, &[Code::CertificateRefused], "expired");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_is_unknown_until_the_command_is_told_of_it() {
    let house = Standing::up().await;
    let (dir, authority) = (house.dir.path(), Authority::new());
    let files = Files { certificate: dir.join("certificate.pem"), key: dir.join("key.pem") };
    authority.issue(&files);
    let shown = |path: &Path| std::fs::read(path).unwrap();
    let address = shows(&shown(&files.certificate), &shown(&files.key));
    let (secret, file, known) = (dir.join("secret"), dir.join("house.yaml"), dir.join("authority.pem"));
    std::fs::write(&secret, "any").unwrap();
    std::fs::write(&known, authority.pem()).unwrap();
    let more = remote("https://id.example/realms/main", address, &secret).replace("address: http:", "address: https:");
    std::fs::write(&file, house.with(&more)).unwrap();
    let doctor = async |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command.args(["doctor", "--config"]).arg(&file).args(more);
        let answer = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        String::from_utf8([answer.stdout, answer.stderr].concat()).unwrap()
    };
    let told = doctor(&[]).await;
    assert!(told.contains("FAULT certificate_refused") && told.contains("faults: 1"), "{told}");
    // Whoever is there shakes hands and says nothing more.
    let told = doctor(&["--certificate-authority", known.to_str().unwrap()]).await;
    assert!(told.contains("FAULT issuer_unreachable") && told.contains("faults: 1"), "{told}");
    let told = doctor(&["--certificate-authority", secret.to_str().unwrap()]).await;
    assert!(told.contains("cannot use `") && !told.contains("faults"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_we_show_are_looked_at_before_anybody_else_does() {
    let dir = tempfile::tempdir().unwrap();
    let place = |name: &str| dir.path().join(name).display().to_string();
    std::fs::write(place("cert.pem"), include_bytes!("../../../fetch/src/tests/data/expired.pem")).unwrap();
    std::fs::write(place("key.pem"), include_bytes!("../../../fetch/src/tests/data/expired.key.pem")).unwrap();
    std::fs::set_permissions(place("key.pem"), std::fs::Permissions::from_mode(0o644)).unwrap();
    let tls = format!("tls: {{ certificate: {}, key: {} }}", place("cert.pem"), place("key.pem"));
    let config = format!(
        "data: {}\noperations: {{ listen: '{}' }}\nidentity: {{ listen: '{}', public_url: 'https://id.example', {tls} }}\n",
        place("data"),
        nobody().await,
        nobody().await,
    );
    let report = examined(&config).await;
    check(&report, &[Code::CertificateNotValid, Code::CertificateKeyOpen, Code::CertificateName], "`id.example`");
    assert!(report.findings[0].found.contains("it expires at 20"), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgresql_is_looked_at_like_a_file_and_its_password_is_never_told() {
    let database = Cluster::shared().database();
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let (identity, operations) = (nobody().await, nobody().await);
    let config = |address: &str| {
        format!(
            "data: {}\ndatabase: '{address}'\noperations: {{ listen: '{operations}' }}\n\
             identity: {{ listen: '{identity}', public_url: 'http://localhost:{}' }}\n",
            data.display(),
            identity.port()
        )
    };
    check(&examined(&config(&database.address())).await, &[], "");
    let dead = format!("postgres://sekisho:s3cret@127.0.0.1:{}/house", nobody().await.port());
    let report = examined(&config(&dead)).await;
    check(&report, &[Code::DatabaseUnreadable], "cannot open the database");
    assert!(!serde_json::to_string(&report).unwrap().contains("s3cret"), "{report:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_with_another_secret_is_found_and_no_secret_is_told() {
    let house = Standing::up().await;
    let admin = house.house.identity().unwrap().admin();
    let real = admin.create_client(&realm(), "gate".parse().unwrap(), enforcement_point()).await.unwrap().unwrap();
    let secret = house.dir.path().join("secret");
    let issuer = format!("http://localhost:{}/realms/main", house.identity.port());
    let more = remote(&issuer, house.identity, &secret);
    std::fs::write(&secret, real.expose()).unwrap();
    check(&examined(&house.with(&more)).await, &[], "");
    std::fs::write(&secret, "another-secret").unwrap();
    let report = examined(&house.with(&more)).await;
    check(
        &report,
        &[Code::ClientRefused],
        "`gateway.realms.main.client_id`, `gate`: unknown, disabled, or another secret",
    );
    assert!(!serde_json::to_string(&report).unwrap().contains("another-secret"));
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_that_do_not_open_a_missing_kek_and_files_that_others_may_read_are_found() {
    let house = Standing::up().await;
    let data = house.data();
    // Also beside the server that opened them: it would not start again.
    let kek = std::fs::read(data.join("kek")).unwrap();
    std::fs::write(data.join("kek"), "0".repeat(64)).unwrap();
    let report = examined(&house.with("")).await;
    // A signing key and the refresh tokens' key of each of two realms.
    check(&report, &[Code::KeyUnsealable; 4], "sealed under key");
    let (_dir, yaml) = house.down().await;
    check(&examined(&yaml).await, &[Code::KeyUnsealable; 4], "but the key given is");
    std::fs::write(data.join("kek"), "no key").unwrap();
    check(&examined(&yaml).await, &[Code::KekUnusable], "expected 32 bytes as 64 hex digits");
    std::fs::remove_file(data.join("kek")).unwrap();
    check(&examined(&yaml).await, &[Code::KekUnusable], "it is missing, and the database is not");
    std::fs::write(data.join("kek"), kek).unwrap();
    std::fs::set_permissions(data.join("kek"), std::fs::Permissions::from_mode(0o644)).unwrap();
    std::fs::set_permissions(&data, std::fs::Permissions::from_mode(0o755)).unwrap();
    check(&examined(&yaml).await, &[Code::DataOpen, Code::KekOpen], "mode 644");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_version_or_none_at_all_is_found() {
    let (dir, yaml) = Standing::up().await.down().await;
    let path = dir.path().join("data/sekisho.db");
    let tamper = async |sql: &'static str| {
        let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
        sqlx::raw_sql(sql).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    };
    tamper("UPDATE signing_keys SET signs_from = 9999999999 WHERE realm = 'main'").await;
    check(&examined(&yaml).await, &[Code::KeyMissing], "realm `main`: 1 keys, none signs");
    tamper("INSERT INTO schema_version VALUES (4711, 0)").await;
    check(&examined(&yaml).await, &[Code::DatabaseUnreadable], "has schema version 4711");
    tamper("DELETE FROM schema_version WHERE version > 1").await;
    check(&examined(&yaml).await, &[Code::SchemaOlder], "schema 1");
    std::fs::write(&path, "damage".repeat(1000)).unwrap();
    check(&examined(&yaml).await, &[Code::DatabaseUnreadable], "cannot open the database");

    let below = yaml.replace("/data\n", "/data/sekisho.db/deeper\n");
    check(&examined(&below).await, &[Code::DataUnwritable], "Not a directory");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_of_somebody_else_a_silent_server_and_an_upstream_without_anybody_are_found() {
    let house = Standing::up().await;
    let (_taken, taken) = listener().await;
    let elsewhere = house.with("").replace(&format!("listen: {}", house.operations), &format!("listen: {taken}"));
    // Whoever sits at that port accepts and says nothing.
    let report = examined(&elsewhere).await;
    check(&report, &[Code::ServerSilent], &format!("held by process {}", std::process::id()));
    let nowhere = nobody().await;
    let route = format!(
        "  routes:\n    - name: lost\n      match: {{ path: /lost }}\n      upstream: http://{nowhere}\n      guard: open\n"
    );
    let report = examined(&house.with(&route)).await;
    check(&report, &[Code::UpstreamUnreachable], &format!("route `lost`, http://{nowhere}"));
    let blind = format!("{}traces:\n  endpoint: http://{nowhere}\n", house.with(""));
    check(&examined(&blind).await, &[Code::CollectorUnreachable], &format!("`traces.endpoint`, http://{nowhere}/"));
    let (dir, yaml) = house.down().await;
    let elsewhere = yaml.replace("operations:\n  listen: ", &format!("operations:\n  listen: {taken} #"));
    check(&examined(&elsewhere).await, &[Code::PortTaken], "`operations.listen`");
    drop(dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_running_server_is_not_content_with_is_found() {
    let beliefs = || Beliefs {
        version: "0.0.0".to_owned(),
        process: 1,
        started: String::new(),
        clock: String::new(),
        not_ready: vec!["gateway".to_owned()],
        identity: None,
        gateway: Some(GatewayBeliefs {
            listens: (Ipv4Addr::LOCALHOST, 1).into(),
            routes: 0,
            realms: vec![GatewayRealm { name: "main".to_owned(), feed: None, age_ms: Some(60_000) }],
        }),
    };
    let state = Router::new().route("/state", get(async move || Json(beliefs())));
    let (_serving, operations) = serve(state).await;
    let dir = tempfile::tempdir().unwrap();
    make(&dir.path().join("data"));
    let yaml =
        format!("data: {}/data\ngateway: {{}}\noperations: {{ listen: '{operations}' }}\n", dir.path().display());
    let codes = [Code::NotReady, Code::VersionDiffers, Code::FeedStale];
    check(&examined(&yaml).await, &codes, "process 1, gateway, realm `main`: 60 s old");
}

#[test]
fn every_code_is_written_down() {
    let page = std::fs::read_to_string("../../docs/operations.md").unwrap();
    let row = |code: &Code| match code.weight() {
        Weight::Fault => format!("| `{}` | fault |", code.text()),
        Weight::Warning => format!("| `{}` | warning |", code.text()),
    };
    let missing: Vec<_> = Code::ALL.iter().filter(|code| !page.contains(&row(code))).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_command_says_it_in_words_or_json_and_by_its_exit_code() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("house.yaml");
    let doctor = |more: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sekisho"));
        command.args(["doctor", "--config"]).arg(&file).args(more).output().unwrap()
    };
    std::fs::write(&file, "gateway: { lisen: x }\n").unwrap();
    let words = doctor(&[]);
    let told = String::from_utf8(words.stdout).unwrap();
    assert_eq!(words.status.code(), Some(1), "{told}");
    assert!(told.contains(&format!("FAULT config_mistake: {}:1:", file.display())), "{told}");
    assert!(told.ends_with("faults: 1, warnings: 0\n"), "{told}");
    make(&dir.path().join("data"));
    let yaml = format!(
        "data: {}/data\ngateway: {{ listen: '127.0.0.1:0' }}\noperations: {{ listen: '127.0.0.1:0' }}\n",
        dir.path().display()
    );
    std::fs::write(&file, yaml).unwrap();
    let answer = doctor(&["--json"]);
    let told: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!((answer.status.code(), &told["healthy"], &told["findings"]), (Some(0), &json!(true), &json!([])));
    assert!(told["configured"].as_array().unwrap().iter().any(|line| line["name"] == "version"), "{told}");
}
