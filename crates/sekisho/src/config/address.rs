//! Addresses: which are this machine's own, and which can be the base of issuers.

use url::{Host, Url};

/// Whether tokens that are sent there can be read on the way.
pub(super) fn is_open_road(address: &str) -> bool {
    address.parse::<Url>().is_ok_and(|url| url.scheme() == "http" && !is_loopback(&url))
}

/// Whether issuers can begin with this text: the one way in which programs write an origin, over https, or on loopback.
/// Identity holds the same rule, and starts with nothing else; it is here so that it shows before the start.
pub(super) fn is_base(text: &str) -> bool {
    let text = text.trim_end_matches('/');
    is_origin(text) && !is_open_road(text)
}

/// Whether a browser could write this in `Origin`.
pub(super) fn is_origin(text: &str) -> bool {
    text.parse::<Url>().is_ok_and(|url| is_http(&url) && url.origin().ascii_serialization() == text)
}

/// Whether this is an issuer of the realm of this name, written the one way that is compared.
pub(super) fn is_issuer(text: &str, realm: &str) -> bool {
    let of_realm = text.strip_suffix(realm).is_some_and(|front| front.ends_with("/realms/"));
    of_realm && text.parse::<Url>().is_ok_and(|url| is_http(&url) && url.as_str() == text)
}

fn is_http(url: &Url) -> bool {
    matches!(url.scheme(), "http" | "https")
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}
