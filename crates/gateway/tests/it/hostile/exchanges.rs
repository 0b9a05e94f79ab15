//! Cases 26, 28 to 31 and 34: bodies where none is expected, expectations, upgrades, tunnels, and who asks each time.

use super::{NEXT, POST, SMUGGLED, passed, refused, upstream_saw_nothing};
use crate::client::{self, get};
use crate::rig::Rig;
use crate::spy::Act;

#[tokio::test]
async fn case_26_a_get_with_a_body_is_forwarded_framed_and_leaves_no_bytes_on_the_wire() {
    let rig = Rig::start().await;
    let length = SMUGGLED.len();
    for method in ["GET", "DELETE", "OPTIONS", "get"] {
        let head = format!("{method} /open/outer HTTP/1.1\r\nHost: gateway.test\r\n");
        let sized = format!("{head}Content-Length: {length}\r\n\r\n{SMUGGLED}");
        passed(&rig, &sized, sized.as_bytes(), &[("/open/outer", SMUGGLED)]).await;
        let chunked = format!("{head}Transfer-Encoding: chunked\r\n\r\n{length:x}\r\n{SMUGGLED}\r\n0\r\n\r\n");
        passed(&rig, &chunked, chunked.as_bytes(), &[("/open/outer", SMUGGLED)]).await;
        let empty = format!("{head}Content-Length: 0\r\n\r\n");
        passed(&rig, &empty, empty.as_bytes(), &[("/open/outer", "")]).await;
    }
    // HEAD: the body goes there, none comes back.
    let mut connection = rig.connect().await;
    let head = format!("HEAD /open/outer HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: {length}\r\n\r\n{SMUGGLED}");
    connection.write(format!("{head}{NEXT}").as_bytes()).await;
    assert_eq!(client::soon(connection.answer(true)).await.status, 200);
    assert_eq!(client::soon(connection.answer(false)).await.text(), "fine");
    assert_eq!(rig.spy.last().target(), "/open/next");
}

#[tokio::test]
async fn case_26_a_body_that_nobody_read_is_not_taken_for_a_request() {
    let rig = Rig::start().await;
    // Refused before the body is looked at: it is skipped, or the connection ends.
    for path in ["/opaque", "/nowhere", "/open/%2e%2e"] {
        let sized = format!("GET {path} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: {}\r\n\r\n", SMUGGLED.len());
        let mut connection = rig.connect().await;
        connection.write(format!("{sized}{SMUGGLED}{NEXT}").as_bytes()).await;
        let answer = client::soon(connection.answer(false)).await;
        assert!((400..500).contains(&answer.status), "{path}: {}", answer.head);
        let rest = connection.finish().await;
        assert!(rest.matches("HTTP/1.1 ").count() <= 1, "{path}: {rest}");
    }
    assert!(rig.spy.all().iter().all(|seen| seen.target() == "/open/next"), "{:?}", rig.spy.all());
}

#[tokio::test]
async fn case_28_an_expectation_is_answered_here_and_never_travels() {
    let rig = Rig::start().await;
    let mut connection = rig.connect().await;
    connection.write(format!("{POST}Content-Length: 3\r\nExpect: 100-continue\r\n\r\n").as_bytes()).await;
    let interim = connection.piece().await;
    assert!(interim.starts_with(b"HTTP/1.1 100 Continue\r\n\r\n"), "{}", String::from_utf8_lossy(&interim));
    connection.write(b"abc").await;
    assert_eq!(client::soon(connection.answer(false)).await.status, 200);
    assert!(rig.spy.last().header("expect").is_none());
    assert_eq!(rig.spy.last().body, b"abc");
    // Whatever it is spelt like, the body is where the length says.
    for expectation in ["100-CONTINUE", "y 100-continue", "100-continue, 100-continue", "100-continu", "200-ok", ""] {
        let bytes = format!("{POST}Expect: {expectation}\r\nContent-Length: {}\r\n\r\n{SMUGGLED}", SMUGGLED.len());
        passed(&rig, expectation, bytes.as_bytes(), &[("/open", SMUGGLED)]).await;
    }
    let none = "GET /open HTTP/1.1\r\nHost: gateway.test\r\nExpect: 100-continue\r\n\r\n";
    passed(&rig, "no body to wait with", none.as_bytes(), &[("/open", "")]).await;
}

