//! Reading back our own access tokens, JWT or opaque: what stands behind them, if anything still does.
//!
//! The answer is as fresh as the database: for a JWT the feed is settled first, for an opaque token the rows are read.
//!
//! Not here: whom the token was for; the asking endpoint knows whether that matters.

use std::sync::Arc;

use sekisho_guard::access::Refused;
use sekisho_model::opaque::Opaque;
use sekisho_token::credential::{Credential, Kind, kind_of};
use sekisho_token::jwt::{self, Audiences, Expect, Expiry, Limits, Unverified};
use sekisho_token::{Digest, KeyId, Secret, Timestamp};
use sekisho_wire::{AccessClaims, Reason, Unavailable};

use super::scope;
use crate::mint;
use crate::realms::RealmState;
use crate::room::Room;

/// A token of ours that lives.
#[derive(Debug)]
pub(crate) enum Own {
    Jwt(Box<AccessClaims>),
    Opaque(Box<Opaque>),
}

/// A JWT whose signature was checked, and by which key.
#[derive(Debug)]
pub(crate) struct ReadBack {
    claims: AccessClaims,
    kid: KeyId,
}

/// Why it does not, or nobody knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dead {
    Refused(Reason),
    Unavailable(Unavailable),
}

/// What a presented text is.
pub(crate) async fn read(room: &Room, realm: &RealmState, text: &str) -> Result<Own, Dead> {
    match kind_of(text) {
        Some(Kind::OpaqueToken) => Ok(Own::Opaque(Box::new(opaque(room, realm, text).await?))),
        Some(_) => Err(Dead::Refused(Reason::MalformedCredential)),
        None => Ok(Own::Jwt(Box::new(jwt(room, realm, text).await?))),
    }
}

/// An opaque token with a grant that lives.
pub(crate) async fn opaque(room: &Room, realm: &RealmState, text: &str) -> Result<Opaque, Dead> {
    let token = Credential::parse(Kind::OpaqueToken, text).map_err(|_| Dead::Refused(Reason::MalformedCredential))?;
    let now = room.now();
    let found = room.opaque(&realm.name, token.digest()).await?;
    let opaque = found.ok_or(Dead::Refused(Reason::UnknownToken))?;
    opaque.basis.check(now).map_err(Dead::Refused)?;
    Ok(opaque)
}

/// What a JWT for an opaque token says at this moment: what the token was issued with, as far as its client may still have
/// it and the person may still do it.
pub(crate) async fn inner(room: &Room, realm: &RealmState, opaque: &Opaque) -> Result<AccessClaims, Dead> {
    let basis = &opaque.basis;
    let found = room.client(&realm.name, &basis.grant.client).await?;
    let (_, client) = found.ok_or(Dead::Refused(Reason::ClientRevoked))?;
    let scopes = scope::remaining(&opaque.scopes, &client, &basis.user);
    let audiences = scope::services(&opaque.audiences, &client);
    if audiences.is_empty() {
        return Err(Dead::Refused(Reason::WrongAudience));
    }
    let mut claims = mint::of_person(room, realm, basis, scopes, audiences);
    claims.exp = opaque.expires_at;
    Ok(claims)
}

/// A JWT that nothing was taken back of.
pub(crate) async fn jwt(room: &Room, realm: &RealmState, text: &str) -> Result<AccessClaims, Dead> {
    let now = room.now();
    let read = verified(room, realm, text, now).map_err(Dead::Refused)?;
    room.hub.settle(&realm.name).await?;
    room.hub.fold(&realm.name).judge(&read.claims, &read.kid, now).map_err(Dead::Refused)?;
    Ok(read.claims.clone())
}

/// The signature is checked once for each text; what can change with time is looked at again, by the caller whether
/// anything was taken back, the key included.
fn verified(room: &Room, realm: &RealmState, text: &str, now: Timestamp) -> Result<Arc<ReadBack>, Reason> {
    let limits = Limits { token_bytes_max: room.settings.limits.token_bytes_max, ..Limits::default() };
    if text.len() > limits.token_bytes_max {
        return Err(Reason::MalformedCredential);
    }
    let digest = Digest::of(text.as_bytes());
    let of_realm = |read: &Arc<ReadBack>| read.claims.iss == realm.issuer;
    if let Some(read) = room.verified.get(&digest).filter(of_realm) {
        return in_time(&read, now).map(|()| read);
    }
    let expect = Expect::access_token(realm.issuer.as_str(), Audiences::unchecked());
    let ring = realm.ring();
    let token = Unverified::parse(text, &limits).map_err(reason)?;
    let token = token.verify::<AccessClaims>(&ring.at(now), &expect, now).map_err(reason)?;
    let read = Arc::new(ReadBack { kid: token.kid().clone(), claims: token.into_claims() });
    in_time(&read, now)?;
    room.verified.insert(digest, Arc::clone(&read));
    Ok(read)
}

/// No leeway: it was our own clock that the end was read from.
fn in_time(read: &ReadBack, now: Timestamp) -> Result<(), Reason> {
    if now < read.claims.exp { Ok(()) } else { Err(Reason::Expired) }
}

fn reason(refusal: jwt::Refusal) -> Reason {
    Refused::from(refusal).reason
}

/// The claims of an ID token of ours, expired or not: it proves nothing but who once signed in where.
pub(crate) fn id_token_hint(room: &Room, realm: &RealmState, text: &Secret<String>) -> Option<Hint> {
    let now = room.now();
    let expect = Expect::id_token(realm.issuer.as_str(), Audiences::unchecked()).expiry(Expiry::Ignored);
    let token = Unverified::parse(text.expose(), &Limits::default()).ok()?;
    let verified = token.verify::<Hint>(&realm.ring().at(now), &expect, now).ok()?;
    Some(verified.into_claims())
}

/// What an ID token says of whom it was for.
#[derive(Clone, Debug, serde::Deserialize)]
pub(crate) struct Hint {
    pub(crate) sub: sekisho_wire::Subject,
    pub(crate) aud: sekisho_wire::ClientId,
    pub(crate) sid: Option<sekisho_wire::SessionId>,
}

// === impl Dead ===

impl From<Unavailable> for Dead {
    fn from(unavailable: Unavailable) -> Self {
        Self::Unavailable(unavailable)
    }
}
