//! Bodies flow through: what is in flight stays small however long they are.

use std::time::Duration;

use sekisho_wire::Clock;

use crate::client;
use crate::rig::Rig;
use crate::spy::Act;

/// What the kernel's socket buffers and the gateway's own may hold between a client and an upstream on loopback.
const IN_FLIGHT_MAX: u64 = 24 << 20;

#[tokio::test]
async fn an_upload_that_the_upstream_does_not_read_stops_long_before_its_end() {
    let rig = Rig::start().await;
    // An upstream that accepts and never reads.
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut config = crate::rig::usual(listener.local_addr().unwrap());
    config.routes.retain(|route| route.name == "open");
    config.login.clear();
    rig.gateway.replace_routes(&config).unwrap();
    let mut connection = rig.connect().await;
    let total = 256_u64 << 20;
    connection.write(format!("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: {total}\r\n\r\n").as_bytes()).await;
    let piece = vec![b'x'; 256 << 10];
    let mut sent = 0;
    while sent < total {
        if !connection.write_within(&piece, Duration::from_millis(500)).await {
            break;
        }
        sent += piece.len() as u64;
    }
    assert!(sent < IN_FLIGHT_MAX, "{sent} bytes were taken in");
    drop(listener);
}

#[tokio::test]
async fn a_download_that_the_client_does_not_read_stops_long_before_its_end() {
    let rig = Rig::start().await;
    let total = 256 << 20;
    rig.spy.next(Act::Flood(total));
    let mut connection = rig.connect().await;
    connection.write(client::get("/open", &[]).as_bytes()).await;
    let first = connection.piece().await;
    assert!(first.starts_with(b"HTTP/1.1 200 OK"));
    rig.spy.flooded_until_still().await;
    assert!(rig.spy.flooded() < IN_FLIGHT_MAX, "{} bytes were taken in", rig.spy.flooded());
    let mut read = first.len() as u64;
    loop {
        let piece = connection.piece().await;
        read += piece.len() as u64;
        if piece.is_empty() || read > total {
            break;
        }
    }
    assert!(read > total, "{read} bytes arrived in the end");
}

#[tokio::test]
async fn a_large_body_arrives_whole_both_ways() {
    let rig = Rig::start().await;
    let length = 64_usize << 20;
    let mut connection = rig.connect().await;
    connection.write(format!("POST /open HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n").as_bytes()).await;
    rig.spy.next(Act::Flood(length as u64));
    let piece = vec![b'x'; 1 << 20];
    for _ in 0..length / piece.len() {
        connection.write(&piece).await;
    }
    let answer = client::soon(connection.answer(false)).await;
    assert_eq!((answer.status, answer.body.len()), (200, length));
}

#[tokio::test]
async fn an_answer_begins_before_its_end_is_known() {
    let rig = Rig::start().await;
    let head =
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n"
            .to_vec();
    rig.spy.next(Act::Stall(head));
    let mut connection = rig.connect().await;
    connection.write(client::get("/open", &[]).as_bytes()).await;
    let mut text = String::new();
    while !text.contains("first") {
        text.push_str(&String::from_utf8(connection.piece().await).unwrap());
    }
    // Silence in the middle ends it, visibly: no last chunk.
    let rest = rig.pass_until(Duration::from_secs(10), connection.rest()).await;
    assert!(rig.clock.monotonic().0 < Duration::from_secs(600), "long before the exchange's deadline");
    assert!(!rest.contains("0\r\n\r\n"), "{rest}");
}
