//! OAuth clients (RFC 6749 §2, RFC 7591 §2 for the names of their properties).

use std::fmt;

use schemars::JsonSchema;
use sekisho_token::{Digest, Timestamp};
use sekisho_wire::{BoxFuture, ClientId, Position, RealmName, Scopes};
use serde::de::IntoDeserializer as _;
use serde::{Deserialize, Serialize};

use crate::{Act, Replaced, StoreError};

/// A client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// Its id, unique in the realm.
    pub id: ClientId,
    /// How it was registered.
    pub registration: Registration,
    /// SHA-256 of its secrets, newest first; at most two, so that one can be replaced without an outage.
    pub secrets: Vec<ClientSecret>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when it may do nothing.
    pub disabled_at: Option<Timestamp>,
}

/// What a client may do and how; kept as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Registration {
    /// What people are shown.
    pub name: String,
    /// How it proves who it is at the token endpoint.
    pub auth: ClientAuth,
    /// Which grants it may use.
    pub grants: Vec<GrantType>,
    /// Where codes may be sent, compared byte for byte but for a loopback port.
    pub redirect_uris: Vec<String>,
    /// Where a browser may be sent after logout, compared byte for byte.
    pub post_logout_redirect_uris: Vec<String>,
    /// The most it can be granted, whoever signs in.
    #[schemars(with = "String")]
    pub scopes: Scopes,
    /// For which services tokens may be minted for it; never empty.
    pub audiences: Vec<String>,
    /// Whether a code needs PKCE; public clients always do.
    pub pkce: Pkce,
    /// In which form it gets access tokens.
    pub tokens: AccessTokenForm,
    /// Whether a person is asked before it gets anything.
    pub consent: Consent,
    /// What else it may ask of identity.
    pub capabilities: Vec<Capability>,
}

/// How a client proves who it is (RFC 6749 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// Not at all: a public client.
    None,
    /// HTTP Basic.
    ClientSecretBasic,
    /// In the form.
    ClientSecretPost,
}

/// A grant type by its wire name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
pub enum GrantType {
    /// RFC 6749 §4.1.
    #[serde(rename = "authorization_code")]
    AuthorizationCode,
    /// RFC 6749 §6.
    #[serde(rename = "refresh_token")]
    RefreshToken,
    /// RFC 6749 §4.4.
    #[serde(rename = "client_credentials")]
    ClientCredentials,
    /// RFC 8693.
    #[serde(rename = "urn:ietf:params:oauth:grant-type:token-exchange")]
    TokenExchange,
}

/// Whether a code needs PKCE (RFC 7636).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Pkce {
    /// An authorization request without a challenge is refused.
    Required,
    /// A confidential client may leave it out; when it sends a challenge, it is held to it.
    Optional,
}

/// In which form a client gets access tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccessTokenForm {
    /// RFC 9068.
    Jwt,
    /// A reference that says nothing.
    Opaque,
}

/// Whether a person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Consent {
    /// A page names what the client wants.
    Required,
    /// The client is our own.
    Implied,
}

/// What enforcement points may ask of identity beside tokens of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Capability {
    /// Follow the realm's feed.
    ReadFeed,
    /// Introspect tokens for its audiences.
    Introspect,
    /// Swap opaque tokens of any client for JWTs for its audiences, and wrap them.
    Swap,
    /// Sign people in at the challenge endpoint.
    FirstPartyLogin,
}

/// One of a client's secrets.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret {
    /// SHA-256 of it; 256 random bits need no slow hash.
    pub digest: Digest,
    /// When it was made.
    pub created_at: Timestamp,
}

/// A client to be made.
#[derive(Clone, Debug)]
pub struct NewClient {
    /// Its id.
    pub id: ClientId,
    /// How it is registered.
    pub registration: Registration,
    /// SHA-256 of its secret; none for a public client.
    pub secret: Option<Digest>,
}

/// Why a client was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CreateClientError {
    /// There is one of this id.
    #[error("client `{0}` exists already")]
    Exists(ClientId),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Keeps clients.
pub trait Clients: Send + Sync {
    /// Makes a client.
    fn create_client(&self, act: Act, client: NewClient) -> BoxFuture<'_, Result<(), CreateClientError>>;

    /// The client of this id with the realm's position, read before it, for tokens minted to the client itself.
    fn client<'a>(
        &'a self,
        realm: &'a RealmName,
        id: &'a ClientId,
    ) -> BoxFuture<'a, Result<Option<(Position, Client)>, StoreError>>;

    /// Clients by id, after `after`, at most `limit`.
    fn clients<'a>(
        &'a self,
        realm: &'a RealmName,
        after: Option<&'a ClientId>,
        limit: u32,
    ) -> BoxFuture<'a, Result<Vec<Client>, StoreError>>;

    /// Replaces the registration where the client still is as `was` says, but for its secrets. Where something is taken from
    /// it ([`Registration::takes_from`]), so is every token minted for it before; its grants stay.
    fn replace_client(
        &self,
        act: Act,
        was: Client,
        registration: Registration,
    ) -> BoxFuture<'_, Result<Replaced, StoreError>>;

    /// The same, whatever the client was. Says whether it exists.
    fn update_client(
        &self,
        act: Act,
        client: ClientId,
        registration: Registration,
    ) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Adds a secret in front and drops the oldest beyond two, where the client's secrets still are those of `was`: of two
    /// who replace a secret at once, the second would drop the one that is in use.
    fn add_client_secret(&self, act: Act, was: Client, secret: Digest) -> BoxFuture<'_, Result<Replaced, StoreError>>;

    /// Lets the client do nothing more and takes back everything minted for it. `None` when there is no such client.
    fn disable_client(&self, act: Act, client: ClientId) -> BoxFuture<'_, Result<Option<Position>, StoreError>>;

    /// Lets a disabled client act again; what was taken back stays taken back. Says whether the client exists.
    fn enable_client(&self, act: Act, client: ClientId) -> BoxFuture<'_, Result<bool, StoreError>>;

    /// Removes the client, where it still is as `was` says but for its secrets, with every grant, code and token of its.
    /// What was minted for it is taken back.
    fn delete_client(&self, act: Act, was: Client) -> BoxFuture<'_, Result<Replaced, StoreError>>;
}

