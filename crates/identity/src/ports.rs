//! The ports of this room for the others in its process: the endpoints' own functions, asked as one client.
//!
//! A port has the rights of its client, exactly as over HTTP; the one thing it is spared is showing a secret.

use std::fmt;
use std::sync::Arc;

use sekisho_token::Secret;
use sekisho_wire::exchange::{ExchangeError, Inspect, Inspected, Swap, Swapped, Wrap};
use sekisho_wire::login::{Attempt, LoginError, Redeem, Renew, Revoke, TokenForm, Tokens};
use sekisho_wire::{BoxFuture, ClientId, Exchange, Login, RealmName, Reason, RequestId, Unavailable};

use crate::oauth::challenge::{self, ChallengeError};
use crate::oauth::client_auth::Known;
use crate::oauth::params::Params;
use crate::oauth::refusal::{Code, Refusal};
use crate::oauth::token::{self, Issued, TYPE_ACCESS_TOKEN, TYPE_JWT};
use crate::oauth::{Call, introspect, revoke};
use crate::observe::during;
use crate::realms::RealmState;
use crate::room::{Origin, Room};
use crate::signin::SignInError;

/// The ports as one client.
pub(crate) struct AsClient {
    room: Arc<Room>,
    client: ClientId,
}

/// Why a call came to nothing before an endpoint was asked, or what the endpoint said.
#[derive(Clone, Copy)]
enum Failed {
    NoRealm,
    NoClient,
    Refused(Refusal),
}

// === impl AsClient ===

impl AsClient {
    pub(crate) fn new(room: Arc<Room>, client: ClientId) -> Self {
        Self { room, client }
    }

    async fn known(&self, realm: &RealmName) -> Result<(Arc<RealmState>, Known), Failed> {
        let state = self.room.realm(realm.as_str()).await.map_err(|error| Failed::Refused(error.into()))?;
        let state = state.ok_or(Failed::NoRealm)?;
        let found = self.room.client(realm, &self.client).await.map_err(|error| Failed::Refused(error.into()))?;
        let (position, client) = found.ok_or(Failed::NoClient)?;
        Ok((state, Known { client, position }))
    }

    async fn token(&self, realm: &RealmName, params: &Params, request: RequestId) -> Result<Issued, Failed> {
        let (realm, known) = self.known(realm).await?;
        let origin = Origin { request: Some(request), ..Origin::default() };
        let call = Call { room: &self.room, realm: &realm, known: &known, params, origin: &origin };
        token::token(call).await.map_err(Failed::Refused)
    }
}

impl fmt::Debug for AsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AsClient({})", self.client)
    }
}

impl Exchange for AsClient {
    fn swap(&self, swap: Swap) -> BoxFuture<'_, Result<Swapped, ExchangeError>> {
        Box::pin(during((&self.room, "swap"), swap.request, async move {
            let Swap { realm, token, audience, request } = swap;
            let params = exchange_params(&token, (TYPE_ACCESS_TOKEN, TYPE_JWT), &audience);
            let issued = self.token(&realm, &params, request).await.map_err(exchange_error)?;
            let opaque_expires_at = issued.subject_token_expires_at.unwrap_or(issued.expires_at);
            Ok(Swapped { jwt: issued.access_token, opaque_expires_at })
        }))
    }

    fn wrap(&self, wrap: Wrap) -> BoxFuture<'_, Result<Secret<String>, ExchangeError>> {
        Box::pin(during((&self.room, "wrap"), wrap.request, async move {
            let Wrap { realm, jwt, request } = wrap;
            let params = exchange_params(&jwt, (TYPE_JWT, TYPE_ACCESS_TOKEN), &[]);
            let issued = self.token(&realm, &params, request).await.map_err(exchange_error)?;
            Ok(issued.access_token)
        }))
    }

    fn inspect(&self, inspect: Inspect) -> BoxFuture<'_, Result<Inspected, ExchangeError>> {
        Box::pin(during((&self.room, "inspect"), inspect.request, async move {
            let Inspect { realm, token, request } = inspect;
            let (realm, known) = self.known(&realm).await.map_err(exchange_error)?;
            let params = Params::of(&[("token", token.expose())]);
            let origin = Origin { request: Some(request), ..Origin::default() };
            let call = Call { room: &self.room, realm: &realm, known: &known, params: &params, origin: &origin };
            let found = introspect::introspect(call).await;
            let found = found.map_err(|refusal| exchange_error(Failed::Refused(refusal)))?;
            Ok(found.map_or(Inspected::Inactive, |claims| Inspected::Active(Box::new(claims))))
        }))
    }
}

