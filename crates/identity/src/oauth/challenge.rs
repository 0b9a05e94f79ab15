//! The challenge endpoint of "OAuth 2.0 for First-Party Applications" (an IETF draft): a name and a password bring an
//! authorization code, for our own gateway only.
//!
//! It is not the password grant: what comes back is a code that this client alone can redeem once, and identity could
//! answer with another step instead.

use sekisho_model::client::Capability;
use sekisho_model::code::{Code, Stage};
use sekisho_model::session::{NewSession, Origin as SessionOrigin};
use sekisho_token::Secret;
use sekisho_token::credential::{Credential, Kind};
use sekisho_wire::SessionId;

use super::refusal::Refusal;
use super::{Call, scope};
use crate::room::unavailable;
use crate::signin::{self, SignInError, Typed};

/// How a person proved who they are (RFC 8176 §2).
pub(crate) const AMR_PASSWORD: &str = "pwd";

/// Why no code came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ChallengeError {
    SignIn(SignInError),
    Refused(Refusal),
}

/// Signs a person in through a first-party client.
pub(crate) async fn challenge(call: Call<'_>) -> Result<Secret<String>, ChallengeError> {
    call.known.demand(Capability::FirstPartyLogin)?;
    if call.params.has_duplicates() {
        return Err(Refusal::request("a parameter stands more than once").into());
    }
    let name = call.must("username", "username is missing")?;
    let password = Secret::from(call.must("password", "password is missing")?);
    let asked = scope::parse(call.params.one("scope"))?;
    let client = &call.known.client;
    let typed = Typed { name, password: &password, client: &client.id };
    let user = signin::check(call.room, call.realm, &typed, call.origin).await.map_err(ChallengeError::SignIn)?;
    let scopes = scope::within(asked, &scope::allowed(client, &user))?;

    let (room, settings) = (call.room, &call.realm.settings);
    let now = room.now();
    let session = NewSession {
        id: SessionId::generate(now, &*room.entropy),
        user: user.id,
        origin: SessionOrigin::FirstParty(client.id.clone()),
        cookie: None,
        amr: vec![AMR_PASSWORD.to_owned()],
        idle_s: settings.session_idle_s,
        lifetime_s: settings.session_lifetime_s,
        user_agent: call.origin.user_agent.clone(),
        replaces: None,
    };
    let session = room.store.open_session(call.act(), session).await.map_err(unavailable)?;
    let text = Credential::mint(Kind::Code, &*room.entropy);
    let code = Code {
        digest: text.digest(),
        client: client.id.clone(),
        user: user.id,
        session: session.id,
        redirect_uri: None,
        challenge: None,
        scopes,
        audiences: client.registration.audiences.clone(),
        nonce: None,
        expires_at: now.plus_s(settings.code_lifetime_s),
        stage: Stage::Pending,
    };
    room.store.issue_code(call.act(), code).await.map_err(unavailable)?;
    Ok(text.into_secret())
}

// === impl ChallengeError ===

impl<R: Into<Refusal>> From<R> for ChallengeError {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}
