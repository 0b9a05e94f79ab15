//! Making a connection: the name's addresses, each admitted by the door, then TCP to exactly these, then TLS.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use http_body_util::Full;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::runtime::Handle;
use tokio_rustls::TlsConnector;
use url::{Host, Url};

use crate::Limits;
use crate::door::Door;
use crate::error::{Address, FetchError, Unreachable};

/// A connection that takes requests.
pub(crate) type Sender = SendRequest<Full<bytes::Bytes>>;

/// Scheme, host and port: what connections are shared by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Origin {
    tls: bool,
    host: Host<String>,
    port: u16,
}

/// A root certificate cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a certificate that can be trusted: {what}")]
pub struct BadCertificate {
    what: String,
}

/// The certificates in a file's bytes: PEM with any number of them, or DER with one.
///
/// # Errors
/// [`BadCertificate`] when there is none, or one of them cannot be read.
pub fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, BadCertificate> {
    if !bytes.starts_with(b"-----BEGIN") && !bytes.windows(11).any(|window| window == b"\n-----BEGIN") {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let found: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|error| BadCertificate { what: error.to_string() })?;
    if found.is_empty() {
        return Err(BadCertificate { what: "no certificate in the PEM".to_owned() });
    }
    Ok(found)
}

/// TLS as we speak it: our provider, verified certificates, HTTP/1.1.
pub(crate) fn tls(extra_roots: &[CertificateDer<'static>]) -> Result<TlsConnector, BadCertificate> {
    let bad = |error: rustls::Error| BadCertificate { what: error.to_string() };
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for root in extra_roots {
        roots.add(root.clone()).map_err(bad)?;
    }
    let provider = Arc::new(aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().map_err(bad)?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}

// === impl Origin ===

impl Origin {
    pub(crate) fn of(url: &Url) -> Result<Self, Address> {
        let host = url.host().ok_or(Address::NoHost)?.to_owned();
        let port = url.port_or_known_default().ok_or(Address::NoHost)?;
        Ok(Self { tls: url.scheme() == "https", host, port })
    }

    /// Connects, and lets the connection live on `handle`.
    pub(crate) async fn connect<D: Door>(
        &self,
        tls: &TlsConnector,
        limits: &Limits,
        handle: &Handle,
    ) -> Result<Sender, FetchError> {
        let tcp = self.tcp(&self.resolve::<D>().await?).await.map_err(|cause| self.unreachable(cause))?;
        // Requests are small and written whole; waiting for more to send would only delay them.
        tcp.set_nodelay(true).map_err(|error| self.unreachable(error.into()))?;
        if !self.tls {
            return speak(tcp, limits, handle).await;
        }
        let name = self.server_name().ok_or_else(|| self.unreachable(Unreachable::ServerName))?;
        let tls = tls.connect(name, tcp).await.map_err(|error| self.unreachable(Unreachable::of_handshake(error)))?;
        speak(tls, limits, handle).await
    }

    /// Every address of the host, all of them admitted.
    async fn resolve<D: Door>(&self) -> Result<Vec<SocketAddr>, FetchError> {
        let addresses: Vec<SocketAddr> = match &self.host {
            Host::Ipv4(address) => vec![(IpAddr::V4(*address), self.port).into()],
            Host::Ipv6(address) => vec![(IpAddr::V6(*address), self.port).into()],
            Host::Domain(name) => {
                let found = lookup_host((name.as_str(), self.port)).await;
                found.map_err(|error| self.unreachable(error.into()))?.collect()
            }
        };
        if admits_all::<D>(&addresses) { Ok(addresses) } else { Err(Address::NotPublic(self.host.to_string()).into()) }
    }

    /// The first address that takes the connection.
    async fn tcp(&self, addresses: &[SocketAddr]) -> Result<TcpStream, Unreachable> {
        let mut last = Unreachable::NoAddress;
        for address in addresses {
            match TcpStream::connect(address).await {
                Ok(tcp) => return Ok(tcp),
                Err(error) => last = error.into(),
            }
        }
        Err(last)
    }

    fn server_name(&self) -> Option<ServerName<'static>> {
        match &self.host {
            Host::Domain(name) => ServerName::try_from(name.clone()).ok(),
            Host::Ipv4(address) => Some(ServerName::from(IpAddr::V4(*address))),
            Host::Ipv6(address) => Some(ServerName::from(IpAddr::V6(*address))),
        }
    }

    fn unreachable(&self, cause: Unreachable) -> FetchError {
        let scheme = if self.tls { "https" } else { "http" };
        FetchError::Unreachable { origin: format!("{scheme}://{}:{}", self.host, self.port), cause }
    }
}

/// A name that leads to one forbidden address is refused whole, so that it does not depend on luck which one is taken.
fn admits_all<D: Door>(addresses: &[SocketAddr]) -> bool {
    addresses.iter().all(|address| D::may_lead_to(address.ip()))
}

/// Begins HTTP/1.1 on a connection.
async fn speak<T>(io: T, limits: &Limits, handle: &Handle) -> Result<Sender, FetchError>
where
    T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut builder = Builder::new();
    builder.max_headers(limits.headers_max).max_buf_size(limits.head_bytes_max.max(8192));
    let (sender, connection) = builder.handshake(TokioIo::new(io)).await?;
    // Ends by itself when the sender is dropped or the other side closes; its error is seen by whoever waits for an answer.
    handle.spawn(async move {
        let _ = connection.await;
    });
    Ok(sender)
}

#[cfg(test)]
mod tests;
