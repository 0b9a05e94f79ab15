//! Where an upstream is.

use std::fmt;

use http::HeaderValue;
use http::uri::Authority;

/// An upstream as configured: `http://host:port`.
#[derive(Clone, Debug)]
pub(crate) struct Address {
    authority: Authority,
    host_header: HeaderValue,
}

/// A text is not `http://host[:port]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected `http://host:port` without a path; upstreams are reached over plain http")]
pub struct NotAnAddress;

// === impl Address ===

impl Address {
    /// Reads `http://host[:port]`; the port is 80 when absent.
    ///
    /// # Errors
    /// [`NotAnAddress`].
    pub(crate) fn parse(text: &str) -> Result<Self, NotAnAddress> {
        let rest = text.strip_prefix("http://").ok_or(NotAnAddress)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let authority: Authority = rest.parse().map_err(|_| NotAnAddress)?;
        let whole = !authority.host().is_empty() && !rest.contains(['@', '/', '?', '#']);
        let port_is_sound = authority.port().is_none() || authority.port_u16().is_some_and(|port| port > 0);
        if !whole || !port_is_sound {
            return Err(NotAnAddress);
        }
        let host_header = HeaderValue::from_str(rest).map_err(|_| NotAnAddress)?;
        Ok(Self { authority, host_header })
    }

    /// The host as a resolver takes it: an IPv6 address without its brackets.
    pub(super) fn host(&self) -> &str {
        self.authority.host().trim_start_matches('[').trim_end_matches(']')
    }

    pub(super) fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(80)
    }

    /// What connections to it are kept under.
    pub(super) fn key(&self) -> &str {
        self.authority.as_str()
    }

    /// The `Host` header of requests to it.
    pub(crate) fn host_header(&self) -> HeaderValue {
        self.host_header.clone()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}
