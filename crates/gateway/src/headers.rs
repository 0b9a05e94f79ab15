//! Which headers travel: what a client may not say, what ends at this hop, what a service may not set.
//!
//! INVARIANT (identity-headers): a header that could tell a service who calls is removed before any guard runs, however it
//! is spelt: names are compared after folding case and taking `_` and `.` for `-`, as CGI-like servers do. What an
//! upstream learns about the caller was written by `forward`, after a guard.
//!
//! Specs: RFC 9110 §7.6.1 (hop-by-hop), RFC 7239 and its `X-Forwarded-*` forebears.

use http::header::{
    self, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, COOKIE, EXPECT, HOST, HeaderMap, HeaderName,
    HeaderValue, ORIGIN, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use sekisho_wire::Reason;

use crate::refusal::Refused;
use crate::trail::Peer;

pub(crate) mod cookies;

/// Beginnings of names, folded, that tell or could tell a service who calls or what was asked.
const IDENTITY_PREFIXES: &[&[u8]] = &[
    b"x-sekisho-",
    b"x-user",
    b"x-auth-",
    b"x-authenticated-",
    b"x-forwarded-",
    b"x-remote-",
    b"x-original-",
    b"x-rewrite-",
    b"x-envoy-",
    b"x-jwt-",
    b"x-client-cert",
    b"x-ssl-",
    b"x-consumer-",
    b"x-credential-",
    b"x-amzn-oidc-",
    b"x-goog-iap-",
    b"x-goog-authenticated-",
    b"x-ms-client-principal",
    b"x-ms-token-",
    b"x-pomerium-",
    b"cf-access-",
    b"remote-",
];
/// Whole names of the same sort.
const IDENTITY_NAMES: &[&[u8]] = &[
    b"forwarded",
    b"x-real-ip",
    b"x-client-ip",
    b"x-true-client-ip",
    b"true-client-ip",
    b"cf-connecting-ip",
    b"x-roles",
    b"x-role",
    b"x-groups",
    b"x-group",
    b"x-email",
    b"x-scopes",
    b"x-tenant",
    b"x-request-id",
    b"x-http-method",
    b"x-http-method-override",
    b"x-method-override",
];
/// Names that mean the connection between two neighbours (RFC 9110 §7.6.1), besides `Connection` itself.
static HOP_BY_HOP: [HeaderName; 9] = [
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    HeaderName::from_static("http2-settings"),
    header::PROXY_AUTHENTICATE,
    header::PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];
/// Names that `Connection` may not nominate: without them, the upstream would see another request than the guard.
static PROTECTED: [HeaderName; 6] = [HOST, AUTHORIZATION, COOKIE, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN];

/// What a trusted proxy said about the client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Told {
    /// The addresses it names, the client's first.
    addresses: Option<HeaderValue>,
    proto: Option<HeaderValue>,
    host: Option<HeaderValue>,
}

/// Takes from a request what a client may not say, and what ends here. From a trusted peer, keeps what it says about its
/// client.
pub(crate) fn enter(headers: &mut HeaderMap, peer_is_trusted: bool) -> Result<Told, Refused> {
    let told = if peer_is_trusted { Told::by(headers) } else { Told::default() };
    strip_nominated(headers)?;
    // hyper has answered `Expect: 100-continue` itself; the upstream must not answer it again.
    remove_where(headers, |name| is_hop_by_hop(name) || *name == EXPECT || is_identity(name.as_str().as_bytes()));
    Ok(told)
}

/// Removes from an answer what ends at this hop and what a service may not set. Returns how many cookies of the house a
/// service tried to set.
pub(crate) fn leave(headers: &mut HeaderMap) -> usize {
    // What a service nominates is dropped, whatever it is: it concerns nobody but us.
    let nominated: Vec<HeaderName> = nominated(headers).collect();
    for name in &nominated {
        headers.remove(name);
    }
    remove_where(headers, |name| is_hop_by_hop(name) || folds_to_prefix(name.as_str().as_bytes(), b"x-sekisho-"));
    cookies::drop_set_by_services(headers)
}

