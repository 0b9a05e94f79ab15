//! How a host may be written. How many there may be: `hostile`.

use crate::rig::Rig;

#[tokio::test]
async fn a_host_that_is_none_is_refused() {
    let rig = Rig::start().await;
    for host in ["a/b", "user@a", "a..b", "a:b", "[::1", "a:123456", "a\\b", "a%2eb", ".", "a?b"] {
        let answer = rig.ask(&format!("GET /open HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(answer.verdict(), (400, "bad_host".to_owned()), "{host}: {}", answer.text());
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
    let other = rig.ask("GET /open HTTP/1.1\r\nHost: other.test\r\n\r\n").await;
    assert_eq!(other.verdict(), (404, "no_route".to_owned()));
}
