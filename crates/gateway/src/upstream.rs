//! One request to an upstream and its answer: over a kept connection when there is one, else over a new one.
//!
//! ```text
//!   pool ─ a kept connection? ─yes─► send ─► it had died, and nothing was sent ──► the next one, at last a new one
//!     ▲              │no              │  └─► it died after the head was sent ─► again only if that cannot do harm:
//!     │              └────► connect ──┤                                         idempotent, no body, kept connection
//!     └── given back when the answer's last byte was read
//! ```
//!
//! Bodies flow through both ways with nothing but hyper's buffers in between. What bounds an exchange: connecting, waiting
//! for the head (counted from the last byte sent), silence inside the answer, and the exchange as a whole.
//!
//! Specs: RFC 9110 §9.2.2 (what may be sent again), RFC 9112 §6.3, §9.3.1. Not here: which headers travel (`forward`,
//! `response`).

use std::sync::Arc;

use http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use http::{HeaderMap, Method, Request, Response, Uri};
use hyper::body::Incoming;
use sekisho_wire::{Monotonic, Reason};

use crate::core::Core;
use crate::refusal::Refused;
use crate::watch::Watch;

mod address;
mod connect;
mod download;
mod pool;
mod upload;

pub(crate) use address::Address;
pub use address::NotAnAddress;
pub(crate) use download::{Download, Interrupted};
use pool::Connection;
pub(crate) use pool::{Lease, Pool};
pub(crate) use upload::Upload;
use upload::{Fault, Progress};

/// How many kept connections are tried before a new one is made.
const KEPT_TRIES_MAX: u32 = 3;

/// An upstream's answer, its body yet to be read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) response: Response<Incoming>,
    pub(crate) lease: Lease,
}

/// Enough of a request to send it again.
struct Spare {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
}

/// What one attempt brought, when it brought no answer.
enum Failed {
    /// Nothing was sent: the request came back whole.
    Unsent(Box<Request<Upload>>),
    /// The connection ended after something was sent.
    Broken(hyper::Error),
    /// No head came in time.
    Silent,
}

/// Sends a request, now at `begun`, and waits for the head of its answer, at most until `until`.
pub(crate) async fn send(
    core: &Arc<Core>,
    to: &Arc<Address>,
    mut request: Request<Upload>,
    (begun, until): (Monotonic, Monotonic),
) -> Result<Answer, Refused> {
    let progress = request.body().progress();
    let mut tries = 0;
    loop {
        let kept = if tries < KEPT_TRIES_MAX { core.pool().take(to, begun) } else { None };
        tries += 1;
        let is_kept = kept.is_some();
        let spare = if is_kept { Spare::of(&request) } else { None };
        let (mut connection, begun) = match kept {
            Some(connection) => {
                core.shared().meters.connections_reused.raise();
                (connection, begun)
            }
            None => {
                core.shared().meters.connections_opened.raise();
                let sender = connect::connect(core, to).await?;
                let clock = &core.shared().clock;
                (Connection { sender, watch: Watch::new(Arc::clone(clock)) }, clock.monotonic())
            }
        };
        let failed = match attempt(core, &mut connection, request, (progress.as_deref(), begun, until)).await {
            // The connection goes as well: nobody knows what the upstream believes to have sent.
            Ok(response) if !is_framed_once(response.headers()) => {
                return Err(Refused::from(Reason::UpstreamBroken).detail(format!("{to}: an answer framed in two ways")));
            }
            Ok(response) => return Ok(Answer { response, lease: Lease::new(core, to, connection) }),
            Err(failed) => failed,
        };
        request = match (failed, spare) {
            (Failed::Unsent(back), _) if is_kept => *back,
            // A kept connection may have been closed by the other side while our request was on its way.
            (Failed::Broken(error), Some(spare)) if has_ended(&error) => {
                tries = KEPT_TRIES_MAX;
                spare.into_request()
            }
            (failed, _) => return Err(failed.refused(to, progress.as_deref())),
        };
    }
}

async fn attempt(
    core: &Core,
    Connection { sender, watch }: &mut Connection,
    request: Request<Upload>,
    (progress, begun, until): (Option<&Progress>, Monotonic, Monotonic),
) -> Result<Response<Incoming>, Failed> {
    let head_deadline = core.shared().limits.upstream_head_deadline;
    let deadline = || {
        let sent = progress.map_or(begun, |progress| progress.last().max(begun));
        sent.plus(head_deadline).min(until)
    };
    tokio::select! {
        // What has arrived counts, even when the deadline has passed as well.
        biased;
        sent = sender.try_send_request(request) => sent.map_err(|mut error| match error.take_message() {
            Some(request) => Failed::Unsent(Box::new(request)),
            None => Failed::Broken(error.into_error()),
        }),
        () = watch.passed(deadline) => Err(Failed::Silent),
    }
}

/// Whether an answer says once, or not at all, where it ends, and in no coding but the one that needs no asking for.
/// RFC 9112 §6.3: one that says it twice may be two answers to somebody else, and a client would be handed the length
/// that hyper did not go by.
fn is_framed_once(headers: &HeaderMap) -> bool {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let first = (lengths.next(), codings.next());
    let is_alone = lengths.next().is_none() && codings.next().is_none();
    is_alone
        && match first {
            (None, None) => true,
            (Some(length), None) => length.as_bytes().iter().all(u8::is_ascii_digit),
            (None, Some(coding)) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
            (Some(_), Some(_)) => false,
        }
}

/// Whether the connection ended, rather than bringing something that is not HTTP.
fn has_ended(error: &hyper::Error) -> bool {
    error.is_incomplete_message() || error.is_canceled() || error.is_closed() || is_io(error)
}

fn is_io(error: &hyper::Error) -> bool {
    std::error::Error::source(error).is_some_and(|source| source.is::<std::io::Error>())
}

// === impl Spare ===

impl Spare {
    /// RFC 9110 §9.2.2: only what does no harm when it arrives twice; and a body cannot be had twice.
    fn of(request: &Request<Upload>) -> Option<Self> {
        let again = request.method().is_idempotent() && request.body().is_absent();
        again.then(|| Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            headers: request.headers().clone(),
        })
    }

    fn into_request(self) -> Request<Upload> {
        let mut request = Request::new(Upload::absent());
        *request.method_mut() = self.method;
        *request.uri_mut() = self.uri;
        *request.headers_mut() = self.headers;
        request
    }
}

// === impl Failed ===

impl Failed {
    fn refused(self, to: &Address, progress: Option<&Progress>) -> Refused {
        // The upstream may have hung up because the client's body went wrong.
        if let Some(fault) = progress.and_then(Progress::fault) {
            return match fault {
                Fault::TooLarge => Reason::BodyTooLarge.into(),
                Fault::TooSlow => Reason::RequestTimeout.into(),
                Fault::Malformed => Reason::BadFraming.into(),
            };
        }
        match self {
            Self::Unsent(_) => Refused::from(Reason::UpstreamBroken).detail(format!("{to} closed a new connection")),
            Self::Broken(error) => Refused::from(Reason::UpstreamBroken).detail(format!("{to}: {error}")),
            Self::Silent => Refused::from(Reason::UpstreamTimeout).detail(format!("{to} did not answer in time")),
        }
    }
}
