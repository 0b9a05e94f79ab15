//! The admin API: `/admin/v1/…`, for bearers of access tokens of the administrators' realm.
//!
//! ```text
//!   request ─► who asks (`gate`) ─► what for: path, query, body (`call`) ─► one operation of `crate::admin` ─► `answer`
//! ```
//!
//! There is one table of routes (`table`). The router is made from it, and so is the OpenAPI document (`document`): a route
//! that is not described does not answer, and what is described is read and written by the very types that describe it.
//!
//! Specs: RFC 6750 (bearer tokens), RFC 9457 (problems), RFC 9110 §13 (`If-Match`), RFC 8288 (`Link`), OpenAPI 3.1.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, get, on};
use http::request::Parts;

use sekisho_wire::RefusalId;

use super::Router;
use super::observe::Said;
use super::request;
use crate::admin::Admin;
use crate::room::Room;
use crate::settings::Base;

mod answer;
mod audit;
mod call;
mod clients;
mod document;
mod gate;
mod keys;
mod problem;
mod realms;
mod sessions;
mod table;
mod users;

use call::Asked;
use problem::Problem;
use table::Route;

/// Below what every route is.
const ROOT: &str = "/admin/v1";

/// Every route, in the order of the document.
fn table() -> Vec<Route> {
    let parts =
        [realms::routes(), users::routes(), sessions::routes(), clients::routes(), keys::routes(), audit::routes()];
    parts.into_iter().flatten().collect()
}

/// Adds the admin API to a router.
pub(super) fn routed(router: Router<Arc<Room>>, base: &Base) -> Router<Arc<Room>> {
    let table = table();
    let document = Arc::new(document::document(&table, &base.url));
    let described = move || async move { axum::Json(document.as_ref().clone()).into_response() };
    let router = router.route(&format!("{ROOT}/openapi.json"), get(described));
    table.into_iter().fold(router, |router, route| {
        let (path, route) = (format!("{ROOT}{}", route.path), Arc::new(route));
        let Ok(method) = MethodFilter::try_from(route.method.clone()) else { return router };
        let handler = move |State(room): State<Arc<Room>>,
                            places: RawPathParams,
                            parts: Parts,
                            body: Result<Bytes, BytesRejection>| async move {
            match answered(&room, &route, &places, (parts, body)).await {
                Ok(response) => response,
                Err(problem) => problem.told(RefusalId::generate(room.now(), &*room.entropy)),
            }
        };
        router.route(&path, on(method, handler))
    })
}

async fn answered(
    room: &Arc<Room>,
    route: &Route,
    places: &RawPathParams,
    (parts, body): (Parts, Result<Bytes, BytesRejection>),
) -> Result<Response, Problem> {
    let by = gate::administrator(room, route.needs(), &parts).await?;
    if let Some(said) = parts.extensions.get::<Said>() {
        said.believe();
    }
    let origin = request::origin(&parts, room);
    let asked = Asked {
        admin: Admin::on_behalf(Arc::clone(room), by, origin),
        places: places.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        body: body.map_err(|_| Problem::too_large(room.settings.limits.body_bytes_max))?,
        parts,
    };
    if route.guarded {
        asked.condition()?;
    }
    (route.run)(asked).await
}
