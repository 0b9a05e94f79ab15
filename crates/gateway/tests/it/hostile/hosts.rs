//! Cases 23 to 25: whose request it is. One host, and only one.

use super::{passed, refused, upstream_saw_nothing};
use crate::rig::Rig;

#[tokio::test]
async fn case_23_a_request_of_http_1_1_without_a_host_is_refused() {
    let rig = Rig::start().await;
    for bytes in [
        "GET /open HTTP/1.1\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost:\r\n\r\n",
        "GET /open HTTP/1.1\r\nHost: \t \r\n\r\n",
        "GET /open HTTP/1.1\r\nX-Forwarded-Host: gateway.test\r\n\r\n",
        "GET http://gateway.test/open HTTP/1.1\r\n\r\n",
    ] {
        refused(&rig, bytes, bytes.as_bytes(), "400 bad_host").await;
    }
    upstream_saw_nothing(&rig).await;
    // HTTP/1.0 knows no such duty.
    let answer = rig.raw("GET /open HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    assert_eq!(rig.spy.last().headers("host"), [rig.spy.addr.to_string()]);
}

#[tokio::test]
async fn case_24_two_hosts_are_refused_also_when_they_are_the_same() {
    let rig = Rig::start().await;
    for lines in [
        "Host: gateway.test\r\nHost: gateway.test\r\n",
        "Host: gateway.test\r\nHost: evil.test\r\n",
        "Host: gateway.test\r\nX-A: b\r\nHOST: evil.test\r\n",
        "Host: gateway.test\r\nHost:\r\n",
        "Host: gateway.test, evil.test\r\n",
        "Host: gateway.test,gateway.test\r\n",
        "Host: gateway.test evil.test\r\n",
    ] {
        let bytes = format!("GET /open HTTP/1.1\r\n{lines}\r\n");
        refused(&rig, lines, bytes.as_bytes(), "400 bad_host").await;
    }
    refused(&rig, "on 1.0", b"GET /open HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400 bad_host").await;
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_25_a_target_that_names_another_host_is_refused_and_one_that_names_the_same_goes_by_it() {
    let rig = Rig::with(&|config| config.routes[1].matching.host = Some("gateway.test".to_owned())).await;
    for (target, host, expected) in [
        ("http://evil.test/open", "gateway.test", "400 bad_host"),
        ("http://gateway.test/open", "evil.test", "400 bad_host"),
        ("http://gateway.test:8080/open", "gateway.test", "400 bad_host"),
        ("http://gateway.test/open", "gateway.test:8080", "400 bad_host"),
        ("http://evil@gateway.test/open", "gateway.test", "400 bad_host"),
        ("http://evil@gateway.test/open", "evil@gateway.test", "400 bad_host"),
        ("http://gateway.test@evil.test/open", "gateway.test", "400 bad_host"),
        ("http://gateway.test\\@evil.test/open", "gateway.test", "400 bad_target"),
        ("http:///open", "gateway.test", "400 bad_target"),
        ("http:/open", "gateway.test", "400 bad_target"),
        ("ftp://gateway.test/open", "gateway.test", "400 bad_target"),
        ("gateway.test/open", "gateway.test", "400 bad_target"),
        ("gateway.test:80", "gateway.test:80", "400 bad_target"),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        refused(&rig, &format!("{target} for {host}"), bytes.as_bytes(), expected).await;
    }
    upstream_saw_nothing(&rig).await;
    for (target, host) in [
        ("http://gateway.test/open/x?q=1", "gateway.test"),
        ("http://gateway.test/open/x?q=1", "Gateway.test:80"),
        ("HTTP://GATEWAY.TEST:80/open/x?q=1", "gateway.test"),
    ] {
        let bytes = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
        let seen = passed(&rig, target, bytes.as_bytes(), &[("/open/x?q=1", "")]).await;
        assert_eq!(seen[0].headers("host"), [rig.spy.addr.to_string()], "the upstream's own");
        assert_eq!(seen[0].header("x-forwarded-host"), Some(host));
    }
    // A path that looks like an authority is a path.
    passed(&rig, "two slashes", b"GET //open/x HTTP/1.1\r\nHost: gateway.test\r\n\r\n", &[("/open/x", "")]).await;
}

crate::secured::over_tls![
    case_23_a_request_of_http_1_1_without_a_host_is_refused,
    case_24_two_hosts_are_refused_also_when_they_are_the_same,
    case_25_a_target_that_names_another_host_is_refused_and_one_that_names_the_same_goes_by_it,
];
