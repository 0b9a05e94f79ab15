//! The operations listener: is the process alive, and should it get traffic. Never on a public address.
//!
//! `/healthz` is 200 while the process can answer at all. `/readyz` is 200 only while every part says it is ready, and
//! names the ones that are not. `/metrics` is what the house counts, for Prometheus; `/state` is what the process believes of
//! itself, for `sekisho doctor`.

use std::fmt;
use std::sync::Arc;

use axum::extract;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use sekisho_wire::BoxFuture;
use serde_json::json;

use crate::beliefs::Beliefs;
use crate::metrics::page;

/// Says which parts are not ready, by name; empty when all are.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<&'static str>> + Send + Sync>;

/// Writes the page of metrics.
pub type Metrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// Says what the process believes of itself.
pub type State = Arc<dyn Fn() -> BoxFuture<'static, Beliefs> + Send + Sync>;

/// What the listener tells.
#[derive(Clone)]
pub struct Told {
    /// For `/readyz`.
    pub readiness: Readiness,
    /// For `/metrics`.
    pub metrics: Metrics,
    /// For `/state`.
    pub state: State,
}

/// The router of the operations listener.
pub fn router(told: Told) -> Router {
    let router = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz));
    router.route("/metrics", get(metrics)).route("/state", get(state)).with_state(told)
}

// === impl Told ===

impl fmt::Debug for Told {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Told(…)")
    }
}

async fn metrics(extract::State(told): extract::State<Told>) -> Response {
    ([(CONTENT_TYPE, page::CONTENT_TYPE)], (told.metrics)().await).into_response()
}

async fn state(extract::State(told): extract::State<Told>) -> Json<Beliefs> {
    Json((told.state)().await)
}

async fn healthz() -> &'static str {
    "alive\n"
}

async fn readyz(extract::State(told): extract::State<Told>) -> Response {
    let missing = (told.readiness)().await;
    if missing.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "not_ready": missing }))).into_response()
}
