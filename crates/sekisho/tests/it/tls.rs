//! Identity and gateway on TLS listeners, as browsers and programs meet them: names and attributes of cookies, what ALPN
//! agrees on, certificates that change below open connections, and what happens to those who speak something else.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use sekisho::http::tls::Files;
use sekisho::wiring::{GatewayPlan, House, IdentityPlan, Keep, Surroundings, Switches};
use sekisho_gateway::config as gateway;
use sekisho_guard::testing::{TestAudit, TestClock};
use sekisho_identity::Settings;
use sekisho_identity::admin::Person;
use sekisho_model::client::{ClientAuth, GrantType};
use sekisho_token::seal::SealingKey;
use sekisho_token::{Secret, SystemEntropy};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::binary::Demo;
use crate::client::Answer;
use crate::oauth::{attribute, hidden_fields, unescaped};
use crate::rig::{realm, registration};
use crate::spy::Spy;

const PASSWORD: &str = "correct horse of alice";
/// No answer may take longer than this in real time: a hang is a failure.
const PATIENCE: Duration = Duration::from_secs(30);

type Http1 = hyper::client::conn::http1::SendRequest<Full<Bytes>>;
type Http2 = hyper::client::conn::http2::SendRequest<Full<Bytes>>;

/// A certificate authority of this test's own.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// Identity and gateway, each on a TLS listener, and a spy behind the gateway.
struct Secured {
    house: Option<House>,
    identity: SocketAddr,
    gateway: SocketAddr,
    spy: Spy,
    clock: TestClock,
    authority: Authority,
    files: Files,
    _dir: tempfile::TempDir,
}

// === impl Authority ===

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Puts a new certificate for this machine, and its key, where they are looked for.
    pub(crate) fn issue(&self, files: &Files) -> CertificateDer<'static> {
        self.issue_until(files, 4000)
    }

    fn issue_until(&self, files: &Files, year: i32) -> CertificateDer<'static> {
        let key = KeyPair::generate().unwrap();
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let mut params = CertificateParams::new(names).unwrap();
        params.not_after = rcgen::date_time_ymd(year, 1, 1);
        let certificate = params.signed_by(&key, &self.0).unwrap();
        std::fs::write(&files.certificate, pem("CERTIFICATE", certificate.der())).unwrap();
        std::fs::write(&files.key, pem("PRIVATE KEY", &key.serialize_der())).unwrap();
        certificate.der().clone()
    }

    /// Its own certificate.
    pub(crate) fn pem(&self) -> Vec<u8> {
        pem("CERTIFICATE", self.0.der()).into_bytes()
    }

    pub(crate) fn client(&self, alpn: &[&str], versions: &[&'static SupportedProtocolVersion]) -> TlsConnector {
        client(vec![self.0.der().clone()], alpn, versions)
    }
}

fn client(
    authorities: Vec<CertificateDer<'static>>,
    alpn: &[&str],
    versions: &[&'static SupportedProtocolVersion],
) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    TlsConnector::from(Arc::new(config))
}

fn pem(label: &str, der: &[u8]) -> String {
    let text = base64::engine::general_purpose::STANDARD.encode(der);
    format!("-----BEGIN {label}-----\n{text}\n-----END {label}-----\n")
}

// === impl Secured ===

