//! What endpoints want to know of a request: its realm, its parameters, where it came from.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::Extension;
use axum::extract::{ConnectInfo, FromRequestParts};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{Extensions, HeaderMap, StatusCode};

use super::answer;
use super::observe::Said;
use crate::oauth::client_auth::Known;
use crate::oauth::params::Params;
use crate::oauth::refusal::Refusal;
use crate::realms::RealmState;
use crate::room::{Origin, Room};

/// What an agent calls itself, at most so many characters.
const USER_AGENT_CHARS_MAX: usize = 256;
/// The header in which a proxy says for whom it asks.
const FORWARDED_FOR: &str = "x-forwarded-for";
/// The header that carries a request's id through the house.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// A request for a realm that exists.
pub(super) struct Asked {
    pub(super) room: Arc<Room>,
    pub(super) realm: Arc<RealmState>,
    pub(super) headers: HeaderMap,
    pub(super) origin: Origin,
    said: Said,
}

// === impl Asked ===

impl FromRequestParts<Arc<Room>> for Asked {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, room: &Arc<Room>) -> Result<Self, Response> {
        let axum::extract::Path(name) = axum::extract::Path::<String>::from_request_parts(parts, room)
            .await
            .map_err(|_| answer::plain(StatusCode::NOT_FOUND, "no such realm"))?;
        let realm = room.realm(&name).await.map_err(|error| answer::unavailable(&error))?;
        let realm = realm.ok_or_else(|| answer::plain(StatusCode::NOT_FOUND, "no such realm"))?;
        let origin = Origin { user_agent: user_agent(&parts.headers), ..origin(parts, room) };
        // There since `observe`, which is around every route.
        let said = Extension::<Said>::from_request_parts(parts, room).await.map_err(IntoResponse::into_response)?.0;
        Ok(Self { room: Arc::clone(room), realm, headers: parts.headers.clone(), origin, said })
    }
}

impl Asked {
    /// A header as text.
    pub(super) fn header(&self, name: impl http::header::AsHeaderName) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The `Authorization` header; two of them would be read by different readers differently.
    pub(super) fn authorization(&self) -> Result<Option<&str>, Refusal> {
        let mut values = self.headers.get_all(AUTHORIZATION).iter();
        let value = values.next().and_then(|value| value.to_str().ok());
        if values.next().is_some() {
            return Err(Refusal::request("two Authorization headers"));
        }
        Ok(value)
    }

    /// A client that proved who it is is believed about what its request is a part of.
    pub(super) fn know(&self, known: &Known) {
        if !known.client.is_public() {
            self.said.believe();
        }
    }

    /// Where a request of this client came from.
    pub(super) fn of_client(&self, known: &Known) -> Origin {
        self.know(known);
        Origin { request: Some(self.said.id()), ..self.origin.clone() }
    }

    /// The parameters of a form (RFC 6749 §3.2, appendix B): not JSON, and nothing in the query.
    pub(super) fn form(&self, query: Option<&str>, body: &Bytes) -> Result<Params, Refusal> {
        let kind = self.header(CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(Refusal::request("the body must be application/x-www-form-urlencoded"));
        }
        if query.is_some_and(|query| !query.is_empty()) {
            return Err(Refusal::request("parameters belong into the body, not into the query"));
        }
        Params::parse(body).map_err(|_| Refusal::request("the parameters cannot be read"))
    }
}

impl fmt::Debug for Asked {
    /// Without the headers, which hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Asked").field("realm", &self.realm).field("origin", &self.origin).finish_non_exhaustive()
    }
}

/// Where a request came from, but for what the agent calls itself.
pub(super) fn origin(parts: &Parts, room: &Room) -> Origin {
    let proxies = &room.settings.trusted_proxies;
    let client = |peer| proxies.client(peer, forwarded_for(&parts.headers).as_deref());
    let said = parts.extensions.get::<Said>();
    Origin { address: peer(&parts.extensions).map(client), user_agent: None, request: said.map(Said::id) }
}

/// Whether what comes with a request was said by a proxy of ours.
pub(super) fn is_from_trusted_proxy(extensions: &Extensions, room: &Room) -> bool {
    peer(extensions).is_some_and(|peer| room.settings.trusted_proxies.trusts(peer))
}

fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip())
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().take(USER_AGENT_CHARS_MAX).collect())
}

/// What proxies said, in the order in which they said it: several lines are one list (RFC 9110 §5.3).
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
