//! `POST PREFIX/login`: a name and a password become a cookie.

use std::sync::Arc;

use http::Response;
use http::header::USER_AGENT;
use hyper::body::Incoming;
use sekisho_wire::login::{Attempt, LoginError, Redeem, TokenForm, Tokens};
use sekisho_wire::{Login, Monotonic, Reason, SessionId, Subject};
use serde::Serialize;

use super::credentials::{self, Form, Typed};
use super::{Visit, json, with_cookie};
use crate::body::Outgoing;
use crate::config::{Delivery, Issues};
use crate::csrf::{self, Origin};
use crate::headers::cookies;
use crate::refusal::Refused;

/// The longest `User-Agent` that is passed on, in characters.
const USER_AGENT_CHARS_MAX: usize = 256;

#[derive(Serialize)]
struct InCookie {
    sub: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    expires_at: i64,
    csrf: String,
}

/// RFC 6749 §5.1, as far as it applies.
#[derive(Serialize)]
struct InBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
}

/// Where the token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handover {
    Cookie,
    Body,
}

pub(super) async fn sign_in(visit: &Visit<'_>, body: Incoming) -> Result<Response<Outgoing>, Refused> {
    let form = credentials::form(&visit.head.headers)?;
    same_site(visit, form)?;
    let handover = handover(visit)?;
    let typed = credentials::read(visit, form, body).await?;
    let tokens = tokens(visit, typed).await?;
    let shared = visit.core.shared();
    let now = shared.clock.wall();
    if handover == Handover::Body {
        return Ok(json(&InBody {
            access_token: tokens.access_token.expose(),
            token_type: "Bearer",
            expires_in: tokens.expires_at.seconds_since(now).max(0),
        }));
    }
    let response = json(&InCookie {
        csrf: csrf::token(tokens.access_token.expose()),
        expires_at: tokens.expires_at.0,
        sub: tokens.subject,
        sid: tokens.session,
    });
    let lifetime = (now, tokens.expires_at);
    // A fresh credential at each login, whatever cookie came along: nobody can fix one beforehand.
    with_cookie(response, cookies::set(visit.site.scheme, &visit.mount.cookie, &tokens.access_token, lifetime))
}

fn same_site(visit: &Visit<'_>, form: Form) -> Result<(), Refused> {
    let headers = &visit.head.headers;
    let allowed =
        visit.trail.origin.as_ref().is_some_and(|origin| visit.core.shared().table().origins.contains(origin));
    match (csrf::origin(headers, visit.site), form) {
        (Origin::Ours, _) | (Origin::Unknown, Form::Json) => Ok(()),
        // Its script was allowed to by a preflight.
        (Origin::Foreign, Form::Json) if allowed => Ok(()),
        (Origin::Foreign, Form::Json) | (Origin::Foreign | Origin::Unknown, Form::UrlEncoded) => {
            Err(Reason::CrossSite.into())
        }
    }
}

fn handover(visit: &Visit<'_>) -> Result<Handover, Refused> {
    let query = visit.head.uri.query().unwrap_or_default().as_bytes();
    let mut wanted = form_urlencoded::parse(query).filter(|(name, _)| name == "delivery").map(|(_, value)| value);
    match (wanted.next().as_deref(), wanted.next(), visit.mount.delivery) {
        (None | Some("cookie"), None, _) => Ok(Handover::Cookie),
        (Some("body"), None, Delivery::CookieOrBody) => Ok(Handover::Body),
        (_, _, _) => Err(Refused::from(Reason::BadLoginRequest).detail("this delivery is not offered here")),
    }
}

/// Two calls, one deadline.
async fn tokens(visit: &Visit<'_>, typed: Typed) -> Result<Tokens, Refused> {
    let limits = &visit.core.shared().limits;
    let deadline = visit.mount.realm.deadline(limits.login_deadline);
    let attempt = attempt(visit, typed);
    let code = call(visit, deadline, async move |login| login.challenge(attempt).await).await?;
    let redeem = Redeem {
        realm: visit.mount.realm.name.clone(),
        code,
        form: match visit.mount.issues {
            Issues::Opaque => TokenForm::Opaque,
            Issues::Jwt => TokenForm::Jwt,
        },
        audience: visit.mount.audience.clone(),
        token_bytes_max: limits.credential_bytes_max,
        request: visit.trail.id,
    };
    call(visit, deadline, async move |login| login.redeem(redeem).await).await
}

async fn call<T, F>(visit: &Visit<'_>, deadline: Monotonic, ask: impl FnOnce(Arc<dyn Login>) -> F) -> Result<T, Refused>
where
    T: Send + 'static,
    F: Future<Output = Result<T, LoginError>> + Send + 'static,
{
    let realm = &visit.mount.realm;
    Ok(realm.logins.run(deadline, ask(Arc::clone(&realm.ports.login))).await??)
}

fn attempt(visit: &Visit<'_>, typed: Typed) -> Attempt {
    let user_agent = visit.head.headers.get(USER_AGENT).and_then(|value| value.to_str().ok());
    Attempt {
        realm: visit.mount.realm.name.clone(),
        username: typed.username,
        password: typed.password,
        scope: None,
        address: Some(visit.trail.client),
        user_agent: user_agent.map(|text| text.chars().take(USER_AGENT_CHARS_MAX).collect()),
        request: visit.trail.id,
    }
}
