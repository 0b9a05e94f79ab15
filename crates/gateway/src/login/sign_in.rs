//! `POST PREFIX/login`: a name and a password become a credential.

use http::Response;
use http::header::USER_AGENT;
use hyper::body::Incoming;
use sekisho_wire::Reason;
use sekisho_wire::login::{Attempt, Redeem, Tokens};

use super::Visit;
use super::credentials::{self, Form, Typed};
use super::handover::Handover;
use crate::body::Outgoing;
use crate::csrf::{self, Origin};
use crate::refusal::Refused;

/// The longest `User-Agent` that is passed on, in characters.
const USER_AGENT_CHARS_MAX: usize = 256;

pub(super) async fn sign_in(visit: &Visit<'_>, body: Incoming) -> Result<Response<Outgoing>, Refused> {
    let form = credentials::form(&visit.head.headers)?;
    same_site(visit, form)?;
    let handover = Handover::wanted(visit)?;
    let typed = credentials::read(visit, form, body).await?;
    let tokens = tokens(visit, typed).await?;
    handover.answer(visit, tokens)
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

/// Two calls, one deadline.
async fn tokens(visit: &Visit<'_>, typed: Typed) -> Result<Tokens, Refused> {
    let limits = &visit.core.shared().limits;
    let deadline = visit.mount.realm.deadline(limits.login_deadline);
    let attempt = attempt(visit, typed);
    let code = visit.ask(deadline, async move |login| login.challenge(attempt).await).await?;
    let redeem = Redeem {
        realm: visit.mount.realm.name.clone(),
        code,
        form: visit.form(),
        audience: visit.mount.audience.clone(),
        token_bytes_max: limits.credential_bytes_max,
        request: visit.trail.id,
    };
    visit.ask(deadline, async move |login| login.redeem(redeem).await).await
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
