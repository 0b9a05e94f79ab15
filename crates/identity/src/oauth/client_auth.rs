//! Which client asks, and whether it is the one.
//!
//! ```text
//!   header and form ─► one method only ─► look up ─► registered for this method ─► digest of the secret ─► the client
//! ```
//!
//! An unknown client gets the answer and the work of a wrong secret.
//!
//! Specs: RFC 6749 §2.3 and §2.3.1, OAuth 2.1 §2.4.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sekisho_model::Client;
use sekisho_model::client::{Capability, ClientAuth};
use sekisho_token::{Digest, Secret};
use sekisho_wire::audit::Event;
use sekisho_wire::{ClientId, Position};

use super::params::Params;
use super::refusal::Refusal;
use crate::realms::RealmState;
use crate::room::{Origin, Room};

/// A client that proved who it is, or has nothing to prove it with and is known to have nothing.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    pub(crate) client: Client,
    /// The realm's position, read before the client.
    pub(crate) position: Position,
}

/// What a request shows.
#[derive(Debug)]
struct Shown {
    id: String,
    secret: Option<Secret<String>>,
    method: ClientAuth,
}

/// Finds out which client asks.
pub(crate) async fn authenticate(
    room: &Room,
    realm: &RealmState,
    authorization: Option<&str>,
    params: &Params,
    origin: &Origin,
) -> Result<Known, Refusal> {
    let shown = read(authorization, params)?;
    let found = match shown.id.parse::<ClientId>() {
        Ok(id) => room.client(&realm.name, &id).await?,
        Err(_) => None,
    };
    // Of a client that does not exist, nobody's secret is compared.
    let presented = Digest::of(shown.secret.as_ref().map_or("", |secret| secret.expose()).as_bytes());
    let right = match &found {
        Some((_, client)) => client.has_secret(&presented),
        None => presented.matches(&Digest([0; 32])),
    };
    match found {
        Some((position, client)) if accepts(&client, &shown, right) => Ok(Known { client, position }),
        found => {
            let known = found.map(|(_, client)| client.id);
            let mut line = room.act(realm, known.as_ref(), origin).audit(Event::ClientRefused);
            // An id that nobody has could be anything, a secret in the wrong field too.
            line.detail = known.is_none().then(|| "there is no such client, or it is disabled".to_owned());
            room.record(line);
            room.throttle.wrong_secret(&realm.name, &shown.id, origin.address)?;
            Err(Refusal::Client)
        }
    }
}

/// The method must be the registered one: a client that is known by a secret in the header is not known by one elsewhere,
/// and a public client that shows a secret is somebody else (RFC 9700 §2.5).
fn accepts(client: &Client, shown: &Shown, right: bool) -> bool {
    match client.registration.auth {
        ClientAuth::None => shown.secret.is_none() && shown.method == ClientAuth::None,
        registered @ (ClientAuth::ClientSecretBasic | ClientAuth::ClientSecretPost) => {
            registered == shown.method && shown.secret.is_some() && right
        }
    }
}

fn read(authorization: Option<&str>, params: &Params) -> Result<Shown, Refusal> {
    let (id, secret) = (params.one("client_id"), params.one("client_secret"));
    let Some(authorization) = authorization else {
        let id = id.ok_or(Refusal::Client)?.to_owned();
        let method = if secret.is_some() { ClientAuth::ClientSecretPost } else { ClientAuth::None };
        return Ok(Shown { id, secret: secret.map(Secret::from), method });
    };
    // RFC 6749 §2.3: one method per request.
    if secret.is_some() {
        return Err(Refusal::request("the client authenticates in two ways at once"));
    }
    let (basic_id, basic_secret) = basic(authorization).ok_or(Refusal::Client)?;
    if id.is_some_and(|id| id != basic_id) {
        return Err(Refusal::request("client_id differs from the one in the Authorization header"));
    }
    Ok(Shown { id: basic_id, secret: Some(basic_secret), method: ClientAuth::ClientSecretBasic })
}

/// RFC 6749 §2.3.1: id and secret are form-encoded before they are joined by a colon. Neither of ours ever has a character
/// that would be encoded, so that clients that leave the encoding out are right too.
fn basic(authorization: &str) -> Option<(String, Secret<String>)> {
    let (scheme, encoded) = authorization.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return None;
    }
    let pair = Secret::new(STANDARD.decode(encoded.trim_start()).ok()?);
    let text = std::str::from_utf8(pair.expose()).ok()?;
    let (id, secret) = text.split_once(':')?;
    Some((form_decoded(id)?, Secret::new(form_decoded(secret)?)))
}

fn form_decoded(text: &str) -> Option<String> {
    let text = text.replace('+', " ");
    percent_encoding::percent_decode_str(&text).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

// === impl Known ===

impl Known {
    /// The client may ask for this, or may not.
    pub(crate) fn demand(&self, capability: Capability) -> Result<(), Refusal> {
        // Whoever anybody can be has no rights beyond tokens, whatever its row says.
        if self.client.can(capability) && !self.client.is_public() {
            Ok(())
        } else {
            Err(Refusal::Incapable(lacking(capability)))
        }
    }
}

fn lacking(capability: Capability) -> &'static str {
    match capability {
        Capability::ReadFeed => "the client lacks the capability `read_feed`",
        Capability::Introspect => "the client lacks the capability `introspect`",
        Capability::Swap => "the client lacks the capability `swap`",
        Capability::FirstPartyLogin => "the client lacks the capability `first_party_login`",
    }
}
