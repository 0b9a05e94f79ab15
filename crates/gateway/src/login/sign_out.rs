//! `POST PREFIX/logout`: a credential ends, and the sign-in behind it.

use std::sync::Arc;

use http::Response;
use sekisho_token::Secret;
use sekisho_wire::login::Revoke;

use super::{Visit, no_content, with_cookie};
use crate::body::Outgoing;
use crate::csrf;
use crate::guards::Guard;
use crate::headers::cookies;
use crate::refusal::Refused;

/// 204 once it has ended, also when there was nothing to end; a client that is told 503 keeps its cookie and may try
/// again, since the credential still works.
pub(super) async fn sign_out(visit: &Visit<'_>) -> Result<Response<Outgoing>, Refused> {
    let mount = visit.mount;
    if let Some(presented) = mount.guard.find(&visit.head.headers)? {
        // Else any page could sign people out.
        csrf::check(visit.head, &presented, visit.site)?;
        if !mount.guard.may_be_ours(presented.text) {
            // Nothing of ours can end by this name, so identity is not asked.
            return with_cookie(no_content(), cookies::clear(visit.site.scheme, &mount.cookie));
        }
        let revoke =
            Revoke { realm: mount.realm.name.clone(), token: Secret::from(presented.text), request: visit.trail.id };
        let deadline = mount.realm.deadline(visit.core.shared().limits.identity_deadline);
        let login = Arc::clone(&mount.realm.ports.login);
        mount.realm.calls.run(deadline, async move { login.revoke(revoke).await }).await??;
        if let Guard::Opaque(opaque) = &mount.guard {
            opaque.forget(presented.text);
        }
        // Identity in another process told its own readers. Whoever is told 204 must not get in by the next request here.
        mount.realm.catch_up().await;
    }
    with_cookie(no_content(), cookies::clear(visit.site.scheme, &mount.cookie))
}
