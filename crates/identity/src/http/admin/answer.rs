//! What an operation gives, and how it is written.

use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CACHE_CONTROL, ETAG, LINK, LOCATION};
use http::{HeaderName, HeaderValue, StatusCode};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use sekisho_token::Digest;
use serde::Serialize;

use super::call::Cursor;
use crate::admin::Page;

/// Bytes of a digest that make an entity tag: enough that no two states that anybody sees have the same.
const TAG_BYTES: usize = 16;

/// What an operation gives.
pub(super) trait Answer: Send + 'static {
    const STATUS: StatusCode;
    const HEADERS: &'static [(&'static str, &'static str)];
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;
    /// `target` is what was asked for.
    fn into_response(self, target: &str) -> Response;
}

/// Something that may be changed afterwards by whoever says that they saw it so.
pub(super) struct Seen<T>(pub(super) T);

/// Something that is only looked at.
pub(super) struct Shown<T>(pub(super) T);

/// Something new, and what its own path ends with.
pub(super) struct Made<T> {
    pub(super) what: T,
    pub(super) place: String,
}

/// It is done, and there is nothing to tell.
pub(super) struct Done;

/// A part of a list.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ListOf{T}")]
pub(super) struct Listed<T> {
    /// In the list's order.
    items: Vec<T>,
    /// Where the list goes on: the `after` of the next request. Absent at the end of the list, and only there.
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// Names a state of something: the same as long as nobody sees a difference.
pub(super) fn entity_tag<T: Serialize>(shown: &T) -> String {
    let text = serde_json::to_vec(shown).unwrap_or_default();
    let digest = Digest::of(&text);
    let half = digest.0.get(..TAG_BYTES).unwrap_or_default();
    format!("\"{}\"", URL_SAFE_NO_PAD.encode(half))
}

// === impl Answer ===

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Seen<T> {
    const STATUS: StatusCode = StatusCode::OK;
    const HEADERS: &'static [(&'static str, &'static str)] =
        &[("ETag", "Names this state; send it back in `If-Match` with a change.")];

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn into_response(self, _: &str) -> Response {
        let tag = entity_tag(&self.0);
        with(json(Self::STATUS, &self.0), ETAG, tag)
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Shown<T> {
    const STATUS: StatusCode = StatusCode::OK;
    const HEADERS: &'static [(&'static str, &'static str)] = &[];

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn into_response(self, _: &str) -> Response {
        json(Self::STATUS, &self.0)
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Made<T> {
    const STATUS: StatusCode = StatusCode::CREATED;
    const HEADERS: &'static [(&'static str, &'static str)] = &[("Location", "Where it is.")];

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn into_response(self, target: &str) -> Response {
        let path = target.split('?').next().unwrap_or_default();
        with(json(Self::STATUS, &self.what), LOCATION, format!("{path}/{}", self.place))
    }
}

impl Answer for Done {
    const STATUS: StatusCode = StatusCode::NO_CONTENT;
    const HEADERS: &'static [(&'static str, &'static str)] = &[];

    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn into_response(self, _: &str) -> Response {
        Self::STATUS.into_response()
    }
}

impl<T: Serialize + JsonSchema + Send + 'static> Answer for Listed<T> {
    const STATUS: StatusCode = StatusCode::OK;
    const HEADERS: &'static [(&'static str, &'static str)] =
        &[("Link", "The next page, with `rel=\"next\"`; absent at the end of the list.")];

    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<Self>())
    }

    fn into_response(self, target: &str) -> Response {
        let response = json(Self::STATUS, &self);
        match &self.next {
            Some(next) => with(response, LINK, format!("<{}>; rel=\"next\"", onwards(target, next))),
            None => response,
        }
    }
}

// === impl Listed ===

impl<T> Listed<T> {
    /// A page as it is shown.
    pub(super) fn of<U, K: std::fmt::Display>(page: Page<U, K>, shown: impl FnMut(U) -> T) -> Self {
        let Page { items, next } = page.map(shown);
        Self { items, next: next.map(|key| Cursor::of(key).into_text()) }
    }
}

/// The same request, from there on (RFC 8288 §3: relative to what was asked for).
fn onwards(target: &str, next: &str) -> String {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let kept = form_urlencoded::parse(query.as_bytes()).filter(|(name, _)| name != "after");
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).append_pair("after", next).finish();
    format!("{path}?{query}")
}

fn json<T: Serialize>(status: StatusCode, what: &T) -> Response {
    with((status, axum::Json(what)).into_response(), CACHE_CONTROL, "no-store".to_owned())
}

fn with(mut response: Response, name: HeaderName, value: String) -> Response {
    if let Ok(value) = HeaderValue::try_from(value) {
        response.headers_mut().insert(name, value);
    }
    response
}
