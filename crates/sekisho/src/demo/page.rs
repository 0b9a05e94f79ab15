//! The start page: one page to log in, call, look at the legs, log out and see the refusal; and what its script asks for.
//!
//! It is served by a server of its own behind an `open` route, so that the browser talks to one origin, the gateway's,
//! and cookies and CSRF rules are the real ones. The script and the style are files of the same origin; the policy allows
//! nothing else (CSP3). It knows the demo's passwords, since that is what a demo is for; the administrator's is only
//! printed at the start and in `demo.json`.

use std::fmt::Write as _;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::get;
use sekisho_wire::Reason;
use serde::{Deserialize, Serialize};

use super::manifest::{Guard, Manifest};
use super::recorder::{Party, Recorder};
use super::shown::{Feed, Shown, shown};

/// The most messages one answer lists; the newest, since the oldest are what a person has seen.
const LEGS_MAX: usize = 400;

const TEMPLATE: &str = include_str!("page/start.html");
const SCRIPT: &str = include_str!("page/page.js");
const STYLE: &str = include_str!("page/page.css");
const ICON: &str = include_str!("page/icon.svg");

/// Scripts, styles and questions of our own origin; no frames, no forms that leave, nothing inline.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

#[derive(Clone)]
struct Page {
    html: Arc<str>,
    recorder: Recorder,
}

#[derive(Serialize)]
struct Mark {
    next: u64,
}

#[derive(Deserialize)]
struct Wanted {
    #[serde(default)]
    from: u64,
    feed: Option<String>,
}

/// The page and what it asks for. `explain` is the command that takes a refusal's id.
pub(crate) fn router(manifest: &Manifest, explain: &str, recorder: Recorder) -> Router {
    let page = Page { html: html(manifest, explain).into(), recorder };
    Router::new()
        .route("/", get(async |State(page): State<Page>| asset("text/html; charset=utf-8", page.html.to_string())))
        .route("/demo/page.js", get(async || asset("text/javascript; charset=utf-8", SCRIPT.to_owned())))
        .route("/demo/page.css", get(async || asset("text/css; charset=utf-8", STYLE.to_owned())))
        .route("/demo/icon.svg", get(async || asset("image/svg+xml", ICON.to_owned())))
        .route("/demo/mark", get(async |State(page): State<Page>| Json(Mark { next: page.recorder.next_number() })))
        .route("/demo/legs", get(legs))
        .route("/demo/why/{code}", get(why))
        .with_state(page)
}

fn asset(kind: &'static str, text: String) -> Response {
    let headers = [
        (CONTENT_TYPE, kind),
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (CACHE_CONTROL, "no-store"),
    ];
    (headers, text).into_response()
}

async fn legs(State(page): State<Page>, Query(wanted): Query<Wanted>) -> Json<Vec<Shown>> {
    let feed = if wanted.feed.as_deref() == Some("shown") { Feed::Shown } else { Feed::Hidden };
    let mut legs = shown(&page.recorder.since(wanted.from), feed);
    let surplus = legs.len().saturating_sub(LEGS_MAX);
    legs.drain(..surplus);
    Json(legs)
}

async fn why(Path(code): Path<String>) -> Result<&'static str, StatusCode> {
    Reason::of_code(&code).map(Reason::words).ok_or(StatusCode::NOT_FOUND)
}

fn html(manifest: &Manifest, explain: &str) -> String {
    let parties: String = Party::ALL.iter().map(|party| format!("<span>{}</span>", party.name())).collect();
    TEMPLATE
        .replace("{{users}}", &users(manifest))
        .replace("{{logins}}", &logins(manifest))
        .replace("{{routes}}", &routes(manifest))
        .replace("{{parties}}", &parties)
        .replace("{{issuer}}", &escape(&manifest.issuer))
        .replace("{{operations}}", &escape(&manifest.operations))
        .replace("{{explain}}", &escape(explain))
}

fn users(manifest: &Manifest) -> String {
    let mut out = String::new();
    for user in &manifest.users {
        let name = escape(&user.name);
        let scopes = if user.scopes.is_empty() { "no scopes".to_owned() } else { escape(&user.scopes.join(" ")) };
        let password = if user.is_admin() { String::new() } else { escape(&user.password) };
        // Writing to a string cannot fail.
        let _ = write!(out, r#"<option value="{name}" data-password="{password}">{name} ({scopes})</option>"#);
    }
    out
}

fn logins(manifest: &Manifest) -> String {
    let mut out = String::new();
    for (index, login) in manifest.login.iter().enumerate() {
        let (issues, prefix) = (login.issues.name(), escape(&login.prefix));
        let words = match login.issues {
            Guard::Opaque => "opaque: a reference that says nothing outside the house",
            Guard::Jwt => "JWT: a signed token that every service can read by itself",
            Guard::Open => "nothing",
        };
        let checked = if index == 0 { " checked" } else { "" };
        let _ = write!(
            out,
            r#"<label class="choice"><input type="radio" name="pattern" value="{issues}" data-prefix="{prefix}"{checked}> {words}</label>"#
        );
    }
    out
}

fn routes(manifest: &Manifest) -> String {
    let mut out = String::new();
    for route in &manifest.routes {
        let (name, guard) = (escape(&route.name), route.guard.name());
        let look = escape(what_to_look_for(&route.name));
        let _ = write!(
            out,
            r#"<li><button type="submit" value="/{name}" data-pattern="{guard}" aria-describedby="look-{name}">via /{name}</button><p id="look-{name}">{look}</p></li>"#
        );
    }
    out
}

/// One sentence for each route of the demo.
fn what_to_look_for(route: &str) -> &'static str {
    match route {
        "open" => {
            "Nobody is asked: the request passes as it came, and orders itself refuses what is not for everybody."
        }
        "opaque" => {
            "The client holds a reference (sekot…); the gateway asks identity once and hands the services a JWT (eyJ…). \
             After logout the very next request is refused."
        }
        "jwt" => {
            "The same JWT on every leg: gateway and services check its signature, nobody asks identity. After logout it \
             works on until it expires, which is the price of this pattern."
        }
        "jwt-feed" => {
            "The same JWT and no question to identity either, but gateway and services follow identity's feed: after \
             logout it is refused although it has not expired."
        }
        _ => "A route of this gateway.",
    }
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            _ => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests;
