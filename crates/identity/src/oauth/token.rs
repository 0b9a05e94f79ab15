//! The token endpoint: one order of steps for every grant.
//!
//! ```text
//!   parameters once each ─► grant_type known ─► this client may use it ─► the grant's own hook ─► tokens
//! ```
//!
//! The client was authenticated before (`client_auth`), or is a room of this process.
//!
//! Specs: RFC 6749 §3.2, §4.1.3, §4.4, §5 and §6, RFC 7636 §4.6, RFC 9700 §2 and §4. The password grant is not here and
//! never will be.

use sekisho_model::client::{AccessTokenForm, GrantType};
use sekisho_model::code::{Presented, Redeemed, Redemption};
use sekisho_model::grant::{Basis, NewGrant, RefreshRequest, Refreshed};
use sekisho_model::opaque::NewOpaque;
use sekisho_token::credential::{Credential, Kind};
use sekisho_token::{Secret, Timestamp, pkce, refresh};
use sekisho_wire::audit::Event;
use sekisho_wire::{GrantId, Scopes, SessionId, Subject};

use super::refusal::{Code, Fault, Refusal};
use super::{Call, exchange, scope};
use crate::mint;
use crate::room::unavailable;

/// RFC 8693 §3.
pub(crate) const TYPE_ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
/// RFC 8693 §3.
pub(crate) const TYPE_JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

/// The longest JWT that verifiers read (`token::jwt::Limits`), in bytes.
const INNER_BYTES_MAX: usize = 8 * 1024;

/// What a grant brought.
#[derive(Debug)]
pub(crate) struct Issued {
    pub(crate) access_token: Secret<String>,
    pub(crate) expires_at: Timestamp,
    pub(crate) scope: Scopes,
    pub(crate) refresh_token: Option<Secret<String>>,
    pub(crate) id_token: Option<Secret<String>>,
    /// Which type an exchange gave (RFC 8693 §2.2.1).
    pub(crate) issued_token_type: Option<&'static str>,
    /// When the opaque token ends that was swapped.
    pub(crate) subject_token_expires_at: Option<Timestamp>,
    pub(crate) subject: Subject,
    pub(crate) session: Option<SessionId>,
}

/// Answers a token request.
pub(crate) async fn token(call: Call<'_>) -> Result<Issued, Refusal> {
    if call.params.has_duplicates() {
        return Err(Refusal::request("a parameter stands more than once"));
    }
    let named = call.must("grant_type", "grant_type is missing")?;
    let grant =
        GrantType::named(named).ok_or(Fault::new(Code::UnsupportedGrantType, "this grant_type is not supported"))?;
    if !call.known.client.may_use(grant) {
        return Err(Fault::new(Code::UnauthorizedClient, "the client is not registered for this grant_type").into());
    }
    let issued = match grant {
        GrantType::AuthorizationCode => code(call).await,
        GrantType::RefreshToken => renew(call).await,
        GrantType::ClientCredentials => for_itself(call),
        GrantType::TokenExchange => exchange::exchange(call).await,
    }?;
    call.realm.meter.issued(grant);
    Ok(issued)
}

/// RFC 6749 §4.1.3.
async fn code(call: Call<'_>) -> Result<Issued, Refusal> {
    let refused = Refusal::grant("the code is not good for this client, redirect_uri and code_verifier");
    let code = call.must("code", "code is missing")?;
    let code = Credential::parse(Kind::Code, code).map_err(|_| refused)?;
    can_be_served(call)?;
    let challenge = match call.params.one("code_verifier") {
        Some(verifier) if pkce::is_verifier(verifier) => Some(pkce::challenge_of(verifier)),
        // RFC 7636 §4.1; it must still burn the code, so it is presented as one that matches nothing.
        Some(_) => Some(String::new()),
        None => None,
    };
    let client = &call.known.client;
    let settings = &call.realm.settings;
    let redemption = Redemption {
        digest: code.digest(),
        presented: Presented {
            client: client.id.clone(),
            redirect_uri: call.params.one("redirect_uri").map(str::to_owned),
            challenge,
        },
        grant: NewGrant {
            id: GrantId::generate(call.room.now(), &*call.room.entropy),
            lifetime_s: settings.session_lifetime_s,
            refresh_idle_s: client.may_use(GrantType::RefreshToken).then_some(settings.refresh_idle_s),
        },
    };
    match call.room.store.redeem_code(call.act(), redemption).await.map_err(unavailable)? {
        Redeemed::Granted { basis, nonce } => match deliver(call, &basis, nonce.as_deref()).await {
            // Nobody holds anything of it, and the code is used up.
            Err(refusal @ Refusal::Request(_)) => Err(take_back(call, &basis, refusal).await),
            delivered => delivered,
        },
        Redeemed::Refused { .. } => {
            // A replay may have revoked a grant; nobody is answered before that is in force.
            call.room.hub.settle(&call.realm.name).await?;
            Err(refused)
        }
        Redeemed::Gone(_) | Redeemed::Unknown => Err(refused),
    }
}

