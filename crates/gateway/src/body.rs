//! What goes back to the client: a few bytes of ours, or an upstream's answer as it arrives.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::frontdoor::Busy;
use crate::upstream::{Download, Interrupted};

/// The body of a response to a client.
#[derive(Debug)]
pub(crate) struct Outgoing {
    content: Content,
    /// Tells the client's connection that it is our turn, until the last byte was handed over.
    _busy: Option<Busy>,
}

#[derive(Debug)]
enum Content {
    Ours(Option<Bytes>),
    Theirs(Download),
}

// === impl Outgoing ===

impl Outgoing {
    pub(crate) fn full(bytes: Bytes) -> Self {
        Self { content: Content::Ours(Some(bytes).filter(|bytes| !bytes.is_empty())), _busy: None }
    }

    pub(crate) fn empty() -> Self {
        Self { content: Content::Ours(None), _busy: None }
    }

    pub(crate) fn during(self, busy: Busy) -> Self {
        Self { _busy: Some(busy), ..self }
    }
}

impl From<Download> for Outgoing {
    fn from(download: Download) -> Self {
        Self { content: Content::Theirs(download), _busy: None }
    }
}

impl Body for Outgoing {
    type Data = Bytes;
    type Error = Interrupted;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Interrupted>>> {
        match &mut self.get_mut().content {
            Content::Ours(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Content::Theirs(download) => Pin::new(download).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.content {
            Content::Ours(bytes) => bytes.is_none(),
            Content::Theirs(download) => download.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.content {
            Content::Ours(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Content::Theirs(download) => download.size_hint(),
        }
    }
}
