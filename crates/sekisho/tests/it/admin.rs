//! The admin API as an administrator meets it: who comes in, what is in force at once, what two administrators do to each
//! other, where lists end, and that the OpenAPI document tells the truth.

use std::time::Duration;

use http::Method;
use sekisho_identity::admin::HandMade;
use sekisho_wire::RealmName;
use sekisho_wire::cut::State;
use serde_json::{Value, json};

use crate::client::{Answer, Ask};
use crate::oauth::{PublicFlow, refresh};
use crate::rig::Rig;
use crate::schema;

const USERS: &str = "/admin/v1/realms/main/users";
const CLIENTS: &str = "/admin/v1/realms/main/clients";

fn system() -> RealmName {
    RealmName::SYSTEM.parse().unwrap()
}

/// A token for the admin API, made by hand as `sekisho token admin` does.
pub(crate) async fn token(rig: &Rig, scope: &str) -> String {
    token_for(rig, scope, "sekisho-admin").await
}

async fn token_for(rig: &Rig, scope: &str, audience: &str) -> String {
    let wanted = HandMade {
        client: "command-line".parse().unwrap(),
        subject: Some("ada".parse().unwrap()),
        scope: scope.parse().unwrap(),
        audiences: vec![audience.to_owned()],
        ttl_s: 300,
    };
    rig.admin().issue_token(&system(), wanted).await.unwrap().expose().clone()
}

/// An administrator at work.
struct Desk<'a> {
    rig: &'a Rig,
    token: String,
}

impl<'a> Desk<'a> {
    async fn of(rig: &'a Rig) -> Self {
        Self { rig, token: token(rig, "admin:read admin:write").await }
    }

    fn ask(&self, method: Method, path: &str) -> Ask {
        self.rig.identity.ask(method, path).bearer(&self.token)
    }

    async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).send().await
    }

    #[track_caller]
    fn user_path(&self, name: &str) -> String {
        format!("{USERS}/{}", self.rig.user(name).id)
    }

    /// Every item of a list, page after page, and how many pages there were.
    async fn all(&self, path: &str, limit: usize) -> (Vec<Value>, usize) {
        let (mut items, mut pages) = (Vec::new(), 0);
        let mut target = Some(format!("{path}?limit={limit}"));
        while let Some(at) = target {
            let answer = self.get(&at).await;
            assert_eq!(answer.code(), 200, "{}", answer.text());
            let page = answer.json();
            items.extend(page["items"].as_array().unwrap().clone());
            pages += 1;
            let link = answer.header("link").map(|link| link.split(['<', '>']).nth(1).unwrap().to_owned());
            assert_eq!(link.is_some(), page.get("next").is_some(), "both say that there is more, or neither");
            target = link;
        }
        (items, pages)
    }
}

fn names(items: &[Value]) -> Vec<&str> {
    items.iter().map(|item| item["name"].as_str().unwrap()).collect()
}