/// RFC 6749 §6.
async fn renew(call: Call<'_>) -> Result<Issued, Refusal> {
    let refused = Refusal::grant("the refresh token is not good for this client");
    let text = call.must("refresh_token", "refresh_token is missing")?;
    let token = refresh::open(&call.realm.refresh_key, text).map_err(|_| refused)?;
    let grant = GrantId(token.grant);
    // Before the token is used up: a request that cannot be served must not cost the client its grant.
    can_be_served(call)?;
    let basis = call.room.store.basis(&call.realm.name, grant).await.map_err(unavailable)?;
    if let Some(basis) = basis.filter(|basis| basis.grant.client == call.known.client.id) {
        scope::narrowed(scope::parse(call.params.one("scope"))?, &basis.grant.scopes)?;
        audience(call, &basis)?;
    }
    let request = RefreshRequest {
        grant,
        generation: token.generation,
        client: call.known.client.id.clone(),
        grace_s: call.realm.settings.refresh_grace_s,
    };
    match call.room.store.refresh_grant(call.act(), request).await.map_err(unavailable)? {
        Refreshed::Granted { generation, basis } => {
            let mut issued = deliver(call, &basis, None).await?;
            issued.refresh_token = Some(refresh::mint(&call.realm.refresh_key, grant.0, generation));
            Ok(issued)
        }
        Refreshed::Reused(_) => {
            call.room.hub.settle(&call.realm.name).await?;
            Err(refused)
        }
        Refreshed::Refused(reason) => {
            let mut line = call.act().audit(Event::RefreshRefused);
            line.grant = Some(grant);
            line.reason = Some(reason);
            call.room.record(line);
            Err(refused)
        }
    }
}

/// RFC 6749 §4.4: nothing is written, and there is nobody to log in as and nothing to refresh.
fn for_itself(call: Call<'_>) -> Result<Issued, Refusal> {
    let client = &call.known.client;
    if client.is_public() {
        return Err(Fault::new(Code::UnauthorizedClient, "a public client cannot act for itself").into());
    }
    let most = client.registration.scopes.iter().filter(|scope| !scope::ABOUT_A_PERSON.contains(&scope.as_str()));
    let granted = scope::within(scope::parse(call.params.one("scope"))?, &most.cloned().collect())?;
    let audience = scope::audiences(&call.params.audiences(), &client.registration.audiences)?;
    let of = (&client.id, call.known.position);
    let claims = mint::of_client(call.room, call.realm, of, granted.clone(), audience);
    let mut line = call.act().audit(Event::ClientTokenIssued);
    line.subject = Some(claims.sub.clone());
    call.room.record(line);
    Ok(Issued {
        access_token: mint::access_token(call.room, call.realm, &claims)?,
        expires_at: claims.exp,
        scope: granted,
        refresh_token: None,
        id_token: None,
        issued_token_type: None,
        subject_token_expires_at: None,
        subject: claims.sub,
        session: None,
    })
}

