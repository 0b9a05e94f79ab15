//! A person's own account: where they are signed in, which applications have access, and the buttons that end either.
//!
//! Whoever is not signed in signs in first, by the same dispatcher as for any application. What a button did is said on the
//! page that the answer redirects to; its address carries a token, so that nobody can make the page say it by a link.

use axum::extract::RawQuery;
use axum::response::Response;
use bytes::Bytes;
use http::StatusCode;
use sekisho_model::flow::{AccountPage, AccountRequest};
use sekisho_model::session::LIVING_MAX;
use sekisho_model::{Session, User};
use sekisho_token::Timestamp;
use sekisho_token::digest::same;
use sekisho_wire::{ClientId, Unavailable};

use super::super::request::Asked;
use super::{Frame, Reader, Tone, device, form_token, login, logout, query_of, signed_in};
use crate::account::{self, Application, Overview};
use crate::oauth::logout as ending;
use crate::oauth::params::Params;

/// What a form token of these pages is for.
pub(super) const PURPOSE: &str = "account";

#[derive(askama::Template)]
#[template(path = "account.html")]
struct AccountTemplate<'a> {
    frame: Frame<'a>,
    signed_in_as: String,
    did: Option<&'static str>,
    /// That there may be more than is shown.
    cut: Option<String>,
    sessions: Vec<SessionRow<'a>>,
    /// Whether there are others to end.
    others: bool,
    applications: Vec<ApplicationRow<'a>>,
    token: &'a str,
    ui_locales: &'a str,
    password_address: String,
}

struct SessionRow<'a> {
    id: String,
    this_one: bool,
    device: String,
    address: String,
    through: Option<&'a str>,
    signed_in_at: Moment,
    last_used: Moment,
}

struct ApplicationRow<'a> {
    client: &'a str,
    name: &'a str,
    scopes: Vec<String>,
    since: Moment,
}

/// A time for people and for programs.
struct Moment {
    text: String,
    machine: String,
}

/// What a button did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Did {
    End,
    EndOthers,
    Revoke,
    ChangePassword,
}

// === impl Did ===

impl Did {
    const ALL: [Self; 4] = [Self::End, Self::EndOthers, Self::Revoke, Self::ChangePassword];

    /// In the address.
    const fn code(self) -> &'static str {
        match self {
            Self::End => "ended",
            Self::EndOthers => "others_ended",
            Self::Revoke => "revoked",
            Self::ChangePassword => "password_changed",
        }
    }

    /// To the account's page, which will say it.
    pub(super) fn tell(self, reader: &Reader<'_>) -> Response {
        let token = form_token(reader.asked, self.code());
        reader.see_other(&reader.address("/account", &[("did", self.code()), ("token", &token)]))
    }

    fn of(asked: &Asked, params: &Params) -> Option<Self> {
        let code = params.one("did")?;
        let did = Self::ALL.into_iter().find(|did| did.code() == code)?;
        same(form_token(asked, code).as_bytes(), params.one("token")?.as_bytes()).then_some(did)
    }

    const fn words(self, reader: &Reader<'_>) -> &'static str {
        match self {
            Self::End => reader.words.account.ended,
            Self::EndOthers => reader.words.account.others_ended,
            Self::Revoke => reader.words.account.revoked,
            Self::ChangePassword => reader.words.password.changed,
        }
    }
}

/// Where a page of the account is.
pub(super) const fn path(page: AccountPage) -> &'static str {
    match page {
        AccountPage::Overview => "/account",
        AccountPage::Password => "/account/password",
    }
}

/// Sends the person to sign in, and back to this page afterwards.
pub(super) async fn sign_in(
    reader: &Reader<'_>,
    account: AccountPage,
    max_age_s: Option<i64>,
) -> Result<Response, Unavailable> {
    let request = AccountRequest { account, max_age_s, ui_locales: reader.ui_locales.clone() };
    login::begin(reader, request.into()).await
}

/// GET `/account`.
pub(in crate::http) async fn show(asked: Asked, RawQuery(query): RawQuery) -> Response {
    let params = query_of(query);
    let reader = Reader::of(&asked, &params);
    let shown = async {
        let Some((session, user)) = signed_in(&asked).await? else {
            return sign_in(&reader, AccountPage::Overview, None).await;
        };
        let overview = account::overview(&asked.room, &asked.realm, user.id).await?;
        Ok(page(&reader, (&session, &user), &overview, Did::of(&asked, &params)))
    };
    shown.await.unwrap_or_else(|error| reader.later(&error))
}

