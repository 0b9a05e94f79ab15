//! Heads that are too large or too slow, bodies that stop coming, and who is answered first.

use std::time::Duration;

use sekisho_wire::Clock;

use crate::client;
use crate::rig::Rig;

#[track_caller]
fn check(what: &str, answer: &str, expected: &str) {
    let (status, reason) = expected.split_once(' ').unwrap();
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
    assert!(answer.contains(&format!(r#""reason":"{reason}""#)), "{what}: {answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{what}: {answer}");
    assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{what}: more than one answer: {answer}");
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
    check("a body", &rig.pass_until(Duration::from_secs(1), connection.rest()).await, "408 request_timeout");
    assert_eq!(rig.audit().len(), 1);
    assert_eq!(rig.spy.hits(), 0, "the upstream saw no whole request");
}

#[tokio::test]
async fn an_idle_connection_is_closed_however_its_last_request_was_framed() {
    for rest in [
        "GET /open HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
        "POST /open HTTP/1.1\r\nHost: gateway.test\r\nContent-Length: 3\r\n\r\nabc",
        "POST /open HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        "POST /open HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\nX-A: b\r\n\r\n",
        "GET /nowhere HTTP/1.1\r\nHost: gateway.test\r\n\r\n",
        "POST /nowhere HTTP/1.1\r\nHost: gateway.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ] {
        let rig = Rig::start().await;
        let mut connection = rig.connect().await;
        connection.write(rest.as_bytes()).await;
        client::soon(connection.answer(false)).await;
        assert_eq!(rig.pass_until(Duration::from_secs(10), connection.rest()).await, "", "{rest}");
    }
}

crate::secured::over_tls![
    a_good_request_before_a_bad_one_is_answered_first,
    a_head_that_is_too_large_gets_431_although_the_client_is_still_sending,
    a_head_that_drips_in_gets_408_at_its_deadline_and_an_idle_connection_is_closed_at_its_own,
    a_body_that_stops_coming_gets_408_at_its_deadline,
    an_idle_connection_is_closed_however_its_last_request_was_framed,
];
