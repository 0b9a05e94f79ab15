//! The JWT guard: the client holds the JWT itself, verified here once and then remembered.

use std::sync::Arc;

use sekisho_guard::access::{AccessVerifier, VerifiedAccess};
use sekisho_token::credential::kind_of;
use sekisho_wire::{Reason, RequestId};

use crate::config::OnStale;
use crate::lease::{Lease, Standing};
use crate::realm::{Keys, Realm};
use crate::refusal::Refused;
use crate::server::StartError;
use crate::vouch::Vouchers;

/// The JWT guard of a route.
#[derive(Debug)]
pub(crate) struct Jwt {
    verifier: Arc<AccessVerifier>,
    freshness: Freshness,
    cookie: Box<str>,
}

/// Whether a JWT can be taken back before it expires.
#[derive(Debug)]
enum Freshness {
    /// `revocation: none`.
    UntilExpiry,
    /// `revocation: feed`.
    Lease(Lease, Arc<Vouchers>),
}

// === impl Jwt ===

impl Jwt {
    pub(crate) fn new(
        realm: &Arc<Realm>,
        audience: &[String],
        lease: Option<Lease>,
        cookie: Box<str>,
    ) -> Result<Self, StartError> {
        let (verifier, freshness) = match lease {
            None => (realm.verifier(audience, Keys::Jwks)?, Freshness::UntilExpiry),
            Some(lease) => {
                let vouchers = realm.vouchers().ok_or_else(|| StartError::NotFollowed(realm.name.clone()))?;
                (realm.verifier(audience, Keys::Feed)?, Freshness::Lease(lease, vouchers))
            }
        };
        Ok(Self { verifier, freshness, cookie })
    }

    pub(crate) fn cookie(&self) -> &str {
        &self.cookie
    }

    /// Who the token speaks for.
    pub(crate) async fn verify(&self, token: &str, request: RequestId) -> Result<Arc<VerifiedAccess>, Refused> {
        // One of our opaque credentials: it has its own routes.
        if kind_of(token).is_some() {
            return Err(Reason::MalformedCredential.into());
        }
        match &self.freshness {
            Freshness::UntilExpiry => Ok(self.verifier.verify(token).await?),
            Freshness::Lease(lease, vouchers) => {
                if lease.is_over(vouchers.follower()) {
                    self.verify_on_stale(token, (*lease, vouchers), request).await
                } else {
                    Ok(self.verifier.verify(token).await?)
                }
            }
        }
    }

    async fn verify_on_stale(
        &self,
        token: &str,
        (lease, vouchers): (Lease, &Arc<Vouchers>),
        request: RequestId,
    ) -> Result<Arc<VerifiedAccess>, Refused> {
        let standing = lease.standing(vouchers.follower())?;
        let mut verified = self.verifier.verify(token).await;
        let unknown_key = |refused: &sekisho_guard::Refused| refused.reason == Reason::UnknownKey;
        if verified.as_ref().is_err_and(unknown_key) {
            // Of a key that stale knowledge does not hold nobody can say that it does not exist.
            if lease.on_stale == OnStale::Deny || !vouchers.refresh(lease).await {
                return Err(Reason::KeysUnavailable.into());
            }
            verified = self.verifier.verify(token).await;
        }
        let access = verified?;
        if standing == Standing::Ask {
            // Nobody is asked about a token that was not verified.
            vouchers.vouch(token, access.digest(), lease, request).await?;
            return Ok(self.verifier.verify(token).await?);
        }
        Ok(access)
    }
}
