//! Upstreams that are slow, gone, or wrong; and connections that are kept.

use std::time::Duration;

use crate::client::{get, request};
use crate::rig::Rig;
use crate::spy::Act;

#[tokio::test]
async fn a_silent_upstream_is_504_at_the_deadline_and_not_before() {
    let rig = Rig::start().await;
    rig.spy.next(Act::Silence);
    let ask = rig.ask_soon(get("/open", &[]));
    rig.spy.arrived(1).await;
    rig.clock.settle().await;
    rig.clock.advance(Duration::from_secs(29)).await;
    assert!(!ask.is_finished());
    rig.clock.advance(Duration::from_secs(1)).await;
    let answer = ask.await.unwrap();
    assert_eq!(answer.verdict(), (504, "upstream_timeout".to_owned()));
    assert_eq!(rig.audit().len(), 1);
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_503_and_one_that_is_not_http_is_502() {
    let rig = Rig::start().await;
    for bytes in
        ["SSH-2.0-OpenSSH_9.2\r\n", "HTTP/1.1 200 OK\nX: \0\n\n", "HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n"]
    {
        rig.spy.next(Act::Answer(bytes.as_bytes().to_vec()));
        let answer = rig.ask(&get("/open", &[])).await;
        assert_eq!(answer.verdict(), (502, "upstream_broken".to_owned()), "{bytes}");
    }
    rig.spy.next(Act::Close);
    assert_eq!(rig.ask(&get("/open", &[])).await.verdict(), (502, "upstream_broken".to_owned()));
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = crate::rig::usual(gone.local_addr().unwrap());
    drop(gone);
    config.login.clear();
    rig.gateway.replace_routes(&config).unwrap();
    let answer = rig.ask(&get("/open", &[])).await;
    assert_eq!(answer.verdict(), (503, "upstream_unreachable".to_owned()));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn connections_are_kept_and_given_up_when_they_are_old() {
    let rig = Rig::start().await;
    for _ in 0..10 {
        assert_eq!(rig.ask(&get("/open", &[])).await.status, 200);
        rig.clock.settle().await;
    }
    assert_eq!(rig.spy.connections(), 1);
    rig.clock.advance(Duration::from_secs(31)).await;
    assert_eq!(rig.ask(&get("/open", &[])).await.status, 200);
    assert_eq!(rig.spy.connections(), 2);
    // Kept at 31 s, swept at 60 s when it is too young to go, too old at 61 s.
    rig.clock.advance(Duration::from_secs(30)).await;
    assert_eq!(rig.ask(&get("/open", &[])).await.status, 200);
    assert_eq!(rig.spy.connections(), 3);
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_when_that_can_do_no_harm() {
    let rig = Rig::start().await;
    // Warm, then closed by the upstream the moment the next request arrives on it.
    let warm = async || {
        assert_eq!(rig.ask(&get("/open/warm", &[])).await.status, 200);
        rig.clock.settle().await;
    };
    for (method, body) in [("GET", ""), ("HEAD", ""), ("DELETE", "")] {
        warm().await;
        rig.spy.next(Act::Close);
        let answer = rig.ask(&request(method, "/open", &[], body)).await;
        assert_eq!(answer.status, 200, "{method}: {}", answer.text());
    }
    let before = rig.spy.hits();
    for (method, body) in [("POST", ""), ("POST", "x"), ("PUT", "x"), ("PATCH", "x")] {
        warm().await;
        rig.spy.next(Act::Close);
        let answer = rig.ask(&request(method, "/open", &[], body)).await;
        assert_eq!(answer.verdict(), (502, "upstream_broken".to_owned()), "{method} `{body}` must not be sent twice");
    }
    assert_eq!(rig.spy.hits() - before, 8, "each exactly once, and four to warm up");
}

#[tokio::test]
async fn a_connection_that_was_closed_while_it_was_kept_costs_nobody_an_error() {
    let rig = Rig::start().await;
    for _ in 0..5 {
        rig.spy.next(Act::AnswerThenClose);
        assert_eq!(rig.ask(&request("POST", "/open", &[], "x")).await.status, 200);
        rig.clock.settle().await;
    }
}

#[tokio::test]
async fn a_head_of_an_answer_that_is_too_large_is_502() {
    let rig = Rig::start().await;
    let long = format!("HTTP/1.1 200 OK\r\nX-A: {}\r\nContent-Length: 0\r\n\r\n", "a".repeat(200 << 10));
    rig.spy.next(Act::Answer(long.into_bytes()));
    assert_eq!(rig.ask(&get("/open", &[])).await.status, 502);
    let many = format!("HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n", "X-A: b\r\n".repeat(200));
    rig.spy.next(Act::Answer(many.into_bytes()));
    assert_eq!(rig.ask(&get("/open", &[])).await.status, 502);
}

#[tokio::test]
async fn many_clients_at_once_are_all_served_over_few_connections() {
    const CLIENTS: usize = 32;
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    let clients = (0..CLIENTS).map(async |_| {
        let mut connection = rig.connect().await;
        for _ in 0..100 {
            let request = get("/opaque/1", &[("Authorization", &format!("Bearer {token}"))]);
            assert_eq!(connection.ask(&request).await.status, 200);
        }
    });
    futures_util::future::join_all(clients).await;
    assert_eq!(rig.spy.hits(), 100 * CLIENTS);
    assert!(rig.spy.connections() <= 2 * CLIENTS, "{} connections", rig.spy.connections());
    assert_eq!(rig.identity.swaps(), 1);
}
