//! `POST PREFIX/refresh`: the next JWT, for whoever holds the refresh token that came with the last one.
//!
//! The refresh token stands in its cookie, or in a JSON body, `{"refresh_token": …}`; the answer is that of a login. What
//! a sign-in may last in all, and what becomes of a refresh token that is used twice, identity decides.
//!
//! Specs: RFC 6749 §6, RFC 9700 §4.14.

use http::Response;
use http::header::CONTENT_TYPE;
use hyper::body::Incoming;
use sekisho_token::Secret;
use sekisho_token::credential::{Kind, kind_of};
use sekisho_wire::Reason;
use sekisho_wire::login::{LoginError, Renew};

use super::handover::Handover;
use super::{Visit, credentials};
use crate::body::Outgoing;
use crate::credential::in_cookie;
use crate::csrf::{self, Origin};
use crate::refusal::Refused;

pub(super) async fn renew(visit: &Visit<'_>, body: Incoming) -> Result<Response<Outgoing>, Refused> {
    let handover = Handover::wanted(visit)?;
    let refresh_token = presented(visit, body).await?;
    // Nothing else can be one, so identity is not asked.
    if kind_of(refresh_token.expose()) != Some(Kind::Refresh) {
        return Err(Reason::MalformedCredential.into());
    }
    let renew = Renew {
        realm: visit.mount.realm.name.clone(),
        refresh_token,
        form: visit.form(),
        audience: visit.mount.audience.clone(),
        request: visit.trail.id,
    };
    let deadline = visit.mount.realm.deadline(visit.core.shared().limits.identity_deadline);
    let tokens = visit.ask(deadline, async move |login| {
        // Here it is the caller's credential that identity refuses, and not the operator's set-up.
        match login.renew(renew).await {
            Err(LoginError::Refused(_)) => Ok(None),
            renewed => renewed.map(Some),
        }
    });
    let tokens = tokens.await?.ok_or(Reason::UnknownToken)?;
    handover.answer(visit, tokens)
}

/// A body comes from a program; the cookie may be used by a page of ours alone.
async fn presented(visit: &Visit<'_>, body: Incoming) -> Result<Secret<String>, Refused> {
    if visit.head.headers.contains_key(CONTENT_TYPE) {
        return credentials::refresh_token(visit, body).await;
    }
    let cookie = visit.mount.refresh.as_ref().map(|cookie| in_cookie(&visit.head.headers, &cookie.name));
    let token = cookie.transpose()?.flatten().ok_or(Reason::NoCredential)?;
    match csrf::origin(&visit.head.headers, visit.site) {
        Origin::Ours => Ok(Secret::from(token)),
        Origin::Foreign | Origin::Unknown => Err(Reason::CrossSite.into()),
    }
}
