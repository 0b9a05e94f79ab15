//! Signing in: the authorization request comes in, the password page goes out, the dispatcher says what is next.
//!
//! Specs: OpenID Connect Core §3.1.2.1 (`prompt`, `ui_locales`), RFC 9700 §4.11 (answers to forms are 303).

use axum::extract::RawQuery;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderValue, Method, StatusCode};
use sekisho_model::flow::{AccountPage, Request};
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::{Digest, Secret};
use sekisho_wire::Unavailable;

use super::super::cookies::{self, BROWSER, SSO};
use super::super::request::Asked;
use super::{Frame, Reader, Tone, account, consent, form_token, query_of, signed_in};
use crate::flow::{self, Destination, StartError, Step, Stored};
use crate::oauth::authorize::{self, Reject};
use crate::oauth::discovery::Endpoint;
use crate::oauth::params::Params;
use crate::signin::SignInError;

#[derive(askama::Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    frame: Frame<'a>,
    purpose: String,
    flow: &'a str,
    token: &'a str,
    ui_locales: &'a str,
    name: &'a str,
    wrong: Option<&'a str>,
    /// Whether a client waits for a no.
    cancellable: bool,
}

/// GET `/oauth2/authorize`. HEAD would do all the work of it and show nothing.
pub(in crate::http) async fn authorize(asked: Asked, method: Method, RawQuery(query): RawQuery) -> Response {
    if method == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Ok(params) = Params::parse(query.unwrap_or_default().as_bytes()) else {
        let reader = Reader::new(&asked, None);
        return reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_request);
    };
    let reader = Reader::of(&asked, &params);
    let begun = match authorize::begin(&asked.room, &asked.realm, &params).await {
        Ok(begun) => begun,
        Err(Reject::Show(why)) => return reader.message(StatusCode::BAD_REQUEST, reader.words.fault.of(why)),
        Err(Reject::SendBack(reply, fault)) => return reader.see_other(&reply.with_fault(&asked.realm, fault)),
        Err(Reject::Unavailable(error)) => return reader.later(&error),
    };
    let answered =
        if begun.silent { silently(&reader, begun).await } else { begin(&reader, begun.request.into()).await };
    answered.unwrap_or_else(|error| reader.later(&error))
}

/// POST `/oauth2/authorize` (OpenID Connect Core §3.1.2.1): the same by GET.
pub(in crate::http) async fn authorize_by_form(asked: Asked, body: Bytes) -> Response {
    let params = asked.form(None, &body);
    let reader = Reader::of(&asked, params.as_ref().unwrap_or(&Params::default()));
    match params {
        Ok(_) => reader.by_get(Endpoint::Authorize, &body),
        Err(_) => reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_request),
    }
}

