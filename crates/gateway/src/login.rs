//! Signing in through the gateway: `PREFIX/login`, `PREFIX/refresh`, `PREFIX/logout`, `PREFIX/session`.
//!
//! ```text
//!   POST login    name, password ─► Login::challenge ─► code ─► Login::redeem ─► a cookie, or the body where allowed
//!   POST refresh  for JWTs: Login::renew ─► the next one, handed over like the first
//!   POST logout   Login::revoke ─► 204 and no cookie any more; 503 leaves the cookie, since nothing has ended
//!   GET  session  who, in which sign-in, until when, and the token that proves a change came from our own page
//! ```
//!
//! It is not single sign-on, and not the password grant: identity answers a password with a code, or with another step.
//! A login needs proof that our own page sent it when it is a form, which any page can post; JSON is refused only when
//! the browser says that another site sent it.
//!
//! Specs: "OAuth 2.0 for First-Party Applications" (IETF draft) behind the port `Login`; RFC 6265 (cookies).

use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, SET_COOKIE};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use hyper::body::Incoming;
use sekisho_wire::login::{LoginError, TokenForm};
use sekisho_wire::{Login, Monotonic, Reason};
use serde::Serialize;

use crate::body::Outgoing;
use crate::config::{Delivery, Issues};
use crate::core::Core;
use crate::csrf::Site;
use crate::guards::Guard;
use crate::headers::cookies::Cookie;
use crate::meters::RouteMeter;
use crate::realm::Realm;
use crate::refusal::Refused;
use crate::routes::Methods;
use crate::trail::Trail;

mod credentials;
mod handover;
mod renew;
mod sign_in;
mod sign_out;
mod status;

/// A place where people sign in.
#[derive(Debug)]
pub(crate) struct Mount {
    /// Its name in the audit, and what is counted of it.
    pub(crate) meter: Arc<RouteMeter>,
    pub(crate) realm: Arc<Realm>,
    pub(crate) issues: Issues,
    pub(crate) delivery: Delivery,
    /// The services that a JWT is for.
    pub(crate) audience: Vec<String>,
    pub(crate) cookie: Cookie,
    /// Where the means to get the next credential is; none where the credential lives as long as the sign-in.
    pub(crate) refresh: Option<Cookie>,
    /// What tells whether somebody is signed in.
    pub(crate) guard: Guard,
}

/// What a mount has below its prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    SignIn,
    Renew,
    SignOut,
    Status,
}

/// A request to a mount.
#[derive(Debug)]
pub(crate) struct Visit<'a> {
    pub(crate) core: &'a Core,
    pub(crate) mount: &'a Mount,
    pub(crate) trail: &'a mut Trail,
    pub(crate) head: &'a Parts,
    pub(crate) site: Site<'a>,
}

/// Answers a request to a mount.
pub(crate) async fn answer(
    mut visit: Visit<'_>,
    endpoint: Endpoint,
    body: Incoming,
) -> Result<Response<Outgoing>, Refused> {
    match endpoint {
        Endpoint::SignIn => sign_in::sign_in(&visit, body).await,
        Endpoint::Renew => renew::renew(&visit, body).await,
        Endpoint::SignOut => sign_out::sign_out(&visit).await,
        Endpoint::Status => status::status(&mut visit).await,
    }
}

// === impl Visit ===

impl Visit<'_> {
    /// Asks identity, within a deadline, in the line of logins.
    async fn ask<T, F>(&self, deadline: Monotonic, ask: impl FnOnce(Arc<dyn Login>) -> F) -> Result<T, Refused>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, LoginError>> + Send + 'static,
    {
        let realm = &self.mount.realm;
        Ok(realm.logins.run(deadline, ask(Arc::clone(&realm.ports.login))).await??)
    }

    fn form(&self) -> TokenForm {
        match self.mount.issues {
            Issues::Opaque => TokenForm::Opaque,
            Issues::Jwt => TokenForm::Jwt,
        }
    }
}

// === impl Endpoint ===

impl Endpoint {
    /// Those of a mount: an opaque token lives as long as the sign-in, so there is nothing to renew.
    pub(crate) fn of(issues: Issues) -> &'static [Self] {
        match issues {
            Issues::Opaque => &[Self::SignIn, Self::SignOut, Self::Status],
            Issues::Jwt => &[Self::SignIn, Self::Renew, Self::SignOut, Self::Status],
        }
    }

    /// Its path below the prefix.
    pub(crate) fn path(self) -> &'static str {
        match self {
            Self::SignIn => "/login",
            Self::Renew => "/refresh",
            Self::SignOut => "/logout",
            Self::Status => "/session",
        }
    }

    /// A GET must not end a session: any page can make a browser send one.
    pub(crate) fn methods(self) -> &'static Methods {
        static GET: std::sync::LazyLock<Methods> = std::sync::LazyLock::new(|| Methods(vec![Method::GET]));
        static POST: std::sync::LazyLock<Methods> = std::sync::LazyLock::new(|| Methods(vec![Method::POST]));
        match self {
            Self::SignIn | Self::Renew | Self::SignOut => &POST,
            Self::Status => &GET,
        }
    }
}

/// A JSON answer that nobody keeps.
fn json(body: &impl Serialize) -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::full(Bytes::from(serde_json::to_vec(body).unwrap_or_default())));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn no_content() -> Response<Outgoing> {
    let mut response = Response::new(Outgoing::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Adds a cookie. One that cannot be written would leave the client without what it was promised.
fn with_cookie(mut response: Response<Outgoing>, cookie: Option<HeaderValue>) -> Result<Response<Outgoing>, Refused> {
    let cookie =
        cookie.ok_or_else(|| Refused::from(Reason::Misconfigured).detail("a cookie cannot hold this token"))?;
    response.headers_mut().append(SET_COOKIE, cookie);
    Ok(response)
}
