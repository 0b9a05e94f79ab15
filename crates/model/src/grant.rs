//! Grants: what one client got for one person, and the family of tokens that hangs on it.
//!
//! A refresh token is not stored. It names its grant and a generation and is authenticated with the realm's key; the
//! grant's row knows the current generation. Rotation is one compare-and-set. A token of an older generation is reuse
//! and ends the family, but for a short grace in which the same successor is given again, until that successor has been
//! used.

use sekisho_token::Timestamp;
use sekisho_wire::{BoxFuture, ClientId, GrantId, Position, RealmName, Reason, Scopes, SessionId, TokenId, UserId};

use crate::{Act, Session, StoreError, User};

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The `grant` of its tokens.
    pub id: GrantId,
    /// To whom it was given.
    pub client: ClientId,
    /// For whom.
    pub user: UserId,
    /// The sign-in it is bound to and ends with.
    pub session: Option<SessionId>,
    /// What was granted.
    pub scopes: Scopes,
    /// For which services.
    pub audiences: Vec<String>,
    /// When.
    pub created_at: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// Its refresh tokens, where it has them.
    pub refresh: Option<RefreshState>,
    /// Since when it is over.
    pub ended_at: Option<Timestamp>,
}

/// Where the refresh tokens of a grant stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshState {
    /// The generation of the newest token that was given out, from 0.
    pub generation: u32,
    /// When that one was given out.
    pub rotated_at: Timestamp,
    /// How long it lives unused, in seconds.
    pub idle_s: i64,
}

/// A grant to be made from a code.
#[derive(Clone, Debug)]
pub struct NewGrant {
    /// A fresh id.
    pub id: GrantId,
    /// How long it lives in any case, in seconds.
    pub lifetime_s: i64,
    /// How long a refresh token lives unused, in seconds; none when the client may not refresh.
    pub refresh_idle_s: Option<i64>,
}

/// What presenting a refresh token of some generation means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefreshStep {
    /// It is the newest: give out the next generation.
    Advance {
        /// The generation to give out.
        to: u32,
    },
    /// It was replaced within the grace and its successor was not used yet: give the same successor again.
    Repeat {
        /// The generation to give out again.
        to: u32,
    },
    /// It was replaced before: somebody else has it. The family ends.
    Reuse,
    /// It was not used in time, or the grant's own time is over.
    Expired,
    /// The grant was revoked, or has no refresh tokens, or never gave out this generation.
    Ended,
}

/// A refresh to be carried out.
#[derive(Clone, Debug)]
pub struct RefreshRequest {
    /// Which grant the token names.
    pub grant: GrantId,
    /// Which generation the token names.
    pub generation: u32,
    /// Which client presents it; another client's is refused and changes nothing.
    pub client: ClientId,
    /// How long a replaced token is answered with the same successor, in seconds; 0 for not at all.
    pub grace_s: i64,
}

/// What became of a refresh.
#[derive(Clone, Debug)]
pub enum Refreshed {
    /// The new generation, and what to mint from.
    Granted {
        /// Generation of the refresh token to give out.
        generation: u32,
        /// What the access token is minted from.
        basis: Box<Basis>,
    },
    /// An old token: the family was ended at this position (none when it was ended before).
    Reused(Option<Position>),
    /// Not good, for a reason that the client is not told.
    Refused(Reason),
}

/// What a token is minted from, read in one transaction with the position first: whatever is revoked later has a later
/// position.
#[derive(Clone, Debug)]
pub struct Basis {
    /// The realm's position, read before the rest.
    pub position: Position,
    /// The grant.
    pub grant: Grant,
    /// The person.
    pub user: User,
    /// The sign-in the grant is bound to.
    pub session: Option<Session>,
}

/// Keeps grants.
pub trait Grants: Send + Sync {
    /// Rotates a refresh token by compare-and-set; see [`Grant::refresh`] for the rule.
    fn refresh_grant(&self, act: Act, request: RefreshRequest) -> BoxFuture<'_, Result<Refreshed, StoreError>>;

    /// What a token of this grant would be minted from; `None` when there is no such grant.
    fn basis<'a>(&'a self, realm: &'a RealmName, grant: GrantId) -> BoxFuture<'a, Result<Option<Basis>, StoreError>>;

    /// Ends a grant, and with it a first-party sign-in that exists for it alone. `None` when it was over already.
    fn revoke_grant(&self, act: Act, grant: GrantId) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;

    /// Takes back one token that belongs to no grant, until it would have expired.
    fn revoke_token(
        &self,
        act: Act,
        token: TokenId,
        expires_at: Timestamp,
    ) -> BoxFuture<'_, Result<Position, StoreError>>;

    /// A user's living grants before `before`, the latest made first, at most `limit`.
    fn grants_before(
        &self,
        of: (RealmName, UserId),
        before: Option<GrantId>,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Grant>, StoreError>>;

    /// A user's living grants, newest first, at most [`LIVING_MAX`](crate::session::LIVING_MAX).
    fn grants_of(
        &self,
        realm: RealmName,
        user: UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Grant>, StoreError>>;
}

// === impl Grant ===

impl Grant {
    /// What presenting the refresh token of `generation` at `now` means, with a grace of `grace_s` seconds.
    #[must_use]
    pub fn refresh(&self, generation: u32, now: Timestamp, grace_s: i64) -> RefreshStep {
        let Some(state) = self.refresh else { return RefreshStep::Ended };
        if self.ended_at.is_some() || generation > state.generation {
            return RefreshStep::Ended;
        }
        if generation < state.generation {
            // The successor was used when it was advanced, which moved the generation on; so the one before the newest
            // is the only one whose successor can be unused.
            let unused_successor = state.generation.checked_sub(1) == Some(generation);
            let in_grace = now.seconds_since(state.rotated_at) < grace_s;
            return if unused_successor && in_grace {
                RefreshStep::Repeat { to: state.generation }
            } else {
                RefreshStep::Reuse
            };
        }
        if now >= self.expires_at || now >= state.rotated_at.plus_s(state.idle_s) {
            return RefreshStep::Expired;
        }
        match generation.checked_add(1) {
            Some(to) => RefreshStep::Advance { to },
            None => RefreshStep::Expired,
        }
    }
}

// === impl Basis ===

impl Basis {
    /// Whether a token may be minted from this at `now`, and if not, why.
    ///
    /// # Errors
    ///
    /// The first of: grant over, grant expired, user disabled, sign-in over.
    pub fn check(&self, now: Timestamp) -> Result<(), Reason> {
        if self.grant.ended_at.is_some() {
            return Err(Reason::GrantRevoked);
        }
        if now >= self.grant.expires_at {
            return Err(Reason::Expired);
        }
        if self.user.disabled_at.is_some() {
            return Err(Reason::SubjectRevoked);
        }
        match &self.session {
            Some(session) if session.ended_at.is_some() => Err(Reason::SessionEnded),
            Some(session) if !session.lives(now) => Err(Reason::Expired),
            Some(_) | None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
