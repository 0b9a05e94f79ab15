//! A client's connection as hyper sees it: sound requests only, and no waiting beyond the limits.
//!
//! Bytes are read straight into hyper's buffer and scanned there. The beginning of a head that has not arrived whole is
//! taken back and kept until it has; so hyper never sees a part of a head that is refused in the end. In place of a
//! refused request hyper is given one of our own making, whose method no client can use: it is answered in its turn,
//! behind the responses that are still owed, and then the connection is closed.
//!
//! Closing with unread input would make the kernel reset the connection and destroy the answer on its way (RFC 9112
//! §9.6), so what the client still sends is thrown away for a while.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use sekisho_wire::{Clock, Monotonic, Reason};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::chunked::Allowance;
use super::head::REFUSED_METHOD;
use super::scan::{Bounds, Rest, Scanner};
use crate::config::Limits;
use crate::watch::Watch;

/// How much is read at once where hyper's own buffer cannot be read into.
const SIDE_READ_BYTES: usize = 4096;

/// A client's connection with the front door in it.
#[derive(Debug)]
pub(crate) struct Door<S> {
    inner: S,
    link: Arc<Link>,
    limits: Arc<Limits>,
    scanner: Scanner,
    stage: Stage,
    /// The beginning of a head.
    held: Vec<u8>,
    /// What may be passed on, and how much of it was.
    cleared: Vec<u8>,
    cleared_read: usize,
    reading: Watch,
    /// Since when the client owes something; none while it does not.
    owing_since: Option<Monotonic>,
    writing: Watch,
    blocked_since: Option<Monotonic>,
    lingered_bytes: usize,
}

/// What a connection and the exchanges on it know of each other.
#[derive(Debug, Default)]
pub(crate) struct Link {
    exchanges: AtomicUsize,
}

/// An exchange on a connection, until it is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Link>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Open,
    /// The last request was put in place by us; whatever else arrives is thrown away.
    Refused,
    /// Inside a body something went wrong.
    Broken(io::ErrorKind),
    /// The client is done sending, or was idle for too long.
    Ended,
}

// === impl Door ===

impl<S: AsyncRead + AsyncWrite + Unpin> Door<S> {
    pub(crate) fn new(inner: S, limits: Arc<Limits>, clock: &Arc<dyn Clock>) -> Self {
        let bounds = Bounds {
            head_bytes_max: limits.head_bytes_max,
            headers_max: limits.headers_max,
            chunked: Allowance { extensions: limits.chunk_extension_bytes_max, trailers: limits.trailer_bytes_max },
        };
        Self {
            inner,
            link: Arc::default(),
            limits,
            scanner: Scanner::new(bounds),
            stage: Stage::Open,
            held: Vec::new(),
            cleared: Vec::new(),
            cleared_read: 0,
            reading: Watch::new(Arc::clone(clock)),
            owing_since: None,
            writing: Watch::new(Arc::clone(clock)),
            blocked_since: None,
            lingered_bytes: 0,
        }
    }

    pub(crate) fn link(&self) -> Arc<Link> {
        Arc::clone(&self.link)
    }

    /// Hands over what was cleared.
    fn give(&mut self, buf: &mut ReadBuf<'_>) {
        let left = self.cleared.get(self.cleared_read..).unwrap_or_default();
        let given = left.get(..left.len().min(buf.remaining())).unwrap_or_default();
        buf.put_slice(given);
        self.cleared_read += given.len();
        if self.cleared_read == self.cleared.len() {
            self.cleared.clear();
            self.cleared_read = 0;
        }
    }

