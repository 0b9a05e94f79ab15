//! People, their sign-ins and their grants.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_model::grant::Grant;
use sekisho_model::user::{CreateUserError, NewUser, Profile};
use sekisho_model::{Session, User, UserName};
use sekisho_token::Secret;
use sekisho_wire::{GrantId, RealmName, Scopes, SessionId, UserId};

use super::page::{Limit, Page};
use super::{Admin, AdminError, Person, Whom, done};
use crate::device::Device;
use crate::password::{Checked, Passwords};

/// Random bytes of a password that we make: 120 bits in 20 characters.
const FRESH_BYTES: usize = 15;

/// What signed somebody in, in a few words: `Firefox on Linux`.
#[must_use]
pub fn device(session: &Session) -> String {
    Device::of(session.user_agent.as_deref()).to_string()
}

// === impl Admin ===

impl Admin {
    /// Makes a person.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_user(&self, realm: &RealmName, person: Person) -> Result<UserId, AdminError> {
        let password = self.hashed(&person.password).await?;
        self.admit(realm, Person { password, ..person }).await
    }

    /// Makes a person whose password is known by its hash alone: `person.password` is that hash, an Argon2id PHC string.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_user_with_hash(&self, realm: &RealmName, person: Person) -> Result<UserId, AdminError> {
        readable(&person.password)?;
        self.admit(realm, person).await
    }

    /// A person.
    ///
    /// # Errors
    /// [`AdminError::NoUser`] and others.
    pub async fn user(&self, realm: &RealmName, whom: impl Into<Whom>) -> Result<User, AdminError> {
        self.realm_state(realm).await?;
        let whom = whom.into();
        let found = match &whom {
            Whom::Id(id) => self.room.store.user(realm, *id).await?,
            Whom::Name(name) => self.room.store.user_by_name(realm, name).await?,
        };
        found.ok_or(AdminError::NoUser(whom))
    }

    /// People by name.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn users(
        &self,
        realm: &RealmName,
        after: Option<&UserName>,
        limit: Limit,
    ) -> Result<Page<User, UserName>, AdminError> {
        self.realm_state(realm).await?;
        let rows = self.room.store.users(realm, after, limit.rows_and_one()).await?;
        Ok(Page::of(rows, limit, |user| user.name.clone()))
    }

    /// Replaces what somebody may be granted and is called, where they still are as `was` says. A scope that is taken from
    /// them is gone from the answer on: tokens minted before are refused, and sign-ins give new ones.
    ///
    /// # Errors
    /// [`AdminError::Differs`] where another administrator was faster, and others.
    pub async fn change_user(&self, realm: &RealmName, was: User, profile: Profile) -> Result<User, AdminError> {
        let (state, id) = (self.realm_state(realm).await?, was.id);
        profile.check()?;
        done(self.room.store.change_user(self.act(&state), was, profile).await?, || AdminError::NoUser(id.into()))?;
        self.in_force(realm).await?;
        self.user(realm, id).await
    }

    /// Replaces what somebody may be granted, whatever it was. What is taken from them is gone from the answer on.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_scopes(&self, realm: &RealmName, whom: impl Into<Whom>, scopes: Scopes) -> Result<(), AdminError> {
        let (state, user) = (self.realm_state(realm).await?, self.user(realm, whom).await?);
        self.room.store.set_user_scopes(self.act(&state), user.id, scopes).await?;
        self.in_force(realm).await
    }

    /// Lets somebody sign in no more, and takes back everything of theirs.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_user(&self, realm: &RealmName, whom: impl Into<Whom>) -> Result<(), AdminError> {
        let (state, user) = (self.realm_state(realm).await?, self.user(realm, whom).await?);
        self.room.store.disable_user(self.act(&state), user.id).await?;
        self.in_force(realm).await
    }

    /// Lets somebody sign in again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_user(&self, realm: &RealmName, whom: impl Into<Whom>) -> Result<(), AdminError> {
        let (state, user) = (self.realm_state(realm).await?, self.user(realm, whom).await?);
        self.room.store.enable_user(self.act(&state), user.id).await?;
        Ok(())
    }

    /// Removes somebody, where they still are as `was` says, and takes back everything of theirs.
    ///
    /// # Errors
    /// [`AdminError::Differs`] where another administrator was faster, and others.
    pub async fn delete_user(&self, realm: &RealmName, was: User) -> Result<(), AdminError> {
        let (state, id) = (self.realm_state(realm).await?, was.id);
        done(self.room.store.delete_user(self.act(&state), was).await?, || AdminError::NoUser(id.into()))?;
        self.in_force(realm).await
    }

    /// Sets a password and ends everything that the old one opened.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_password(
        &self,
        realm: &RealmName,
        whom: impl Into<Whom>,
        password: &Secret<String>,
    ) -> Result<(), AdminError> {
        let user = self.user(realm, whom).await?;
        let hash = self.hashed(password).await?;
        self.replace_password(realm, user.id, hash).await
    }

    /// Sets a password that is known by its hash alone, an Argon2id PHC string, and ends everything that the old one
    /// opened.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_password_hash(
        &self,
        realm: &RealmName,
        whom: impl Into<Whom>,
        hash: &Secret<String>,
    ) -> Result<(), AdminError> {
        readable(hash)?;
        let user = self.user(realm, whom).await?;
        self.replace_password(realm, user.id, hash.clone()).await
    }

    /// Whether this is somebody's password. Costs a run of Argon2, and nobody is throttled: the caller is trusted.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn has_password(&self, user: &User, password: &Secret<String>) -> Result<bool, AdminError> {
        Ok(match self.room.passwords.check(Some(&user.password), password).await? {
            Checked::Right | Checked::RightButOld => true,
            Checked::Wrong => false,
        })
    }

    /// Ends all sign-ins of somebody and takes back every token of theirs.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn sign_out_everywhere(&self, realm: &RealmName, whom: impl Into<Whom>) -> Result<(), AdminError> {
        let (state, user) = (self.realm_state(realm).await?, self.user(realm, whom).await?);
        self.room.store.sign_out_everywhere(self.act(&state), user.id).await?;
        self.in_force(realm).await
    }

    /// Somebody's living sign-ins, the latest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn sessions_page(
        &self,
        realm: &RealmName,
        whom: impl Into<Whom>,
        before: Option<SessionId>,
        limit: Limit,
    ) -> Result<Page<Session, SessionId>, AdminError> {
        let user = self.user(realm, whom).await?;
        let of = (realm.clone(), user.id);
        let rows = self.room.store.sessions_before(of, before, self.room.now(), limit.rows_and_one()).await?;
        Ok(Page::of(rows, limit, |session| session.id))
    }

    /// All of somebody's living sign-ins, the latest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn sessions(&self, realm: &RealmName, whom: impl Into<Whom>) -> Result<Vec<Session>, AdminError> {
        let (whom, mut all, mut before) = (whom.into(), Vec::new(), None);
        loop {
            let page = self.sessions_page(realm, whom.clone(), before, Limit::MAX).await?;
            all.extend(page.items);
            before = page.next;
            if before.is_none() {
                return Ok(all);
            }
        }
    }

    /// Ends one sign-in and takes back every token of it.
    ///
    /// # Errors
    /// [`AdminError::NoSession`] where there is none of this id that lives, and others.
    pub async fn end_session(&self, realm: &RealmName, session: SessionId) -> Result<(), AdminError> {
        let state = self.realm_state(realm).await?;
        let ended = self.room.store.end_session(self.act(&state), session).await?;
        ended.ok_or(AdminError::NoSession(session))?;
        self.in_force(realm).await
    }

    /// What applications were granted for somebody and still have, the latest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn grants_page(
        &self,
        realm: &RealmName,
        whom: impl Into<Whom>,
        before: Option<GrantId>,
        limit: Limit,
    ) -> Result<Page<Grant, GrantId>, AdminError> {
        let user = self.user(realm, whom).await?;
        let of = (realm.clone(), user.id);
        let rows = self.room.store.grants_before(of, before, self.room.now(), limit.rows_and_one()).await?;
        Ok(Page::of(rows, limit, |grant| grant.id))
    }

    /// Takes back what one application was granted, with every token of it.
    ///
    /// # Errors
    /// [`AdminError::NoGrant`] where there is none of this id that lives, and others.
    pub async fn revoke_grant(&self, realm: &RealmName, grant: GrantId) -> Result<(), AdminError> {
        let state = self.realm_state(realm).await?;
        let revoked = self.room.store.revoke_grant(self.act(&state), grant).await?;
        revoked.ok_or(AdminError::NoGrant(grant))?;
        self.in_force(realm).await
    }

    async fn admit(&self, realm: &RealmName, person: Person) -> Result<UserId, AdminError> {
        let state = self.realm_state(realm).await?;
        let id = UserId::generate(self.room.now(), &*self.room.entropy);
        let Person { name, password, scopes, display_name, email } = person;
        let profile = Profile { scopes, display_name, email };
        profile.check()?;
        let Profile { scopes, display_name, email } = profile;
        let text = name.to_string();
        let user = NewUser { id, name, password, scopes, display_name, email };
        match self.room.store.create_user(self.act(&state), user).await {
            Ok(()) => Ok(id),
            Err(CreateUserError::NameTaken) => Err(AdminError::Exists(text)),
            Err(CreateUserError::Store(error)) => Err(error.into()),
        }
    }

    async fn replace_password(&self, realm: &RealmName, user: UserId, hash: Secret<String>) -> Result<(), AdminError> {
        let state = self.realm_state(realm).await?;
        let changed = self.room.store.set_password(self.act(&state), user, hash).await?;
        changed.ok_or(AdminError::NoUser(user.into()))?;
        self.in_force(realm).await
    }

    /// Whether somebody may have this password.
    ///
    /// # Errors
    /// [`AdminError::Password`].
    pub fn takes(&self, password: &Secret<String>) -> Result<(), AdminError> {
        let limits = &self.room.settings.limits;
        let (chars_min, bytes_max) = (limits.password_chars_min, limits.password_bytes_max);
        if limits.take(password.expose()) { Ok(()) } else { Err(AdminError::Password { chars_min, bytes_max }) }
    }

    /// A password that nobody had before, to be told to its owner and changed by them.
    #[must_use]
    pub fn fresh_password(&self) -> Secret<String> {
        let mut bytes = [0; FRESH_BYTES];
        self.room.entropy.fill(&mut bytes);
        Secret::new(URL_SAFE_NO_PAD.encode(bytes))
    }

    async fn hashed(&self, password: &Secret<String>) -> Result<Secret<String>, AdminError> {
        self.takes(password)?;
        Ok(self.room.passwords.hash(password).await?)
    }
}

/// Whether a password can be checked against this hash here.
///
/// # Errors
/// [`AdminError::PasswordHash`].
pub fn readable(hash: &Secret<String>) -> Result<(), AdminError> {
    if Passwords::reads(hash) { Ok(()) } else { Err(AdminError::PasswordHash) }
}
