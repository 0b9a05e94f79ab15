//! A change that only a cookie vouches for needs proof that our own page asked for it.
//!
//! A browser sends the cookie along with whatever any page makes it send. Proof is one of: an `Origin` of our own, a
//! `Sec-Fetch-Site` that says so, or `x-csrf-token`, which only a page can know that was allowed to read
//! `PREFIX/session`: SHA-256 over a label and the credential. `SameSite=Lax` is a second line, not the first: sites that
//! share a domain are the same site to it.
//!
//! Specs: RFC 6454 (Origin), Fetch Metadata. Not here: which origins may read answers (`cors`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use http::header::ORIGIN;
use http::request::Parts;
use sekisho_token::Digest;
use sekisho_token::digest::same;
use sekisho_wire::Reason;

use crate::config::Scheme;
use crate::credential::{Carrier, Presented};
use crate::refusal::Refused;

/// Keeps this use of SHA-256 apart from every other.
const LABEL: &[u8] = b"sekisho csrf token 1:";

/// Under which name the client reached us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Site<'a> {
    pub(crate) scheme: Scheme,
    /// Host and port, as the client wrote them.
    pub(crate) authority: &'a str,
}

/// Where a browser says that a request was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// On a page of ours.
    Ours,
    /// Elsewhere.
    Foreign,
    /// It does not say.
    Unknown,
}

/// Refuses a change that a cookie alone vouches for.
pub(crate) fn check(head: &Parts, presented: &Presented<'_>, site: Site<'_>) -> Result<(), Refused> {
    if head.method.is_safe() || presented.carrier == Carrier::Authorization {
        return Ok(());
    }
    if has_token(&head.headers, presented.text) {
        return Ok(());
    }
    match origin(&head.headers, site) {
        Origin::Ours => Ok(()),
        Origin::Foreign | Origin::Unknown => Err(Reason::CrossSite.into()),
    }
}

/// Where the browser says that a request was made. `Origin` is asked first: it cannot be set by a page.
pub(crate) fn origin(headers: &HeaderMap, site: Site<'_>) -> Origin {
    let mut origins = headers.get_all(ORIGIN).iter();
    if let Some(origin) = origins.next() {
        let ours = origins.next().is_none() && origin.to_str().is_ok_and(|origin| site.is_origin(origin));
        return if ours { Origin::Ours } else { Origin::Foreign };
    }
    match headers.get("sec-fetch-site").map(http::HeaderValue::as_bytes) {
        // `none`: the person typed the address or used a bookmark.
        Some(b"same-origin" | b"none") => Origin::Ours,
        Some(_) => Origin::Foreign,
        None => Origin::Unknown,
    }
}

/// The token that a page of ours sends with a change.
pub(crate) fn token(credential: &str) -> String {
    let labelled = [LABEL, credential.as_bytes()].concat();
    URL_SAFE_NO_PAD.encode(Digest::of(&labelled).0)
}

fn has_token(headers: &HeaderMap, credential: &str) -> bool {
    let given = headers.get("x-csrf-token");
    given.is_some_and(|given| same(given.as_bytes(), token(credential).as_bytes()))
}

// === impl Site ===

impl Site<'_> {
    /// RFC 6454 §5: the same scheme, host and port.
    fn is_origin(&self, origin: &str) -> bool {
        let Some(host) = origin.strip_prefix(self.scheme.as_str()).and_then(|rest| rest.strip_prefix("://")) else {
            return false;
        };
        let default_port = match self.scheme {
            Scheme::Http => ":80",
            Scheme::Https => ":443",
        };
        let authority = self.authority.strip_suffix(default_port).unwrap_or(self.authority);
        !host.is_empty() && host.eq_ignore_ascii_case(authority)
    }
}
