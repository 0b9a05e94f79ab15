//! People with a password.

use std::fmt;
use std::str::FromStr;

use sekisho_token::{Secret, Timestamp};
use sekisho_wire::{BoxFuture, Position, RealmName, Scopes, SessionId, UserId};

use crate::{Act, Replaced, StoreError};

/// The name a person types to sign in: 1 to 100 characters, no control characters or spaces at the ends, folded to lower
/// case so that `Alice` and `alice` are one person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(String);

/// A text cannot be a user's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a user name: expected 1 to 100 characters, none of them a control character, no space at the ends")]
pub struct MalformedUserName;

/// A person.
#[derive(Clone, Debug)]
pub struct User {
    /// Who, for ever; the `sub` of their tokens.
    pub id: UserId,
    /// What they type; unique in the realm.
    pub name: UserName,
    /// Their password's hash as a PHC string.
    pub password: Secret<String>,
    /// What they may be granted.
    pub scopes: Scopes,
    /// Their full name (claim `name`).
    pub display_name: Option<String>,
    /// Their mail address (claim `email`).
    pub email: Option<String>,
    /// Whether somebody proved that the address is theirs (claim `email_verified`).
    pub email_verified: bool,
    /// When they were made.
    pub created_at: Timestamp,
    /// Since when they may not sign in.
    pub disabled_at: Option<Timestamp>,
}

/// What an administrator may change about a person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Profile {
    /// What they may be granted.
    pub scopes: Scopes,
    /// Their full name.
    pub display_name: Option<String>,
    /// Their mail address; another one than before is unverified.
    pub email: Option<String>,
}

/// The longest full name, in characters.
const DISPLAY_NAME_CHARS_MAX: usize = 200;
/// The longest mail address, in bytes (RFC 5321 §4.5.3.1.3, without the angle brackets).
const EMAIL_BYTES_MAX: usize = 254;

/// Somebody cannot be called so.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadProfile {
    /// A full name is shown, and stands in tokens.
    #[error(
        "not a full name: expected 1 to {DISPLAY_NAME_CHARS_MAX} characters, none of them a control character, no white \
         space at the ends"
    )]
    DisplayName,
    /// Nothing could be sent there.
    #[error(
        "not a mail address: expected at most {EMAIL_BYTES_MAX} bytes with an `@` inside, no control character, no white \
         space at the ends"
    )]
    Email,
}

/// A person to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// A fresh id.
    pub id: UserId,
    /// What they will type.
    pub name: UserName,
    /// Their password's hash as a PHC string.
    pub password: Secret<String>,
    /// What they may be granted.
    pub scopes: Scopes,
    /// Their full name.
    pub display_name: Option<String>,
    /// Their mail address, unverified.
    pub email: Option<String>,
}

/// Why a user was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateUserError {
    /// Somebody of this name exists.
    #[error("a user of this name exists already")]
    NameTaken,
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// One password's hash, in place of another.
#[derive(Clone, Debug)]
pub struct Rehash {
    /// The hash that the password was right for.
    pub from: Secret<String>,
    /// Its hash with today's parameters.
    pub to: Secret<String>,
}

/// A password that its owner replaces.
#[derive(Clone, Debug)]
pub struct PasswordChange {
    /// The hash that the current password was right for.
    pub from: Secret<String>,
    /// The hash of the new one.
    pub to: Secret<String>,
    /// The sign-in that it is replaced from, which goes on.
    pub keep: SessionId,
}

/// What became of a [`PasswordChange`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PasswordChanged {
    /// The new password counts, and everything of the user's minted before is taken back: all sessions but the one that
    /// is kept, all grants of other sessions, all tokens.
    Done(Position),
    /// Nothing was changed: the hash is another by now, or the user was disabled.
    Differs,
    /// Nothing was changed: the sign-in is over, or the user is gone.
    SignedOut,
}

/// Keeps people. `None` means that no such user exists in the realm.
pub trait Users: Send + Sync {
    /// Makes a user.
    fn create_user(&self, act: Act, user: NewUser) -> BoxFuture<'_, Result<(), CreateUserError>>;

