//! Opaque access tokens: references to a grant, kept as digests.

use sekisho_token::{Digest, Timestamp};
use sekisho_wire::{BoxFuture, GrantId, RealmName, Scopes};

use crate::grant::Basis;
use crate::{Act, StoreError};

/// How many tokens are looked for by one reading.
pub const TOGETHER_MAX: usize = 16;

/// An opaque token to be kept.
#[derive(Clone, Debug)]
pub struct NewOpaque {
    /// SHA-256 of the token.
    pub digest: Digest,
    /// What it refers to.
    pub grant: GrantId,
    /// What it was given of the grant's scopes.
    pub scopes: Scopes,
    /// For which of the grant's services.
    pub audiences: Vec<String>,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
}

/// A living opaque token.
#[derive(Clone, Debug)]
pub struct Opaque {
    /// What it was given of the grant's scopes.
    pub scopes: Scopes,
    /// For which of the grant's services.
    pub audiences: Vec<String>,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// What a JWT for it is minted from.
    pub basis: Basis,
}

/// What was found of a token.
pub type Found = (Digest, Result<Opaque, StoreError>);

/// Keeps opaque tokens.
pub trait OpaqueTokens: Send + Sync {
    /// Keeps a fresh token of a living grant.
    fn keep_opaque(&self, act: Act, token: NewOpaque) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Those of these tokens whose time is not over, with their digests, in one reading; the first [`TOGETHER_MAX`] are
    /// looked for. Whether a token's grant still lives is for [`Basis::check`] to say. Damage to what stands behind one of
    /// them is told of that one.
    fn opaques<'a>(
        &'a self,
        realm: &'a RealmName,
        digests: Vec<Digest>,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Vec<Found>, StoreError>>;

    /// Ends one token, not its grant. Says whether it was there.
    fn drop_opaque(&self, act: Act, digest: Digest) -> BoxFuture<'_, Result<bool, StoreError>>;
}
