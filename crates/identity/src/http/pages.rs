//! The pages that people see, usable without JavaScript and without styles.
//!
//! Every form carries a token bound to the flow and the browser, and its sender's origin must be ours; either alone would
//! do, and each covers the other's gaps. Answers to forms are 303, so that a password is never sent twice.
//!
//! Specs: RFC 9700 §4.11, §4.12, §4.16; OpenID Connect RP-Initiated Logout 1.0 §2.

use askama::Template;
use axum::extract::RawQuery;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::header::{CACHE_CONTROL, LOCATION, ORIGIN, REFERRER_POLICY, RETRY_AFTER, SET_COOKIE};
use http::header::{CONTENT_SECURITY_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderValue, Method, StatusCode};
use sekisho_model::{Session, User};
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::digest::same;
use sekisho_token::{Digest, Secret};
use sekisho_wire::Unavailable;

use super::cookies::{self, BROWSER, SSO};
use super::request::Asked;
use crate::flow::{self, StartError, Step, Stored};
use crate::oauth::authorize::{self, Reject};
use crate::oauth::discovery::Endpoint;
use crate::oauth::logout::{self, Wrong};
use crate::oauth::params::Params;
use crate::room::unavailable;
use crate::signin::SignInError;

const WRONG: &str = "Name or password is wrong.";
const STALE: &str = "This sign-in is over or was begun in another browser. Go back to the application and start again.";
const LATER: &str = "We cannot check this right now. Please try again in a moment.";

/// What styles the pages: `styles.css`, allowed by its hash.
const STYLE: &str = include_str!("../../templates/styles.css");

#[derive(Template)]
#[template(path = "login.html")]
struct LoginPage<'a> {
    style: &'static str,
    realm: &'a str,
    client: &'a str,
    flow: &'a str,
    token: &'a str,
    name: &'a str,
    wrong: Option<&'a str>,
}

#[derive(Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    style: &'static str,
    realm: &'a str,
    client: &'a str,
    person: &'a str,
    scopes: Vec<&'a str>,
    flow: &'a str,
    token: &'a str,
}

#[derive(Template)]
#[template(path = "logout.html")]
struct LogoutPage<'a> {
    style: &'static str,
    realm: &'a str,
    person: &'a str,
    token: &'a str,
    back: &'a str,
    query: &'a str,
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    style: &'static str,
    title: &'a str,
    words: &'a str,
}

/// GET `/oauth2/authorize`. HEAD would do all the work of it and show nothing.
pub(super) async fn authorize(asked: Asked, method: Method, RawQuery(query): RawQuery) -> Response {
    if method == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let Ok(params) = Params::parse(query.unwrap_or_default().as_bytes()) else {
        return message(StatusCode::BAD_REQUEST, "The request cannot be read.");
    };
    let begun = match authorize::begin(&asked.room, &asked.realm, &params).await {
        Ok(begun) => begun,
        Err(Reject::Show(words)) => return message(StatusCode::BAD_REQUEST, words),
        Err(Reject::SendBack(reply, fault)) => return see_other(&reply.with_fault(&asked.realm, fault)),
        Err(Reject::Unavailable(error)) => return later(error),
    };
    if begun.silent { silently(&asked, begun).await.unwrap_or_else(later) } else { begin(&asked, begun).await }
}

/// POST `/oauth2/authorize` (OpenID Connect Core §3.1.2.1): the same by GET. A form from the client's page comes without our
/// cookies, which are `SameSite=Lax`; the GET that follows has them.
pub(super) async fn authorize_by_form(asked: Asked, body: Bytes) -> Response {
    by_get(&asked, Endpoint::Authorize, &body)
}

fn by_get(asked: &Asked, endpoint: Endpoint, body: &Bytes) -> Response {
    match (asked.form(None, body), std::str::from_utf8(body)) {
        (Ok(_), Ok(query)) => see_other(&format!("{}{}?{query}", asked.realm.issuer, endpoint.path())),
        (_, _) => message(StatusCode::BAD_REQUEST, "The form cannot be read."),
    }
}

/// `prompt=none`: nobody is asked and nothing is kept.
async fn silently(asked: &Asked, begun: authorize::Begun) -> Result<Response, Unavailable> {
    let (room, realm) = (&asked.room, &asked.realm);
    let (flow, _) = flow::draft(room, realm, begun.request, Digest([0; 32]));
    let Some(stored) = flow::at_once(room, realm, flow, signed_in(asked).await?).await? else {
        return Ok(message(StatusCode::BAD_REQUEST, STALE));
    };
    if let Some(fault) = flow::silent(&stored, room.now()) {
        return Ok(see_other(&authorize::Reply::to(&stored.flow.request).with_fault(realm, fault)));
    }
    let address = flow::reply(room, realm, &stored, &asked.origin).await?;
    Ok(address.map_or_else(|| message(StatusCode::BAD_REQUEST, STALE), |address| see_other(&address)))
}

