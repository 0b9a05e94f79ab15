//! The guards: from a request to an [`Admitted`], by the rule of its route.
//!
//! | guard | credential | what the upstream gets |
//! |---|---|---|
//! | [`Guard::Open`] | nobody's business | what the client sent, without the house's credentials |
//! | [`opaque`] | an opaque token, in a cookie or as a bearer | the JWT that it stands for |
//! | [`jwt`] | a JWT, in a cookie or as a bearer | the same JWT |
//!
//! Not here: what an admitted caller may do (`permit`).

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue};
use sekisho_guard::access::VerifiedAccess;
use sekisho_token::credential::{Credential, Kind};
use sekisho_wire::{Reason, RequestId};

use crate::credential::{self, Presented};
use crate::csrf::{self, Site};
use crate::refusal::Refused;

mod jwt;
mod opaque;

pub(crate) use jwt::Jwt;
pub(crate) use opaque::Opaque;

/// How callers of a route prove who they are.
#[derive(Debug)]
pub(crate) enum Guard {
    Open,
    Opaque(Opaque),
    Jwt(Jwt),
}

/// Somebody whom the route's guard let in: known, unless the route is open.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(super) access: Option<Arc<VerifiedAccess>>,
    pub(super) proof: Proof,
}

/// What proves to the upstream who calls.
#[derive(Clone, Debug)]
pub(crate) enum Proof {
    /// Nothing of ours: what the client sent is between the two of them.
    Theirs,
    /// `Bearer <JWT>`.
    Bearer(HeaderValue),
}

// === impl Guard ===

impl Guard {
    /// Lets a request in, or says why not.
    pub(crate) async fn admit(&self, head: &Parts, site: Site<'_>, request: RequestId) -> Result<Admitted, Refused> {
        match self {
            Self::Open => Ok(Admitted { access: None, proof: Proof::Theirs }),
            Self::Opaque(opaque) => {
                let presented = presented(head, opaque.cookie(), site)?;
                let swapped = opaque.swap(presented.text, request).await?;
                let proof = Proof::Bearer(swapped.bearer.clone());
                Ok(Admitted { access: Some(Arc::clone(&swapped.access)), proof })
            }
            Self::Jwt(jwt) => {
                let presented = presented(head, jwt.cookie(), site)?;
                let access = jwt.verify(presented.text, request).await?;
                let proof = Proof::Bearer(presented.to_header(&head.headers)?);
                Ok(Admitted { access: Some(access), proof })
            }
        }
    }

    /// The credential that this guard would look at.
    pub(crate) fn find<'a>(&self, headers: &'a HeaderMap) -> Result<Option<Presented<'a>>, Refused> {
        match self {
            Self::Open => Ok(None),
            Self::Opaque(opaque) => credential::find(headers, opaque.cookie()),
            Self::Jwt(jwt) => credential::find(headers, jwt.cookie()),
        }
    }

    /// Whether a text has the form of what this guard takes.
    pub(crate) fn may_be_ours(&self, text: &str) -> bool {
        match self {
            Self::Open => false,
            Self::Opaque(_) => Credential::parse(Kind::OpaqueToken, text).is_ok(),
            Self::Jwt(_) => credential::looks_like_jwt(text),
        }
    }
}

// === impl Admitted ===

impl Admitted {
    /// Who calls; nobody knows on an open route.
    pub(crate) fn access(&self) -> Option<&Arc<VerifiedAccess>> {
        self.access.as_ref()
    }
}

/// The one credential of a request, and for a change that a cookie vouches for, proof that our own page sent it.
fn presented<'a>(head: &'a Parts, cookie: &str, site: Site<'_>) -> Result<Presented<'a>, Refused> {
    let presented = credential::find(&head.headers, cookie)?.ok_or(Reason::NoCredential)?;
    csrf::check(head, &presented, site)?;
    Ok(presented)
}
