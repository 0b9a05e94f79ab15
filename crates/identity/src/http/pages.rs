//! The pages that people see, usable without JavaScript and without styles.
//!
//! Every form carries a token bound to the flow and the browser, and its sender's origin must be ours; either alone would
//! do, and each covers the other's gaps. Answers to forms are 303, so that a password is never sent twice.
//!
//! One page one file; here is what they share: who reads and in which language, the answers, and the checks of a form.
//!
//! Specs: RFC 9700 §4.11, §4.12, §4.16. Not here: the words (`words`), the colours (`crate::look`).

use std::sync::OnceLock;

use axum::extract::RawQuery;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_LANGUAGE, LOCATION, ORIGIN, REFERRER_POLICY, RETRY_AFTER};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use http::{HeaderName, HeaderValue, StatusCode};
use sekisho_model::{Session, User};
use sekisho_token::Digest;
use sekisho_token::credential::Kind;
use sekisho_token::digest::same;
use sekisho_wire::{RefusalId, Unavailable};

use super::answer;
use super::cookies::{self, BROWSER, SSO};
use super::refusals::Told;
use super::request::Asked;
use crate::language::Language;
use crate::oauth::authorize::{UI_LOCALES_CHARS_MAX, with_query};
use crate::oauth::discovery::Endpoint;
use crate::oauth::params::Params;
use crate::room::unavailable;

pub(super) mod account;
mod consent;
mod device;
pub(super) mod login;
pub(super) mod logout;
pub(super) mod password;
mod words;

use words::Words;

/// Who reads the page: a request, and the language to answer in.
struct Reader<'a> {
    asked: &'a Asked,
    words: &'static Words,
    /// What `ui_locales` said; it goes along from page to page.
    ui_locales: Option<String>,
    /// The id of what the page refuses, once it has one.
    refusal: OnceLock<RefusalId>,
}

/// What surrounds a page's own content.
struct Frame<'a> {
    words: &'static Words,
    style: &'a str,
    brand: &'a str,
    logo: Option<&'a str>,
    realm: &'a str,
    /// What `<title>` says.
    title: String,
    /// This page in the other language.
    switch: Option<Switch>,
    /// What to name when asking for help.
    refusal: Option<RefusalId>,
}

/// A link to the same page in another language.
struct Switch {
    address: String,
    language: Language,
}

/// Whether a page says that something went wrong.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Wrong,
}

#[derive(askama::Template)]
#[template(path = "message.html")]
struct MessagePage<'a> {
    frame: Frame<'a>,
    heading: &'a str,
    says: &'a str,
    /// Where to sign in again.
    sign_in: Option<String>,
}

// === impl Reader ===

impl<'a> Reader<'a> {
    fn new(asked: &'a Asked, ui_locales: Option<&str>) -> Self {
        let language = Language::of(ui_locales, asked.header(ACCEPT_LANGUAGE));
        let ui_locales = ui_locales.map(|tags| tags.chars().take(UI_LOCALES_CHARS_MAX).collect());
        Self { asked, words: Words::of(language), ui_locales, refusal: OnceLock::new() }
    }

    /// The reader of a page whose parameters these are.
    fn of(asked: &'a Asked, params: &Params) -> Self {
        Self::new(asked, params.one("ui_locales"))
    }

