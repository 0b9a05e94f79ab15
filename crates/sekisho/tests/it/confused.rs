//! Tokens and forms that are good, in the wrong hands or the wrong place: what was narrowed stays narrow, what was meant for
//! one is worth nothing to another.

use sekisho_model::client::{ClientAuth, Consent, GrantType, Registration};
use serde_json::{Value, json};

use crate::client::Answer;
use crate::oauth::{Browser, PublicFlow};
use crate::rig::{Rig, realm, registration};

const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

async fn token(rig: &Rig, fields: &[(&str, &str)]) -> Answer {
    rig.identity.post("/realms/main/oauth2/token").form(fields).send().await
}

/// An opaque token of the public client, asked for with these parameters.
async fn opaque(rig: &Rig, more: &[(&str, &str)]) -> Value {
    let family = PublicFlow::sign_in(rig, "alice").await.redeem(rig).await.json();
    let refresh = family["refresh_token"].as_str().unwrap();
    let usual = [
        ("grant_type", "refresh_token"),
        ("client_id", "public"),
        ("refresh_token", refresh),
        ("requested_token_type", ACCESS_TOKEN),
    ];
    let fields: Vec<(&str, &str)> = usual.iter().chain(more).copied().collect();
    let answer = token(rig, &fields).await;
    assert_eq!(answer.code(), 200, "{}", answer.text());
    answer.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_opaque_token_is_worth_what_it_was_asked_for_and_not_its_whole_grant() {
    let rig = Rig::start().await;
    let narrow = opaque(&rig, &[("scope", "openid"), ("resource", "stock")]).await;
    let text = narrow["access_token"].as_str().unwrap();
    let told = rig.introspect(text).await;
    assert_eq!((&told["scope"], &told["aud"]), (&json!("openid"), &json!(["stock"])));
    let refused = rig.gateway.get("/opaque/orders/1").bearer(text).send().await;
    assert_eq!(refused.reason(), "insufficient_scope", "orders:read was not asked for");
    // Of a route for orders alone, a token for stock is no token.
    let elsewhere = rig.gateway.get("/shop-orders-only/orders/1").bearer(text).send().await;
    assert_eq!((elsewhere.code(), elsewhere.reason().as_str()), (401, "wrong_audience"));
    let wide = opaque(&rig, &[]).await;
    let wide = rig.gateway.get("/opaque/orders/1").bearer(wide["access_token"].as_str().unwrap()).send().await;
    assert_eq!(wide.code(), 200, "{}", wide.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_answers_with_one_callers_jwt_does_not_hand_it_to_another() {
    let rig = Rig::start().await;
    let (alice, bob) = (rig.login("alice").await, rig.login("bob").await);
    rig.gateway.get("/opaque/orders/1").bearer(&alice).send().await;
    let inner = rig.spy.last().bearer();
    rig.spy.answer_with("set-cookie", &format!("kept={inner}"));
    let to_bob = rig.gateway.get("/opaque/orders/1").bearer(&bob).send().await;
    assert_eq!((to_bob.code(), to_bob.header("set-cookie")), (200, None));
    assert_eq!(rig.audit.lines_of_event("response_token_dropped").len(), 1);
    let to_alice = rig.gateway.get("/opaque/orders/1").bearer(&alice).send().await;
    let wrapped = to_alice.set_cookie("kept").expect("her own is wrapped");
    let told = rig.introspect(&wrapped).await;
    let claims = rig.verify(&inner, "orders").await;
    assert!(told["exp"].as_i64() <= claims["exp"].as_i64(), "it ends with what was wrapped");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_form_is_no_consent_and_a_form_of_a_step_that_is_over_says_nothing() {
    let rig = Rig::start().await;
    let grants = vec![GrantType::AuthorizationCode];
    let asks = Registration { consent: Consent::Required, ..registration(grants, ClientAuth::None, Vec::new()) };
    rig.register("asks", asks).await;
    let authorize = |client: &str| {
        format!(
            "/realms/main/oauth2/authorize?response_type=code&client_id={client}&redirect_uri=http://127.0.0.1/callback\
             &scope=openid&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        )
    };
    let mut browser = Browser::of(&rig);
    let first_tab = browser.go(&authorize("asks")).await;
    let second_tab = browser.go(&authorize("public")).await;
    assert!(browser.sign_in(&second_tab, "alice").await.header("location").unwrap().contains("code="));
    // The first tab still shows the password form, and its flow now waits for a consent.
    let shown = browser.sign_in(&first_tab, "alice").await;
    assert_eq!((shown.code(), shown.header("location")), (200, None));
    assert!(shown.text().contains("Allow"), "the question itself: {}", shown.text());
    let granted = browser.submit(&shown, &[]).await;
    assert!(granted.header("location").unwrap().contains("code="));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_got_by_exchange_ends_alone_and_does_not_end_somebody_elses_grant() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await;
    let inner = rig.spy.last().bearer();
    let (id, secret) = rig.machine();
    let fields = [("grant_type", EXCHANGE), ("subject_token", inner.as_str()), ("subject_token_type", JWT)];
    let delegated = rig.identity.post("/realms/main/oauth2/token").basic(&id, &secret).form(&fields).send().await;
    let delegated = delegated.json()["access_token"].as_str().unwrap().to_owned();
    let userinfo = rig.identity.get("/realms/main/oauth2/userinfo").bearer(&delegated).send().await;
    assert_eq!(userinfo.code(), 401, "nor does it open userinfo");
    let wrap = [
        ("grant_type", EXCHANGE),
        ("subject_token", delegated.as_str()),
        ("subject_token_type", JWT),
        ("requested_token_type", ACCESS_TOKEN),
    ];
    let wrapped = rig.identity.post("/realms/main/oauth2/token").basic(&id, &secret).form(&wrap).send().await;
    assert!(!wrapped.text().contains("sekot"), "nor does it become an opaque token: {}", wrapped.text());
    let revoke = rig.identity.post("/realms/main/oauth2/revoke").basic(&id, &secret);
    assert_eq!(revoke.form(&[("token", &delegated)]).send().await.code(), 200);
    assert_eq!(rig.introspect(&delegated).await["active"], false);
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200, "alice goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_client_delegated_ends_when_the_client_is_disabled() {
    let rig = Rig::start().await;
    let grants = vec![GrantType::ClientCredentials];
    let machine = registration(grants, ClientAuth::ClientSecretPost, Vec::new());
    let secret = rig.register("machine", machine).await.unwrap();
    let fields = [("grant_type", "client_credentials"), ("client_id", "machine"), ("client_secret", secret.expose())];
    let own = token(&rig, &fields).await.json()["access_token"].as_str().unwrap().to_owned();
    let (id, secret) = rig.machine();
    let fields = [("grant_type", EXCHANGE), ("subject_token", own.as_str()), ("subject_token_type", JWT)];
    let delegated = rig.identity.post("/realms/main/oauth2/token").basic(&id, &secret).form(&fields).send().await;
    let delegated = delegated.json()["access_token"].as_str().unwrap().to_owned();
    assert_eq!(rig.gateway.get("/jwt-feed/orders/1").bearer(&delegated).send().await.code(), 200);
    rig.admin().disable_client(&realm(), &"machine".parse().unwrap()).await.unwrap();
    let refused = rig.gateway.get("/jwt-feed/orders/1").bearer(&delegated).send().await;
    assert_eq!((refused.code(), refused.reason().as_str()), (401, "client_revoked"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_cannot_be_served_costs_no_refresh_token() {
    let rig = Rig::start_with_refresh_grace(0).await;
    let family = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let refresh = family["refresh_token"].as_str().unwrap();
    let usual = [("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", refresh)];
    for wrong in
        [("requested_token_type", "x"), ("token_bytes_max", "many"), ("scope", "orders:write"), ("resource", "x")]
    {
        let fields: Vec<(&str, &str)> = usual.iter().copied().chain([wrong]).collect();
        assert_eq!(token(&rig, &fields).await.code(), 400, "{wrong:?}");
    }
    assert_eq!(token(&rig, &usual).await.code(), 200, "it was not used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_makes_a_token_by_hand_for_a_client_or_a_person_who_may_do_nothing() {
    use sekisho_identity::admin::HandMade;
    let rig = Rig::start().await;
    let by_hand = |subject: Option<&str>| HandMade {
        client: "public".parse().unwrap(),
        subject: subject.map(|subject| subject.parse().unwrap()),
        scope: "orders:read".parse().unwrap(),
        audiences: vec!["orders".to_owned()],
        ttl_s: 60,
    };
    let alice = rig.user("alice").id.to_string();
    assert!(rig.admin().issue_token(&realm(), by_hand(Some(&alice))).await.is_ok());
    rig.admin().disable_user(&realm(), &"alice".parse().unwrap()).await.unwrap();
    assert!(rig.admin().issue_token(&realm(), by_hand(Some(&alice))).await.is_err());
    rig.admin().disable_client(&realm(), &"public".parse().unwrap()).await.unwrap();
    assert!(rig.admin().issue_token(&realm(), by_hand(None)).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_client_gets_no_rights_beyond_tokens() {
    let rig = Rig::start().await;
    let public = |grants| registration(grants, ClientAuth::None, Vec::new());
    for wrong in [
        public(vec![GrantType::ClientCredentials]),
        public(vec![GrantType::TokenExchange]),
        Registration { capabilities: vec![sekisho_model::client::Capability::Introspect], ..public(Vec::new()) },
        Registration { pkce: sekisho_model::client::Pkce::Optional, ..public(Vec::new()) },
    ] {
        assert!(
            rig.admin().create_client(&realm(), "wrong".parse().unwrap(), wrong.clone()).await.is_err(),
            "{wrong:?}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_the_feed_ends_with_the_right_to_read_it() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let rig = Rig::start().await;
    let (id, secret) = rig.machine();
    let head = rig.identity.get("/realms/main/feed/head").basic(&id, &secret).send().await.json();
    let at = head["position"].as_str().unwrap();
    let credentials = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
    let mut stream = tokio::net::TcpStream::connect(rig.identity_addr).await.unwrap();
    let ask = format!(
        "GET /realms/main/feed?after={at} HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\
         Authorization: Basic {credentials}\r\nConnection: close\r\n\r\n"
    );
    stream.write_all(ask.as_bytes()).await.unwrap();
    let mut begun = [0; 12];
    stream.read_exact(&mut begun).await.unwrap();
    assert_eq!(&begun, b"HTTP/1.1 200");
    rig.admin().disable_client(&realm(), &id.parse().unwrap()).await.unwrap();
    let mut rest = Vec::new();
    stream.read_to_end(&mut rest).await.unwrap();
    assert!(!String::from_utf8_lossy(&rest).contains("event: entry"), "not even that of its own end");
}
