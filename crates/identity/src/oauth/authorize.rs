//! The authorization endpoint: which requests begin a login, and where an error may go.
//!
//! ```text
//!   client known ─► redirect_uri registered ─►│ from here on errors go back by redirect
//!                                             │ once each ─► response_type, mode ─► PKCE ─► scope ─► prompt, max_age
//! ```
//!
//! Before the line nothing is known to be the client's, so the person gets a page and the browser goes nowhere.
//!
//! Specs: RFC 6749 §4.1.1 and §4.1.2.1, RFC 7636 §4.3, RFC 8707 §2.1, RFC 9207 §2, RFC 9700 §2.1 and §4.1, OpenID Connect
//! Core §3.1.2.

use sekisho_model::Client;
use sekisho_model::client::{GrantType, Pkce};
use sekisho_model::flow::AuthorizationRequest;
use sekisho_token::pkce;
use sekisho_wire::{ClientId, Unavailable, UserId};

use super::params::Params;
use super::refusal::{Code, Fault, Refusal};
use super::{redirect_uri, scope};
use crate::realms::RealmState;
use crate::room::Room;

/// The longest `state` or `nonce`, in bytes: it is kept in a row until the person has signed in.
const OPAQUE_BYTES_MAX: usize = 4096;

/// The longest list of languages that is kept, in characters.
pub(crate) const UI_LOCALES_CHARS_MAX: usize = 100;

/// A request that begins a login, and whether nobody may be asked anything (`prompt=none`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) request: AuthorizationRequest,
    pub(crate) silent: bool,
}

/// Where an answer goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reply {
    pub(crate) redirect_uri: String,
    pub(crate) state: Option<String>,
}

/// Why no login begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reject {
    /// The person is told; the browser goes nowhere.
    Show(Unanswerable),
    /// The client is told.
    SendBack(Reply, Fault),
    /// Nobody knows.
    Unavailable(Unavailable),
}

/// What is wrong with a request that cannot be answered by redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unanswerable {
    /// `client_id` stands twice.
    TwoClients,
    /// Nobody knows the client.
    UnknownClient,
    /// `redirect_uri` stands twice.
    TwoRedirects,
    /// There is no `redirect_uri`.
    NoRedirect,
    /// It is not registered.
    UnregisteredRedirect,
}

/// Reads an authorization request.
pub(crate) async fn begin(room: &Room, realm: &RealmState, params: &Params) -> Result<Begun, Reject> {
    let client = find_client(room, realm, params).await?;
    let redirect_uri = find_redirect_uri(params, &client)?;
    let state = (!params.is_duplicated("state")).then(|| params.one("state").map(str::to_owned)).flatten();
    let reply = Reply { redirect_uri, state };
    read(room, realm, params, &client, &reply).map_err(|fault| Reject::SendBack(reply, fault))
}

async fn find_client(room: &Room, realm: &RealmState, params: &Params) -> Result<Client, Reject> {
    if params.is_duplicated("client_id") {
        return Err(Reject::Show(Unanswerable::TwoClients));
    }
    let unknown = || Reject::Show(Unanswerable::UnknownClient);
    let id: ClientId = params.one("client_id").and_then(|id| id.parse().ok()).ok_or_else(unknown)?;
    let found = room.client(&realm.name, &id).await.map_err(Reject::Unavailable)?;
    found.map(|(_, client)| client).ok_or_else(unknown)
}

fn find_redirect_uri(params: &Params, client: &Client) -> Result<String, Reject> {
    if params.is_duplicated("redirect_uri") {
        return Err(Reject::Show(Unanswerable::TwoRedirects));
    }
    let sent = params.one("redirect_uri").ok_or(Reject::Show(Unanswerable::NoRedirect))?;
    if redirect_uri::is_registered(&client.registration.redirect_uris, sent) {
        return Ok(sent.to_owned());
    }
    Err(Reject::Show(Unanswerable::UnregisteredRedirect))
}

