//! Keys, JOSE and JWKS: bytes in, proof out.
//!
//! Everything here is a function of its arguments: no clock, no environment, no network, no runtime. Time comes in as
//! [`Timestamp`], randomness as [`Entropy`]; the two exceptions are named where they stand (key generation and ECDSA
//! and RSA-PSS signing, whose randomness the crypto library brings itself).
//!
//! ```text
//!   jwt   jws            a token or a signed entry → what it says, once everything about it was checked
//!    └──┬──┘
//!   refusal  key  ring   why not; the keys, and which of them signs when
//!         └──┬──┘
//!         jwk  alg       keys as JSON; the four algorithms
//!
//!   credential  refresh  opaque strings that we mint ourselves
//!   seal  pkce           private keys at rest; RFC 7636
//!   digest  entropy  json  secret  time
//! ```
//!
//! Not here: fetching keys, what a user or a client is, HTTP.

pub mod alg;
pub mod credential;
pub mod digest;
pub mod entropy;
pub mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
pub mod key;
pub mod pkce;
pub mod refresh;
mod refusal;
pub mod ring;
pub mod seal;
pub mod secret;
pub mod time;

pub use alg::Algorithm;
pub use digest::Digest;
pub use entropy::{Entropy, SystemEntropy};
pub use key::{KeyId, KeySet, SigningKey, VerifyingKey};
pub use secret::Secret;
pub use time::Timestamp;