/// Keeps a request and sends the person to the sign-in page.
pub(super) async fn begin(reader: &Reader<'_>, request: Request) -> Result<Response, Unavailable> {
    let asked = reader.asked;
    let (browser, cookie) = browser(asked);
    let (flow, id) = flow::draft(&asked.room, &asked.realm, request, browser);
    match flow::start(&asked.room, &asked.realm, flow, &asked.origin).await {
        Ok(()) => {}
        Err(StartError::Throttled(throttled)) => {
            let says = (reader.words.sign_in.wait)(throttled.retry_after_s);
            let mut response = reader.message(StatusCode::TOO_MANY_REQUESTS, &says);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(throttled.retry_after_s));
            return Ok(response);
        }
        Err(StartError::Unavailable(error)) => return Err(error),
    }
    // What `ui_locales` said is in the flow.
    let mut response = reader.see_other(&format!("{}/login?flow={}", asked.realm.issuer, id.expose()));
    if let Some(cookie) = cookie {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

/// OpenID Connect Core §3.1.2.1, `prompt=none`: at once or not at all, and nothing is kept.
async fn silently(reader: &Reader<'_>, begun: authorize::Begun) -> Result<Response, Unavailable> {
    let asked = reader.asked;
    let (room, realm) = (&asked.room, &asked.realm);
    let reply = authorize::Reply::to(&begun.request);
    let (flow, _) = flow::draft(room, realm, begun.request.into(), Digest([0; 32]));
    let stale = || reader.message(StatusCode::BAD_REQUEST, reader.words.fault.stale);
    let Some(stored) = flow::at_once(room, realm, flow, signed_in(asked).await?).await? else { return Ok(stale()) };
    if let Some(fault) = flow::silent(&stored, room.now()) {
        return Ok(reader.see_other(&reply.with_fault(realm, fault)));
    }
    let address = flow::reply(room, realm, &stored, &asked.origin).await?;
    Ok(address.map_or_else(stale, |address| reader.see_other(&address)))
}

/// The browser that a flow will belong to, and the cookie to set when it has none yet.
fn browser(asked: &Asked) -> (Digest, Option<HeaderValue>) {
    if let Some(known) = cookies::read(asked, BROWSER, Kind::Flow) {
        return (known, None);
    }
    let fresh = Credential::mint(Kind::Flow, &*asked.room.entropy);
    (fresh.digest(), cookies::set(asked, BROWSER, &fresh.into_secret()))
}

/// GET `/login`.
pub(in crate::http) async fn show(asked: Asked, method: Method, RawQuery(query): RawQuery) -> Response {
    if method == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let params = query_of(query);
    let id = params.one("flow").unwrap_or_default();
    let mut reader = Reader::of(&asked, &params);
    let shown = async {
        match stored(&asked, id).await? {
            Some(stored) => {
                reader = reader_of(&asked, &params, &stored);
                on(&reader, &stored, id).await
            }
            None => Ok(reader.message(StatusCode::BAD_REQUEST, reader.words.fault.stale)),
        }
    }
    .await;
    shown.unwrap_or_else(|error| reader.later(&error))
}

/// POST `/login`: what a person filled in.
pub(in crate::http) async fn submit(asked: Asked, body: Bytes) -> Response {
    let Ok(params) = asked.form(None, &body) else {
        let reader = Reader::new(&asked, None);
        return reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_form);
    };
    let id = params.one("flow").unwrap_or_default();
    let mut reader = Reader::of(&asked, &params);
    let answered = async {
        let Some(stored) = stored(&asked, id).await? else {
            return Ok(reader.message(StatusCode::BAD_REQUEST, reader.words.fault.stale));
        };
        reader = reader_of(&asked, &params, &stored);
        let step = stored.next(asked.room.now());
        let of = |step| reader.own_form(&params, &purpose(step, id));
        match of(step) {
            Ok(()) => take(&reader, stored, (id, step), &params).await,
            // A form of a step that is over, or not yet there: what it says was not asked. A password is no consent.
            Err(_) if of(Step::Password).is_ok() || of(Step::Consent).is_ok() => {
                Ok(reader.see_other(&reader.address("/login", &[("flow", id)])))
            }
            Err(says) => Ok(reader.message(StatusCode::FORBIDDEN, says)),
        }
    }
    .await;
    answered.unwrap_or_else(|error| reader.later(&error))
}

/// The page's own parameter goes before what the flow began with, so that a person can change the language.
fn reader_of<'a>(asked: &'a Asked, params: &Params, stored: &Stored) -> Reader<'a> {
    Reader::new(asked, params.one("ui_locales").or(stored.flow.request.ui_locales()))
}

/// What the form of a step is for.
pub(super) fn purpose(step: Step, flow: &str) -> String {
    match step {
        Step::Password => format!("password {flow}"),
        Step::Consent | Step::Done => format!("consent {flow}"),
    }
}

async fn take(
    reader: &Reader<'_>,
    mut stored: Stored,
    (id, step): (&str, Step),
    params: &Params,
) -> Result<Response, Unavailable> {
    let asked = reader.asked;
    let (room, realm) = (&asked.room, &asked.realm);
    if params.one("cancel").is_some() {
        return Ok(match flow::cancel(room, realm, &stored, &asked.origin).await? {
            Some(address) => reader.see_other(&address),
            None => reader.message(StatusCode::OK, reader.words.sign_in.cancelled),
        });
    }
    match step {
        Step::Password => {
            let name = params.one("username").unwrap_or_default();
            let password = Secret::from(params.one("password").unwrap_or_default());
            match flow::password(room, realm, &mut stored, (name, &password), &asked.origin).await {
                Ok(cookie) => {
                    let mut response = on_or_next(reader, &stored, id).await?;
                    if let Some(cookie) = cookies::set(asked, SSO, &cookie) {
                        response.headers_mut().append(SET_COOKIE, cookie);
                    }
                    Ok(response)
                }
                Err(error) => password_failed(reader, &stored, (id, name), error),
            }
        }
        Step::Consent => {
            flow::consent(room, realm, &mut stored, &asked.origin).await?;
            on_or_next(reader, &stored, id).await
        }
        Step::Done => on(reader, &stored, id).await,
    }
}

