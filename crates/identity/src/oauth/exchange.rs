//! Token exchange (RFC 8693), in three uses.
//!
//! ```text
//!   swap       opaque ─► JWT      capability `swap`: the same token's other face, so client_id stays and nobody acts
//!   wrap       JWT ─► opaque      capability `swap`: of the same grant
//!   delegate   either ─► JWT      whoever the token was for: other audiences, narrower scope, `act` names the client
//! ```
//!
//! INVARIANT (own-tokens): a client delegates what was issued to it, or to its service: whose audience is its id. A token
//! that it found elsewhere brings it nothing (RFC 8693 §5, RFC 9700 §4.8).
//!
//! What comes of an exchange never lives longer than what went in, carries its grant and sign-in, and so ends with them.

use sekisho_model::client::Capability;
use sekisho_model::grant::Basis;
use sekisho_token::Timestamp;
use sekisho_token::credential::{Kind, kind_of};
use sekisho_wire::audit::Event;
use sekisho_wire::claims::Actor;
use sekisho_wire::{AccessClaims, Reason};

use super::own::{self, Dead, Own};
use super::refusal::Refusal;
use super::token::{Issued, TYPE_ACCESS_TOKEN, TYPE_JWT, Worth, keep_opaque};
use super::{Call, scope};
use crate::mint;
use crate::room::unavailable;

const NOT_FOR_THIS_CLIENT: &str = "the token was neither issued to this client nor meant for its service";

/// How many may have acted before (RFC 8693 §4.1): each is a member of the next token, which services must carry.
const ACTORS_MAX: usize = 8;

/// Answers an exchange.
pub(crate) async fn exchange(call: Call<'_>) -> Result<Issued, Refusal> {
    let subject = call.must("subject_token", "subject_token is missing")?;
    let of_type = call.must("subject_token_type", "subject_token_type is missing")?;
    if ![TYPE_ACCESS_TOKEN, TYPE_JWT].contains(&of_type) {
        return Err(Refusal::request("this subject_token_type is not supported"));
    }
    let opaque = kind_of(subject) == Some(Kind::OpaqueToken);
    let swaps = call.known.client.can(Capability::Swap);
    match call.params.one("requested_token_type") {
        Some(TYPE_JWT) if swaps && of_type == TYPE_ACCESS_TOKEN => swap(call, subject).await,
        Some(TYPE_ACCESS_TOKEN) if swaps && !opaque => wrap(call, subject).await,
        None | Some(TYPE_JWT | TYPE_ACCESS_TOKEN) => delegate(call, subject).await,
        Some(_) => Err(Refusal::request("this requested_token_type is not supported")),
    }
}

async fn swap(call: Call<'_>, subject: &str) -> Result<Issued, Refusal> {
    let opaque = own::opaque(call.room, call.realm, subject).await?;
    let mut claims = own::inner(call.room, call.realm, &opaque).await?;
    let asked = scope::audiences(&call.params.audiences(), &call.known.client.registration.audiences)?;
    claims.aud.retain(|name| asked.contains(name));
    if claims.aud.is_empty() {
        return Err(Refusal::subject_token(Reason::WrongAudience));
    }
    if let Some(session) = &opaque.basis.session {
        call.room.touch(call.realm, session, call.origin);
    }
    claims.exp = claims.exp.min(claims.iat.plus_s(call.realm.settings.access_token_lifetime_s));
    let issued = issue(call, &claims, Some(opaque.expires_at))?;
    record(call, &claims);
    Ok(issued)
}

async fn wrap(call: Call<'_>, subject: &str) -> Result<Issued, Refusal> {
    let claims = own::jwt(call.room, call.realm, subject).await?;
    if claims.act.is_some() {
        return Err(Refusal::request("a token that names an actor has no opaque form"));
    }
    let basis = basis(call, &claims).await?.ok_or(Refusal::subject_token(Reason::GrantRevoked))?;
    let worth = Worth { scopes: claims.scope.clone(), audiences: claims.aud.clone(), expires_at: claims.exp };
    let (access_token, expires_at) = keep_opaque(call, &basis, worth).await?;
    record(call, &claims);
    Ok(Issued {
        access_token,
        expires_at,
        scope: claims.scope,
        refresh_token: None,
        id_token: None,
        issued_token_type: Some(TYPE_ACCESS_TOKEN),
        subject_token_expires_at: None,
        subject: claims.sub,
        session: claims.sid,
    })
}

