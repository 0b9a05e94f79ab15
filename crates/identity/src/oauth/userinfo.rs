//! Who is signed in, for a client with `openid` (OpenID Connect Core §5.3).

use sekisho_wire::Reason;
use serde_json::{Map, Value};

use super::own::{self, Dead, Own};
use super::refusal::{BearerFault, Refusal};
use super::scope;
use crate::mint::Person;
use crate::realms::RealmState;
use crate::room::{Room, unavailable};

/// The claims that the token's scopes show.
pub(crate) async fn userinfo(room: &Room, realm: &RealmState, token: &str) -> Result<Map<String, Value>, Refusal> {
    let dead = |reason| Refusal::Bearer(BearerFault::Invalid(reason));
    let (basis, scopes) = match own::read(room, realm, token).await {
        Ok(Own::Opaque(opaque)) => {
            let client = room.client(&realm.name, &opaque.basis.grant.client).await?;
            let (_, client) = client.ok_or(dead(Reason::ClientRevoked))?;
            let scopes = scope::remaining(&opaque.basis.grant.scopes, &client, &opaque.basis.user);
            (opaque.basis, scopes)
        }
        Ok(Own::Jwt(claims)) => {
            // A client's own token stands for no person.
            let grant = claims.grant.ok_or(Refusal::Bearer(BearerFault::Scope("openid")))?;
            let basis = room.store.basis(&realm.name, grant).await.map_err(unavailable)?;
            let basis = basis.ok_or(dead(Reason::GrantRevoked))?;
            basis.check(room.now()).map_err(dead)?;
            (basis, claims.scope)
        }
        Err(Dead::Refused(reason)) => return Err(dead(reason)),
        Err(Dead::Unavailable(unavailable)) => return Err(unavailable.into()),
    };
    if !scopes.has("openid") {
        return Err(BearerFault::Scope("openid").into());
    }
    let shown = serde_json::to_value(Person::shown(&basis.user, &scopes)).unwrap_or_default();
    let mut claims = match shown {
        Value::Object(claims) => claims,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    };
    claims.insert("sub".to_owned(), Value::String(basis.user.id.to_string()));
    Ok(claims)
}
