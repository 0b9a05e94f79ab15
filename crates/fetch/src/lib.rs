//! The one outgoing HTTP client, with two doors.
//!
//! An address is either configured by the operator or given by somebody else: in a request, or when a client is
//! registered. The first may lead anywhere, the second nowhere but to the public internet. A [`Client`] is of one of the
//! two kinds by type, so that code which handles other people's addresses cannot be handed the wrong one.
//!
//! ```text
//!   Client<Configured>   http or https, private addresses and own CAs allowed
//!   Client<Untrusted>    https only, public addresses only, small answers, three seconds
//!       │
//!     Request ─► door admits the URL ─► pool ─► resolve ─► door admits every address ─► connect to exactly these ─► TLS
//! ```
//!
//! Everything has a limit, and the limit has a name ([`Limits`]). Redirects are answers, never followed. Deadlines wait on
//! the [`Timer`] that was handed in, so that a test that owns time owns them too.
//!
//! Specs: RFC 9110, RFC 9112 (HTTP/1.1 only, by ALPN under TLS). Not here: the gateway's upstream pool, OAuth, caching.

mod body;
mod connect;
mod door;
mod error;
mod limits;
mod pool;
mod request;

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use rustls::pki_types::CertificateDer;
use tokio::runtime::Handle;

pub use body::Stream;
pub use connect::{BadCertificate, certificates};
pub use door::{Configured, Door, Untrusted, is_public};
pub use error::{Address, FetchError, Phase, Unreachable};
pub use limits::Limits;
pub use request::Request;

/// Completes after the given time, by whatever clock the caller lives by.
pub type Timer = Arc<dyn Fn(Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> + Send + Sync>;

/// What a client is made from.
#[derive(Clone)]
pub struct Options {
    /// What it may use up.
    pub limits: Limits,
    /// Certificates to trust beside the public roots.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// What deadlines wait on.
    pub timer: Timer,
    /// Where connections live.
    pub handle: Handle,
}

/// An HTTP/1.1 client. Clones share connections.
pub struct Client<D: Door> {
    pool: Arc<pool::Pool>,
    door: PhantomData<fn() -> D>,
}

// === impl Options ===

impl Options {
    /// The usual limits and the public roots.
    #[must_use]
    pub fn new(timer: Timer, handle: Handle) -> Self {
        Self { limits: Limits::default(), extra_roots: Vec::new(), timer, handle }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options").field("limits", &self.limits).finish_non_exhaustive()
    }
}

// === impl Client ===

impl Client<Configured> {
    /// For addresses that the operator wrote down.
    ///
    /// # Errors
    /// [`BadCertificate`] when one of the extra roots is none.
    pub fn configured(options: Options) -> Result<Self, BadCertificate> {
        Self::new(options)
    }
}

impl Client<Untrusted> {
    /// For addresses that came from outside. Whatever the options say, answers stay small and quick:
    /// [`Limits::untrusted`] is the most.
    ///
    /// # Errors
    /// [`BadCertificate`] when one of the extra roots is none.
    pub fn untrusted(options: Options) -> Result<Self, BadCertificate> {
        let limits = options.limits.at_most(&Limits::untrusted());
        Self::new(Options { limits, ..options })
    }
}

impl<D: Door> Client<D> {
    fn new(options: Options) -> Result<Self, BadCertificate> {
        Ok(Self { pool: Arc::new(pool::Pool::new(options)?), door: PhantomData })
    }

    /// Sends a request and reads the whole answer, within the total deadline.
    ///
    /// # Errors
    /// [`FetchError`]. An answer of any status is an answer.
    pub async fn send(&self, request: Request) -> Result<Response<Bytes>, FetchError> {
        let deadline = request.deadline.unwrap_or(self.pool.limits().deadline);
        let exchange = async {
            let (parts, mut body) = self.pool.exchange::<D>(request).await?.into_parts();
            Ok(Response::from_parts(parts, body.collect().await?))
        };
        self.pool.within(deadline, Phase::Whole, exchange).await?
    }

    /// Sends a request and hands on the answer's body as it comes. The total deadline ends with the head; afterwards each
    /// chunk has to come within [`Limits::stream_idle`].
    ///
    /// # Errors
    /// [`FetchError`].
    pub async fn stream(&self, request: Request) -> Result<Response<Stream>, FetchError> {
        let deadline = request.deadline.unwrap_or(self.pool.limits().deadline);
        let exchange = self.pool.exchange::<D>(request);
        let response = self.pool.within(deadline, Phase::Head, exchange).await??;
        Ok(response.map(body::Body::into_stream))
    }
}

impl<D: Door> Clone for Client<D> {
    fn clone(&self) -> Self {
        Self { pool: Arc::clone(&self.pool), door: PhantomData }
    }
}

impl<D: Door> fmt::Debug for Client<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("door", &D::NAME).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
