//! The gateway as its clients and upstreams meet it: bytes in, bytes out, a clock that the tests own, and an identity in
//! memory behind the ports.

// Clippy lets tests panic where it knows that it looks at one.
#![cfg(test)]

mod client;
mod identity;
mod rig;
mod secured;
mod spy;

mod cors;
mod credentials;
mod csrf;
mod drain;
mod hostile;
mod hosts;
mod identity_headers;
mod jwt;
mod limits;
mod login;
mod opaque;
mod paths;
mod refusals;
mod response_tokens;
mod routing;
mod streaming;
mod upstreams;