    /// Reads into hyper's buffer and takes back what may not stay there.
    fn read_through(&mut self, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buf))?;
        let fresh = buf.filled().get(before..).unwrap_or_default();
        if fresh.is_empty() {
            self.stage = Stage::Ended;
            return Poll::Ready(Ok(()));
        }
        let fed = self.scanner.feed(fresh);
        let kept = if fed.rest == Rest::Hold { fresh.get(fed.passed..).unwrap_or_default() } else { &[] };
        self.held.extend_from_slice(kept);
        buf.set_filled(before + fed.passed);
        self.after(fed.rest);
        Poll::Ready(Ok(()))
    }

    /// Reads more of a head that was held back.
    fn read_aside(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut space = [0; SIDE_READ_BYTES];
        let mut aside = ReadBuf::new(&mut space);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut aside))?;
        if aside.filled().is_empty() {
            self.stage = Stage::Ended;
            return Poll::Ready(Ok(()));
        }
        self.held.extend_from_slice(aside.filled());
        let fed = self.scanner.feed(&self.held);
        self.cleared.extend(self.held.drain(..fed.passed));
        if fed.rest != Rest::Hold {
            self.held = Vec::new();
        }
        self.after(fed.rest);
        Poll::Ready(Ok(()))
    }

    fn after(&mut self, rest: Rest) {
        match rest {
            Rest::None | Rest::Hold => {}
            Rest::Refuse(reason) => self.refuse(reason),
            Rest::Broken => self.stage = Stage::Broken(io::ErrorKind::InvalidData),
        }
    }

    /// Puts a request of our own in the place of the next one.
    fn refuse(&mut self, reason: Reason) {
        let request =
            format!("{REFUSED_METHOD} /{} HTTP/1.1\r\nhost: refused\r\nconnection: close\r\n\r\n", reason.code());
        self.cleared.extend_from_slice(request.as_bytes());
        self.held = Vec::new();
        self.stage = Stage::Refused;
    }

    /// Called when the client has nothing for us: for how long may that go on?
    fn owes(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (in_body, in_head) = (self.scanner.is_in_body(), !self.held.is_empty());
        if !in_body && self.link.exchanges.load(Ordering::Acquire) > 0 {
            // It is our turn. When the exchange is over, hyper need not ask again before something arrives, and nothing
            // may; so a timer does.
            self.owing_since = None;
            let look_again_at = self.reading.now().plus(self.limits.idle_deadline);
            let _ = self.reading.poll(context, look_again_at);
            return Poll::Pending;
        }
        let since = *self.owing_since.get_or_insert_with(|| self.reading.now());
        let patience = match (in_body, in_head) {
            (true, _) => self.limits.body_read_deadline,
            (false, true) => self.limits.head_deadline,
            (false, false) => self.limits.idle_deadline,
        };
        ready!(self.reading.poll(context, since.plus(patience)));
        match (in_body, in_head) {
            (true, _) => self.stage = Stage::Broken(io::ErrorKind::TimedOut),
            (false, true) => self.refuse(Reason::RequestTimeout),
            (false, false) => self.stage = Stage::Ended,
        }
        Poll::Ready(())
    }

    /// Throws away what the client sends until it stops, or the limits of lingering are reached.
    fn linger(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let mut space = [0; SIDE_READ_BYTES];
        loop {
            let since = *self.owing_since.get_or_insert_with(|| self.reading.now());
            let mut waste = ReadBuf::new(&mut space);
            match Pin::new(&mut self.inner).poll_read(context, &mut waste) {
                Poll::Ready(Ok(())) if !waste.filled().is_empty() => self.lingered_bytes += waste.filled().len(),
                Poll::Ready(_) => return Poll::Ready(()),
                Poll::Pending => return self.reading.poll(context, since.plus(self.limits.linger_deadline)),
            }
            if self.lingered_bytes > self.limits.linger_bytes_max {
                return Poll::Ready(());
            }
        }
    }

    fn wrote<T>(&mut self, context: &mut Context<'_>, wrote: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if wrote.is_ready() {
            if self.blocked_since.take().is_some() {
                self.writing.disarm();
            }
            return wrote;
        }
        let since = *self.blocked_since.get_or_insert_with(|| self.writing.now());
        ready!(self.writing.poll(context, since.plus(self.limits.write_deadline)));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Door<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buf.filled().len();
        loop {
            if !this.cleared.is_empty() {
                this.give(buf);
                this.owing_since = None;
                return Poll::Ready(Ok(()));
            }
            match this.stage {
                Stage::Open => {}
                // Nothing more will come, but an end of input would make hyper give up on the answer.
                Stage::Refused => return Poll::Pending,
                Stage::Broken(kind) => return Poll::Ready(Err(kind.into())),
                Stage::Ended => return Poll::Ready(Ok(())),
            }
            let had_held = !this.held.is_empty();
            let read = if had_held { this.read_aside(context) } else { this.read_through(context, buf) };
            match read {
                Poll::Ready(Ok(())) if buf.filled().len() > before => {
                    this.owing_since = None;
                    return Poll::Ready(Ok(()));
                }
                // A head that drips in has one deadline for all of it, counted from its first bytes.
                Poll::Ready(Ok(())) if !had_held => this.owing_since = None,
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                Poll::Pending => ready!(this.owes(context)),
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Door<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.inner).poll_write(context, bytes);
        this.wrote(context, wrote)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let wrote = Pin::new(&mut this.inner).poll_write_vectored(context, slices);
        this.wrote(context, wrote)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let flushed = Pin::new(&mut this.inner).poll_flush(context);
        this.wrote(context, flushed)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        // Under TLS a farewell is written, and a client that reads nothing would keep us waiting to do so.
        let shut = Pin::new(&mut this.inner).poll_shutdown(context);
        ready!(this.wrote(context, shut))?;
        let unread = this.scanner.is_in_body() || !matches!(this.stage, Stage::Open | Stage::Ended);
        if unread {
            if this.lingered_bytes == 0 {
                this.owing_since = None;
                this.lingered_bytes = 1;
            }
            ready!(this.linger(context));
        }
        Poll::Ready(Ok(()))
    }
}

// === impl Link ===

impl Link {
    /// An exchange begins: until it is over, the client owes nothing but its body.
    pub(crate) fn begin(self: &Arc<Self>) -> Busy {
        self.exchanges.fetch_add(1, Ordering::AcqRel);
        Busy(Arc::clone(self))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.exchanges.fetch_sub(1, Ordering::AcqRel);
    }
}
