//! The axum side: handlers take [`Authenticated`] as an argument, and a [`Refusal`] is an answer.
//!
//! ```
//! use axum::{Router, routing::get};
//! use sekisho_guard::layer::{Authenticated, Guard, GuardOptions, Refusal};
//! # use sekisho_token::Secret;
//!
//! /// With the secret that `sekisho client create orders --kind service …` printed.
//! async fn guard(secret: Secret<String>) -> Result<Guard, Box<dyn std::error::Error>> {
//!     let options = GuardOptions::new("http://localhost:7000/realms/main", "orders", "orders".parse()?, secret);
//!     Ok(Guard::remote(options).start().await?)
//! }
//!
//! async fn show(caller: Authenticated) -> Result<String, Refusal> {
//!     caller.require("orders:read")?;
//!     Ok(format!("hello {}", caller.subject))
//! }
//!
//! fn routes(guard: &Guard) -> Router {
//!     Router::new().route("/orders/{id}", get(show)).layer(guard.layer())
//! }
//! ```
//!
//! Not here: the layer itself ([`crate::layer`]), which works with any tower service.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

use crate::layer::{Authenticated, Refusal};

// === impl Authenticated ===

impl<S: Send + Sync> FromRequestParts<S> for Authenticated {
    /// A route that takes a caller and has no guard in front of it is a mistake of the service's author, so it answers 500
    /// to everybody rather than serve anybody.
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        parts.extensions.get::<Self>().cloned().ok_or_else(|| {
            tracing::error!(path = parts.uri.path(), "the route takes a caller and has no guard layer");
            StatusCode::INTERNAL_SERVER_ERROR
        })
    }
}

// === impl Refusal ===

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        self.to_response()
    }
}

#[cfg(test)]
mod tests;