/// POST `/account`: one of the buttons.
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
        match signed_in(&asked).await? {
            Some((session, user)) => pressed(&reader, &params, (&session, &user)).await,
            None => sign_in(&reader, AccountPage::Overview, None).await,
        }
    };
    changed.await.unwrap_or_else(|error| reader.later(&error))
}

async fn pressed(
    reader: &Reader<'_>,
    params: &Params,
    (session, user): (&Session, &User),
) -> Result<Response, Unavailable> {
    let asked = reader.asked;
    let (room, realm, origin) = (&asked.room, &asked.realm, &asked.origin);
    if params.one("sign_out").is_some() {
        ending::end(room, realm, session, origin).await?;
        return Ok(logout::without_cookie(asked, logout::gone(reader, None)));
    }
    if params.one("end_others").is_some() {
        account::end_others(room, realm, session, origin).await?;
        return Ok(Did::EndOthers.tell(reader));
    }
    if let Some(id) = params.one("end").and_then(|id| id.parse().ok()) {
        account::end(room, realm, user, id, origin).await?;
        return Ok(Did::End.tell(reader));
    }
    if let Some(client) = params.one("revoke").and_then(|id| id.parse::<ClientId>().ok()) {
        account::revoke(room, realm, user, &client, origin).await?;
        return Ok(Did::Revoke.tell(reader));
    }
    Ok(reader.message(StatusCode::BAD_REQUEST, reader.words.fault.unreadable_form))
}

fn page(reader: &Reader<'_>, (session, user): (&Session, &User), overview: &Overview, did: Option<Did>) -> Response {
    let words = &reader.words.account;
    let issuer = &reader.asked.realm.issuer;
    let rows = overview.sessions.iter().map(|row| session_row(reader, row, overview, session));
    let mut sessions: Vec<SessionRow<'_>> = rows.collect();
    sessions.sort_by_key(|row| !row.this_one);
    let page = AccountTemplate {
        frame: reader.frame(words.title, Tone::Plain, Some(&format!("{issuer}/account"))),
        signed_in_as: (words.signed_in_as)(user.name.as_str()),
        did: did.map(|did| did.words(reader)),
        cut: overview.cut.then(|| (words.cut)(LIVING_MAX)),
        others: sessions.iter().any(|row| !row.this_one),
        sessions,
        applications: overview.applications.iter().map(|row| application_row(reader, row, overview)).collect(),
        token: &form_token(reader.asked, PURPOSE),
        ui_locales: reader.ui_locales(),
        password_address: reader.address("/account/password", &[]),
    };
    reader.page(StatusCode::OK, &page)
}

fn session_row<'a>(
    reader: &Reader<'_>,
    row: &'a Session,
    overview: &'a Overview,
    this_one: &Session,
) -> SessionRow<'a> {
    let words = &reader.words.account;
    SessionRow {
        id: row.id.to_string(),
        this_one: row.id == this_one.id,
        device: device::called(row.user_agent.as_deref(), reader.words),
        address: row.address.map_or_else(|| words.unknown_address.to_owned(), |address| address.to_string()),
        through: account::first_party(row).map(|client| overview.name(client)),
        signed_in_at: moment(reader, row.auth_time),
        last_used: moment(reader, row.last_seen),
    }
}

fn application_row<'a>(reader: &Reader<'_>, row: &'a Application, overview: &'a Overview) -> ApplicationRow<'a> {
    let meaning = |scope: &sekisho_wire::Scope| {
        let scope = scope.as_str();
        reader.words.consent.meaning(scope).unwrap_or(scope).to_owned()
    };
    ApplicationRow {
        client: row.client.as_str(),
        name: overview.name(&row.client),
        scopes: row.scopes.iter().map(meaning).collect(),
        since: moment(reader, row.since),
    }
}

fn moment(reader: &Reader<'_>, at: Timestamp) -> Moment {
    Moment { text: (reader.words.everywhere.moment)(at), machine: at.civil().to_string() }
}