async fn begin(asked: &Asked, begun: authorize::Begun) -> Response {
    let (room, realm) = (&asked.room, &asked.realm);
    let known = cookies::read(asked, BROWSER, Kind::Flow);
    let fresh = known.is_none().then(|| Credential::mint(Kind::Flow, &*room.entropy));
    let browser = known.or_else(|| fresh.as_ref().map(Credential::digest)).unwrap_or(Digest([0; 32]));
    let (flow, id) = flow::draft(room, realm, begun.request, browser);
    match flow::start(room, realm, flow, &asked.origin).await {
        Ok(()) => {}
        Err(StartError::Throttled(throttled)) => {
            let mut response = message(StatusCode::TOO_MANY_REQUESTS, "Too many sign-ins were begun. Try again soon.");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(throttled.retry_after_s));
            return response;
        }
        Err(StartError::Unavailable(error)) => return later(error),
    }
    let mut response = see_other(&login_address(asked, id.expose()));
    if let Some(cookie) = fresh.and_then(|fresh| cookies::set(asked, BROWSER, &fresh.into_secret())) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// GET `/login`.
pub(super) async fn login(asked: Asked, method: Method, RawQuery(query): RawQuery) -> Response {
    if method == Method::HEAD {
        return StatusCode::METHOD_NOT_ALLOWED.into_response();
    }
    let params = Params::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default();
    let id = params.one("flow").unwrap_or_default();
    let shown = async {
        match stored(&asked, id).await? {
            Some(stored) => on(&asked, &stored, id).await,
            None => Ok(message(StatusCode::BAD_REQUEST, STALE)),
        }
    };
    shown.await.unwrap_or_else(later)
}

/// POST `/login`: what a person filled in.
pub(super) async fn submit(asked: Asked, body: Bytes) -> Response {
    let Ok(params) = asked.form(None, &body) else {
        return message(StatusCode::BAD_REQUEST, "The form cannot be read.");
    };
    if !from_here(&asked) {
        return message(StatusCode::FORBIDDEN, "This form was not sent from our own page.");
    }
    let id = params.one("flow").unwrap_or_default();
    let answered = async {
        let Some(stored) = stored(&asked, id).await? else {
            return Ok(message(StatusCode::BAD_REQUEST, STALE));
        };
        let step = stored.next(asked.room.now());
        let token = params.one("token").unwrap_or_default().as_bytes();
        let of = |step| same(form_token(&asked, &of_step(step, id)).as_bytes(), token);
        if of(step) {
            return take(&asked, stored, (id, step), &params).await;
        }
        // A form of a step that is over, or not yet there: what it says was not asked. A password is no consent.
        if [Step::Password, Step::Consent].into_iter().any(of) {
            return Ok(see_other(&login_address(&asked, id)));
        }
        Ok(message(StatusCode::FORBIDDEN, "This form was not made for this browser."))
    };
    answered.await.unwrap_or_else(later)
}

async fn take(
    asked: &Asked,
    mut stored: Stored,
    (id, step): (&str, Step),
    params: &Params,
) -> Result<Response, Unavailable> {
    let (room, realm) = (&asked.room, &asked.realm);
    if params.one("cancel").is_some() {
        return Ok(see_other(&flow::cancel(room, realm, &stored, &asked.origin).await?));
    }
    match step {
        Step::Password => {
            let name = params.one("username").unwrap_or_default();
            let password = Secret::from(params.one("password").unwrap_or_default());
            match flow::password(room, realm, &mut stored, (name, &password), &asked.origin).await {
                Ok(cookie) => {
                    let mut response = on_or_next(asked, &stored, id).await?;
                    if let Some(cookie) = cookies::set(asked, SSO, &cookie) {
                        response.headers_mut().append(SET_COOKIE, cookie);
                    }
                    Ok(response)
                }
                Err(error) => password_failed(asked, &stored, (id, name), error),
            }
        }
        Step::Consent => {
            flow::consent(room, realm, &mut stored, &asked.origin).await?;
            on_or_next(asked, &stored, id).await
        }
        Step::Done => on(asked, &stored, id).await,
    }
}

