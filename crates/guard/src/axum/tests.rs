//! The router of a service, as short as the documentation promises.

use ::axum::Router;
use ::axum::body::Body;
use ::axum::routing::get;
use http::Request;
use http::header::AUTHORIZATION;
use tower_service::Service as _;

use super::*;
use crate::testing::{TestClock, TestIssuer};

async fn show(caller: Authenticated) -> Result<String, Refusal> {
    caller.require("orders:read")?;
    Ok(format!("hello {}", caller.subject))
}

async fn status(router: &Router, token: Option<&str>) -> StatusCode {
    let mut request = Request::builder().uri("/orders/1");
    if let Some(token) = token {
        request = request.header(AUTHORIZATION, format!("Bearer {token}"));
    }
    router.clone().call(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn a_handler_takes_the_caller_and_demands_scopes() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let guard = issuer.guard().await;
    let router = Router::new().route("/orders/{id}", get(show)).layer(guard.layer());
    let (reader, nobody) = (issuer.token("alice").scopes("orders:read").mint(), issuer.token("carol").mint());
    assert_eq!(status(&router, Some(&reader)).await, StatusCode::OK);
    assert_eq!(status(&router, Some(&nobody)).await, StatusCode::FORBIDDEN);
    assert_eq!(status(&router, None).await, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_route_that_forgot_its_guard_serves_nobody() {
    let router = Router::new().route("/orders/{id}", get(show));
    assert_eq!(status(&router, None).await, StatusCode::INTERNAL_SERVER_ERROR);
}
