//! What people do with their own account: see and end sign-ins, take back what applications were given, change the password.
//!
//! Whoever calls has shown a sign-in, and everything here is about that person alone: an id that belongs to somebody else
//! is as unknown as one that never was. What ends is ended for every reader in this process before the caller hears of it.
//!
//! Not here: pages (`http::pages::account`, `http::pages::password`), what administrators do (`admin`).

use std::collections::{BTreeMap, BTreeSet};

use sekisho_model::session::{LIVING_MAX, Origin as Begun};
use sekisho_model::user::{PasswordChange, PasswordChanged};
use sekisho_model::{Session, User};
use sekisho_token::{Secret, Timestamp};
use sekisho_wire::{ClientId, Scope, SessionId, Unavailable, UserId};

use crate::realms::RealmState;
use crate::room::{Origin, Room, unavailable};
use crate::signin::{self, SignInError, Typed};

/// How old a sign-in may be when somebody changes their password, in seconds.
pub(crate) const FRESH_S: i64 = 10 * 60;
/// How many full lists of sign-ins are ended at once; a list holds hundreds.
const ROUNDS_MAX: usize = 100;
/// How often a password is looked at to change it once: a sign-in elsewhere may renew its hash in between.
const LOOKS_MAX: usize = 2;

/// Everything of a person's that lives.
#[derive(Debug)]
pub(crate) struct Overview {
    /// Newest first.
    pub(crate) sessions: Vec<Session>,
    /// Newest first.
    pub(crate) applications: Vec<Application>,
    /// Whether there may be sign-ins or applications that are not here, because no list is longer.
    pub(crate) cut: bool,
    names: BTreeMap<ClientId, String>,
}

/// What one application may do for a person, over all its grants.
#[derive(Debug)]
pub(crate) struct Application {
    pub(crate) client: ClientId,
    pub(crate) scopes: BTreeSet<Scope>,
    /// When the newest grant was made.
    pub(crate) since: Timestamp,
}

/// What somebody typed to change their password.
#[derive(Debug)]
pub(crate) struct NewPassword<'a> {
    pub(crate) current: &'a Secret<String>,
    pub(crate) new: &'a Secret<String>,
    pub(crate) again: &'a Secret<String>,
}

/// Why a password stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum PasswordError {
    #[error("the two new passwords differ")]
    Differ,
    #[error("the new password is too short or too long")]
    Unfit,
    #[error("the new password is the current one")]
    Unchanged,
    #[error("the sign-in that it is changed from is over")]
    SignedOut,
    #[error(transparent)]
    Current(#[from] SignInError),
}

// === impl Overview ===

impl Overview {
    /// What a client is called.
    pub(crate) fn name<'a>(&'a self, client: &'a ClientId) -> &'a str {
        self.names.get(client).map_or(client.as_str(), String::as_str)
    }
}

/// Everything of this person's that lives.
pub(crate) async fn overview(room: &Room, realm: &RealmState, user: UserId) -> Result<Overview, Unavailable> {
    let sessions = sessions(room, realm, user).await?;
    let grants = room.store.grants_of(realm.name.clone(), user, room.now()).await.map_err(unavailable)?;
    let cut = [sessions.len(), grants.len()].iter().any(|rows| *rows >= LIVING_MAX as usize);
    let living: BTreeSet<SessionId> = sessions.iter().map(|session| session.id).collect();
    let mut applications: Vec<Application> = Vec::new();
    // A grant of a sign-in that has idled out gives nothing any more.
    for grant in grants.into_iter().filter(|grant| grant.session.is_none_or(|session| living.contains(&session))) {
        let scopes = grant.scopes.iter().cloned();
        match applications.iter_mut().find(|application| application.client == grant.client) {
            Some(known) => known.scopes.extend(scopes),
            None => {
                let scopes = scopes.collect();
                applications.push(Application { client: grant.client, scopes, since: grant.created_at });
            }
        }
    }
    let mut names = BTreeMap::new();
    let through = sessions.iter().filter_map(|session| first_party(session).cloned());
    let clients: BTreeSet<ClientId> = applications.iter().map(|known| known.client.clone()).chain(through).collect();
    for client in clients {
        if let Some((_, found)) = room.store.client(&realm.name, &client).await.map_err(unavailable)? {
            names.insert(client, found.registration.name);
        }
    }
    Ok(Overview { sessions, applications, cut, names })
}

