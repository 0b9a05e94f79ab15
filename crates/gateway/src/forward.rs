//! Forwarding: a permitted request becomes the upstream's request, and the upstream's answer comes back.
//!
//! Takes nothing less than a [`Permitted`]. The path that was matched is the path that is sent. The client's credential
//! ends here: what the upstream gets instead is the proof that the guard found, and what the client sent in headers of
//! that sort was removed before the guard ran.
//!
//! Not here: what travels back (`response`).

use std::sync::Arc;

use http::header::{AUTHORIZATION, HOST, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::uri::PathAndQuery;
use http::{Request, Uri, Version};
use http_body::Body as _;
use hyper::body::Incoming;
use sekisho_token::credential::kind_of;
use sekisho_wire::{Monotonic, Reason};

use crate::config::Forward;
use crate::core::Core;
use crate::guards::Proof;
use crate::headers::{self, ForwardedAs, Told, cookies};
use crate::permit::Permitted;
use crate::refusal::Refused;
use crate::spans;
use crate::trail::Trail;
use crate::upstream::{self, Answer, Upload};

/// What the client sent, taken apart.
#[derive(Debug)]
pub(crate) struct Received {
    pub(crate) head: Parts,
    pub(crate) body: Incoming,
    /// What a trusted proxy said about the client.
    pub(crate) told: Told,
}

/// Sends a permitted request to its upstream, at most until `until`.
pub(crate) async fn forward(
    core: &Arc<Core>,
    permitted: &Permitted,
    trail: &Trail,
    received: Received,
    until: Monotonic,
) -> Result<Answer, Refused> {
    let shared = core.shared();
    let route = permitted.route();
    let Received { mut head, body, told } = received;
    // Said before a byte of the body is asked for, so that a client that waits for `100 Continue` never sends it.
    if body.size_hint().lower() > route.body_bytes_max {
        return Err(Reason::BodyTooLarge.into());
    }
    let uri = upstream_uri(&head.uri, route.upstream_path(trail.path()))?;
    // In absolute form the target names the same host (`frontdoor::examine`).
    let in_target = || HeaderValue::from_str(head.uri.authority()?.as_str()).ok();
    let host = head.headers.get(HOST).cloned().or_else(in_target);
    let ours = ForwardedAs { proto: shared.table().scheme.as_str(), host, prefix: route.strip_prefix.as_deref() };
    headers::forwarded(&mut head.headers, told, &trail.peer, ours);
    prove(&mut head.headers, permitted);
    cookies::strip(&mut head.headers);
    head.headers.remove("x-csrf-token");
    head.headers.insert(HOST, route.upstream.host_header());
    if let Some(id) = trail.id_header.clone() {
        head.headers.insert(HeaderName::from_static("x-request-id"), id);
    }
    let upload = Upload::of(body, route.body_bytes_max, &shared.clock);
    // Said aloud, because hyper would send a GET without the body whose length is not known.
    if upload.size_hint().exact().is_none() {
        head.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    let span = spans::call(route, &mut head.headers);
    let mut request = Request::new(upload);
    *request.method_mut() = head.method;
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    *request.headers_mut() = head.headers;
    let begun = shared.clock.monotonic();
    let answer = upstream::send(core, &route.upstream, request, (begun, until)).await;
    route.meter.upstream.observe(shared.clock.monotonic().since(begun));
    spans::called(span, &answer);
    let answer = answer?;
    // We never ask to switch protocols, so an upstream that does has lost the thread.
    if answer.response.status().is_informational() {
        return Err(Refused::from(Reason::UpstreamBroken).detail("an interim answer where a final one belongs"));
    }
    Ok(answer)
}

/// The upstream's target: the canonical path, and the query as the client wrote it. Built anew only when it differs.
fn upstream_uri(uri: &Uri, path: &str) -> Result<Uri, Refused> {
    if uri.authority().is_none() && uri.path() == path {
        return Ok(uri.clone());
    }
    let target = match uri.query() {
        Some(query) => PathAndQuery::try_from(format!("{path}?{query}")),
        None => PathAndQuery::try_from(path),
    };
    let target = target.map_err(|_| Reason::BadTarget)?;
    let mut parts = http::uri::Parts::default();
    parts.path_and_query = Some(target);
    Uri::from_parts(parts).map_err(|_| Reason::BadTarget.into())
}

/// Puts the proof in the credential's place.
fn prove(headers: &mut HeaderMap, permitted: &Permitted) {
    match (permitted.proof(), permitted.route().forward) {
        (Proof::Bearer(bearer), Forward::Token) => {
            headers.insert(AUTHORIZATION, bearer.clone());
        }
        (Proof::Bearer(_), Forward::None) => {
            headers.remove(AUTHORIZATION);
        }
        // An open route's service may have credentials of its own; one of ours is not for it.
        (Proof::Theirs, _) => {
            let is_ours = |value: &HeaderValue| {
                let token = value.to_str().ok().and_then(|text| text.split_once(' ')).map(|(_, token)| token.trim());
                token.and_then(kind_of).is_some()
            };
            if headers.get_all(AUTHORIZATION).iter().any(is_ours) {
                headers.remove(AUTHORIZATION);
            }
        }
    }
}
