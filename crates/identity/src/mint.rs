//! Minting: the one place where tokens are made.
//!
//! An access token is made from a [`Basis`] whose position was read before its state, so a revocation that the basis did
//! not see has a later position and hits the token. Making a JWT writes nothing.
//!
//! Specs: RFC 9068 §2 (access tokens), OpenID Connect Core §2 and §3.1.3.6 (ID tokens), RFC 8693 §4.1 (`act`).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sekisho_model::User;
use sekisho_model::grant::Basis;
use sekisho_token::jwt::{self, TYP_ID_TOKEN};
use sekisho_token::{Secret, Timestamp, digest};
use sekisho_wire::claims::ACCESS_TOKEN_TYP;
use sekisho_wire::{AccessClaims, ClientId, Position, Scopes, Subject, TokenId, Unavailable};
use serde::Serialize;

use crate::realms::RealmState;
use crate::room::Room;

/// Header, two dots and signature of an access token: at most this long but for RSA, where a signature has 342 or 512.
const HEADER_AND_SIGNATURE_BYTES: usize = 700;

/// The claims of an ID token.
#[derive(Debug, Serialize)]
struct IdClaims<'a> {
    iss: &'a str,
    sub: &'a Subject,
    aud: &'a ClientId,
    exp: Timestamp,
    iat: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<&'a str>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    amr: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    at_hash: String,
    #[serde(flatten)]
    person: Person<'a>,
}

/// What `profile` and `email` let a client know (OpenID Connect Core §5.4).
#[derive(Debug, Serialize)]
pub(crate) struct Person<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email_verified: Option<bool>,
}

// === impl Person ===

impl<'a> Person<'a> {
    /// What these scopes show of a person.
    pub(crate) fn shown(user: &'a User, scopes: &Scopes) -> Self {
        let (profile, email) = (scopes.has("profile"), scopes.has("email"));
        Self {
            preferred_username: profile.then(|| user.name.as_str()),
            name: user.display_name.as_deref().filter(|_| profile),
            email: user.email.as_deref().filter(|_| email),
            email_verified: user.email.as_ref().filter(|_| email).map(|_| user.email_verified),
        }
    }
}

/// The claims of an access token for the person behind a grant.
pub(crate) fn of_person(
    room: &Room,
    realm: &RealmState,
    basis: &Basis,
    scope: Scopes,
    audience: Vec<String>,
) -> AccessClaims {
    let session = basis.session.as_ref();
    AccessClaims {
        sub: basis.user.id.into(),
        sid: session.map(|session| session.id),
        grant: Some(basis.grant.id),
        auth_time: session.map(|session| session.auth_time),
        amr: session.map(|session| session.amr.clone()).unwrap_or_default(),
        ..of_client(room, realm, (&basis.grant.client, basis.position), scope, audience)
    }
}

/// The claims of an access token for a client itself: `sub` is the client (RFC 9068 §2.2).
pub(crate) fn of_client(
    room: &Room,
    realm: &RealmState,
    (client, position): (&ClientId, Position),
    scope: Scopes,
    audience: Vec<String>,
) -> AccessClaims {
    let now = room.now();
    AccessClaims {
        iss: realm.issuer.clone(),
        sub: client.into(),
        aud: audience,
        client_id: client.clone(),
        exp: now.plus_s(realm.settings.access_token_lifetime_s),
        iat: now,
        jti: TokenId::generate(now, &*room.entropy),
        scope,
        rev: position,
        sid: None,
        grant: None,
        auth_time: None,
        amr: Vec::new(),
        act: None,
    }
}

/// Signs an access token.
pub(crate) fn access_token(
    room: &Room,
    realm: &RealmState,
    claims: &AccessClaims,
) -> Result<Secret<String>, Unavailable> {
    sign(room, realm, claims, ACCESS_TOKEN_TYP)
}

/// How long the token of these claims is, to within a few bytes; signing is not needed to know it.
pub(crate) fn length(claims: &AccessClaims) -> usize {
    let payload = serde_json::to_vec(claims).map_or(0, |payload| payload.len());
    payload.div_ceil(3) * 4 + HEADER_AND_SIGNATURE_BYTES
}

/// Signs an ID token that goes out beside an access token.
pub(crate) fn id_token(
    room: &Room,
    realm: &RealmState,
    basis: &Basis,
    (nonce, scopes): (Option<&str>, &Scopes),
    access_token: &Secret<String>,
) -> Result<Secret<String>, Unavailable> {
    let now = room.now();
    let signs_with = realm.signer(now)?.alg();
    let half = digest::left_half(signs_with, access_token.expose().as_bytes());
    let session = basis.session.as_ref();
    let claims = IdClaims {
        iss: realm.issuer.as_str(),
        sub: &basis.user.id.into(),
        aud: &basis.grant.client,
        exp: now.plus_s(realm.settings.access_token_lifetime_s),
        iat: now,
        auth_time: session.map(|session| session.auth_time),
        nonce,
        amr: session.map_or(&[], |session| &session.amr),
        sid: session.map(|session| session.id.to_string()),
        at_hash: URL_SAFE_NO_PAD.encode(half),
        person: Person::shown(&basis.user, scopes),
    };
    sign(room, realm, &claims, TYP_ID_TOKEN)
}

fn sign<C: Serialize>(room: &Room, realm: &RealmState, claims: &C, typ: &str) -> Result<Secret<String>, Unavailable> {
    let key = realm.signer(room.now())?;
    jwt::sign(claims, typ, &key).map(Secret::new).map_err(|error| {
        tracing::error!(realm = %realm.name, %error, "a token cannot be signed");
        Unavailable::of("keys")
    })
}
