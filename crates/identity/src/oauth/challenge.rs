//! The challenge endpoint of "OAuth 2.0 for First-Party Applications" (an IETF draft): a name and a password bring an
//! authorization code, for our own gateway only.
//!
//! It is not the password grant: what comes back is a code that this client alone can redeem once, and identity could
//! answer with another step instead.

use sekisho_model::client::Capability;
use sekisho_token::Secret;

use super::code::Promise;
use super::refusal::Refusal;
use super::{Call, authorize, code, scope};
use crate::signin::{self, Held, SignInError, Typed};

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
    let challenge = authorize::given_challenge(call.params)?;
    let asked = scope::parse(call.params.one("scope"))?;
    let client = &call.known.client;
    let typed = Typed { name, password: &password, client: Some(&client.id) };
    let user = signin::check(call.room, call.realm, &typed, call.origin).await.map_err(ChallengeError::SignIn)?;
    let scopes = scope::within(asked, &scope::allowed(client, &user))?;

    let held = Held::FirstParty(client.id.clone());
    let session = signin::open_session(call.room, call.realm, (call.act(), call.origin), &user, held).await;
    let session = session.map_err(ChallengeError::SignIn)?;
    let promise = Promise {
        client: client.id.clone(),
        scopes,
        audiences: client.registration.audiences.clone(),
        redirect_uri: None,
        challenge,
        nonce: None,
    };
    Ok(code::issue(call.room, call.realm, call.act(), &session, promise).await?)
}

// === impl ChallengeError ===

impl<R: Into<Refusal>> From<R> for ChallengeError {
    fn from(refusal: R) -> Self {
        Self::Refused(refusal.into())
    }
}