impl Secured {
    async fn start() -> Self {
        let (dir, clock, authority) = (tempfile::tempdir().unwrap(), TestClock::new(), Authority::new());
        let files = Files { certificate: dir.path().join("certificate.pem"), key: dir.path().join("key.pem") };
        authority.issue(&files);
        let surroundings = Surroundings {
            clock: Arc::new(clock.clone()),
            entropy: Arc::new(SystemEntropy::default()),
            audit: Arc::new(TestAudit::default()),
            handle: Handle::current(),
            switches: Switches::joined(),
        };
        let mut house = House::within(surroundings);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let identity = listener.local_addr().unwrap();
        let settings = Settings::at(&format!("https://localhost:{}", identity.port()));
        let plan = IdentityPlan { keep: Keep::Memory, settings, seal: SealingKey::from_bytes([7; 32]) };
        house.open_identity(plan).await.unwrap();
        house.serve_identity_over_tls(listener, files.read().unwrap()).unwrap();
        let person = Person {
            name: "alice".parse().unwrap(),
            password: Secret::from(PASSWORD),
            scopes: "orders:read".parse().unwrap(),
            display_name: None,
            email: None,
        };
        house.identity().unwrap().admin().create_user(&realm(), person).await.unwrap();
        let spy = Spy::start().await;
        let plan = GatewayPlan {
            config: config(&spy),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            remote: Vec::new(),
            tls: Some(files.read().unwrap()),
        };
        house.open_gateway(plan).await.unwrap();
        house.started().await;
        let gateway = house.gateway_addr().await.unwrap();
        Self { house: Some(house), identity, gateway, spy, clock, authority, files, _dir: dir }
    }

    /// A connection after the handshake.
    async fn secure(&self, addr: SocketAddr, alpn: &[&str]) -> io::Result<TlsStream<TcpStream>> {
        secure(self.authority.client(alpn, rustls::ALL_VERSIONS), addr).await
    }

    async fn http1(&self, addr: SocketAddr) -> Http1 {
        let stream = self.secure(addr, &["http/1.1"]).await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        Handle::current().spawn(connection);
        sender
    }

    async fn http2(&self, addr: SocketAddr) -> Http2 {
        let stream = self.secure(addr, &["h2"]).await.unwrap();
        let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (sender, connection) = client.await.unwrap();
        Handle::current().spawn(connection);
        sender
    }

    /// A request on a connection of its own.
    async fn ask(&self, addr: SocketAddr, request: Request<Full<Bytes>>) -> Answer {
        let mut sender = self.http1(addr).await;
        answer(soon(sender.send_request(request)).await.unwrap()).await
    }

    /// Signs in at a mount of the gateway, as a browser would.
    async fn login(&self, mount: &str) -> Answer {
        let body = format!(r#"{{"username":"alice","password":"{PASSWORD}"}}"#);
        let request = Request::post(format!("{mount}/login"))
            .header("host", self.gateway.to_string())
            .header("origin", format!("https://{}", self.gateway))
            .header("content-type", "application/json");
        let answer = self.ask(self.gateway, request.body(Full::from(body)).unwrap()).await;
        assert_eq!(answer.code(), 200, "{}", answer.text());
        answer
    }

    /// The certificate that a new handshake shows.
    async fn shown(&self, addr: SocketAddr) -> CertificateDer<'static> {
        let stream = self.secure(addr, &[]).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    }

    /// Lets time pass until new handshakes show this certificate, and returns how much of it did.
    async fn until_shown(&self, addr: SocketAddr, certificate: &CertificateDer<'_>) -> Duration {
        let mut passed = Duration::ZERO;
        while self.shown(addr).await != *certificate {
            assert!(passed < Duration::from_secs(60), "{addr} does not take over the new certificate");
            self.clock.advance(Duration::from_secs(1)).await;
            passed += Duration::from_secs(1);
            real_pause().await;
        }
        passed
    }
}

pub(crate) async fn secure(connector: TlsConnector, addr: SocketAddr) -> io::Result<TlsStream<TcpStream>> {
    let tcp = TcpStream::connect(addr).await?;
    soon(connector.connect(ServerName::try_from("localhost").unwrap(), tcp)).await
}

pub(crate) async fn answer<B>(response: Response<B>) -> Answer
where
    B: hyper::body::Body,
    B::Error: std::fmt::Debug,
{
    let (head, body) = response.into_parts();
    let body = soon(body.collect()).await.unwrap().to_bytes();
    Answer { status: head.status, headers: head.headers, body }
}

#[expect(clippy::disallowed_methods, reason = "patience is real time")]
pub(crate) async fn soon<T>(awaited: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, awaited).await.expect("this takes too long")
}