fn read(room: &Room, realm: &RealmState, params: &Params, client: &Client, reply: &Reply) -> Result<Begun, Fault> {
    let invalid = |words| Fault::new(Code::InvalidRequest, words);
    if params.has_duplicates() {
        return Err(invalid("a parameter stands more than once"));
    }
    if params.one("request").is_some() {
        return Err(Fault::new(Code::RequestNotSupported, "request objects are not supported"));
    }
    if params.one("request_uri").is_some() {
        return Err(Fault::new(Code::RequestUriNotSupported, "request_uri is not supported"));
    }
    match params.one("response_type") {
        Some("code") if client.may_use(GrantType::AuthorizationCode) => {}
        Some("code") => return Err(Fault::new(Code::UnauthorizedClient, "the client may not use codes")),
        Some(_) => return Err(Fault::new(Code::UnsupportedResponseType, "response_type must be code")),
        None => return Err(invalid("response_type is missing")),
    }
    if params.one("response_mode").is_some_and(|mode| mode != "query") {
        return Err(invalid("response_mode must be query"));
    }
    let long = |name| params.one(name).is_some_and(|text: &str| text.len() > OPAQUE_BYTES_MAX);
    if long("state") || long("nonce") {
        return Err(invalid("state or nonce is too long"));
    }
    // It is kept as a text of its own, and not every database has texts with a NUL.
    if params.one("nonce").is_some_and(|nonce| nonce.contains('\0')) {
        return Err(invalid("nonce has a NUL"));
    }
    let challenge = challenge(params, client)?;
    let prompts: Vec<&str> = params.one("prompt").unwrap_or_default().split(' ').filter(|p| !p.is_empty()).collect();
    let silent = prompts.contains(&"none");
    if silent && prompts.len() > 1 {
        return Err(invalid("prompt=none stands alone"));
    }
    let max_age_s = params.one("max_age").map(|text| text.parse::<u32>().map(i64::from));
    let max_age_s = max_age_s.transpose().map_err(|_| invalid("max_age is not a number of seconds"))?;
    let expected = expected(room, realm, params, client)?;
    let scopes = scope::parse(params.one("scope")).map_err(fault)?;
    let request = AuthorizationRequest {
        client: client.id.clone(),
        redirect_uri: reply.redirect_uri.clone(),
        scopes: scope::within(scopes, &client.registration.scopes).map_err(fault)?,
        audiences: scope::audiences(&params.audiences(), &client.registration.audiences).map_err(fault)?,
        state: reply.state.clone(),
        nonce: params.one("nonce").map(str::to_owned),
        challenge,
        sign_in_again: prompts.contains(&"login"),
        ask_again: prompts.contains(&"consent"),
        max_age_s,
        login_hint: params.one("login_hint").map(|name| name.chars().take(100).collect()),
        expected,
        ui_locales: params.one("ui_locales").map(|tags| tags.chars().take(UI_LOCALES_CHARS_MAX).collect()),
    };
    Ok(Begun { request, silent })
}

/// Whom `id_token_hint` names (OpenID Connect Core §3.1.2.1): the token must be one that this client was given.
fn expected(room: &Room, realm: &RealmState, params: &Params, client: &Client) -> Result<Option<UserId>, Fault> {
    let Some(text) = params.one("id_token_hint") else { return Ok(None) };
    let hint = super::own::id_token_hint(room, realm, &sekisho_token::Secret::from(text));
    let hint = hint.filter(|hint| hint.aud == client.id);
    let user = hint.and_then(|hint| hint.sub.as_str().parse().ok());
    let unusable = || Fault::new(Code::LoginRequired, "id_token_hint is not an ID token of this client");
    user.map(Some).ok_or_else(unusable)
}

/// RFC 7636 §4.3 and RFC 9700 §2.1.1: `S256` only, and none only for a confidential client that was let off.
fn challenge(params: &Params, client: &Client) -> Result<Option<String>, Fault> {
    let invalid = |words| Fault::new(Code::InvalidRequest, words);
    let given = given_challenge(params)?;
    let let_off = client.registration.pkce == Pkce::Optional && !client.is_public();
    if given.is_none() && !let_off {
        return Err(invalid("code_challenge is missing"));
    }
    Ok(given)
}

/// The challenge of a request that has one.
pub(crate) fn given_challenge(params: &Params) -> Result<Option<String>, Fault> {
    let invalid = |words| Fault::new(Code::InvalidRequest, words);
    let Some(challenge) = params.one("code_challenge") else { return Ok(None) };
    if params.one("code_challenge_method") != Some("S256") {
        return Err(invalid("code_challenge_method must be S256"));
    }
    if !pkce::is_challenge(challenge) {
        return Err(invalid("code_challenge is not 43 characters of base64url"));
    }
    Ok(Some(challenge.to_owned()))
}

fn fault(refusal: Refusal) -> Fault {
    match refusal {
        Refusal::Request(fault) => fault,
        Refusal::Client
        | Refusal::Incapable(_)
        | Refusal::Bearer(_)
        | Refusal::TooLarge { .. }
        | Refusal::Throttled(_)
        | Refusal::Unavailable(_) => Fault::new(Code::InvalidRequest, "the request cannot be read"),
    }
}

// === impl Reply ===

impl Reply {
    /// Where the answer to a stored request goes.
    pub(crate) fn to(request: &AuthorizationRequest) -> Self {
        Self { redirect_uri: request.redirect_uri.clone(), state: request.state.clone() }
    }

    /// The address with a code (RFC 6749 §4.1.2, RFC 9207 §2).
    pub(crate) fn with_code(&self, realm: &RealmState, code: &str) -> String {
        self.with(realm, &[("code", code)])
    }

    /// The address with an error (RFC 6749 §4.1.2.1).
    pub(crate) fn with_fault(&self, realm: &RealmState, fault: Fault) -> String {
        self.with(realm, &[("error", fault.code.text()), ("error_description", fault.words)])
    }

    fn with(&self, realm: &RealmState, pairs: &[(&str, &str)]) -> String {
        let state = self.state.as_deref().map(|state| ("state", state));
        let pairs: Vec<(&str, &str)> =
            pairs.iter().copied().chain(state).chain([("iss", realm.issuer.as_str())]).collect();
        with_query(&self.redirect_uri, &pairs)
    }
}

/// An address with more parameters; those it has stay as they are (RFC 6749 §3.1.2).
pub(crate) fn with_query(uri: &str, pairs: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let separator = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{separator}{query}")
}
