//! Clients and their secrets.

use sekisho_model::Client;
use sekisho_model::client::{CreateClientError, NewClient, Registration};
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::{Digest, Secret};
use sekisho_wire::{ClientId, RealmName};

use super::page::{Limit, Page};
use super::{Admin, AdminError, done};
use crate::oauth::redirect_uri;

/// A secret that somebody brings.
#[derive(Clone, Debug)]
pub enum Brought {
    /// In full, as one of ours was handed out once.
    Secret(Secret<String>),
    /// Its SHA-256.
    Digest(Digest),
}

// === impl Brought ===

impl Brought {
    /// What is kept of it. A secret that people made up is refused: what is kept is a fast hash, which only 256 random
    /// bits can do with.
    ///
    /// # Errors
    /// [`AdminError::Secret`].
    pub fn digest(&self) -> Result<Digest, AdminError> {
        match self {
            Self::Secret(text) => {
                let secret = Credential::parse(Kind::ClientSecret, text.expose());
                secret.map(|secret| secret.digest()).map_err(|_| AdminError::Secret)
            }
            Self::Digest(digest) => Ok(*digest),
        }
    }
}

// === impl Admin ===

impl Admin {
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
        let public = registration.auth == sekisho_model::client::ClientAuth::None;
        let secret = (!public).then(|| Credential::mint(Kind::ClientSecret, &*self.room.entropy));
        let digest = secret.as_ref().map(Credential::digest);
        self.register(realm, NewClient { id, registration, secret: digest }).await?;
        Ok(secret.map(Credential::into_secret))
    }

    /// Makes a client with a secret that exists already.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_client_with(
        &self,
        realm: &RealmName,
        (id, registration): (ClientId, Registration),
        secret: &Brought,
    ) -> Result<(), AdminError> {
        let secret = Some(secret.digest()?);
        self.register(realm, NewClient { id, registration, secret }).await
    }

    /// A client.
    ///
    /// # Errors
    /// [`AdminError::NoClient`] and others.
    pub async fn client(&self, realm: &RealmName, id: &ClientId) -> Result<Client, AdminError> {
        self.realm_state(realm).await?;
        let found = self.room.store.client(realm, id).await?;
        found.map(|(_, client)| client).ok_or_else(|| AdminError::NoClient(id.clone()))
    }

    /// Clients by id.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn clients(
        &self,
        realm: &RealmName,
        after: Option<&ClientId>,
        limit: Limit,
    ) -> Result<Page<Client, ClientId>, AdminError> {
        self.realm_state(realm).await?;
        let rows = self.room.store.clients(realm, after, limit.rows_and_one()).await?;
        Ok(Page::of(rows, limit, |client| client.id.clone()))
    }

    /// Replaces a registration, where the client still is as `was` says. What is taken from it is gone from the answer on:
    /// tokens minted before are refused, and its grants give new ones.
    ///
    /// # Errors
    /// [`AdminError::Differs`] where another administrator was faster, and others.
    pub async fn change_client(
        &self,
        realm: &RealmName,
        was: Client,
        registration: Registration,
    ) -> Result<Client, AdminError> {
        let (state, id) = (self.realm_state(realm).await?, was.id.clone());
        not_of_the_house(&was)?;
        fits(&registration)?;
        if was.is_public() != (registration.auth == sekisho_model::client::ClientAuth::None) {
            return Err(AdminError::OtherKind(id));
        }
        let replaced = self.room.store.replace_client(self.act(&state), was, registration).await?;
        done(replaced, || AdminError::NoClient(id.clone()))?;
        self.in_force(realm).await?;
        self.client(realm, &id).await
    }

    /// Adds a secret and gives it, once; the newest two count. Nothing is done where the client's secrets are not those of
    /// `was` any more.
    ///
    /// # Errors
    /// [`AdminError::Differs`] where another administrator was faster, and others.
    pub async fn rotate_client_secret(&self, realm: &RealmName, was: Client) -> Result<Secret<String>, AdminError> {
        let secret = Credential::mint(Kind::ClientSecret, &*self.room.entropy);
        self.add_secret(realm, was, secret.digest()).await?;
        Ok(secret.into_secret())
    }

    /// Adds a secret that exists already; the newest two count.
    ///
    /// # Errors
    /// [`AdminError::Differs`] where another administrator was faster, and others.
    pub async fn add_client_secret(&self, realm: &RealmName, was: Client, secret: &Brought) -> Result<(), AdminError> {
        self.add_secret(realm, was, secret.digest()?).await
    }

    /// Lets a client do nothing more, and takes back everything minted for it.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn disable_client(&self, realm: &RealmName, id: &ClientId) -> Result<(), AdminError> {
        let state = self.realm_state(realm).await?;
        let disabled = self.room.store.disable_client(self.act(&state), id.clone()).await?;
        disabled.ok_or_else(|| AdminError::NoClient(id.clone()))?;
        self.in_force(realm).await
    }

    /// Lets a client act again.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn enable_client(&self, realm: &RealmName, id: &ClientId) -> Result<(), AdminError> {
        let state = self.realm_state(realm).await?;
        let known = self.room.store.enable_client(self.act(&state), id.clone()).await?;
        if known { Ok(()) } else { Err(AdminError::NoClient(id.clone())) }
    }

    /// Removes a client, where it still is as `was` says, and takes back everything minted for it.
    ///
    /// # Errors
    /// [`AdminError::Differs`] where another administrator was faster, and others.
    pub async fn delete_client(&self, realm: &RealmName, was: Client) -> Result<(), AdminError> {
        let (state, id) = (self.realm_state(realm).await?, was.id.clone());
        not_of_the_house(&was)?;
        done(self.room.store.delete_client(self.act(&state), was).await?, || AdminError::NoClient(id))?;
        self.in_force(realm).await
    }

    async fn register(&self, realm: &RealmName, client: NewClient) -> Result<(), AdminError> {
        let state = self.realm_state(realm).await?;
        fits(&client.registration)?;
        match self.room.store.create_client(self.act(&state), client).await {
            Ok(()) => Ok(()),
            Err(CreateClientError::Exists(id)) => Err(AdminError::Exists(id.to_string())),
            Err(CreateClientError::Store(error)) => Err(error.into()),
        }
    }

    async fn add_secret(&self, realm: &RealmName, was: Client, digest: Digest) -> Result<(), AdminError> {
        let (state, id) = (self.realm_state(realm).await?, was.id.clone());
        not_of_the_house(&was)?;
        if was.is_public() {
            return Err(AdminError::Public(id));
        }
        done(self.room.store.add_client_secret(self.act(&state), was, digest).await?, || AdminError::NoClient(id))
    }
}

/// Whether a client can be registered so.
///
/// # Errors
/// [`AdminError::Registration`] or [`AdminError::RedirectUri`].
pub fn fits(registration: &Registration) -> Result<(), AdminError> {
    registration.check()?;
    let uris = registration.redirect_uris.iter().chain(&registration.post_logout_redirect_uris);
    Ok(uris.map(String::as_str).try_for_each(|uri| redirect_uri::check(uri, registration))?)
}

/// What the house made for itself it keeps in step with its configuration: whatever an administrator changed would be
/// gone at the next start.
fn not_of_the_house(client: &Client) -> Result<(), AdminError> {
    if client.is_kept_by_the_house() { Err(AdminError::OfTheHouse(client.id.clone())) } else { Ok(()) }
}