#[expect(clippy::disallowed_methods, reason = "sockets and disks are real, whatever the house's clock shows")]
async fn real_pause() {
    tokio::time::sleep(Duration::from_millis(4)).await;
}

fn get(host: SocketAddr, target: &str, cookie: &str) -> Request<Full<Bytes>> {
    let request = Request::get(target).header("host", host.to_string()).header("cookie", cookie);
    request.body(Full::default()).unwrap()
}

fn set_cookies(answer: &Answer) -> Vec<String> {
    answer.headers.get_all("set-cookie").iter().map(|value| value.to_str().unwrap().to_owned()).collect()
}

/// The attributes of a cookie, without its value and what says how long it is kept.
fn attributes(cookie: &str) -> Vec<&str> {
    let mut found: Vec<&str> = cookie.split("; ").skip(1).filter(|it| !it.starts_with("Max-Age=")).collect();
    found.sort_unstable();
    found
}

fn config(spy: &Spy) -> gateway::Gateway {
    use gateway::{GuardKind, Route};
    let guarded = |kind, name: &str| Route::guarded(kind, name, &format!("/{name}"), &spy.url()).audience(&["orders"]);
    let routes = vec![
        Route::open("open", "/open", &spy.url()),
        guarded(GuardKind::Opaque, "opaque"),
        guarded(GuardKind::Jwt, "jwt"),
    ];
    let login = vec![
        gateway::LoginMount::new("/auth", gateway::Issues::Opaque),
        gateway::LoginMount::new("/jwt/auth", gateway::Issues::Jwt),
    ];
    gateway::Gateway { login, scheme: gateway::Scheme::Https, ..gateway::Gateway::new(routes) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_at_the_gateway_gives_cookies_that_no_sibling_can_set_and_no_plain_connection_sees() {
    let house = Secured::start().await;
    for (mount, name, path) in
        [("/auth", "__Host-sekisho-main-opaque", "/opaque/x"), ("/jwt/auth", "__Host-sekisho-main-jwt", "/jwt/x")]
    {
        let login = house.login(mount).await;
        let cookies = set_cookies(&login);
        let credential = cookies.iter().find(|cookie| cookie.starts_with(&format!("{name}="))).unwrap();
        assert_eq!(attributes(credential), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{credential}");
        let sent = credential.split(';').next().unwrap();
        let called = house.ask(house.gateway, get(house.gateway, path, sent)).await;
        assert_eq!(called.code(), 200, "{}", called.text());
        let seen = house.spy.last();
        assert_eq!(seen.headers["x-forwarded-proto"], "https");
        assert!(!seen.headers.contains_key("cookie"), "the upstream sees no cookie of the house");
        // Under the name of plain http it is not one of ours.
        let plain = sent.strip_prefix("__Host-").unwrap();
        let refused = house.ask(house.gateway, get(house.gateway, path, plain)).await;
        assert_eq!(refused.code(), 401, "{}", refused.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_refresh_cookie_goes_to_its_mount_alone_and_is_renewed_there() {
    let house = Secured::start().await;
    let login = house.login("/jwt/auth").await;
    let cookies = set_cookies(&login);
    let refresh = cookies.iter().find(|cookie| cookie.starts_with("__Secure-sekisho-main-refresh=")).unwrap();
    assert_eq!(attributes(refresh), ["HttpOnly", "Path=/jwt/auth", "SameSite=Strict", "Secure"], "{refresh}");
    assert_eq!(cookies.len(), 2, "the credential and this: {cookies:?}");
    let sent: Vec<&str> = cookies.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    let request = Request::post("/jwt/auth/refresh")
        .header("host", house.gateway.to_string())
        .header("origin", format!("https://{}", house.gateway))
        .header("cookie", sent.join("; "));
    let renewed = house.ask(house.gateway, request.body(Full::default()).unwrap()).await;
    assert_eq!(renewed.code(), 200, "{}", renewed.text());
    assert!(set_cookies(&renewed).iter().any(|cookie| cookie.starts_with("__Host-sekisho-main-jwt=")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_logout_takes_the_cookie_back_by_its_whole_name_and_only_our_own_pages_may_ask_for_it() {
    let house = Secured::start().await;
    for (mount, name, path) in
        [("/auth", "__Host-sekisho-main-opaque", "/opaque/x"), ("/jwt/auth", "__Host-sekisho-main-jwt", "/jwt/x")]
    {
        let login = house.login(mount).await;
        let cookie = format!("{name}={}", login.set_cookie(name).unwrap());
        let logout = |origin: String| {
            let request = Request::post(format!("{mount}/logout")).header("host", house.gateway.to_string());
            request.header("origin", origin).header("cookie", &cookie).body(Full::default()).unwrap()
        };
        // The same host in clear text is another origin: whoever sits on the wire could have written that page.
        for foreign in [format!("http://{}", house.gateway), "https://evil.example".to_owned()] {
            let refused = house.ask(house.gateway, logout(foreign)).await;
            assert_eq!((refused.code(), refused.reason()), (403, "cross_site".to_owned()), "{}", refused.text());
        }
        assert_eq!(house.ask(house.gateway, get(house.gateway, path, &cookie)).await.code(), 200);
        let done = house.ask(house.gateway, logout(format!("https://{}", house.gateway))).await;
        assert_eq!(done.code(), 204, "{}", done.text());
        let cleared = set_cookies(&done);
        let cleared = cleared.iter().find(|cookie| cookie.starts_with(&format!("{name}=;"))).unwrap();
        assert!(cleared.contains("Max-Age=0"), "{cleared}");
        assert_eq!(attributes(cleared), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{cleared}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_that_are_not_done_hold_up_neither_other_clients_nor_the_end() {
    let mut house = Secured::start().await;
    let mut slow = Vec::new();
    for addr in [house.gateway, house.identity] {
        for number in 0..64 {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            // Silent ones, and such as begin to say hello and never end.
            let said: &[u8] = if number % 2 == 0 { b"" } else { b"\x16\x03\x01\x02" };
            stream.write_all(said).await.unwrap();
            slow.push(stream);
        }
        let target = if addr == house.gateway { "/open" } else { "/realms/main/oauth2/jwks" };
        assert_eq!(house.ask(addr, get(addr, target, "")).await.code(), 200, "no time has passed for the others");
    }
    let ending = house.house.take().unwrap().shutdown(Duration::from_secs(25));
    // The clock stands still: no deadline of a handshake helps.
    soon(ending).await;
    for mut stream in slow {
        let _ = soon(stream.read_to_end(&mut Vec::new())).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn identitys_own_cookies_are_bound_to_its_host_and_to_https() {
    let house = Secured::start().await;
    let grants = vec![GrantType::AuthorizationCode];
    let public = registration(grants, ClientAuth::None, Vec::new());
    let admin = house.house.as_ref().unwrap().identity().unwrap().admin();
    admin.create_client(&realm(), "public".parse().unwrap(), public).await.unwrap();
    let target = "/realms/main/oauth2/authorize?client_id=public&response_type=code&scope=openid\
        &redirect_uri=http%3A%2F%2F127.0.0.1%2Fcallback&code_challenge_method=S256\
        &code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    let origin = format!("https://localhost:{}", house.identity.port());
    let (mut target, mut kept) = (target.to_owned(), Vec::new());
    let mut page = house.ask(house.identity, get(house.identity, &target, "")).await;
    while page.status.is_redirection() {
        kept.extend(set_cookies(&page));
        target = page.header("location").unwrap().strip_prefix(&origin).expect("still at identity").to_owned();
        let sent: Vec<&str> = kept.iter().filter_map(|cookie| cookie.split(';').next()).collect();
        page = house.ask(house.identity, get(house.identity, &target, &sent.join("; "))).await;
    }
    kept.extend(set_cookies(&page));
    let html = page.text();
    let action = unescaped(&attribute(&html, "<form", "action").expect("a form"));
    let hidden = hidden_fields(&html);
    let fields = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let fields = fields.chain([("username", "alice"), ("password", PASSWORD)]);
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    let sent: Vec<&str> = kept.iter().filter_map(|cookie| cookie.split(';').next()).collect();
    let request = Request::post(action.strip_prefix(&origin).unwrap_or(&action))
        .header("host", format!("localhost:{}", house.identity.port()))
        .header("origin", &origin)
        .header("cookie", sent.join("; "))
        .header("content-type", "application/x-www-form-urlencoded");
    let signed_in = house.ask(house.identity, request.body(Full::from(body)).unwrap()).await;
    kept.extend(set_cookies(&signed_in));
    assert!(kept.iter().any(|cookie| cookie.starts_with("__Host-sekisho-main-sso=")), "{kept:?}: {}", signed_in.text());
    for cookie in &kept {
        assert!(cookie.starts_with("__Host-sekisho-"), "{cookie}");
        assert_eq!(attributes(cookie), ["HttpOnly", "Path=/", "SameSite=Lax", "Secure"], "{cookie}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_spoken_is_what_both_sides_know_and_nothing_means_http_1() {
    let house = Secured::start().await;
    let table: [(SocketAddr, &[&str], Option<&str>); 9] = [
        (house.identity, &["h2", "http/1.1"], Some("h2")),
        (house.identity, &["http/1.1", "h2"], Some("h2")),
        (house.identity, &["http/1.1"], Some("http/1.1")),
        (house.identity, &["h2"], Some("h2")),
        (house.identity, &[], None),
        (house.gateway, &["h2", "http/1.1"], Some("http/1.1")),
        (house.gateway, &["http/1.1"], Some("http/1.1")),
        (house.gateway, &[], None),
        (house.gateway, &["http/1.0", "http/1.1"], Some("http/1.1")),
    ];
    for (addr, offered, agreed) in table {
        let stream = house.secure(addr, offered).await.unwrap();
        let found = stream.get_ref().1.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        assert_eq!(found.as_deref(), agreed, "{offered:?}");
    }
    for (addr, offered) in [(house.gateway, &["h2"][..]), (house.identity, &["spdy/3"])] {
        let error = house.secure(addr, offered).await.unwrap_err();
        assert!(error.to_string().contains("NoApplicationProtocol"), "{offered:?}: {error}");
    }
    for addr in [house.identity, house.gateway] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let stream = secure(house.authority.client(&["http/1.1"], &[version]), addr).await.unwrap();
            assert_eq!(stream.get_ref().1.protocol_version(), Some(version.version));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_answers_over_http_2_many_at_once() {
    let house = Secured::start().await;
    let machine = registration(vec![GrantType::ClientCredentials], ClientAuth::ClientSecretBasic, Vec::new());
    let admin = house.house.as_ref().unwrap().identity().unwrap().admin();
    let secret = admin.create_client(&realm(), "machine".parse().unwrap(), machine).await.unwrap().unwrap();
    let credentials = format!("machine:{}", secret.expose());
    let basic = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(credentials));
    let base = format!("https://localhost:{}/realms/main", house.identity.port());
    let token = || {
        let request = Request::post(format!("{base}/oauth2/token"))
            .header("authorization", &basic)
            .header("content-type", "application/x-www-form-urlencoded");
        request.body(Full::from("grant_type=client_credentials&scope=orders:read&audience=orders")).unwrap()
    };
    let mut sender = house.http2(house.identity).await;
    let asked: Vec<_> = (0..20).map(|_| sender.send_request(token())).collect();
    for asked in asked {
        let answer = answer(soon(asked).await.unwrap()).await;
        assert_eq!(answer.code(), 200, "{}", answer.text());
        assert!(answer.json()["access_token"].is_string());
    }
    let metadata = Request::get(format!("{base}/.well-known/openid-configuration")).body(Full::default()).unwrap();
    let metadata = answer(soon(sender.send_request(metadata)).await.unwrap()).await;
    assert_eq!(metadata.json()["issuer"], base.as_str(), "on the same connection");
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_at_a_tls_port_and_silence_are_closed() {
    let house = Secured::start().await;
    for addr in [house.identity, house.gateway] {
        for said in
            ["GET / HTTP/1.1\r\nhost: localhost\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\x16\x03\x01\x00"]
        {
            let mut stream = TcpStream::connect(addr).await.unwrap();
            stream.write_all(said.as_bytes()).await.unwrap();
            if said.starts_with('\x16') {
                // The beginning of a handshake: there is a deadline for the whole.
                real_pause().await;
                house.clock.advance(Duration::from_secs(10)).await;
            }
            let mut heard = Vec::new();
            // Ended by an alert, an end or a reset, but never by an answer.
            let _ = soon(stream.read_to_end(&mut heard)).await;
            assert!(!heard.starts_with(b"HTTP/"), "{said:?} at {addr}: {}", String::from_utf8_lossy(&heard));
        }
        let mut silent = TcpStream::connect(addr).await.unwrap();
        let closed = async {
            let mut heard = [0; 1];
            silent.read(&mut heard).await
        };
        let mut closed = std::pin::pin!(closed);
        loop {
            tokio::select! {
                read = &mut closed => {
                    assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
                    break;
                }
                () = real_pause() => house.clock.advance(Duration::from_secs(1)).await,
            }
        }
        let target = if addr == house.gateway { "/open" } else { "/realms/main/oauth2/jwks" };
        assert_eq!(house.ask(addr, get(addr, target, "")).await.code(), 200, "the others are served on");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_replaced_on_disk_is_shown_within_seconds_and_open_connections_live_on() {
    let house = Secured::start().await;
    let mut at_gateway = house.http1(house.gateway).await;
    let mut at_identity = house.http2(house.identity).await;
    let jwks = || {
        let target = format!("https://localhost:{}/realms/main/oauth2/jwks", house.identity.port());
        Request::get(target).body(Full::default()).unwrap()
    };
    let asked = at_gateway.send_request(get(house.gateway, "/open", ""));
    assert_eq!(answer(soon(asked).await.unwrap()).await.code(), 200);
    assert_eq!(answer(soon(at_identity.send_request(jwks())).await.unwrap()).await.code(), 200);

    let old = house.shown(house.gateway).await;
    let new = house.authority.issue(&house.files);
    assert_ne!(old, new);
    for addr in [house.gateway, house.identity] {
        let passed = house.until_shown(addr, &new).await;
        assert!(passed <= Duration::from_secs(10), "{passed:?}");
    }
    let asked = at_gateway.send_request(get(house.gateway, "/open", ""));
    assert_eq!(answer(soon(asked).await.unwrap()).await.code(), 200, "the connection from before");
    assert_eq!(answer(soon(at_identity.send_request(jwks())).await.unwrap()).await.code(), 200);

    // Somebody deploys the wrong key: what was shown is shown on.
    let key = std::fs::read(&house.files.key).unwrap();
    std::fs::write(&house.files.key, pem("PRIVATE KEY", &KeyPair::generate().unwrap().serialize_der())).unwrap();
    for _ in 0..10 {
        house.clock.advance(Duration::from_secs(1)).await;
        real_pause().await;
    }
    assert_eq!((house.shown(house.gateway).await, house.shown(house.identity).await), (new.clone(), new));
    std::fs::write(&house.files.key, key).unwrap();

    // Who asks by signal does not wait.
    let newest = house.authority.issue(&house.files);
    house.house.as_ref().unwrap().reload_certificates();
    for addr in [house.gateway, house.identity] {
        while house.shown(addr).await != newest {
            real_pause().await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_resumes_a_session_is_shown_no_certificate_and_everybody_else_the_new_one() {
    let house = Secured::start().await;
    for addr in [house.gateway, house.identity] {
        for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
            let connector = house.authority.client(&["http/1.1"], &[version]);
            let connect = async || {
                let mut stream = secure(connector.clone(), addr).await.unwrap();
                // What a session is resumed with comes behind the handshake; an answer comes behind that.
                let request = format!("GET /nowhere HTTP/1.1\r\nhost: {addr}\r\nconnection: close\r\n\r\n");
                stream.write_all(request.as_bytes()).await.unwrap();
                soon(stream.read_to_end(&mut Vec::new())).await.unwrap();
                let told = stream.get_ref().1;
                (told.handshake_kind().unwrap(), told.peer_certificates().unwrap()[0].clone())
            };
            let (first, old) = connect().await;
            assert_eq!(first, rustls::HandshakeKind::Full);
            let new = house.authority.issue(&house.files);
            house.house.as_ref().unwrap().reload_certificates();
            house.until_shown(addr, &new).await;
            assert_eq!(connect().await, (rustls::HandshakeKind::Resumed, old), "{addr}, {version:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_house_that_ends_says_farewell_to_whoever_is_connected() {
    let mut house = Secured::start().await;
    let mut idle = Vec::new();
    for addr in [house.gateway, house.identity] {
        let mut stream = house.secure(addr, &["http/1.1"]).await.unwrap();
        let request = format!("GET /nowhere HTTP/1.1\r\nhost: {addr}\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut first = [0; 1];
        soon(stream.read_exact(&mut first)).await.unwrap();
        idle.push(stream);
    }
    let ending = house.house.take().unwrap().shutdown(Duration::from_secs(5));
    let clock = house.clock.clone();
    let mut ending = std::pin::pin!(ending);
    loop {
        tokio::select! {
            () = &mut ending => break,
            () = real_pause() => clock.advance(Duration::from_millis(100)).await,
        }
    }
    for mut stream in idle {
        // An end without a farewell would be an error: somebody could have cut the answer short.
        soon(stream.read_to_end(&mut Vec::new())).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_over_tls_is_whole_and_shows_what_passed() {
    let demo = Demo::start_with(&["--tls"]);
    let text = |key: &str| demo.manifest[key].as_str().unwrap_or_else(|| panic!("{key} in demo.json")).to_owned();
    let address = |url: &str| -> SocketAddr {
        let authority = url.strip_prefix("https://").unwrap_or_else(|| panic!("{url}")).split('/').next().unwrap();
        authority.replace("localhost", "127.0.0.1").parse().unwrap()
    };
    let (gateway, identity) = (address(&text("gateway")), address(&text("issuer")));
    let authorities = std::fs::read(text("certificate_authority")).unwrap();
    let connector = client(sekisho_fetch::certificates(&authorities).unwrap(), &["http/1.1"], rustls::ALL_VERSIONS);
    let ask = async |addr, request| {
        let stream = secure(connector.clone(), addr).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        Handle::current().spawn(connection);
        answer(soon(sender.send_request(request)).await.unwrap()).await
    };
    let page = ask(gateway, get(gateway, "/", "")).await;
    assert!(page.code() == 200 && page.text().contains("value=\"alice\""), "{}", page.text());
    let metadata = ask(identity, get(identity, "/realms/main/.well-known/openid-configuration", "")).await;
    assert_eq!(metadata.json()["issuer"], text("issuer").as_str());

    let body = format!(r#"{{"username":"alice","password":"{}"}}"#, demo.password("alice"));
    let request = Request::post("/auth/login").header("host", gateway.to_string()).header("origin", text("gateway"));
    let request = request.header("content-type", "application/json").body(Full::from(body)).unwrap();
    let login = ask(gateway, request).await;
    let listed = demo.manifest["routes"].as_array().unwrap().iter().find(|route| route["name"] == "opaque").unwrap();
    let name = listed["cookie_name"].as_str().unwrap();
    assert_eq!(name, "__Host-sekisho-main-opaque");
    let cookie = format!("{name}={}", login.set_cookie(name).expect("the cookie that demo.json names"));
    let order = ask(gateway, get(gateway, "/opaque/orders/1", &cookie)).await;
    assert_eq!(order.code(), 200, "{}", order.text());
    assert!(order.text().contains("stock"), "orders asked stock: {}", order.text());
    let logout = Request::post("/auth/logout").header("host", gateway.to_string()).header("origin", text("gateway"));
    let logout = ask(gateway, logout.header("cookie", &cookie).body(Full::default()).unwrap()).await;
    assert_eq!(logout.code(), 204, "{}", logout.text());
    let refused = ask(gateway, get(gateway, "/opaque/orders/1", &cookie)).await;
    assert_eq!(refused.code(), 401, "{}", refused.text());

    let legs = ask(gateway, get(gateway, "/demo/legs", "")).await.json();
    let passed: Vec<(&str, &str)> =
        legs.as_array().unwrap().iter().filter_map(|leg| Some((leg["to"].as_str()?, leg["title"].as_str()?))).collect();
    for expected in [
        ("gateway", "GET /opaque/orders/1 HTTP/1.1"),
        ("identity", "POST /realms/main/oauth2/token HTTP/1.1"),
        ("stock", "GET /stock"),
    ] {
        assert!(
            passed.iter().any(|(to, title)| *to == expected.0 && title.starts_with(expected.1)),
            "{expected:?} in {passed:?}"
        );
    }
    assert_eq!(demo.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_told_by_signal_looks_at_its_files_and_goes_on() {
    use std::io::BufRead as _;
    let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
    let files = Files { certificate: dir.path().join("certificate.pem"), key: dir.path().join("key.pem") };
    let first = authority.issue(&files);
    let config = dir.path().join("sekisho.yaml");
    let text = format!(
        "data: {}\noperations: {{ listen: '127.0.0.1:0' }}\ngateway:\n  listen: 127.0.0.1:0\n  tls: {{ certificate: {}, key: {} }}\n",
        dir.path().join("data").display(),
        files.certificate.display(),
        files.key.display()
    );
    std::fs::write(&config, text).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_sekisho"));
    let mut server =
        command.args(["serve", "--config"]).arg(&config).stderr(std::process::Stdio::piped()).spawn().unwrap();
    let mut log = std::io::BufReader::new(server.stderr.take().unwrap()).lines().map(Result::unwrap);
    let mut until =
        |said: &str| log.find(|line| line.contains(said)).unwrap_or_else(|| panic!("nothing said {said:?}"));
    let told = until("the gateway listens");
    let addr: SocketAddr = told.split("address=").nth(1).unwrap().trim().parse().unwrap();
    until("ready");
    let shown = async || {
        let stream = secure(authority.client(&[], rustls::ALL_VERSIONS), addr).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    };
    assert_eq!(shown().await, first);
    let second = authority.issue(&files);
    let tell = |signal: &str| {
        let pid = server.id().to_string();
        assert!(std::process::Command::new("kill").args([signal, &pid]).status().unwrap().success());
    };
    tell("-HUP");
    until("as asked");
    until("a new certificate is shown");
    assert_eq!(shown().await, second);
    // A bad pair is named with its file and what was expected, and changes nothing.
    std::fs::write(&files.key, "nonsense").unwrap();
    tell("-HUP");
    let told = until("the new certificate is not used, the one from before stays");
    assert!(told.contains("key.pem` is not a private key in PEM: expected"), "{told}");
    assert_eq!(shown().await, second);
    authority.issue_until(&files, 2020);
    tell("-HUP");
    let told = until("expired at 2020-01-01T00:00:00Z: expected one that still counts");
    assert!(told.contains("certificate.pem"), "{told}");
    assert_eq!(shown().await, second);
    tell("-TERM");
    until("draining");
    assert_eq!(server.wait().unwrap().code(), Some(0));
}
