//! The roof: configuration, command line, wiring, demo.
//!
//! ```text
//!   cli ─► config ─► wiring ─► the rooms
//!                      ▲
//!                    demo      a tenant of the same house
//! ```
//!
//! A library besides the binary, so that tests raise the same house in their own process, with their own clock.

pub mod admin;
pub mod audit;
pub mod beliefs;
pub mod cli;
pub mod config;
pub mod database;
pub mod declared;
pub mod demo;
pub mod doctor;
pub mod explain;
pub mod http;
pub mod kek;
pub mod log;
pub mod metrics;
pub mod moment;
pub mod wiring;
