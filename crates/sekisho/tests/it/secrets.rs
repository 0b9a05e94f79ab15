//! Nothing that somebody must not know is written anywhere: the whole product at its most talkative, over TLS, by every way
//! in, and then a search for each secret in each shape that a log could give it.
//!
//! The real binary runs at `SEKISHO_LOG=trace`, which takes in the libraries below it (HTTP/2 names each frame), and so does
//! each command. What is searched: the log, the audit, the metrics, the state and the spans. What for: [`Secrets`].
//!
//! Not here: that tokens say nothing of themselves when printed (`token`), what a trace holds (`traces`).

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{Method, Request};
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sekisho::http::tls::Files;
use sekisho_token::Digest;
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::binary::{Running, terminate};
use crate::client::{Answer, Client};
use crate::oauth::{attribute, hidden_fields, unescaped};
use crate::spy::Spy;
use crate::tls::{Authority, answer, secure, soon};
use crate::traces::Collector;

/// What identity is called; where it listens is another matter.
const PUBLIC: &str = "https://localhost";
const ADMIN: &str = "/admin/v1/realms/main";
const TOKEN: &str = "/realms/main/oauth2/token";
const FORM: &str = "application/x-www-form-urlencoded";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";
const VERIFIER: &str = "a-verifier-of-at-least-forty-three-characters-0";
/// With what forms, JSON and logs write in another way.
const PASSWORD: &str = "correct \"horse\" & b\u{e4}ttery+1";
const NEW_PASSWORD: &str = "another \\horse\\ & st\u{e4}ple+2";
const WRONG_PASSWORD: &str = "a wr\u{f6}ng \"guess\" & more+3";
/// How long the process may take to say something.
const PATIENCE: Duration = Duration::from_secs(60);

/// What nobody may read, with what it is.
#[derive(Default)]
struct Secrets(Vec<(String, String)>);

/// Lines as they are logged.
#[derive(Clone, Default)]
struct Log(Arc<(Mutex<Vec<String>>, Condvar)>);

/// A house, and everything that was said in it.
struct Story {
    server: Running,
    reading: JoinHandle<()>,
    log: Log,
    identity: SocketAddr,
    gateway: SocketAddr,
    operations: Client,
    authority: Authority,
    collector: Collector,
    spy: Spy,
    secrets: Secrets,
    /// Identity's cookies in the one browser.
    cookies: Vec<String>,
    dir: tempfile::TempDir,
}

// === impl Secrets ===

impl Secrets {
    fn add(&mut self, what: &str, secret: &str) {
        assert!(secret.len() >= 16, "{what}: {secret:?} is so short that it would be found by chance");
        self.0.push((what.to_owned(), secret.to_owned()));
        // Who has the signature has the token: the rest can be guessed.
        if let Some((_, signature)) = secret.rsplit_once('.').filter(|_| secret.starts_with("eyJ")) {
            self.0.push((format!("the signature of {what}"), signature.to_owned()));
        }
    }

    /// The member of a JSON answer.
    #[track_caller]
    fn add_of(&mut self, answer: &Answer, member: &str) -> String {
        let secret =
            answer.json()[member].as_str().unwrap_or_else(|| panic!("no {member}: {}", answer.text())).to_owned();
        self.add(member, &secret);
        secret
    }

    /// The values of all cookies that an answer sets.
    fn add_cookies(&mut self, answer: &Answer) -> Vec<String> {
        let mut pairs = Vec::new();
        for cookie in answer.headers.get_all("set-cookie") {
            let pair = cookie.to_str().unwrap().split(';').next().unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            if !value.is_empty() {
                self.add(&format!("the cookie {name}"), value);
                pairs.push(pair.to_owned());
            }
        }
        pairs
    }

    /// A client's credentials as the header has them.
    fn basic(&mut self, id: &str, secret: &str) -> String {
        let credentials = STANDARD.encode(format!("{id}:{secret}"));
        self.add(&format!("the credentials of {id}"), &credentials);
        format!("Basic {credentials}")
    }

