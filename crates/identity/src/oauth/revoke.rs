//! Revocation (RFC 7009): ends the grant behind any token of its family, and a first-party sign-in with it; a delegated token
//! alone.
//!
//! An unknown token is as good as revoked (§2.2). A token of another client is refused and lives on (§2.1). The answer
//! comes when every reader in this process has applied the revocation.

use sekisho_token::credential::{Credential, Kind, kind_of};
use sekisho_token::refresh;
use sekisho_wire::{AccessClaims, ClientId, GrantId};

use super::Call;
use super::own::{self, Dead};
use super::refusal::{Code, Fault, Refusal};
use crate::room::unavailable;

/// What there is to revoke.
enum Found {
    Grant(GrantId, ClientId),
    Alone(Box<AccessClaims>),
}

/// Ends a token.
pub(crate) async fn revoke(call: Call<'_>) -> Result<(), Refusal> {
    if call.params.has_duplicates() {
        return Err(Refusal::request("a parameter stands more than once"));
    }
    let token = call.must("token", "token is missing")?;
    let found = find(call, token).await?;
    match found {
        Some(Found::Grant(grant, client)) => {
            belongs(call, &client)?;
            call.room.store.revoke_grant(call.act(), grant).await.map_err(unavailable)?;
        }
        Some(Found::Alone(claims)) => {
            belongs(call, &claims.client_id)?;
            call.room.store.revoke_token(call.act(), claims.jti, claims.exp).await.map_err(unavailable)?;
        }
        // Perhaps another request revoked it a moment ago; that must be in force before this one is answered.
        None => {}
    }
    Ok(call.room.hub.settle(&call.realm.name).await?)
}

fn belongs(call: Call<'_>, client: &ClientId) -> Result<(), Refusal> {
    if *client == call.known.client.id {
        return Ok(());
    }
    Err(Fault::new(Code::UnauthorizedClient, "the token was issued to another client").into())
}

async fn find(call: Call<'_>, token: &str) -> Result<Option<Found>, Refusal> {
    match kind_of(token) {
        Some(Kind::OpaqueToken) => {
            let Ok(token) = Credential::parse(Kind::OpaqueToken, token) else { return Ok(None) };
            let opaque = call.room.opaque(&call.realm.name, token.digest()).await?;
            Ok(opaque.map(|opaque| Found::Grant(opaque.basis.grant.id, opaque.basis.grant.client)))
        }
        Some(Kind::Refresh) => {
            let Ok(token) = refresh::open(&call.realm.refresh_key, token) else { return Ok(None) };
            let basis = call.room.store.basis(&call.realm.name, GrantId(token.grant)).await.map_err(unavailable)?;
            Ok(basis.map(|basis| Found::Grant(basis.grant.id, basis.grant.client)))
        }
        Some(_) => Ok(None),
        None => match own::jwt(call.room, call.realm, token).await {
            Ok(claims) => of_jwt(call, claims).await.map(Some),
            Err(Dead::Refused(_)) => Ok(None),
            Err(Dead::Unavailable(unavailable)) => Err(unavailable.into()),
        },
    }
}

/// A JWT stands for its grant where its client is the grant's; what another client got by exchange ends alone.
async fn of_jwt(call: Call<'_>, claims: AccessClaims) -> Result<Found, Refusal> {
    if let Some(grant) = claims.grant {
        let basis = call.room.store.basis(&call.realm.name, grant).await.map_err(unavailable)?;
        if basis.is_some_and(|basis| basis.grant.client == claims.client_id) && claims.act.is_none() {
            return Ok(Found::Grant(grant, claims.client_id));
        }
    }
    Ok(Found::Alone(Box::new(claims)))
}
