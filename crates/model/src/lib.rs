//! Entities with their stages, and the ports towards the store.
//!
//! One file per entity: what it is, the rules that need no I/O (a code's redemption, a refresh token's rotation), and
//! the trait that keeps it. Each trait method is one use case and one transaction; nobody outside the store begins or
//! commits. A write that changes what an enforcement point may accept appends its [`Change`](sekisho_wire::Change) to the
//! realm's feed in the same transaction, and returns the position of that entry.
//!
//! Not here: SQL, HTTP, hashing of passwords, minting of tokens.

pub mod act;
pub mod audit;
pub mod client;
pub mod code;
pub mod feed;
pub mod flow;
pub mod grant;
pub mod key;
pub mod opaque;
pub mod realm;
pub mod session;
pub mod store;
pub mod user;

pub use act::Act;
pub use client::Client;
pub use code::Code;
pub use flow::Flow;
pub use grant::{Basis, Grant};
pub use realm::Realm;
pub use session::Session;
pub use store::{Replaced, Store, StoreError};
pub use user::{User, UserName};
