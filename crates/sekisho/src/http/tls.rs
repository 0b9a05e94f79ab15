//! TLS for the listeners: which certificate is shown, and what is spoken once the handshake is done.
//!
//! ```text
//!   files ─ pair ─► Pair, checked ─► Tls ─ config ─► a listener, a gateway
//!                       ▲             │
//!                       └─ watch ─────┘  the files are read again every few seconds, and when somebody asks
//! ```
//!
//! A listener is given its configuration once. What changes below it is the certificate, from one handshake to the next;
//! connections that are open do not notice. A new pair that is no good is not used and is said so, once.
//!
//! Versions, suites and groups are rustls's own (TLS 1.2 and 1.3, RFC 8446), with aws-lc-rs. Not here: who asks for TLS
//! (`config`), who accepts connections (`listener`, the gateway), clients (`sekisho-fetch`).

use std::fmt;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sekisho_wire::Clock;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

mod pair;
mod validity;
mod watch;

pub use pair::{BadPair, Files, Pair, Part};
pub use validity::{Age, Validity};

/// What is offered by ALPN (RFC 7301), the first that the client knows being taken. A client that offers neither is
/// refused in the handshake; one that offers nothing speaks HTTP/1.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// `http/1.1`.
    Http1,
    /// `h2`, then `http/1.1`.
    Http2,
}

/// How a listener shakes hands.
pub type Handshake = ServerConfig;

/// A certificate that is being shown, and kept in step with its files. Dropping it ends the keeping.
pub struct Tls {
    shown: Arc<Shown>,
    look: Arc<Notify>,
    watching: AbortHandle,
}

/// The certificate of the next handshake.
struct Shown(ArcSwap<CertifiedKey>);

// === impl Tls ===

impl Tls {
    /// Shows `pair`, and what its files hold later on. `name` is the listener's, for the log.
    #[must_use]
    pub fn start(name: &'static str, pair: Pair, clock: Arc<dyn Clock>, handle: &Handle) -> Self {
        let shown = Arc::new(Shown(ArcSwap::new(Arc::clone(pair.certified()))));
        let look = Arc::new(Notify::new());
        let watch = watch::Watch::new(name, pair, Arc::clone(&shown), clock);
        let watching = handle.spawn(watch.run(Arc::clone(&look), handle.clone())).abort_handle();
        Self { shown, look, watching }
    }

    /// How a listener shakes hands.
    #[must_use]
    pub fn config(&self, offer: Offer) -> Arc<ServerConfig> {
        #[expect(clippy::expect_used, reason = "the provider has suites for both of rustls's default versions")]
        let builder = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider knows TLS 1.2 and 1.3");
        let mut config = builder.with_no_client_auth().with_cert_resolver(Arc::clone(&self.shown) as _);
        config.alpn_protocols = offer.protocols().map(<[u8]>::to_vec).collect();
        Arc::new(config)
    }

    /// Looks at the files now, and says what it thinks of them even if it has said so before.
    pub fn look_again(&self) {
        self.look.notify_one();
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.watching.abort();
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").finish_non_exhaustive()
    }
}

// === impl Offer ===

impl Offer {
    fn protocols(self) -> impl Iterator<Item = &'static [u8]> {
        let h2: Option<&[u8]> = match self {
            Self::Http1 => None,
            Self::Http2 => Some(b"h2"),
        };
        h2.into_iter().chain([&b"http/1.1"[..]])
    }
}

// === impl Shown ===

impl Shown {
    fn replace(&self, certified: Arc<CertifiedKey>) {
        self.0.store(certified);
    }
}

impl ResolvesServerCert for Shown {
    /// The same for every name: one listener, one certificate.
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.load_full())
    }
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shown(…)")
    }
}

#[cfg(test)]
mod tests;
