//! A relay in front of one leg: copies bytes both ways, unchanged and in constant memory, and tells the recorder.
//!
//! It knows nothing of HTTP. Each connection costs two buffers of [`COPY_BYTES`]; a slow reader slows the writer, as
//! without a relay. An end of stream is passed on as an end, a broken connection as a broken one. The price of standing in
//! the way: whoever listens sees the relay's address as that of the caller, which in the demo is loopback either way.
//!
//! Not here: what the bytes mean (`shown`).

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use sekisho_wire::Clock;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf, split};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsStream;

use super::recorder::{ConnectionNumber, Direction, Leg, Recorder};
use super::wrap::Wrap;

/// The buffer of one direction of one connection.
const COPY_BYTES: usize = 16 << 10;
/// Connections at a time; more wait in the listener's queue.
const CONNECTIONS_MAX: usize = 1024;
/// How long to leave the listener alone after it failed: out of descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How long a caller may go on talking to a callee that has closed its side.
const HALF_CLOSED: Duration = Duration::from_secs(1);

/// A running relay. Dropping it ends it with its connections.
#[derive(Debug)]
pub(crate) struct Relay {
    stop: watch::Sender<bool>,
    running: JoinHandle<()>,
}

/// Where what arrives is to go, and who is told.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    /// Which leg this is.
    pub(crate) leg: Leg,
    /// Who listens at its end.
    pub(crate) target: SocketAddr,
    /// Who is told.
    pub(crate) recorder: Recorder,
    /// For the pause after a listener that failed.
    pub(crate) clock: Arc<dyn Clock>,
    /// Where the leg is TLS, on both sides of the relay.
    pub(crate) wrap: Option<Wrap>,
}

/// A connection that can be broken off.
trait Wire: AsyncRead + AsyncWrite + Unpin {
    fn tcp(&self) -> &TcpStream;
}

// === impl Relay ===

impl Relay {
    /// Carries what arrives at `listener` along `line`.
    pub(crate) fn start(on: &Handle, listener: TcpListener, line: Line) -> Self {
        let (stop, stopped) = watch::channel(false);
        let running = on.spawn(accept(listener, line, stopped));
        Self { stop, running }
    }

    /// Accepts no more. Connections that are open go on.
    pub(crate) fn close(&self) {
        self.stop.send_replace(true);
    }

    /// Accepts no more and waits until the connections that are open have ended.
    pub(crate) async fn drain(mut self) {
        self.close();
        // An error says that the task was aborted; then there is nothing left to wait for.
        let _ = (&mut self.running).await;
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

async fn accept(listener: TcpListener, line: Line, mut stopped: watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => {
                let Ok((caller, _)) = accepted else {
                    line.clock.sleep_until(line.clock.monotonic().plus(ACCEPT_PAUSE)).await;
                    continue;
                };
                let line = line.clone();
                connections.spawn(async move { line.carry(caller).await });
            }
            Some(_) = connections.join_next() => {}
            // An error means that the relay itself was dropped.
            _ = stopped.changed() => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

// === impl Line ===

impl Line {
    /// One connection, from the first byte to the last. Its errors are those of the two ends, who see them themselves.
    async fn carry(&self, caller: TcpStream) {
        let Ok(callee) = TcpStream::connect(self.target).await else { return };
        // Without a delay of its own: a relay that waits for more to send would be seen in every measurement.
        if caller.set_nodelay(true).is_err() || callee.set_nodelay(true).is_err() {
            return;
        }
        match &self.wrap {
            None => self.pass_on(caller, callee).await,
            Some(wrap) => match wrap.both(caller, callee, &*self.clock).await {
                Ok((caller, callee)) => self.pass_on(caller, callee).await,
                Err(error) => tracing::debug!(%error, "a handshake of the demo's relay failed"),
            },
        }
    }

    async fn pass_on<W: Wire>(&self, mut caller: W, mut callee: W) {
        let connection = self.recorder.open(self.leg);
        let (mut from_caller, mut to_caller) = split(&mut caller);
        let (mut from_callee, mut to_callee) = split(&mut callee);
        let (say_answered, answered) = oneshot::channel();
        let ended = tokio::try_join!(
            async {
                tokio::select! {
                    copied = self.copy(connection, Direction::Request, &mut from_caller, &mut to_callee) => copied,
                    () = self.grace(answered) => Ok(()),
                }
            },
            async {
                self.copy(connection, Direction::Answer, &mut from_callee, &mut to_caller).await?;
                // An error means that the request side has ended already.
                let _ = say_answered.send(());
                Ok(())
            },
        );
        self.recorder.close(connection);
        if ended.is_err() {
            // A connection that was broken off is broken off: an ordinary end would make a torn answer look whole.
            let _ = caller.tcp().set_zero_linger();
            let _ = callee.tcp().set_zero_linger();
        }
    }

    /// What is left to a caller once the callee has said its last: a server that closes a connection hears no more from
    /// it, and a client that keeps an idle one would otherwise hold it here for ever.
    async fn grace(&self, answered: oneshot::Receiver<()>) {
        if answered.await.is_err() {
            std::future::pending::<()>().await;
        }
        self.clock.sleep_until(self.clock.monotonic().plus(HALF_CLOSED)).await;
    }

    async fn copy<W: Wire>(
        &self,
        connection: ConnectionNumber,
        direction: Direction,
        from: &mut ReadHalf<&mut W>,
        to: &mut WriteHalf<&mut W>,
    ) -> io::Result<()> {
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            let count = from.read(&mut buffer).await?;
            let bytes = buffer.get(..count).unwrap_or_default();
            if bytes.is_empty() {
                return to.shutdown().await;
            }
            // Recorded first: what the other side does because of these bytes is recorded after them.
            self.recorder.passed(connection, direction, bytes);
            to.write_all(bytes).await?;
            // TLS may keep what it has sealed until it is told to send it.
            to.flush().await?;
        }
    }
}

// === impl Wire ===

impl Wire for TcpStream {
    fn tcp(&self) -> &TcpStream {
        self
    }
}

impl Wire for TlsStream<TcpStream> {
    fn tcp(&self) -> &TcpStream {
        self.get_ref().0
    }
}

#[cfg(test)]
mod tests;
