//! JSON Web Tokens: from bytes we were handed to claims we may act on.
//!
//! A token has two types and one door between them: [`Unverified`] is split and decoded, no more; [`Verified`] has passed
//! the signature and every line of [`Expect`].
//!
//! INVARIANT (one-door): nothing but [`Unverified::verify`] builds a [`Verified`].
//!
//! ```
//! use sekisho_token::jwk::JwkSet;
//! use sekisho_token::jwt::{self, Audiences, Expect, Limits, Unverified};
//! use sekisho_token::{Algorithm, KeySet, SigningKey, Timestamp};
//!
//! let key = SigningKey::generate(Algorithm::Es256)?;
//! let claims = serde_json::json!({"iss": "https://id.example", "sub": "alice", "aud": "orders", "exp": 1_000});
//! let text = jwt::sign(&claims, jwt::TYP_ACCESS_TOKEN, &key)?;
//!
//! let keys = KeySet::from_jwks(&JwkSet::new(vec![key.public_jwk()]));
//! let expect = Expect::access_token("https://id.example", Audiences::one("orders"));
//! let verified = Unverified::parse(&text, &Limits::default())?
//!     .verify::<serde_json::Value>(&keys, &expect, Timestamp(900))?;
//! assert_eq!(verified.registered().sub.as_deref(), Some("alice"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Specs: RFC 7519, RFC 8725, RFC 9068 §4. Not here: fetching keys, encryption (we speak no JWE), scopes, revocation.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::json;
use crate::jws::{self, Compact, HEADER_BYTES_MAX};
use crate::key::{KeyId, SigningKey, Unsigned};
use crate::time::Timestamp;

mod claims;
mod expect;

pub use crate::jws::Typ;
pub use crate::key::{KeyLookup, Keys};
pub use crate::refusal::{Claim, Part, Refusal};
pub use claims::Registered;
pub use expect::{Audiences, Expect, Expiry, LEEWAY_S};

/// The `typ` of an access token (RFC 9068 §2.1).
pub const TYP_ACCESS_TOKEN: &str = "at+jwt";
/// The `typ` we give to an ID token (RFC 7519 §5.1).
pub const TYP_ID_TOKEN: &str = "JWT";

/// How much of a token is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest token, in bytes.
    pub token_bytes_max: usize,
    /// Longest header, in bytes after decoding.
    pub header_bytes_max: usize,
    /// How deep the claims may nest, the outermost object included.
    pub depth_max: usize,
}

/// A token that was split and decoded. Nothing in it is known to be true.
pub struct Unverified<'a> {
    compact: Compact<'a>,
    depth_max: usize,
}

/// The claims of a token that passed every check. Only [`Unverified::verify`] builds one.
#[derive(Clone, Debug)]
pub struct Verified<C> {
    claims: C,
    registered: Registered,
    kid: KeyId,
}

/// A token could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignFault {
    /// The claims do not serialise to a JSON object.
    #[error("the claims are not a JSON object")]
    Claims,
    /// The crypto library refused.
    #[error("{0}")]
    Unsigned(#[from] Unsigned),
}

/// Signs claims as a JWT of the given `typ`. What the claims must hold is the caller's business.
///
/// # Errors
/// [`SignFault`].
pub fn sign<C: Serialize>(claims: &C, typ: &str, key: &SigningKey) -> Result<String, SignFault> {
    let payload = serde_json::to_vec(claims).map_err(|_| SignFault::Claims)?;
    if payload.first() != Some(&b'{') {
        return Err(SignFault::Claims);
    }
    Ok(jws::sign(&payload, typ, key)?)
}

// === impl Unverified ===

impl<'a> Unverified<'a> {
    /// The first two checks: size, then compact form and a strict JSON header.
    ///
    /// # Errors
    /// [`Refusal::TooLarge`], [`Refusal::NotCompact`], [`Refusal::HeaderMalformed`].
    pub fn parse(text: &'a str, limits: &Limits) -> Result<Self, Refusal> {
        let compact = Compact::parse(text, limits.token_bytes_max, limits.header_bytes_max)?;
        Ok(Self { compact, depth_max: limits.depth_max })
    }

    /// The `kid` that the header names, for whoever has to fetch a key before asking again. Not to be believed.
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.compact.header.kid()
    }

    /// All other checks, in the order in which they stand here (RFC 7515 §5.2, RFC 7519 §7.2, RFC 8725 §3).
    ///
    /// # Errors
    /// The first [`Refusal`] in that order.
    pub fn verify<C: DeserializeOwned>(
        self,
        keys: &(impl Keys + ?Sized),
        expect: &Expect,
        now: Timestamp,
    ) -> Result<Verified<C>, Refusal> {
        let Self { compact, depth_max } = self;

        // The header: what it may ask for. `jwk`, `jku`, `x5u`, `x5c` were not even read.
        let alg = compact.header.algorithm(&expect.algorithms)?;
        compact.header.typ(expect.typ)?;
        compact.header.nothing_critical()?;

        // The key by `kid`, for this algorithm only; then the signature. Nothing in the payload is read before it.
        let key = compact.header.key(keys, alg)?;
        compact.signed_by(&key)?;

        // The claims: strict JSON, then who, for whom, and when.
        json::check(&compact.payload, depth_max).map_err(Refusal::ClaimsMalformed)?;
        let registered = Registered::read(&compact.payload)?;
        expect.issuer(&registered.iss)?;
        expect.audience(&registered.aud)?;
        expect.not_expired(registered.exp, now)?;
        expect.not_in_the_future(Claim::Nbf, registered.nbf, now)?;
        expect.not_in_the_future(Claim::Iat, registered.iat, now)?;
        expect.short_lived(registered.iat, registered.exp)?;

        // Last, the caller's own claims.
        let claims =
            serde_json::from_slice(&compact.payload).map_err(|_| Refusal::ClaimsMalformed(json::Malformed::Shape))?;
        Ok(Verified { claims, registered, kid: key.kid().clone() })
    }
}

impl std::fmt::Debug for Unverified<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Unverified(…)")
    }
}

// === impl Verified ===

impl<C> Verified<C> {
    /// The claims as the caller wanted them.
    #[must_use]
    pub fn claims(&self) -> &C {
        &self.claims
    }

    /// The claims, taken out. The proof is gone with it: what acts should demand a `Verified`.
    #[must_use]
    pub fn into_claims(self) -> C {
        self.claims
    }

    /// The registered claims (RFC 7519 §4.1).
    #[must_use]
    pub fn registered(&self) -> &Registered {
        &self.registered
    }

    /// The key that signed it.
    #[must_use]
    pub fn kid(&self) -> &KeyId {
        &self.kid
    }
}

// === impl Limits ===

impl Default for Limits {
    /// 8 KiB, which is what most servers read of one header line.
    fn default() -> Self {
        Self { token_bytes_max: 8 * 1024, header_bytes_max: HEADER_BYTES_MAX, depth_max: 16 }
    }
}

#[cfg(test)]
mod tests;