/// The tokens of a grant, in the form that is wanted.
async fn deliver(call: Call<'_>, basis: &Basis, nonce: Option<&str>) -> Result<Issued, Refusal> {
    let Call { room, realm, params, origin, .. } = call;
    let granted = scope::remaining(&basis.grant.scopes, &call.known.client, &basis.user);
    let asked = scope::parse(params.one("scope"))?.filter(|_| params.one("grant_type") == Some("refresh_token"));
    let scope = scope::narrowed(asked, &basis.grant.scopes)?.intersection(&granted);
    let audience = audience(call, basis)?;
    if let Some(session) = &basis.session {
        room.touch(realm, session, origin);
    }
    let (access_token, expires_at) = match form(call)? {
        AccessTokenForm::Opaque => {
            // What it stands for must fit a header between services; better said now than with every request.
            let inner = mint::of_person(room, realm, basis, scope.clone(), audience.clone());
            fits(call, basis, mint::length(&inner), INNER_BYTES_MAX).await?;
            let worth = Worth { scopes: scope.clone(), audiences: audience, expires_at: basis.grant.expires_at };
            keep_opaque(call, basis, worth).await?
        }
        AccessTokenForm::Jwt => {
            let mut claims = mint::of_person(room, realm, basis, scope.clone(), audience);
            // The client was read before the grant: what was taken from it in between hits the token, too.
            claims.rev = claims.rev.min(call.known.position);
            let text = mint::access_token(room, realm, &claims)?;
            fits(call, basis, text.expose().len(), carrier(call)?).await?;
            (text, claims.exp)
        }
    };
    let id_token =
        scope.has("openid").then(|| mint::id_token(room, realm, basis, (nonce, &scope), &access_token)).transpose()?;
    let refresh_token =
        basis.grant.refresh.map(|state| refresh::mint(&realm.refresh_key, basis.grant.id.0, state.generation));
    Ok(Issued {
        access_token,
        expires_at,
        scope,
        refresh_token,
        id_token,
        issued_token_type: None,
        subject_token_expires_at: None,
        subject: basis.user.id.into(),
        session: basis.session.as_ref().map(|session| session.id),
    })
}

/// For which of the grant's services the token is: those asked for, else all that the client may still have.
fn audience(call: Call<'_>, basis: &Basis) -> Result<Vec<String>, Refusal> {
    let left = scope::left(&basis.grant.audiences, &call.known.client)?;
    scope::audiences(&call.params.audiences(), &left)
}

/// The form of the access token: the one asked for, else the client's own.
fn form(call: Call<'_>) -> Result<AccessTokenForm, Refusal> {
    match call.params.one("requested_token_type") {
        None => Ok(call.known.client.registration.tokens),
        Some(TYPE_ACCESS_TOKEN) => Ok(AccessTokenForm::Opaque),
        Some(TYPE_JWT) => Ok(AccessTokenForm::Jwt),
        Some(_) => Err(Refusal::request("this requested_token_type is not supported")),
    }
}

/// What an opaque token is worth: at most its grant.
#[derive(Debug)]
pub(super) struct Worth {
    pub(super) scopes: Scopes,
    pub(super) audiences: Vec<String>,
    pub(super) expires_at: Timestamp,
}

/// A fresh opaque token of a grant, and when it ends: no later than the grant, and the sign-in behind it.
pub(super) async fn keep_opaque(
    call: Call<'_>,
    basis: &Basis,
    worth: Worth,
) -> Result<(Secret<String>, Timestamp), Refusal> {
    let Worth { scopes, audiences, expires_at } = worth;
    let token = Credential::mint(Kind::OpaqueToken, &*call.room.entropy);
    let ends = basis.session.as_ref().map(|session| session.expires_at);
    let expires_at = ends.unwrap_or(expires_at).min(expires_at).min(basis.grant.expires_at);
    let kept = NewOpaque { digest: token.digest(), grant: basis.grant.id, scopes, audiences, expires_at };
    call.room.store.keep_opaque(call.act(), kept).await.map_err(unavailable)?;
    Ok((token.into_secret(), expires_at))
}

/// What can be said of a request before its code or refresh token is looked at.
fn can_be_served(call: Call<'_>) -> Result<(), Refusal> {
    form(call)?;
    carrier(call)?;
    scope::parse(call.params.one("scope"))?;
    Ok(())
}

/// How long a token its carrier takes, where the client said so.
fn carrier(call: Call<'_>) -> Result<usize, Refusal> {
    let said = call.params.one("token_bytes_max").map(str::parse);
    said.unwrap_or(Ok(usize::MAX)).map_err(|_| Refusal::request("token_bytes_max is not a number"))
}

/// A token that is too long for its carrier is refused here and now, and what was granted for it is taken back.
async fn fits(call: Call<'_>, basis: &Basis, bytes: usize, bytes_max: usize) -> Result<(), Refusal> {
    if bytes <= bytes_max {
        return Ok(());
    }
    Err(take_back(call, basis, Refusal::TooLarge { bytes, bytes_max }).await)
}

/// Takes back what was granted for a request that is refused after all.
async fn take_back(call: Call<'_>, basis: &Basis, refusal: Refusal) -> Refusal {
    if let Err(error) = call.room.store.revoke_grant(call.act(), basis.grant.id).await {
        return unavailable(error).into();
    }
    match call.room.hub.settle(&call.realm.name).await {
        Ok(()) => refusal,
        Err(unavailable) => unavailable.into(),
    }
}
