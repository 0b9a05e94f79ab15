//! Realms, their keys, and tokens made by hand.

use std::sync::Arc;

use sekisho_model::Realm;
use sekisho_token::ring::Stage;
use sekisho_token::{Algorithm, KeyId, Secret, Timestamp};
use sekisho_wire::audit::Event;
use sekisho_wire::{ClientId, Epoch, Issuer, RealmName, Scopes, Subject};

use super::page::{Limit, Page};
use super::{Admin, AdminError};
use crate::keys::{self, RotateError, Takeover};
use crate::settings::RealmSettings;
use crate::{Maker, mint, open_realm};

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

/// A realm as an administrator sees it.
#[derive(Clone, Debug)]
pub struct RealmView {
    /// Its name.
    pub name: RealmName,
    /// The `iss` of its tokens.
    pub issuer: Issuer,
    /// When it was made.
    pub created_at: Timestamp,
    /// What the configuration says of it.
    pub settings: RealmSettings,
}

/// A key as an administrator sees it: never its private part.
#[derive(Clone, Debug)]
pub struct KeyState {
    /// Its id.
    pub kid: KeyId,
    /// What it signs with.
    pub algorithm: Algorithm,
    /// What it does now.
    pub stage: Option<Stage>,
    /// Since when verifiers may know it.
    pub published_at: Timestamp,
    /// When it begins to sign.
    pub signs_from: Timestamp,
    /// When it is gone.
    pub gone_at: Option<Timestamp>,
}

// === impl Admin ===

impl Admin {
    /// Makes a realm, with the settings that the configuration has for it or for any.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn create_realm(&self, name: &RealmName) -> Result<RealmView, AdminError> {
        let opened = open_realm(&self.room, self.act_in(name)).await.map_err(RotateError::from)?;
        let (state, maker) = opened;
        self.room.realms.put(&state);
        match maker {
            Maker::Us => self.realm(name).await,
            Maker::Another => Err(AdminError::Exists(name.to_string())),
        }
    }

    /// A realm.
    ///
    /// # Errors
    /// [`AdminError::NoRealm`] and others.
    pub async fn realm(&self, name: &RealmName) -> Result<RealmView, AdminError> {
        let state = self.realm_state(name).await?;
        let row = self.room.store.realm(name).await?;
        let Realm { name, created_at, .. } = row.ok_or_else(|| AdminError::NoRealm(name.clone()))?;
        Ok(RealmView { name, created_at, issuer: state.issuer.clone(), settings: state.settings.clone() })
    }

    /// The realms, by name.
    ///
    /// # Errors
    /// [`AdminError::Unavailable`].
    pub async fn realms_page(
        &self,
        after: Option<&RealmName>,
        limit: Limit,
    ) -> Result<Page<RealmView, RealmName>, AdminError> {
        let mut rows = Vec::new();
        let most = usize::try_from(limit.rows_and_one()).unwrap_or(usize::MAX);
        let names = self.realms().await?.into_iter().filter(|name| after.is_none_or(|after| name > after));
        for name in names.take(most) {
            rows.push(self.realm(&name).await?);
        }
        Ok(Page::of(rows, limit, |realm| realm.name.clone()))
    }

    /// The names of the realms, in their order.
    ///
    /// # Errors
    /// [`AdminError::Unavailable`].
    pub async fn realms(&self) -> Result<Vec<RealmName>, AdminError> {
        Ok(self.room.realms_by_now().await?)
    }

    /// Begins a new epoch of a realm's feed: everybody who follows it forgets what they know and loads it anew. For a
    /// database that has lost commits which somebody may know of.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn start_epoch(&self, realm: &RealmName) -> Result<Epoch, AdminError> {
        let state = self.realm_state(realm).await?;
        let epoch = self.room.store.start_epoch(self.act(&state)).await?;
        // Keys may have been lost with the rest, and ours must not be believed longer than others believe them.
        keys::reload(&self.room, &state).await.map_err(RotateError::from)?;
        self.in_force(realm).await?;
        tracing::warn!(%realm, epoch = epoch.0, "a new epoch of the feed began");
        Ok(epoch)
    }

    /// Publishes the next signing key.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn rotate_key(&self, realm: &RealmName, takeover: Takeover) -> Result<KeyId, AdminError> {
        let state = self.realm_state(realm).await?;
        Ok(keys::rotate(&self.room, &state, takeover, self.act(&state)).await?)
    }

    /// Takes back a key that somebody else may have, and everything that it signed.
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn revoke_key(&self, realm: &RealmName, kid: &KeyId) -> Result<(), AdminError> {
        let state = self.realm_state(realm).await?;
        let known = keys::revoke(&self.room, &state, kid, self.act(&state)).await?;
        if known { Ok(()) } else { Err(AdminError::NoKey(kid.clone())) }
    }

    /// The keys with their stages, in the order of succession. There are a handful, so this is never a page of them.
    ///
    /// # Errors
    /// [`AdminError::NoRealm`] and others.
    pub async fn keys(&self, realm: &RealmName) -> Result<Vec<KeyState>, AdminError> {
        let (ring, now) = (self.realm_state(realm).await?.ring(), self.room.now());
        let state = |(key, times): (&Arc<sekisho_token::SigningKey>, sekisho_token::ring::Times)| KeyState {
            kid: key.kid().clone(),
            algorithm: key.alg(),
            stage: ring.stage(key.kid(), now),
            published_at: times.published_at,
            signs_from: times.signs_from,
            gone_at: times.gone_at,
        };
        Ok(ring.keys().map(state).collect())
    }

    /// Makes a JWT by hand (the note's "JWT issued manually").
    ///
    /// # Errors
    /// [`AdminError`].
    pub async fn issue_token(&self, realm: &RealmName, wanted: HandMade) -> Result<Secret<String>, AdminError> {
        let state = self.realm_state(realm).await?;
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

    /// A subject that has the form of our users' ids must be one of them.
    async fn may_be_spoken_for(&self, realm: &RealmName, subject: &Subject) -> Result<(), AdminError> {
        let Ok(id) = subject.as_str().parse() else { return Ok(()) };
        let user = self.room.store.user(realm, id).await?;
        if user.is_some_and(|user| user.disabled_at.is_none()) {
            return Ok(());
        }
        Err(AdminError::NoSubject(subject.clone()))
    }
}
