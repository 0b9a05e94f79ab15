//! Authorization codes (RFC 6749 §4.1.2): one use, a minute, bound to a client, a redirect and a PKCE challenge.

use sekisho_token::{Digest, Timestamp};
use sekisho_wire::{BoxFuture, ClientId, GrantId, Position, Reason, Scopes, SessionId, UserId};

use crate::grant::{Basis, NewGrant};
use crate::{Act, StoreError};

/// A code as it is kept: its digest, never its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Code {
    /// SHA-256 of the code.
    pub digest: Digest,
    /// To whom it was given.
    pub client: ClientId,
    /// For whom.
    pub user: UserId,
    /// The sign-in behind it.
    pub session: SessionId,
    /// The redirect URI of the authorization request; none for a first-party login.
    pub redirect_uri: Option<String>,
    /// The S256 challenge (RFC 7636 §4.2).
    pub challenge: Option<String>,
    /// What will be granted.
    pub scopes: Scopes,
    /// For which services.
    pub audiences: Vec<String>,
    /// The `nonce` of the authorization request, for the ID token.
    pub nonce: Option<String>,
    /// From when on it is worth nothing.
    pub expires_at: Timestamp,
    /// What became of it.
    pub stage: Stage,
}

/// What became of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Nobody presented it yet.
    Pending,
    /// It was turned into a grant.
    Redeemed {
        /// The grant to revoke when it is presented again.
        grant: GrantId,
    },
    /// It was presented wrongly and is worth nothing.
    Burnt,
}

/// What the one who presents a code shows with it.
#[derive(Clone, Debug)]
pub struct Presented {
    /// The authenticated client.
    pub client: ClientId,
    /// The `redirect_uri` parameter.
    pub redirect_uri: Option<String>,
    /// The S256 challenge computed from the `code_verifier` parameter.
    pub challenge: Option<String>,
}

/// Why a code was not turned into a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RedeemError {
    /// The second redemption is how theft shows itself, so the error names the grant to revoke.
    #[error("the code was redeemed before")]
    AlreadyRedeemed {
        /// What the first redemption brought.
        grant: GrantId,
    },
    /// It was presented wrongly before.
    #[error("the code was presented wrongly before")]
    Burnt,
    /// Too late.
    #[error("the code has expired")]
    Expired,
    /// It was given to another client.
    #[error("the code was given to another client")]
    WrongClient,
    /// Another `redirect_uri` than in the authorization request (RFC 6749 §4.1.3).
    #[error("redirect_uri differs from the authorization request's")]
    WrongRedirectUri,
    /// The verifier is missing or does not match; or there is one although no challenge was sent (RFC 9700 §2.1.1).
    #[error("code_verifier does not match")]
    WrongVerifier,
}

/// A redemption to be carried out.
#[derive(Clone, Debug)]
pub struct Redemption {
    /// SHA-256 of the presented code.
    pub digest: Digest,
    /// What was shown with it.
    pub presented: Presented,
    /// The grant to make when all is well.
    pub grant: NewGrant,
}

/// What became of a redemption.
#[derive(Clone, Debug)]
pub enum Redeemed {
    /// The code is used up and the grant made.
    Granted {
        /// What tokens are minted from.
        basis: Box<Basis>,
        /// The `nonce` for the ID token.
        nonce: Option<String>,
    },
    /// The code was burnt; for a replay, its grant was revoked at this position (none when it was over already).
    Refused {
        /// Why.
        error: RedeemError,
        /// Where the feed carries the revocation.
        revoked_at: Option<Position>,
    },
    /// The user was disabled or the sign-in ended since the code was issued; the code was burnt.
    Gone(Reason),
    /// No such code.
    Unknown,
}

/// Keeps codes.
pub trait Codes: Send + Sync {
    /// Keeps a fresh code; its stage is [`Stage::Pending`].
    fn issue_code(&self, act: Act, code: Code) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Uses a code up, once, whatever comes of it; see [`Code::redeem`] for the rule. A replay revokes the grant.
    fn redeem_code(&self, act: Act, redemption: Redemption) -> BoxFuture<'_, Result<Redeemed, StoreError>>;
}

// === impl Code ===

impl Code {
    /// Whether what was presented turns this code into a grant.
    ///
    /// # Errors
    ///
    /// The first of [`RedeemError`] in the order: used, burnt, expired, client, redirect, verifier.
    pub fn redeem(&self, presented: &Presented, now: Timestamp) -> Result<(), RedeemError> {
        match self.stage {
            Stage::Redeemed { grant } => return Err(RedeemError::AlreadyRedeemed { grant }),
            Stage::Burnt => return Err(RedeemError::Burnt),
            Stage::Pending => {}
        }
        if now >= self.expires_at {
            return Err(RedeemError::Expired);
        }
        if presented.client != self.client {
            return Err(RedeemError::WrongClient);
        }
        if presented.redirect_uri != self.redirect_uri {
            return Err(RedeemError::WrongRedirectUri);
        }
        if presented.challenge != self.challenge {
            return Err(RedeemError::WrongVerifier);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
