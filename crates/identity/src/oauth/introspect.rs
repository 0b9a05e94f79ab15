//! Introspection (RFC 7662): whether a token lives, and what it says, for those it was meant for.
//!
//! Anything that is not a living token for one of the asking client's audiences is the same `{"active": false}` (§2.2).

use sekisho_model::client::Capability;
use sekisho_wire::AccessClaims;

use super::Call;
use super::own::{self, Dead, Own};
use super::refusal::Refusal;

/// What is found.
pub(crate) async fn introspect(call: Call<'_>) -> Result<Option<AccessClaims>, Refusal> {
    call.known.demand(Capability::Introspect)?;
    if call.params.has_duplicates() {
        return Err(Refusal::request("a parameter stands more than once"));
    }
    let token = call.must("token", "token is missing")?;
    let audiences = &call.known.client.registration.audiences;
    let found = match own::read(call.room, call.realm, token).await {
        Ok(Own::Jwt(claims)) => Ok(*claims),
        Ok(Own::Opaque(opaque)) => own::inner(call.room, call.realm, &opaque).await.map(|mut claims| {
            claims.aud.retain(|name| audiences.contains(name));
            claims
        }),
        Err(dead) => Err(dead),
    };
    let claims = match found {
        Ok(claims) => claims,
        Err(Dead::Refused(_)) => return Ok(None),
        Err(Dead::Unavailable(unavailable)) => return Err(unavailable.into()),
    };
    let mine = claims.aud.iter().any(|name| audiences.contains(name));
    Ok(mine.then_some(claims))
}
