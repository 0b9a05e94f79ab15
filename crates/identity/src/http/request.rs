//! What endpoints want to know of a request: its realm, its parameters, where it came from.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{ConnectInfo, FromRequestParts};
use axum::response::Response;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, StatusCode};

use sekisho_wire::RequestId;

use super::answer;
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
        Ok(Self { room: Arc::clone(room), realm, headers: parts.headers.clone(), origin })
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

    /// Where a request of a client that proved who it is came from: it is believed about the id of what it does.
    pub(super) fn of_client(&self, known: &Known) -> Origin {
        let said = || self.header(REQUEST_ID).filter(|_| !known.client.is_public()).and_then(id);
        Origin { request: self.origin.request.or_else(said), ..self.origin.clone() }
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
    let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|peer| peer.0.ip());
    let proxies = &room.settings.trusted_proxies;
    let said = parts.headers.get(REQUEST_ID).and_then(|value| value.to_str().ok());
    Origin {
        address: peer.map(|peer| proxies.client(peer, forwarded_for(&parts.headers).as_deref())),
        user_agent: None,
        // Whoever may choose it could hide behind another request's; a client that is known may (`of_client`).
        request: said.filter(|_| peer.is_some_and(|peer| proxies.trusts(peer))).and_then(id),
    }
}

fn user_agent(headers: &HeaderMap) -> Option<String> {
    let agent = headers.get(USER_AGENT)?.to_str().ok()?;
    Some(agent.chars().take(USER_AGENT_CHARS_MAX).collect())
}

fn id(text: &str) -> Option<RequestId> {
    text.parse().ok()
}

/// What proxies said, in the order in which they said it: several lines are one list (RFC 9110 §5.3).
fn forwarded_for(headers: &HeaderMap) -> Option<String> {
    let lines: Vec<&str> = headers.get_all(FORWARDED_FOR).iter().filter_map(|value| value.to_str().ok()).collect();
    (!lines.is_empty()).then(|| lines.join(","))
}
