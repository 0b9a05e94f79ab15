//! `GET PREFIX/session`: who is signed in, until when, and the token that proves a change came from our own page.

use http::Response;
use sekisho_wire::{Reason, SessionId, Subject};
use serde::Serialize;

use super::{Visit, json};
use crate::body::Outgoing;
use crate::csrf;
use crate::guards::Guard;
use crate::refusal::Refused;

#[derive(Serialize)]
struct Status<'a> {
    sub: &'a Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    expires_at: i64,
    csrf: String,
}

pub(super) async fn status(visit: &mut Visit<'_>) -> Result<Response<Outgoing>, Refused> {
    let presented = visit.mount.guard.find(&visit.head.headers)?.ok_or(Reason::NoCredential)?;
    let (access, expires_at) = match &visit.mount.guard {
        Guard::Opaque(opaque) => {
            let swapped = opaque.swap(presented.text, visit.trail.id).await?;
            (swapped.access.clone(), swapped.opaque_expires_at)
        }
        Guard::Jwt(jwt) => {
            let access = jwt.verify(presented.text, visit.trail.id).await?;
            let expires_at = access.claims().exp;
            (access, expires_at)
        }
        Guard::Open => return Err(Reason::NoCredential.into()),
    };
    visit.trail.access = Some(access.clone());
    let caller = access.caller();
    Ok(json(&Status {
        sub: &caller.subject,
        sid: caller.session,
        expires_at: expires_at.0,
        csrf: csrf::token(presented.text),
    }))
}
