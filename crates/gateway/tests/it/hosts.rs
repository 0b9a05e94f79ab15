//! Whose request it is: one host, and only one.

use crate::client::raw;
use crate::rig::Rig;

#[tokio::test]
async fn a_request_names_exactly_one_host() {
    let rig = Rig::start().await;
    for (request, expected) in [
        ("GET /open HTTP/1.1\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: a b\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: user@a\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: a..b\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: a:b\r\n\r\n", "400 "),
        ("GET /open HTTP/1.1\r\nHost: [::1\r\n\r\n", "400 "),
        ("GET http://evil.test/open HTTP/1.1\r\nHost: gateway.test\r\n\r\n", "400 "),
        ("GET http://gateway.test/open HTTP/1.1\r\nHost: gateway.test:8080\r\n\r\n", "400 "),
        ("GET ftp://gateway.test/open HTTP/1.1\r\nHost: gateway.test\r\n\r\n", "400 "),
    ] {
        let answer = raw(rig.addr(), request.as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected}")), "{request}: {answer}");
    }
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn the_host_may_be_written_in_many_ways_and_the_upstream_sees_its_own() {
    let rig = Rig::with(&|config| config.routes[1].matching.host = Some("gateway.test".to_owned())).await;
    for host in ["gateway.test", "GATEWAY.test", "gateway.test.", "gateway.test:8000", "Gateway.Test.:80"] {
        let answer = rig.ask(&format!("GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(answer.status, 200, "{host}: {}", answer.text());
        let seen = rig.spy.last();
        assert_eq!(seen.headers("host"), [rig.spy.addr.to_string()]);
        assert_eq!(seen.header("x-forwarded-host"), Some(host));
    }
    let absolute = "GET http://gateway.test/open/x?q=1 HTTP/1.1\r\nHost: Gateway.test:80\r\n\r\n";
    assert_eq!(rig.ask(absolute).await.status, 200);
    assert_eq!(rig.spy.last().target(), "/open/x?q=1");
    let other = rig.ask("GET /open HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
    assert_eq!(other.verdict(), (404, "no_route".to_owned()));
}
