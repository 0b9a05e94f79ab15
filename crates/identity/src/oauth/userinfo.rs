//! Who is signed in, for a client with `openid` (OpenID Connect Core §5.3).

use sekisho_model::grant::Basis;
use sekisho_wire::{Reason, Scopes};
use serde_json::{Map, Value};

use super::own::{self, Dead, Own};
use super::refusal::{BearerFault, Refusal};
use crate::mint::Person;
use crate::realms::RealmState;
use crate::room::{Room, unavailable};

/// The claims that the token's scopes show.
pub(crate) async fn userinfo(room: &Room, realm: &RealmState, token: &str) -> Result<Map<String, Value>, Refusal> {
    let (basis, scopes) = match person(room, realm, token).await {
        Ok(Some(found)) => found,
        // A client's own token stands for no person.
        Ok(None) => return Err(BearerFault::Scope("openid").into()),
        Err(Dead::Refused(reason)) => return Err(BearerFault::Invalid(reason).into()),
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

/// Who is behind a token, and what it shows of them.
async fn person(room: &Room, realm: &RealmState, token: &str) -> Result<Option<(Basis, Scopes)>, Dead> {
    let claims = match own::read(room, realm, token).await? {
        Own::Opaque(opaque) => {
            let scopes = own::inner(room, realm, &opaque).await?.scope;
            return Ok(Some((opaque.basis, scopes)));
        }
        Own::Jwt(claims) => *claims,
    };
    // What a service got for calling the next one is not for asking about people.
    if claims.act.is_some() {
        return Err(Dead::Refused(Reason::WrongAudience));
    }
    let Some(grant) = claims.grant else { return Ok(None) };
    let basis = room.store.basis(&realm.name, grant).await.map_err(unavailable)?;
    let basis = basis.ok_or(Dead::Refused(Reason::GrantRevoked))?;
    basis.check(room.now()).map_err(Dead::Refused)?;
    Ok(Some((basis, claims.scope)))
}
