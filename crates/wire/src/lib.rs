//! What crosses a wire or a room: ids, changes, the caller, reasons, feed codecs, and the ports between rooms.
//!
//! Rooms (identity, gateway, store, …) never import each other. They meet here, in traits that the roof joins: in one
//! process a port is an `Arc<dyn …>`, between machines it is the HTTP form that `sekisho-guard` brings.
//!
//! Not here: I/O, SQL, a runtime, entities of the store (those are in `sekisho-model`).

use std::future::Future;
use std::pin::Pin;

pub mod audit;
pub mod caller;
pub mod change;
pub mod claims;
pub mod clock;
pub mod cut;
pub mod exchange;
pub mod feed;
pub mod id;
pub mod login;
pub mod meter;
pub mod proxies;
pub mod realm;
pub mod reason;
pub mod revision;
pub mod scope;
pub mod trace;

pub use audit::{Audit, AuditEvent};
pub use caller::Caller;
pub use change::Change;
pub use claims::AccessClaims;
pub use clock::{Clock, Monotonic};
pub use exchange::Exchange;
pub use feed::Feed;
pub use id::{ClientId, GrantId, RefusalId, RequestId, SessionId, Subject, TokenId, UserId};
pub use login::Login;
pub use proxies::TrustedProxies;
pub use realm::{Issuer, RealmName};
pub use reason::Reason;
pub use revision::{Epoch, Position, Revision};
pub use scope::{Scope, Scopes};

/// What every port returns: a future that any runtime may drive and any thread may hold.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The other side of a port could not answer: it is down, cut off, too slow or overloaded.
///
/// An enforcement point turns this into 503, never into 401 or 403: not knowing is not refusing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} is unavailable")]
pub struct Unavailable {
    /// Which part did not answer, as an operator would name it: `store`, `identity`, `feed`.
    pub what: &'static str,
    /// How long to wait before asking again, in seconds, when the other side said so.
    pub retry_after_s: Option<u32>,
}

// === impl Unavailable ===

impl Unavailable {
    /// `what` did not answer and did not say when to come back.
    #[must_use]
    pub const fn of(what: &'static str) -> Self {
        Self { what, retry_after_s: None }
    }
}