fn password_failed(
    asked: &Asked,
    stored: &Stored,
    (id, name): (&str, &str),
    error: SignInError,
) -> Result<Response, Unavailable> {
    match error {
        SignInError::WrongCredentials | SignInError::TooLong { .. } => {
            Ok(password_page(asked, stored, (id, name), Some(WRONG), StatusCode::UNAUTHORIZED))
        }
        SignInError::Throttled(throttled) => {
            let words = format!("Too many attempts. Try again in {} seconds.", throttled.retry_after_s);
            let status = StatusCode::TOO_MANY_REQUESTS;
            let mut response = password_page(asked, stored, (id, name), Some(&words), status);
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(throttled.retry_after_s));
            Ok(response)
        }
        SignInError::Unavailable(error) => Err(error),
    }
}

/// After a form: to the next page by redirect, so that reloading it sends nothing.
async fn on_or_next(asked: &Asked, stored: &Stored, id: &str) -> Result<Response, Unavailable> {
    match stored.next(asked.room.now()) {
        Step::Done => on(asked, stored, id).await,
        Step::Password | Step::Consent => Ok(see_other(&login_address(asked, id))),
    }
}

/// The page of the step that comes next, or the way back to the client.
async fn on(asked: &Asked, stored: &Stored, id: &str) -> Result<Response, Unavailable> {
    match stored.next(asked.room.now()) {
        Step::Password => {
            let name = stored.flow.request.login_hint.as_deref().unwrap_or_default();
            Ok(password_page(asked, stored, (id, name), None, StatusCode::OK))
        }
        Step::Consent => {
            let person = stored.signed_in.as_ref().map_or("", |(_, user)| user.name.as_str());
            let page = ConsentPage {
                style: STYLE,
                realm: asked.realm.name.as_str(),
                client: &stored.client.registration.name,
                person,
                scopes: stored.flow.request.scopes.iter().map(sekisho_wire::Scope::as_str).collect(),
                flow: id,
                token: &form_token(asked, &of_step(Step::Consent, id)),
            };
            Ok(html(StatusCode::OK, page.render()))
        }
        Step::Done => match flow::finish(&asked.room, &asked.realm, stored, &asked.origin).await? {
            Some(address) => Ok(see_other(&address)),
            None => Ok(message(StatusCode::BAD_REQUEST, STALE)),
        },
    }
}

fn password_page(
    asked: &Asked,
    stored: &Stored,
    (id, name): (&str, &str),
    wrong: Option<&str>,
    status: StatusCode,
) -> Response {
    let page = LoginPage {
        style: STYLE,
        realm: asked.realm.name.as_str(),
        client: &stored.client.registration.name,
        flow: id,
        token: &form_token(asked, &of_step(Step::Password, id)),
        name,
        wrong,
    };
    html(status, page.render())
}

/// GET `/oauth2/logout`: asks, and changes nothing; an image in somebody's page must not log anybody out.
pub(super) async fn logout(asked: Asked, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let Ok(params) = Params::parse(query.as_bytes()) else {
        return message(StatusCode::BAD_REQUEST, "The request cannot be read.");
    };
    log_out_with(&asked, &params, &query, Confirmed::No).await.unwrap_or_else(later)
}

/// POST `/oauth2/logout`: from our own page with its token, or from a client.
pub(super) async fn log_out(asked: Asked, body: Bytes) -> Response {
    let Ok(params) = asked.form(None, &body) else {
        return message(StatusCode::BAD_REQUEST, "The form cannot be read.");
    };
    // From a client's page it comes without our cookies, and would end nothing.
    let Some(token) = params.one("token") else { return by_get(&asked, Endpoint::Logout, &body) };
    if !from_here(&asked) || !same(form_token(&asked, "logout").as_bytes(), token.as_bytes()) {
        return message(StatusCode::FORBIDDEN, "This form was not made for this browser.");
    }
    let query = params.one("query").unwrap_or_default().to_owned();
    let Ok(first) = Params::parse(query.as_bytes()) else {
        return message(StatusCode::BAD_REQUEST, "The request cannot be read.");
    };
    log_out_with(&asked, &first, &query, Confirmed::Yes).await.unwrap_or_else(later)
}

/// Whether the person pressed the button.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Confirmed {
    Yes,
    No,
}