/// The longest name, in characters.
const NAME_CHARS_MAX: usize = 200;
/// The longest audience, in bytes: some are addresses.
const AUDIENCE_BYTES_MAX: usize = 2000;

/// A registration contradicts itself, or says what cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRegistration {
    /// Nothing proves that it is this client that asks.
    #[error("a public client cannot have capabilities, act for itself or exchange tokens")]
    PublicWithRights,
    /// RFC 9700 §2.1.1.
    #[error("a public client always needs PKCE")]
    PublicWithoutPkce,
    /// The feed is read with HTTP Basic alone.
    #[error("a client that reads the feed authenticates by client_secret_basic")]
    FeedWithoutBasic,
    /// There is nothing that a token could be for.
    #[error("a client needs at least one audience")]
    NoAudience,
    /// People are shown it.
    #[error("a client's name has 1 to {NAME_CHARS_MAX} characters, none of them a control character")]
    Name,
    /// Tokens carry it.
    #[error("an audience has 1 to {AUDIENCE_BYTES_MAX} bytes, none of them a control character")]
    Audience,
}

// === impl Registration ===

impl Registration {
    /// Whether it can be what it says.
    ///
    /// # Errors
    /// [`BadRegistration`].
    pub fn check(&self) -> Result<(), BadRegistration> {
        let for_itself = [GrantType::ClientCredentials, GrantType::TokenExchange];
        let public = self.auth == ClientAuth::None;
        let plain = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        if !plain(&self.name) || self.name.chars().count() > NAME_CHARS_MAX {
            return Err(BadRegistration::Name);
        }
        if !self.audiences.iter().all(|name| plain(name) && name.len() <= AUDIENCE_BYTES_MAX) {
            return Err(BadRegistration::Audience);
        }
        if self.audiences.is_empty() {
            return Err(BadRegistration::NoAudience);
        }
        if public && (!self.capabilities.is_empty() || self.grants.iter().any(|grant| for_itself.contains(grant))) {
            return Err(BadRegistration::PublicWithRights);
        }
        if public && self.pkce == Pkce::Optional {
            return Err(BadRegistration::PublicWithoutPkce);
        }
        if self.capabilities.contains(&Capability::ReadFeed) && self.auth != ClientAuth::ClientSecretBasic {
            return Err(BadRegistration::FeedWithoutBasic);
        }
        Ok(())
    }

    /// Whether something that `was` permitted is missing here, so that tokens may exist that would not be minted any more.
    #[must_use]
    pub fn takes_from(&self, was: &Self) -> bool {
        fn lost<T: PartialEq>(before: &[T], now: &[T]) -> bool {
            before.iter().any(|one| !now.contains(one))
        }
        !was.scopes.is_subset_of(&self.scopes)
            || lost(&was.audiences, &self.audiences)
            || lost(&was.grants, &self.grants)
            || lost(&was.capabilities, &self.capabilities)
    }
}

// === impl ClientAuth ===

impl ClientAuth {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ClientSecretBasic, Self::ClientSecretPost, Self::None];
}

// === impl GrantType ===

impl GrantType {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::AuthorizationCode, Self::RefreshToken, Self::ClientCredentials, Self::TokenExchange];

    /// The one of this wire name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name: serde::de::value::StrDeserializer<'_, serde::de::value::Error> = name.into_deserializer();
        Self::deserialize(name).ok()
    }
}

// === impl Client ===

impl Client {
    /// Whether an administrator who saw the other one would see no difference; secrets are not seen.
    #[must_use]
    pub fn is_still(&self, was: &Self) -> bool {
        self.registration == was.registration
            && self.disabled_at == was.disabled_at
            && self.created_at == was.created_at
    }

    /// In place of a secret's digest where the house itself keeps the client and nobody may show a secret: the digest of
    /// no text.
    pub const NO_SECRET: Digest = Digest([0; 32]);

    /// Whether the house made this client for its own gateway and keeps its registration in step with the routes.
    #[must_use]
    pub fn is_kept_by_the_house(&self) -> bool {
        self.secrets.iter().any(|secret| secret.digest == Self::NO_SECRET)
    }

    /// Whether the digest is that of one of the secrets. Every secret is compared, each in constant time.
    #[must_use]
    pub fn has_secret(&self, presented: &Digest) -> bool {
        self.secrets.iter().fold(false, |found, secret| found | secret.digest.matches(presented))
    }

    /// Whether the client may use a grant.
    #[must_use]
    pub fn may_use(&self, grant: GrantType) -> bool {
        self.registration.grants.contains(&grant)
    }

    /// Whether the client may ask for something beside tokens.
    #[must_use]
    pub fn can(&self, capability: Capability) -> bool {
        self.registration.capabilities.contains(&capability)
    }

    /// Whether it has no secret and never will.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.registration.auth == ClientAuth::None
    }
}

// === impl ClientSecret ===

impl fmt::Debug for ClientSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClientSecret(created_at: {})", self.created_at.0)
    }
}
