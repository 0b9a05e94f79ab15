//! Sign-ins: one person, one browser or app, from the password to the logout.

use std::net::IpAddr;

use sekisho_token::{Digest, Secret, Timestamp};
use sekisho_wire::{BoxFuture, ClientId, Position, RealmName, SessionId, UserId};

use crate::{Act, StoreError, User};

/// A sign-in. Its id is the `sid` of tokens; the browser's cookie is another value, of which only a digest is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// The `sid`.
    pub id: SessionId,
    /// Who signed in.
    pub user: UserId,
    /// How the sign-in came about.
    pub origin: Origin,
    /// When they proved who they are.
    pub auth_time: Timestamp,
    /// How (RFC 8176).
    pub amr: Vec<String>,
    /// When it was last used, to within a tenth of the idle time.
    pub last_seen: Timestamp,
    /// When it ends unless it is used.
    pub idle_until: Timestamp,
    /// When it ends in any case.
    pub expires_at: Timestamp,
    /// Since when it is over.
    pub ended_at: Option<Timestamp>,
    /// From where.
    pub address: Option<IpAddr>,
    /// With what, as it called itself.
    pub user_agent: Option<String>,
}

/// How a sign-in came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// At identity's own page; other clients share it (single sign-on).
    Browser,
    /// Through a first-party client, for it alone: when its grant ends, so does the sign-in.
    FirstParty(ClientId),
}

/// A sign-in to be opened.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// A fresh id, for a sign-in that is opened.
    pub id: SessionId,
    /// Who.
    pub user: UserId,
    /// The hash that their password was right for.
    pub password: Secret<String>,
    /// How it came about.
    pub origin: Origin,
    /// SHA-256 of the browser's cookie; none for a first-party sign-in.
    pub cookie: Option<Digest>,
    /// How they proved who they are.
    pub amr: Vec<String>,
    /// How long it lives unused, in seconds.
    pub idle_s: i64,
    /// How long it lives in any case, in seconds.
    pub lifetime_s: i64,
    /// With what.
    pub user_agent: Option<String>,
    /// The sign-in that the browser holds so far. The same person's goes on, under the new cookie and from now: what was
    /// granted in it stays. Anybody else's ends in the same transaction.
    pub held: Option<SessionId>,
}

/// The most of a user's living sessions, and of their living grants, that are listed at once.
pub const LIVING_MAX: u32 = 1000;

/// Keeps sign-ins.
pub trait Sessions: Send + Sync {
    /// Opens a sign-in, or goes on with the one that is held. `None` when the user was disabled, or their password changed, since it was looked at.
    fn open_session(&self, act: Act, session: NewSession) -> BoxFuture<'_, Result<Option<Session>, StoreError>>;

    /// The living session of this cookie and its user.
    fn session_by_cookie<'a>(
        &'a self,
        realm: &'a RealmName,
        cookie: Digest,
        now: Timestamp,
    ) -> BoxFuture<'a, Result<Option<(Session, User)>, StoreError>>;

    /// Notes that the session was used and moves its idle end; does nothing when it is over.
    fn touch_session(&self, act: Act, session: SessionId, idle_s: i64) -> BoxFuture<'_, Result<(), StoreError>>;

    /// Ends a session and the grants bound to it. `None` when it is over already or never was.
    fn end_session(&self, act: Act, session: SessionId) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;

    /// A user's living sessions before `before`, the latest made first, at most `limit`.
    fn sessions_before(
        &self,
        of: (RealmName, UserId),
        before: Option<SessionId>,
        now: Timestamp,
        limit: u32,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>>;

    /// A user's living sessions, newest first, at most [`LIVING_MAX`].
    fn sessions_of(
        &self,
        realm: RealmName,
        user: UserId,
        now: Timestamp,
    ) -> BoxFuture<'_, Result<Vec<Session>, StoreError>>;
}

// === impl Session ===

impl Session {
    /// Whether the sign-in still counts.
    #[must_use]
    pub fn lives(&self, now: Timestamp) -> bool {
        self.ended_at.is_none() && now < self.idle_until && now < self.expires_at
    }
}
