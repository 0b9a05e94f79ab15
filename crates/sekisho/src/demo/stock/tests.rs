//! How a service tests its protection without a server: an issuer and a clock of its own, requests as values.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use http_body_util::BodyExt as _;
use sekisho_guard::testing::{TestClock, TestIssuer};
use serde_json::Value;
use tower_service::Service as _;

use super::router;

/// Asks the service with this token, and reads the answer.
async fn ask(issuer: &TestIssuer, token: Option<&str>) -> (StatusCode, Value) {
    let mut request = Request::get("/stock/tea");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let mut service = router(&issuer.guard().await);
    let answer = service.call(request.body(Body::empty()).unwrap()).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap())
}

#[tokio::test]
async fn a_caller_with_the_scope_is_served_and_named() {
    let issuer = TestIssuer::new("stock", TestClock::new());
    let token = issuer.token("alice").scopes("stock:read orders:read").mint();
    let (status, body) = ask(&issuer, Some(&token)).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["on_shelf"], &body["caller"]["subject"]), (&36.into(), &"alice".into()));
    assert_eq!(body["caller"]["scopes"], "orders:read stock:read");
}

#[tokio::test]
async fn nobody_else_is() {
    let issuer = TestIssuer::new("stock", TestClock::new());
    let cases = [
        (None, StatusCode::UNAUTHORIZED, "no_credential"),
        (Some(issuer.token("carol").mint()), StatusCode::FORBIDDEN, "insufficient_scope"),
        (
            Some(issuer.token("alice").scopes("stock:read").audience(&["orders"]).mint()),
            StatusCode::UNAUTHORIZED,
            "wrong_audience",
        ),
        (
            Some(issuer.token("alice").scopes("stock:read").expires_in_s(-120).mint()),
            StatusCode::UNAUTHORIZED,
            "expired",
        ),
    ];
    for (token, expected, reason) in cases {
        let (status, body) = ask(&issuer, token.as_deref()).await;
        assert_eq!((status, &body["reason"]), (expected, &reason.into()));
    }
}

#[tokio::test]
async fn a_token_is_refused_once_its_subject_was_revoked() {
    let issuer = TestIssuer::new("stock", TestClock::new());
    let token = issuer.token("alice").scopes("stock:read");
    let subject = token.peek().sub.clone();
    let token = token.mint();
    assert_eq!(ask(&issuer, Some(&token)).await.0, StatusCode::OK);
    issuer.revoke_subject(&subject);
    let (status, body) = ask(&issuer, Some(&token)).await;
    assert_eq!((status, &body["reason"]), (StatusCode::UNAUTHORIZED, &"subject_revoked".into()));
}