impl Login for AsClient {
    fn challenge(&self, attempt: Attempt) -> BoxFuture<'_, Result<Secret<String>, LoginError>> {
        Box::pin(during((&self.room, "challenge"), attempt.request, async move {
            let Attempt { realm, username, password, scope, address, user_agent, request } = attempt;
            let (realm, known) = self.known(&realm).await.map_err(login_error)?;
            let scope = scope.map(|scope| scope.to_string());
            let mut pairs = vec![("username", username.as_str()), ("password", password.expose().as_str())];
            pairs.extend(scope.as_deref().map(|scope| ("scope", scope)));
            let params = Params::of(&pairs);
            let origin = Origin { address, user_agent, request: Some(request) };
            let call = Call { room: &self.room, realm: &realm, known: &known, params: &params, origin: &origin };
            challenge::challenge(call).await.map_err(|error| match error {
                ChallengeError::SignIn(error) => error.into(),
                ChallengeError::Refused(refusal) => login_error(Failed::Refused(refusal)),
            })
        }))
    }

    fn redeem(&self, redeem: Redeem) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(during((&self.room, "redeem"), redeem.request, async move {
            let Redeem { realm, code, form, audience, token_bytes_max, request } = redeem;
            let bytes_max = token_bytes_max.to_string();
            let mut pairs = vec![
                ("grant_type", "authorization_code"),
                ("code", code.expose().as_str()),
                ("requested_token_type", token_type(form)),
                ("token_bytes_max", &bytes_max),
            ];
            pairs.extend(audience.iter().map(|name| ("audience", name.as_str())));
            let issued = self.token(&realm, &Params::of(&pairs), request).await.map_err(login_error)?;
            Ok(tokens(issued))
        }))
    }

    fn renew(&self, renew: Renew) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(during((&self.room, "renew"), renew.request, async move {
            let Renew { realm, refresh_token, form, audience, request } = renew;
            let mut pairs = vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh_token.expose().as_str()),
                ("requested_token_type", token_type(form)),
            ];
            pairs.extend(audience.iter().map(|name| ("audience", name.as_str())));
            let issued = self.token(&realm, &Params::of(&pairs), request).await.map_err(login_error)?;
            Ok(tokens(issued))
        }))
    }

    fn revoke(&self, revoke: Revoke) -> BoxFuture<'_, Result<(), LoginError>> {
        Box::pin(during((&self.room, "revoke"), revoke.request, async move {
            let Revoke { realm, token, request } = revoke;
            let (realm, known) = self.known(&realm).await.map_err(login_error)?;
            let params = Params::of(&[("token", token.expose())]);
            let origin = Origin { request: Some(request), ..Origin::default() };
            let call = Call { room: &self.room, realm: &realm, known: &known, params: &params, origin: &origin };
            revoke::revoke(call).await.map_err(|refusal| login_error(Failed::Refused(refusal)))
        }))
    }
}

fn exchange_params(token: &Secret<String>, (given, wanted): (&str, &str), audience: &[String]) -> Params {
    let mut pairs = vec![
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("subject_token", token.expose().as_str()),
        ("subject_token_type", given),
        ("requested_token_type", wanted),
    ];
    pairs.extend(audience.iter().map(|name| ("audience", name.as_str())));
    Params::of(&pairs)
}

const fn token_type(form: TokenForm) -> &'static str {
    match form {
        TokenForm::Opaque => TYPE_ACCESS_TOKEN,
        TokenForm::Jwt => TYPE_JWT,
    }
}

fn tokens(issued: Issued) -> Tokens {
    Tokens {
        access_token: issued.access_token,
        expires_at: issued.expires_at,
        refresh_token: issued.refresh_token,
        subject: issued.subject,
        session: issued.session,
        scope: issued.scope,
    }
}

fn exchange_error(failed: Failed) -> ExchangeError {
    match failed {
        Failed::NoRealm => ExchangeError::Misconfigured("the realm does not exist"),
        Failed::NoClient => ExchangeError::Misconfigured("the client does not exist or is disabled"),
        Failed::Refused(Refusal::Unavailable(unavailable)) => unavailable.into(),
        Failed::Refused(Refusal::Request(fault)) => match fault.reason {
            Some(reason) => ExchangeError::Refused(reason),
            None => ExchangeError::Misconfigured(fault.words),
        },
        Failed::Refused(Refusal::Incapable(words)) => ExchangeError::Misconfigured(words),
        Failed::Refused(Refusal::Client) => ExchangeError::Misconfigured("the client is not known"),
        Failed::Refused(Refusal::Bearer(_) | Refusal::TooLarge { .. }) => ExchangeError::Refused(Reason::BadClaims),
        Failed::Refused(Refusal::Throttled(throttled)) => {
            Unavailable { what: "identity", retry_after_s: Some(throttled.retry_after_s) }.into()
        }
    }
}

fn login_error(failed: Failed) -> LoginError {
    match failed {
        Failed::NoRealm => LoginError::Misconfigured("the realm does not exist"),
        Failed::NoClient => LoginError::Misconfigured("the client does not exist or is disabled"),
        Failed::Refused(Refusal::Unavailable(unavailable)) => unavailable.into(),
        Failed::Refused(Refusal::TooLarge { bytes, bytes_max }) => LoginError::TooLarge { bytes, bytes_max },
        Failed::Refused(Refusal::Throttled(throttled)) => {
            LoginError::Throttled { retry_after_s: throttled.retry_after_s }
        }
        Failed::Refused(Refusal::Request(fault)) => match fault.code {
            Code::UnauthorizedClient | Code::UnsupportedGrantType | Code::InvalidTarget => {
                LoginError::Misconfigured(fault.words)
            }
            Code::AccessDenied
            | Code::ConsentRequired
            | Code::InvalidGrant
            | Code::InvalidRequest
            | Code::InvalidScope
            | Code::LoginRequired
            | Code::RequestNotSupported
            | Code::RequestUriNotSupported
            | Code::UnsupportedResponseType => LoginError::Refused(fault.words),
        },
        Failed::Refused(Refusal::Incapable(words)) => LoginError::Misconfigured(words),
        Failed::Refused(Refusal::Client | Refusal::Bearer(_)) => LoginError::Misconfigured("the client is not known"),
    }
}

impl From<SignInError> for LoginError {
    fn from(error: SignInError) -> Self {
        match error {
            // What cannot be anybody's password is nobody's password.
            SignInError::WrongCredentials | SignInError::TooLong { .. } => Self::WrongCredentials,
            SignInError::Throttled(throttled) => Self::Throttled { retry_after_s: throttled.retry_after_s },
            SignInError::Unavailable(unavailable) => unavailable.into(),
        }
    }
}
