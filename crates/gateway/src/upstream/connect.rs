//! A new connection to an upstream: resolve, connect, shake hands, all within one deadline.

use std::io;
use std::sync::Arc;

use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use sekisho_guard::clock::before;
use sekisho_wire::Reason;
use tokio::net::TcpStream;

use super::{Address, Upload};
use crate::core::Core;
use crate::refusal::Refused;

/// hyper takes no smaller buffer.
const BUFFER_BYTES_MIN: usize = 8 << 10;
/// Up to here hyper parses headers without allocating.
const HEADERS_ON_STACK: usize = 100;

pub(super) async fn connect(core: &Arc<Core>, to: &Address) -> Result<SendRequest<Upload>, Refused> {
    let shared = core.shared();
    let deadline = shared.clock.monotonic().plus(shared.limits.connect_deadline);
    let unreachable = |why: String| Refused::from(Reason::UpstreamUnreachable).detail(format!("{to}: {why}"));
    let stream = match before(&*shared.clock, deadline, reach(to)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return Err(unreachable(error.to_string())),
        Err(elapsed) => return Err(unreachable(elapsed.to_string())),
    };
    let mut builder = Builder::new();
    builder.max_buf_size(shared.limits.upstream_head_bytes_max.max(BUFFER_BYTES_MIN));
    if shared.limits.upstream_headers_max > HEADERS_ON_STACK {
        builder.max_headers(shared.limits.upstream_headers_max);
    }
    let shaken = builder.handshake(TokioIo::new(stream)).await;
    let (sender, connection) = shaken.map_err(|error| unreachable(error.to_string()))?;
    core.handle().spawn(async move {
        // Whoever uses the connection learns of its end; an idle one that ends is nobody's business.
        let _ = connection.await;
    });
    Ok(sender)
}

/// The first of the name's addresses that answers.
async fn reach(to: &Address) -> io::Result<TcpStream> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in tokio::net::lookup_host((to.host(), to.port())).await? {
        match TcpStream::connect(address).await {
            Ok(stream) => {
                stream.set_nodelay(true)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}
