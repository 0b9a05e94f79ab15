//! What the roof itself speaks HTTP with: the listener that serves identity's pages and endpoints, the operations
//! listener, and the administrators' socket; and the certificates that identity and the gateway show.
//!
//! Not here: the gateway, which brings its own cores; what the routes do.

pub mod admin_socket;
mod body;
mod h2;
pub mod listener;
pub mod operations;
mod timer;
pub mod tls;
