//! What is known of a piece of work while it is done: whose request it is, for every line that is logged meanwhile.
//!
//! Work arrives in two ways, over HTTP (`http::observe`) or through a port of this process, and both come by here.

use sekisho_wire::RequestId;
use tracing::Instrument as _;

/// Does work on behalf of a request.
pub(crate) async fn during<T>(work: &'static str, request: RequestId, doing: impl Future<Output = T>) -> T {
    // At the level of errors, so that it is there whenever anything is logged.
    doing.instrument(tracing::error_span!("request", id = %request, work)).await
}