    /// The user who types this name.
    fn user_by_name<'a>(
        &'a self,
        realm: &'a RealmName,
        name: &'a UserName,
    ) -> BoxFuture<'a, Result<Option<User>, StoreError>>;

    /// The user of this id.
    fn user<'a>(&'a self, realm: &'a RealmName, id: UserId) -> BoxFuture<'a, Result<Option<User>, StoreError>>;

    /// Users by name, after `after`, at most `limit`.
    fn users<'a>(
        &'a self,
        realm: &'a RealmName,
        after: Option<&'a UserName>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<User>, StoreError>>;

    /// Replaces the hash by one with newer parameters, of the same password; ends nothing.
    fn rehash_password(&self, act: Act, user: UserId, change: Rehash) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Sets a password, whatever it was, and takes back everything of the user's minted before. `None` when there is no
    /// such user.
    fn set_password(
        &self,
        act: Act,
        user: UserId,
        password: Secret<String>,
    ) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;

    /// Replaces a password in its owner's name, where it still is the one that they showed: hashing takes its time, and an
    /// administrator may have set another one or ended the sign-in meanwhile.
    fn change_password(
        &self,
        act: Act,
        user: UserId,
        change: PasswordChange,
    ) -> BoxFuture<'_, Result<PasswordChanged, StoreError>>;

    /// Replaces what the user may be granted. Where a scope is taken from them, so is every token minted for them before;
    /// sign-ins and grants stay, and give new tokens with what remains. Says whether the user exists.
    fn set_user_scopes(&self, act: Act, user: UserId, scopes: Scopes) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Replaces the profile where the user still is as `was` says, but for the password. What that takes from tokens is as
    /// with [`Users::set_user_scopes`].
    fn change_user(&self, act: Act, was: User, profile: Profile) -> BoxFuture<'_, Result<Replaced, StoreError>>;

    /// Lets the user sign in no more and takes back everything of theirs.
    fn disable_user(&self, act: Act, user: UserId) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;

    /// Lets a disabled user sign in again; what was taken back stays taken back. Says whether the user exists.
    fn enable_user(&self, act: Act, user: UserId) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Ends every session and grant of the user and takes back every token of theirs.
    fn sign_out_everywhere(&self, act: Act, user: UserId) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;

    /// Removes the user, where they still are as `was` says but for the password, with every sign-in, grant, code and token
    /// of theirs. What was minted is taken back.
    fn delete_user(&self, act: Act, was: User) -> BoxFuture<'_, Result<Replaced, StoreError>>;
}

// === impl User ===

impl User {
    /// Whether an administrator who saw the other one would see no difference; the password is not seen.
    #[must_use]
    pub fn is_still(&self, was: &Self) -> bool {
        let seen = |user: &Self| (user.id, user.created_at, user.disabled_at, user.email_verified);
        seen(self) == seen(was) && self.name == was.name && self.profile() == was.profile()
    }

    /// What an administrator may change, as it is.
    #[must_use]
    pub fn profile(&self) -> Profile {
        Profile { scopes: self.scopes.clone(), display_name: self.display_name.clone(), email: self.email.clone() }
    }
}

// === impl Profile ===

impl Profile {
    /// Whether somebody can be called so.
    ///
    /// # Errors
    /// [`BadProfile`].
    pub fn check(&self) -> Result<(), BadProfile> {
        let bare = |text: &str| text.trim() == text && !text.chars().any(char::is_control);
        let is_name = |name: &String| bare(name) && (1..=DISPLAY_NAME_CHARS_MAX).contains(&name.chars().count());
        let is_address = |email: &String| {
            let halves = email.rsplit_once('@');
            bare(email) && email.len() <= EMAIL_BYTES_MAX && halves.is_some_and(|(a, b)| !a.is_empty() && !b.is_empty())
        };
        if !self.display_name.as_ref().is_none_or(is_name) {
            return Err(BadProfile::DisplayName);
        }
        if !self.email.as_ref().is_none_or(is_address) {
            return Err(BadProfile::Email);
        }
        Ok(())
    }
}

// === impl UserName ===

impl UserName {
    /// The folded name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for UserName {
    type Err = MalformedUserName;

    fn from_str(text: &str) -> Result<Self, MalformedUserName> {
        let count = text.chars().count();
        if !(1..=100).contains(&count) || text.trim() != text || text.chars().any(char::is_control) {
            return Err(MalformedUserName);
        }
        Ok(Self(text.to_lowercase()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests;
