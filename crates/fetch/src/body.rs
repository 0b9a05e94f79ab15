//! An answer's body, counted as it comes, and the connection that returns to the pool when it has all come.

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};

use crate::error::{FetchError, Phase};
use crate::pool::Lease;

/// A body to be read whole.
pub(crate) struct Body {
    incoming: Incoming,
    /// Given back when the body is at its end. Dropped before that, the connection is closed.
    lease: Option<Lease>,
    bytes_max: usize,
}

/// A body that is handed on as it comes.
#[derive(Debug)]
pub struct Stream {
    body: Body,
}

// === impl Body ===

impl Body {
    pub(crate) fn new(incoming: Incoming, lease: Lease, bytes_max: usize) -> Self {
        Self { incoming, lease: Some(lease), bytes_max }
    }

    pub(crate) fn into_stream(self) -> Stream {
        Stream { body: self }
    }

    /// Everything, if it is not too long.
    pub(crate) async fn collect(&mut self) -> Result<Bytes, FetchError> {
        let too_large = FetchError::TooLarge { bytes_max: self.bytes_max };
        // A length that was announced is believed in one direction only: too long is too long.
        if self.incoming.size_hint().lower() > u64::try_from(self.bytes_max).unwrap_or(u64::MAX) {
            return Err(too_large);
        }
        let mut whole = BytesMut::new();
        while let Some(chunk) = self.next().await? {
            if whole.len() + chunk.len() > self.bytes_max {
                return Err(too_large);
            }
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    async fn next(&mut self) -> Result<Option<Bytes>, FetchError> {
        loop {
            match self.incoming.frame().await {
                Some(Ok(frame)) => {
                    // Trailers tell us nothing.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => return Err(error.into()),
                None => {
                    if let Some(lease) = self.lease.take() {
                        lease.give_back();
                    }
                    return Ok(None);
                }
            }
        }
    }
}

impl std::fmt::Debug for Body {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Body(…)")
    }
}

// === impl Stream ===

impl Stream {
    /// The next part; `None` at the end. How much comes in all is for the caller to bound.
    ///
    /// # Errors
    /// [`FetchError::TooSlow`] when nothing came within [`Limits::stream_idle`](crate::Limits::stream_idle),
    /// [`FetchError::Broken`] when the other side broke off.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, FetchError> {
        let Some(lease) = &self.body.lease else { return Ok(None) };
        let pool = lease.pool();
        pool.within(pool.limits().stream_idle, Phase::Chunk, self.body.next()).await?
    }
}