    /// What surrounds a page, which is found at `address` if it can be opened again.
    fn frame(&self, title: &str, tone: Tone, address: Option<&str>) -> Frame<'a> {
        let look = &self.asked.realm.look;
        let title = match tone {
            Tone::Plain => title.to_owned(),
            Tone::Wrong => (self.words.everywhere.error)(title),
        };
        let other = self.words.language.other();
        let switch = address
            .map(|address| Switch { address: with_query(address, &[("ui_locales", other.tag())]), language: other });
        Frame {
            words: self.words,
            style: &look.style,
            brand: &look.brand,
            logo: look.logo.as_deref(),
            realm: self.asked.realm.name.as_str(),
            title: format!("{title} – {}", look.brand),
            switch,
            refusal: (tone == Tone::Wrong).then(|| self.refusal()),
        }
    }

    fn refusal(&self) -> RefusalId {
        let room = &self.asked.room;
        *self.refusal.get_or_init(|| RefusalId::generate(room.now(), &*room.entropy))
    }

    /// What goes into a hidden field.
    fn ui_locales(&self) -> &str {
        self.ui_locales.as_deref().unwrap_or_default()
    }

    /// An address of this realm that goes on in this language.
    fn address(&self, path: &str, pairs: &[(&str, &str)]) -> String {
        let locales = self.ui_locales.as_deref().map(|tags| ("ui_locales", tags));
        let pairs: Vec<(&str, &str)> = pairs.iter().copied().chain(locales).collect();
        let address = format!("{}{path}", self.asked.realm.issuer);
        if pairs.is_empty() { address } else { with_query(&address, &pairs) }
    }

    fn page(&self, status: StatusCode, page: &impl askama::Template) -> Response {
        match page.render() {
            Ok(text) => {
                let mut response = (status, Html(text)).into_response();
                let language = HeaderValue::from_static(self.words.language.tag());
                response.headers_mut().insert(CONTENT_LANGUAGE, language);
                if let Some(id) = self.refusal.get() {
                    response.extensions_mut().insert(Told::Person { id: *id, says: None });
                }
                self.guarded(response)
            }
            Err(error) => {
                tracing::error!(%error, "a page cannot be written");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
        }
    }

    /// A page that says one thing.
    fn message(&self, status: StatusCode, says: &str) -> Response {
        self.message_with(status, says, None)
    }

    /// The same, with a way to sign in again.
    fn message_with(&self, status: StatusCode, says: &str, sign_in: Option<String>) -> Response {
        let everywhere = &self.words.everywhere;
        let (heading, tone) =
            if status.is_success() { (everywhere.done, Tone::Plain) } else { (everywhere.failed, Tone::Wrong) };
        let page = MessagePage { frame: self.frame(heading, tone, None), heading, says, sign_in };
        let mut response = self.page(status, &page);
        if let Some(Told::Person { says: said, .. }) = response.extensions_mut().get_mut() {
            *said = Some(says.to_owned());
        }
        response
    }

    fn later(&self, error: &Unavailable) -> Response {
        let mut response = self.message(StatusCode::SERVICE_UNAVAILABLE, self.words.fault.later);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(error.retry_after_s.unwrap_or(1)));
        response
    }

    fn see_other(&self, address: &str) -> Response {
        let Ok(address) = HeaderValue::try_from(address) else {
            return self.message(StatusCode::BAD_REQUEST, self.words.fault.bad_return);
        };
        self.guarded((StatusCode::SEE_OTHER, [(LOCATION, address)]).into_response())
    }

    /// No frame, no script, no referrer, no cache (RFC 9700 §4.2.4 and §4.16).
    fn guarded(&self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        if let Ok(policy) = HeaderValue::try_from(&self.asked.realm.look.policy) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }

    /// The same request by GET. A form from a client's page comes without our cookies, which are `SameSite=Lax`; what
    /// follows has them.
    fn by_get(&self, endpoint: Endpoint, body: &[u8]) -> Response {
        match std::str::from_utf8(body) {
            Ok(query) => self.see_other(&format!("{}{}?{query}", self.asked.realm.issuer, endpoint.path())),
            Err(_) => self.message(StatusCode::BAD_REQUEST, self.words.fault.unreadable_form),
        }
    }

    /// Whether a form is from our own page, and was made for this browser and purpose; if not, what to say.
    fn own_form(&self, params: &Params, purpose: &str) -> Result<(), &'static str> {
        let fault = &self.words.fault;
        if !from_here(self.asked) {
            return Err(fault.foreign_form);
        }
        let shown = params.one("token").unwrap_or_default();
        let made = form_token(self.asked, purpose);
        if same(made.as_bytes(), shown.as_bytes()) { Ok(()) } else { Err(fault.other_browser) }
    }
}

/// GET `/logo`: the realm's image, which the address names by its digest and which may therefore be kept for ever. An
/// SVG that somebody opens by itself runs nothing.
pub(super) async fn logo(asked: Asked, RawQuery(query): RawQuery) -> Response {
    let Some(logo) = &asked.realm.settings.theme.logo else {
        return answer::plain(StatusCode::NOT_FOUND, "this realm has no logo");
    };
    let query = query.unwrap_or_default();
    let current = query.strip_prefix("v=").is_some_and(|version| version == logo.version());
    let cache = if current { "public, max-age=31536000, immutable" } else { "no-cache" };
    let headers: [(HeaderName, &str); 5] = [
        (CONTENT_TYPE, logo.media_type()),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    (headers, logo.bytes().to_vec()).into_response()
}

/// The parameters of a page's address; none when they cannot be read.
fn query_of(query: Option<String>) -> Params {
    Params::parse(query.unwrap_or_default().as_bytes()).unwrap_or_default()
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

/// Proves that a form was made for this browser and purpose (RFC 9700 §4.7): nobody else knows the key or the cookie. Both
/// parts have one length, so that no pair of them reads as another.
fn form_token(asked: &Asked, purpose: &str) -> String {
    let cookie = cookies::read(asked, BROWSER, Kind::Flow).or_else(|| cookies::read(asked, SSO, Kind::Session));
    let (cookie, purpose) = (cookie.unwrap_or(Digest([0; 32])), Digest::of(purpose.as_bytes()));
    URL_SAFE_NO_PAD.encode(Digest::keyed(&asked.room.form_key, &[&cookie.0, &purpose.0]).0)
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
