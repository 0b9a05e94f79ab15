//! Who may come in: a living access token of the administrators' realm, minted for the admin API, with the scope that the
//! route demands.
//!
//! The token is read back as any of ours is, so one that was revoked is refused from the moment the revocation was answered.
//! Not known: 401. Known and not permitted: 403. Nobody can tell at the moment: 503.

use axum::http::request::Parts;
use http::header::AUTHORIZATION;
use sekisho_wire::{AccessClaims, RealmName, Reason, Subject, Unavailable};

use super::problem::Problem;
use crate::admin::{AUDIENCE, READ, WRITE};
use crate::oauth::own::{self, Dead, Own};
use crate::room::Room;

/// What a token must permit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    Read,
    Write,
}

/// Why somebody stays outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shut {
    Refused(Reason),
    Unavailable(Unavailable),
}

// === impl Needs ===

impl Needs {
    pub(super) const fn scope(self) -> &'static str {
        match self {
            Self::Read => READ,
            Self::Write => WRITE,
        }
    }
}

/// Who asks.
pub(super) async fn administrator(room: &Room, needs: Needs, parts: &Parts) -> Result<Subject, Problem> {
    match known(room, parts).await {
        Ok(claims) if claims.scope.has(needs.scope()) => Ok(claims.sub),
        Ok(claims) => Err(Problem::forbidden(needs.scope(), claims.sub)),
        Err(Shut::Refused(reason)) => Err(Problem::unauthenticated(reason)),
        Err(Shut::Unavailable(unavailable)) => Err(Problem::unavailable(&unavailable)),
    }
}

async fn known(room: &Room, parts: &Parts) -> Result<AccessClaims, Shut> {
    let token = bearer(parts)?;
    let realm = room.realms.get(RealmName::SYSTEM).ok_or(Shut::Unavailable(Unavailable::of("keys")))?;
    let claims = match own::read(room, &realm, token).await? {
        Own::Jwt(claims) => *claims,
        Own::Opaque(opaque) => own::inner(room, &realm, &opaque).await?,
    };
    // A token for another service is not for this one, whatever its scopes are called.
    let for_us = claims.aud.iter().any(|audience| audience == AUDIENCE);
    if for_us { Ok(claims) } else { Err(Shut::Refused(Reason::WrongAudience)) }
}

/// RFC 6750 §2.1; two headers would be read by different readers differently.
fn bearer(parts: &Parts) -> Result<&str, Shut> {
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values.next().ok_or(Shut::Refused(Reason::NoCredential))?;
    let malformed = Shut::Refused(Reason::MalformedCredential);
    if values.next().is_some() {
        return Err(malformed);
    }
    let (scheme, token) = value.to_str().ok().and_then(|text| text.split_once(' ')).ok_or(malformed)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(malformed) }
}

// === impl Shut ===

impl From<Dead> for Shut {
    fn from(dead: Dead) -> Self {
        match dead {
            Dead::Refused(reason) => Self::Refused(reason),
            Dead::Unavailable(unavailable) => Self::Unavailable(unavailable),
        }
    }
}
