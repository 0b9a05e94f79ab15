//! The main story once against the real binary: `sekisho demo`, followed from outside, by what demo.json says.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Client;

/// A running `sekisho demo`.
pub(crate) struct Demo {
    child: Child,
    pub(crate) manifest: Value,
    dir: tempfile::TempDir,
}

// === impl Demo ===

impl Demo {
    fn start() -> Self {
        Self::start_with(&[])
    }

    pub(crate) fn start_with(more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let child = Command::new(env!("CARGO_BIN_EXE_sekisho"))
            .args(["demo", "--gateway-port", "0", "--identity-port", "0", "--operations-port", "0"])
            .args(more)
            .arg("--data")
            .arg(dir.path())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let mut demo = Self { child, manifest: Value::Null, dir };
        demo.manifest = wait_for(&demo.dir.path().join("demo.json"));
        demo
    }

    fn client(&self, key: &str) -> Client {
        let url = self.manifest[key].as_str().unwrap_or_else(|| panic!("{key} in demo.json"));
        let authority = url.strip_prefix("http://").unwrap().split('/').next().unwrap();
        Client::of(authority.replace("localhost", "127.0.0.1").parse().unwrap())
    }

    pub(crate) fn password(&self, name: &str) -> &str {
        let users = self.manifest["users"].as_array().unwrap();
        users.iter().find(|user| user["name"] == name).unwrap()["password"].as_str().unwrap()
    }

