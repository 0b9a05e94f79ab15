//! Is this person who they say they are? The one place where a name and a password are looked at.
//!
//! Whoever asks (the page, the challenge endpoint), the steps are the same and their work too: count the try, look the name
//! up, run Argon2 once, write one audit line. A name that nobody has, a disabled user and a wrong password differ in
//! nothing that can be seen or measured from outside.
//!
//! What a right password begins, a session, begins here as well, whoever asked.

use sekisho_model::session::{NewSession, Origin as Begun};
use sekisho_model::user::Rehash;
use sekisho_model::{Act, Session, User};
use sekisho_token::{Digest, Secret};
use sekisho_wire::audit::Event;
use sekisho_wire::{AuditEvent, ClientId, Reason, SessionId, Unavailable};

use crate::password::Checked;
use crate::realms::RealmState;
use crate::room::{Origin, Room, unavailable};
use crate::throttle::{Throttled, Try};

/// Longest name that is recorded and looked up, in bytes.
const NAME_BYTES_MAX: usize = 400;

/// How a person proved who they are (RFC 8176 §2).
const AMR_PASSWORD: &str = "pwd";

/// What somebody typed.
#[derive(Debug)]
pub(crate) struct Typed<'a> {
    pub(crate) name: &'a str,
    pub(crate) password: &'a Secret<String>,
    /// Through which client; none at identity's own pages.
    pub(crate) client: Option<&'a ClientId>,
}

/// Why nobody signed in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SignInError {
    #[error("name or password is wrong")]
    WrongCredentials,
    #[error("a password has at most {bytes_max} bytes")]
    TooLong { bytes_max: usize },
    #[error(transparent)]
    Throttled(#[from] Throttled),
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

/// Where a new sign-in is held.
#[derive(Debug)]
pub(crate) enum Held {
    /// By a browser, under a cookie; with the sign-in that it held so far.
    Browser { cookie: Digest, so_far: Option<SessionId> },
    /// By a first-party client.
    FirstParty(ClientId),
}

/// Checks a name and a password, and counts how that ended.
pub(crate) async fn check(
    room: &Room,
    realm: &RealmState,
    typed: &Typed<'_>,
    origin: &Origin,
) -> Result<User, SignInError> {
    let outcome = decide(room, realm, typed, origin).await;
    realm.meter.signed_in(&outcome);
    outcome
}

async fn decide(room: &Room, realm: &RealmState, typed: &Typed<'_>, origin: &Origin) -> Result<User, SignInError> {
    // Before anything else: hashing costs in proportion to what is hashed.
    let bytes_max = room.settings.limits.password_bytes_max;
    if typed.password.expose().len() > bytes_max || typed.name.len() > NAME_BYTES_MAX {
        return Err(SignInError::TooLong { bytes_max });
    }
    let act = room.act(realm, typed.client, origin);
    let tried = match room.throttle.sign_in(&realm.name, typed.name, origin.address) {
        Ok(tried) => tried,
        Err(throttled) => {
            // Not into the database: whoever is throttled must not make it write.
            room.record(failure(&act, Reason::Throttled));
            return Err(throttled.into());
        }
    };
    match look(room, realm, typed).await {
        Ok(Some((mut user, checked))) => {
            room.throttle.succeeded(tried);
            if checked == Checked::RightButOld {
                hash_anew(room, act, &mut user, typed.password).await;
            }
            Ok(user)
        }
        Ok(None) => {
            note(room, failure(&act, Reason::WrongCredentials)).await;
            Err(SignInError::WrongCredentials)
        }
        Err(unavailable) => Err(undecided(room, tried, unavailable)),
    }
}

/// Opens the session of somebody who has just shown their password.
pub(crate) async fn open_session(
    room: &Room,
    realm: &RealmState,
    (act, origin): (Act, &Origin),
    user: &User,
    held: Held,
) -> Result<Session, SignInError> {
    let (begun, cookie, so_far) = match held {
        Held::Browser { cookie, so_far } => (Begun::Browser, Some(cookie), so_far),
        Held::FirstParty(client) => (Begun::FirstParty(client), None, None),
    };
    let session = NewSession {
        id: SessionId::generate(act.now, &*room.entropy),
        user: user.id,
        password: user.password.clone(),
        origin: begun,
        cookie,
        amr: vec![AMR_PASSWORD.to_owned()],
        idle_s: realm.settings.session_idle_s,
        lifetime_s: realm.settings.session_lifetime_s,
        user_agent: origin.user_agent.clone(),
        held: so_far,
    };
    let opened = room.store.open_session(act, session).await.map_err(unavailable)?;
    opened.ok_or(SignInError::WrongCredentials)
}

/// The user, if they exist, may sign in, and this is their password. One look-up and one run of Argon2, always.
async fn look(room: &Room, realm: &RealmState, typed: &Typed<'_>) -> Result<Option<(User, Checked)>, Unavailable> {
    let user = match typed.name.parse() {
        Ok(name) => room.store.user_by_name(&realm.name, &name).await.map_err(unavailable)?,
        Err(_) => None,
    };
    let checked = room.passwords.check(user.as_ref().map(|user| &user.password), typed.password).await?;
    Ok(user.filter(|user| checked != Checked::Wrong && user.disabled_at.is_none()).map(|user| (user, checked)))
}

fn undecided(room: &Room, tried: Try, unavailable: Unavailable) -> SignInError {
    room.throttle.undecided(tried);
    unavailable.into()
}

/// The name is not written down: people type their password into the wrong field.
fn failure(act: &Act, reason: Reason) -> AuditEvent {
    let mut line = act.audit(Event::LoginFailed);
    line.reason = Some(reason);
    line
}

async fn note(room: &Room, line: AuditEvent) {
    room.record(line.clone());
    // A database that takes no audit must not decide who may sign in; the line above is written elsewhere.
    if let Err(error) = room.store.note(line).await {
        tracing::warn!(%error, "a failed sign-in could not be noted in the database");
    }
}

/// Replaces a hash of older parameters; the password is known only now. Failing to is no reason to fail the sign-in.
async fn hash_anew(room: &Room, act: Act, user: &mut User, password: &Secret<String>) {
    let Ok(hash) = room.passwords.hash(password).await else { return };
    let change = Rehash { from: user.password.clone(), to: hash.clone() };
    match room.store.rehash_password(act, user.id, change).await {
        Ok(true) => user.password = hash,
        // Changed meanwhile: the session that is about to be opened will find out.
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, user = %user.id, "a password's hash could not be renewed"),
    }
}
