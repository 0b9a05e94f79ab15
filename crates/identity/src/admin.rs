//! What an administrator does, as plain operations without HTTP: the command line and the admin socket call these.
//!
//! A revocation returns when every reader in this process has applied it.
//!
//! Not here: who may call them.

use std::sync::Arc;

use sekisho_model::client::{BadRegistration, CreateClientError, NewClient, Registration};
use sekisho_model::user::{CreateUserError, NewUser};
use sekisho_model::{Act, Client, Session, StoreError, User, UserName};
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::ring::Stage;
use sekisho_token::{KeyId, Secret, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{ClientId, RealmName, Scopes, Subject, Unavailable, UserId};

use crate::keys::{self, RotateError, Takeover};
use crate::mint;
use crate::oauth::redirect_uri::{self, BadRedirectUri};
use crate::realms::RealmState;
use crate::room::{Origin, Room, unavailable};

/// How many rows one list has at most.
const LIST_MAX: u32 = 1000;

/// The administration of every realm.
#[derive(Clone, Debug)]
pub struct Admin {
    room: Arc<Room>,
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

/// A token to be made by hand.
#[derive(Debug)]
pub struct HandMade {
    /// To whom it is issued.
    pub client: ClientId,
    /// For whom it speaks; the client itself when absent.
    pub subject: Option<Subject>,
    /// What it permits.
    pub scope: Scopes,
    /// For which services.
    pub audiences: Vec<String>,
    /// How long it lives, in seconds; at most the realm's access token lifetime.
    pub ttl_s: u32,
}

/// A key as an administrator sees it.
#[derive(Clone, Debug)]
pub struct KeyState {
    /// Its id.
    pub kid: KeyId,
    /// What it does now.
    pub stage: Option<Stage>,
    /// When it begins to sign.
    pub signs_from: Timestamp,
    /// When it is gone.
    pub gone_at: Option<Timestamp>,
}

/// Why something was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// No such realm.
    #[error("realm `{0}` does not exist")]
    NoRealm(RealmName),
    /// No such user.
    #[error("user `{0}` does not exist")]
    NoUser(UserName),
    /// No such client.
    #[error("client `{0}` does not exist")]
    NoClient(ClientId),
    /// There is no such key.
    #[error("there is no key `{0}`")]
    NoKey(KeyId),
    /// The name or id is taken.
    #[error("`{0}` exists already")]
    Exists(String),
    /// The password cannot be used.
    #[error("a password has at least {chars_min} characters and at most {bytes_max} bytes")]
    Password {
        /// The shortest.
        chars_min: usize,
        /// The longest.
        bytes_max: usize,
    },
    /// A redirect URI cannot be registered.
    #[error(transparent)]
    RedirectUri(#[from] BadRedirectUri),
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
    pub(crate) const fn of(room: Arc<Room>) -> Self {
        Self { room }
    }

    /// Makes a person.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_user(&self, realm: &RealmName, person: Person) -> Result<UserId, AdminError> {
        let realm = self.realm(realm)?;
        let password = self.hashed(&person.password).await?;
        let id = UserId::generate(self.room.now(), &*self.room.entropy);
        let Person { name, scopes, display_name, email, .. } = person;
        let text = name.to_string();
        let user = NewUser { id, name, password, scopes, display_name, email };
        match self.room.store.create_user(self.act(&realm), user).await {
            Ok(()) => Ok(id),
            Err(CreateUserError::NameTaken) => Err(AdminError::Exists(text)),
            Err(CreateUserError::Store(error)) => Err(error.into()),
        }
    }

    /// A person by name.
    ///
    /// # Errors
    /// [`AdminError::NoUser`] and others.
    pub async fn user(&self, realm: &RealmName, name: &UserName) -> Result<User, AdminError> {
        let found = self.room.store.user_by_name(realm, name).await?;
        found.ok_or_else(|| AdminError::NoUser(name.clone()))
    }

    /// People by name, after `after`, a thousand at most.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn users(&self, realm: &RealmName, after: Option<&UserName>) -> Result<Vec<User>, AdminError> {
        self.realm(realm)?;
        Ok(self.room.store.users(realm, after, LIST_MAX).await?)
    }

    /// Lets somebody sign in no more, and takes back everything of theirs.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_user(&self, realm: &RealmName, name: &UserName) -> Result<(), AdminError> {
        let (state, user) = (self.realm(realm)?, self.user(realm, name).await?);
        self.room.store.disable_user(self.act(&state), user.id).await?;
        self.in_force(realm).await
    }

    /// Lets somebody sign in again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_user(&self, realm: &RealmName, name: &UserName) -> Result<(), AdminError> {
        let (state, user) = (self.realm(realm)?, self.user(realm, name).await?);
        self.room.store.enable_user(self.act(&state), user.id).await?;
        Ok(())
    }

    /// Sets a password and ends everything that the old one opened.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_password(
        &self,
        realm: &RealmName,
        name: &UserName,
        password: &Secret<String>,
    ) -> Result<(), AdminError> {
        let (state, user) = (self.realm(realm)?, self.user(realm, name).await?);
        let password = self.hashed(password).await?;
        self.room.store.change_password(self.act(&state), user.id, password, None).await?;
        self.in_force(realm).await
    }

    /// Replaces what somebody may be granted.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn set_scopes(&self, realm: &RealmName, name: &UserName, scopes: Scopes) -> Result<(), AdminError> {
        let (state, user) = (self.realm(realm)?, self.user(realm, name).await?);
        self.room.store.set_user_scopes(self.act(&state), user.id, scopes).await?;
        Ok(())
    }

    /// Ends all sign-ins of somebody and takes back every token of theirs.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn sign_out_everywhere(&self, realm: &RealmName, name: &UserName) -> Result<(), AdminError> {
        let (state, user) = (self.realm(realm)?, self.user(realm, name).await?);
        self.room.store.sign_out_everywhere(self.act(&state), user.id).await?;
        self.in_force(realm).await
    }

    /// Somebody's living sign-ins, newest first.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn sessions(&self, realm: &RealmName, name: &UserName) -> Result<Vec<Session>, AdminError> {
        let user = self.user(realm, name).await?;
        Ok(self.room.store.sessions_of(realm.clone(), user.id, self.room.now()).await?)
    }

    /// Makes a client; gives its secret, once, when it is of a kind that has one.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_client(
        &self,
        realm: &RealmName,
        id: ClientId,
        registration: Registration,
    ) -> Result<Option<Secret<String>>, AdminError> {
        let state = self.realm(realm)?;
        registration.check()?;
        let uris = registration.redirect_uris.iter().chain(&registration.post_logout_redirect_uris);
        uris.map(String::as_str).try_for_each(|uri| redirect_uri::check(uri, &registration))?;
        let public = registration.auth == sekisho_model::client::ClientAuth::None;
        let secret = (!public).then(|| Credential::mint(Kind::ClientSecret, &*self.room.entropy));
        let digest = secret.as_ref().map(Credential::digest);
        let client = NewClient { id: id.clone(), registration, secret: digest };
        match self.room.store.create_client(self.act(&state), client).await {
            Ok(()) => Ok(secret.map(Credential::into_secret)),
            Err(CreateClientError::Exists(_)) => Err(AdminError::Exists(id.to_string())),
            Err(CreateClientError::Store(error)) => Err(error.into()),
        }
    }

    /// A client.
    ///
    /// # Errors
    /// [`AdminError::NoClient`] and others.
    pub async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Client, AdminError> {
        let found = self.room.store.client(realm, id).await?;
        found.map(|(_, client)| client).ok_or_else(|| AdminError::NoClient(id.clone()))
    }

    /// Clients by id, after `after`, a thousand at most.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn clients(&self, realm: &RealmName, after: Option<&ClientId>) -> Result<Vec<Client>, AdminError> {
        self.realm(realm)?;
        Ok(self.room.store.clients(realm, after, LIST_MAX).await?)
    }

    /// Adds a secret and gives it, once; the newest two count.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn rotate_client_secret(&self, realm: &RealmName, id: &ClientId) -> Result<Secret<String>, AdminError> {
        let state = self.realm(realm)?;
        let secret = Credential::mint(Kind::ClientSecret, &*self.room.entropy);
        let known = self.room.store.add_client_secret(self.act(&state), id.clone(), secret.digest()).await?;
        if known { Ok(secret.into_secret()) } else { Err(AdminError::NoClient(id.clone())) }
    }

    /// Lets a client do nothing more, and takes back everything minted for it.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_client(&self, realm: &RealmName, id: &ClientId) -> Result<(), AdminError> {
        let state = self.realm(realm)?;
        let done = self.room.store.disable_client(self.act(&state), id.clone()).await?;
        done.ok_or_else(|| AdminError::NoClient(id.clone()))?;
        self.in_force(realm).await
    }

    /// Makes a JWT by hand (the note's "JWT issued manually").
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn issue_token(&self, realm: &RealmName, wanted: HandMade) -> Result<Secret<String>, AdminError> {
        let state = self.realm(realm)?;
        let most = state.settings.access_token_lifetime_s;
        if i64::from(wanted.ttl_s) > most {
            return Err(AdminError::TooLong(most));
        }
        if wanted.audiences.is_empty() {
            return Err(AdminError::NoAudience);
        }
        let found = self.room.client(realm, &wanted.client).await?;
        let (position, client) = found.ok_or_else(|| AdminError::NoClient(wanted.client.clone()))?;
        if let Some(subject) = &wanted.subject {
            self.may_be_spoken_for(realm, subject).await?;
        }
        let HandMade { subject, scope, audiences, ttl_s, .. } = wanted;
        let mut claims = mint::of_client(&self.room, &state, (&client.id, position), scope, audiences);
        claims.exp = claims.iat.plus_s(i64::from(ttl_s));
        claims.sub = subject.unwrap_or(claims.sub);
        let mut line = self.act(&state).audit(Event::TokenIssuedByHand);
        line.subject = Some(claims.sub.clone());
        line.client = Some(client.id);
        self.room.record(line.clone());
        self.room.store.note(line).await?;
        Ok(mint::access_token(&self.room, &state, &claims)?)
    }

    /// Publishes the next signing key.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn rotate_key(&self, realm: &RealmName, takeover: Takeover) -> Result<KeyId, AdminError> {
        let state = self.realm(realm)?;
        Ok(keys::rotate(&self.room, &state, takeover).await?)
    }

    /// Takes back a key that somebody else may have, and everything that it signed.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn revoke_key(&self, realm: &RealmName, kid: &KeyId) -> Result<(), AdminError> {
        let state = self.realm(realm)?;
        if keys::revoke(&self.room, &state, kid).await? { Ok(()) } else { Err(AdminError::NoKey(kid.clone())) }
    }

    /// The keys with their stages, in the order of succession.
    ///
    /// # Errors
    /// [`AdminError::NoRealm`].
    pub fn keys(&self, realm: &RealmName) -> Result<Vec<KeyState>, AdminError> {
        let (ring, now) = (self.realm(realm)?.ring(), self.room.now());
        let state = |(key, times): (&Arc<sekisho_token::SigningKey>, sekisho_token::ring::Times)| KeyState {
            kid: key.kid().clone(),
            stage: ring.stage(key.kid(), now),
            signs_from: times.signs_from,
            gone_at: times.gone_at,
        };
        Ok(ring.keys().map(state).collect())
    }

    /// The realms of this process.
    #[must_use]
    pub fn realms(&self) -> Vec<RealmName> {
        self.room.realms.all().iter().map(|realm| realm.name.clone()).collect()
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

    fn realm(&self, name: &RealmName) -> Result<Arc<RealmState>, AdminError> {
        self.room.realms.get(name.as_str()).ok_or_else(|| AdminError::NoRealm(name.clone()))
    }

    fn act(&self, realm: &RealmState) -> Act {
        self.room.act(realm, None, &Origin::default())
    }

    /// A subject that has the form of our users' ids must be one of them.
    async fn may_be_spoken_for(&self, realm: &RealmName, subject: &Subject) -> Result<(), AdminError> {
        let Ok(id) = subject.as_str().parse() else { return Ok(()) };
        let user = self.room.store.user(realm, id).await?;
        if user.is_some_and(|user| user.disabled_at.is_none()) {
            return Ok(());
        }
        Err(AdminError::NoSubject(subject.clone()))
    }

    async fn in_force(&self, realm: &RealmName) -> Result<(), AdminError> {
        Ok(self.room.hub.settle(realm).await?)
    }

    async fn hashed(&self, password: &Secret<String>) -> Result<Secret<String>, AdminError> {
        let limits = &self.room.settings.limits;
        let (chars_min, bytes_max) = (limits.password_chars_min, limits.password_bytes_max);
        if !limits.take(password.expose()) {
            return Err(AdminError::Password { chars_min, bytes_max });
        }
        Ok(self.room.passwords.hash(password).await?)
    }
}

impl From<StoreError> for AdminError {
    fn from(error: StoreError) -> Self {
        Self::Unavailable(unavailable(error))
    }
}
