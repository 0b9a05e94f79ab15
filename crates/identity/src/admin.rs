//! What an administrator does, as plain operations without HTTP: the admin API, the command line and the admin socket call
//! these, and there is no other way.
//!
//! A revocation returns when every reader in this process has applied it. Whatever changes leaves a line in the audit with
//! the administrator's id, in the transaction of the change.
//!
//! ```text
//!   people     users, their sign-ins and grants        page      how lists are cut, never silently
//!   programs   clients and their secrets               history   the audit, searched
//!   house      realms, keys, tokens made by hand       command_line   who the first administrator's token is made for
//! ```
//!
//! Not here: who may call them (`http::admin`), files with what is to be (the roof).

use std::fmt;
use std::sync::Arc;

use sekisho_model::client::BadRegistration;
use sekisho_model::user::BadProfile;
use sekisho_model::{Act, Replaced, StoreError, UserName};
use sekisho_token::{KeyId, Secret};
use sekisho_wire::{ClientId, GrantId, RealmName, Scopes, SessionId, Subject, Unavailable, UserId};

use crate::keys::RotateError;
use crate::oauth::redirect_uri::BadRedirectUri;
use crate::realms::RealmState;
use crate::room::{Origin, Room, unavailable};

pub mod command_line;
mod history;
mod house;
pub mod page;
mod people;
mod programs;

pub use history::Wanted;
pub use house::{HandMade, KeyState, RealmView};
pub use page::{Limit, Page};
pub use people::{device, readable};
pub use programs::{Brought, fits};

/// What tokens for administrators are for.
pub const AUDIENCE: &str = "sekisho-admin";
/// The scope of a token that may look.
pub const READ: &str = "admin:read";
/// The scope of a token that may change something.
pub const WRITE: &str = "admin:write";

/// The administration of every realm, in somebody's name.
#[derive(Clone, Debug)]
pub struct Admin {
    room: Arc<Room>,
    by: Option<Subject>,
    origin: Origin,
}

/// Who is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whom {
    /// By the id that never changes.
    Id(UserId),
    /// By what they type.
    Name(UserName),
}

/// A person to be made.
#[derive(Debug)]
pub struct Person {
    /// What they type.
    pub name: UserName,
    /// Their password.
    pub password: Secret<String>,
    /// What they may be granted.
    pub scopes: Scopes,
    /// Their full name.
    pub display_name: Option<String>,
    /// Their mail address.
    pub email: Option<String>,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No such realm.
    #[error("realm `{0}` does not exist")]
    NoRealm(RealmName),
    /// No such user.
    #[error("user `{0}` does not exist")]
    NoUser(Whom),
    /// No such client.
    #[error("client `{0}` does not exist")]
    NoClient(ClientId),
    /// There is no such key.
    #[error("there is no key `{0}`")]
    NoKey(KeyId),
    /// There is no such sign-in, or it is over.
    #[error("there is no living session `{0}`")]
    NoSession(SessionId),
    /// There is no such grant, or it is over.
    #[error("there is no living grant `{0}`")]
    NoGrant(GrantId),
    /// The name or id is taken.
    #[error("`{0}` exists already")]
    Exists(String),
    /// Somebody else changed it first.
    #[error("somebody else changed it meanwhile: look again")]
    Differs,
    /// The house keeps this client in step with its configuration.
    #[error("client `{0}` belongs to the house itself and cannot be changed")]
    OfTheHouse(ClientId),
    /// A public client would get a secret, or a confidential one lose its own.
    #[error("client `{0}` cannot become public or stop being it: make another client")]
    OtherKind(ClientId),
    /// A public client keeps no secret.
    #[error("client `{0}` is public and has no secret")]
    Public(ClientId),
    /// The password cannot be used.
    #[error("a password has at least {chars_min} characters and at most {bytes_max} bytes")]
    Password {
        /// The shortest.
        chars_min: usize,
        /// The longest.
        bytes_max: usize,
    },
    /// The hash of a password cannot be checked against here.
    #[error("not a password hash that is read here: expected `$argon2id$v=19$m=…,t=…,p=…$SALT$HASH`")]
    PasswordHash,
    /// The secret is none of ours.
    #[error("not a client secret: expected one that was handed out by Sekisho, `sekcs…`")]
    Secret,
    /// A redirect URI cannot be registered.
    #[error(transparent)]
    RedirectUri(#[from] BadRedirectUri),
    /// Nobody is called so.
    #[error(transparent)]
    Profile(#[from] BadProfile),
    /// The registration contradicts itself.
    #[error(transparent)]
    Registration(#[from] BadRegistration),
    /// A token without audiences is good for nobody.
    #[error("a token needs at least one audience")]
    NoAudience,
    /// A token would speak for somebody who may do nothing.
    #[error("`{0}` is nobody who may sign in: expected an enabled user's id, or a name that is no user's id")]
    NoSubject(Subject),
    /// The token would outlive what the realm permits.
    #[error("a token lives at most {0} s in this realm")]
    TooLong(i64),
    /// No key could be made.
    #[error(transparent)]
    Key(#[from] RotateError),
    /// Somebody does not answer.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

// === impl Admin ===

impl Admin {
    /// In the name of the house.
    pub(crate) fn of(room: Arc<Room>) -> Self {
        Self { room, by: None, origin: Origin::default() }
    }

    /// In this administrator's name from now on.
    #[must_use]
    pub fn acting_as(self, by: Subject) -> Self {
        Self { by: Some(by), ..self }
    }

    /// In the name of whoever showed that they are an administrator, from where they did.
    pub(crate) fn on_behalf(room: Arc<Room>, by: Subject, origin: Origin) -> Self {
        Self { room, by: Some(by), origin }
    }

    /// How often a password was hashed, so that two answers can be seen to cost the same.
    #[must_use]
    pub fn hashing_runs(&self) -> u64 {
        self.room.passwords.runs()
    }

    /// Forgets all failed attempts.
    pub fn forgive(&self) {
        self.room.throttle.forget();
    }

    async fn realm_state(&self, name: &RealmName) -> Result<Arc<RealmState>, AdminError> {
        self.room.realm_by_now(name).await?.ok_or_else(|| AdminError::NoRealm(name.clone()))
    }

    fn act(&self, realm: &RealmState) -> Act {
        self.act_in(&realm.name)
    }

    fn act_in(&self, realm: &RealmName) -> Act {
        let Origin { address, request, .. } = self.origin;
        Act { by: self.by.clone(), address, request, ..Act::by_house(realm.clone(), self.room.now()) }
    }

    async fn in_force(&self, realm: &RealmName) -> Result<(), AdminError> {
        Ok(self.room.hub.settle(realm).await?)
    }
}

/// What became of a change that was meant for one state only.
fn done(replaced: Replaced, missing: impl FnOnce() -> AdminError) -> Result<(), AdminError> {
    match replaced {
        Replaced::Done => Ok(()),
        Replaced::Differs => Err(AdminError::Differs),
        Replaced::Missing => Err(missing()),
    }
}

// === impl Whom ===

impl From<UserId> for Whom {
    fn from(id: UserId) -> Self {
        Self::Id(id)
    }
}

impl From<&UserName> for Whom {
    fn from(name: &UserName) -> Self {
        Self::Name(name.clone())
    }
}

impl fmt::Display for Whom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => name.fmt(f),
        }
    }
}

// === impl AdminError ===

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(unavailable(error))
    }
}
