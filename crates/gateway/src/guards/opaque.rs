//! The opaque guard: the client holds a reference, and the upstream gets the JWT that it stands for.

use std::sync::Arc;

use sekisho_wire::{Reason, RequestId};

use crate::credential;
use crate::lease::Lease;
use crate::realm::{Keys, Realm};
use crate::refusal::Refused;
use crate::server::StartError;
use crate::swap::{Audience, Swapped, Swaps};

/// The opaque guard of a route.
#[derive(Debug)]
pub(crate) struct Opaque {
    realm: Arc<Realm>,
    swaps: Arc<Swaps>,
    audience: Audience,
    lease: Lease,
    cookie: Box<str>,
}

// === impl Opaque ===

impl Opaque {
    pub(crate) fn new(
        realm: &Arc<Realm>,
        audience: &[String],
        lease: Lease,
        cookie: Box<str>,
    ) -> Result<Self, StartError> {
        let swaps = realm.swaps().ok_or_else(|| StartError::NotFollowed(realm.name.clone()))?;
        let verifier = realm.verifier(audience, Keys::Feed)?;
        let audience = swaps.audience(audience, verifier);
        Ok(Self { realm: Arc::clone(realm), swaps, audience, lease, cookie })
    }

    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Whose tokens these are.
    pub(crate) fn realm(&self) -> &Arc<Realm> {
        &self.realm
    }

    /// What the token stands for.
    pub(crate) async fn swap(&self, token: &str, request: RequestId) -> Result<Arc<Swapped>, Refused> {
        // A JWT is never taken here, not even our own: whoever got hold of an inner one must not use it from outside.
        if credential::looks_like_jwt(token) {
            return Err(Reason::JwtOnOpaqueRoute.into());
        }
        self.swaps.of(token, &self.audience, self.lease, request).await
    }

    /// Forgets a token that was ended through this gateway.
    pub(crate) fn forget(&self, token: &str) {
        self.swaps.forget(token);
    }
}
