//! How a credential is handed to whoever signed in: in cookies, or in the body where the mount allows it.

use http::Response;
use sekisho_wire::login::Tokens;
use sekisho_wire::{SessionId, Subject};
use serde::Serialize;

use super::{Visit, json, with_cookie};
use crate::body::Outgoing;
use crate::config::{Delivery, Issues};
use crate::csrf;
use crate::headers::cookies::Keep;
use crate::refusal::Refused;
use sekisho_wire::Reason;

/// Where a credential goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Handover {
    Cookie,
    Body,
}

#[derive(Serialize)]
struct InCookie {
    sub: Subject,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    expires_at: i64,
    csrf: String,
}

/// RFC 6749 §5.1, as far as it applies.
#[derive(Serialize)]
struct InBody<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
}

// === impl Handover ===

impl Handover {
    /// What the query asks for, if the mount offers it.
    pub(super) fn wanted(visit: &Visit<'_>) -> Result<Self, Refused> {
        let query = visit.head.uri.query().unwrap_or_default().as_bytes();
        let mut wanted = form_urlencoded::parse(query).filter(|(name, _)| name == "delivery").map(|(_, value)| value);
        match (wanted.next().as_deref(), wanted.next(), visit.mount.delivery) {
            (None | Some("cookie"), None, _) => Ok(Self::Cookie),
            (Some("body"), None, Delivery::CookieOrBody) => Ok(Self::Body),
            (_, _, _) => Err(Refused::from(Reason::BadLoginRequest).detail("this delivery is not offered here")),
        }
    }

    /// The answer that holds what was brought.
    pub(super) fn answer(self, visit: &Visit<'_>, mut tokens: Tokens) -> Result<Response<Outgoing>, Refused> {
        let now = visit.core.shared().clock.wall();
        if visit.mount.issues == Issues::Opaque {
            tokens.refresh_token = None;
        }
        if self == Self::Body {
            return Ok(json(&InBody {
                access_token: tokens.access_token.expose(),
                token_type: "Bearer",
                expires_in: tokens.expires_at.seconds_since(now).max(0),
                refresh_token: tokens.refresh_token.as_ref().map(|token| token.expose().as_str()),
            }));
        }
        let response = json(&InCookie {
            csrf: csrf::token(tokens.access_token.expose()),
            expires_at: tokens.expires_at.0,
            sub: tokens.subject,
            sid: tokens.session,
        });
        // A fresh credential each time, whatever cookie came along: nobody can fix one beforehand.
        let keep = Keep::Until(now, tokens.expires_at);
        let response = with_cookie(response, visit.mount.cookie.set(&tokens.access_token, keep))?;
        match (&visit.mount.refresh, &tokens.refresh_token) {
            (Some(cookie), Some(token)) => with_cookie(response, cookie.set(token, Keep::WhileOpen)),
            (_, _) => Ok(response),
        }
    }
}
