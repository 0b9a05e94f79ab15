//! The house's cookies: their names, taking them out of requests, keeping services from setting them.
//!
//! Specs: RFC 6265 §5.4, RFC 6265bis §4.1.3 (`__Host-`).

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};
use sekisho_token::{Secret, Timestamp};
use sekisho_wire::RealmName;

use crate::config::Scheme;

/// What every cookie of the house begins with, behind the browser's own prefixes.
const HOUSE: &[u8] = b"sekisho-";

/// What a cookie of the gateway holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Opaque,
    Jwt,
    Refresh,
}

/// A cookie that the gateway sets and takes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Cookie {
    pub(crate) name: Box<str>,
    attributes: Box<str>,
}

/// How long a browser keeps one.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Keep {
    /// Until then; the present comes first.
    Until(Timestamp, Timestamp),
    /// As long as it runs.
    WhileOpen,
}

/// One cookie of a `Cookie` header.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) name: &'a [u8],
    pub(crate) value: &'a [u8],
    whole: &'a [u8],
}

/// The name of a cookie. `__Host-` keeps siblings of our domain from setting it; browsers demand `Secure` for that, and
/// not every client sends `Secure` cookies over http, so on loopback it goes without.
pub(crate) fn name(scheme: Scheme, realm: &RealmName, kind: Kind) -> Box<str> {
    let (prefix, kind) = match kind {
        Kind::Opaque => ("__Host-", "opaque"),
        Kind::Jwt => ("__Host-", "jwt"),
        // `__Host-` wants the path `/`; this one does not go to every service's door.
        Kind::Refresh => ("__Secure-", "refresh"),
    };
    let prefix = match scheme {
        Scheme::Https => prefix,
        Scheme::Http => "",
    };
    format!("{prefix}sekisho-{realm}-{kind}").into()
}

/// The cookies of one `Cookie` header.
pub(crate) fn pairs(header: &[u8]) -> impl Iterator<Item = Pair<'_>> {
    header.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|whole| !whole.is_empty()).map(|whole| {
        let equals = whole.iter().position(|byte| *byte == b'=').unwrap_or(whole.len());
        let (name, value) = whole.split_at_checked(equals).unwrap_or((whole, &[]));
        let value = value.strip_prefix(b"=").unwrap_or_default().trim_ascii();
        // Servers take quotes off (RFC 6265 §4.1.1 knows them), so we do as well.
        let unquoted = value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\""));
        Pair { name: name.trim_ascii(), value: unquoted.unwrap_or(value), whole }
    })
}

/// Takes the house's cookies out of a request; the others stay as they are.
pub(crate) fn strip(headers: &mut HeaderMap) {
    let none_of_ours = |value: &HeaderValue| !pairs(value.as_bytes()).any(|pair| is_of_the_house(pair.name));
    if headers.get_all(COOKIE).iter().all(none_of_ours) {
        return;
    }
    let theirs: Vec<&[u8]> = headers
        .get_all(COOKIE)
        .iter()
        .flat_map(|value| pairs(value.as_bytes()))
        .filter(|pair| !is_of_the_house(pair.name))
        .map(|pair| pair.whole)
        .collect();
    let kept = (!theirs.is_empty()).then(|| HeaderValue::from_bytes(&theirs.join(&b"; "[..])));
    match kept {
        Some(Ok(kept)) => {
            headers.insert(COOKIE, kept);
        }
        Some(Err(_)) | None => {
            headers.remove(COOKIE);
        }
    }
}

/// Drops cookies of the house that a service tried to set; returns how many.
pub(crate) fn drop_set_by_services(headers: &mut HeaderMap) -> usize {
    let is_ours = |value: &HeaderValue| pairs(value.as_bytes()).next().is_some_and(|pair| is_of_the_house(pair.name));
    let dropped = headers.get_all(SET_COOKIE).iter().filter(|value| is_ours(value)).count();
    if dropped > 0 {
        let kept: Vec<HeaderValue> =
            headers.get_all(SET_COOKIE).iter().filter(|value| !is_ours(value)).cloned().collect();
        headers.remove(SET_COOKIE);
        for value in kept {
            headers.append(SET_COOKIE, value);
        }
    }
    dropped
}

/// Names are case-sensitive, but not to every server; so ours are known in any case.
fn is_of_the_house(name: &[u8]) -> bool {
    let behind = |prefix: &[u8]| {
        let (head, rest) = name.split_at_checked(prefix.len())?;
        head.eq_ignore_ascii_case(prefix).then_some(rest)
    };
    let rest = behind(b"__host-").or_else(|| behind(b"__secure-")).unwrap_or(name);
    rest.get(..HOUSE.len()).is_some_and(|head| head.eq_ignore_ascii_case(HOUSE))
}

// === impl Cookie ===

impl Cookie {
    /// One that goes along with every request: what a guard looks at.
    pub(crate) fn credential(scheme: Scheme, realm: &RealmName, kind: Kind) -> Self {
        Self { name: name(scheme, realm, kind), attributes: attributes(scheme, "/", "Lax") }
    }

    /// The refresh token of a login mount; it goes to that mount alone, and never on behalf of another site.
    pub(crate) fn refresh(scheme: Scheme, realm: &RealmName, prefix: &str) -> Self {
        Self { name: name(scheme, realm, Kind::Refresh), attributes: attributes(scheme, prefix, "Strict") }
    }

    /// `Set-Cookie` that hands over a credential.
    pub(crate) fn set(&self, credential: &Secret<String>, keep: Keep) -> Option<HeaderValue> {
        let max_age = match keep {
            Keep::Until(now, end) => format!("Max-Age={}; ", end.seconds_since(now).max(0)),
            Keep::WhileOpen => String::new(),
        };
        let text = format!("{}={}; {max_age}{}", self.name, credential.expose(), self.attributes);
        let mut value = HeaderValue::try_from(text).ok()?;
        value.set_sensitive(true);
        Some(value)
    }

    /// `Set-Cookie` that takes it back.
    pub(crate) fn clear(&self) -> Option<HeaderValue> {
        HeaderValue::try_from(format!("{}=; Max-Age=0; {}", self.name, self.attributes)).ok()
    }
}

fn attributes(scheme: Scheme, path: &str, same_site: &str) -> Box<str> {
    let secure = match scheme {
        Scheme::Http => "",
        Scheme::Https => "Secure; ",
    };
    format!("Path={path}; {secure}HttpOnly; SameSite={same_site}").into()
}

#[cfg(test)]
mod tests;
