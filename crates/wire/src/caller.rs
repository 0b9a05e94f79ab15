//! Who calls: what a guard found out about a request, as a typed value that services receive.

use sekisho_token::Timestamp;

use crate::claims::Actor;
use crate::{AccessClaims, ClientId, GrantId, Issuer, Scopes, SessionId, Subject, TokenId};

/// A verified caller.
#[derive(Clone, Debug, PartialEq)]
pub struct Caller {
    /// Who vouches for them.
    pub issuer: Issuer,
    /// For whom the call is made.
    pub subject: Subject,
    /// Which client makes it.
    pub client: ClientId,
    /// What they may do.
    pub scopes: Scopes,
    /// Their sign-in, when a person is behind the call.
    pub session: Option<SessionId>,
    /// The grant behind the token.
    pub grant: Option<GrantId>,
    /// The token that was verified.
    pub token: TokenId,
    /// When they last proved who they are.
    pub auth_time: Option<Timestamp>,
    /// Who acts for the subject, newest first (RFC 8693 §4.1).
    pub actor: Option<Box<Actor>>,
    /// When the proof ends.
    pub expires_at: Timestamp,
}

// === impl Caller ===

impl From<&AccessClaims> for Caller {
    fn from(claims: &AccessClaims) -> Self {
        Self {
            issuer: claims.iss.clone(),
            subject: claims.sub.clone(),
            client: claims.client_id.clone(),
            scopes: claims.scope.clone(),
            session: claims.sid,
            grant: claims.grant,
            token: claims.jti,
            auth_time: claims.auth_time,
            actor: claims.act.clone(),
            expires_at: claims.exp,
        }
    }
}
