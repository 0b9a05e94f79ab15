//! Where a caller's credential stands in a request: the route's cookie, or `Authorization: Bearer`, and nowhere else.
//!
//! Query parameters are never looked at: they end up in logs and in `Referer` (RFC 6750 §5.3). Two credentials that
//! differ are refused, since two readers would see two callers; the same one twice is fine.
//!
//! Specs: RFC 6750 §2.1, RFC 6265 §5.4. Not here: whether the credential is good (`guards`).

use http::header::{AUTHORIZATION, COOKIE};
use http::{HeaderMap, HeaderValue};
use sekisho_wire::Reason;

use crate::headers::cookies;
use crate::refusal::Refused;

/// A credential as it was presented.
#[derive(Clone, Copy)]
pub(crate) struct Presented<'a> {
    pub(crate) text: &'a str,
    pub(crate) carrier: Carrier,
}

/// What a credential came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Carrier {
    /// A cookie alone: the browser sent it, whoever made it send the request.
    Cookie,
    /// The cookie of a refresh token, which only a logout takes in place of the credential.
    RefreshCookie,
    /// A header that only a script or program can set.
    Authorization,
}

/// The one credential of a request.
pub(crate) fn find<'a>(headers: &'a HeaderMap, cookie: &str) -> Result<Option<Presented<'a>>, Refused> {
    let in_cookie = in_cookie(headers, cookie)?;
    let in_authorization = in_authorization(headers)?;
    match (in_cookie, in_authorization) {
        (Some(cookie), Some(Bearer::Token(bearer))) if cookie != bearer => Err(Reason::CredentialsDisagree.into()),
        (Some(_), Some(Bearer::Other)) => Err(Reason::CredentialsDisagree.into()),
        (_, Some(Bearer::Token(text))) => Ok(Some(Presented { text, carrier: Carrier::Authorization })),
        (None, Some(Bearer::Other)) => Err(Reason::MalformedCredential.into()),
        (Some(text), None) => Ok(Some(Presented { text, carrier: Carrier::Cookie })),
        (None, None) => Ok(None),
    }
}

/// Whether a text has the outward form of a JWT: it would be one to any service that reads it.
pub(crate) fn looks_like_jwt(text: &str) -> bool {
    text.starts_with("eyJ") && text.bytes().filter(|byte| *byte == b'.').count() >= 2
}

/// What an `Authorization` header holds.
enum Bearer<'a> {
    Token(&'a str),
    /// Another scheme, or no token behind it.
    Other,
}

// === impl Presented ===

impl Presented<'_> {
    /// The credential as `Authorization` carries it; without copying it where it came that way.
    pub(crate) fn to_header(self, headers: &HeaderMap) -> Result<HeaderValue, Refused> {
        let arrived = headers.get(AUTHORIZATION).filter(|value| value.as_bytes().starts_with(b"Bearer "));
        let mut value = match arrived {
            Some(value) => value.clone(),
            None => HeaderValue::try_from(format!("Bearer {}", self.text)).map_err(|_| Reason::MalformedCredential)?,
        };
        value.set_sensitive(true);
        Ok(value)
    }
}

fn in_authorization(headers: &HeaderMap) -> Result<Option<Bearer<'_>>, Refused> {
    let mut values = headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Reason::CredentialsDisagree.into());
    }
    let Some((scheme, token)) = value.to_str().ok().and_then(|text| text.split_once(' ')) else {
        return Ok(Some(Bearer::Other));
    };
    // RFC 9110 §11.1: the scheme is not case-sensitive. RFC 6750 §2.1: exactly one token, in b64token's alphabet.
    let in_alphabet = token.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b));
    let is_bearer = scheme.eq_ignore_ascii_case("bearer") && !token.is_empty() && in_alphabet;
    Ok(Some(if is_bearer { Bearer::Token(token) } else { Bearer::Other }))
}

/// What a cookie of this name holds, where there is one and one only.
pub(crate) fn in_cookie<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Refused> {
    let mut found = None;
    for pair in headers.get_all(COOKIE).iter().flat_map(|value| cookies::pairs(value.as_bytes())) {
        if pair.name != name.as_bytes() {
            continue;
        }
        // A second one was tossed in by somebody who can set cookies for us: neither is believed.
        if found.is_some() {
            return Err(Refused::from(Reason::CredentialsDisagree).detail("the cookie is there twice"));
        }
        found = Some(std::str::from_utf8(pair.value).map_err(|_| Reason::MalformedCredential)?);
    }
    // A cleared cookie is none.
    Ok(found.filter(|value| !value.is_empty()))
}
