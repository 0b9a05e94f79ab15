//! The two cookies of identity: the sign-in, and the browser that a login belongs to.
//!
//! On https their names begin with `__Host-`, so that no sibling domain can set them (RFC 6265bis §4.1.3.2). On loopback,
//! plain http, they have neither the prefix nor `Secure`: some cookie jars never send Secure cookies over http.

use http::HeaderValue;
use http::header::COOKIE;
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::{Digest, Secret};

use super::request::Asked;
use crate::settings::Scheme;

/// The sign-in.
pub(super) const SSO: &str = "sso";
/// The browser.
pub(super) const BROWSER: &str = "browser";

/// The digest of a cookie's value, when there is one and it is of our making. Two of one name are none: whoever planted
/// the second must not choose.
pub(super) fn read(asked: &Asked, what: &str, kind: Kind) -> Option<Digest> {
    let name = name(asked, what);
    let pairs = asked.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
    let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let mut values = pairs.filter(|(known, _)| *known == name).map(|(_, value)| value);
    let value = values.next()?;
    if values.next().is_some() {
        return None;
    }
    Credential::parse(kind, value).ok().map(|credential| credential.digest())
}

/// Sets a cookie for this browser session.
pub(super) fn set(asked: &Asked, what: &str, value: &Secret<String>) -> Option<HeaderValue> {
    write(asked, what, value.expose(), "")
}

/// Takes a cookie away.
pub(super) fn clear(asked: &Asked, what: &str) -> Option<HeaderValue> {
    write(asked, what, "", "; Max-Age=0")
}

fn write(asked: &Asked, what: &str, value: &str, more: &str) -> Option<HeaderValue> {
    let secure = if asked.room.base.scheme == Scheme::Https { "; Secure" } else { "" };
    let text = format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}{more}", name(asked, what));
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

fn name(asked: &Asked, what: &str) -> String {
    let prefix = if asked.room.base.scheme == Scheme::Https { "__Host-" } else { "" };
    format!("{prefix}sekisho-{}-{what}", asked.realm.name)
}
