//! What the tests of a service own: the clock, and an issuer without a server.
//!
//! ```
//! # use sekisho_guard::testing::{TestClock, TestIssuer};
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let issuer = TestIssuer::new("orders", TestClock::new());
//! let guard = issuer.guard().await;
//! let token = issuer.token("alice").scopes("orders:read").mint();
//! assert!(guard.verify(&token).await.is_ok());
//! # }
//! ```
//!
//! Not for a running service: whoever holds a [`TestIssuer`] can be anybody.

mod clock;
mod feed;
mod issuer;

pub use clock::TestClock;
pub use feed::MemoryFeed;
pub use issuer::{TestIssuer, TestToken};

use std::sync::{Arc, Mutex, PoisonError};

use sekisho_wire::{Audit, AuditEvent};

/// An audit that remembers its lines.
#[derive(Clone, Debug, Default)]
pub struct TestAudit(Arc<Mutex<Vec<AuditEvent>>>);

// === impl TestAudit ===

impl TestAudit {
    /// The lines so far.
    #[must_use]
    pub fn lines(&self) -> Vec<AuditEvent> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Audit for TestAudit {
    fn record(&self, event: AuditEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event);
    }
}
