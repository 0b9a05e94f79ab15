//! Where codes may be sent: compared byte for byte, with one exception, the port of a loopback address.
//!
//! Nothing is parsed that was sent: parsers that disagree (`@`, `..;/`, backslashes, case) are how codes were stolen
//! elsewhere for ten years.
//!
//! Specs: RFC 9700 §2.1 and §4.1.3, RFC 8252 §7.1 and §7.3, RFC 6749 §3.1.2.

use sekisho_model::client::{ClientAuth, Registration};
use url::Url;

use crate::settings::is_loopback;

/// Longest address that is registered, in bytes.
const BYTES_MAX: usize = 2000;
/// What a loopback address begins with, up to its port (RFC 8252 §7.3; `localhost` as well, which the RFC only advises
/// against).
const LOOPBACK: [&str; 3] = ["http://127.0.0.1", "http://[::1]", "http://localhost"];
/// Schemes that run or read something where the browser is.
const DANGEROUS: [&str; 6] = ["about", "blob", "data", "file", "javascript", "vbscript"];

/// Why an address cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRedirectUri {
    /// Not an absolute address of printable ASCII characters.
    #[error("`{0}` is not an absolute address")]
    NotAbsolute(String),
    /// It has a part after `#` (RFC 6749 §3.1.2).
    #[error("`{0}` has a fragment")]
    Fragment(String),
    /// It has a `*`, a name or password before the host, or dot segments.
    #[error("`{0}` could be read in more than one way")]
    Ambiguous(String),
    /// Plain `http` outside loopback (RFC 9700 §2.6).
    #[error("`{0}` is plain http outside loopback")]
    PlainHttp(String),
    /// A scheme that is neither `https` nor an application's own, which has a period in it and belongs to a public client
    /// (RFC 8252 §7.1).
    #[error("`{0}` has a scheme that is not taken")]
    Scheme(String),
}

/// The registered address that `sent` is, as it was sent.
pub(crate) fn is_registered(registered: &[String], sent: &str) -> bool {
    registered.iter().any(|registered| registered == sent || differ_in_port(registered, sent))
}

/// RFC 8252 §7.3: an application on a device gets its port from the system when it starts to listen.
fn differ_in_port(registered: &str, sent: &str) -> bool {
    LOOPBACK.iter().any(|host| {
        let (Some(registered), Some(sent)) = (registered.strip_prefix(host), sent.strip_prefix(host)) else {
            return false;
        };
        matches!((after_port(registered), after_port(sent)), (Some(a), Some(b)) if a == b)
    })
}

/// What follows the port, or follows directly where there is none: a path, a query, or nothing.
fn after_port(rest: &str) -> Option<&str> {
    let tail = match rest.strip_prefix(':') {
        Some(port) => {
            let digits = port.bytes().take_while(u8::is_ascii_digit).count();
            let number = port.get(..digits).filter(|digits| digits.len() <= 5)?;
            number.parse::<u16>().ok().filter(|number| *number > 0)?;
            port.get(digits..)?
        }
        None => rest,
    };
    (tail.is_empty() || tail.starts_with('/') || tail.starts_with('?')).then_some(tail)
}

/// Whether an address may be registered for a client.
pub(crate) fn check(uri: &str, registration: &Registration) -> Result<(), BadRedirectUri> {
    let given = || uri.chars().take(200).collect::<String>();
    let printable = uri.len() <= BYTES_MAX && uri.bytes().all(|byte| byte.is_ascii_graphic());
    let url: Url = uri.parse().map_err(|_| BadRedirectUri::NotAbsolute(given()))?;
    if !printable {
        return Err(BadRedirectUri::NotAbsolute(given()));
    }
    if uri.contains('#') {
        return Err(BadRedirectUri::Fragment(given()));
    }
    let userinfo = !url.username().is_empty() || url.password().is_some();
    if userinfo || uri.contains(['*', '\\', '@']) || uri.contains("/..") || uri.contains("/./") {
        return Err(BadRedirectUri::Ambiguous(given()));
    }
    let own = url.scheme().contains('.') && registration.auth == ClientAuth::None;
    match (url.scheme(), url.host()) {
        ("https", Some(_)) => Ok(()),
        ("http", Some(host)) if is_loopback(&host) => Ok(()),
        ("http", _) => Err(BadRedirectUri::PlainHttp(given())),
        (scheme, _) if own && !DANGEROUS.contains(&scheme) => Ok(()),
        _ => Err(BadRedirectUri::Scheme(given())),
    }
}

#[cfg(test)]
mod tests;
