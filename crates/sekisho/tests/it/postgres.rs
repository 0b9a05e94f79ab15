//! The house on PostgreSQL: the stories of the opaque and the JWT pattern, two houses on one database, and a server that
//! goes and comes back.

use std::time::Duration;

use sekisho_identity::Takeover;
use sekisho_identity::admin::AdminError;
use sekisho_model::client::{ClientAuth, GrantType};
use sekisho_wire::RealmName;
use sekisho_wire::cut::State;
use sqlx::Connection as _;

use crate::client::Answer;
use crate::cluster::Cluster;
use crate::rig::{GUARDED, Rig, registration};

/// What a guarded route says to a token.
async fn ask(rig: &Rig, path: &str, token: &str) -> Answer {
    rig.gateway.get(path).bearer(token).send().await
}

/// Every way to sign in and every place that looks something up.
async fn everything_that_needs_the_database(rig: &Rig, token: &str, cold: &str) -> Vec<(&'static str, Answer)> {
    let (id, secret) = rig.machine();
    let at_identity = |path: &str| rig.identity.post(&format!("/realms/main{path}")).basic(&id, &secret);
    let password = rig.password_of("alice");
    vec![
        ("login, opaque", rig.gateway.post("/auth/login").json(&password).send().await),
        ("login, JWT", rig.gateway.post("/jwt/auth/login").json(&password).send().await),
        ("logout", rig.gateway.post("/auth/logout").bearer(token).send().await),
        ("a token that was not used before", ask(rig, "/opaque-serve/orders/1", cold).await),
        ("client credentials", at_identity("/oauth2/token").form(&[("grant_type", "client_credentials")]).send().await),
        ("introspection", at_identity("/oauth2/introspect").form(&[("token", token)]).send().await),
        ("revocation", at_identity("/oauth2/revoke").form(&[("token", token)]).send().await),
        ("the head of the feed", rig.identity.get("/realms/main/feed/head").basic(&id, &secret).send().await),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn both_patterns_hold_their_promises_and_a_restarted_house_still_knows_its_tokens() {
    let database = Cluster::shared().database();
    let rig = Rig::start_on(&database.address()).await;
    for route in GUARDED {
        let (alice, carol) = (rig.token("alice", route).await, rig.token("carol", route).await);
        assert_eq!(ask(&rig, &route.path("/orders/1"), &alice).await.code(), 200, "{route:?}");
        assert_eq!(ask(&rig, &route.path("/orders/1"), &carol).await.code(), 403, "{route:?}");
        assert_eq!(ask(&rig, &route.path("/orders/1"), "nonsense").await.code(), 401, "{route:?}");
    }
    let (opaque, jwt) = (rig.login("alice").await, rig.login_jwt("alice").await);
    assert_eq!(ask(&rig, "/opaque/orders/1", &opaque).await.code(), 200);
    assert_eq!(rig.gateway.post("/auth/logout").bearer(&opaque).send().await.code(), 204);
    assert_eq!(ask(&rig, "/opaque/orders/1", &opaque).await.code(), 401, "on the very next request");
    assert_eq!(ask(&rig, "/jwt-feed/orders/1", &jwt).await.code(), 200);
    assert_eq!(rig.gateway.post("/jwt/auth/logout").bearer(&jwt).send().await.code(), 204);
    assert_eq!(ask(&rig, "/jwt-feed/orders/1", &jwt).await.code(), 401, "where the feed is followed");
    assert_eq!(ask(&rig, "/jwt/orders/1", &jwt).await.code(), 200, "where it is not");

    let kept = rig.login("bob").await;
    let rig = rig.restart().await;
    assert_eq!(ask(&rig, "/opaque/orders/1", &kept).await.code(), 200);
    assert_eq!(ask(&rig, "/opaque/orders/1", &opaque).await.code(), 401);
    rig.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_houses_on_one_database_each_knows_the_others_tokens_and_logouts() {
    let database = Cluster::shared().database();
    let here = Rig::start_on(&database.address()).await;
    let there = here.start_beside().await;
    let [stays, ends] = [here.login("alice").await, here.login("bob").await];
    for token in [&stays, &ends] {
        assert_eq!(ask(&there, "/opaque/orders/1", token).await.code(), 200);
    }
    assert_eq!(here.gateway.post("/auth/logout").bearer(&ends).send().await.code(), 204);
    assert_eq!(ask(&here, "/opaque/orders/1", &ends).await.code(), 401, "where it was done, at once");
    there.advance(Duration::from_millis(1001)).await;
    assert_eq!(ask(&there, "/opaque/orders/1", &ends).await.code(), 401, "elsewhere, no later than `max_staleness`");
    assert_eq!(ask(&there, "/opaque/orders/1", &stays).await.code(), 200);
    // A key that one of them publishes or takes back is published or taken back by both.
    let old = here.jwks_kids().await;
    there.rotate_key(Takeover::AtOnce).await;
    there.revoke_key(&old[0]).await;
    here.settle().await;
    let new = here.jwks_kids().await;
    assert!(new.len() == 1 && new != old && new == there.jwks_kids().await, "{old:?}, {new:?}");
    let jwt = here.login_jwt("alice").await;
    assert_eq!(jsonwebtoken::decode_header(&jwt).unwrap().kid.as_ref(), new.first());
    assert_eq!(ask(&here, "/jwt-feed/orders/1", &jwt).await.code(), 200);
    there.close().await;
    here.close().await;
}

/// What a house answers to whoever looks for a realm.
async fn discovery(rig: &Rig, realm: &str) -> Answer {
    rig.identity.get(&format!("/realms/{realm}/.well-known/openid-configuration")).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_made_in_one_house_is_open_in_the_other_without_a_restart() {
    let database = Cluster::shared().database();
    let here = Rig::start_on(&database.address()).await;
    let there = here.start_beside().await;
    let branch: RealmName = "branch".parse().unwrap();
    assert_eq!(discovery(&there, "branch").await.code(), 404);
    here.admin().create_realm(&branch).await.unwrap();
    let machine = registration(vec![GrantType::ClientCredentials], ClientAuth::ClientSecretBasic, Vec::new());
    let secret = here.admin().create_client(&branch, "machine".parse().unwrap(), machine).await.unwrap().unwrap();

    assert_eq!(discovery(&there, "branch").await.code(), 404, "strangers cause one look a second");
    there.advance(Duration::from_secs(1)).await;
    let token = there.identity.post("/realms/branch/oauth2/token").basic("machine", secret.expose());
    let token = token.form(&[("grant_type", "client_credentials")]).send().await;
    assert_eq!(token.code(), 200, "{}", token.text());
    let found = discovery(&there, "branch").await;
    assert_eq!(found.json()["issuer"], format!("{}/realms/branch", there.identity_origin()));
    let [one, other] = [&here, &there].map(|rig| rig.identity.get("/realms/branch/oauth2/jwks").send());
    assert_eq!(one.await.text(), other.await.text(), "with the same keys");

    // While nobody can tell whether there is such a realm, nobody says that there is none.
    there.advance(Duration::from_secs(1)).await;
    there.switches.store.set(State::Severed);
    assert_eq!(discovery(&there, "nowhere").await.code(), 503);
    there.switches.store.set(State::Joined);
    there.advance(Duration::from_secs(1)).await;
    assert_eq!(discovery(&there, "nowhere").await.code(), 404);
    there.close().await;
    here.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_realm_that_cannot_be_opened_is_503_and_keeps_no_other_out() {
    let database = Cluster::shared().database();
    let here = Rig::start_on(&database.address()).await;
    let there = here.start_beside().await;
    for name in ["broken", "whole"] {
        here.admin().create_realm(&name.parse().unwrap()).await.unwrap();
    }
    let mut connection = sqlx::PgConnection::connect(&database.address()).await.unwrap();
    // As if it had been sealed under another key.
    let damage = "UPDATE realms SET refresh_key_sealed = '\\x00' WHERE name = 'broken'";
    sqlx::raw_sql(damage).execute(&mut connection).await.unwrap();
    for (name, code) in [("broken", 503), ("whole", 200), ("nowhere", 404)] {
        assert_eq!(discovery(&there, name).await.code(), code, "{name}");
    }
    assert_eq!(discovery(&here, "broken").await.code(), 200, "where it was open");
    there.close().await;
    here.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_houses_that_make_one_realm_one_makes_it_and_both_have_it() {
    let database = Cluster::shared().database();
    let here = Rig::start_on(&database.address()).await;
    let there = here.start_beside().await;
    let [annex, yard, shed]: [RealmName; 3] = ["annex", "yard", "shed"].map(|name| name.parse().unwrap());
    here.admin().create_realm(&annex).await.unwrap();
    let exists = there.admin().create_realm(&annex).await;
    assert!(matches!(&exists, Err(AdminError::Exists(name)) if name == "annex"), "{exists:?}");
    assert_eq!(discovery(&there, "annex").await.code(), 200, "from the answer on");

    for _ in 0..2 {
        let (one, other) = (here.admin(), there.admin());
        let made = tokio::join!(one.create_realm(&yard), other.create_realm(&yard));
        let taken = |made: &Result<_, AdminError>| matches!(made, Err(AdminError::Exists(_)));
        let (one, other) = (taken(&made.0), taken(&made.1));
        assert!(one || other, "{made:?}");
        for rig in [&here, &there] {
            assert_eq!(discovery(rig, "yard").await.code(), 200);
        }
    }

    // Administrators find it at once, whoever asked for something else a moment ago.
    assert_eq!(discovery(&there, "shed").await.code(), 404);
    here.admin().create_realm(&shed).await.unwrap();
    let all = ["annex", "main", "sekisho", "shed", "shop", "yard"].map(|name| name.parse::<RealmName>().unwrap());
    assert_eq!(there.admin().realms().await.unwrap(), all);
    there.admin().rotate_key(&shed, Takeover::AtOnce).await.unwrap();
    // Nobody here follows the feed of this realm, so it is the upkeep that does.
    let keys = async |rig: &Rig| rig.identity.get("/realms/shed/oauth2/jwks").send().await.text();
    let mut rounds = 0;
    while keys(&here).await != keys(&there).await {
        assert!(rounds < 10, "and its keys are followed");
        rounds += 1;
        here.advance(Duration::from_secs(30)).await;
        here.settle().await;
    }
    assert!(rounds > 0);
    there.close().await;
    here.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_database_is_503_and_never_401_and_when_it_is_back_everything_goes_on() {
    let cluster = Cluster::own();
    let database = cluster.database();
    let rig = Rig::start_on(&database.address()).await;
    let (opaque, jwt) = (rig.login("alice").await, rig.login_jwt("alice").await);
    for (path, token) in [("/opaque/orders/1", &opaque), ("/jwt-feed/orders/1", &jwt)] {
        assert_eq!(ask(&rig, path, token).await.code(), 200);
    }

    let cold = rig.login("alice").await;
    cluster.crash();
    assert_eq!(ask(&rig, "/opaque/orders/1", &opaque).await.code(), 200, "what is known is good for a second");
    rig.advance(Duration::from_millis(1500)).await;
    for (path, token, code) in [
        ("/opaque/orders/1", &opaque, 503),
        ("/opaque-deny/orders/1", &opaque, 503),
        ("/jwt-feed/orders/1", &jwt, 503),
        ("/jwt-feed-serve/orders/1", &jwt, 200),
        ("/jwt/orders/1", &jwt, 200),
    ] {
        let answer = ask(&rig, path, token).await;
        assert_eq!(answer.code(), code, "{path}: {}", answer.text());
        assert!(answer.header("set-cookie").is_none(), "a 503 leaves cookies alone");
    }
    for (what, answer) in everything_that_needs_the_database(&rig, &opaque, &cold).await {
        assert_eq!(answer.code(), 503, "{what}: {}", answer.text());
    }

    cluster.start();
    rig.settle().await;
    for (path, token) in [("/opaque/orders/1", &opaque), ("/jwt-feed/orders/1", &jwt)] {
        let answer = ask(&rig, path, token).await;
        assert_eq!(answer.code(), 200, "the logout was not acknowledged: {}", answer.text());
    }
    assert_eq!(rig.gateway.post("/auth/logout").bearer(&opaque).send().await.code(), 204);
    assert_eq!(ask(&rig, "/opaque/orders/1", &opaque).await.code(), 401);
    let again = rig.login("alice").await;
    assert_eq!(ask(&rig, "/opaque/orders/1", &again).await.code(), 200);
    rig.close().await;
}
