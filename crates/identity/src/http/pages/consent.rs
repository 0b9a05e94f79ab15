//! May this application have what it asks for?

use axum::response::Response;
use http::StatusCode;

use super::{Frame, Reader, Tone, form_token, login};
use crate::flow::{Step, Stored};
use sekisho_model::flow::Request;

#[derive(askama::Template)]
#[template(path = "consent.html")]
struct ConsentPage<'a> {
    frame: Frame<'a>,
    heading: &'a str,
    asks_for: String,
    scopes: Vec<Wish<'a>>,
    flow: &'a str,
    token: &'a str,
    ui_locales: &'a str,
}

/// A scope, and what it means where we know.
struct Wish<'a> {
    scope: &'a str,
    meaning: Option<&'static str>,
}

/// The page of the consent step.
pub(super) fn page(reader: &Reader<'_>, stored: &Stored, id: &str) -> Response {
    let words = &reader.words.consent;
    let person = stored.signed_in.as_ref().map_or("", |(_, user)| user.name.as_str());
    let client = stored.client.as_ref().map_or("", |client| client.registration.name.as_str());
    let heading = (words.title)(client);
    let scopes = match &stored.flow.request {
        Request::Authorization(request) => request.scopes.iter().map(sekisho_wire::Scope::as_str).collect(),
        Request::Account(_) => Vec::new(),
    };
    let page = ConsentPage {
        frame: reader.frame(&heading, Tone::Plain, Some(&login::address(reader, id))),
        heading: &heading,
        asks_for: (words.asks_for)(person),
        scopes: scopes.into_iter().map(|scope| Wish { scope, meaning: words.meaning(scope) }).collect(),
        flow: id,
        token: &form_token(reader.asked, &login::purpose(Step::Consent, id)),
        ui_locales: reader.ui_locales(),
    };
    reader.page(StatusCode::OK, &page)
}
