//! A request's body on its way to the upstream: counted, never stored.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use sekisho_wire::{Clock, Monotonic};

/// The body of a request to an upstream.
#[derive(Debug)]
pub(crate) struct Upload(Option<Stream>);

#[derive(Debug)]
struct Stream {
    inner: Incoming,
    bytes_left: u64,
    clock: Arc<dyn Clock>,
    progress: Arc<Progress>,
}

/// How far a body has come, for whoever waits for the answer to it.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Nanoseconds on the stopwatch.
    last: AtomicU64,
    fault: AtomicU8,
}

/// What was wrong with a client's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    TooLarge,
    TooSlow,
    Malformed,
}

/// The body ended before its end.
#[derive(Debug)]
pub(crate) struct Spoilt(Fault);

// === impl Upload ===

impl Upload {
    /// No body.
    pub(crate) fn absent() -> Self {
        Self(None)
    }

    /// A client's body of at most `bytes_max`.
    pub(crate) fn of(inner: Incoming, bytes_max: u64, clock: &Arc<dyn Clock>) -> Self {
        if inner.is_end_stream() {
            return Self::absent();
        }
        let clock = Arc::clone(clock);
        Self(Some(Stream { inner, bytes_left: bytes_max, clock, progress: Arc::default() }))
    }

    pub(super) fn is_absent(&self) -> bool {
        self.0.is_none()
    }

    pub(super) fn progress(&self) -> Option<Arc<Progress>> {
        self.0.as_ref().map(|stream| Arc::clone(&stream.progress))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = Spoilt;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Spoilt>>> {
        let Some(stream) = &mut self.get_mut().0 else { return Poll::Ready(None) };
        loop {
            let polled = ready!(Pin::new(&mut stream.inner).poll_frame(context));
            stream.progress.touch(stream.clock.monotonic());
            return Poll::Ready(match polled {
                None => None,
                Some(Err(error)) => Some(Err(stream.progress.spoil(fault_of(&error)))),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(data) => {
                        let Some(left) = stream.bytes_left.checked_sub(data.len() as u64) else {
                            return Poll::Ready(Some(Err(stream.progress.spoil(Fault::TooLarge))));
                        };
                        stream.bytes_left = left;
                        Some(Ok(Frame::data(data)))
                    }
                    // Trailers may carry anything that a head may not (RFC 9110 §6.5.1), so none travels.
                    Err(_) => continue,
                },
            });
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(|stream| stream.inner.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or_else(|| SizeHint::with_exact(0), |stream| stream.inner.size_hint())
    }
}

// === impl Progress ===

impl Progress {
    /// When the body last moved.
    pub(super) fn last(&self) -> Monotonic {
        Monotonic(Duration::from_nanos(self.last.load(Ordering::Relaxed)))
    }

    pub(super) fn fault(&self) -> Option<Fault> {
        match self.fault.load(Ordering::Relaxed) {
            1 => Some(Fault::TooLarge),
            2 => Some(Fault::TooSlow),
            3 => Some(Fault::Malformed),
            _ => None,
        }
    }

    fn touch(&self, now: Monotonic) {
        self.last.store(u64::try_from(now.0.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    fn spoil(&self, fault: Fault) -> Spoilt {
        let code = match fault {
            Fault::TooLarge => 1,
            Fault::TooSlow => 2,
            Fault::Malformed => 3,
        };
        self.fault.store(code, Ordering::Relaxed);
        Spoilt(fault)
    }
}

// === impl Spoilt ===

impl fmt::Display for Spoilt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Fault::TooLarge => "the body is too large",
            Fault::TooSlow => "the body did not arrive in time",
            Fault::Malformed => "the body is malformed",
        })
    }
}

impl std::error::Error for Spoilt {}

/// Time-outs come from the front door as errors of reading.
fn fault_of(error: &hyper::Error) -> Fault {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::TimedOut) {
            return Fault::TooSlow;
        }
        cause = error.source();
    }
    Fault::Malformed
}
