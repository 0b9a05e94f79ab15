//! The client in whose name the command line makes tokens for administrators: how somebody who may open the admin socket
//! gets the first one. It has no secret that anybody could know, so nobody gets a token in its name over the network.

use sekisho_model::client::{
    AccessTokenForm, ClientAuth, Consent, CreateClientError, GrantType, NewClient, Pkce, Registration,
};
use sekisho_model::{Act, Client, StoreError};
use sekisho_wire::{ClientId, RealmName};

use crate::room::Room;

/// Its id, in the realm of the administrators.
pub const ID: &str = "command-line";

/// Makes the client, unless it is there.
pub(crate) async fn ensure(room: &Room) -> Result<(), StoreError> {
    let (Ok(realm), Ok(id)) = (RealmName::SYSTEM.parse::<RealmName>(), ID.parse::<ClientId>()) else { return Ok(()) };
    if room.store.client(&realm, &id).await?.is_some() {
        return Ok(());
    }
    let registration = Registration {
        name: "The command line".to_owned(),
        auth: ClientAuth::ClientSecretBasic,
        grants: vec![GrantType::ClientCredentials],
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        scopes: [super::READ, super::WRITE].into_iter().filter_map(|scope| scope.parse().ok()).collect(),
        audiences: vec![super::AUDIENCE.to_owned()],
        pkce: Pkce::Required,
        tokens: AccessTokenForm::Jwt,
        consent: Consent::Implied,
        capabilities: Vec::new(),
    };
    let client = NewClient { id, registration, secret: Some(Client::NO_SECRET) };
    match room.store.create_client(Act::by_house(realm, room.now()), client).await {
        // Another process of this house was faster.
        Ok(()) | Err(CreateClientError::Exists(_)) => Ok(()),
        Err(CreateClientError::Store(error)) => Err(error),
    }
}
