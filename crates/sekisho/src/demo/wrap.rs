//! TLS on both sides of a relay: it shows the demo's certificate to whoever calls, and wants to see it of whom it calls.
//!
//! So every leg is TLS on the wire, and what is recorded is what was said. HTTP/1.1 only, which is what the recorder
//! reads. Exists in the demo's wiring only.

use std::fmt;
use std::io;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use sekisho_guard::clock::before;
use sekisho_wire::Clock;
use tokio::net::TcpStream;
use tokio::runtime::Handle;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::papers::Papers;
use super::premises::Trouble;
use crate::http::tls::{Offer, Tls};

/// How long both handshakes of a connection may take.
const HANDSHAKES: Duration = Duration::from_secs(10);

/// Makes connections of plain ones.
#[derive(Clone)]
pub(crate) struct Wrap {
    acceptor: TlsAcceptor,
    connector: TlsConnector,
}

// === impl Wrap ===

impl Wrap {
    /// With the demo's papers.
    ///
    /// # Errors
    /// None with an authority that [`Papers`] made.
    pub(crate) fn with(papers: &Papers, clock: &Arc<dyn Clock>, handle: &Handle) -> Result<Self, Trouble> {
        let shown = Tls::start("a relay", papers.pair.clone(), Arc::clone(clock), handle);
        let mut roots = RootCertStore::empty();
        for authority in sekisho_fetch::certificates(&papers.authority_pem)? {
            roots.add(authority)?;
        }
        let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?;
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(shown.config(Offer::Http1));
        Ok(Self { acceptor, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Shakes hands with both sides.
    ///
    /// # Errors
    /// That of the first handshake that fails, or that the time is over.
    pub(crate) async fn both(
        &self,
        caller: TcpStream,
        callee: TcpStream,
        clock: &dyn Clock,
    ) -> io::Result<(TlsStream<TcpStream>, TlsStream<TcpStream>)> {
        let name = ServerName::from(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST));
        let both = async {
            let caller = self.acceptor.accept(caller).await?;
            Ok((caller.into(), self.connector.connect(name, callee).await?.into()))
        };
        let deadline = clock.monotonic().plus(HANDSHAKES);
        before(clock, deadline, both).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

impl fmt::Debug for Wrap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrap").finish_non_exhaustive()
    }
}
