//! Signing in and out at identity's own pages: consent, `prompt`, `max_age`, logout, as a browser without JavaScript.

use std::time::Duration;

use sekisho_model::client::{ClientAuth, Consent, GrantType, Pkce, Registration};

use crate::client::Answer;
use crate::oauth::Browser;
use crate::rig::{Rig, registration};

const CALLBACK: &str = "http://127.0.0.1/callback";
const AFTERWARDS: &str = "http://127.0.0.1/bye";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

fn web() -> Registration {
    let grants = vec![GrantType::AuthorizationCode, GrantType::RefreshToken];
    let post_logout_redirect_uris = vec![AFTERWARDS.to_owned()];
    Registration { post_logout_redirect_uris, ..registration(grants, ClientAuth::ClientSecretPost, Vec::new()) }
}

fn authorize(more: &[(&str, &str)]) -> String {
    let usual = [
        ("client_id", "web"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid orders:read"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    let kept = usual.iter().filter(|(name, _)| !more.iter().any(|(other, _)| other == name));
    let given = more.iter().filter(|(_, value)| !value.is_empty());
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(given)).finish();
    format!("/realms/main/oauth2/authorize?{query}")
}

/// A parameter of the redirect to the client.
fn sent_back(answer: &Answer, name: &str) -> Option<String> {
    let location = answer.header("location").unwrap_or_else(|| panic!("no redirect: {}", answer.text()));
    assert!(location.starts_with(CALLBACK), "{location}");
    let query = location.split_once('?')?.1;
    form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

async fn redeem(rig: &Rig, secret: &str, answer: &Answer, more: &[(&str, &str)]) -> Answer {
    let code = sent_back(answer, "code").unwrap_or_else(|| panic!("no code: {answer:?}"));
    let usual = [
        ("grant_type", "authorization_code"),
        ("client_id", "web"),
        ("client_secret", secret),
        ("redirect_uri", CALLBACK),
        ("code", &code),
    ];
    let fields: Vec<(&str, &str)> = usual.iter().chain(more).copied().collect();
    rig.identity.post("/realms/main/oauth2/token").form(&fields).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn consent_is_asked_where_the_client_is_not_our_own_and_no_is_an_answer() {
    let rig = Rig::start().await;
    rig.register("web", Registration { consent: Consent::Required, ..web() }).await;
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&[])).await;
    let consent = browser.sign_in(&page, "alice").await;
    assert_eq!(consent.code(), 200);
    assert!(consent.text().contains("orders:read") && consent.text().contains("Allow"), "{}", consent.text());
    let refused = browser.submit(&consent, &[("cancel", "yes")]).await;
    assert_eq!(sent_back(&refused, "error").as_deref(), Some("access_denied"));
    // The person is signed in; what is asked for again is the consent alone, and only it can be answered.
    let again = browser.go(&authorize(&[])).await;
    assert!(!again.text().contains("password"), "{}", again.text());
    let granted = browser.submit(&again, &[]).await;
    assert!(sent_back(&granted, "code").is_some());
    let silent = browser.go(&authorize(&[("prompt", "none")])).await;
    assert_eq!(sent_back(&silent, "error").as_deref(), Some("consent_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_request_in_the_same_browser_asks_for_no_password_unless_it_says_so() {
    let rig = Rig::start().await;
    rig.register("web", web()).await;
    let mut browser = Browser::of(&rig);
    let none = browser.go(&authorize(&[("prompt", "none")])).await;
    assert_eq!(sent_back(&none, "error").as_deref(), Some("login_required"));
    let page = browser.go(&authorize(&[])).await;
    assert!(sent_back(&browser.sign_in(&page, "alice").await, "code").is_some());
    for silently in [&[][..], &[("prompt", "none")], &[("max_age", "60")]] {
        assert!(sent_back(&browser.go(&authorize(silently)).await, "code").is_some(), "{silently:?}");
    }
    let again = browser.go(&authorize(&[("prompt", "login")])).await;
    assert!(again.text().contains("password"), "{}", again.text());
    assert!(sent_back(&browser.sign_in(&again, "alice").await, "code").is_some());
    let asked = browser.go(&authorize(&[("prompt", "consent")])).await;
    assert!(asked.text().contains("Allow"), "{}", asked.text());
    rig.advance(Duration::from_secs(61)).await;
    let old = browser.go(&authorize(&[("max_age", "60")])).await;
    assert!(old.text().contains("password"), "sixty-one seconds are too many: {}", old.text());
    let stale = browser.go(&authorize(&[("max_age", "60"), ("prompt", "none")])).await;
    assert_eq!(sent_back(&stale, "error").as_deref(), Some("login_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn proving_again_who_one_is_ends_nothing_and_somebody_elses_sign_in_ends_it_all() {
    let rig = Rig::start().await;
    let secret = rig.register("web", web()).await.unwrap();
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&[])).await;
    let back = browser.sign_in(&page, "alice").await;
    let tokens = redeem(&rig, secret.expose(), &back, &[("code_verifier", VERIFIER)]).await.json();
    let access = tokens["access_token"].as_str().unwrap();

    let again = browser.go(&authorize(&[("prompt", "login")])).await;
    let before = browser.cookies();
    assert!(sent_back(&browser.sign_in(&again, "alice").await, "code").is_some());
    assert_ne!(browser.cookies(), before, "the cookie is a new one");
    assert_eq!(rig.introspect(access).await["active"], true);

    let other = browser.go(&authorize(&[("prompt", "login")])).await;
    assert!(sent_back(&browser.sign_in(&other, "bob").await, "code").is_some());
    assert_eq!(rig.introspect(access).await["active"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn pkce_may_be_left_out_by_a_client_with_a_secret_that_was_let_off_and_is_held_to_when_used() {
    let rig = Rig::start().await;
    let secret = rig.register("web", Registration { pkce: Pkce::Optional, ..web() }).await.unwrap();
    let without = [("code_challenge", ""), ("code_challenge_method", "")];
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&without)).await;
    let plain = browser.sign_in(&page, "alice").await;
    let tokens = redeem(&rig, secret.expose(), &plain, &[]).await;
    assert_eq!(tokens.code(), 200, "{}", tokens.text());
    // A verifier for a code that was asked for without a challenge is a sign of an injected code (RFC 9700 §4.8.2).
    let plain = browser.go(&authorize(&without)).await;
    assert_eq!(redeem(&rig, secret.expose(), &plain, &[("code_verifier", VERIFIER)]).await.code(), 400);
    let bound = browser.go(&authorize(&[])).await;
    assert_eq!(redeem(&rig, secret.expose(), &bound, &[]).await.code(), 400, "the verifier is missing");
    let bound = browser.go(&authorize(&[])).await;
    assert_eq!(redeem(&rig, secret.expose(), &bound, &[("code_verifier", VERIFIER)]).await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_with_the_id_token_of_this_sign_in_asks_nothing_and_ends_everything_that_hangs_on_it() {
    let rig = Rig::start().await;
    let secret = rig.register("web", web()).await.unwrap();
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&[])).await;
    let back = browser.sign_in(&page, "alice").await;
    let tokens = redeem(&rig, secret.expose(), &back, &[("code_verifier", VERIFIER)]).await.json();
    let (id_token, access) = (tokens["id_token"].as_str().unwrap(), tokens["access_token"].as_str().unwrap());
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("id_token_hint", id_token)
        .append_pair("post_logout_redirect_uri", AFTERWARDS)
        .append_pair("state", "a b")
        .finish();
    let mut elsewhere = Browser::of(&rig);
    let leaked = elsewhere.go(&format!("/realms/main/oauth2/logout?{query}")).await;
    assert!(leaked.header("location").unwrap().starts_with(AFTERWARDS));
    assert_eq!(rig.introspect(access).await["active"], true, "a leaked hint logs nobody out");
    let done = browser.go(&format!("/realms/main/oauth2/logout?{query}")).await;
    assert_eq!(done.header("location"), Some(format!("{AFTERWARDS}?state=a+b").as_str()));
    assert_eq!(rig.introspect(access).await["active"], false);
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(access).send().await.code(), 401);
    let silent = browser.go(&authorize(&[("prompt", "none")])).await;
    assert_eq!(sent_back(&silent, "error").as_deref(), Some("login_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn logout_without_a_hint_asks_first_and_goes_only_to_registered_addresses() {
    let rig = Rig::start().await;
    rig.register("web", web()).await;
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&[])).await;
    browser.sign_in(&page, "alice").await;
    for query in
        ["post_logout_redirect_uri=http://127.0.0.1/bye", "client_id=web&post_logout_redirect_uri=https://e.test/"]
    {
        let wrong = browser.go(&format!("/realms/main/oauth2/logout?{query}")).await;
        assert_eq!((wrong.code(), wrong.header("location")), (400, None), "{query}");
    }
    let question = browser.go("/realms/main/oauth2/logout").await;
    assert!(question.text().contains("Sign out?"), "{}", question.text());
    assert!(sent_back(&browser.go(&authorize(&[("prompt", "none")])).await, "code").is_some(), "asking ends nothing");
    let done = browser.submit(&question, &[]).await;
    assert_eq!(done.code(), 200, "{}", done.text());
    let silent = browser.go(&authorize(&[("prompt", "none")])).await;
    assert_eq!(sent_back(&silent, "error").as_deref(), Some("login_required"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_token_hint_names_who_must_sign_in_and_a_bad_one_is_an_error() {
    let rig = Rig::start().await;
    let secret = rig.register("web", web()).await.unwrap();
    let mut of_alice = Browser::of(&rig);
    let page = of_alice.go(&authorize(&[])).await;
    let back = of_alice.sign_in(&page, "alice").await;
    let tokens = redeem(&rig, secret.expose(), &back, &[("code_verifier", VERIFIER)]).await.json();
    let hint = tokens["id_token"].as_str().unwrap();
    assert!(sent_back(&of_alice.go(&authorize(&[("id_token_hint", hint)])).await, "code").is_some());
    let mut of_bob = Browser::of(&rig);
    let page = of_bob.go(&authorize(&[])).await;
    of_bob.sign_in(&page, "bob").await;
    let asked = of_bob.go(&authorize(&[("id_token_hint", hint)])).await;
    assert!(asked.text().contains("password"), "alice has to sign in: {}", asked.text());
    for (pairs, error) in [
        (vec![("id_token_hint", hint), ("prompt", "none")], "login_required"),
        (vec![("id_token_hint", "garbage")], "login_required"),
    ] {
        assert_eq!(sent_back(&of_bob.go(&authorize(&pairs)).await, "error").as_deref(), Some(error), "{pairs:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_by_form_are_sent_on_by_get_where_the_browser_shows_its_cookies() {
    let rig = Rig::start().await;
    rig.register("web", web()).await;
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&[])).await;
    browser.sign_in(&page, "alice").await;
    for path in ["/realms/main/oauth2/authorize", "/realms/main/oauth2/logout"] {
        let posted = rig.identity.post(path).form(&[("client_id", "web"), ("state", "a b&c")]).send().await;
        assert_eq!(posted.code(), 303, "{path}: {}", posted.text());
        let location = rig.identity_path(posted.header("location").unwrap());
        assert_eq!(location, format!("{path}?client_id=web&state=a+b%26c"));
    }
    assert!(sent_back(&browser.go(&authorize(&[("prompt", "none")])).await, "code").is_some(), "nothing has ended");
    let head = rig.identity.ask(http::Method::HEAD, &authorize(&[("prompt", "none")])).send().await;
    assert_eq!((head.code(), head.header("location")), (405, None), "a HEAD issues no code");
}

#[tokio::test(flavor = "multi_thread")]
async fn max_age_0_means_sign_in_now() {
    let rig = Rig::start().await;
    rig.register("web", web()).await;
    let mut browser = Browser::of(&rig);
    let page = browser.go(&authorize(&[])).await;
    browser.sign_in(&page, "alice").await;
    let asked = browser.go(&authorize(&[("max_age", "0")])).await;
    assert!(asked.text().contains("password"), "{}", asked.text());
    assert!(sent_back(&browser.sign_in(&asked, "alice").await, "code").is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_so_many_logins_begin_from_one_address_in_a_minute() {
    let rig = Rig::start().await;
    rig.register("web", web()).await;
    let begin = async || rig.identity.get(&authorize(&[])).send().await.code();
    for number in 0..600 {
        assert_eq!(begin().await, 303, "{number}");
    }
    assert_eq!(begin().await, 429);
    rig.advance(Duration::from_secs(60)).await;
    assert_eq!(begin().await, 303);
}
