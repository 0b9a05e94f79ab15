//! HTTP: the router, and nothing that an endpoint decides.
//!
//! ```text
//!   request ─► realm ─► parameters, client, cookies ─► crate::oauth / crate::flow ─► answer
//! ```
//!
//! Status codes meet errors in `answer`, cookies are read and written in `cookies`, pages are in `pages`.

use std::sync::Arc;

pub(crate) use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{get, post};

use crate::oauth::discovery;
use crate::room::Room;

mod answer;
mod cookies;
mod cors;
mod feed;
mod oauth;
mod pages;
mod request;

/// Every route of this room.
pub(crate) fn router(room: Arc<Room>) -> Router {
    let at = |endpoint: discovery::Endpoint| format!("/realms/{{realm}}{}", endpoint.path);
    let body_bytes_max = room.settings.limits.body_bytes_max;
    Router::new()
        .route("/realms/{realm}/.well-known/openid-configuration", get(oauth::discovery).options(oauth::preflight))
        .route(
            "/.well-known/oauth-authorization-server/realms/{realm}",
            get(oauth::discovery).options(oauth::preflight),
        )
        .route(&at(discovery::TOKEN), post(oauth::token).options(oauth::preflight))
        .route(&at(discovery::JWKS), get(oauth::jwks).options(oauth::preflight))
        .route(&at(discovery::INTROSPECT), post(oauth::introspect))
        .route(&at(discovery::REVOKE), post(oauth::revoke).options(oauth::preflight))
        .route(&at(discovery::USERINFO), get(oauth::userinfo).post(oauth::userinfo).options(oauth::preflight))
        .route(&at(discovery::CHALLENGE), post(oauth::challenge))
        .route(&at(discovery::AUTHORIZE), get(pages::authorize).post(pages::authorize))
        .route(&at(discovery::LOGIN), get(pages::login).post(pages::submit))
        .route(&at(discovery::LOGOUT), get(pages::logout).post(pages::log_out))
        .route(&at(discovery::FEED), get(feed::after))
        .route(&at(discovery::FEED_HEAD), get(feed::head))
        .route(&at(discovery::FEED_SNAPSHOT), get(feed::snapshot))
        .layer(DefaultBodyLimit::max(body_bytes_max))
        .with_state(room)
}
