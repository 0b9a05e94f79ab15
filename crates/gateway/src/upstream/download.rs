//! An answer's body on its way to the client: timed, never stored.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use sekisho_wire::Monotonic;

use super::Lease;

/// The body of an upstream's answer. Read to its end, it gives the connection back.
#[derive(Debug)]
pub(crate) struct Download {
    inner: Incoming,
    lease: Option<Lease>,
    patience: Duration,
    silent_since: Option<Monotonic>,
    until: Monotonic,
}

/// The body ended before its end; the client sees a connection that breaks, never a body that looks whole.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Interrupted {
    /// The upstream broke off.
    #[error("the upstream broke off")]
    Broken(#[source] hyper::Error),
    /// The upstream fell silent, or the exchange took too long.
    #[error("the upstream did not go on in time")]
    Late,
}

// === impl Download ===

impl Download {
    /// The body of an answer, to be read with at most `patience` between two pieces and at most until `until`.
    pub(crate) fn new(inner: Incoming, lease: Lease, (patience, until): (Duration, Monotonic)) -> Self {
        let mut download = Self { inner, lease: Some(lease), patience, silent_since: None, until };
        download.end_if_whole();
        download
    }

    fn end_if_whole(&mut self) {
        if self.inner.is_end_stream() {
            self.end();
        }
    }

    fn end(&mut self) {
        if let Some(lease) = self.lease.take() {
            lease.end();
        }
    }
}

impl Body for Download {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        let this = self.get_mut();
        loop {
            match Pin::new(&mut this.inner).poll_frame(context) {
                Poll::Ready(Some(Ok(frame))) => {
                    this.silent_since = None;
                    this.end_if_whole();
                    if this.lease.as_mut().is_some_and(|lease| lease.watch().now() >= this.until) {
                        return Poll::Ready(Some(Err(Interrupted::Late)));
                    }
                    // Trailers are not checked as heads are, so none travels.
                    if frame.is_data() {
                        return Poll::Ready(Some(Ok(frame)));
                    }
                }
                Poll::Ready(Some(Err(error))) => return Poll::Ready(Some(Err(Interrupted::Broken(error)))),
                Poll::Ready(None) => {
                    this.end();
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    // Given back only after the last byte, behind which nothing is pending.
                    let Some(watch) = this.lease.as_mut().map(Lease::watch) else { return Poll::Pending };
                    let since = *this.silent_since.get_or_insert_with(|| watch.now());
                    ready!(watch.poll(context, since.plus(this.patience).min(this.until)));
                    return Poll::Ready(Some(Err(Interrupted::Late)));
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
