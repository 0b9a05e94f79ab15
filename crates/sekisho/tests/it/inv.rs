//! INV-1 … INV-9: what holds for every pattern. Each story runs against every guarded route of the rig.
//!
//! INV-6 is proved here as 401 with CORS headers; redirects of page navigations come with the `sso` pattern.

use http::Method;
use sekisho_token::credential::Kind;
use sekisho_wire::cut::State;

use crate::forge::Forge;
use crate::oauth::PublicFlow;
use crate::rig::{GUARDED, Rig};

#[tokio::test(flavor = "multi_thread")]
async fn inv_1_a_request_without_credential_gets_401_with_a_bearer_challenge_and_reaches_no_service() {
    let rig = Rig::start().await;
    for route in GUARDED {
        let answer = rig.gateway.get(&route.path("/orders/1")).send().await;
        assert_eq!(answer.code(), 401, "{route:?}");
        let challenge = answer.header("www-authenticate").expect("a challenge");
        assert!(challenge.starts_with("Bearer"), "{challenge}");
        // RFC 6750 §3: no error code when no credential was sent.
        assert!(!challenge.contains("error="), "{challenge}");
        assert_eq!(answer.reason(), "no_credential");
    }
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_2_identity_headers_of_the_client_never_arrive_under_any_spelling() {
    const SPELLINGS: &[&str] = &[
        "X-User-Id",
        "x-user",
        "X_User_Id",
        "X.User.Id",
        "x-UsEr-Name",
        "X-Forwarded-User",
        "X-Forwarded-Email",
        "X-Forwarded-Groups",
        "X_Forwarded_User",
        "X-Auth-Request-User",
        "X-Auth-User",
        "Remote-User",
        "Remote_User",
        "X-Sekisho-Subject",
        "X_Sekisho.Subject",
    ];
    let rig = Rig::start().await;
    for route in GUARDED {
        let token = rig.token("alice", route).await;
        for spelling in SPELLINGS {
            let ask = rig.gateway.get(&route.path("/orders/1")).bearer(&token);
            let answer = ask.header(spelling, "admin").header(&spelling.to_uppercase(), "admin").send().await;
            assert_eq!(answer.code(), 200, "{route:?} {spelling}: {}", answer.text());
            assert!(!rig.spy.last().head_text().contains("admin"), "{route:?} {spelling}");
        }
        let verified = rig.verify(&rig.spy.last().bearer(), "orders").await;
        assert_eq!(verified["sub"], rig.user("alice").id.to_string());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_3_every_hostile_token_is_refused_with_its_reason_and_reaches_no_service() {
    let rig = Rig::start().await;
    let forge = Forge::of(&rig).await;
    for (what, token, reason) in forge.hostile_tokens(&rig).await {
        for route in GUARDED.iter().filter(|route| route.takes_jwt()) {
            let answer = rig.gateway.get(&route.path("/orders/1")).bearer(&token).send().await;
            assert_eq!(answer.code(), 401, "{what} on {route:?}: {}", answer.text());
            assert_eq!(answer.reason(), reason, "{what} on {route:?}");
        }
        let answer = rig.gateway.get("/opaque/orders/1").bearer(&token).send().await;
        assert_eq!(answer.code(), 401, "{what} on the opaque route: {}", answer.text());
    }
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_3_a_token_of_9_kb_is_401_and_one_of_a_megabyte_meets_the_head_limit() {
    let rig = Rig::start().await;
    for route in GUARDED {
        let answer = rig.gateway.get(&route.path("/orders/1")).bearer(&"a".repeat(9 * 1024)).send().await;
        assert_eq!(answer.code(), 401, "{route:?}");
        let answer = rig.gateway.get(&route.path("/orders/1")).header("authorization", "Bearer ").send().await;
        assert_eq!(answer.code(), 401, "{route:?}: an empty bearer");
    }
    assert_eq!(rig.raw_status(&rig.head_of_bytes(1 << 20)).await, 431);
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_3_two_credentials_that_disagree_are_400() {
    let rig = Rig::start().await;
    for route in GUARDED {
        let alice = rig.token("alice", route).await;
        let bob = rig.token("bob", route).await;
        let cookie = format!("{}={alice}", rig.cookie(route.cookie()));
        let ask = rig.gateway.get(&route.path("/orders/1")).header("cookie", &cookie);
        let answer = ask.bearer(&bob).send().await;
        assert_eq!((answer.code(), answer.reason().as_str()), (400, "credentials_disagree"), "{route:?}");
        assert_eq!(answer.json()["error"], "invalid_request");
        let ask = rig.gateway.get(&route.path("/orders/1")).header("cookie", &cookie);
        assert_eq!(ask.bearer(&alice).send().await.code(), 200, "{route:?}: the same twice");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_4_wrong_password_and_unknown_user_get_the_same_answer_for_the_same_work() {
    let rig = Rig::start().await;
    let mut answers = Vec::new();
    for name in ["alice", "nobody-of-this-name"] {
        let before = rig.argon2_runs();
        let answer = rig.login_with(name, "wrong password").await;
        answers.push((answer.code(), answer.json_without_id(), rig.argon2_runs() - before));
    }
    assert_eq!(answers[0].0, 401);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0].2, 1, "one Argon2 run each");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_4_nothing_in_a_dump_of_the_database_is_accepted_as_a_credential() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let jwt = rig.login_jwt("alice").await;
    assert_eq!(rig.gateway.get("/opaque/orders/1").bearer(&opaque).send().await.code(), 200);
    // A browser that signed in, a code on its way, a refresh family: everything that the database knows of.
    let tokens = PublicFlow::sign_in(&rig, "alice").await.redeem(&rig).await.json();
    let waiting = PublicFlow::sign_in(&rig, "alice").await;
    let (id, client_secret) = rig.machine();
    let dump = rig.dump().await;
    assert!(dump.len() > 50, "a dump of {} values is no dump", dump.len());
    let password = rig.user("alice").password.clone();
    let refresh = tokens["refresh_token"].as_str().unwrap();
    let secrets = [opaque.as_str(), &jwt, &password, &client_secret, refresh, waiting.code()];
    for value in &dump {
        for secret in secrets.iter().chain(&waiting.cookies()) {
            assert!(!value.contains(secret), "a stored value holds a credential");
        }
        let usable = value.len() <= 4096 && value.bytes().all(|b| (0x20..0x7f).contains(&b));
        for route in GUARDED.iter().filter(|_| usable) {
            let answer = rig.gateway.get(&route.path("/orders/1")).bearer(value).send().await;
            assert_ne!(answer.code(), 200, "{route:?} accepts a stored value");
        }
        if usable {
            assert_ne!(rig.login_with("alice", value).await.code(), 200, "a stored value is accepted as a password");
            rig.forget_throttling().await;
            identity_accepts_nothing_of(&rig, &id, value).await;
        }
    }
}

/// A stored value, as it is and behind our prefixes, at every place of identity that takes a credential.
async fn identity_accepts_nothing_of(rig: &Rig, client: &str, value: &str) {
    let main = |path: &str| format!("/realms/main{path}");
    let token = |fields: &[(&str, &str)]| rig.identity.post(&main("/oauth2/token")).form(fields);
    let own = rig.identity.post(&main("/oauth2/token")).basic(client, value);
    let own = own.form(&[("grant_type", "client_credentials")]).send().await;
    assert_ne!(own.code(), 200, "a stored value is accepted as a client's secret");
    for guess in Kind::ALL.map(|kind| format!("{}{value}", kind.prefix())).iter().chain([&value.to_owned()]) {
        let refreshed = token(&[("grant_type", "refresh_token"), ("client_id", "public"), ("refresh_token", guess)]);
        assert_ne!(refreshed.send().await.code(), 200, "a stored value is accepted as a refresh token");
        let introspected = rig.introspect(guess).await;
        assert_ne!(introspected["active"], true, "a stored value is introspected");
        let userinfo = rig.identity.get(&main("/oauth2/userinfo")).bearer(guess).send().await;
        assert_ne!(userinfo.code(), 200, "a stored value is accepted at userinfo");
        let [sso, browser] = ["sekisho-main-sso", "sekisho-main-browser"].map(|plain| rig.cookie(plain));
        let cookie = format!("{sso}={guess}; {browser}={guess}");
        let silent = rig.identity.get(&silent_request()).header("cookie", &cookie).send().await;
        let location = silent.header("location").unwrap_or_default();
        assert!(location.contains("error=login_required"), "a stored value is a sign-in: {location}");
    }
}

fn silent_request() -> String {
    "/realms/main/oauth2/authorize?response_type=code&client_id=public&redirect_uri=http://127.0.0.1/callback\
     &scope=openid&prompt=none&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
        .to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_5_bad_credential_not_allowed_and_dependency_down_never_mix() {
    let rig = Rig::start().await;
    for route in GUARDED {
        let alice = rig.token("alice", route).await;
        let carol = rig.token("carol", route).await;
        assert_eq!(rig.gateway.get(&route.path("/orders/1")).bearer("nonsense").send().await.code(), 401, "{route:?}");

        let answer = rig.gateway.get(&route.path("/orders/1")).bearer(&carol).send().await;
        assert_eq!((answer.code(), answer.reason().as_str()), (403, "insufficient_scope"), "{route:?}");
        let challenge = answer.header("www-authenticate").unwrap();
        assert!(challenge.contains(r#"error="insufficient_scope""#), "{challenge}");
        assert!(challenge.contains(r#"scope="orders:read""#), "{challenge}");
        assert_eq!(rig.gateway.get(&route.path("/orders/1")).bearer(&alice).send().await.code(), 200, "{route:?}");
    }
    let fresh = rig.login("alice").await;
    let cookie = format!("{}={fresh}", rig.cookie("sekisho-main-opaque"));
    rig.switches.identity.set(State::Severed);
    let answer = rig.gateway.get("/opaque/orders/1").header("cookie", &cookie).send().await;
    assert_eq!((answer.code(), answer.reason().as_str()), (503, "identity_unavailable"));
    assert!(answer.header("retry-after").is_some());
    assert!(answer.header("set-cookie").is_none(), "a 503 leaves cookies alone");
    rig.switches.identity.set(State::Joined);
    assert_eq!(rig.gateway.get("/opaque/orders/1").header("cookie", &cookie).send().await.code(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_6_a_fetch_gets_401_that_an_allowed_origin_can_read_and_no_redirect() {
    let rig = Rig::start().await;
    for route in GUARDED {
        for credential in [None, Some("garbage"), Some("sekot00000")] {
            let ask = rig.gateway.get(&route.path("/orders/1")).header("accept", "application/json");
            let ask = ask.header("origin", "https://app.example").header("sec-fetch-mode", "cors");
            let ask = if let Some(credential) = credential { ask.bearer(credential) } else { ask };
            let answer = ask.send().await;
            assert_eq!(answer.code(), 401, "{route:?} {credential:?}");
            assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
            assert!(answer.header("location").is_none());
        }
        let gone = rig.token("alice", route).await;
        let mount = if route.takes_jwt() { "/jwt/auth" } else { "/auth" };
        rig.gateway.post(&format!("{mount}/logout")).bearer(&gone).send().await;
        rig.advance(rig.access_token_lifetime() + std::time::Duration::from_secs(61)).await;
        rig.settle().await;
        for cookie in ["garbage", &gone, "\"\"; x=1"] {
            for accept in ["application/json", "text/event-stream", "*/*"] {
                let ask = rig.gateway.get(&route.path("/orders/1")).header("accept", accept);
                let ask = ask.header("cookie", &format!("{}={cookie}", rig.cookie(route.cookie())));
                let answer = ask.header("origin", "https://app.example").send().await;
                assert_eq!(answer.code(), 401, "{route:?} {cookie} {accept}: {}", answer.text());
                assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
                assert!(answer.header("location").is_none());
            }
        }
        let foreign = rig.gateway.get(&route.path("/orders/1")).header("origin", "https://evil.example").send().await;
        assert!(foreign.header("access-control-allow-origin").is_none());
        let preflight = rig.gateway.ask(Method::OPTIONS, &route.path("/orders/1"));
        let preflight =
            preflight.header("origin", "https://app.example").header("access-control-request-method", "GET");
        let answer = preflight.send().await;
        assert!(answer.status.is_success(), "{route:?}: {}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), Some("https://app.example"));
    }
    assert_eq!(rig.spy.hits(), 0, "preflights are answered at the edge");
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_7_every_denial_has_a_reason_an_id_and_one_audit_line_and_none_of_them_holds_a_secret() {
    let rig = Rig::start().await;
    let token = rig.login("carol").await;
    let jwt = rig.login_jwt("carol").await;
    for (path, credential, reason) in [
        ("/opaque/orders/1", None, "no_credential"),
        ("/opaque/orders/1", Some(&token), "insufficient_scope"),
        ("/opaque/orders/1", Some(&jwt), "jwt_on_opaque_route"),
        ("/jwt/orders/1", Some(&token), "malformed_credential"),
        ("/jwt-feed/orders/1?secret=in-the-query", Some(&jwt), "insufficient_scope"),
        ("/nowhere", None, "no_route"),
    ] {
        let ask = rig.gateway.get(path);
        let answer = if let Some(credential) = credential { ask.bearer(credential) } else { ask }.send().await;
        assert_eq!(answer.reason(), reason, "{path}");
        let id = answer.json()["id"].as_str().expect("an id").to_owned();
        let lines = rig.audit.lines_of_refusal(&id);
        assert_eq!(lines.len(), 1, "{path}: exactly one line");
        assert_eq!(lines[0]["reason"], reason);
        for text in [answer.text(), lines[0].to_string()] {
            for secret in [token.as_str(), jwt.as_str(), "in-the-query"] {
                assert!(!text.contains(secret), "{path}: {text}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_8_the_clients_own_credential_is_stripped_before_the_upstream() {
    let rig = Rig::start().await;
    let opaque = rig.login("alice").await;
    let [token, sso] = ["sekisho-main-opaque", "sekisho-main-sso"].map(|plain| rig.cookie(plain));
    let cookie = format!("theme=dark; {token}={opaque}; {sso}=whatever; lang=ja");
    assert_eq!(rig.gateway.get("/opaque/orders/1").header("cookie", &cookie).send().await.code(), 200);
    let seen = rig.spy.last();
    assert!(!seen.head_text().contains(&opaque));
    assert_eq!(seen.headers["cookie"], "theme=dark; lang=ja");

    let jwt = rig.login_jwt("alice").await;
    let cookie = format!("{}={jwt}", rig.cookie("sekisho-main-jwt"));
    assert_eq!(rig.gateway.get("/jwt/orders/1").header("cookie", &cookie).send().await.code(), 200);
    let seen = rig.spy.last();
    assert!(seen.headers.get("cookie").is_none());
    assert_eq!(seen.bearer(), jwt, "the JWT pattern hands the JWT on, as a bearer token");

    assert_eq!(rig.gateway.get("/open/x").header("cookie", &cookie).bearer("abc").send().await.code(), 200);
    assert!(rig.spy.last().headers.get("cookie").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn inv_9_identity_speaks_plain_http_1_1_on_loopback() {
    let rig = Rig::start().await;
    let answer = rig.raw(rig.identity_addr, b"GET /realms/main/.well-known/openid-configuration HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains(r#""issuer":"#));
}

crate::secured::over_tls![
    inv_1_a_request_without_credential_gets_401_with_a_bearer_challenge_and_reaches_no_service,
    inv_2_identity_headers_of_the_client_never_arrive_under_any_spelling,
    inv_3_every_hostile_token_is_refused_with_its_reason_and_reaches_no_service,
    inv_3_two_credentials_that_disagree_are_400,
    inv_4_wrong_password_and_unknown_user_get_the_same_answer_for_the_same_work,
    inv_5_bad_credential_not_allowed_and_dependency_down_never_mix,
    inv_6_a_fetch_gets_401_that_an_allowed_origin_can_read_and_no_redirect,
    inv_7_every_denial_has_a_reason_an_id_and_one_audit_line_and_none_of_them_holds_a_secret,
    inv_8_the_clients_own_credential_is_stripped_before_the_upstream,
];
