//! What a collector is sent, and what becomes of spans that it does not take.

use sekisho_fetch::Options;
use sekisho_token::SystemEntropy;
use sekisho_wire::trace::{Context, Sampling, Share, Tracer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::clock::fetch_timer;
use crate::testing::TestClock;

/// Answers one request with this status and returns its head and its body.
async fn collect(listener: &TcpListener, status: &str) -> (String, Json) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let (mut text, mut chunk) = (Vec::new(), [0; 4096]);
    loop {
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "{}", String::from_utf8_lossy(&text));
        text.extend_from_slice(&chunk[..count]);
        let read = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = read.split_once("\r\n\r\n") else { continue };
        let Ok(json) = serde_json::from_str(body) else { continue };
        let answer = format!("HTTP/1.1 {status}\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{{}}");
        stream.write_all(answer.as_bytes()).await.unwrap();
        return (head.to_owned(), json);
    }
}

async fn world() -> (TcpListener, Arc<Otlp>, Tracer, TestClock) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let clock = TestClock::new();
    let as_clock: Arc<dyn Clock> = Arc::new(clock.clone());
    let http = Client::configured(Options::new(fetch_timer(&as_clock), Handle::current())).unwrap();
    let endpoint = format!("http://{}/base/", listener.local_addr().unwrap()).parse().unwrap();
    let otlp = Otlp::start(OtlpOptions { endpoint, http, clock: Arc::clone(&as_clock) }, &Handle::current());
    let (share, entropy) = (Share::try_from(1.0).unwrap(), Arc::new(SystemEntropy::default()));
    let tracer = Tracer::new("orders", share, Arc::clone(&otlp) as _, as_clock, entropy);
    (listener, otlp, tracer, clock)
}

#[tokio::test]
async fn a_collector_is_sent_spans_as_the_protocol_has_them() {
    let (listener, otlp, tracer, clock) = world().await;
    let said: Context = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap();
    let mut span = tracer.serve("show", (Some(said), Sampling::Followed));
    let id = span.context().span.to_string();
    span.set("http.route", "show");
    let begun = clock.wall_exact();
    clock.advance(Duration::from_millis(250)).await;
    span.answered(503);
    tracer.of("stock").serve("look", (None, Sampling::Thrown)).answered(200);
    let ((head, sent), ()) = tokio::join!(collect(&listener, "200 OK"), otlp.flush());
    assert!(head.starts_with("POST /base/v1/traces HTTP/1.1\r\n"), "{head}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
    let of = |number: usize| &sent["resourceSpans"][number];
    let service = |number: usize| of(number)["resource"]["attributes"][0]["value"]["stringValue"].clone();
    assert_eq!((service(0), service(1)), (json!("orders"), json!("stock")));
    let nanos = |at: Duration| at.as_nanos().to_string();
    let expected = json!({
        "traceId": "4bf92f3577b34da6a3ce929d0e0e4736",
        "spanId": id,
        "parentSpanId": "00f067aa0ba902b7",
        "name": "show",
        "kind": 2,
        "startTimeUnixNano": nanos(begun),
        "endTimeUnixNano": nanos(begun + Duration::from_millis(250)),
        "attributes": [
            { "key": "http.route", "value": { "stringValue": "show" } },
            { "key": "http.response.status_code", "value": { "intValue": "503" } },
        ],
        "status": { "code": 2 },
    });
    assert_eq!(of(0)["scopeSpans"][0]["spans"][0], expected);
    assert_eq!(of(1)["scopeSpans"][0]["spans"][0]["parentSpanId"], "");
    assert_eq!(otlp.exports(), Exports { exported: 2, dropped: 0 });
}

#[tokio::test]
async fn spans_that_nobody_takes_are_counted_and_nobody_waits_for_them() {
    let (listener, otlp, tracer, _clock) = world().await;
    tracer.serve("show", (None, Sampling::Thrown)).answered(200);
    let (_, ()) = tokio::join!(collect(&listener, "503 Busy"), otlp.flush());
    assert_eq!(otlp.exports(), Exports { exported: 0, dropped: 1 });
    // Nobody takes anything from the queue before this task waits.
    let beyond = 10;
    for _ in 0..QUEUE_SPANS_MAX + beyond {
        tracer.serve("show", (None, Sampling::Thrown)).answered(200);
    }
    assert_eq!(otlp.exports().dropped, 1 + u64::try_from(beyond).unwrap());
}

#[tokio::test]
async fn a_span_waits_a_second_for_others_and_no_longer() {
    let (listener, otlp, tracer, clock) = world().await;
    tracer.serve("show", (None, Sampling::Thrown)).answered(200);
    let collecting = collect(&listener, "200 OK");
    let mut collecting = std::pin::pin!(collecting);
    clock.settle().await;
    tokio::select! {
        biased;
        _ = &mut collecting => panic!("nothing was to be sent yet"),
        () = clock.advance(BATCH_WAIT - Duration::from_millis(1)) => {}
    }
    let (_, ()) = tokio::join!(collecting, clock.advance(Duration::from_millis(1)));
    clock.advance_until(Duration::from_millis(1), || otlp.exports().exported == 1).await;
}
