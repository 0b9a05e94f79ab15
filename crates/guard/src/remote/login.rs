//! First-party login, over HTTP.
//!
//! Specs: draft-ietf-oauth-first-party-apps (challenge), RFC 6749 §4.1.3 and §6 (redeem, renew), RFC 7009 (revoke).

use bytes::Bytes;
use http::Response;
use sekisho_token::Secret;
use sekisho_wire::login::{Attempt, LoginError, Redeem, Renew, Revoke, TokenForm, Tokens};
use sekisho_wire::{BoxFuture, Login, RequestId, Scopes, SessionId, Subject};
use serde::Deserialize;

use super::{Failure, OAuthError, RemoteIdentity, TYPE_ACCESS_TOKEN, TYPE_JWT};

/// The port `Login` of a remote identity.
#[derive(Clone, Debug)]
pub struct RemoteLogin {
    identity: RemoteIdentity,
}

#[derive(Deserialize)]
struct ChallengeAnswer {
    authorization_code: String,
}

#[derive(Deserialize)]
struct TokensAnswer {
    access_token: String,
    expires_in: i64,
    refresh_token: Option<String>,
    #[serde(default)]
    scope: Scopes,
    sub: Subject,
    sid: Option<SessionId>,
}

// === impl RemoteLogin ===

impl RemoteLogin {
    pub(super) fn new(identity: RemoteIdentity) -> Self {
        Self { identity }
    }

    async fn tokens(&self, form: &[(&str, &str)], request: RequestId) -> Result<Tokens, LoginError> {
        // Read before asking: a token must not seem to live longer because the answer took its time.
        let now = self.identity.clock().wall();
        let answer: TokensAnswer = self.identity.post("/oauth2/token", form, request).await?;
        Ok(Tokens {
            access_token: Secret::new(answer.access_token),
            expires_at: now.plus_s(answer.expires_in),
            refresh_token: answer.refresh_token.map(Secret::new),
            subject: answer.sub,
            session: answer.sid,
            scope: answer.scope,
        })
    }
}

impl Login for RemoteLogin {
    fn challenge(&self, attempt: Attempt) -> BoxFuture<'_, Result<Secret<String>, LoginError>> {
        Box::pin(async move {
            self.identity.same_realm(&attempt.realm)?;
            let scope = attempt.scope.as_ref().map(ToString::to_string);
            let address = attempt.address.map(|address| address.to_string());
            let optional = [
                ("scope", scope.as_deref()),
                ("sekisho_client_address", address.as_deref()),
                ("sekisho_user_agent", attempt.user_agent.as_deref()),
            ];
            let mut form = vec![("username", attempt.username.as_str()), ("password", attempt.password.expose())];
            form.extend(optional.into_iter().filter_map(|(name, value)| Some((name, value?))));
            match self.identity.post::<ChallengeAnswer>("/oauth2/challenge", &form, attempt.request).await {
                Ok(answer) => Ok(Secret::new(answer.authorization_code)),
                Err(Failure::Refused(error)) if error.error == "access_denied" => Err(LoginError::WrongCredentials),
                Err(failure) => Err(failure.into()),
            }
        })
    }

    fn redeem(&self, redeem: Redeem) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(async move {
            self.identity.same_realm(&redeem.realm)?;
            let token_bytes_max = redeem.token_bytes_max.to_string();
            let mut form = vec![
                ("grant_type", "authorization_code"),
                ("code", redeem.code.expose().as_str()),
                ("requested_token_type", token_type(redeem.form)),
                ("token_bytes_max", token_bytes_max.as_str()),
            ];
            form.extend(redeem.audience.iter().map(|audience| ("audience", audience.as_str())));
            self.tokens(&form, redeem.request).await
        })
    }

    fn renew(&self, renew: Renew) -> BoxFuture<'_, Result<Tokens, LoginError>> {
        Box::pin(async move {
            self.identity.same_realm(&renew.realm)?;
            let mut form = vec![
                ("grant_type", "refresh_token"),
                ("refresh_token", renew.refresh_token.expose().as_str()),
                ("requested_token_type", token_type(renew.form)),
            ];
            form.extend(renew.audience.iter().map(|audience| ("audience", audience.as_str())));
            self.tokens(&form, renew.request).await
        })
    }

    fn revoke(&self, revoke: Revoke) -> BoxFuture<'_, Result<(), LoginError>> {
        Box::pin(async move {
            self.identity.same_realm(&revoke.realm)?;
            let form = [("token", revoke.token.expose().as_str())];
            let answer = self.identity.send_form("/oauth2/revoke", &form, revoke.request).await;
            // RFC 7009 §2.2: the body says nothing.
            let _: Response<Bytes> = self.identity.accepted(answer)?;
            Ok(())
        })
    }
}

// === impl LoginError ===

impl From<Failure> for LoginError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(unavailable) => Self::Unavailable(unavailable),
            Failure::Misconfigured(why) => Self::Misconfigured(why),
            Failure::Throttled { retry_after_s } => Self::Throttled { retry_after_s },
            Failure::Refused(OAuthError { bytes: Some(bytes), bytes_max: Some(bytes_max), .. }) => {
                Self::TooLarge { bytes, bytes_max }
            }
            Failure::Refused(error) => Self::Refused(name(&error)),
        }
    }
}

/// The error's name as one of the known ones; an unknown one is a request that identity did not understand.
fn name(error: &OAuthError) -> &'static str {
    match error.error.as_str() {
        "invalid_grant" => "invalid_grant",
        "invalid_scope" => "invalid_scope",
        "access_denied" => "access_denied",
        _ => "invalid_request",
    }
}

fn token_type(form: TokenForm) -> &'static str {
    match form {
        TokenForm::Opaque => TYPE_ACCESS_TOKEN,
        TokenForm::Jwt => TYPE_JWT,
    }
}
