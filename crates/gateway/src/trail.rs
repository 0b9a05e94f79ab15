//! What is known about a request while it is handled: for its audit line, its answer's headers, its ids.
//!
//! Filled in as the request advances; a refusal at any step finds here what can be said about it. Nothing here is a
//! secret: no header but the origin, no query, no body.

use std::net::IpAddr;
use std::sync::Arc;

use http::header::ORIGIN;
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri};
use sekisho_guard::access::VerifiedAccess;
use sekisho_wire::{AuditEvent, RealmName, RequestId};

use crate::core::Core;
use crate::frontdoor;
use crate::meters::RouteMeter;

/// How much of a method an audit line holds.
const METHOD_CHARS_MAX: usize = 32;
/// How much of a path it holds.
const PATH_CHARS_MAX: usize = 512;

/// Who is at the other end of a client's connection.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Where they sit.
    pub(crate) ip: IpAddr,
    /// The same as upstreams are told it, written once for all requests.
    pub(crate) shown: Option<HeaderValue>,
}

/// What is known about a request.
#[derive(Debug)]
pub(crate) struct Trail {
    /// Its id: a trusted proxy's, or a fresh one.
    pub(crate) id: RequestId,
    /// The same, as it stands in headers.
    pub(crate) id_header: Option<HeaderValue>,
    /// Who sent it to us.
    pub(crate) peer: Arc<Peer>,
    /// Where the client sits: the peer, or whom a trusted peer names.
    pub(crate) client: IpAddr,
    /// Whether what the peer says about the client is believed.
    pub(crate) peer_trusted: bool,
    /// Its method.
    pub(crate) method: Method,
    /// Its origin, for CORS.
    pub(crate) origin: Option<HeaderValue>,
    /// Its path in the canonical form, once there is one; before, as the client wrote it.
    uri: Uri,
    canonical: Option<Box<str>>,
    /// The name of its route or login mount, and what is counted of that.
    pub(crate) route: Option<Arc<RouteMeter>>,
    /// The realm of its route.
    pub(crate) realm: Option<RealmName>,
    /// Who calls, once that is known.
    pub(crate) access: Option<Arc<VerifiedAccess>>,
}

// === impl Peer ===

impl Peer {
    pub(crate) fn at(ip: IpAddr) -> Self {
        Self { ip, shown: HeaderValue::try_from(ip.to_string()).ok() }
    }
}

// === impl Trail ===

impl Trail {
    pub(crate) fn begin(core: &Core, peer: Arc<Peer>, head: &Parts) -> Self {
        let shared = core.shared();
        let peer_trusted = shared.table().proxies.trusts(peer.ip);
        let given = head.headers.get("x-request-id").filter(|_| peer_trusted);
        let given = given.and_then(|id| id.to_str().ok()?.parse().ok());
        let id = given.unwrap_or_else(|| RequestId::generate(shared.clock.wall(), core.ids()));
        Self {
            id,
            id_header: HeaderValue::try_from(id.to_string()).ok(),
            client: peer.ip,
            peer,
            peer_trusted,
            method: head.method.clone(),
            origin: head.headers.get(ORIGIN).cloned(),
            uri: head.uri.clone(),
            canonical: None,
            route: None,
            realm: None,
            access: None,
        }
    }

    /// From here on the path is known in its one form.
    pub(crate) fn canonical_is(&mut self, path: &str) {
        if path != self.uri.path() {
            self.canonical = Some(path.into());
        }
    }

    /// The path, without its query.
    pub(crate) fn path(&self) -> &str {
        self.canonical.as_deref().unwrap_or(self.uri.path())
    }

    /// Counts the answer.
    pub(crate) fn answered(&self, core: &Core, status: StatusCode) {
        let route = self.route.as_deref().unwrap_or(&core.shared().meters.unrouted);
        route.answered(status);
        tracing::debug!(request = %self.id, route = route.name(), status = status.as_u16(), "answered");
    }

    /// Writes down what is known.
    pub(crate) fn describe(&self, line: &mut AuditEvent) {
        line.request = Some(self.id);
        // Of a request that the front door refused, nothing is known that two readers would agree on.
        if !frontdoor::is_stand_in(&self.method) {
            line.method = Some(self.method.as_str().chars().take(METHOD_CHARS_MAX).collect());
            line.path = Some(self.path().chars().take(PATH_CHARS_MAX).collect());
        }
        line.route = self.route.as_deref().map(|route| route.name().to_owned());
        line.realm.clone_from(&self.realm);
        line.address = Some(self.client);
        if let Some(access) = &self.access {
            let caller = access.caller();
            line.subject = Some(caller.subject.clone());
            line.client = Some(caller.client.clone());
            line.session = caller.session;
            line.grant = caller.grant;
        }
    }
}
