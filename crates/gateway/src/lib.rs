//! The gateway: authenticates each request by the pattern its route names, and forwards it with proof of who calls.
//!
//! On hyper directly: one current-thread runtime per core, each with its own listener and its own upstream pool; bodies
//! stream both ways. What may be accepted is known from the realm's feed, in memory; questions to identity run elsewhere
//! and are rare. The path of a request is drawn at `handle`, and the files are named after its steps.
//!
//! ```text
//!   server  core                  threads, listeners, connections, draining
//!   frontdoor                     framing and Host, on the bytes
//!   path  routes                  one path, matched and forwarded
//!   headers  trail                what travels; what is known about a request
//!   credential  csrf  guards      who calls
//!     swap  vouch  lease  realm   … known from memory, for how long, and who is asked otherwise
//!     ports                       … how identity is asked
//!   permit                        what they may do
//!   forward  upstream  response   there and back
//!   login  cors                   what the gateway answers itself
//!   refusal                       why not: the one place that knows status codes
//!   meters  spans                 what is counted and traced on the way
//! ```
//!
//! Specs: RFC 9110, RFC 9112, RFC 6750. Not here: minting tokens (identity), configuration files and certificates (the roof).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use http::header::{CONNECTION, HeaderName, HeaderValue};
use http::{Request, Response};
use hyper::body::Incoming;
use sekisho_wire::{Reason, trace};

use crate::body::Outgoing;
use crate::core::Core;
use crate::csrf::Site;
use crate::forward::Received;
use crate::frontdoor::Link;
use crate::login::Visit;
use crate::refusal::Refused;
use crate::routes::Target;
use crate::trail::{Peer, Trail};

mod body;
pub mod config;
mod core;
mod cors;
mod credential;
mod csrf;
mod forward;
pub mod frontdoor;
mod guards;
mod headers;
mod lease;
mod login;
mod meters;
pub mod path;
mod permit;
mod ports;
mod realm;
mod refusal;
mod response;
mod routes;
mod server;
mod spans;
mod swap;
mod trail;
mod upstream;
mod vouch;
mod watch;

pub use meters::{Readings, RealmReading, RouteReading};
pub use server::{Gateway, Parts, RealmPorts, StartError};

/// One request, from hyper and back to it.
///
/// ```text
///   bytes ─ frontdoor::Door ─► hyper ─► handle
///                                         │ headers::enter       identity headers and hop-by-hop headers go
///                                         │ frontdoor::examine   one host, a target we can read
///                                         │ path::canonical      one path, from here on
///                                         │ routes               which route, or which login mount
///                                         │ cors::preflight      answered here
///                                         │ guards::admit        credential ─► csrf ─► opaque: swap │ jwt: verify
///                                         │ permit::permit       scopes ─► Permitted
///                                         │ forward::forward     proof in, credential out ─► upstream::send
///                                         ▼ response::hand_back  no JWT out on opaque routes
///   bytes ◄──────────────── hyper ◄──── answer, or refusal::answer with its reason, its id and one audit line
/// ```
pub(crate) async fn handle(
    core: Arc<Core>,
    link: Arc<Link>,
    peer: Arc<Peer>,
    request: Request<Incoming>,
) -> Response<Outgoing> {
    let busy = link.begin();
    let (mut head, body) = request.into_parts();
    let mut trail = Trail::begin(&core, peer, &head);
    let span = core.shared().tracer.as_ref().map(|tracer| spans::begin(tracer, &trail, &mut head.headers));
    let outcome = match &span {
        Some(span) => trace::within(span, proxied(&core, &mut trail, (head, body))).await,
        None => proxied(&core, &mut trail, (head, body)).await,
    };
    let reason = outcome.as_ref().err().map(Refused::reason);
    let mut response = outcome.unwrap_or_else(|refused| refusal::answer(&core, &trail, &refused));
    trail.answered(&core, response.status());
    if let Some(span) = span {
        spans::end(span, &trail, response.status(), reason);
    }
    if let Some(id) = trail.id_header.take() {
        response.headers_mut().insert(HeaderName::from_static("x-request-id"), id);
    }
    if core.shared().draining.load(Ordering::Acquire) {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    response.map(|body| body.during(busy))
}

async fn proxied(
    core: &Arc<Core>,
    trail: &mut Trail,
    (mut head, body): (http::request::Parts, Incoming),
) -> Result<Response<Outgoing>, Refused> {
    let shared = core.shared();
    let until = shared.clock.monotonic().plus(shared.limits.exchange_deadline);
    frontdoor::refuse_websocket(&head.headers)?;
    let told = headers::enter(&mut head.headers, trail.peer_trusted)?;
    trail.client = shared.table().proxies.client(trail.peer.ip, told.forwarded_for());

    let target = frontdoor::examine(&head)?;
    let path = path::canonical(target.path)
        .map_err(|ambiguous| Refused::from(Reason::AmbiguousPath).detail(ambiguous.to_string()))?;
    trail.canonical_is(&path);

    // One table for the whole decision; it is not held while anybody is waited for.
    let table = shared.table();
    let site = Site { scheme: table.scheme, authority: target.authority };
    let candidates = table.candidates(&target.host, &path)?;
    if cors::is_preflight(&head) {
        return Ok(cors::preflight(&table, trail, &head, &candidates.allow()));
    }
    let target = candidates.pick(&head.method)?;
    drop(table);
    let route = match target {
        Target::Route(route) => route,
        Target::Login(mount, endpoint) => {
            trail.route = Some(Arc::clone(&mount.meter));
            trail.realm = Some(mount.realm.name.clone());
            let visit = Visit { core, mount: &mount, trail, head: &head, site };
            let mut response = login::answer(visit, endpoint, body).await?;
            cors::allow_reading(&shared.table(), trail, response.headers_mut());
            return Ok(response);
        }
    };
    trail.route = Some(Arc::clone(&route.meter));
    trail.realm.clone_from(&route.realm);

    let admitted = route.guard.admit(&head, site, trail.id).await?;
    trail.access = admitted.access().cloned();
    let permitted = permit::permit(admitted, route, &head.method)?;

    let received = Received { head, body, told };
    let answer = forward::forward(core, &permitted, trail, received, until).await?;
    Ok(response::hand_back(core, permitted.route(), trail, answer, until).await)
}
