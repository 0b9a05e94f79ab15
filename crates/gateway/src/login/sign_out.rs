//! `POST PREFIX/logout`: a credential ends, and the sign-in behind it.

use std::sync::Arc;

use http::Response;
use sekisho_token::Secret;
use sekisho_wire::login::Revoke;

use super::{Visit, no_content, with_cookie};
use crate::body::Outgoing;
use crate::credential::{Carrier, Presented, in_cookie};
use crate::csrf;
use crate::guards::Guard;
use crate::refusal::Refused;

/// 204 once it has ended, also when there was nothing to end; a client that is told 503 keeps its cookie and may try
/// again, since the credential still works.
pub(super) async fn sign_out(visit: &Visit<'_>) -> Result<Response<Outgoing>, Refused> {
    let mount = visit.mount;
    if let Some(presented) = presented(visit)? {
        // Else any page could sign people out.
        csrf::check(visit.head, &presented, visit.site)?;
        // Where nothing of ours can end by this name, identity is not asked.
        if mount.guard.may_be_ours(presented.text) || presented.carrier == Carrier::RefreshCookie {
            end(visit, presented.text).await?;
        }
    }
    let response = with_cookie(no_content(), mount.cookie.clear())?;
    match &mount.refresh {
        Some(cookie) => with_cookie(response, cookie.clear()),
        None => Ok(response),
    }
}

/// The credential itself or, once that has expired, the one that would bring the next.
fn presented<'a>(visit: &Visit<'a>) -> Result<Option<Presented<'a>>, Refused> {
    let headers = &visit.head.headers;
    let found = visit.mount.guard.find(headers)?;
    let (None, Some(cookie)) = (found, &visit.mount.refresh) else { return Ok(found) };
    let refresh = in_cookie(headers, &cookie.name)?;
    Ok(refresh.map(|text| Presented { text, carrier: Carrier::RefreshCookie }))
}

async fn end(visit: &Visit<'_>, text: &str) -> Result<(), Refused> {
    let realm = &visit.mount.realm;
    let revoke = Revoke { realm: realm.name.clone(), token: Secret::from(text), request: visit.trail.id };
    let deadline = realm.deadline(visit.core.shared().limits.identity_deadline);
    let login = Arc::clone(&realm.ports.login);
    realm.calls.run(deadline, async move { login.revoke(revoke).await }).await??;
    if let Guard::Opaque(opaque) = &visit.mount.guard {
        opaque.forget(text);
    }
    // Identity in another process told its own readers. Whoever is told 204 must not get in by the next request here.
    realm.catch_up().await;
    Ok(())
}
