//! Requests that two readers would cut in two places: 400, closed, and never a second request upstream.

use std::time::Duration;

use sekisho_wire::Clock;

use crate::client;
use crate::rig::Rig;
use crate::spy::Act;

/// What is sent behind `POST /open HTTP/1.1` and `Host`, and what it must be answered.
const HEADS: &[(&str, &str, &str)] = &[
    ("length beside chunked", "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("chunked beside length", "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("the same length twice", "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", "400 bad_framing"),
    ("two lengths", "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", "400 bad_framing"),
    ("a list of lengths", "Content-Length: 3, 3\r\n\r\nabc", "400 bad_framing"),
    ("a signed length", "Content-Length: +3\r\n\r\nabc", "400 bad_framing"),
    ("minus nothing", "Content-Length: -0\r\n\r\n", "400 bad_framing"),
    ("a hexadecimal length", "Content-Length: 0x3\r\n\r\nabc", "400 bad_framing"),
    ("an underscore in a length", "Content-Length: 3_0\r\n\r\nabc", "400 bad_framing"),
    ("a leading zero", "Content-Length: 03\r\n\r\nabc", "400 bad_framing"),
    ("an empty length", "Content-Length: \r\n\r\n", "400 bad_framing"),
    ("a length of 2^64", "Content-Length: 18446744073709551616\r\n\r\n", "400 bad_framing"),
    ("xchunked", "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("chunked, identity", "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("identity, chunked", "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("chunked with a parameter", "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("a vertical tab before chunked", "Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("a comma behind chunked", "Transfer-Encoding: Chunked,\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("an empty coding", "Transfer-Encoding: \r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("an underscore for the dash", "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("a dot for the dash", "Content.Length: 0\r\n\r\n", "400 bad_framing"),
    ("a space before the colon", "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("a folded line", "X-A: b\r\n c\r\n\r\n", "400 bad_framing"),
    ("a folded coding", "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n", "400 bad_framing"),
    ("a line feed alone", "X-A: b\nX-User: admin\r\n\r\n", "400 bad_framing"),
    ("line feeds alone", "X-A: b\n\n", "400 bad_framing"),
    ("a carriage return alone", "X-A: b\rX-User: admin\r\n\r\n", "400 bad_framing"),
    ("NUL in a value", "X-A: b\0c\r\n\r\n", "400 bad_framing"),
    ("NUL in a name", "X-\0A: b\r\n\r\n", "400 bad_framing"),
    ("no colon", "X-A\r\n\r\n", "400 bad_framing"),
    ("no name", ": b\r\n\r\n", "400 bad_framing"),
];

/// Request lines, each followed by `Host` and an empty line.
const LINES: &[(&str, &str)] = &[
    ("GET /open x HTTP/1.1", "400 bad_framing"),
    ("GET  /open HTTP/1.1", "400 bad_framing"),
    ("GET /open HTTP/1.1 ", "400 bad_framing"),
    ("GET /open", "400 bad_framing"),
    ("GET /open HTTP/0.9", "400 bad_framing"),
    ("GET /open HTTP/1.32", "400 bad_framing"),
    ("GET /open HTTP/2.0", "400 bad_framing"),
    ("GET /open http/1.1", "400 bad_framing"),
    ("G=T /open HTTP/1.1", "400 bad_framing"),
    (" GET /open HTTP/1.1", "400 bad_framing"),
    ("\r\nGET /open HTTP/1.1", "400 bad_framing"),
    ("GET /open#fragment HTTP/1.1", "400 bad_target"),
    ("GET /op\u{e9}n HTTP/1.1", "400 bad_target"),
    ("GET /<script> HTTP/1.1", "400 bad_target"),
    ("GET /?\"x\" HTTP/1.1", "400 bad_target"),
    ("GET open HTTP/1.1", "400 bad_target"),
    ("CONNECT gateway.test:80 HTTP/1.1", "400 bad_target"),
    ("OPTIONS * HTTP/1.1", "400 bad_target"),
    ("SEKISHO-REFUSED /no_route HTTP/1.1", "400 bad_framing"),
];

/// Chunked bodies that are none. The request has begun upstream by then, and must not end there.
const BODIES: &[(&str, &str)] = &[
    ("0x1 as a size", "0x1\r\na\r\n0\r\n\r\n"),
    ("1_0 as a size", "1_0\r\na\r\n0\r\n\r\n"),
    ("a signed size", "+1\r\na\r\n0\r\n\r\n"),
    ("a negative size", "-1\r\na\r\n0\r\n\r\n"),
    ("17 digits", "00000000000000001\r\na\r\n0\r\n\r\n"),
    ("a size and a line feed alone", "1\na\r\n0\r\n\r\n"),
    ("data and a line feed alone", "1\r\na\n0\r\n\r\n"),
    ("a line feed in an extension", "1;x=\ny\r\na\r\n0\r\n\r\n"),
    ("a control character in an extension", "1;x=\x01\r\na\r\n0\r\n\r\n"),
    ("a carriage return alone in an extension", "1;x\ry\r\na\r\n0\r\n\r\n"),
    ("data longer than its size", "1\r\nab\r\n0\r\n\r\n"),
    ("no size", "\r\na\r\n0\r\n\r\n"),
];

#[track_caller]
fn check(what: &str, answer: &str, expected: &str) {
    let (status, reason) = expected.split_once(' ').unwrap();
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
    assert!(answer.contains(&format!(r#""reason":"{reason}""#)), "{what}: {answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{what}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: more than one answer: {answer}");
}

/// What must never be taken for a request of its own.
const SMUGGLED: &str = "GET /open/smuggled HTTP/1.1\r\nHost: gateway.test\r\n\r\n";

#[tokio::test]
async fn a_head_that_can_be_framed_in_two_ways_is_refused_and_nothing_behind_it_is_read() {
    let rig = Rig::start().await;
    for (what, head, expected) in HEADS {
        let bytes = format!("POST /open HTTP/1.1\r\nHost: gateway.test\r\n{head}{SMUGGLED}");
        check(what, &rig.raw(&bytes).await, expected);
    }
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn a_request_line_that_is_none_is_refused() {
    let rig = Rig::start().await;
    for (line, expected) in LINES {
        let bytes = format!("{line}\r\nHost: gateway.test\r\n\r\n{SMUGGLED}");
        check(line, &rig.raw(&bytes).await, expected);
    }
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn the_same_holds_when_every_byte_arrives_alone() {
    let rig = Rig::start().await;
    for (what, head, expected) in HEADS.iter().take(4) {
        let bytes = format!("POST /open HTTP/1.1\r\nHost: gateway.test\r\n{head}");
        let mut connection = rig.connect().await;
        for byte in bytes.as_bytes() {
            connection.write(&[*byte]).await;
            tokio::task::yield_now().await;
        }
        check(what, &connection.rest().await, expected);
    }
    let mut connection = rig.connect().await;
    for byte in b"GET /open HTTP/1.1\r\nHost: gateway.test\r\n\r\n" {
        connection.write(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(connection.answer(false).await.status, 200);
}

#[tokio::test]
async fn a_chunked_body_that_is_none_ends_the_connection_and_no_whole_request_reaches_the_upstream() {
    let rig = Rig::start().await;
    for (what, body) in BODIES {
        let bytes =
            format!("POST /open HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n{body}{SMUGGLED}");
        let answer = rig.raw(&bytes).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{what}: {answer}");
        assert!(!answer.contains("HTTP/1.1 200"), "{what}: {answer}");
    }
    assert_eq!(rig.spy.hits(), 0, "{:?}", rig.spy.all());
}

#[tokio::test]
async fn transfer_encoding_on_http_1_0_is_refused() {
    let rig = Rig::start().await;
    let bytes = "POST /open HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n";
    check("1.0", &rig.raw(bytes).await, "400 bad_framing");
    let answer = rig.raw("GET /open HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200") || answer.starts_with("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn a_sound_chunked_body_travels_framed_anew_without_extensions_and_trailers() {
    let rig = Rig::start().await;
    let body = "3;ext=\"x\"\r\nabc\r\n2\r\nde\r\n0\r\nX-User: admin\r\nContent-Length: 9\r\n\r\n";
    let request = format!("POST /open HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: CHUNKED\r\n\r\n{body}");
    let mut connection = rig.connect().await;
    assert_eq!(connection.ask(&request).await.status, 200);
    let seen = rig.spy.last();
    assert_eq!(seen.headers("transfer-encoding"), ["chunked"]);
    assert!(seen.header("content-length").is_none());
    let body = String::from_utf8(seen.body).unwrap();
    assert!(body.contains("abc") && body.contains("de") && !body.contains("admin") && !body.contains("ext"), "{body}");
    // The connection knows where the next request begins.
    assert_eq!(connection.ask("GET /open HTTP/1.1\r\nHost: gateway.test\r\n\r\n").await.status, 200);
}

#[tokio::test]
async fn extensions_and_trailers_are_bounded() {
    let rig = Rig::start().await;
    for body in [
        format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(64 << 10)),
        format!("{}0\r\n\r\n", format!("1;{}\r\na\r\n", "x".repeat(500)).repeat(20)),
        format!("0\r\n{}\r\n", format!("X-A: {}\r\n", "y".repeat(1000)).repeat(64)),
    ] {
        let head = "POST /open HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n";
        let answer = rig.raw(&format!("{head}{body}")).await;
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn a_get_with_a_body_leaves_no_bytes_on_the_wire() {
    let rig = Rig::start().await;
    let mut connection = rig.connect().await;
    let inner = "GET /open/smuggled HTTP/1.1\r\nHost: x\r\n\r\n";
    let request =
        format!("GET /open/outer HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: {}\r\n\r\n{inner}", inner.len());
    assert_eq!(connection.ask(&request).await.status, 200);
    assert_eq!(connection.ask("GET /open/next HTTP/1.1\r\nHost: gateway.test\r\n\r\n").await.status, 200);
    let targets: Vec<String> = rig.spy.all().iter().map(|seen| seen.target().to_owned()).collect();
    assert_eq!(targets, ["/open/outer", "/open/next"]);
    assert_eq!(rig.spy.all()[0].body, inner.as_bytes());
}

#[tokio::test]
async fn pipelined_requests_are_each_authenticated_for_themselves() {
    let rig = Rig::start().await;
    let token = rig.identity.opaque("alice", "orders:read");
    let with = client::get("/opaque/1", &[("Authorization", &format!("Bearer {token}"))]);
    let without = client::get("/opaque/2", &[]);
    let mut connection = rig.connect().await;
    connection.write(format!("{with}{without}{with}").as_bytes()).await;
    let mut verdicts = Vec::new();
    for _ in 0..3 {
        verdicts.push(client::soon(connection.answer(false)).await.status);
    }
    assert_eq!(verdicts, [200, 401, 200]);
}

#[tokio::test]
async fn a_good_request_before_a_bad_one_is_answered_first() {
    let rig = Rig::start().await;
    let good = client::get("/open", &[]);
    let answer = rig.raw(&format!("{good}GET /open HTTP/1.1\nHost: gateway.test\n\n")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 400 ").count(), 1, "{answer}");
    assert_eq!(rig.spy.hits(), 1);
}

#[tokio::test]
async fn expect_is_answered_here_and_never_travels() {
    let rig = Rig::start().await;
    let mut connection = rig.connect().await;
    let head = "POST /open HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n";
    connection.write(head.as_bytes()).await;
    let interim = connection.piece().await;
    assert!(interim.starts_with(b"HTTP/1.1 100 Continue\r\n\r\n"), "{}", String::from_utf8_lossy(&interim));
    connection.write(b"abc").await;
    assert_eq!(client::soon(connection.answer(false)).await.status, 200);
    assert!(rig.spy.last().header("expect").is_none());
    assert_eq!(rig.spy.last().body, b"abc");
}

#[tokio::test]
async fn a_client_that_waits_for_continue_and_is_refused_sends_no_body_that_becomes_a_request() {
    let rig = Rig::start().await;
    let head = "POST /opaque HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 60\r\nExpect: 100-continue\r\n\r\n";
    let answer = rig.raw(&format!("{head}{SMUGGLED}")).await;
    assert!(answer.starts_with("HTTP/1.1 401 "), "{answer}");
    assert!(!answer.contains("100 Continue"), "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer}");
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn a_websocket_handshake_is_refused_and_what_follows_it_is_not_read() {
    let rig = Rig::start().await;
    let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n";
    let request = format!("GET /open HTTP/1.1\r\nHost: gateway.test\r\n{upgrade}\r\n{SMUGGLED}");
    check("websocket", &rig.raw(&request).await, "400 upgrade_refused");
    assert_eq!(rig.spy.hits(), 0);
}

#[tokio::test]
async fn an_offer_of_h2c_is_ignored_and_never_travels() {
    let rig = Rig::start().await;
    let offer = [("Upgrade", "h2c"), ("Connection", "Upgrade, HTTP2-Settings"), ("HTTP2-Settings", "AAMAAABk")];
    assert_eq!(rig.ask(&client::get("/open", &offer)).await.status, 200);
    let seen = rig.spy.last();
    for name in ["upgrade", "http2-settings", "connection"] {
        assert!(seen.header(name).is_none(), "{name}: {}", seen.head);
    }
}

#[tokio::test]
async fn a_head_that_is_too_large_gets_431_although_the_client_is_still_sending() {
    let rig = Rig::start().await;
    let long = format!("GET /open HTTP/1.1\r\nHost: gateway.test\r\nX-A: {}\r\n\r\n", "a".repeat(1 << 20));
    check("a megabyte", &rig.raw(&long).await, "431 head_too_large");
    let mut connection = rig.connect().await;
    connection.write(&long.as_bytes()[..40_000]).await;
    let begun = String::from_utf8(connection.piece().await).unwrap();
    for piece in long.as_bytes()[40_000..400_000].chunks(1000) {
        assert!(connection.write(piece).await, "the rest is thrown away, not thrown back");
        tokio::task::yield_now().await;
    }
    check("little by little", &format!("{begun}{}", connection.finish().await), "431 head_too_large");
    let fits = format!("GET /open HTTP/1.1\r\nHost: gateway.test\r\nX-A: {}\r\n\r\n", "a".repeat(31 << 10));
    assert_eq!(rig.ask(&fits).await.status, 200);
    let many = format!("GET /open HTTP/1.1\r\nHost: gateway.test\r\n{}\r\n", "X-A: b\r\n".repeat(100));
    check("101 headers", &rig.raw(&many).await, "431 head_too_large");
    let enough = format!("GET /open HTTP/1.1\r\nHost: gateway.test\r\n{}\r\n", "X-A: b\r\n".repeat(99));
    assert_eq!(rig.ask(&enough).await.status, 200);
}

#[tokio::test]
async fn a_head_that_drips_in_gets_408_at_its_deadline_and_an_idle_connection_is_closed_at_its_own() {
    let rig = Rig::limited(|limits| {
        limits.head_deadline = Duration::from_secs(10);
        limits.idle_deadline = Duration::from_secs(60);
    })
    .await;
    let mut idle = rig.connect().await;
    assert_eq!(idle.ask(&client::get("/open", &[])).await.status, 200);
    let mut slow = rig.connect().await;
    slow.write(b"GET /open HTTP/1.1\r\nHo").await;
    rig.clock.advance(Duration::from_secs(1)).await;
    slow.write(b"st: gateway").await;
    check("slow", &rig.pass_until(Duration::from_secs(1), slow.rest()).await, "408 request_timeout");
    assert!(rig.clock.monotonic().0 < Duration::from_secs(30), "long before the idle deadline");
    assert_eq!(idle.ask(&client::get("/open", &[])).await.status, 200, "still open");
    assert_eq!(rig.pass_until(Duration::from_secs(10), idle.rest()).await, "", "closed without a word");
}

#[tokio::test]
async fn a_body_that_stops_coming_gets_408_at_its_deadline() {
    let rig = Rig::limited(|limits| limits.body_read_deadline = Duration::from_secs(5)).await;
    let mut connection = rig.connect().await;
    connection.write(b"POST /open HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 10\r\n\r\nabc").await;
    let answer = rig.pass_until(Duration::from_secs(1), connection.rest()).await;
    assert!(answer.is_empty() || answer.contains("request_timeout"), "{answer}");
    assert_eq!(rig.spy.hits(), 0, "the upstream saw no whole request");
}

#[tokio::test]
async fn answers_without_a_body_do_not_shift_the_next_answer() {
    let rig = Rig::start().await;
    let mut connection = rig.connect().await;
    rig.spy.next(Act::Answer(b"HTTP/1.1 204 No Content\r\n\r\n".to_vec()));
    assert_eq!(connection.ask(&client::get("/open", &[])).await.status, 204);
    rig.spy.next(Act::Answer(b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n".to_vec()));
    assert_eq!(connection.ask(&client::get("/open", &[])).await.status, 304);
    let head = connection.ask(&client::request("HEAD", "/open", &[], "")).await;
    assert_eq!((head.status, head.header("content-length")), (200, Some("4")));
    let next = connection.ask(&client::get("/open", &[])).await;
    assert_eq!((next.status, next.text().as_str()), (200, "fine"));
}
