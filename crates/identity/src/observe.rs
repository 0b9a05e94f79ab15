//! What is known of a piece of work while it is done: whose request it is, for every line that is logged meanwhile, and of which
//! trace it is a part.
//!
//! Work arrives in two ways, over HTTP (`http::observe`) or through a port of this process, and both come by here.

use sekisho_wire::RequestId;
use sekisho_wire::trace::{self, Failed, Open, Sampling};
use tracing::Instrument as _;

use crate::room::Room;

/// Does work on behalf of a request that came through a port.
pub(crate) async fn during<T: Send>(
    (room, work): (&Room, &'static str),
    request: RequestId,
    doing: impl Future<Output = T> + Send,
) -> T {
    let caused = room.tracer.as_ref().zip(trace::context());
    let span = caused.map(|(tracer, context)| tracer.serve(work, (Some(context), Sampling::Followed)));
    let done = named(work, request, traced(span.as_ref(), doing)).await;
    if let Some(span) = span {
        span.finish(Failed::No);
    }
    done
}

/// Does work of a span, if there is one.
pub(crate) async fn traced<T: Send>(span: Option<&Open>, doing: impl Future<Output = T> + Send) -> T {
    match span {
        Some(span) => trace::within(span, doing).await,
        None => doing.await,
    }
}

/// Does work whose lines in the log carry the request's id.
pub(crate) async fn named<T>(work: &'static str, request: RequestId, doing: impl Future<Output = T>) -> T {
    // At the level of errors, so that it is there whenever anything is logged.
    doing.instrument(tracing::error_span!("request", id = %request, work)).await
}

/// The work that is being done turns out to belong to this request.
pub(crate) fn renamed(request: RequestId) {
    tracing::Span::current().record("id", tracing::field::display(request));
}
