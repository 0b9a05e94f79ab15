//! The page without a browser: complete, inert where it must be, and its questions answered.

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use sekisho_guard::clock::SystemClock;

use super::super::manifest::tests::sample;
use super::super::recorder::{Direction, Leg, Recorder};
use super::{POLICY, SCRIPT, STYLE, TEMPLATE, router};

/// Asks the page's server, without a socket.
async fn ask(recorder: Recorder, path: &str) -> (StatusCode, axum::http::HeaderMap, String) {
    let mut server = router(&sample(), "sekisho explain", recorder);
    let request = Request::get(path).body(Body::empty()).unwrap();
    let answer = tower_service::Service::call(&mut server, request).await.unwrap();
    let (head, body) = answer.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (head.status, head.headers, String::from_utf8(body.to_vec()).unwrap())
}

fn recorder() -> Recorder {
    Recorder::new(Arc::new(SystemClock::new()))
}

#[tokio::test]
async fn the_page_is_complete_and_runs_nothing_inline() {
    let (status, headers, html) = ask(recorder(), "/").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(headers["content-security-policy"], POLICY);
    assert!(!html.contains("{{"), "a placeholder was left");
    for inline in ["<script>", "<style", " style=", " onclick=", "javascript:"] {
        assert!(!html.contains(inline), "`{inline}` would be refused by the policy");
    }
    for part in [r#"value="alice""#, r#"data-prefix="/jwt/auth""#, r#"value="/opaque""#, "<span>stock</span>"] {
        assert!(html.contains(part), "`{part}` is missing");
    }
}

#[tokio::test]
async fn names_and_passwords_are_escaped_and_the_administrator_s_is_not_on_the_page() {
    let (_, _, html) = ask(recorder(), "/").await;
    assert!(html.contains("data-password=\"alice&#39;s &lt;password&gt;\""));
    assert!(!html.contains("admin&#39;s"));
}

#[tokio::test]
async fn every_element_that_the_script_looks_for_is_on_the_page() {
    for found in SCRIPT.split("by(\"").skip(1) {
        let id = found.split('"').next().unwrap();
        assert!(TEMPLATE.contains(&format!("id=\"{id}\"")), "no element `{id}`");
    }
    assert!(!SCRIPT.contains("innerHTML"), "texts go in as text");
    assert!(STYLE.contains("prefers-color-scheme: dark"));
}

#[tokio::test]
async fn the_legs_are_told_from_a_mark_on() {
    let recorder = recorder();
    let line = |text: &[u8]| {
        let connection = recorder.open(Leg::GATEWAY_ORDERS);
        recorder.passed(connection, Direction::Request, text);
    };
    line(b"GET /orders/1 HTTP/1.1\r\n\r\n");
    let (_, _, mark) = ask(recorder.clone(), "/demo/mark").await;
    assert_eq!(mark, r#"{"next":1}"#);
    line(b"GET /orders/2 HTTP/1.1\r\n\r\n");
    let (_, _, legs) = ask(recorder.clone(), "/demo/legs?from=1&feed=hidden").await;
    let legs: serde_json::Value = serde_json::from_str(&legs).unwrap();
    assert_eq!(legs.as_array().unwrap().len(), 1);
    assert_eq!(
        (&legs[0]["title"], &legs[0]["from"], &legs[0]["to"]),
        (&"GET /orders/2 HTTP/1.1".into(), &"gateway".into(), &"orders".into())
    );
}

#[tokio::test]
async fn a_reason_is_told_in_words_and_an_unknown_one_is_not_made_up() {
    let (status, _, words) = ask(recorder(), "/demo/why/session_ended").await;
    assert_eq!((status, words.as_str()), (StatusCode::OK, sekisho_wire::Reason::SessionEnded.words()));
    assert_eq!(ask(recorder(), "/demo/why/nonsense").await.0, StatusCode::NOT_FOUND);
}
