//! What an enforcement point does: a service embeds it, the gateway is its first user.
//!
//! What may be accepted is a fold over the issuer's feed. [`follow`] keeps the [`fold`] up to date and knows how old its
//! knowledge is; [`access`] verifies tokens and remembers which it has seen; [`layer`] puts both in front of a service.
//!
//! ```text
//!   axum   layer                 a request → who calls, or a refusal with its reason
//!            │
//!         access ── jwks         a token → claims, checked once, judged anew whenever the fold changes
//!            │
//!         follow                 the fold, kept up to date; its age is a lease
//!            │
//!          fold     remote       revocations and keys by name; the ports over HTTP
//!
//!   clock   testing   otlp       the machine's clock; a clock and an issuer that tests own; spans to a collector
//! ```
//!
//! Not here: login, sessions, proxying, deciding by policy.

pub mod access;
#[cfg(feature = "axum")]
pub mod axum;
pub mod clock;
pub mod fold;
pub mod follow;
pub mod jwks;
pub mod layer;
pub mod otlp;
pub mod remote;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use access::{AccessVerifier, Refused, VerifiedAccess};
pub use follow::Follower;
pub use layer::{Guard, GuardOptions};
