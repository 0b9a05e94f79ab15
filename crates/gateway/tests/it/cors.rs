//! Scripts from elsewhere.

use crate::client::{get, request};
use crate::rig::Rig;
use crate::spy::Act;

const APP: (&str, &str) = ("Origin", "https://app.example");
const EVIL: (&str, &str) = ("Origin", "https://evil.example");

#[tokio::test]
async fn a_fetch_without_a_good_credential_gets_401_that_an_allowed_origin_can_read() {
    let rig = Rig::start().await;
    for credential in [None, Some("Bearer garbage"), Some("Bearer eyJh.eyJh.x")] {
        let mut headers = vec![APP, ("Sec-Fetch-Mode", "cors")];
        headers.extend(credential.map(|value| ("Authorization", value)));
        let answer = rig.ask(&get("/opaque", &headers)).await;
        assert_eq!(answer.status, 401);
        assert_eq!(answer.header("access-control-allow-origin"), Some(APP.1));
        assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
        assert!(answer.headers("vary").contains(&"origin"));
        assert!(answer.header("location").is_none());
    }
    let foreign = rig.ask(&get("/opaque", &[EVIL])).await;
    assert!(foreign.header("access-control-allow-origin").is_none());
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn a_true_preflight_is_answered_here_and_any_other_options_request_is_a_request() {
    let rig = Rig::start().await;
    let ask =
        [APP, ("Access-Control-Request-Method", "DELETE"), ("Access-Control-Request-Headers", "x-csrf-token, x-user")];
    let answer = rig.ask(&request("OPTIONS", "/opaque/1", &ask, "")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), Some(APP.1));
    assert!(answer.header("access-control-allow-methods").unwrap().contains("DELETE"));
    assert_eq!(answer.header("access-control-allow-headers"), Some("x-csrf-token"));
    let foreign = [EVIL, ("Access-Control-Request-Method", "DELETE")];
    let answer = rig.ask(&request("OPTIONS", "/opaque/1", &foreign, "")).await;
    assert!(answer.header("access-control-allow-origin").is_none(), "{}", answer.head);
    let login = [APP, ("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "content-type")];
    let answer = rig.ask(&request("OPTIONS", "/auth/login", &login, "")).await;
    assert_eq!(answer.header("access-control-allow-methods"), Some("POST"));
    assert_eq!(rig.spy.hits(), 0);
    assert_eq!(rig.ask(&request("OPTIONS", "/opaque/1", &[APP], "")).await.status, 401);
    let nowhere = rig.ask(&request("OPTIONS", "/nowhere", &ask, "")).await;
    assert_eq!(nowhere.status, 404);
    assert_eq!(rig.ask(&request("OPTIONS", "/open", &[], "")).await.status, 200);
    assert!(rig.spy.last().head.starts_with("OPTIONS /open "));
}

#[tokio::test]
async fn on_a_guarded_route_the_gateways_word_replaces_the_services() {
    let rig = Rig::start().await;
    let token = format!("Bearer {}", rig.identity.opaque("alice", "orders:read"));
    let lax = "HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 0\r\n\r\n";
    rig.spy.always(Act::Answer(lax.as_bytes().to_vec()));
    let answer = rig.ask(&get("/opaque", &[("Authorization", &token), EVIL])).await;
    assert!(answer.header("access-control-allow-origin").is_none());
    let answer = rig.ask(&get("/opaque", &[("Authorization", &token), APP])).await;
    assert_eq!(answer.headers("access-control-allow-origin"), [APP.1]);
    let answer = rig.ask(&get("/open", &[EVIL])).await;
    assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "an open route's service decides for itself");
}
