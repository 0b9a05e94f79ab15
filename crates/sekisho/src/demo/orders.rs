//! The first sample service: orders, each with what its neighbour `stock` says of the item.
//!
//! It calls stock for its caller, with its caller's token: stock is among the token's audiences, verifies it again and
//! sees the same person. Nothing is proved by the network position of the one who asks.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Json, Response, Result};
use axum::routing::get;
use sekisho_fetch::{Client, Configured, Request};
use sekisho_guard::Guard;
use sekisho_guard::layer::Authenticated;
use sekisho_wire::trace;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use url::Url;

/// A new order is a line of text.
const BODY_BYTES_MAX: usize = 4096;
/// The oldest are forgotten first: this is a sample.
const ORDERS_MAX: usize = 1000;

/// Where stock is, and how to ask.
#[derive(Clone, Debug)]
pub struct Stock {
    /// Its address.
    pub address: Url,
    /// The client to ask with.
    pub client: Client<Configured>,
}

#[derive(Clone)]
struct Orders {
    stock: Stock,
    book: Arc<Mutex<BTreeMap<u32, Order>>>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    item: String,
    quantity: u32,
}

/// The service: the catalogue is for everybody, the rest for verified callers.
pub fn router(guard: &Guard, stock: Stock) -> Router {
    Router::new()
        .route("/orders", get(list).post(create))
        .route("/orders/{id}", get(show))
        .layer(guard.layer())
        .route("/catalogue", get(catalogue))
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .with_state(Orders::new(stock))
}

/// `GET /orders`: all orders, for a caller with `orders:read`.
async fn list(caller: Authenticated, State(orders): State<Orders>) -> Result<Json<Value>> {
    caller.require("orders:read")?;
    Ok(Json(json!({ "orders": *orders.book(), "caller": seen(&caller) })))
}

/// `GET /orders/{id}`: one order and what stock says, for a caller with `orders:read`; stock has a rule of its own.
async fn show(caller: Authenticated, State(orders): State<Orders>, Path(id): Path<u32>) -> Result<Response> {
    caller.require("orders:read")?;
    let Some(order) = orders.book().get(&id).cloned() else { return Ok(StatusCode::NOT_FOUND.into_response()) };
    let stock = orders.stock.ask(&caller, &order.item).await;
    Ok(Json(json!({ "id": id, "order": order, "caller": seen(&caller), "stock": stock })).into_response())
}

/// `POST /orders` with `{item, quantity}`: 201, for a caller with `orders:write`.
async fn create(caller: Authenticated, State(orders): State<Orders>, Json(order): Json<Order>) -> Result<Response> {
    caller.require("orders:write")?;
    if !(1..=100).contains(&order.item.len()) || order.quantity == 0 {
        return Ok(StatusCode::UNPROCESSABLE_ENTITY.into_response());
    }
    let id = orders.add(order.clone());
    let place = [(header::LOCATION, format!("/orders/{id}"))];
    let body = Json(json!({ "id": id, "order": order, "caller": seen(&caller) }));
    Ok((StatusCode::CREATED, place, body).into_response())
}

/// `GET /catalogue`: what there is to order, for everybody.
async fn catalogue() -> Json<Value> {
    Json(json!({ "items": ["lantern", "rice", "tea"] }))
}

/// The caller as this service verified them.
fn seen(caller: &Authenticated) -> Value {
    json!({ "subject": caller.subject, "client": caller.client, "scopes": caller.scopes })
}

// === impl Stock ===

impl Stock {
    /// What stock answers to this caller: its status and its JSON. That stock does not answer is told, not hidden.
    async fn ask(&self, caller: &Authenticated, item: &str) -> Value {
        let mut url = self.address.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(["stock", item]);
        }
        let Ok(token) = caller.bearer().to_header() else { return Value::Null };
        let mut request = Request::get(url).header(header::AUTHORIZATION, token);
        if let Some(Ok(trace)) = trace::traceparent().map(HeaderValue::try_from) {
            request = request.header(HeaderName::from_static("traceparent"), trace);
        }
        match self.client.send(request).await {
            Ok(answer) => {
                let body: Value = serde_json::from_slice(answer.body()).unwrap_or_default();
                json!({ "status": answer.status().as_u16(), "answer": body })
            }
            Err(error) => json!({ "error": error.to_string() }),
        }
    }
}

// === impl Orders ===

impl Orders {
    fn new(stock: Stock) -> Self {
        let order = |item: &str, quantity| Order { item: item.to_owned(), quantity };
        let book = BTreeMap::from([(1, order("tea", 3)), (2, order("rice", 10)), (3, order("lantern", 1))]);
        Self { stock, book: Arc::new(Mutex::new(book)) }
    }

    fn book(&self) -> MutexGuard<'_, BTreeMap<u32, Order>> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, order: Order) -> u32 {
        let mut book = self.book();
        let id = book.last_key_value().map_or(1, |(last, _)| last.saturating_add(1));
        book.insert(id, order);
        while book.len() > ORDERS_MAX {
            book.pop_first();
        }
        id
    }
}

#[cfg(test)]
mod tests;
