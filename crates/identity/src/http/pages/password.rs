//! The form for a new password: shown to somebody who signed in a short time ago, and believed only with the old password.
//!
//! Specs: OpenID Connect Core §3.1.2.1 (`max_age`, asked of ourselves), OWASP ASVS 5.0 §6.2 (the current password is
//! needed). Not here: what a change ends (`crate::account`).

use axum::extract::RawQuery;
use axum::response::Response;
use bytes::Bytes;
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};
use sekisho_model::flow::AccountPage;
use sekisho_model::{Session, User};
use sekisho_token::Secret;
use sekisho_wire::Unavailable;

use super::super::request::Asked;
use super::account::{Did, PURPOSE, sign_in};
use super::{Frame, Reader, Tone, form_token, query_of, signed_in};
use crate::account::{self, FRESH_S, NewPassword, PasswordError};
use crate::oauth::params::Params;
use crate::signin::SignInError;

#[derive(askama::Template)]
#[template(path = "password.html")]
struct PasswordPage<'a> {
    frame: Frame<'a>,
    name: &'a str,
    rule: String,
    wrong: Option<Wrong>,
    token: &'a str,
    ui_locales: &'a str,
    back: String,
}

/// What is wrong, and with which field.
struct Wrong {
    says: String,
    field: Field,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Field {
    Current,
    New,
    Again,
}

// === impl PasswordPage ===

impl PasswordPage<'_> {
    fn is_wrong(&self, field: Field) -> bool {
        self.wrong.as_ref().is_some_and(|wrong| wrong.field == field)
    }

    fn current_is_wrong(&self) -> bool {
        self.is_wrong(Field::Current)
    }

    fn new_is_wrong(&self) -> bool {
        self.is_wrong(Field::New)
    }

    fn again_is_wrong(&self) -> bool {
        self.is_wrong(Field::Again)
    }
}

/// GET `/account/password`.
pub(in crate::http) async fn show(asked: Asked, RawQuery(query): RawQuery) -> Response {
    let reader = Reader::of(&asked, &query_of(query));
    let shown = async {
        match fresh(&asked).await? {
            Some((_, user)) => Ok(page(&reader, &user, None, StatusCode::OK)),
            None => sign_in(&reader, AccountPage::Password, Some(FRESH_S)).await,
        }
    };
    shown.await.unwrap_or_else(|error| reader.later(&error))
}

/// POST `/account/password`.
pub(in crate::http) async fn change(asked: Asked, body: Bytes) -> Response {
    let Ok(params) = asked.form(None, &body) else {
        let reader = Reader::new(&asked, None);
        return reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_form);
    };
    let reader = Reader::of(&asked, &params);
    if let Err(says) = reader.own_form(&params, PURPOSE) {
        return reader.message(StatusCode::FORBIDDEN, says);
    }
    let changed = async {
        match fresh(&asked).await? {
            Some(who) => change_of(&reader, &params, (&who.0, &who.1)).await,
            None => sign_in(&reader, AccountPage::Password, Some(FRESH_S)).await,
        }
    };
    changed.await.unwrap_or_else(|error| reader.later(&error))
}

async fn change_of(reader: &Reader<'_>, params: &Params, who: (&Session, &User)) -> Result<Response, Unavailable> {
    let asked = reader.asked;
    let [current, new, again] =
        ["current", "new", "again"].map(|name| Secret::from(params.one(name).unwrap_or_default()));
    let typed = NewPassword { current: &current, new: &new, again: &again };
    match account::change_password(&asked.room, &asked.realm, who, &typed, &asked.origin).await {
        Ok(()) => Ok(Did::ChangePassword.tell(reader)),
        Err(error) => refused(reader, who.1, error).await,
    }
}

async fn refused(reader: &Reader<'_>, user: &User, error: PasswordError) -> Result<Response, Unavailable> {
    let words = &reader.words.password;
    let limits = &reader.asked.room.settings.limits;
    let wrong = |field, says: String| Some(Wrong { says, field });
    let (status, wrong, retry_after_s) = match error {
        PasswordError::Differ => (StatusCode::BAD_REQUEST, wrong(Field::Again, words.differ.to_owned()), None),
        PasswordError::Unchanged => (StatusCode::BAD_REQUEST, wrong(Field::New, words.unchanged.to_owned()), None),
        PasswordError::Unfit => {
            let says = (words.unfit)(limits.password_chars_min, limits.password_bytes_max);
            (StatusCode::BAD_REQUEST, wrong(Field::New, says), None)
        }
        PasswordError::Current(SignInError::WrongCredentials | SignInError::TooLong { .. }) => {
            (StatusCode::UNAUTHORIZED, wrong(Field::Current, words.wrong.to_owned()), None)
        }
        PasswordError::Current(SignInError::Throttled(throttled)) => {
            let says = (reader.words.sign_in.wait)(throttled.retry_after_s);
            let wait = Some(throttled.retry_after_s);
            (StatusCode::TOO_MANY_REQUESTS, wrong(Field::Current, says), wait)
        }
        PasswordError::SignedOut => return sign_in(reader, AccountPage::Password, Some(FRESH_S)).await,
        PasswordError::Current(SignInError::Unavailable(error)) => return Err(error),
    };
    let mut response = page(reader, user, wrong, status);
    if let Some(seconds) = retry_after_s {
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    Ok(response)
}

fn page(reader: &Reader<'_>, user: &User, wrong: Option<Wrong>, status: StatusCode) -> Response {
    let words = &reader.words.password;
    let tone = if wrong.is_some() { Tone::Wrong } else { Tone::Plain };
    let address = format!("{}/account/password", reader.asked.realm.issuer);
    let page = PasswordPage {
        frame: reader.frame(words.title, tone, Some(&address)),
        name: user.name.as_str(),
        rule: (words.rule)(reader.asked.room.settings.limits.password_chars_min),
        wrong,
        token: &form_token(reader.asked, PURPOSE),
        ui_locales: reader.ui_locales(),
        back: reader.address("/account", &[]),
    };
    reader.page(status, &page)
}

/// The sign-in of this browser, if it is young enough to change a password.
async fn fresh(asked: &Asked) -> Result<Option<(Session, User)>, Unavailable> {
    let now = asked.room.now();
    let found = signed_in(asked).await?;
    Ok(found.filter(|(session, _)| now.seconds_since(session.auth_time) <= FRESH_S))
}
