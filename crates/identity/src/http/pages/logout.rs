//! Signing out, asked for by a client or by the person.
//!
//! Specs: OpenID Connect RP-Initiated Logout 1.0 §2 (`ui_locales` included). Not here: what a request asks for
//! (`oauth::logout`).

use axum::extract::RawQuery;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use http::header::SET_COOKIE;
use sekisho_wire::Unavailable;

use super::super::cookies::{self, SSO};
use super::super::request::Asked;
use super::{Frame, Reader, Tone, form_token, signed_in};
use crate::oauth::discovery::Endpoint;
use crate::oauth::logout::{self, Wrong};
use crate::oauth::params::Params;

/// What a form token of this page is for.
const PURPOSE: &str = "logout";

#[derive(askama::Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    frame: Frame<'a>,
    means: String,
    token: &'a str,
    leads_back: bool,
    query: &'a str,
}

/// Whether the person pressed the button.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirmed {
    Yes,
    No,
}

/// GET `/oauth2/logout`: asks, and changes nothing; an image in somebody's page must not log anybody out.
pub(in crate::http) async fn ask(asked: Asked, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let Ok(params) = Params::parse(query.as_bytes()) else {
        let reader = Reader::new(&asked, None);
        return reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_request);
    };
    answered(&asked, &params, &query, Confirmed::No).await
}

/// POST `/oauth2/logout`: from our own page with its token, or from a client.
pub(in crate::http) async fn log_out(asked: Asked, body: Bytes) -> Response {
    let Ok(params) = asked.form(None, &body) else {
        let reader = Reader::new(&asked, None);
        return reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_form);
    };
    if params.one("token").is_none() {
        return Reader::of(&asked, &params).by_get(Endpoint::Logout, &body);
    }
    let query = params.one("query").unwrap_or_default();
    let first = Params::parse(query.as_bytes());
    let reader = Reader::of(&asked, first.as_ref().unwrap_or(&params));
    if let Err(says) = reader.own_form(&params, PURPOSE) {
        return reader.message(StatusCode::FORBIDDEN, says);
    }
    match &first {
        Ok(first) => answered(&asked, first, query, Confirmed::Yes).await,
        Err(_) => reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_request),
    }
}

async fn answered(asked: &Asked, params: &Params, query: &str, confirmed: Confirmed) -> Response {
    let reader = Reader::of(asked, params);
    log_out_with(&reader, params, query, confirmed).await.unwrap_or_else(|error| reader.later(&error))
}

async fn log_out_with(
    reader: &Reader<'_>,
    params: &Params,
    query: &str,
    confirmed: Confirmed,
) -> Result<Response, Unavailable> {
    let (asked, fault) = (reader.asked, &reader.words.fault);
    let signed_in = signed_in(asked).await?;
    let session = signed_in.as_ref().map(|(session, _)| session);
    let wanted = match logout::asked(&asked.room, &asked.realm, params, session).await {
        Ok(wanted) => wanted,
        Err(Wrong::Redirect) => return Ok(reader.message(StatusCode::BAD_REQUEST, fault.unregistered_sign_out)),
        Err(Wrong::Duplicate) => return Ok(reader.message(StatusCode::BAD_REQUEST, fault.duplicate)),
        Err(Wrong::Unavailable(error)) => return Err(error),
    };
    let Some((session, user)) = signed_in else { return Ok(gone(reader, wanted.back.as_deref())) };
    if confirmed == Confirmed::No && !wanted.vouched {
        let words = &reader.words.sign_out;
        let page = LogoutPage {
            // A request by POST cannot be opened again, and one that names a language has said it.
            frame: reader.frame(words.title, Tone::Plain, None),
            means: (words.means)(user.name.as_str()),
            token: &form_token(asked, PURPOSE),
            leads_back: wanted.back.is_some(),
            query,
        };
        return Ok(reader.page(StatusCode::OK, &page));
    }
    logout::end(&asked.room, &asked.realm, &session, &asked.origin).await?;
    Ok(without_cookie(asked, gone(reader, wanted.back.as_deref())))
}

/// Says that nobody is signed in, or goes back to who asked.
pub(super) fn gone(reader: &Reader<'_>, back: Option<&str>) -> Response {
    match back {
        Some(back) => reader.see_other(back),
        None => {
            reader.message_with(StatusCode::OK, reader.words.sign_out.signed_out, Some(reader.address("/account", &[])))
        }
    }
}

/// Takes the sign-in's cookie away.
pub(super) fn without_cookie(asked: &Asked, mut response: Response) -> Response {
    if let Some(cookie) = cookies::clear(asked, SSO) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}