#[tokio::test]
async fn case_28_after_an_early_final_answer_what_may_be_the_body_is_not_read_as_a_request() {
    let rig = Rig::start().await;
    for path in ["/opaque", "/nowhere", "/open/%2e%2e", "/read-only"] {
        let head =
            format!("POST {path} HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 60\r\nExpect: 100-continue\r\n");
        let answer = rig.raw(&format!("{head}\r\n{SMUGGLED}")).await;
        assert!(answer.starts_with("HTTP/1.1 4"), "{path}: {answer}");
        assert!(!answer.contains("100 Continue") && answer.matches("HTTP/1.1 ").count() == 1, "{path}: {answer}");
    }
    upstream_saw_nothing(&rig).await;
    // The same when it is the upstream that answers before the body has come.
    let before = rig.spy.hits();
    rig.spy.early(Act::Answer(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno".to_vec()));
    let mut connection = rig.connect().await;
    connection.write(format!("{POST}Content-Length: 1000\r\nExpect: 100-continue\r\n\r\n").as_bytes()).await;
    assert_eq!(client::soon(connection.answer(false)).await.status, 403);
    connection.write(SMUGGLED.as_bytes()).await;
    let rest = connection.finish().await;
    assert!(!rest.contains("HTTP/1.1 "), "{rest}");
    assert_eq!(rig.spy.hits(), before);
}

#[tokio::test]
async fn case_29_a_websocket_handshake_is_refused_and_what_follows_it_is_not_read() {
    let rig = Rig::start().await;
    let usual = "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n";
    for upgrade in
        ["websocket", "WebSocket", "h2c, websocket", "websocket/13", "foo,\twebsocket", "foo\r\nUpgrade: websocket"]
    {
        let bytes = format!("GET /open HTTP/1.1\r\nHost: gateway.test\r\nUpgrade: {upgrade}\r\n{usual}\r\n");
        refused(&rig, upgrade, bytes.as_bytes(), "400 upgrade_refused").await;
    }
    let unnamed = "GET /open HTTP/1.1\r\nHost: gateway.test\r\nUpgrade: websocket\r\n\r\n";
    refused(&rig, "without Connection", unnamed.as_bytes(), "400 upgrade_refused").await;
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_30_an_offer_of_h2c_is_ignored_never_travels_and_the_connection_stays_http_1_1() {
    let rig = Rig::start().await;
    for (upgrade, connection) in [
        ("h2c", "Upgrade, HTTP2-Settings"),
        ("H2C", "upgrade"),
        ("h2c, h2", "Upgrade,HTTP2-Settings"),
        ("TLS/1.3", "Upgrade"),
        ("foo", "keep-alive, Upgrade"),
    ] {
        let offer = format!("Upgrade: {upgrade}\r\nConnection: {connection}\r\nHTTP2-Settings: AAMAAABk\r\n");
        let bytes = format!("GET /open HTTP/1.1\r\nHost: gateway.test\r\n{offer}\r\n");
        let seen = passed(&rig, upgrade, bytes.as_bytes(), &[("/open", "")]).await;
        assert!(seen[0].header("http2-settings").is_none(), "{}", seen[0].head);
        // Who takes silence for consent and goes on in HTTP/2 is refused, today and until it is spoken.
        let mut connection = rig.connect().await;
        connection.write(bytes.as_bytes()).await;
        assert_eq!(client::soon(connection.answer(false)).await.status, 200);
        connection.write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0").await;
        assert_eq!(client::soon(connection.answer(false)).await.verdict(), (400, "bad_framing".to_owned()));
        assert_eq!(connection.rest().await, "");
    }
    assert!(rig.spy.all().iter().all(|seen| !seen.head.contains("PRI")));
}

#[tokio::test]
async fn case_31_connect_is_refused_and_nothing_behind_it_is_read() {
    let rig = Rig::start().await;
    for (target, expected) in [
        ("gateway.test:80", "400 bad_target"),
        ("127.0.0.1:22", "400 bad_target"),
        ("/open", "400 bad_target"),
        ("http://gateway.test/open", "400 bad_target"),
        ("a:b:c", "400 bad_target"),
    ] {
        for version in ["HTTP/1.1", "HTTP/1.0"] {
            let bytes = format!("CONNECT {target} {version}\r\nHost: gateway.test\r\n\r\n");
            refused(&rig, target, bytes.as_bytes(), expected).await;
        }
    }
    upstream_saw_nothing(&rig).await;
}

#[tokio::test]
async fn case_34_pipelined_requests_are_each_authenticated_for_themselves() {
    let rig = Rig::start().await;
    let (alice, bob) = (rig.identity.opaque("alice", "orders:read"), rig.identity.opaque("bob", "orders:read"));
    let with = |path: &str, token: &str| get(path, &[("Authorization", &format!("Bearer {token}"))]);
    let mut connection = rig.connect().await;
    let requests = [
        with("/opaque/1", &alice),
        get("/opaque/2", &[]),
        with("/opaque/3", &bob),
        with("/opaque/4", "sekot_unknown"),
        with("/opaque/5", &alice),
    ];
    connection.write(requests.concat().as_bytes()).await;
    let mut verdicts = Vec::new();
    for _ in &requests {
        verdicts.push(client::soon(connection.answer(false)).await.status);
    }
    assert_eq!(verdicts, [200, 401, 200, 401, 200]);
    let seen = rig.spy.all();
    let targets: Vec<&str> = seen.iter().map(|seen| seen.target()).collect();
    assert_eq!(targets, ["/opaque/1", "/opaque/3", "/opaque/5"]);
    assert_eq!(seen[0].bearer(), seen[2].bearer());
    assert_ne!(seen[0].bearer(), seen[1].bearer(), "bob is not alice, although they share a connection here and there");
    assert_eq!(rig.spy.connections(), 1);
    // An end of the sign-in holds for a connection that is open already.
    rig.identity.end(&alice);
    rig.clock.settle().await;
    assert_eq!(connection.ask(&with("/opaque/6", &alice)).await.status, 401);
}

crate::secured::over_tls![
    case_26_a_get_with_a_body_is_forwarded_framed_and_leaves_no_bytes_on_the_wire,
    case_26_a_body_that_nobody_read_is_not_taken_for_a_request,
    case_28_an_expectation_is_answered_here_and_never_travels,
    case_28_after_an_early_final_answer_what_may_be_the_body_is_not_read_as_a_request,
    case_29_a_websocket_handshake_is_refused_and_what_follows_it_is_not_read,
    case_30_an_offer_of_h2c_is_ignored_never_travels_and_the_connection_stays_http_1_1,
    case_31_connect_is_refused_and_nothing_behind_it_is_read,
    case_34_pipelined_requests_are_each_authenticated_for_themselves,
];