    /// As it is, escaped for JSON and in a form, in hex and base64, and as `Debug` shows text and bytes.
    fn shapes(secret: &str) -> Vec<String> {
        let bytes = secret.as_bytes();
        let escaped = |text: String| text.trim_matches('"').to_owned();
        let mut shapes = vec![
            secret.to_owned(),
            escaped(serde_json::to_string(secret).unwrap()),
            escaped(format!("{secret:?}")),
            escaped(format!("{:?}", Bytes::copy_from_slice(bytes)).trim_start_matches('b').to_owned()),
            form_urlencoded::byte_serialize(bytes).collect(),
            bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            format!("{bytes:?}").trim_matches(['[', ']']).to_owned(),
            STANDARD.encode(bytes).trim_end_matches('=').to_owned(),
            URL_SAFE_NO_PAD.encode(bytes),
        ];
        // A line of JSON escapes once more what was escaped before.
        for shape in shapes.clone() {
            shapes.push(escaped(serde_json::to_string(&shape).unwrap()));
        }
        shapes.sort();
        shapes.dedup();
        shapes
    }

    /// What of all this stands in a text.
    fn found_in(&self, text: &str) -> Vec<&str> {
        let stands = |secret: &str| Self::shapes(secret).iter().any(|shape| text.contains(shape));
        self.0.iter().filter(|(_, secret)| stands(secret)).map(|(what, _)| what.as_str()).collect()
    }
}

// === impl Log ===

impl Log {
    fn add(&self, line: String) {
        self.0.0.lock().unwrap().push(line);
        self.0.1.notify_all();
    }

    /// The first line with this message, once it is there.
    fn wait_for(&self, message: &str) -> Value {
        let said = |lines: &[String]| lines.iter().find(|line| line.contains(message)).cloned();
        let lines = self.0.0.lock().unwrap();
        let (lines, _) = self.0.1.wait_timeout_while(lines, PATIENCE, |lines| said(lines).is_none()).unwrap();
        let line = said(&lines).unwrap_or_else(|| panic!("nothing said {message:?}: {lines:#?}"));
        serde_json::from_str(&line).unwrap()
    }

    fn text(&self) -> String {
        self.0.0.lock().unwrap().join("\n")
    }
}

// === impl Story ===