    fn sekisho(&self, args: &[&str]) -> String {
        let output =
            Command::new(env!("CARGO_BIN_EXE_sekisho")).args(args).arg("--data").arg(self.dir.path()).output().unwrap();
        assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// SIGTERM, and what it answers.
    pub(crate) fn stop(mut self) -> Option<i32> {
        terminate(&self.child);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Demo {
    /// A story that failed leaves nothing running.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A process of a story: one that failed leaves nothing running.
pub(crate) struct Running(pub(crate) Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sends SIGTERM.
pub(crate) fn terminate(child: &Child) {
    Command::new("kill").args(["-TERM", &child.id().to_string()]).status().unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the binary runs on real time, so waiting for it does too")]
pub(crate) fn wait_for(path: &Path) -> Value {
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(60) {
        if let Ok(text) = std::fs::read_to_string(path) {
            return serde_json::from_str(&text).unwrap();
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("{} did not appear", path.display());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_main_story_log_in_call_log_out_and_be_refused_and_have_it_explained() {
    let demo = Demo::start();
    let gateway = demo.client("gateway");

    let login = gateway.post("/auth/login").json(&json!({"username": "alice", "password": demo.password("alice")}));
    let login = login.send().await;
    assert_eq!(login.code(), 200, "{}", login.text());
    let opaque = login.set_cookie("sekisho-main-opaque").expect("a cookie");
    let cookie = format!("sekisho-main-opaque={opaque}");

    let order = gateway.get("/opaque/orders/1").header("cookie", &cookie).send().await;
    assert_eq!(order.code(), 200, "{}", order.text());
    assert!(order.text().contains("stock"), "orders asked stock: {}", order.text());
    assert!(!gateway.received().contains("eyJ"), "no JWT reached the client");

    let origin = demo.manifest["gateway"].as_str().unwrap();
    let logout = gateway.post("/auth/logout").header("cookie", &cookie).header("origin", origin).send().await;
    assert_eq!(logout.code(), 204, "{}", logout.text());
    let refused = gateway.get("/opaque/orders/1").header("cookie", &cookie).send().await;
    assert_eq!(refused.code(), 401, "{}", refused.text());

    let id = refused.json()["id"].as_str().unwrap().to_owned();
    let words = demo.sekisho(&["explain", &id]);
    assert!(words.contains(&refused.reason()), "{words}");
    assert_eq!(demo.stop(), Some(0), "SIGTERM drains and ends well");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_demo_json_answers_as_it_says() {
    let demo = Demo::start();
    let gateway = demo.client("gateway");
    let logins = demo.manifest["login"].as_array().unwrap();
    for route in demo.manifest["routes"].as_array().unwrap() {
        let url = route["url"].as_str().unwrap();
        let path = url.strip_prefix(demo.manifest["gateway"].as_str().unwrap()).unwrap();
        let method: http::Method = route["method"].as_str().unwrap().parse().unwrap();
        for who in ["anonymous", "alice", "carol"] {
            let mut ask = gateway.ask(method.clone(), path);
            let guard = route["guard"].as_str().unwrap();
            if who != "anonymous" && guard != "open" {
                let issues = if guard == "opaque" { "opaque" } else { "jwt" };
                let mount = logins.iter().find(|mount| mount["issues"] == issues).unwrap();
                let target = format!("{}/login?delivery=body", mount["prefix"].as_str().unwrap());
                let body = json!({"username": who, "password": demo.password(who)});
                let token = gateway.post(&target).json(&body).send().await;
                ask = ask.bearer(token.json()["access_token"].as_str().unwrap());
            }
            let answer = ask.send().await;
            assert_eq!(route["expect"][who], answer.code(), "{} as {who}: {}", route["name"], answer.text());
        }
    }
    assert_eq!(demo.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_jwt_under_the_feed_ends_with_logout_and_everything_of_a_person_by_a_command_beside_the_server() {
    let demo = Demo::start();
    let gateway = demo.client("gateway");
    let login = async |mount: &str| {
        let body = json!({"username": "alice", "password": demo.password("alice")});
        let answer = gateway.post(&format!("{mount}/login?delivery=body")).json(&body).send().await;
        answer.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
    };
    let code = async |path: &str, token: &str| gateway.get(path).bearer(token).send().await.code();
    let jwt = login("/jwt/auth").await;
    assert_eq!(code("/jwt-feed/orders/1", &jwt).await, 200);
    assert_eq!(gateway.post("/jwt/auth/logout").bearer(&jwt).send().await.code(), 204);
    assert_eq!(code("/jwt-feed/orders/1", &jwt).await, 401, "in force on the very next request");
    assert_eq!(code("/jwt/orders/1", &jwt).await, 200, "and without the feed it lives to its end");

    let (opaque, jwt) = (login("/auth").await, login("/jwt/auth").await);
    assert_eq!((code("/opaque/orders/1", &opaque).await, code("/jwt-feed/orders/1", &jwt).await), (200, 200));
    let listed = demo.sekisho(&["user", "sessions", "alice"]);
    assert_eq!(listed.lines().count(), 2, "{listed}");
    demo.sekisho(&["user", "sign-out", "alice"]);
    assert_eq!((code("/opaque/orders/1", &opaque).await, code("/jwt-feed/orders/1", &jwt).await), (401, 401));
    assert_eq!(demo.stop(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_done_by_commands_beside_a_running_server_is_in_force_with_the_next_request() {
    let demo = Demo::start();
    let (gateway, identity) = (demo.client("gateway"), demo.client("issuer"));
    let made = demo.sekisho(&["client", "create", "probe", "--kind", "machine", "--audience", "orders", "--json"]);
    let made: Value = serde_json::from_str(&made).unwrap();
    let secret = made[0]["secret"].as_str().unwrap_or_else(|| panic!("{made}"));
    let token = || {
        let fields = [("grant_type", "client_credentials")];
        identity.post("/realms/main/oauth2/token").basic("probe", secret).form(&fields).send()
    };
    assert_eq!(token().await.code(), 200);
    demo.sekisho(&["client", "disable", "probe"]);
    assert_eq!(token().await.code(), 401);

    let users: Value = serde_json::from_str(&demo.sekisho(&["user", "list", "--json"])).unwrap();
    let alice = users.as_array().unwrap().iter().find(|user| user["user"] == "alice").unwrap();
    let alice = alice["id"].as_str().unwrap();
    let issue = ["token", "issue", "--client", "orders", "--audience", "orders", "--audience", "stock"];
    let told = demo.sekisho(&[&issue[..], &["--subject", alice, "--scope", "orders:read stock:read"]].concat());
    let jwt = told.trim().strip_prefix("token: ").unwrap();
    let call = || gateway.get("/jwt-feed/orders/1").bearer(jwt).send();
    assert_eq!(call().await.code(), 200, "{}", call().await.text());
    demo.sekisho(&["user", "disable", "alice"]);
    assert_eq!(call().await.code(), 401);

    let published = async || {
        let keys = identity.get("/realms/main/oauth2/jwks").send().await.json();
        keys["keys"].as_array().unwrap().len()
    };
    let before = published().await;
    demo.sekisho(&["key", "rotate"]);
    assert_eq!(published().await, before + 1);
    assert_eq!(demo.stop(), Some(0));
}
