//! The operations listener: is the process alive, and should it get traffic. Never on a public address.
//!
//! `/healthz` is 200 while the process can answer at all. `/readyz` is 200 only while every part says it is ready, and
//! names the ones that are not. `/metrics` is what the house counts, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::header::CONTENT_TYPE;
use sekisho_wire::BoxFuture;
use serde_json::json;

use crate::metrics::page;

/// Says which parts are not ready, by name; empty when all are.
pub type Readiness = Arc<dyn Fn() -> BoxFuture<'static, Vec<&'static str>> + Send + Sync>;

/// Writes the page of metrics.
pub type Metrics = Arc<dyn Fn() -> BoxFuture<'static, String> + Send + Sync>;

/// The router of the operations listener.
pub fn router(readiness: Readiness, metrics: Metrics) -> Router {
    let health = Router::new().route("/healthz", get(healthz)).route("/readyz", get(readyz)).with_state(readiness);
    health.merge(Router::new().route("/metrics", get(numbers)).with_state(metrics))
}

async fn numbers(State(metrics): State<Metrics>) -> Response {
    ([(CONTENT_TYPE, page::CONTENT_TYPE)], metrics().await).into_response()
}

async fn healthz() -> &'static str {
    "alive\n"
}

async fn readyz(State(readiness): State<Readiness>) -> Response {
    let missing = readiness().await;
    if missing.is_empty() {
        return "ready\n".into_response();
    }
    (StatusCode::SERVICE_UNAVAILABLE, Json(json!({ "not_ready": missing }))).into_response()
}