/// Writes what the upstream is told about the connection to the client. Client copies were removed by [`enter`].
pub(crate) fn forwarded(headers: &mut HeaderMap, told: Told, peer: &Peer, ours: ForwardedAs<'_>) {
    let mut insert = |name: &'static str, value: Option<HeaderValue>| {
        if let Some(value) = value {
            headers.insert(HeaderName::from_static(name), value);
        }
    };
    let addresses = match told.forwarded_for() {
        Some(before) => HeaderValue::try_from(format!("{before}, {}", peer.ip)).ok(),
        None => peer.shown.clone(),
    };
    insert("x-forwarded-for", addresses);
    insert("x-forwarded-proto", told.proto.or(Some(HeaderValue::from_static(ours.proto))));
    insert("x-forwarded-host", told.host.or(ours.host));
    insert("x-forwarded-prefix", ours.prefix.and_then(|prefix| HeaderValue::from_str(prefix).ok()));
}

/// How the client reached us.
#[derive(Clone, Debug)]
pub(crate) struct ForwardedAs<'a> {
    pub(crate) proto: &'static str,
    /// Host and port, as the client wrote them.
    pub(crate) host: Option<HeaderValue>,
    /// What is taken off the path before the upstream sees it.
    pub(crate) prefix: Option<&'a str>,
}

/// Whether a name, however spelt, could tell a service who calls.
pub(crate) fn is_identity(name: &[u8]) -> bool {
    // Nearly all names are told apart by their first letter.
    if !matches!(name.first(), Some(b'x' | b'X' | b'r' | b'R' | b'f' | b'F' | b't' | b'T' | b'c' | b'C')) {
        return false;
    }
    IDENTITY_PREFIXES.iter().any(|prefix| folds_to_prefix(name, prefix))
        || IDENTITY_NAMES.iter().any(|whole| whole.len() == name.len() && folds_to_prefix(name, whole))
}

// === impl Told ===

impl Told {
    fn by(headers: &HeaderMap) -> Self {
        let one = |name| {
            let mut values = headers.get_all(name).iter();
            values.next().filter(|_| values.next().is_none()).cloned()
        };
        // Several lines are one list (RFC 9110 §5.3): dropped whole, they would make the client sit at the proxy.
        let lines: Vec<&[u8]> = headers.get_all("x-forwarded-for").iter().map(HeaderValue::as_bytes).collect();
        let addresses = (!lines.is_empty()).then(|| HeaderValue::from_bytes(&lines.join(&b", "[..])).ok()).flatten();
        Self { addresses, proto: one("x-forwarded-proto"), host: one("x-forwarded-host") }
    }

    /// The addresses it names, as it wrote them.
    pub(crate) fn forwarded_for(&self) -> Option<&str> {
        self.addresses.as_ref()?.to_str().ok()
    }
}

fn strip_nominated(headers: &mut HeaderMap) -> Result<(), Refused> {
    let names: Vec<HeaderName> = nominated(headers).collect();
    for name in names {
        // The upstream would see a request without what the guard is about to write, or has looked at.
        if PROTECTED.contains(&name) || is_identity(name.as_str().as_bytes()) || name.as_str().starts_with("sec-") {
            let detail = format!("connection nominates `{name}`");
            return Err(Refused::from(Reason::BadHeader).detail(detail));
        }
        headers.remove(name);
    }
    Ok(())
}

fn is_hop_by_hop(name: &HeaderName) -> bool {
    *name == CONNECTION || HOP_BY_HOP.contains(name)
}

/// The names in `Connection`, without the options that name no header, or one that ends here in any case.
fn nominated(headers: &HeaderMap) -> impl Iterator<Item = HeaderName> {
    // What nearly every upstream says is told apart at once.
    let telling = headers.get_all(CONNECTION).iter().filter(|value| *value != "keep-alive" && *value != "close");
    let values = telling.filter_map(|value| value.to_str().ok());
    let options = values.flat_map(|value| value.split(',')).map(str::trim);
    let known = |option: &&str| option.eq_ignore_ascii_case("close") || option.eq_ignore_ascii_case("keep-alive");
    options.filter(move |option| !known(option)).filter_map(|option| option.parse().ok())
}

fn remove_where(headers: &mut HeaderMap, unwanted: impl Fn(&HeaderName) -> bool) {
    // Looked for first: most requests have none, and a list of names would be an allocation.
    while let Some(name) = headers.keys().find(|name| unwanted(name)).cloned() {
        headers.remove(name);
    }
}

/// Whether a name begins with this, once case is folded and `_` and `.` are taken for `-`.
fn folds_to_prefix(name: &[u8], prefix: &[u8]) -> bool {
    let fold = |byte: &u8| match byte {
        b'_' | b'.' => b'-',
        byte => byte.to_ascii_lowercase(),
    };
    name.len() >= prefix.len() && name.iter().map(fold).zip(prefix).all(|(folded, wanted)| folded == *wanted)
}

#[cfg(test)]
mod tests;
