//! The identity provider over HTTP: what RFC 9700 and its neighbours make mandatory, as far as first light goes.

use std::time::Duration;

use sekisho_model::client::{ClientAuth, GrantType, Registration};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::oauth::{Browser, PublicFlow, refresh};
use crate::rig::{Rig, registration};

const TOKEN: &str = "/realms/main/oauth2/token";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

fn authorize(pairs: &[(&str, &str)]) -> String {
    let usual = [
        ("response_type", "code"),
        ("client_id", "public"),
        ("redirect_uri", "http://127.0.0.1/callback"),
        ("scope", "openid"),
        ("state", "s t&te"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.iter().filter(|(name, _)| !pairs.iter().any(|(other, _)| other == name));
    let given = pairs.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(given)).finish();
    format!("/realms/main/oauth2/authorize?{query}")
}

/// The parameters of a redirect's address.
fn sent_back(answer: &Answer) -> Vec<(String, String)> {
    assert_eq!(answer.code(), 303, "{}", answer.text());
    let query = answer.header("location").unwrap().split_once('?').unwrap().1;
    form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

async fn own_token(rig: &Rig, scope: &str) -> Answer {
    let fields = [("grant_type", "client_credentials"), ("scope", scope)];
    let (id, secret) = rig.machine();
    rig.identity.post(TOKEN).basic(&id, &secret).form(&fields).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_advertised_endpoint_answers_and_both_well_known_places_say_the_same() {
    let rig = Rig::start().await;
    let document = rig.identity.get("/realms/main/.well-known/openid-configuration").send().await.json();
    let other = rig.identity.get("/.well-known/oauth-authorization-server/realms/main").send().await.json();
    assert_eq!(document, other);
    assert_eq!(document["issuer"], rig.issuer());
    let endpoints =
        document.as_object().unwrap().iter().filter(|(name, _)| name.contains("_endpoint") || *name == "jwks_uri");
    let endpoints: Vec<&str> = endpoints.filter_map(|(_, url)| url.as_str()).collect();
    assert!(endpoints.len() >= 8, "{endpoints:?}");
    for url in endpoints {
        let answer = rig.identity.get(&rig.identity_path(url)).send().await;
        assert_ne!(answer.code(), 404, "{url}");
    }
    let stable = serde_json::to_string_pretty(&document).unwrap().replace(&rig.identity_origin(), "ORIGIN");
    insta::assert_snapshot!("the_metadata", stable);
    assert_eq!(rig.identity.get("/realms/nowhere/oauth2/jwks").send().await.code(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_uri_that_differs_by_a_character_is_shown_and_never_followed() {
    let rig = Rig::start().await;
    for uri in [
        "http://127.0.0.1/callback/",
        "http://127.0.0.1/Callback",
        "http://127.0.0.1/callback?x=1",
        "http://127.0.0.1.evil.example/callback",
        "http://127.0.0.1@evil.example/callback",
        "http://127.0.0.1/callback/../x",
        "https://127.0.0.1/callback",
        "javascript:alert(1)",
    ] {
        let answer = rig.identity.get(&authorize(&[("redirect_uri", uri)])).send().await;
        assert_eq!(answer.code(), 400, "{uri}");
        assert!(answer.header("location").is_none(), "{uri}");
        assert_eq!(answer.header("x-frame-options"), Some("DENY"));
    }
    let unknown = rig.identity.get(&authorize(&[("client_id", "nobody")])).send().await;
    assert_eq!((unknown.code(), unknown.header("location")), (400, None));
    // RFC 8252 §7.3: the port of a loopback address is the application's to choose.
    let port = rig.identity.get(&authorize(&[("redirect_uri", "http://127.0.0.1:53211/callback")])).send().await;
    assert_eq!(port.code(), 303, "{}", port.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_go_back_to_a_registered_address_with_state_and_iss() {
    let rig = Rig::start().await;
    for (pairs, error) in [
        (vec![("code_challenge", "")], "invalid_request"),
        (vec![("code_challenge_method", "plain")], "invalid_request"),
        (vec![("code_challenge_method", "")], "invalid_request"),
        (vec![("code_challenge", "short")], "invalid_request"),
        (vec![("response_type", "token")], "unsupported_response_type"),
        (vec![("response_type", "")], "invalid_request"),
        (vec![("response_mode", "fragment")], "invalid_request"),
        (vec![("prompt", "none")], "login_required"),
        (vec![("prompt", "none login")], "invalid_request"),
        (vec![("request", "e30.e30.")], "request_not_supported"),
        (vec![("request_uri", "https://c.example/r")], "request_uri_not_supported"),
        (vec![("scope", "payroll:write")], "invalid_scope"),
        (vec![("resource", "payroll")], "invalid_target"),
    ] {
        let answer = rig.identity.get(&authorize(&pairs)).send().await;
        let back = sent_back(&answer);
        let field = |name: &str| back.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
        assert_eq!(field("error"), Some(error), "{pairs:?}");
        assert_eq!(field("state"), Some("s t&te"), "{pairs:?}");
        assert_eq!(field("iss"), Some(rig.issuer().as_str()), "{pairs:?}");
        assert!(field("code").is_none());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_bound_to_its_verifier_and_a_wrong_one_burns_it() {
    let rig = Rig::start().await;
    let flow = PublicFlow::sign_in(&rig, "alice").await;
    let wrong = flow.redeem_with(&rig, "another-verifier-of-at-least-forty-three-characters").await;
    assert_eq!((wrong.code(), &wrong.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(flow.redeem(&rig).await.json()["error"], "invalid_grant", "the code is worth nothing now");
    let late = PublicFlow::sign_in(&rig, "alice").await;
    rig.advance(Duration::from_secs(61)).await;
    assert_eq!(late.redeem(&rig).await.json()["error"], "invalid_grant", "a minute is all it has");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_acts_for_itself_and_nobody_else() {
    let rig = Rig::start().await;
    let answer = own_token(&rig, "orders:read").await;
    assert_eq!(answer.code(), 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let body = answer.json();
    assert!(body.get("refresh_token").is_none() && body.get("id_token").is_none(), "{body}");
    let claims = rig.verify(body["access_token"].as_str().unwrap(), "orders").await;
    assert_eq!(
        (&claims["sub"], &claims["client_id"], &claims["scope"]),
        (&json!("orders"), &json!("orders"), &json!("orders:read"))
    );
    assert!(claims.get("sid").is_none() && claims.get("auth_time").is_none());
    let userinfo = rig.identity.get("/realms/main/oauth2/userinfo").bearer(body["access_token"].as_str().unwrap());
    assert_eq!(userinfo.send().await.code(), 403, "a client is no person");
    assert_eq!(own_token(&rig, "payroll:write").await.json()["error"], "invalid_scope");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_endpoint_refuses_what_it_must() {
    let rig = Rig::start().await;
    let (id, secret) = rig.machine();
    assert_eq!(rig.identity.get(TOKEN).send().await.code(), 405);
    let json_body = rig.identity.post(TOKEN).basic(&id, &secret).json(&json!({"grant_type": "client_credentials"}));
    assert_eq!(json_body.send().await.json()["error"], "invalid_request");
    let fields = [("grant_type", "client_credentials")];
    let in_query = rig.identity.post(&format!("{TOKEN}?grant_type=client_credentials")).basic(&id, &secret).form(&[]);
    assert_eq!(in_query.send().await.json()["error"], "invalid_request");
    let mut answers = Vec::new();
    for (id, secret) in [(id.as_str(), "sekcswrong"), ("nobody", "sekcswrong")] {
        let answer = rig.identity.post(TOKEN).basic(id, secret).form(&fields).send().await;
        assert!(answer.header("www-authenticate").unwrap().starts_with("Basic"));
        answers.push((answer.code(), answer.json_without_id()));
    }
    assert_eq!(answers[0], answers[1], "an unknown client looks like a wrong secret");
    let lines = rig.audit.lines_of_event("client_refused");
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!((&lines[0]["client"], &lines[1]["client"]), (&json!("orders"), &Value::Null));
    assert!(lines.iter().all(|line| !line.to_string().contains("sekcswrong") && !line.to_string().contains("nobody")));
    assert_eq!((answers[0].0, &answers[0].1["error"]), (401, &json!("invalid_client")));
    let both = rig.identity.post(TOKEN).basic(&id, &secret);
    let both = both.form(&[("grant_type", "client_credentials"), ("client_id", &id), ("client_secret", &secret)]);
    assert_eq!(both.send().await.json()["error"], "invalid_request");
    let password = [("grant_type", "password"), ("username", "alice"), ("password", "x")];
    let password = rig.identity.post(TOKEN).basic(&id, &secret).form(&password).send().await;
    assert_eq!(password.json()["error"], "unsupported_grant_type");
    let code =
        rig.identity.post(TOKEN).basic(&id, &secret).form(&[("grant_type", "authorization_code"), ("code", "x")]);
    assert_eq!(code.send().await.json()["error"], "unauthorized_client");
    let twice = [("grant_type", "client_credentials"), ("scope", "orders:read"), ("scope", "stock:read")];
    let twice = rig.identity.post(TOKEN).basic(&id, &secret).form(&twice).send().await;
    assert_eq!(twice.json()["error"], "invalid_request");
    let public = rig.identity.post(TOKEN).form(&[("grant_type", "client_credentials"), ("client_id", "public")]);
    assert_eq!(public.send().await.json()["error"], "unauthorized_client");
}

#[tokio::test(flavor = "multi_thread")]
async fn introspection_tells_only_whom_the_token_is_for() {
    let rig = Rig::start().await;
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let found = rig.introspect(access).await;
    assert_eq!((&found["active"], &found["client_id"]), (&json!(true), &json!("public")));
    assert_eq!(found["sub"], rig.user("alice").id.to_string());
    for member in ["iss", "aud", "exp", "iat", "jti", "scope", "sid", "grant", "rev"] {
        assert!(found.get(member).is_some(), "{member}: {found}");
    }
    assert_eq!(rig.introspect("garbage").await, json!({"active": false}));
    let anonymous = rig.identity.post("/realms/main/oauth2/introspect").form(&[("token", access)]).send().await;
    assert_eq!(anonymous.code(), 401);
    let opaque = rig.login("alice").await;
    assert_eq!(rig.introspect(&opaque).await["active"], true);
    assert_eq!(rig.gateway.post("/auth/logout").bearer(&opaque).send().await.code(), 204);
    assert_eq!(rig.introspect(&opaque).await, json!({"active": false}));
}

#[tokio::test(flavor = "multi_thread")]
async fn revoking_a_refresh_token_ends_the_family_and_another_clients_token_lives_on() {
    let rig = Rig::start().await;
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let (access, token) = (tokens["access_token"].as_str().unwrap(), tokens["refresh_token"].as_str().unwrap());
    let (id, secret) = rig.machine();
    let revoke = "/realms/main/oauth2/revoke";
    let foreign = rig.identity.post(revoke).basic(&id, &secret).form(&[("token", token)]).send().await;
    assert_eq!((foreign.code(), &foreign.json()["error"]), (400, &json!("unauthorized_client")));
    assert_eq!(rig.introspect(access).await["active"], true);
    let unknown = rig.identity.post(revoke).form(&[("token", "garbage"), ("client_id", "public")]).send().await;
    assert_eq!(unknown.code(), 200, "an unknown token is as good as revoked");
    let ours = rig.identity.post(revoke).form(&[("token", token), ("client_id", "public")]).send().await;
    assert_eq!(ours.code(), 200, "{}", ours.text());
    assert_eq!(rig.introspect(access).await["active"], false);
    assert_eq!(refresh(&rig, token).await.json()["error"], "invalid_grant");
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(access).send().await.code(), 401);
}

#[tokio::test(flavor = "multi_thread")]
async fn userinfo_wants_openid_and_says_the_subject_of_the_id_token() {
    let rig = Rig::start().await;
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let access = tokens["access_token"].as_str().unwrap();
    let userinfo = "/realms/main/oauth2/userinfo";
    for ask in [rig.identity.get(userinfo).bearer(access), rig.identity.post(userinfo).bearer(access)] {
        let answer = ask.send().await;
        assert_eq!((answer.code(), &answer.json()["sub"]), (200, &json!(rig.user("alice").id.to_string())));
    }
    let none = rig.identity.get(userinfo).send().await;
    assert_eq!((none.code(), none.header("www-authenticate")), (401, Some("Bearer")));
    let bad = rig.identity.get(userinfo).bearer("garbage").send().await;
    assert!(bad.header("www-authenticate").unwrap().contains("invalid_token"));
    let in_query = rig.identity.get(&format!("{userinfo}?access_token={access}")).send().await;
    assert_eq!(in_query.code(), 401, "a token in the query is no token");
    let without = rig.login_jwt("carol").await;
    let without = rig.identity.get(userinfo).bearer(&without).send().await;
    assert_eq!(without.code(), 200, "the gateway's login grants openid");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_narrows_names_the_actor_and_outlives_nothing() {
    let rig = Rig::start().await;
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let subject = tokens["access_token"].as_str().unwrap();
    let (id, secret) = rig.machine();
    let exchange = async |pairs: &[(&str, &str)]| {
        let usual = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ];
        let fields: Vec<(&str, &str)> = usual.iter().chain(pairs).copied().collect();
        rig.identity.post(TOKEN).basic(&id, &secret).form(&fields).send().await
    };
    let answer = exchange(&[("audience", "stock"), ("scope", "orders:read")]).await;
    assert_eq!(answer.code(), 200, "{}", answer.text());
    let claims = rig.verify(answer.json()["access_token"].as_str().unwrap(), "stock").await;
    let before = rig.verify(subject, "orders").await;
    assert_eq!(claims["aud"], json!(["stock"]));
    assert_eq!(claims["sub"], before["sub"]);
    assert_eq!(claims["act"]["sub"], "orders");
    assert_eq!((&claims["sid"], &claims["grant"]), (&before["sid"], &before["grant"]));
    assert!(claims["exp"].as_i64() <= before["exp"].as_i64());
    assert!(answer.json().get("refresh_token").is_none());
    assert_eq!(exchange(&[("audience", "payroll")]).await.json()["error"], "invalid_target");
    assert_eq!(exchange(&[("scope", "orders:write")]).await.json()["error"], "invalid_scope");
    let token = answer.json()["access_token"].as_str().unwrap().to_owned();
    rig.sign_out_everywhere("alice").await;
    assert_eq!(rig.introspect(&token).await["active"], false, "what was exchanged ends with what it came from");
    assert_eq!(exchange(&[]).await.json()["error"], "invalid_request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_exchanges_only_what_was_issued_to_it_or_meant_for_its_service() {
    let rig = Rig::start().await;
    let service = || registration(vec![GrantType::TokenExchange], ClientAuth::ClientSecretPost, Vec::new());
    let secret = rig.register("payroll", service()).await.unwrap();
    let jwt = rig.login_jwt("alice").await;
    let opaque = rig.login("alice").await;
    let exchange = async |subject: &str, actor: Option<&str>, (id, secret): (&str, &str)| {
        let mut fields = vec![
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", subject),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("client_id", id),
            ("client_secret", secret),
        ];
        if let Some(actor) = actor {
            fields.extend([("actor_token", actor), ("actor_token_type", "urn:ietf:params:oauth:token-type:jwt")]);
        }
        rig.identity.post(TOKEN).form(&fields).send().await
    };
    for found in [&jwt, &opaque] {
        let answer = exchange(found, None, ("payroll", secret.expose())).await;
        assert_eq!((answer.code(), &answer.json()["error"]), (400, &json!("invalid_request")), "{}", answer.text());
    }
    // Named among the audiences, it may; and whoever acts must have come by the actor's token rightly as well.
    let stock =
        rig.register("stock2", Registration { audiences: vec!["stock".to_owned()], ..service() }).await.unwrap();
    let for_stock = exchange(&jwt, None, ("stock2", stock.expose())).await;
    assert_eq!(for_stock.code(), 400, "its own id is not among the token's audiences");
    let (id, machine_secret) = rig.machine();
    let own = own_token(&rig, "orders:read").await.json()["access_token"].as_str().unwrap().to_owned();
    let basic = async |actor: &str| {
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token", jwt.as_str()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("actor_token", actor),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:jwt"),
        ];
        rig.identity.post(TOKEN).basic(&id, &machine_secret).form(&fields).send().await
    };
    let acted = basic(&own).await;
    assert_eq!(acted.code(), 200, "{}", acted.text());
    let claims = rig.verify(acted.json()["access_token"].as_str().unwrap(), "orders").await;
    assert_eq!(claims["act"]["sub"], "orders");
    let foreign = PublicFlow::sign_in(&rig, "bob").await.redeem(&rig).await.json();
    let opaque_actor = basic(&opaque).await;
    assert_eq!(opaque_actor.code(), 400, "{}", opaque_actor.text());
    assert!(foreign["access_token"].is_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_untrusted_peer_says_of_its_client_does_not_escape_the_throttle() {
    let rig = Rig::start().await;
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&[])).await;
    let mut codes = Vec::new();
    // Each try is at another account and says to come from elsewhere: what they share is where they really come from.
    for number in 0..51 {
        let elsewhere = format!("192.0.2.{number}");
        let (name, fields) = (format!("user{number}"), [("password", "wrong")]);
        let form = [&[("username", name.as_str())][..], &fields].concat();
        codes.push(browser.submit_saying(&page, &form, ("x-forwarded-for", &elsewhere)).await.code());
    }
    assert_eq!(codes.iter().position(|code| *code == 429), Some(50), "{codes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_attempts_wait_longer_each_time_and_nobody_waits_for_ever() {
    let rig = Rig::start().await;
    let mut throttled = None;
    for _ in 0..10 {
        let answer = rig.login_with("alice", "wrong").await;
        if answer.code() == 429 {
            throttled = Some(answer);
            break;
        }
        assert_eq!(answer.code(), 401, "{}", answer.text());
    }
    let throttled = throttled.expect("ten wrong passwords are too many");
    let wait: u64 = throttled.header("retry-after").unwrap().parse().unwrap();
    let right = rig.user("alice").password;
    assert_eq!(rig.login_with("alice", &right).await.code(), 429, "the right password waits too");
    assert_eq!(rig.login_with("bob", &rig.user("bob").password).await.code(), 200, "others do not");
    rig.advance(Duration::from_secs(wait)).await;
    assert_eq!(rig.login_with("alice", &right).await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_form_from_elsewhere_or_for_another_browser_is_refused() {
    let rig = Rig::start().await;
    let started = rig.identity.get(&authorize(&[])).send().await;
    let page = rig.identity_path(started.header("location").unwrap());
    let elsewhere = rig.identity.get(&page).send().await;
    assert_eq!(elsewhere.code(), 400, "another browser cannot go on with it");
    let cookie = started.header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    let shown = rig.identity.get(&page).header("cookie", &cookie).send().await;
    assert_eq!(shown.code(), 200, "{}", shown.text());
    assert!(!shown.text().contains("<script"), "no JavaScript");
    let flow = page.split_once("flow=").unwrap().1.to_owned();
    let post = |token: &str| {
        let fields = [("flow", flow.as_str()), ("token", token), ("username", "alice"), ("password", "x")];
        rig.identity.post("/realms/main/login").header("cookie", &cookie).form(&fields)
    };
    let token = shown.text().split_once("name=\"token\" value=\"").unwrap().1.split('"').next().unwrap().to_owned();
    assert_eq!(post("guess").send().await.code(), 403);
    assert_eq!(post(&token).header("sec-fetch-site", "cross-site").send().await.code(), 403);
    assert_eq!(post(&token).header("origin", "https://evil.example").send().await.code(), 403);
    assert_eq!(post(&token).header("origin", &rig.identity_origin()).send().await.code(), 401, "a wrong password");
    let preflight = rig.identity.ask(http::Method::OPTIONS, &authorize(&[])).header("origin", "https://evil.example");
    assert!(preflight.send().await.header("access-control-allow-origin").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_feed_is_for_clients_that_may_read_it() {
    let rig = Rig::start().await;
    assert_eq!(rig.identity.get("/realms/main/feed/head").send().await.code(), 401);
    let (id, secret) = rig.machine();
    let head = rig.identity.get("/realms/main/feed/head").basic(&id, &secret).send().await;
    let position: Value = head.json()["position"].clone();
    let target = format!("/realms/main/feed?after={}", position.as_str().unwrap());
    let page = rig.identity.get(&target).basic(&id, &secret).header("accept", "application/json").send().await;
    assert_eq!(page.json(), json!({"entries": []}));
    let gone = rig.identity.get("/realms/main/feed?after=1.1").basic(&id, &secret).send().await;
    assert_eq!(gone.json(), json!({"resnapshot": true}));
    let broken = rig.identity.get("/realms/main/feed?after=soon").basic(&id, &secret).send().await;
    assert_eq!(broken.code(), 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_error_of_the_token_endpoint_has_its_status_its_name_and_its_words() {
    let rig = Rig::start().await;
    let (id, secret) = rig.machine();
    let exchange = "urn:ietf:params:oauth:grant-type:token-exchange";
    let mut told = String::new();
    for fields in [
        &[][..],
        &[("grant_type", "password")],
        &[("grant_type", "authorization_code")],
        &[("grant_type", "client_credentials"), ("scope", "payroll:write")],
        &[("grant_type", "client_credentials"), ("scope", "a\"b")],
        &[("grant_type", "client_credentials"), ("resource", "payroll")],
        &[("grant_type", exchange)],
        &[("grant_type", exchange), ("subject_token", "x"), ("subject_token_type", "urn:x")],
        &[
            ("grant_type", exchange),
            ("subject_token", "x"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
        ],
    ] {
        let answer = rig.identity.post(TOKEN).basic(&id, &secret).form(fields).send().await;
        told += &format!("{fields:?}\n  {} {}\n", answer.code(), answer.json_without_id());
    }
    for fields in [
        [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", "x")],
        [("grant_type", "authorization_code"), ("client_id", "public"), ("code", "x")],
        [("grant_type", "refresh_token"), ("client_id", "nobody"), ("refresh_token", "x")],
    ] {
        let answer = rig.identity.post(TOKEN).form(&fields).send().await;
        told += &format!("{fields:?}\n  {} {}\n", answer.code(), answer.json_without_id());
    }
    insta::assert_snapshot!("errors_of_the_token_endpoint", told);
}

/// Sends what is refused; the id of the answer leads to the one line of the audit, with this reason.
async fn refused_and_explained(rig: &Rig, answer: Answer, code: u16, reason: &str, detail: &str) {
    let text = answer.text();
    assert_eq!(answer.code(), code, "{text}");
    let id = text
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-')
        .find(|word| word.parse::<sekisho_wire::RefusalId>().is_ok());
    let lines = rig.audit.lines_of_refusal(id.unwrap_or_else(|| panic!("no id in {text}")));
    let [line] = lines.as_slice() else { panic!("{} lines of one refusal: {lines:?}", lines.len()) };
    assert_eq!((&line["room"], &line["reason"]), (&json!("identity"), &json!(reason)), "{line}");
    assert_eq!(line["detail"].as_str().unwrap_or_default(), detail, "{line}");
    assert_eq!(line["realm"], "main", "{line}");
    assert!(!line.to_string().contains("s3cret"), "{line}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_refusal_of_identity_has_an_id_in_the_answer_and_one_line_in_the_audit() {
    let rig = Rig::start().await;
    let (id, secret) = rig.machine();
    let post = |path: &str| rig.identity.post(&format!("/realms/main{path}"));

    let wrong_secret = post("/oauth2/token").basic(&id, "s3cret").form(&[("grant_type", "client_credentials")]);
    let words = "invalid_client: the client is not known by what it shows";
    refused_and_explained(&rig, wrong_secret.send().await, 401, "wrong_client", words).await;

    let no_code = post("/oauth2/token").basic(&id, &secret).form(&[("grant_type", "password"), ("password", "s3cret")]);
    let answer = no_code.send().await;
    let words = format!("unsupported_grant_type: {}", answer.json()["error_description"].as_str().unwrap());
    refused_and_explained(&rig, answer, 400, "bad_request", &words).await;

    let answer = rig.identity.get("/realms/main/oauth2/userinfo?access_token=s3cret").send().await;
    refused_and_explained(&rig, answer, 401, "no_credential", "unauthorized").await;

    let answer = rig.identity.get(&authorize(&[("redirect_uri", "http://s3cret.example/")])).send().await;
    let words = "The address to go back to is not registered for this application.";
    refused_and_explained(&rig, answer, 400, "bad_request", words).await;

    let mut browser = Browser::of(&rig);
    let page = browser.go("/realms/main/account").await;
    let wrong = browser.submit(&page, &[("username", "alice"), ("password", "s3cret")]).await;
    refused_and_explained(&rig, wrong, 401, "wrong_credentials", "").await;

    let lines = |event: &str| rig.audit.lines_of_event(event).len();
    let before = lines("refused");
    assert_eq!(rig.identity.get("/realms/main/nowhere").send().await.code(), 404);
    assert_eq!(rig.identity.get("/realms/main/oauth2/jwks").send().await.code(), 200);
    assert_eq!(lines("refused"), before + 1, "what is not refused leaves no line");
}