fn problem(answer: &Answer, code: u16) -> Value {
    assert_eq!(answer.code(), code, "{}", answer.text());
    assert_eq!(answer.header("content-type"), Some("application/problem+json"));
    let told = answer.json();
    assert_eq!(told["status"], code);
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_is_401_too_little_of_one_403_and_a_silent_database_503() {
    let rig = Rig::start().await;
    let ask = |token: &str| rig.identity.get(USERS).bearer(token);
    let nobody = rig.identity.get(USERS).send().await;
    assert_eq!(problem(&nobody, 401)["reason"], "no_credential");
    assert_eq!(nobody.header("www-authenticate"), Some("Bearer"));
    let foreign = rig.login_jwt("alice").await;
    let twice = ask(&foreign).bearer(&foreign).send().await;
    assert_eq!(problem(&twice, 401)["reason"], "malformed_credential");
    assert_eq!(problem(&ask(&foreign).send().await, 401)["reason"], "unknown_key", "main's tokens are not for here");
    let elsewhere = token_for(&rig, "admin:read", "orders").await;
    assert_eq!(problem(&ask(&elsewhere).send().await, 401)["reason"], "wrong_audience");

    let reader = token(&rig, "admin:read").await;
    assert_eq!(ask(&reader).send().await.code(), 200);
    let refused = rig.identity.post(USERS).bearer(&reader).json(&json!({"name": "eve", "password": "long enough"}));
    let refused = refused.send().await;
    assert_eq!(problem(&refused, 403)["reason"], "insufficient_scope");
    let challenge = refused.header("www-authenticate").unwrap();
    assert!(challenge.contains("insufficient_scope") && challenge.contains("admin:write"), "{challenge}");
    let id = refused.json()["id"].as_str().unwrap().to_owned();
    assert_eq!(rig.audit.lines_of_refusal(&id)[0]["subject"], "ada", "and it is in the audit");

    rig.switches.store.set(State::Severed);
    let silent = rig.while_time_passes(ask(&reader).send()).await;
    problem(&silent, 503);
    assert!(silent.header("retry-after").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_administrator_who_is_cut_off_is_refused_on_the_very_next_request() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    assert_eq!(desk.get(USERS).await.code(), 200);
    rig.admin().disable_client(&system(), &"command-line".parse().unwrap()).await.unwrap();
    assert_eq!(problem(&desk.get(USERS).await, 401)["reason"], "client_revoked");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_tokens_for_the_admin_api_by_client_credentials() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let clients = "/admin/v1/realms/sekisho/clients";
    let registration = json!({
        "name": "Robot", "auth": "client_secret_basic", "grants": ["client_credentials"], "redirect_uris": [],
        "post_logout_redirect_uris": [], "scopes": "admin:read", "audiences": ["sekisho-admin"], "pkce": "required",
        "tokens": "jwt", "consent": "implied", "capabilities": [],
    });
    let body = json!({ "id": "robot", "registration": registration });
    let made = desk.ask(Method::POST, clients).json(&body).send().await;
    assert_eq!((made.code(), made.header("location")), (201, Some("/admin/v1/realms/sekisho/clients/robot")));
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let ask = rig.identity.post("/realms/sekisho/oauth2/token").basic("robot", &secret);
    let issued = ask.form(&[("grant_type", "client_credentials")]).send().await;
    let token = issued.json()["access_token"].as_str().unwrap_or_else(|| panic!("{}", issued.text())).to_owned();
    assert_eq!(rig.identity.get(USERS).bearer(&token).send().await.code(), 200);
    let listed = desk.get(&format!("{clients}/robot")).await.text();
    assert!(!listed.contains(&secret), "a secret is told once");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_the_one_who_saw_the_old_state_is_told_so() {
    let rig = Rig::start().await;
    let (desk, path) = (Desk::of(&rig).await, Desk::of(&rig).await.user_path("alice"));
    let seen = desk.get(&path).await;
    let tag = seen.header("etag").unwrap().to_owned();
    let put = |scopes: &str| desk.ask(Method::PUT, &path).json(&json!({ "scopes": scopes }));

    assert_eq!(problem(&put("orders:read").send().await, 428)["errors"][0]["header"], "If-Match");
    let first = put("orders:write").header("if-match", &tag).send().await;
    assert_eq!((first.code(), &first.json()["scopes"]), (200, &json!("orders:write")));
    assert_ne!(first.header("etag"), Some(tag.as_str()));
    problem(&put("stock:read").header("if-match", &tag).send().await, 412);
    problem(&desk.ask(Method::DELETE, &path).header("if-match", &tag).send().await, 412);
    problem(&put("x").header("if-match", "unquoted").send().await, 400);
    assert_eq!(desk.get(&path).await.json()["scopes"], "orders:write", "the later one changed nothing");
    let weak = format!("W/{}", first.header("etag").unwrap());
    problem(&put("x").header("if-match", &weak).send().await, 412);
    let new = first.header("etag").unwrap().to_owned();
    assert_eq!(put("stock:read").header("if-match", &format!("\"other\", {new}")).send().await.code(), 200);
    assert_eq!(put("orders:read").header("if-match", "*").send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_administrators_who_saw_the_same_one_wins() {
    let rig = Rig::start().await;
    let (desk, path) = (Desk::of(&rig).await, Desk::of(&rig).await.user_path("alice"));
    let tag = desk.get(&path).await.header("etag").unwrap().to_owned();
    let race = (0..50).map(|number| {
        let body = json!({ "scopes": format!("orders:read team-{number}") });
        desk.ask(Method::PUT, &path).json(&body).header("if-match", &tag).send()
    });
    let mut codes: Vec<u16> = futures_util::future::join_all(race).await.iter().map(Answer::code).collect();
    codes.sort_unstable();
    assert_eq!(codes[0], 200);
    assert!(codes[1..].iter().all(|code| *code == 412), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_never_silently_cut_and_what_stays_is_seen_once_while_others_come_and_go() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g";
    let make = async |name: String| {
        let made = desk.ask(Method::POST, USERS).json(&json!({ "name": name, "password_hash": hash })).send().await;
        assert_eq!(made.code(), 201, "{}", made.text());
        made.header("location").unwrap().to_owned()
    };
    for number in 0..120 {
        make(format!("user-{number:03}")).await;
    }
    let (all, pages) = desk.all(USERS, 25).await;
    assert_eq!((all.len(), pages), (123, 5));
    let (exact, pages) = desk.all(USERS, 123).await;
    assert_eq!((exact.len(), pages), (123, 1), "a page that is full and the last says so");

    let first = desk.get(&format!("{USERS}?limit=50")).await.json();
    // Before the cursor, after it, and one that the first page had is gone.
    make("aaron".to_owned()).await;
    make("user-0555".to_owned()).await;
    let gone = first["items"][10]["id"].as_str().unwrap();
    let removed = desk.ask(Method::DELETE, &format!("{USERS}/{gone}")).header("if-match", "*").send().await;
    assert_eq!(removed.code(), 204);
    let mut seen: Vec<String> = names(first["items"].as_array().unwrap()).into_iter().map(str::to_owned).collect();
    let mut next = first["next"].as_str().map(str::to_owned);
    while let Some(after) = next {
        let page = desk.get(&format!("{USERS}?limit=50&after={after}")).await.json();
        seen.extend(names(page["items"].as_array().unwrap()).into_iter().map(str::to_owned));
        next = page["next"].as_str().map(str::to_owned);
    }
    let expected: Vec<&str> = names(&all);
    let stayed: Vec<&String> = seen.iter().filter(|name| expected.contains(&name.as_str())).collect();
    assert_eq!(stayed.len(), expected.len(), "each that was there all the time, once, in its order");
    assert!(seen.windows(2).all(|pair| pair[0] < pair[1]) && seen.contains(&"user-0555".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_cursors_and_parameters_that_are_none_are_named() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    for (query, parameter) in [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=many", "limit"),
        ("limit=1&limit=2", "limit"),
        ("after=nonsense%21", "after"),
        ("name=", "name"),
    ] {
        let told = problem(&desk.get(&format!("{USERS}?{query}")).await, 400);
        assert_eq!(told["errors"][0]["parameter"], parameter, "{query}: {told}");
    }
    let unknown = problem(&desk.get(&format!("{USERS}?sort=name")).await, 400);
    assert!(unknown["detail"].as_str().unwrap().contains("expected one of `limit`, `after`, `name`"), "{unknown}");
    problem(&desk.get("/admin/v1/realms/nowhere/users").await, 404);
    assert_eq!(problem(&desk.get(&format!("{USERS}/alice")).await, 404)["errors"][0]["parameter"], "user");
    let found = desk.get(&format!("{USERS}?name=ALICE")).await.json();
    assert_eq!((found["items"].as_array().unwrap().len(), &found["items"][0]["name"]), (1, &json!("alice")));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_in_a_body_is_named_with_its_place_and_what_was_expected() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let post = async |path: &str, body: &str| {
        let ask = desk.ask(Method::POST, path).header("content-type", "application/json");
        ask.body(body.as_bytes().to_vec()).send().await
    };
    let told = problem(&post(USERS, "{\n  \"name\": 3\n}").await, 400);
    assert_eq!((&told["errors"][0]["pointer"], &told["errors"][0]["line"]), (&json!("/name"), &json!(2)), "{told}");
    let told = problem(&post(USERS, r#"{"name": "eve", "pasword": "x"}"#).await, 400);
    assert!(told["detail"].as_str().unwrap().contains("expected one of"), "{told}");
    let told = problem(&post(USERS, r#"{"name": "eve", "password": "short"}"#).await, 422);
    assert_eq!(told["errors"][0]["pointer"], "/password");
    let told = problem(&post(USERS, r#"{"name": " eve", "password": "long enough"}"#).await, 422);
    assert_eq!(told["errors"][0]["pointer"], "/name");
    let put = async |body: &str| {
        let ask = desk.ask(Method::PUT, &desk.user_path("carol")).header("content-type", "application/json");
        ask.header("if-match", "*").body(body.as_bytes().to_vec()).send().await
    };
    for (member, text) in [
        ("display_name", r"E\u0000ve"),
        ("display_name", ""),
        ("display_name", &"x".repeat(201)),
        ("email", r"eve\u0000@example.org"),
        ("email", "eve"),
        ("email", &format!("{}@example.org", "e".repeat(250))),
    ] {
        let said = format!(r#""{member}": "{text}""#);
        let made = post(USERS, &format!(r#"{{"name": "eve", "password": "long enough", {said}}}"#)).await;
        for answer in [made, put(&format!("{{{said}}}")).await] {
            let told = problem(&answer, 422);
            assert_eq!(told["errors"][0]["pointer"], format!("/{member}"), "{told}");
            assert!(told["detail"].as_str().unwrap().contains("expected"), "{told}");
        }
    }
    problem(&post(USERS, r#"{"name": "eve", "password": "long enough"} trailing"#).await, 400);
    problem(&post(USERS, r#"{"name": "alice", "password": "long enough"}"#).await, 409);
    problem(&post(USERS, &"x".repeat(100_000)).await, 413);
    let form = desk.ask(Method::POST, USERS).form(&[("name", "eve")]).send().await;
    problem(&form, 415);
    let registration = json!({
        "name": "Bad", "auth": "none", "grants": ["authorization_code"], "redirect_uris": ["http://evil.example/"],
        "post_logout_redirect_uris": [], "scopes": "openid", "audiences": ["orders"], "pkce": "required",
        "tokens": "jwt", "consent": "implied", "capabilities": [],
    });
    let told = problem(&post(CLIENTS, &json!({"id": "bad", "registration": registration}).to_string()).await, 422);
    assert_eq!(told["errors"][0]["pointer"], "/registration/redirect_uris", "{told}");
    for (member, value) in [("name", json!("B\0ad")), ("audiences", json!(["ord\0ers"]))] {
        let mut registration = registration.clone();
        registration[member] = value;
        let told = problem(&post(CLIENTS, &json!({"id": "bad", "registration": registration}).to_string()).await, 422);
        assert_eq!(told["errors"][0]["pointer"], format!("/registration/{member}"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn removing_or_disabling_somebody_is_in_force_at_once_and_says_who_did_it() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let code = async |path: &str, token: &str| rig.gateway.get(path).bearer(token).send().await.code();
    let tokens = async |name: &str| (rig.login(name).await, rig.login_jwt(name).await);
    let (opaque, jwt) = tokens("alice").await;
    assert_eq!((code("/opaque/x", &opaque).await, code("/jwt-feed/x", &jwt).await), (200, 200));
    let removed = desk.ask(Method::DELETE, &desk.user_path("alice")).header("if-match", "*").send().await;
    assert_eq!(removed.code(), 204, "{}", removed.text());
    assert_eq!((code("/opaque/x", &opaque).await, code("/jwt-feed/x", &jwt).await), (401, 401));
    problem(&desk.get(&desk.user_path("alice")).await, 404);

    let (opaque, jwt) = tokens("bob").await;
    assert_eq!((code("/opaque/x", &opaque).await, code("/jwt-feed/x", &jwt).await), (200, 200));
    let disabled = desk.ask(Method::POST, &format!("{}/disable", desk.user_path("bob"))).send().await;
    assert_eq!(disabled.code(), 204);
    assert_eq!((code("/opaque/x", &opaque).await, code("/jwt-feed/x", &jwt).await), (401, 401));

    let lines = desk.get("/admin/v1/realms/main/audit?actor=ada").await.json();
    let lines: Vec<_> = lines["items"].as_array().unwrap().iter().map(|line| (&line["event"], &line["by"])).collect();
    let ada = json!("ada");
    assert_eq!(lines, [(&json!("user_disabled"), &ada), (&json!("user_deleted"), &ada)], "newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_administrators_who_replace_a_secret_the_second_is_told_so() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let (id, used) = rig.machine();
    let path = format!("{CLIENTS}/{id}");
    let tag = desk.get(&path).await.header("etag").unwrap().to_owned();
    let add = || desk.ask(Method::POST, &format!("{path}/secrets"));
    assert_eq!(problem(&add().send().await, 428)["errors"][0]["header"], "If-Match");
    // Another second, so that the new secret's time is another.
    rig.advance(Duration::from_secs(1)).await;
    let new = add().header("if-match", &tag).send().await;
    assert_eq!(new.code(), 200, "{}", new.text());
    problem(&add().header("if-match", &tag).send().await, 412);
    for secret in [&used, new.json()["secret"].as_str().unwrap()] {
        let ask = rig.identity.post("/realms/main/oauth2/token").basic(&id, secret);
        assert_eq!(ask.form(&[("grant_type", "client_credentials")]).send().await.code(), 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scope_that_is_taken_from_a_user_is_gone_on_the_very_next_request() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let write = async |path: &str, token: &str| {
        let answer = rig.gateway.post(path).bearer(token).send().await;
        (answer.code(), if answer.code() == 200 { String::new() } else { answer.reason() })
    };
    let (opaque, jwt) = (rig.login("bob").await, rig.login_jwt("bob").await);
    assert_eq!((write("/opaque/x", &opaque).await.0, write("/jwt-feed/x", &jwt).await.0), (200, 200));
    let put = desk.ask(Method::PUT, &desk.user_path("bob")).header("if-match", "*");
    assert_eq!(put.json(&json!({ "scopes": "orders:read" })).send().await.code(), 200);
    assert_eq!(write("/jwt-feed/x", &jwt).await, (401, "subject_revoked".to_owned()));
    assert_eq!(write("/opaque/x", &opaque).await, (403, "insufficient_scope".to_owned()));
    assert_eq!(rig.gateway.get("/opaque/x").bearer(&opaque).send().await.code(), 200, "the sign-in goes on");
    assert_eq!(rig.orders.get("/orders/1").bearer(&jwt).send().await.code(), 401, "and so it is at a service");
    let new = rig.login_jwt("bob").await;
    assert_eq!(write("/jwt-feed/x", &new).await, (403, "insufficient_scope".to_owned()));
    assert_eq!(rig.introspect(&jwt).await, json!({ "active": false }));
    assert_eq!(rig.introspect(&new).await["scope"], "email openid orders:read profile");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_from_a_client_is_gone_on_the_very_next_request_in_the_administrators_realm_too() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let (id, secret) = rig.machine();
    let mint = async |realm: &str, id: &str, secret: &str| {
        let ask = rig.identity.post(&format!("/realms/{realm}/oauth2/token")).basic(id, secret);
        ask.form(&[("grant_type", "client_credentials")]).send().await.json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let narrow = async |path: &str, scopes: &str| {
        let mut registration = desk.get(path).await.json()["registration"].clone();
        registration["scopes"] = json!(scopes);
        let put = desk.ask(Method::PUT, path).header("if-match", "*").json(&registration).send().await;
        assert_eq!(put.code(), 200, "{}", put.text());
    };
    let post = async |token: &str| rig.gateway.post("/jwt-feed/x").bearer(token).send().await;
    let old = mint("main", &id, &secret).await;
    assert_eq!(post(&old).await.code(), 200);
    narrow(&format!("{CLIENTS}/{id}"), "orders:read").await;
    assert_eq!(post(&old).await.reason(), "client_revoked");
    let new = mint("main", &id, &secret).await;
    assert_eq!(post(&new).await.reason(), "insufficient_scope");
    assert_eq!(rig.gateway.get("/jwt-feed/x").bearer(&new).send().await.code(), 200);
    grants_go_on_without_what_was_taken(&rig, &desk).await;

    let robot = json!({
        "name": "Robot", "auth": "client_secret_basic", "grants": ["client_credentials"], "redirect_uris": [],
        "post_logout_redirect_uris": [], "scopes": "admin:read admin:write", "audiences": ["sekisho-admin"],
        "pkce": "required", "tokens": "jwt", "consent": "implied", "capabilities": [],
    });
    let clients = "/admin/v1/realms/sekisho/clients";
    let made = desk.ask(Method::POST, clients).json(&json!({ "id": "robot", "registration": robot })).send().await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let token = mint("sekisho", "robot", &secret).await;
    let disable = async |token: &str| {
        let path = format!("{}/disable", desk.user_path("carol"));
        rig.identity.post(&path).bearer(token).send().await
    };
    assert_eq!(disable(&token).await.code(), 204);
    narrow(&format!("{clients}/robot"), "admin:read").await;
    assert_eq!(problem(&disable(&token).await, 401)["reason"], "client_revoked");
    let token = mint("sekisho", "robot", &secret).await;
    assert_eq!(problem(&disable(&token).await, 403)["reason"], "insufficient_scope");
    assert_eq!(rig.identity.get(USERS).bearer(&token).send().await.code(), 200);
}

/// A refresh token and an opaque token of the client `public`, from which a service is taken, and then the grant of refresh.
async fn grants_go_on_without_what_was_taken(rig: &Rig, desk: &Desk<'_>) {
    let path = format!("{CLIENTS}/public");
    let take = async |change: Value| {
        let mut registration = desk.get(&path).await.json()["registration"].clone();
        registration.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let put = desk.ask(Method::PUT, &path).header("if-match", "*").json(&registration).send().await;
        assert_eq!(put.code(), 200, "{}", put.text());
    };
    let tokens = PublicFlow::sign_in(rig, "bob").await.redeem(rig).await.json();
    let refresh = async |refresh_token: &Value, kind: &str| {
        let kind = format!("urn:ietf:params:oauth:token-type:{kind}");
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", "public"),
            ("refresh_token", refresh_token.as_str().unwrap()),
            ("requested_token_type", &kind),
        ];
        rig.identity.post("/realms/main/oauth2/token").form(&form).send().await
    };
    let opaque = refresh(&tokens["refresh_token"], "access_token").await.json();
    let stock = async |token: &Value| rig.stock.get("/stock/1").bearer(token.as_str().unwrap()).send().await.code();
    assert_eq!(rig.introspect(opaque["access_token"].as_str().unwrap()).await["aud"], json!(["orders", "stock"]));
    take(json!({ "audiences": ["orders"] })).await;
    assert_eq!(rig.introspect(opaque["access_token"].as_str().unwrap()).await["aud"], json!(["orders"]));
    let renewed = refresh(&opaque["refresh_token"], "jwt").await;
    assert_eq!(renewed.code(), 200, "{}", renewed.text());
    let renewed = renewed.json();
    assert_eq!(stock(&renewed["access_token"]).await, 401, "no token for a service that was taken");
    take(json!({ "audiences": ["stock"] })).await;
    let renewed = refresh(&renewed["refresh_token"], "jwt").await.json();
    assert_eq!(rig.introspect(renewed["access_token"].as_str().unwrap()).await["aud"], json!(["stock"]));
    take(json!({ "audiences": ["somewhere-else"] })).await;
    assert_eq!(rig.introspect(opaque["access_token"].as_str().unwrap()).await, json!({ "active": false }));
    assert_eq!(refresh(&renewed["refresh_token"], "jwt").await.json()["error"], "invalid_target");
    // A request that could not be served has not used the refresh token up, also when its grace would be over.
    rig.advance(Duration::from_secs(30)).await;
    take(json!({ "audiences": ["orders", "stock"] })).await;
    let renewed = refresh(&renewed["refresh_token"], "jwt").await;
    assert_eq!(renewed.code(), 200, "{}", renewed.text());
    let renewed = renewed.json();
    take(json!({ "audiences": ["orders", "stock"], "grants": ["authorization_code"] })).await;
    assert_eq!(refresh(&renewed["refresh_token"], "jwt").await.json()["error"], "unauthorized_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_taken_while_tokens_are_minted_is_on_none_of_them_afterwards() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let path = format!("{CLIENTS}/public");
    let full = desk.get(&path).await.json()["registration"].clone();
    let put = async |scopes: &str| {
        let registration = json!({ "scopes": scopes });
        let mut whole = full.clone();
        whole.as_object_mut().unwrap().extend(registration.as_object().unwrap().clone());
        let put = desk.ask(Method::PUT, &path).header("if-match", "*").json(&whole).send().await;
        assert_eq!(put.code(), 200, "{}", put.text());
    };
    let tokens = PublicFlow::sign_in(&rig, "bob").await.redeem(&rig).await.json();
    let first = tokens["refresh_token"].as_str().unwrap();
    let mut with_the_scope = 0;
    for _ in 0..10 {
        put(full["scopes"].as_str().unwrap()).await;
        // Within the grace all of them are answered, in whatever order with the change they come.
        let minting = futures_util::future::join_all((0..20).map(|_| refresh(&rig, first)));
        let (minted, ()) = futures_util::future::join(minting, put("openid")).await;
        for answer in minted.iter().filter(|answer| answer.json()["scope"].to_string().contains("orders:read")) {
            with_the_scope += 1;
            let token = answer.json()["access_token"].as_str().unwrap().to_owned();
            let seen = rig.gateway.get("/jwt-feed/x").bearer(&token).send().await;
            assert_eq!((seen.code(), seen.reason().as_str()), (401, "client_revoked"));
        }
    }
    assert!(with_the_scope > 0, "none was minted before the change, so nothing was shown");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removed_client_is_cut_off_and_its_id_begins_anew() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let (id, secret) = rig.machine();
    let mint = async |secret: &str| {
        let ask = rig.identity.post("/realms/main/oauth2/token").basic(&id, secret);
        ask.form(&[("grant_type", "client_credentials")]).send().await
    };
    let old = mint(&secret).await.json()["access_token"].as_str().unwrap().to_owned();
    let path = format!("{CLIENTS}/{id}");
    let registration = desk.get(&path).await.json()["registration"].clone();
    let code = async |token: &str| rig.gateway.get("/jwt-feed/x").bearer(token).send().await.code();
    assert_eq!(code(&old).await, 200);
    assert_eq!(desk.ask(Method::DELETE, &path).header("if-match", "*").send().await.code(), 204);
    assert_eq!((code(&old).await, mint(&secret).await.code()), (401, 401));

    let body = json!({ "id": id, "registration": registration });
    let made = desk.ask(Method::POST, CLIENTS).json(&body).send().await;
    let secret = made.json()["secret"].as_str().unwrap().to_owned();
    let new = mint(&secret).await.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!((code(&old).await, code(&new).await), (401, 200), "what was taken back stays taken back");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_house_keeps_for_itself_cannot_be_changed() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    for path in [format!("{CLIENTS}/gateway"), "/admin/v1/realms/sekisho/clients/command-line".to_owned()] {
        let seen = desk.get(&path).await.json();
        assert_eq!((&seen["of_the_house"], &seen["secrets_made_at"]), (&json!(true), &json!([])));
        let put = desk.ask(Method::PUT, &path).header("if-match", "*").json(&seen["registration"]).send().await;
        problem(&put, 409);
        problem(&desk.ask(Method::DELETE, &path).header("if-match", "*").send().await, 409);
        problem(&desk.ask(Method::POST, &format!("{path}/secrets")).header("if-match", "*").send().await, 409);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_7_a_users_sessions_are_listed_with_device_and_time_and_ended_one_by_one_or_all() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let (firefox, curl) = ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "curl/8.14.1");
    let mut tokens = Vec::new();
    for agent in [firefox, curl, curl] {
        let ask = rig.gateway.post("/auth/login?delivery=body").header("user-agent", agent);
        let answer = ask.json(&rig.password_of("alice")).send().await;
        tokens.push(answer.json()["access_token"].as_str().unwrap().to_owned());
        rig.advance(Duration::from_secs(1)).await;
    }
    let bystander = rig.login("bob").await;
    let codes = async || {
        let mut codes = Vec::new();
        for token in &tokens {
            codes.push(rig.gateway.get("/opaque/x").bearer(token).send().await.code());
        }
        codes
    };
    let path = format!("{}/sessions", desk.user_path("alice"));
    let listed = desk.all(&path, 2).await;
    assert_eq!((listed.0.len(), listed.1), (3, 2));
    let devices: Vec<&str> = listed.0.iter().map(|session| session["device"].as_str().unwrap()).collect();
    assert_eq!(devices, ["curl/8.14.1", "curl/8.14.1", "Firefox on Linux"], "the latest first");
    let times: Vec<i64> = listed.0.iter().map(|session| session["signed_in_at"].as_i64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[0] > pair[1]), "{times:?}");

    assert_eq!(codes().await, [200, 200, 200]);
    let one = format!("/admin/v1/realms/main/sessions/{}", listed.0[2]["id"].as_str().unwrap());
    assert_eq!(desk.ask(Method::DELETE, &one).send().await.code(), 204);
    assert_eq!(codes().await, [401, 200, 200], "that one, on the very next request");
    problem(&desk.ask(Method::DELETE, &one).send().await, 404);
    assert_eq!(desk.ask(Method::DELETE, &path).send().await.code(), 204);
    assert_eq!(codes().await, [401, 401, 401]);
    assert_eq!(desk.get(&path).await.json(), json!({ "items": [] }));
    assert_eq!(rig.gateway.get("/opaque/x").bearer(&bystander).send().await.code(), 200, "and nobody else");
}

#[tokio::test(flavor = "multi_thread")]
async fn opq_7_a_password_set_by_an_administrator_ends_every_session_and_a_grant_ends_its_tokens() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let opaque = rig.login("alice").await;
    let grants = format!("{}/grants", desk.user_path("alice"));
    let grant = desk.get(&grants).await.json()["items"][0].clone();
    assert_eq!(grant["client"], "gateway");
    let revoke = format!("/admin/v1/realms/main/grants/{}", grant["id"].as_str().unwrap());
    assert_eq!(desk.ask(Method::DELETE, &revoke).send().await.code(), 204);
    assert_eq!(rig.gateway.get("/opaque/x").bearer(&opaque).send().await.code(), 401);

    let opaque = rig.login("alice").await;
    let password = format!("{}/password", desk.user_path("alice"));
    let body = json!({ "password": "another long one" });
    assert_eq!(desk.ask(Method::PUT, &password).json(&body).send().await.code(), 204);
    assert_eq!(rig.gateway.get("/opaque/x").bearer(&opaque).send().await.code(), 401);
    assert_eq!(rig.login_with("alice", "another long one").await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_an_administrator_makes_signs_people_in_and_is_there_after_a_restart() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let realms = "/admin/v1/realms";
    let made = desk.ask(Method::POST, realms).json(&json!({ "name": "branch" })).send().await;
    assert_eq!((made.code(), made.header("location")), (201, Some("/admin/v1/realms/branch")));
    problem(&desk.ask(Method::POST, realms).json(&json!({ "name": "branch" })).send().await, 409);
    problem(&desk.ask(Method::POST, realms).json(&json!({ "name": "No Realm" })).send().await, 400);
    let found = rig.identity.get("/realms/branch/.well-known/openid-configuration").send().await;
    assert_eq!(found.json()["issuer"], made.json()["issuer"]);
    let (all, pages) = desk.all(realms, 2).await;
    assert_eq!((names(&all), pages), (vec!["branch", "main", "sekisho", "shop"], 2));
    let lines = desk.get("/admin/v1/realms/branch/audit?event=realm_created").await.json();
    assert_eq!(lines["items"][0]["by"], "ada");
    let rig = rig.restart().await;
    assert_eq!(Desk::of(&rig).await.get("/admin/v1/realms/branch").await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_listed_without_private_parts_rotated_and_taken_back() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let (keys, jwt) = ("/admin/v1/realms/main/keys", rig.login_jwt("alice").await);
    let before = desk.get(keys).await;
    assert_eq!(before.json()["items"][0]["stage"], "signing");
    assert!(!before.text().contains("\"d\"") && !before.text().contains("sealed"), "{}", before.text());
    let made = desk.ask(Method::POST, keys).json(&json!({ "takeover": "after_lead" })).send().await;
    assert_eq!((made.code(), &made.json()["stage"]), (201, &json!("coming")));
    let old = before.json()["items"][0]["kid"].as_str().unwrap().to_owned();
    assert_eq!(rig.gateway.get("/jwt-feed/x").bearer(&jwt).send().await.code(), 200);
    assert_eq!(desk.ask(Method::DELETE, &format!("{keys}/{old}")).send().await.code(), 204);
    assert_eq!(rig.gateway.get("/jwt-feed/x").bearer(&jwt).send().await.code(), 401, "nothing it signed counts");
    for nobodys in ["nobodys", "%00x", &"x".repeat(257)] {
        problem(&desk.ask(Method::DELETE, &format!("{keys}/{nobodys}")).send().await, 404);
    }
    let lines = desk.get("/admin/v1/realms/main/audit?event=key_revoked").await.json();
    assert_eq!(lines["items"][0]["by"], "ada");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_audit_is_searched_by_who_what_why_and_when_and_goes_on_where_a_page_ends() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    let audit = "/admin/v1/realms/main/audit";
    rig.login_with("alice", "wrong").await;
    let before = rig.now();
    rig.advance(Duration::from_secs(60)).await;
    rig.login("alice").await;
    for name in ["alice", "bob", "carol"] {
        let path = format!("{}/disable", desk.user_path(name));
        assert_eq!(desk.ask(Method::POST, &path).send().await.code(), 204);
    }
    let count = async |query: &str| {
        let answer = desk.get(&format!("{audit}?{query}")).await;
        answer.json()["items"].as_array().unwrap_or_else(|| panic!("{}", answer.text())).len()
    };
    assert_eq!(count("reason=wrong_credentials").await, 1);
    assert_eq!(count("event=user_disabled").await, 3);
    assert_eq!(count(&format!("event=user_disabled&subject={}", rig.user("bob").id)).await, 1);
    assert_eq!(count("actor=ada&limit=200").await, 3);
    assert_eq!(count("actor=nobody").await, 0);
    assert_eq!(count(&format!("event=login_failed&since={}", before + 30)).await, 0);
    assert_eq!(count(&format!("event=login_failed&until={}", before + 30)).await, 1);
    let (paged, _) = desk.all(audit, 1).await;
    let sequences: Vec<i64> = paged.iter().map(|line| line["sequence"].as_i64().unwrap()).collect();
    assert!(sequences.windows(2).all(|pair| pair[0] > pair[1]), "{sequences:?}");
    let first = desk.get(&format!("{audit}?actor=ada&limit=2")).await.json();
    let next = first["next"].as_str().unwrap();
    assert_eq!(count(&format!("actor=ada&limit=2&after={next}")).await, 1, "the third of three");
    let told = problem(&desk.get(&format!("{audit}?event=party")).await, 400);
    assert_eq!(told["errors"][0]["parameter"], "event");
    assert!(told["detail"].as_str().unwrap().contains("login_failed"), "what is possible is named: {told}");
}

/// Where a place of a path is somewhere real, and a body that is accepted.
fn example(rig: &Rig, path: &str, method: &str) -> (String, Option<Value>) {
    let id = rig.user("carol").id.to_string();
    let target = path
        .replace("{realm}", "main")
        .replace("{user}", &id)
        .replace("{client}", "public")
        .replace("{session}", &id)
        .replace("{grant}", &id)
        .replace("{key}", "nobodys");
    let registration = json!({
        "name": "Described", "auth": "none", "grants": ["authorization_code", "refresh_token"],
        "redirect_uris": ["http://127.0.0.1/callback"], "post_logout_redirect_uris": [], "scopes": "openid",
        "audiences": ["orders"], "pkce": "required", "tokens": "jwt", "consent": "implied", "capabilities": [],
    });
    let body = match (method, path.rsplit('/').next().unwrap()) {
        ("post", "realms") => Some(json!({ "name": "described" })),
        ("post", "users") => Some(json!({ "name": "described", "password": "long enough" })),
        ("post", "clients") => Some(json!({ "id": "described", "registration": registration })),
        ("post", "keys") => Some(json!({ "takeover": "after_lead" })),
        ("put", "{user}") => Some(json!({ "scopes": "orders:read", "email": "carol@example.org" })),
        ("put", "{client}") => Some(registration),
        ("put", "password") => Some(json!({ "password": "a new long one" })),
        _ => None,
    };
    (target, body)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_of_the_openapi_document_answers_and_every_answer_is_as_the_document_says() {
    let rig = Rig::start().await;
    let desk = Desk::of(&rig).await;
    rig.login("carol").await;
    let document = rig.identity.get("/admin/v1/openapi.json").send().await;
    assert_eq!(document.code(), 200, "the document is for everybody");
    let document = document.json();
    assert_eq!(document["openapi"], "3.1.1");
    let mut seen = std::collections::BTreeSet::new();
    let paths = document["paths"].as_object().unwrap();
    // Looking first, removing last, so that every route finds what it speaks of.
    for wanted in ["get", "post", "put", "delete"] {
        for (path, methods) in paths {
            let Some(operation) = methods.get(wanted) else { continue };
            let name = operation["operationId"].as_str().unwrap();
            assert!(seen.insert(name.to_owned()), "{name} is there twice");
            let (mut target, body) = example(&rig, path, wanted);
            if name == "deleteUser" {
                target = desk.user_path("bob");
            }
            let method: Method = wanted.to_ascii_uppercase().parse().unwrap();
            let bare = rig.identity.ask(method.clone(), &target).send().await;
            described(&document, operation, &bare, name);
            assert_eq!(bare.code(), 401, "{name}");
            let mut ask = desk.ask(method, &target).header("if-match", "*");
            if let Some(body) = &body {
                let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
                schema::check(&document, schema, body).unwrap_or_else(|wrong| panic!("{name} takes {body}: {wrong}"));
                ask = ask.json(body);
            }
            assert_eq!(body.is_some(), operation.get("requestBody").is_some(), "{name}");
            let answer = ask.send().await;
            described(&document, operation, &answer, name);
            let lacks = ["endSession", "revokeGrant", "revokeKey", "addSecret"].contains(&name);
            assert_eq!(answer.status.is_success(), !lacks, "{name}: {} {}", answer.code(), answer.text());
        }
    }
    assert_eq!(seen.len(), 28, "{seen:?}");
    for hop in ["/admin/v1/realms/main/nothing", "/admin/v1/realms/main/users/x/y/z"] {
        assert_eq!(desk.get(hop).await.code(), 404, "what is not described does not answer");
    }
}

/// The status is one of the operation's, and the body as its schema says.
fn described(document: &Value, operation: &Value, answer: &Answer, name: &str) {
    let response = &operation["responses"][answer.code().to_string()];
    assert!(response.is_object(), "{name} answers {}: {}", answer.code(), answer.text());
    let Some(content) = response["content"].as_object() else {
        assert!(answer.body.is_empty(), "{name}: {}", answer.text());
        return;
    };
    let kind = answer.header("content-type").unwrap();
    let schema = &content.get(kind).unwrap_or_else(|| panic!("{name} answers in {kind}"))["schema"];
    schema::check(document, schema, &answer.json()).unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
    for header in response["headers"].as_object().into_iter().flatten().map(|(header, _)| header) {
        let sometimes = header == "Link";
        assert!(sometimes || answer.header(&header.to_lowercase()).is_some(), "{name} has no {header}");
    }
}