/// The client that a sign-in exists for alone.
pub(crate) const fn first_party(session: &Session) -> Option<&ClientId> {
    match &session.origin {
        Begun::Browser => None,
        Begun::FirstParty(client) => Some(client),
    }
}

/// Ends one of this person's sign-ins; nothing happens when they have none of this id.
pub(crate) async fn end(
    room: &Room,
    realm: &RealmState,
    user: &User,
    session: SessionId,
    origin: &Origin,
) -> Result<(), Unavailable> {
    if sessions(room, realm, user.id).await?.iter().any(|known| known.id == session) {
        room.store.end_session(room.act(realm, None, origin), session).await.map_err(unavailable)?;
        room.hub.settle(&realm.name).await?;
    }
    Ok(())
}

/// Ends all of a person's sign-ins but this one.
pub(crate) async fn end_others(
    room: &Room,
    realm: &RealmState,
    session: &Session,
    origin: &Origin,
) -> Result<(), Unavailable> {
    for _ in 0..ROUNDS_MAX {
        let mut others = sessions(room, realm, session.user).await?;
        others.retain(|other| other.id != session.id);
        if others.is_empty() {
            break;
        }
        for other in others {
            room.store.end_session(room.act(realm, None, origin), other.id).await.map_err(unavailable)?;
        }
    }
    room.hub.settle(&realm.name).await
}

/// Takes back everything that an application was given for this person.
pub(crate) async fn revoke(
    room: &Room,
    realm: &RealmState,
    user: &User,
    client: &ClientId,
    origin: &Origin,
) -> Result<(), Unavailable> {
    for _ in 0..ROUNDS_MAX {
        let mut grants = room.store.grants_of(realm.name.clone(), user.id, room.now()).await.map_err(unavailable)?;
        grants.retain(|grant| grant.client == *client);
        if grants.is_empty() {
            break;
        }
        for grant in grants {
            room.store.revoke_grant(room.act(realm, None, origin), grant.id).await.map_err(unavailable)?;
        }
    }
    room.hub.settle(&realm.name).await
}

/// Sets a new password and ends everything that the old one opened, but for the sign-in it is changed from. Nothing is
/// written over what an administrator did while the new password was hashed.
pub(crate) async fn change_password(
    room: &Room,
    realm: &RealmState,
    (session, user): (&Session, &User),
    typed: &NewPassword<'_>,
    origin: &Origin,
) -> Result<(), PasswordError> {
    let NewPassword { current, new, again } = typed;
    // What costs nothing comes first: neither a try nor a run of Argon2 is spent on a slip.
    if new.expose() != again.expose() {
        return Err(PasswordError::Differ);
    }
    if !room.settings.limits.take(new.expose()) {
        return Err(PasswordError::Unfit);
    }
    let typed = Typed { name: user.name.as_str(), password: current, client: None };
    for _ in 0..LOOKS_MAX {
        let checked = signin::check(room, realm, &typed, origin).await?;
        if checked.id != user.id {
            return Err(SignInError::WrongCredentials.into());
        }
        if new.expose() == current.expose() {
            return Err(PasswordError::Unchanged);
        }
        let to = room.passwords.hash(new).await.map_err(SignInError::from)?;
        let change = PasswordChange { from: checked.password, to, keep: session.id };
        let changed = room.store.change_password(room.act(realm, None, origin), user.id, change).await;
        match changed.map_err(unavailable).map_err(SignInError::from)? {
            PasswordChanged::Done(_) => return Ok(room.hub.settle(&realm.name).await.map_err(SignInError::from)?),
            PasswordChanged::SignedOut => return Err(PasswordError::SignedOut),
            // The same password under another hash, or another password: only a look tells them apart.
            PasswordChanged::Differs => {}
        }
    }
    Err(SignInError::WrongCredentials.into())
}

async fn sessions(room: &Room, realm: &RealmState, user: UserId) -> Result<Vec<Session>, Unavailable> {
    room.store.sessions_of(realm.name.clone(), user, room.now()).await.map_err(unavailable)
}
