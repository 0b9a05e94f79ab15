//! Clients. A secret is told once, by the answer to the request that made it.

use http::Method;
use schemars::JsonSchema;
use sekisho_model::Client;
use sekisho_model::client::Registration;
use sekisho_wire::ClientId;
use serde::{Deserialize, Serialize};

use super::answer::{Done, Listed, Made, Seen, Shown};
use super::call::{Call, Json, NoQuery, Nothing, Paging};
use super::problem::Problem;
use super::table::{Route, route};

/// An OAuth client.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Client")]
struct ClientShown {
    /// Its `client_id`, unique in the realm.
    id: String,
    /// What it may do and how.
    registration: Registration,
    /// When its secrets were made, newest first, in seconds since 1970 in UTC; both count.
    secrets_made_at: Vec<i64>,
    /// Whether the house made it for itself; such a client cannot be changed.
    of_the_house: bool,
    /// When it was made, in seconds since 1970 in UTC.
    created_at: i64,
    /// Since when it may do nothing; null while it may.
    disabled_at: Option<i64>,
}

/// A client to be made.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct NewClient {
    /// Its `client_id`: 1 to 100 letters, digits, `.`, `_` or `-`.
    #[schemars(with = "String")]
    id: ClientId,
    /// What it may do and how.
    registration: Registration,
}

/// A new client, and its secret.
#[derive(Serialize, JsonSchema)]
struct MadeClient {
    /// The client.
    client: ClientShown,
    /// Its secret, told this once; absent for a public client.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<String>,
}

/// A new secret.
#[derive(Serialize, JsonSchema)]
struct MadeSecret {
    /// Told this once. The one before counts until the next is made.
    secret: String,
}

pub(super) fn routes() -> Vec<Route> {
    const CLIENTS: &str = "/realms/{realm}/clients";
    const CLIENT: &str = "/realms/{realm}/clients/{client}";
    vec![
        route((Method::GET, CLIENTS), "listClients", "List clients by id", list),
        route((Method::POST, CLIENTS), "createClient", "Make a client", create),
        route((Method::GET, CLIENT), "getClient", "Look at a client", get),
        route((Method::PUT, CLIENT), "replaceClient", "Replace what a client may do", replace).guarded(),
        route(
            (Method::DELETE, CLIENT),
            "deleteClient",
            "Remove a client and take back everything minted for it",
            delete,
        )
        .guarded(),
        route(
            (Method::POST, "/realms/{realm}/clients/{client}/disable"),
            "disableClient",
            "Let a client do nothing more, and take back everything minted for it",
            disable,
        ),
        route(
            (Method::POST, "/realms/{realm}/clients/{client}/enable"),
            "enableClient",
            "Let a client act again",
            enable,
        ),
        route(
            (Method::POST, "/realms/{realm}/clients/{client}/secrets"),
            "addSecret",
            "Add a secret to a client; the newest two count",
            add_secret,
        )
        .guarded(),
    ]
}

async fn list(call: Call<Paging, Nothing>) -> Result<Listed<ClientShown>, Problem> {
    let (realm, after) = (call.realm()?, call.query.key::<ClientId>()?);
    Ok(Listed::of(call.admin.clients(&realm, after.as_ref(), call.query.limit.0).await?, ClientShown::of))
}

async fn create(call: Call<NoQuery, Json<NewClient>>) -> Result<Made<MadeClient>, Problem> {
    let realm = call.realm()?;
    let NewClient { id, registration } = call.body.0;
    let made = call.admin.create_client(&realm, id.clone(), registration).await;
    let secret = made.map_err(|error| Problem::from(error).within("/registration"))?;
    let client = ClientShown::of(call.admin.client(&realm, &id).await?);
    let secret = secret.map(|secret| secret.expose().clone());
    Ok(Made { place: id.to_string(), what: MadeClient { client, secret } })
}

async fn get(call: Call<NoQuery, Nothing>) -> Result<Seen<ClientShown>, Problem> {
    Ok(Seen(ClientShown::of(call.admin.client(&call.realm()?, &call.client()?).await?)))
}

async fn replace(call: Call<NoQuery, Json<Registration>>) -> Result<Seen<ClientShown>, Problem> {
    let realm = call.realm()?;
    let was = call.admin.client(&realm, &call.client()?).await?;
    call.demand_seen(&ClientShown::of(was.clone()))?;
    Ok(Seen(ClientShown::of(call.admin.change_client(&realm, was, call.body.0).await?)))
}

async fn delete(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    let realm = call.realm()?;
    let was = call.admin.client(&realm, &call.client()?).await?;
    call.demand_seen(&ClientShown::of(was.clone()))?;
    call.admin.delete_client(&realm, was).await?;
    Ok(Done)
}

async fn disable(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.disable_client(&call.realm()?, &call.client()?).await?;
    Ok(Done)
}

async fn enable(call: Call<NoQuery, Nothing>) -> Result<Done, Problem> {
    call.admin.enable_client(&call.realm()?, &call.client()?).await?;
    Ok(Done)
}

async fn add_secret(call: Call<NoQuery, Nothing>) -> Result<Shown<MadeSecret>, Problem> {
    let realm = call.realm()?;
    let was = call.admin.client(&realm, &call.client()?).await?;
    call.demand_seen(&ClientShown::of(was.clone()))?;
    let secret = call.admin.rotate_client_secret(&realm, was).await?;
    Ok(Shown(MadeSecret { secret: secret.expose().clone() }))
}

// === impl ClientShown ===

impl ClientShown {
    fn of(client: Client) -> Self {
        let of_the_house = client.is_kept_by_the_house();
        let secrets = if of_the_house { &[] } else { client.secrets.as_slice() };
        Self {
            id: client.id.to_string(),
            secrets_made_at: secrets.iter().map(|secret| secret.created_at.0).collect(),
            of_the_house,
            registration: client.registration,
            created_at: client.created_at.0,
            disabled_at: client.disabled_at.map(|at| at.0),
        }
    }
}
