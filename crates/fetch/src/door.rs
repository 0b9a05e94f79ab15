//! The two doors: which addresses may be asked.
//!
//! What is dangerous about an address from outside is not its text but where it leads, and a name may lead somewhere else
//! at the second look-up. So the rule is applied to resolved addresses, all of them, and the connection is made to exactly
//! those.
//!
//! Specs: the IANA special-purpose registries behind RFC 6890; RFC 6598 (carrier NAT), RFC 4193 (unique local), RFC 6052
//! and RFC 3056 (IPv4 inside IPv6).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::LazyLock;

use ipnet::{Ipv4Net, Ipv6Net};
use url::Url;

use crate::error::Address;

mod sealed {
    pub trait Sealed {}
}

/// Which addresses a client may ask. There are two doors and no third.
pub trait Door: sealed::Sealed + std::fmt::Debug + Send + Sync + 'static {
    /// For messages.
    const NAME: &'static str;

    /// Whether a single request may not lift the limits of its client.
    const LIMITS_ARE_FINAL: bool;

    /// Whether the text of the address is acceptable.
    ///
    /// # Errors
    /// [`Address`].
    fn admit(url: &Url) -> Result<(), Address>;

    /// Whether a resolved address may be connected to.
    fn may_lead_to(address: IpAddr) -> bool;
}

/// Addresses that the operator wrote down.
#[derive(Clone, Copy, Debug)]
pub struct Configured;

/// Addresses from requests or registrations.
#[derive(Clone, Copy, Debug)]
pub struct Untrusted;

// === impl Configured ===

impl sealed::Sealed for Configured {}

impl Door for Configured {
    const NAME: &'static str = "configured";
    const LIMITS_ARE_FINAL: bool = false;

    fn admit(url: &Url) -> Result<(), Address> {
        match url.scheme() {
            "http" | "https" => has_plain_host(url),
            other => Err(Address::Scheme(other.to_owned())),
        }
    }

    fn may_lead_to(_: IpAddr) -> bool {
        true
    }
}

// === impl Untrusted ===

impl sealed::Sealed for Untrusted {}

impl Door for Untrusted {
    const NAME: &'static str = "untrusted";
    const LIMITS_ARE_FINAL: bool = true;

    fn admit(url: &Url) -> Result<(), Address> {
        match url.scheme() {
            "https" => has_plain_host(url),
            other => Err(Address::Scheme(other.to_owned())),
        }
    }

    fn may_lead_to(address: IpAddr) -> bool {
        is_public(address)
    }
}

/// Whether an address belongs to the public internet: not private, loopback, link-local (cloud metadata lives there),
/// carrier NAT, multicast, documentation or reserved; for IPv6 also not a wrapping of such an IPv4 address.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => match embedded_v4(v6) {
            Some(v4) => is_public_v4(v4),
            None => GLOBAL_V6.contains(&v6) && !NOT_PUBLIC_V6.iter().any(|net| net.contains(&v6)),
        },
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    !NOT_PUBLIC_V4.iter().any(|net| net.contains(&address))
}

/// The IPv4 address that an IPv6 address leads to: mapped (RFC 4291 §2.5.5.2), NAT64 (RFC 6052), 6to4 (RFC 3056). The
/// deprecated "compatible" form lies outside the global range and is refused with it.
fn embedded_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let [a, b, c, d, e, f, g, h] = address.segments();
    let pair = |high: u16, low: u16| Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
    match [a, b, c, d, e, f] {
        [0, 0, 0, 0, 0, 0xffff] | [0x64, 0xff9b, 0, 0, 0, 0] => Some(pair(g, h)),
        [0x2002, high, low, _, _, _] => Some(pair(high, low)),
        _ => None,
    }
}

fn has_plain_host(url: &Url) -> Result<(), Address> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Address::Credentials);
    }
    match url.host_str() {
        Some(host) if !host.is_empty() => Ok(()),
        Some(_) | None => Err(Address::NoHost),
    }
}

static NOT_PUBLIC_V4: LazyLock<Vec<Ipv4Net>> = LazyLock::new(|| {
    [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 0, 0], 24),
        ([192, 0, 2, 0], 24),
        ([192, 88, 99, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 18, 0, 0], 15),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([224, 0, 0, 0], 4),
        ([240, 0, 0, 0], 4),
    ]
    .into_iter()
    .map(|(address, bits)| Ipv4Net::new_assert(Ipv4Addr::from(address), bits))
    .collect()
});

/// Global unicast. Everything outside it (loopback, link-local, unique local, multicast …) leads nowhere public.
static GLOBAL_V6: LazyLock<Ipv6Net> =
    LazyLock::new(|| Ipv6Net::new_assert(Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3));

static NOT_PUBLIC_V6: LazyLock<Vec<Ipv6Net>> = LazyLock::new(|| {
    [
        // IETF protocol assignments, Teredo among them, whose inner address the sender chooses.
        (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
        // Documentation.
        (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
        (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
    ]
    .into_iter()
    .map(|(address, bits)| Ipv6Net::new_assert(address, bits))
    .collect()
});

#[cfg(test)]
mod tests;
