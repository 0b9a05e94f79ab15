//! Authorization codes as they are given out (RFC 6749 §4.1.2): to one client, for one sign-in, for a minute.
//!
//! Not here: what happens when one is presented (`token`).

use sekisho_model::code::{Code, Stage};
use sekisho_model::{Act, Session};
use sekisho_token::Secret;
use sekisho_token::credential::{Credential, Kind};
use sekisho_wire::{ClientId, Scopes, Unavailable};

use crate::realms::RealmState;
use crate::room::{Room, unavailable};

/// What a code will bring, and what it is bound to.
#[derive(Debug)]
pub(crate) struct Promise {
    pub(crate) client: ClientId,
    pub(crate) scopes: Scopes,
    pub(crate) audiences: Vec<String>,
    /// None where a browser is not sent anywhere.
    pub(crate) redirect_uri: Option<String>,
    pub(crate) challenge: Option<String>,
    pub(crate) nonce: Option<String>,
}

/// Keeps a code for whoever signed in; gives its text.
pub(crate) async fn issue(
    room: &Room,
    realm: &RealmState,
    act: Act,
    session: &Session,
    promise: Promise,
) -> Result<Secret<String>, Unavailable> {
    let Promise { client, scopes, audiences, redirect_uri, challenge, nonce } = promise;
    let text = Credential::mint(Kind::Code, &*room.entropy);
    let code = Code {
        digest: text.digest(),
        client,
        user: session.user,
        session: session.id,
        redirect_uri,
        challenge,
        scopes,
        audiences,
        nonce,
        expires_at: room.now().plus_s(realm.settings.code_lifetime_s),
        stage: Stage::Pending,
    };
    room.store.issue_code(act, code).await.map_err(unavailable)?;
    Ok(text.into_secret())
}
