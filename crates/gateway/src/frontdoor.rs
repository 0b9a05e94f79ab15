//! The front door: what is checked about a request before anybody asks where it goes or who sent it.
//!
//! ```text
//!   bytes ─► stream ─ scan ─► hyper ─► examine ─► Target { host, path, query }
//!              │        │                 │
//!           deadlines   │          one Host on 1.1, Host = target, no CONNECT, no upgrade
//!              Content-Length and Transfer-Encoding, line ends, sizes, on the bytes themselves
//! ```
//!
//! hyper resolves some ambiguities before a service sees the request: a Content-Length beside a Transfer-Encoding, a
//! repeated Content-Length, bare line feeds. Its resolution is sound, because what we send upstream is framed anew; but
//! whoever sends such a thing hopes that somebody disagrees, so it is refused on the bytes, and the connection is closed.
//!
//! Protocol upgrades are not passed: an offer of `h2c` is ignored, as RFC 9110 §7.8 permits, and a WebSocket handshake is
//! refused, since ignoring it would leave the client waiting for frames.
//!
//! Specs: RFC 9112 §3.2, §6.3, §11.2. Not here: what the path means (`path`, `routes`).

use std::borrow::Cow;

use http::header::{HOST, UPGRADE};
use http::request::Parts;
use http::{HeaderMap, Method, Uri, Version};
use sekisho_wire::Reason;

use crate::refusal::Refused;

mod chunked;
mod head;
mod scan;
mod stream;

pub use scan::scan_all;
pub(crate) use stream::{Busy, Door, Link};

/// Where a request wants to go, without doubt.
#[derive(Debug)]
pub(crate) struct Target<'a> {
    /// The host in lower case, without port and trailing dot; empty for HTTP/1.0 without one.
    pub(crate) host: Cow<'a, str>,
    /// Host and port as the client wrote them.
    pub(crate) authority: &'a str,
    /// The path as the client wrote it.
    pub(crate) path: &'a str,
}

/// Refuses a WebSocket handshake. To be asked before hop-by-hop headers are taken away.
pub(crate) fn refuse_websocket(headers: &HeaderMap) -> Result<(), Refused> {
    let values = headers.get_all(UPGRADE).iter().filter_map(|value| value.to_str().ok());
    let mut protocols = values.flat_map(|value| value.split(',')).filter_map(|protocol| protocol.split('/').next());
    if protocols.any(|name| name.trim().eq_ignore_ascii_case("websocket")) {
        return Err(Reason::UpgradeRefused.into());
    }
    Ok(())
}

/// Examines a request that hyper has parsed and [`Door`] has let in.
pub(crate) fn examine(head: &Parts) -> Result<Target<'_>, Refused> {
    if let Some(reason) = refused_by_the_door(head) {
        return Err(reason.into());
    }
    if head.version != Version::HTTP_11 && head.version != Version::HTTP_10 {
        return Err(Reason::BadFraming.into());
    }
    let host = host_header(head)?;
    let authority = match target_form(&head.uri, &head.method)? {
        None => host.unwrap_or_default(),
        // RFC 9112 §3.2.2 lets the target win over Host; two names are one too many for us.
        Some(authority) if host.is_none_or(|host| same_authority(host, authority)) => authority,
        Some(_) => return Err(Refused::from(Reason::BadHost).detail("the target names another host")),
    };
    let host = if authority.is_empty() { Cow::Borrowed("") } else { host_name(authority)? };
    Ok(Target { host, authority, path: head.uri.path() })
}

/// Whether a request is the one that [`Door`] puts in the place of one that it refused.
pub(crate) fn is_stand_in(method: &Method) -> bool {
    method.as_str() == head::REFUSED_METHOD
}

/// The reason that [`Door`] wrote into the request it put in place of one that it refused.
fn refused_by_the_door(head: &Parts) -> Option<Reason> {
    if !is_stand_in(&head.method) {
        return None;
    }
    // No client can send this method: the scan refuses it.
    head.uri.path().strip_prefix('/').and_then(Reason::of_code).or(Some(Reason::BadFraming))
}

/// RFC 9112 §3.2: exactly one on HTTP/1.1; on 1.0 it may be missing. RFC 9110 §4.2.1: an empty one names nobody.
fn host_header(head: &Parts) -> Result<Option<&str>, Refused> {
    let bad = |detail| Refused::from(Reason::BadHost).detail(detail);
    let mut values = head.headers.get_all(HOST).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(bad("more than one host header"));
    }
    match first {
        Some(value) if value.is_empty() => Err(bad("the host header is empty")),
        Some(value) => Ok(Some(value.to_str().map_err(|_| bad("the host header is not a host"))?)),
        None if head.version == Version::HTTP_10 => Ok(None),
        None => Err(bad("no host header")),
    }
}

/// Origin form has no authority; absolute form has one (RFC 9112 §3.2).
fn target_form<'a>(uri: &'a Uri, method: &Method) -> Result<Option<&'a str>, Refused> {
    let bad = |detail| Err(Refused::from(Reason::BadTarget).detail(detail));
    match (uri.scheme_str(), uri.authority()) {
        _ if *method == Method::CONNECT => bad("connect is not for this gateway"),
        (None, None) if uri.path().starts_with('/') => Ok(None),
        (Some("http" | "https"), Some(authority)) => Ok(Some(authority.as_str())),
        (_, _) => bad("neither a path nor an http address"),
    }
}

fn same_authority(left: &str, right: &str) -> bool {
    let without_default_port = |text: &str| text.strip_suffix(":80").unwrap_or(text).to_ascii_lowercase();
    without_default_port(left) == without_default_port(right)
}

/// The host of `host[:port]`, in lower case and without a trailing dot (RFC 3986 §3.2.2).
pub(crate) fn host_name(authority: &str) -> Result<Cow<'_, str>, Refused> {
    let bad = || Refused::from(Reason::BadHost).detail("the host header is not a host");
    let (name, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, port) = rest.split_once(']').ok_or_else(bad)?;
            address.parse::<std::net::Ipv6Addr>().map_err(|_| bad())?;
            let name_len = address.len() + 2;
            (authority.get(..name_len).unwrap_or_default(), port.strip_prefix(':').or(port.is_empty().then_some("0")))
        }
        None => match authority.as_bytes().iter().position(|byte| *byte == b':') {
            Some(colon) => (authority.get(..colon).unwrap_or_default(), authority.get(colon + 1..)),
            None => (authority, Some("0")),
        },
    };
    port.filter(|port| port.len() <= 5 && port.bytes().all(|b| b.is_ascii_digit())).ok_or_else(bad)?;
    let name = name.strip_suffix('.').unwrap_or(name);
    let fine =
        |label: &[u8]| !label.is_empty() && label.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
    if !name.starts_with('[') && !name.as_bytes().split(|byte| *byte == b'.').all(fine) {
        return Err(bad());
    }
    let lower = !name.bytes().any(|b| b.is_ascii_uppercase());
    Ok(if lower { Cow::Borrowed(name) } else { Cow::Owned(name.to_ascii_lowercase()) })
}

#[cfg(test)]
mod tests;