impl Story {
    async fn start() -> Self {
        let (dir, authority) = (tempfile::tempdir().unwrap(), Authority::new());
        let (collector, spy, log) = (Collector::start().await, Spy::start().await, Log::default());
        let files = Files { certificate: dir.path().join("certificate.pem"), key: dir.path().join("key.pem") };
        authority.issue(&files);
        std::fs::write(dir.path().join("sekisho.yaml"), config(dir.path(), &files, &collector, &spy)).unwrap();
        let mut serve = talkative(dir.path(), &["serve"]);
        let mut server = Running(serve.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap());
        let (stderr, told) = (server.0.stderr.take().unwrap(), log.clone());
        let reading = std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).for_each(|line| told.add(line));
        });
        let at = |line: &Value| -> SocketAddr { line["address"].as_str().unwrap().parse().unwrap() };
        let identity = at(&log.wait_for("\"identity listens\""));
        let gateway = at(&log.wait_for("\"the gateway listens\""));
        let operations = Client::of(at(&log.wait_for("\"health checks are answered\"")));
        log.wait_for("\"ready\"");
        let mut secrets = Secrets::default();
        for password in [PASSWORD, NEW_PASSWORD, WRONG_PASSWORD] {
            secrets.add("a password", password);
        }
        secrets.add("the verifier", VERIFIER);
        let cookies = Vec::new();
        Self { server, reading, log, identity, gateway, operations, authority, collector, spy, secrets, cookies, dir }
    }

    /// A command beside the server, or without one; its answer in JSON.
    fn command(&mut self, args: &[&str], input: &str) -> Value {
        let text = self.command_in_words(&[args, &["--json"]].concat(), input);
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("{args:?}: {text}"))
    }

    fn command_in_words(&mut self, args: &[&str], input: &str) -> String {
        let mut command = talkative(self.dir.path(), args);
        let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let output = running.wait_with_output().unwrap();
        let told = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.success(), "{args:?}: {told}");
        told.lines().for_each(|line| self.log.add(line.to_owned()));
        String::from_utf8(output.stdout).unwrap()
    }

    /// A request to identity over HTTP/2.
    async fn identity(&self, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let stream = secure(self.authority.client(&["h2"], rustls::ALL_VERSIONS), self.identity).await.unwrap();
        let client = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
        let (mut sender, connection) = client.await.unwrap();
        Handle::current().spawn(connection);
        let request = request(method, &format!("{PUBLIC}{target}"), headers, body);
        answer(soon(sender.send_request(request)).await.unwrap()).await
    }

    async fn token(&self, headers: &[(&str, &str)], fields: &[(&str, &str)]) -> Answer {
        let headers = [headers, &[("content-type", FORM)]].concat();
        self.identity(Method::POST, TOKEN, &headers, &form(fields)).await
    }

    /// A request to the gateway as a browser on its own page sends it.
    async fn gateway(&self, method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let stream = secure(self.authority.client(&["http/1.1"], rustls::ALL_VERSIONS), self.gateway).await.unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        Handle::current().spawn(connection);
        let (host, origin) = (self.gateway.to_string(), format!("https://{}", self.gateway));
        let own = [("host", host.as_str()), ("origin", &origin), ("content-type", "application/json")];
        let request = request(method, target, &[&own, headers].concat(), body);
        answer(soon(sender.send_request(request)).await.unwrap()).await
    }

    /// Users, clients, secrets and keys by the admin API and by commands; the credentials of a service.
    async fn administer(&mut self) -> String {
        let admin = self.command(&["token", "admin", "--name", "ada"], "")[0]["token"].as_str().unwrap().to_owned();
        self.secrets.add("an administrator's token", &admin);
        let bearer = format!("Bearer {admin}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let alice = json!({ "name": "alice", "password": PASSWORD, "scopes": "openid profile orders:read" });
        let made = self.identity(Method::POST, &format!("{ADMIN}/users"), &headers, &alice.to_string()).await;
        assert_eq!(made.code(), 201, "{}", made.text());
        let password = format!("{}/password", made.header("location").unwrap());
        let set = json!({ "password": PASSWORD }).to_string();
        assert!(self.identity(Method::PUT, &password, &headers, &set).await.status.is_success());
        let registration = json!({
            "name": "Orders", "auth": "client_secret_basic",
            "grants": ["client_credentials", "urn:ietf:params:oauth:grant-type:token-exchange"],
            "redirect_uris": [], "post_logout_redirect_uris": [], "scopes": "orders:read", "audiences": ["orders"],
            "pkce": "required", "tokens": "jwt", "consent": "implied", "capabilities": ["introspect"],
        });
        let service = json!({ "id": "orders", "registration": registration }).to_string();
        let made = self.identity(Method::POST, &format!("{ADMIN}/clients"), &headers, &service).await;
        assert_eq!(made.code(), 201, "{}", made.text());
        self.secrets.add_of(&made, "secret");
        let seen = [&headers[..], &[("if-match", "*")]].concat();
        let rotated = self.identity(Method::POST, &format!("{ADMIN}/clients/orders/secrets"), &seen, "").await;
        let secret = self.secrets.add_of(&rotated, "secret");
        let rotate = json!({ "takeover": "at_once" }).to_string();
        let key = self.identity(Method::POST, &format!("{ADMIN}/keys"), &headers, &rotate).await;
        assert!(key.status.is_success(), "{}", key.text());
        // What is refused names its place, not what stood there.
        let weak = json!({ "name": "eve", "password": PASSWORD, "passwort": PASSWORD }).to_string();
        assert_eq!(self.identity(Method::POST, &format!("{ADMIN}/users"), &headers, &weak).await.code(), 400);
        self.secrets.basic("orders", &secret)
    }

    /// The same by commands and by a declared house.
    fn declare(&mut self) {
        let redirect = ["--redirect-uri", "http://127.0.0.1/callback", "--audience", "orders"];
        let public = ["client", "create", "public", "--kind", "public", "--scopes", "openid profile orders:read"];
        self.command(&[&public[..], &redirect].concat(), "");
        self.command(&["user", "create", "carol"], PASSWORD);
        self.command(&["user", "set-password", "carol"], NEW_PASSWORD);
        for args in [&["client", "create", "web", "--kind", "web"][..], &["client", "rotate-secret", "web"]] {
            let more = if args.contains(&"create") { &redirect[..] } else { &[] };
            let told = self.command(&[args, more].concat(), "");
            self.secrets.add("a client's secret", told[0]["secret"].as_str().unwrap());
        }
        let house = "realms:\n  main:\n    users:\n      dave: { password: { env: DAVE } }\n      erin: {}\n    clients:\n      \
             robot: { auth: client_secret_basic, grants: [client_credentials], scopes: orders:read, audiences: [orders] }\n";
        let file = self.dir.path().join("house.yaml");
        std::fs::write(&file, house).unwrap();
        let told = self.command_in_words(&["apply", file.to_str().unwrap(), "--yes"], "");
        assert!(told.contains("changes made: 3"), "{told}");
        for made in ["password: ", "secret: "] {
            let value = told.rsplit_once(made).unwrap_or_else(|| panic!("no {made} in {told}")).1;
            self.secrets.add("what apply made", value.split_whitespace().next().unwrap());
        }
        self.command(&["key", "rotate"], "");
        let issue = ["token", "issue", "--client", "orders", "--audience", "orders", "--scope", "orders:read"];
        let issued = self.command(&issue, "");
        self.secrets.add("a token by hand", issued[0]["token"].as_str().unwrap());
    }

    /// Signing in through the gateway, by each mount and each way of keeping what it gives.
    async fn at_the_gateway(&mut self) {
        let wrong = json!({ "username": "alice", "password": WRONG_PASSWORD }).to_string();
        let right = json!({ "username": "alice", "password": PASSWORD }).to_string();
        for (mount, path) in [("/auth", "/opaque/x"), ("/jwt/auth", "/jwt/x")] {
            let login = format!("{mount}/login");
            assert_eq!(self.gateway(Method::POST, &login, &[], &wrong).await.code(), 401);
            // Cut off in the middle of the password, and a member that nobody knows.
            for broken in [&right[..right.len() - 3], &format!("{{\"password\":\"x\",\"pass\":{}", &right[1..])] {
                assert_eq!(self.gateway(Method::POST, &login, &[], broken).await.code(), 400, "{broken}");
            }
            let by_body = self.gateway(Method::POST, &format!("{login}?delivery=body"), &[], &right).await;
            let token = self.secrets.add_of(&by_body, "access_token");
            let bearer = format!("Bearer {token}");
            assert_eq!(self.gateway(Method::GET, path, &[("authorization", &bearer)], "").await.code(), 200);
            self.secrets.add("what the upstream was sent", &self.spy.last().bearer());
            let by_cookie = self.gateway(Method::POST, &login, &[], &right).await;
            let cookie = self.secrets.add_cookies(&by_cookie).join("; ");
            assert_eq!(self.gateway(Method::GET, path, &[("cookie", &cookie)], "").await.code(), 200);
            let session = self.gateway(Method::GET, &format!("{mount}/session"), &[("cookie", &cookie)], "").await;
            assert_eq!(session.code(), 200, "{}", session.text());
            let renewed = self.gateway(Method::POST, &format!("{mount}/refresh"), &[("cookie", &cookie)], "").await;
            self.secrets.add_cookies(&renewed);
            // Spoilt, twice, and in places where none is taken.
            let spoilt = format!("{bearer}x");
            for headers in
                [&[("authorization", spoilt.as_str())][..], &[("authorization", &bearer), ("cookie", &cookie)]]
            {
                let refused = self.gateway(Method::GET, path, headers, "").await;
                assert!(matches!(refused.code(), 400 | 401), "{}", refused.text());
            }
            let query = self.gateway(Method::GET, &format!("{path}?access_token={token}"), &[], "").await;
            assert_eq!(query.code(), 401, "{}", query.text());
            for headers in [("authorization", bearer.as_str()), ("cookie", &cookie)] {
                assert_eq!(self.gateway(Method::POST, &format!("{mount}/logout"), &[headers], "").await.code(), 204);
            }
            let dead = self.gateway(Method::GET, "/opaque/x", &[("authorization", &bearer)], "").await;
            assert_eq!(dead.code(), 401, "{}", dead.text());
        }
    }

    /// A page of identity in the one browser, redirects followed.
    async fn page(&mut self, target: &str) -> Answer {
        let page = self.identity(Method::GET, target, &[("cookie", &self.cookies.join("; "))], "").await;
        self.followed(page).await
    }

    async fn submit(&mut self, page: &Answer, filled_in: &[(&str, &str)]) -> Answer {
        let html = page.text();
        let action = unescaped(&attribute(&html, "<form", "action").unwrap_or_else(|| panic!("no form: {html}")));
        let hidden = hidden_fields(&html);
        for (_, token) in hidden.iter().filter(|(name, _)| name == "token") {
            self.secrets.add("a form's token", token);
        }
        let hidden = hidden.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let fields: Vec<(&str, &str)> = hidden.chain(filled_in.iter().copied()).collect();
        let cookies = self.cookies.join("; ");
        let headers = [("origin", PUBLIC), ("cookie", &cookies), ("content-type", FORM)];
        let answer = self.identity(Method::POST, &action, &headers, &form(&fields)).await;
        self.followed(answer).await
    }

    async fn followed(&mut self, mut answer: Answer) -> Answer {
        loop {
            for pair in self.secrets.add_cookies(&answer) {
                let name = format!("{}=", pair.split('=').next().unwrap());
                self.cookies.retain(|kept| !kept.starts_with(&name));
                self.cookies.push(pair);
            }
            let Some(target) = answer.header("location").and_then(|location| location.strip_prefix(PUBLIC)) else {
                return answer;
            };
            let target = target.to_owned();
            answer = self.identity(Method::GET, &target, &[("cookie", &self.cookies.join("; "))], "").await;
        }
    }

    /// Signing in at identity's own page, and everything that an application does with what it gets.
    async fn at_identity(&mut self, service: &str) {
        let challenge = URL_SAFE_NO_PAD.encode(Digest::of(VERIFIER.as_bytes()).0);
        let query = form(&[
            ("response_type", "code"),
            ("client_id", "public"),
            ("redirect_uri", "http://127.0.0.1/callback"),
            ("scope", "openid profile orders:read"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let page = self.page(&format!("/realms/main/oauth2/authorize?{query}")).await;
        let wrong = self.submit(&page, &[("username", "alice"), ("password", WRONG_PASSWORD)]).await;
        assert_eq!(wrong.code(), 401, "{}", wrong.text());
        let back = self.submit(&page, &[("username", "alice"), ("password", PASSWORD)]).await;
        let back: url::Url = back.header("location").unwrap_or_else(|| panic!("{}", back.text())).parse().unwrap();
        let code = back.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        self.secrets.add("a code", &code);
        let redeem = |verifier| {
            let fixed = [("grant_type", "authorization_code"), ("client_id", "public")];
            let own = [("code", code.as_str()), ("code_verifier", verifier)];
            [&fixed[..], &own, &[("redirect_uri", "http://127.0.0.1/callback")]].concat()
        };
        let tokens = self.token(&[], &redeem(VERIFIER)).await;
        let [access, id_token, first] =
            ["access_token", "id_token", "refresh_token"].map(|member| self.secrets.add_of(&tokens, member));
        let fields = |token| [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", token)];
        let renewed = self.token(&[], &fields(&first)).await;
        self.secrets.add_of(&renewed, "access_token");
        self.secrets.add_of(&renewed, "refresh_token");

        let userinfo = "/realms/main/oauth2/userinfo";
        let bearer = format!("Bearer {access}");
        let told = self.identity(Method::GET, userinfo, &[("authorization", &bearer)], "").await;
        assert_eq!(told.code(), 200, "{}", told.text());
        let spoilt = self.identity(Method::GET, userinfo, &[("authorization", &format!("{bearer}x"))], "").await;
        assert_eq!(spoilt.code(), 401);
        let headers = [("authorization", service), ("content-type", FORM)];
        let introspect = form(&[("token", &access)]);
        let told = self.identity(Method::POST, "/realms/main/oauth2/introspect", &headers, &introspect).await;
        assert_eq!(told.json()["active"], true, "{}", told.text());
        let exchange = [("grant_type", EXCHANGE), ("subject_token", access.as_str()), ("subject_token_type", JWT)];
        let exchanged = self.token(&headers[..1], &exchange).await;
        self.secrets.add_of(&exchanged, "access_token");
        let own = self.token(&headers[..1], &[("grant_type", "client_credentials")]).await;
        self.secrets.add_of(&own, "access_token");
        let guessed = self.secrets.basic("orders", "sekcs_a-guess-that-is-long-enough");
        let refused = self.token(&[("authorization", &guessed)], &[("grant_type", "client_credentials")]).await;
        assert_eq!(refused.code(), 401, "{}", refused.text());
        let both = [("grant_type", "client_credentials"), ("client_secret", WRONG_PASSWORD), ("client_id", "orders")];
        assert!(self.token(&headers[..1], &both).await.status.is_client_error());

        let form_page = self.page("/realms/main/account/password").await;
        for (new, again) in [(NEW_PASSWORD, WRONG_PASSWORD), (NEW_PASSWORD, NEW_PASSWORD)] {
            self.submit(&form_page, &[("current", PASSWORD), ("new", new), ("again", again)]).await;
        }
        // A code that is redeemed again ends what it gave, and a verifier that is none is refused before.
        assert_eq!(self.token(&[], &redeem(WRONG_PASSWORD)).await.code(), 400);
        assert_eq!(self.token(&[], &redeem(VERIFIER)).await.code(), 400);
        let revoke = form(&[("token", &first), ("client_id", "public")]);
        let revoked = self.identity(Method::POST, "/realms/main/oauth2/revoke", &headers[1..], &revoke).await;
        assert_eq!(revoked.code(), 200, "{}", revoked.text());
        let out = self.page(&format!("/realms/main/oauth2/logout?id_token_hint={id_token}")).await;
        assert!(out.status.is_success() || out.status.is_redirection(), "{}", out.text());
    }

    /// Ends the server, and does what commands do without one; then everything that was written.
    async fn end(mut self) -> (Vec<(&'static str, String)>, Secrets) {
        let mut numbers = String::new();
        for path in ["/metrics", "/state", "/readyz"] {
            numbers += &self.operations.get(path).send().await.text();
        }
        terminate(&self.server.0);
        assert!(self.server.0.wait().unwrap().success());
        self.command(&["user", "set-password", "alice"], PASSWORD);
        let rotated = self.command(&["client", "rotate-secret", "orders"], "");
        self.secrets.add("a client's secret", rotated[0]["secret"].as_str().unwrap());
        let issue = ["token", "issue", "--client", "orders", "--audience", "orders", "--scope", "orders:read"];
        let issued = self.command(&issue, "");
        self.secrets.add("a token by hand", issued[0]["token"].as_str().unwrap());
        for file in [self.dir.path().join("key.pem"), self.dir.path().join("data/kek")] {
            let text = std::fs::read_to_string(&file).unwrap();
            let line = text.lines().find(|line| !line.starts_with('-')).unwrap().trim();
            self.secrets.add("a key's file", line);
        }
        self.reading.join().unwrap();
        let audit = every_file(&self.dir.path().join("data/audit"));
        let spans = self.collector.text();
        (vec![("log", self.log.text()), ("audit", audit), ("numbers", numbers), ("spans", spans)], self.secrets)
    }
}

fn talkative(dir: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sekisho"));
    command.args(["--log-format", "json"]).args(args).arg("--config").arg(dir.join("sekisho.yaml"));
    command.env("SEKISHO_LOG", "trace").env("DAVE", PASSWORD).stderr(Stdio::piped());
    command
}

fn config(dir: &Path, files: &Files, collector: &Collector, spy: &Spy) -> String {
    let tls = json!({ "certificate": files.certificate, "key": files.key });
    let route = |name: &str| {
        let path = format!("/{name}");
        json!({ "name": name, "match": { "path": path }, "upstream": spy.url(), "guard": name, "audience": ["orders"] })
    };
    // JSON is YAML.
    let config = json!({
        "data": dir.join("data"),
        "operations": { "listen": "127.0.0.1:0" },
        "traces": { "endpoint": format!("http://{}", collector.addr()), "sample": 1.0 },
        "identity": { "listen": "127.0.0.1:0", "public_url": PUBLIC, "tls": tls },
        "gateway": {
            "listen": "127.0.0.1:0",
            "tls": tls,
            "login": [{ "prefix": "/auth", "issues": "opaque" }, { "prefix": "/jwt/auth", "issues": "jwt" }],
            "routes": [route("opaque"), route("jwt")],
        },
    });
    config.to_string()
}

fn request(method: Method, target: &str, headers: &[(&str, &str)], body: &str) -> Request<Full<Bytes>> {
    let request = Request::builder().method(method).uri(target);
    let request = headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(Full::from(body.to_owned())).unwrap()
}

fn form(fields: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

fn every_file(dir: &Path) -> String {
    let mut files: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn at_its_most_talkative_no_secret_is_in_the_log_the_audit_the_numbers_or_the_spans() {
    let mut story = Story::start().await;
    let service = story.administer().await;
    story.declare();
    story.at_the_gateway().await;
    story.at_identity(&service).await;
    let (places, secrets) = story.end().await;
    let log = &places[0].1;
    for library in ["\"target\":\"h2::", "\"target\":\"sekisho_identity", "\"level\":\"TRACE\""] {
        assert!(log.contains(library), "{library} says nothing: this proves less than it should");
    }
    assert!(secrets.0.len() > 45, "{}", secrets.0.len());
    for (place, text) in &places {
        assert!(text.len() > 100, "nothing was written to the {place}");
        assert_eq!(secrets.found_in(text), Vec::<&str>::new(), "stand in the {place}");
        assert!(!text.contains("$argon2") && !text.contains("PRIVATE KEY"), "{place}");
    }
}

#[test]
fn a_secret_is_found_in_whatever_shape_it_was_written() {
    let mut secrets = Secrets::default();
    secrets.add("a password", PASSWORD);
    let bytes = PASSWORD.as_bytes();
    for written in [
        PASSWORD.to_owned(),
        format!("{PASSWORD:?}"),
        json!({ "message": format!("{PASSWORD:?}") }).to_string(),
        format!("{:?}", Bytes::copy_from_slice(bytes)),
        json!({ "message": format!("{:?}", Bytes::copy_from_slice(bytes)) }).to_string(),
        form(&[("password", PASSWORD)]),
        format!("{bytes:?}"),
        STANDARD.encode(bytes),
    ] {
        assert_eq!(secrets.found_in(&format!("before {written} after")), ["a password"], "{written}");
    }
    assert_eq!(secrets.found_in(WRONG_PASSWORD), Vec::<&str>::new());
}
