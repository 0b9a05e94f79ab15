//! The endpoints that programs call.

use axum::extract::RawQuery;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::request::Asked;
use super::{answer, cors};
use crate::oauth::challenge::ChallengeError;
use crate::oauth::client_auth::{self, Known};
use crate::oauth::params::Params;
use crate::oauth::refusal::{BearerFault, Code, Fault, Refusal};
use crate::oauth::{Call, challenge as challenges, discovery as documents, introspect as introspection, jwks as keys};
use crate::oauth::{revoke as revocation, token as tokens, userinfo as persons};
use crate::room::Origin;
use crate::signin::SignInError;

pub(super) async fn preflight(asked: Asked) -> Response {
    cors::preflight(&asked)
}

pub(super) async fn discovery(asked: Asked) -> Response {
    let mut response = axum::Json(documents::document(&asked.realm, asked.room.now())).into_response();
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    cors::readable(&asked, response)
}

pub(super) async fn jwks(asked: Asked) -> Response {
    let mut response = axum::Json(keys::jwks(&asked.room, &asked.realm)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/jwk-set+json"));
    let max_age = format!("public, max-age={}", keys::max_age_s(&asked.realm));
    if let Ok(max_age) = HeaderValue::try_from(max_age) {
        headers.insert(CACHE_CONTROL, max_age);
    }
    cors::readable(&asked, response)
}

pub(super) async fn token(asked: Asked, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let issued = async {
        let (known, params) = client(&asked, query.as_deref(), &body).await?;
        let origin = asked.of_client(&known);
        tokens::token(call(&asked, &known, &params, &origin)).await
    };
    let response = match issued.await {
        Ok(issued) => answer::issued(&issued, asked.room.now()),
        Err(refusal) => answer::refusal(&refusal),
    };
    cors::readable(&asked, response)
}

pub(super) async fn introspect(asked: Asked, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let found = async {
        let (known, params) = client(&asked, query.as_deref(), &body).await?;
        let origin = asked.of_client(&known);
        introspection::introspect(call(&asked, &known, &params, &origin)).await
    };
    match found.await {
        Ok(Some(claims)) => {
            let mut body = serde_json::to_value(&claims).unwrap_or_default();
            if let Value::Object(members) = &mut body {
                members.insert("active".to_owned(), Value::Bool(true));
                members.insert("token_type".to_owned(), Value::from("Bearer"));
            }
            answer::json(StatusCode::OK, body)
        }
        Ok(None) => answer::json(StatusCode::OK, json!({ "active": false })),
        Err(refusal) => answer::refusal(&refusal),
    }
}

pub(super) async fn revoke(asked: Asked, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let revoked = async {
        let (known, params) = client(&asked, query.as_deref(), &body).await?;
        let origin = asked.of_client(&known);
        revocation::revoke(call(&asked, &known, &params, &origin)).await
    };
    let response = match revoked.await {
        Ok(()) => answer::json(StatusCode::OK, json!({})),
        Err(refusal) => answer::refusal(&refusal),
    };
    cors::readable(&asked, response)
}

pub(super) async fn challenge(asked: Asked, RawQuery(query): RawQuery, body: Bytes) -> Response {
    let code = async {
        let (known, params) = client(&asked, query.as_deref(), &body).await?;
        // What the gateway says of the person it speaks for; only a client that may sign people in gets this far.
        let origin = Origin {
            address: params.one("sekisho_client_address").and_then(|text| text.parse().ok()).or(asked.origin.address),
            // A header could not say a control character, and not every database has texts with a NUL.
            user_agent: params
                .one("sekisho_user_agent")
                .map(|agent| agent.chars().filter(|c| !c.is_control()).take(256).collect()),
            ..asked.of_client(&known)
        };
        challenges::challenge(call(&asked, &known, &params, &origin)).await
    };
    match code.await {
        Ok(code) => answer::json(StatusCode::OK, json!({ "authorization_code": code.expose() })),
        Err(ChallengeError::Refused(refusal)) => answer::refusal(&refusal),
        Err(ChallengeError::SignIn(error)) => answer::refusal(&sign_in(error)),
    }
}

pub(super) async fn userinfo(asked: Asked, body: Bytes) -> Response {
    let response = match bearer(&asked, &body) {
        Ok(token) => match persons::userinfo(&asked.room, &asked.realm, &token).await {
            Ok(claims) => answer::json(StatusCode::OK, Value::Object(claims)),
            Err(refusal) => answer::refusal(&refusal),
        },
        Err(fault) => answer::refusal(&fault.into()),
    };
    cors::readable(&asked, response)
}

/// Which client asks, and with what.
pub(super) async fn client(asked: &Asked, query: Option<&str>, body: &Bytes) -> Result<(Known, Params), Refusal> {
    let params = asked.form(query, body)?;
    let (room, realm) = (&asked.room, &asked.realm);
    let known = client_auth::authenticate(room, realm, asked.authorization()?, &params, &asked.origin).await?;
    Ok((known, params))
}

fn call<'a>(asked: &'a Asked, known: &'a Known, params: &'a Params, origin: &'a Origin) -> Call<'a> {
    Call { room: &asked.room, realm: &asked.realm, known, params, origin }
}

/// RFC 6750 §2: in the header or in a form, once; never in the query.
fn bearer(asked: &Asked, body: &Bytes) -> Result<String, BearerFault> {
    let header = asked.authorization().map_err(|_| BearerFault::Twice)?.and_then(|value| value.split_once(' '));
    let header = header.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer")).map(|(_, token)| token.trim());
    let form = Params::parse(body).unwrap_or_default();
    match (header, form.one("access_token")) {
        (Some(_), Some(_)) => Err(BearerFault::Twice),
        (Some(token), None) | (None, Some(token)) => Ok(token.to_owned()),
        (None, None) => Err(BearerFault::Missing),
    }
}

fn sign_in(error: SignInError) -> Refusal {
    match error {
        SignInError::WrongCredentials | SignInError::TooLong { .. } => {
            Fault::new(Code::AccessDenied, "name or password is wrong").into()
        }
        SignInError::Throttled(throttled) => throttled.into(),
        SignInError::Unavailable(unavailable) => unavailable.into(),
    }
}
