//! Every refusal: one stable reason, one id, one audit line, and no secret.

use std::collections::HashSet;

use crate::client::{get, request};
use crate::rig::Rig;

#[tokio::test]
async fn every_refusal_has_a_reason_an_id_and_exactly_one_audit_line_without_a_secret() {
    let rig = Rig::start().await;
    let opaque = rig.identity.opaque("carol", "");
    let jwt = rig.identity.jwt("carol", "");
    let unknown = rig.identity.opaque("nobody", "");
    rig.identity.end(&unknown);
    let bearer = |token: &str| format!("Bearer {token}");
    let cases = [
        ("/opaque/1?q=in-the-query", None, 401, "no_credential"),
        ("/opaque/1?q=in-the-query", Some(&opaque), 403, "insufficient_scope"),
        ("/opaque/1", Some(&unknown), 401, "unknown_token"),
        ("/opaque/1", Some(&jwt), 401, "jwt_on_opaque_route"),
        ("/jwt/1", Some(&opaque), 401, "malformed_credential"),
        ("/jwt-feed/1", Some(&jwt), 403, "insufficient_scope"),
        ("/open/%2e%2e", None, 400, "ambiguous_path"),
        ("/nowhere", None, 404, "no_route"),
    ];
    let mut ids = HashSet::new();
    for (index, (path, credential, status, reason)) in cases.iter().enumerate() {
        let authorization = credential.map(|token| bearer(token));
        let headers: Vec<(&str, &str)> = authorization.iter().map(|value| ("Authorization", value.as_str())).collect();
        let answer = rig.ask(&get(path, &headers)).await;
        assert_eq!(answer.verdict(), (*status, (*reason).to_owned()), "{path}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        let id = answer.json()["id"].as_str().expect("an id").to_owned();
        assert!(ids.insert(id.clone()), "every refusal has its own id");
        let lines = rig.audit();
        assert_eq!(lines.len(), index + 1, "{path}: one line each");
        let line = lines.last().unwrap();
        assert_eq!(line.refusal.unwrap().to_string(), id);
        assert_eq!(line.reason.unwrap().code(), *reason);
        assert_eq!(line.request.map(|id| id.to_string()).as_deref(), answer.header("x-request-id"));
        let written = serde_json::to_string(line).unwrap();
        for text in [answer.head.clone(), answer.text(), written] {
            for secret in [opaque.as_str(), jwt.as_str(), unknown.as_str(), "in-the-query"] {
                assert!(!text.contains(secret), "{path}: {text}");
            }
        }
    }
    let forbidden = &rig.audit()[1];
    assert_eq!(forbidden.subject.as_ref().map(ToString::to_string).as_deref(), Some("carol"));
    assert_eq!(forbidden.route.as_deref(), Some("opaque"));
    assert_eq!(forbidden.path.as_deref(), Some("/opaque/1"));
    assert_eq!(forbidden.detail.as_deref(), Some("missing: orders:read"));
    assert!(forbidden.session.is_some() && forbidden.grant.is_some());
}

#[tokio::test]
async fn what_the_front_door_refuses_is_recorded_too() {
    let rig = Rig::start().await;
    rig.raw("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\na").await;
    let lines = rig.audit();
    assert_eq!(lines.len(), 1);
    assert_eq!(lines[0].reason.unwrap().code(), "bad_framing");
    assert!(lines[0].method.is_none() && lines[0].path.is_none(), "nobody can say what it asked for");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_before_and_while_it_is_sent() {
    let rig = Rig::with(&|config| config.routes[1].body_bytes_max = Some(10)).await;
    let announced = rig.ask(&request("POST", "/open", &[], &"x".repeat(11))).await;
    assert_eq!(announced.verdict(), (413, "body_too_large".to_owned()));
    assert_eq!(rig.ask(&request("POST", "/open", &[], &"x".repeat(10))).await.status, 200);
    let chunked =
        "POST /open HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabcdef\r\n6\r\nabcdef\r\n0\r\n\r\n";
    let answer = rig.raw(chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert_eq!(rig.spy.hits(), 1);
}
