//! The body of a request, with a deadline for all of it: whoever sends a byte now and then would hold a connection for ever.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use hyper::body::{Body, Frame, SizeHint};
use sekisho_wire::{BoxFuture, Clock, Monotonic};

/// A body that fails at its deadline.
pub(super) struct Timely<B> {
    body: B,
    clock: Arc<dyn Clock>,
    deadline: Monotonic,
    /// Made when the body is waited for, which most never are. The lock is never contended: it makes a future that may be
    /// sent one that may be shared.
    late: Mutex<Option<BoxFuture<'static, ()>>>,
}

/// The body did not arrive in time.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub(super) struct Late;

// === impl Timely ===

impl<B> Timely<B> {
    pub(super) fn new(body: B, clock: Arc<dyn Clock>, deadline: Monotonic) -> Self {
        Self { body, clock, deadline, late: Mutex::default() }
    }
}

impl<B> Body for Timely<B>
where
    B: Body<Error = Box<dyn std::error::Error + Send + Sync>> + Unpin,
{
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            return Poll::Ready(frame);
        }
        let late = this.late.get_mut().unwrap_or_else(PoisonError::into_inner);
        let late = late.get_or_insert_with(|| this.clock.sleep_until(this.deadline));
        late.as_mut().poll(context).map(|()| Some(Err(Late.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