async fn delegate(call: Call<'_>, subject: &str) -> Result<Issued, Refusal> {
    let Call { room, realm, known, params, .. } = call;
    let client = &known.client;
    let subject = match own::read(room, realm, subject).await? {
        Own::Jwt(claims) => *claims,
        Own::Opaque(opaque) => own::inner(room, realm, &opaque).await?,
    };
    is_for(call, &subject)?;
    if actors(&subject) >= ACTORS_MAX {
        return Err(Refusal::request("too many have acted for this subject already"));
    }
    let basis = basis(call, &subject).await?;
    let allowed = subject.scope.intersection(&client.registration.scopes);
    let scope = scope::narrowed(scope::parse(params.one("scope"))?, &allowed)?;
    let audience = scope::audiences(&params.audiences(), &client.registration.audiences)?;
    // The client was read before the subject was judged, and that before what stands behind it: whatever was taken from one
    // of them since hits the token.
    let position = basis.as_ref().map_or(known.position, |basis| basis.position.min(known.position));
    let actor = actor(call).await?;
    let now = room.now();
    let claims = AccessClaims {
        aud: audience,
        client_id: client.id.clone(),
        exp: now.plus_s(realm.settings.access_token_lifetime_s).min(subject.exp),
        iat: now,
        jti: sekisho_wire::TokenId::generate(now, &*room.entropy),
        scope,
        rev: position,
        act: Some(Box::new(Actor { sub: actor, act: subject.act.clone() })),
        ..subject
    };
    let issued = issue(call, &claims, None)?;
    record(call, &claims);
    Ok(issued)
}

/// Who acts: the client. An actor token (RFC 8693 §2.1) may prove it once more, and names nobody else: a token that somebody
/// sent to this service does not make its sender the one who acts.
async fn actor(call: Call<'_>) -> Result<sekisho_wire::Subject, Refusal> {
    let client: sekisho_wire::Subject = (&call.known.client.id).into();
    let (token, of_type) = (call.params.one("actor_token"), call.params.one("actor_token_type"));
    match (token, of_type) {
        (None, None) => Ok(client),
        (None, Some(_)) => Err(Refusal::request("actor_token_type without actor_token")),
        (Some(token), Some(TYPE_ACCESS_TOKEN | TYPE_JWT)) => match own::jwt(call.room, call.realm, token).await {
            Ok(claims) if claims.sub == client => Ok(client),
            Ok(_) => Err(Refusal::request("the actor token speaks for somebody else than this client")),
            Err(dead) => Err(dead.into()),
        },
        (Some(_), _) => Err(Refusal::request("actor_token_type is missing or not supported")),
    }
}

/// Whether a token was issued to the client, or to its service.
fn is_for(call: Call<'_>, claims: &AccessClaims) -> Result<(), Refusal> {
    let id = &call.known.client.id;
    if claims.client_id == *id || claims.aud.iter().any(|name| name == id.as_str()) {
        return Ok(());
    }
    Err(Refusal::request(NOT_FOR_THIS_CLIENT))
}

/// What stands behind claims with a grant, alive; none for a client's own.
async fn basis(call: Call<'_>, claims: &AccessClaims) -> Result<Option<Basis>, Refusal> {
    let Some(grant) = claims.grant else { return Ok(None) };
    let found = call.room.store.basis(&call.realm.name, grant).await.map_err(unavailable)?;
    let basis = found.ok_or(Refusal::subject_token(Reason::GrantRevoked))?;
    basis.check(call.room.now()).map_err(Refusal::subject_token)?;
    Ok(Some(basis))
}

fn actors(claims: &AccessClaims) -> usize {
    std::iter::successors(claims.act.as_deref(), |actor| actor.act.as_deref()).count()
}

fn issue(call: Call<'_>, claims: &AccessClaims, subject_ends: Option<Timestamp>) -> Result<Issued, Refusal> {
    Ok(Issued {
        access_token: mint::access_token(call.room, call.realm, claims)?,
        expires_at: claims.exp,
        scope: claims.scope.clone(),
        refresh_token: None,
        id_token: None,
        issued_token_type: Some(TYPE_JWT),
        subject_token_expires_at: subject_ends,
        subject: claims.sub.clone(),
        session: claims.sid,
    })
}

fn record(call: Call<'_>, claims: &AccessClaims) {
    let mut line = call.act().audit(Event::TokenExchanged);
    line.subject = Some(claims.sub.clone());
    line.session = claims.sid;
    line.grant = claims.grant;
    call.room.record(line);
}

impl From<Dead> for Refusal {
    fn from(dead: Dead) -> Self {
        match dead {
            Dead::Refused(reason) => Self::subject_token(reason),
            Dead::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
