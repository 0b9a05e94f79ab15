//! Credentials for credentials, over HTTP.
//!
//! Specs: RFC 8693 §2 (swap and wrap), RFC 7662 §2 (inspect).

use sekisho_token::{Secret, Timestamp};
use sekisho_wire::exchange::{ExchangeError, Inspect, Inspected, Swap, Swapped, Wrap};
use sekisho_wire::reason::Class;
use sekisho_wire::{AccessClaims, BoxFuture, Exchange, Reason, Unavailable};
use serde::Deserialize;

use super::{Failure, OAuthError, RemoteIdentity, TYPE_ACCESS_TOKEN, TYPE_JWT};

/// RFC 8693 §2.1.
const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

/// The port `Exchange` of a remote identity.
#[derive(Clone, Debug)]
pub struct RemoteExchange {
    identity: RemoteIdentity,
}

#[derive(Deserialize)]
struct SwappedAnswer {
    access_token: String,
    subject_token_expires_at: Timestamp,
}

#[derive(Deserialize)]
struct WrappedAnswer {
    access_token: String,
}

#[derive(Deserialize)]
struct InspectedAnswer {
    active: bool,
    #[serde(flatten)]
    rest: serde_json::Value,
}

// === impl RemoteExchange ===

impl RemoteExchange {
    pub(super) fn new(identity: RemoteIdentity) -> Self {
        Self { identity }
    }
}

impl Exchange for RemoteExchange {
    fn swap(&self, swap: Swap) -> BoxFuture<'_, Result<Swapped, ExchangeError>> {
        Box::pin(async move {
            self.identity.same_realm(&swap.realm)?;
            let mut form = vec![
                ("grant_type", GRANT),
                ("subject_token", swap.token.expose().as_str()),
                ("subject_token_type", TYPE_ACCESS_TOKEN),
                ("requested_token_type", TYPE_JWT),
            ];
            form.extend(swap.audience.iter().map(|audience| ("audience", audience.as_str())));
            let answer: SwappedAnswer = self.identity.post("/oauth2/token", &form, swap.request).await?;
            let opaque_expires_at = answer.subject_token_expires_at;
            Ok(Swapped { jwt: Secret::new(answer.access_token), opaque_expires_at })
        })
    }

    fn wrap(&self, wrap: Wrap) -> BoxFuture<'_, Result<Secret<String>, ExchangeError>> {
        Box::pin(async move {
            self.identity.same_realm(&wrap.realm)?;
            let form = [
                ("grant_type", GRANT),
                ("subject_token", wrap.jwt.expose().as_str()),
                ("subject_token_type", TYPE_JWT),
                ("requested_token_type", TYPE_ACCESS_TOKEN),
            ];
            let answer: WrappedAnswer = self.identity.post("/oauth2/token", &form, wrap.request).await?;
            Ok(Secret::new(answer.access_token))
        })
    }

    fn inspect(&self, inspect: Inspect) -> BoxFuture<'_, Result<Inspected, ExchangeError>> {
        Box::pin(async move {
            self.identity.same_realm(&inspect.realm)?;
            let form = [("token", inspect.token.expose().as_str())];
            let answer: InspectedAnswer = self.identity.post("/oauth2/introspect", &form, inspect.request).await?;
            if !answer.active {
                return Ok(Inspected::Inactive);
            }
            match serde_json::from_value::<AccessClaims>(answer.rest) {
                Ok(claims) => Ok(Inspected::Active(Box::new(claims))),
                Err(error) => {
                    tracing::error!(identity = ?self.identity, %error, "an active token without the claims of ours");
                    Err(Unavailable::of("identity").into())
                }
            }
        })
    }
}

// === impl ExchangeError ===

impl From<Failure> for ExchangeError {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(unavailable) => Self::Unavailable(unavailable),
            Failure::Misconfigured(why) => Self::Misconfigured(why),
            Failure::Throttled { retry_after_s } => {
                Self::Unavailable(Unavailable { what: "identity", retry_after_s: Some(retry_after_s) })
            }
            Failure::Refused(error) => refused(&error),
        }
    }
}

/// What identity says about the presented token, when it says why.
fn refused(error: &OAuthError) -> ExchangeError {
    let Some(reason) = error.reason.as_deref().and_then(Reason::of_code) else {
        return match error.error.as_str() {
            // RFC 8693 §2.2.2 has `invalid_request` for a subject token that is not good; older servers say the others.
            "invalid_request" | "invalid_grant" | "invalid_token" => ExchangeError::Refused(Reason::UnknownToken),
            "invalid_scope" => ExchangeError::Refused(Reason::InsufficientScope),
            _ => ExchangeError::Unavailable(Unavailable::of("identity")),
        };
    };
    match reason.class() {
        Class::Unavailable if reason == Reason::Misconfigured => ExchangeError::Misconfigured("identity says so"),
        Class::Unavailable | Class::BadUpstream | Class::UpstreamTimeout => {
            ExchangeError::Unavailable(Unavailable::of("identity"))
        }
        Class::Malformed
        | Class::Unauthenticated
        | Class::Forbidden
        | Class::NotFound
        | Class::MethodNotAllowed
        | Class::RequestTimeout
        | Class::BodyTooLarge
        | Class::Throttled
        | Class::HeadTooLarge => ExchangeError::Refused(reason),
    }
}
