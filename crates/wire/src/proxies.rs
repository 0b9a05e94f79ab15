//! Whose word counts about where a client sits: `X-Forwarded-For` of trusted proxies, and nobody else's.
//!
//! Both rooms that people reach from outside ask this, and must come to the same answer: throttling and the audit hang on it.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

/// Networks of proxies that are believed. Empty: nobody is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

// === impl TrustedProxies ===

impl TrustedProxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this peer is one of them.
    #[must_use]
    pub fn trusts(&self, peer: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(&peer.to_canonical()))
    }

    /// Where the client sits: the last address of `forwarded_for` that is not a trusted proxy's own. The peer itself where
    /// it is not trusted, or says nothing that can be read.
    #[must_use]
    pub fn client(&self, peer: IpAddr, forwarded_for: Option<&str>) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        for text in forwarded_for.unwrap_or_default().rsplit(',') {
            // Whatever is not an address ends the chain of those who are believed.
            let Some(address) = address(text.trim()) else { return peer };
            if !self.trusts(address) {
                return address;
            }
        }
        peer
    }
}

/// `192.0.2.1`, `192.0.2.1:80`, `2001:db8::1`, `[2001:db8::1]:80`; nothing else is believed.
fn address(text: &str) -> Option<IpAddr> {
    let plain = text.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    plain.or_else(|| text.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests;
