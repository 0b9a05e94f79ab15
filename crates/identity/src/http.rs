//! HTTP: the router, and nothing that an endpoint decides.
//!
//! ```text
//!   request ─► realm ─► parameters, client, cookies ─► crate::oauth / crate::flow ─► answer
//! ```
//!
//! Status codes meet errors in `answer`, refusals get their id and their audit line in `refusals`, cookies are read and
//! written in `cookies`, pages are in `pages`, the admin API is in `admin`.

use std::sync::Arc;

pub(crate) use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::from_fn_with_state;
use axum::routing::{MethodRouter, get, post};

use crate::oauth::discovery::Endpoint;
use crate::room::Room;

mod admin;
mod answer;
mod cookies;
mod cors;
mod feed;
mod oauth;
mod pages;
mod refusals;
mod request;

/// Every route of this room.
pub(crate) fn router(room: Arc<Room>) -> Router {
    let body_bytes_max = room.settings.limits.body_bytes_max;
    let documents = || get(oauth::discovery).options(oauth::preflight);
    let router = Router::new()
        .route("/realms/{realm}/.well-known/openid-configuration", documents())
        .route("/.well-known/oauth-authorization-server/realms/{realm}", documents());
    let routed = |router: Router<Arc<Room>>, endpoint: Endpoint| {
        router.route(&format!("/realms/{{realm}}{}", endpoint.path()), methods(endpoint))
    };
    let router = Endpoint::ALL.into_iter().fold(router, routed);
    let router = admin::routed(router, &room.base);
    let recorded = from_fn_with_state(Arc::clone(&room), refusals::recorded);
    router.layer(DefaultBodyLimit::max(body_bytes_max)).layer(recorded).with_state(room)
}

/// What an endpoint answers to. Those with `options` may be called by scripts of the realm's allowed origins.
fn methods(endpoint: Endpoint) -> MethodRouter<Arc<Room>> {
    match endpoint {
        Endpoint::Authorize => get(pages::login::authorize).post(pages::login::authorize_by_form),
        Endpoint::Token => post(oauth::token).options(oauth::preflight),
        Endpoint::Jwks => get(oauth::jwks).options(oauth::preflight),
        Endpoint::Introspect => post(oauth::introspect),
        Endpoint::Revoke => post(oauth::revoke).options(oauth::preflight),
        Endpoint::Userinfo => get(oauth::userinfo).post(oauth::userinfo).options(oauth::preflight),
        Endpoint::Logout => get(pages::logout::ask).post(pages::logout::log_out),
        Endpoint::Challenge => post(oauth::challenge),
        Endpoint::Login => get(pages::login::show).post(pages::login::submit),
        Endpoint::Account => get(pages::account::show).post(pages::account::change),
        Endpoint::AccountPassword => get(pages::password::show).post(pages::password::change),
        Endpoint::Logo => get(pages::logo),
        Endpoint::Feed => get(feed::after),
        Endpoint::FeedHead => get(feed::head),
        Endpoint::FeedSnapshot => get(feed::snapshot),
    }
}
