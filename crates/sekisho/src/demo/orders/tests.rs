//! Orders with a stock of the test's own: who is let in, and which token goes on to the neighbour.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::routing::get;
use axum::{Json, Router};
use http_body_util::BodyExt as _;
use sekisho_fetch::{Client, Options};
use sekisho_guard::clock::{SystemClock, fetch_timer};
use sekisho_guard::testing::{TestClock, TestIssuer};
use sekisho_wire::Clock;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tower_service::Service as _;

use super::{ORDERS_MAX, Order, Orders, Stock, router};

/// A stock that answers with the `Authorization` header it was asked with.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let show = async |headers: HeaderMap| Json(json!({ "heard": headers["authorization"].to_str().unwrap() }));
    let service = Router::new().route("/stock/tea", get(show));
    Handle::current().spawn(async move { axum::serve(listener, service).await });
    address
}

fn stock(address: SocketAddr) -> Stock {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::new());
    let client = Client::configured(Options::new(fetch_timer(&clock), Handle::current())).unwrap();
    Stock { address: format!("http://{address}").parse().unwrap(), client }
}

async fn ask(service: &mut Router, method: Method, path: &str, token: Option<&str>, body: &str) -> (StatusCode, Value) {
    let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let answer = service.call(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let status = answer.status();
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    (status, serde_json::from_slice(&body).unwrap_or_default())
}

#[tokio::test]
async fn the_caller_s_own_token_goes_on_to_stock() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let token = issuer.token("alice").scopes("orders:read stock:read").audience(&["orders", "stock"]).mint();
    let mut service = router(&issuer.guard().await, stock(echo().await));
    let (status, body) = ask(&mut service, Method::GET, "/orders/1", Some(&token), "").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!((&body["order"]["item"], &body["caller"]["subject"]), (&"tea".into(), &"alice".into()));
    assert_eq!(body["stock"], json!({ "status": 200, "answer": { "heard": format!("Bearer {token}") } }));
}

#[tokio::test]
async fn each_request_wants_its_own_scope() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let mut service = router(&issuer.guard().await, stock(echo().await));
    let (alice, bob, carol) = (
        issuer.token("alice").scopes("orders:read").mint(),
        issuer.token("bob").scopes("orders:read orders:write").mint(),
        issuer.token("carol").mint(),
    );
    let order = r#"{"item":"tea","quantity":2}"#;
    let cases = [
        (Method::GET, "/catalogue", None, "", 200),
        (Method::GET, "/orders", None, "", 401),
        (Method::GET, "/orders", Some(&carol), "", 403),
        (Method::GET, "/orders", Some(&alice), "", 200),
        (Method::POST, "/orders", Some(&alice), order, 403),
        (Method::POST, "/orders", Some(&bob), order, 201),
        (Method::POST, "/orders", Some(&bob), r#"{"item":"tea","quantity":0}"#, 422),
        (Method::GET, "/orders/4", Some(&bob), "", 200),
        (Method::GET, "/orders/99", Some(&bob), "", 404),
    ];
    for (method, path, token, body, expected) in cases {
        let (status, _) = ask(&mut service, method.clone(), path, token.map(String::as_str), body).await;
        assert_eq!(status.as_u16(), expected, "{method} {path}");
    }
}

#[tokio::test]
async fn a_stock_that_does_not_answer_is_told_and_the_order_is_shown_all_the_same() {
    let issuer = TestIssuer::new("orders", TestClock::new());
    let token = issuer.token("alice").scopes("orders:read").mint();
    let nobody = TcpListener::bind(("127.0.0.1", 0)).await.unwrap().local_addr().unwrap();
    let mut service = router(&issuer.guard().await, stock(nobody));
    let (status, body) = ask(&mut service, Method::GET, "/orders/1", Some(&token), "").await;
    assert_eq!((status, &body["order"]["quantity"]), (StatusCode::OK, &3.into()));
    assert!(body["stock"]["error"].is_string());
}

#[tokio::test]
async fn the_book_is_bounded() {
    let orders = Orders::new(stock(([127, 0, 0, 1], 1).into()));
    for _ in 0..2 * ORDERS_MAX {
        orders.add(Order { item: "tea".to_owned(), quantity: 1 });
    }
    assert_eq!(orders.book().len(), ORDERS_MAX);
}
