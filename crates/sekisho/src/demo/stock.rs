//! The second sample service: what is on the shelf. Copy it to see what protecting a service takes.
//!
//! The guard verifies the JWT of each request by itself, with keys and revocations that it reads from identity's feed as
//! the service's own client. It does not trust whoever stands in front of it.

use axum::extract::Path;
use axum::response::Json;
use axum::routing::get;
use axum::{Router, response::Result};
use sekisho_guard::Guard;
use sekisho_guard::layer::Authenticated;
use serde_json::{Value, json};

const SHELF: [(&str, u32); 3] = [("lantern", 4), ("rice", 120), ("tea", 36)];

/// The service: every route wants a verified caller.
pub fn router(guard: &Guard) -> Router {
    Router::new().route("/stock/{item}", get(show)).layer(guard.layer())
}

/// `GET /stock/{item}`: how many there are, for a caller with `stock:read`.
async fn show(caller: Authenticated, Path(item): Path<String>) -> Result<Json<Value>> {
    caller.require("stock:read")?;
    let on_shelf = SHELF.iter().find(|(name, _)| *name == item).map_or(0, |(_, count)| *count);
    let seen = json!({ "subject": caller.subject, "client": caller.client, "scopes": caller.scopes });
    Ok(Json(json!({ "item": item, "on_shelf": on_shelf, "caller": seen })))
}

#[cfg(test)]
mod tests;