fn password_failed(
    reader: &Reader<'_>,
    stored: &Stored,
    who: (&str, &str),
    error: SignInError,
) -> Result<Response, Unavailable> {
    let words = &reader.words.sign_in;
    match error {
        SignInError::WrongCredentials | SignInError::TooLong { .. } => {
            Ok(password_page(reader, stored, who, Some((StatusCode::UNAUTHORIZED, words.wrong))))
        }
        SignInError::Throttled(throttled) => {
            let says = (words.wait)(throttled.retry_after_s);
            let mut response = password_page(reader, stored, who, Some((StatusCode::TOO_MANY_REQUESTS, says.as_str())));
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(throttled.retry_after_s));
            Ok(response)
        }
        SignInError::Unavailable(error) => Err(error),
    }
}

/// After a form: to the next page by redirect, so that reloading it sends nothing.
async fn on_or_next(reader: &Reader<'_>, stored: &Stored, id: &str) -> Result<Response, Unavailable> {
    match stored.next(reader.asked.room.now()) {
        Step::Done => on(reader, stored, id).await,
        Step::Password | Step::Consent => Ok(reader.see_other(&reader.address("/login", &[("flow", id)]))),
    }
}

/// The page of the step that comes next, or the way back to who asked.
async fn on(reader: &Reader<'_>, stored: &Stored, id: &str) -> Result<Response, Unavailable> {
    let asked = reader.asked;
    match stored.next(asked.room.now()) {
        Step::Password => {
            let name = stored.flow.request.login_hint().unwrap_or_default();
            Ok(password_page(reader, stored, (id, name), None))
        }
        Step::Consent => Ok(consent::page(reader, stored, id)),
        Step::Done => Ok(match flow::finish(&asked.room, &asked.realm, stored, &asked.origin).await? {
            Some(Destination::Client(address)) => reader.see_other(&address),
            Some(Destination::Account(page)) => reader.see_other(&reader.address(account::path(page), &[])),
            None => reader.message(StatusCode::BAD_REQUEST, reader.words.fault.stale),
        }),
    }
}

/// Where a sign-in page can be opened again.
pub(super) fn address(reader: &Reader<'_>, id: &str) -> String {
    format!("{}/login?flow={id}", reader.asked.realm.issuer)
}

fn password_page(
    reader: &Reader<'_>,
    stored: &Stored,
    (id, name): (&str, &str),
    wrong: Option<(StatusCode, &str)>,
) -> Response {
    let words = &reader.words.sign_in;
    let purpose = match (&stored.flow.request, &stored.client) {
        (Request::Authorization(_), Some(client)) => (words.to_continue)(&client.registration.name),
        (Request::Account(request), _) if request.account == AccountPage::Password && stored.signed_in.is_some() => {
            words.to_password.to_owned()
        }
        (Request::Account(_), _) | (Request::Authorization(_), None) => words.to_account.to_owned(),
    };
    let tone = if wrong.is_some() { Tone::Wrong } else { Tone::Plain };
    let page = LoginPage {
        frame: reader.frame(words.title, tone, Some(&address(reader, id))),
        purpose,
        flow: id,
        token: &form_token(reader.asked, &self::purpose(Step::Password, id)),
        ui_locales: reader.ui_locales(),
        name,
        wrong: wrong.map(|(_, says)| says),
        cancellable: stored.client.is_some(),
    };
    reader.page(wrong.map_or(StatusCode::OK, |(status, _)| status), &page)
}

async fn stored(asked: &Asked, id: &str) -> Result<Option<Stored>, Unavailable> {
    let browser = cookies::read(asked, BROWSER, Kind::Flow);
    flow::stored(&asked.room, &asked.realm, (id, browser), signed_in(asked).await?).await
}
