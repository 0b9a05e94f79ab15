//! Texts that PostgreSQL cannot keep: whoever sends a NUL is told that the mistake is theirs, and no 503 says that the
//! database is away.

use http::Method;
use serde_json::json;

use crate::admin::token;
use crate::client::Answer;
use crate::cluster::Cluster;
use crate::rig::{Rig, enforcement_point};

const REALM: &str = "/admin/v1/realms/main";

async fn administer(rig: &Rig) -> Vec<(String, Answer)> {
    let (token, alice) = (token(rig, "admin:read admin:write").await, rig.user("alice").id);
    let looks =
        ["users?name=%00", "audit?subject=%00", "audit?actor=%00", "audit?event=%00", "clients/%00", "users?after=AA"];
    let mut asked: Vec<_> = looks.into_iter().map(|place| (Method::GET, place.to_owned(), None)).collect();
    asked.push((Method::DELETE, "keys/%00x".to_owned(), None));
    for member in ["name", "password_hash", "scopes", "display_name", "email"] {
        let mut user = json!({ "name": "eve", "password": "long enough" });
        if member == "password_hash" {
            user = json!({ "name": "eve" });
        }
        user[member] = json!("a\0b@example.org");
        asked.push((Method::POST, "users".to_owned(), Some(user)));
    }
    for member in ["scopes", "display_name", "email"] {
        asked.push((Method::PUT, format!("users/{alice}"), Some(json!({ member: "a\0b@example.org" }))));
    }
    let registration = serde_json::to_value(enforcement_point()).unwrap();
    for (member, value) in [
        ("name", json!("\0")),
        ("scopes", json!("\0")),
        ("audiences", json!(["\0"])),
        ("redirect_uris", json!(["https://web.example/\0"])),
        ("post_logout_redirect_uris", json!(["https://web.example/\0"])),
    ] {
        let mut registration = registration.clone();
        registration[member] = value;
        let client = json!({ "id": "nul", "registration": registration });
        asked.push((Method::POST, "clients".to_owned(), Some(client)));
    }
    asked.push((Method::POST, "realms".to_owned(), Some(json!({ "name": "\0" }))));
    let mut answers = Vec::new();
    for (method, place, body) in asked {
        let words = format!("{method} {place} {}", body.as_ref().map(ToString::to_string).unwrap_or_default());
        let path = if place == "realms" { "/admin/v1/realms".to_owned() } else { format!("{REALM}/{place}") };
        let mut ask = rig.identity.ask(method, &path).bearer(&token).header("if-match", "*");
        if let Some(body) = &body {
            ask = ask.json(body);
        }
        answers.push((words, ask.send().await));
    }
    answers
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_what_an_administrator_sends_is_refused_as_the_administrators_mistake() {
    let database = Cluster::shared().database();
    let rig = Rig::start_on(&database.address()).await;
    for (words, answer) in administer(&rig).await {
        assert!([400, 404, 422].contains(&answer.code()), "{words}: {} {}", answer.code(), answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_nul_in_what_a_client_or_a_person_sends_never_looks_like_a_database_that_is_away() {
    let database = Cluster::shared().database();
    let rig = Rig::start_on(&database.address()).await;
    let secret = rig.register("front", enforcement_point()).await.unwrap();
    let oauth = |path: &str| rig.identity.post(&format!("/realms/main/oauth2/{path}")).basic("front", secret.expose());
    let password = rig.user("alice").password;
    let person = [("username", "alice"), ("password", password.as_str()), ("scope", "orders:read")];
    let agent = [&person[..], &[("sekisho_user_agent", "curl\0")]].concat();
    let signed_in = oauth("challenge").form(&agent).send().await;
    assert_eq!(signed_in.code(), 200, "what calls itself so is kept without: {}", signed_in.text());
    for (path, fields) in [
        ("challenge", vec![("username", "\0"), ("password", "\0")]),
        ("challenge", [&person[..2], &[("scope", "\0")]].concat()),
        (
            "token",
            vec![("grant_type", "authorization_code"), ("code", "\0"), ("redirect_uri", "\0"), ("code_verifier", "\0")],
        ),
        ("token", vec![("grant_type", "refresh_token"), ("refresh_token", "\0")]),
        ("token", vec![("grant_type", "\0")]),
    ] {
        let answer = oauth(path).form(&fields).send().await;
        assert!([400, 401].contains(&answer.code()), "{path} {fields:?}: {} {}", answer.code(), answer.text());
    }
    for path in ["introspect", "revoke"] {
        assert_eq!(oauth(path).form(&[("token", "\0")]).send().await.code(), 200, "{path}: nobody's token");
    }
    let begin = "/realms/main/oauth2/authorize?response_type=code&client_id=public&redirect_uri=http://127.0.0.1/callback\
                 &scope=openid&code_challenge_method=S256&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
    for more in ["&state=%00", "&nonce=%00", "&login_hint=%00", "&ui_locales=%00", "&prompt=%00", "&audience=%00"] {
        let answer = rig.identity.get(&format!("{begin}{more}")).send().await;
        assert!(answer.code() < 500, "{more}: {} {}", answer.code(), answer.text());
    }
}
