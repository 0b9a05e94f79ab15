//! What the roof itself speaks HTTP with: the listener that serves identity's pages and endpoints, the operations
//! listener, and the administrators' socket.
//!
//! Not here: the gateway, which brings its own cores; what the routes do.

pub mod admin_socket;
mod body;
pub mod listener;
pub mod operations;
mod timer;
