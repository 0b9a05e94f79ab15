//! The gateway's own client, where gateway and identity share a process: made at the first start, and kept in step with
//! the routes afterwards. It has no secret that anybody could know, because nobody has to present one.

use sekisho_gateway::config as gateway;
use sekisho_model::client::{
    AccessTokenForm, Capability, ClientAuth, Consent, CreateClientError, GrantType, NewClient, Pkce, Registration,
};
use sekisho_model::{Act, Client, Store, StoreError};
use sekisho_token::Timestamp;
use sekisho_wire::{ClientId, RealmName, Scope, Scopes};

/// Its id in every realm.
const ID: &str = "gateway";

/// The id of the gateway's own client.
#[expect(clippy::expect_used, reason = "a constant that reads as a client id")]
pub(super) fn id() -> ClientId {
    ID.parse().expect("a good client id")
}

/// Makes the client, or brings its registration in step with the routes.
pub(super) async fn ensure(
    store: &dyn Store,
    realm: &RealmName,
    config: &gateway::Gateway,
    now: Timestamp,
) -> Result<ClientId, StoreError> {
    let id = id();
    let registration = registration(realm, config);
    let act = Act::by_house(realm.clone(), now);
    match store.client(realm, &id).await? {
        Some((_, client)) if client.registration == registration => {}
        Some(_) => {
            store.update_client(act, id.clone(), registration).await?;
        }
        None => {
            let client = NewClient { id: id.clone(), registration, secret: Some(Client::NO_SECRET) };
            match store.create_client(act, client).await {
                Ok(()) | Err(CreateClientError::Exists(_)) => {}
                Err(CreateClientError::Store(error)) => return Err(error),
            }
        }
    }
    Ok(id)
}

fn registration(realm: &RealmName, config: &gateway::Gateway) -> Registration {
    let routes = config.routes.iter().filter(|route| route.realm == *realm);
    let mounts = config.login.iter().filter(|mount| mount.realm == *realm);
    let mut audiences: Vec<String> = routes.clone().flat_map(|route| route.audience.clone()).collect();
    audiences.extend(mounts.flat_map(|mount| mount.audience.clone()));
    audiences.sort_unstable();
    audiences.dedup();
    Registration {
        name: "Gateway".to_owned(),
        auth: ClientAuth::ClientSecretBasic,
        grants: vec![GrantType::AuthorizationCode, GrantType::RefreshToken, GrantType::TokenExchange],
        redirect_uris: Vec::new(),
        post_logout_redirect_uris: Vec::new(),
        scopes: routes.flat_map(|route| demanded(&route.scopes)).collect(),
        audiences,
        pkce: Pkce::Required,
        tokens: AccessTokenForm::Opaque,
        consent: Consent::Implied,
        capabilities: vec![Capability::ReadFeed, Capability::Introspect, Capability::Swap, Capability::FirstPartyLogin],
    }
}

fn demanded(demand: &gateway::Demand) -> Vec<Scope> {
    let rules = std::iter::once(&demand.always).chain(demand.methods.values());
    let scopes = rules.flat_map(|rule| [&rule.any, &rule.all]).flat_map(Scopes::iter);
    scopes.cloned().collect()
}
