//! RP-initiated logout (OpenID Connect RP-Initiated Logout 1.0).
//!
//! The session cookie decides whose sign-in ends; `id_token_hint` only names the client, and lets the question be left out
//! when it names this very sign-in. A leaked hint logs nobody out. Where the browser goes afterwards is compared byte for
//! byte with what the client registered.

use sekisho_model::Session;
use sekisho_token::Secret;
use sekisho_wire::{ClientId, Unavailable};

use super::own;
use super::params::Params;
use crate::realms::RealmState;
use crate::room::{Origin, Room, unavailable};

/// What a logout request asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    /// Whether the client that asks is known to have taken part in this sign-in.
    pub(crate) vouched: bool,
    /// Where to go afterwards, registered for the client, `state` included.
    pub(crate) back: Option<String>,
}

/// Why a request is answered with a page that goes nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wrong {
    /// `post_logout_redirect_uri` is not registered, or nobody says for which client.
    Redirect,
    /// A parameter stands twice.
    Duplicate,
    /// Nobody knows.
    Unavailable(Unavailable),
}

/// Reads a logout request.
pub(crate) async fn asked(
    room: &Room,
    realm: &RealmState,
    params: &Params,
    session: Option<&Session>,
) -> Result<Asked, Wrong> {
    if params.has_duplicates() {
        return Err(Wrong::Duplicate);
    }
    let hint = params.one("id_token_hint").and_then(|text| own::id_token_hint(room, realm, &Secret::from(text)));
    let vouched = hint.as_ref().is_some_and(|hint| {
        session.is_some_and(|session| hint.sid == Some(session.id) && hint.sub == session.user.into())
    });
    let named = params.one("client_id").and_then(|id| id.parse::<ClientId>().ok());
    let client = match (hint, named) {
        (Some(hint), Some(named)) if hint.aud != named => return Err(Wrong::Redirect),
        (Some(hint), _) => Some(hint.aud),
        (None, named) => named,
    };
    let Some(uri) = params.one("post_logout_redirect_uri") else { return Ok(Asked { vouched, back: None }) };
    let client = client.ok_or(Wrong::Redirect)?;
    let found = room.client(&realm.name, &client).await.map_err(Wrong::Unavailable)?;
    let registered = found.is_some_and(|(_, client)| {
        client.registration.post_logout_redirect_uris.iter().any(|registered| registered == uri)
    });
    if !registered {
        return Err(Wrong::Redirect);
    }
    let back = match params.one("state") {
        Some(state) => super::authorize::with_query(uri, &[("state", state)]),
        None => uri.to_owned(),
    };
    Ok(Asked { vouched, back: Some(back) })
}

/// Ends a sign-in, and everything that hangs on it, before it answers.
pub(crate) async fn end(
    room: &Room,
    realm: &RealmState,
    session: &Session,
    origin: &Origin,
) -> Result<(), Unavailable> {
    room.store.end_session(room.act(realm, None, origin), session.id).await.map_err(unavailable)?;
    room.hub.settle(&realm.name).await
}
