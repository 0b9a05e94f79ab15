//! Which route takes a request.

use sekisho_gateway::config::{Route, ScopeRule};

use crate::client::{get, request};
use crate::rig::{Rig, usual};

#[tokio::test]
async fn whole_segments_match_the_longest_path_wins_and_an_exact_path_takes_nothing_below() {
    let rig = Rig::start().await;
    for (path, status) in [("/", 200), ("/open/x", 200), ("/openx", 404), ("/nowhere", 404), ("/Open", 404)] {
        let answer = rig.ask(&get(path, &[])).await;
        assert_eq!(answer.status, status, "{path}");
    }
    let answer = rig.ask(&get("/nowhere", &[])).await;
    assert_eq!((answer.reason().as_str(), answer.json()["error"].as_str()), ("no_route", Some("not_found")));
}

#[tokio::test]
async fn a_method_that_no_route_takes_gets_405_with_those_that_are_taken() {
    let rig = Rig::start().await;
    let answer = rig.ask(&request("POST", "/read-only/x", &[], "body")).await;
    assert_eq!(answer.verdict(), (405, "method_not_allowed".to_owned()));
    assert_eq!(answer.header("allow"), Some("GET"));
    assert_eq!(rig.ask(&request("HEAD", "/read-only/x", &[], "")).await.status, 200);
    for method in ["get", "TRACE"] {
        assert_eq!(rig.ask(&request(method, "/read-only/x", &[], "")).await.status, 405, "{method}");
    }
    assert_eq!(rig.ask(&get("/auth/logout", &[])).await.header("allow"), Some("POST"));
    assert_eq!(rig.spy.hits(), 1);
}

#[tokio::test]
async fn routes_are_replaced_as_a_whole_and_a_bad_set_replaces_nothing() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    assert_eq!(rig.get("/opaque/1", &token).await.status, 200);
    let mut other = usual(rig.spy.addr);
    other.routes.retain(|route| route.name != "open");
    other.routes.push(Route::open("new", "/new", &format!("http://{}", rig.spy.addr)));
    rig.gateway.replace_routes(&other).unwrap();
    assert_eq!(rig.ask(&get("/new", &[])).await.status, 200);
    assert_eq!(rig.ask(&get("/open", &[])).await.status, 404);
    assert_eq!(rig.get("/opaque/1", &token).await.status, 200);
    assert_eq!(rig.identity.swaps(), 1, "what was known of the realm was kept");

    other.routes.push(Route::open("", "/a/../b", "ftp://x"));
    let error = rig.gateway.replace_routes(&other).unwrap_err().to_string();
    assert!(error.contains("route ``: `name`: must not be empty"), "{error}");
    assert!(error.contains("`match.path`: `/a/../b`: a dot segment"), "{error}");
    assert!(error.contains("`upstream`: `ftp://x`"), "{error}");
    assert_eq!(rig.ask(&get("/new", &[])).await.status, 200);
}

#[tokio::test]
async fn scopes_are_demanded_by_route_and_method() {
    let rig = Rig::start().await;
    let ask = async |method: &str, scopes: &str| {
        let token = rig.identity.opaque("alice", scopes);
        rig.ask(&request(method, "/opaque/1", &[("Authorization", &format!("Bearer {token}"))], "")).await
    };
    for (method, scopes, status) in [
        ("GET", "orders:read", 200),
        ("GET", "orders:write", 403),
        ("GET", "", 403),
        ("DELETE", "orders:read", 403),
        ("DELETE", "orders:write", 403),
        ("DELETE", "orders:read orders:write", 200),
        ("PUT", "orders:read", 403),
        ("PUT", "orders:read orders:admin", 200),
        ("PUT", "orders:read orders:write", 200),
        ("GET", "orders:readx", 403),
    ] {
        let answer = ask(method, scopes).await;
        assert_eq!(answer.status, status, "{method} with `{scopes}`: {}", answer.text());
    }
    let refused = ask("DELETE", "orders:read").await;
    let challenge = refused.header("www-authenticate").unwrap();
    assert_eq!(challenge, r#"Bearer error="insufficient_scope", scope="orders:read orders:write""#);
}

#[tokio::test]
async fn head_needs_what_get_needs() {
    let rig = Rig::with(&|config| {
        let route = config.routes.iter_mut().find(|route| route.name == "opaque").unwrap();
        let rule = ScopeRule { all: "orders:secret".parse().unwrap(), ..ScopeRule::default() };
        route.scopes.methods.insert("GET".to_owned(), rule);
    })
    .await;
    let token = format!("Bearer {}", rig.identity.opaque("alice", "orders:read"));
    for (method, status) in [("GET", 403), ("HEAD", 403), ("POST", 200)] {
        let answer = rig.ask(&request(method, "/opaque/1", &[("Authorization", &token)], "")).await;
        assert_eq!(answer.status, status, "{method}");
    }
}