async fn log_out_with(
    asked: &Asked,
    params: &Params,
    query: &str,
    confirmed: Confirmed,
) -> Result<Response, Unavailable> {
    let signed_in = signed_in(asked).await?;
    let session = signed_in.as_ref().map(|(session, _)| session);
    let wanted = match logout::asked(&asked.room, &asked.realm, params, session).await {
        Ok(wanted) => wanted,
        Err(Wrong::Redirect) => {
            let words = "The address to go to after signing out is not registered for this application.";
            return Ok(message(StatusCode::BAD_REQUEST, words));
        }
        Err(Wrong::Duplicate) => return Ok(message(StatusCode::BAD_REQUEST, "A parameter stands more than once.")),
        Err(Wrong::Unavailable(error)) => return Err(error),
    };
    let Some((session, user)) = signed_in else {
        return Ok(wanted.back.map_or_else(|| message(StatusCode::OK, "You are signed out."), |back| see_other(&back)));
    };
    if confirmed == Confirmed::No && !wanted.vouched {
        let page = LogoutPage {
            style: STYLE,
            realm: asked.realm.name.as_str(),
            person: user.name.as_str(),
            token: &form_token(asked, "logout"),
            back: wanted.back.as_deref().unwrap_or_default(),
            query,
        };
        return Ok(html(StatusCode::OK, page.render()));
    }
    logout::end(&asked.room, &asked.realm, &session, &asked.origin).await?;
    let mut response =
        wanted.back.map_or_else(|| message(StatusCode::OK, "You are signed out."), |back| see_other(&back));
    if let Some(cookie) = cookies::clear(asked, SSO) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(response)
}

async fn stored(asked: &Asked, id: &str) -> Result<Option<Stored>, Unavailable> {
    let browser = cookies::read(asked, BROWSER, Kind::Flow);
    flow::stored(&asked.room, &asked.realm, (id, browser), signed_in(asked).await?).await
}

/// The sign-in of this browser, if it has one that lives.
async fn signed_in(asked: &Asked) -> Result<Option<(Session, User)>, Unavailable> {
    let Some(cookie) = cookies::read(asked, SSO, Kind::Session) else { return Ok(None) };
    let (room, realm) = (&asked.room, &asked.realm);
    let found = room.store.session_by_cookie(&realm.name, cookie, room.now()).await.map_err(unavailable)?;
    if let Some((session, _)) = &found {
        room.touch(realm, session, &asked.origin);
    }
    Ok(found.filter(|(_, user)| user.disabled_at.is_none()))
}

/// What a form of a step is for.
fn of_step(step: Step, flow: &str) -> String {
    match step {
        Step::Password => format!("password {flow}"),
        Step::Consent | Step::Done => format!("consent {flow}"),
    }
}

/// Proves that a form was made for this browser and purpose: nobody else knows the key or the cookie.
fn form_token(asked: &Asked, purpose: &str) -> String {
    let cookie = cookies::read(asked, BROWSER, Kind::Flow).or_else(|| cookies::read(asked, SSO, Kind::Session));
    let mut bytes = asked.room.form_key.expose().to_vec();
    bytes.extend_from_slice(&cookie.unwrap_or(Digest([0; 32])).0);
    bytes.extend_from_slice(&Digest::of(purpose.as_bytes()).0);
    URL_SAFE_NO_PAD.encode(Digest::of(&bytes).0)
}

/// Whether a form comes from our own page, as far as the browser says. Our pages send no referrer, and a browser that
/// obeys that writes `null` as the origin of its forms: `Sec-Fetch-Site` decides then, and where there is neither, the
/// form's token alone.
fn from_here(asked: &Asked) -> bool {
    match (asked.header("sec-fetch-site"), asked.header(ORIGIN)) {
        (Some(site), Some("null") | None) => matches!(site, "same-origin" | "none"),
        (Some(site), Some(origin)) => matches!(site, "same-origin" | "none") && origin == asked.room.base.origin,
        (None, Some(origin)) => origin == "null" || origin == asked.room.base.origin,
        (None, None) => true,
    }
}

fn login_address(asked: &Asked, id: &str) -> String {
    format!("{}/login?flow={id}", asked.realm.issuer)
}

fn see_other(address: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    match HeaderValue::try_from(address) {
        Ok(address) => {
            response.headers_mut().insert(LOCATION, address);
        }
        Err(_) => return message(StatusCode::BAD_REQUEST, "The address to go back to cannot be used."),
    }
    guarded(response)
}

fn later(error: Unavailable) -> Response {
    let mut response = message(StatusCode::SERVICE_UNAVAILABLE, LATER);
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(error.retry_after_s.unwrap_or(1)));
    response
}

fn message(status: StatusCode, words: &str) -> Response {
    let title = if status.is_success() { "Done" } else { "This did not work" };
    html(status, MessagePage { style: STYLE, title, words }.render())
}

fn html(status: StatusCode, page: askama::Result<String>) -> Response {
    match page {
        Ok(page) => guarded((status, Html(page)).into_response()),
        Err(error) => {
            tracing::error!(%error, "a page cannot be written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// No frame, no script, no referrer, no cache (RFC 9700 §4.2.4 and §4.16).
fn guarded(mut response: Response) -> Response {
    let hash = base64::engine::general_purpose::STANDARD.encode(Digest::of(STYLE.as_bytes()).0);
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; img-src 'self' data:; base-uri 'none'; frame-ancestors 'none'"
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
