//! Name and password, or a refresh token, from a body.

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use sekisho_guard::clock::before;
use sekisho_token::Secret;
use sekisho_wire::Reason;
use serde::Deserialize;

use super::Visit;
use crate::refusal::Refused;

/// What a person typed.
#[derive(Debug)]
pub(super) struct Typed {
    pub(super) username: String,
    pub(super) password: Secret<String>,
}

/// How a login's body is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `application/json`: only a script can send it, and a foreign one only after a preflight.
    Json,
    /// `application/x-www-form-urlencoded`: any page can send it.
    UrlEncoded,
}

/// How the body is written, by its type alone.
pub(super) fn form(headers: &HeaderMap) -> Result<Form, Refused> {
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = content_type.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") {
        Ok(Form::Json)
    } else if essence.eq_ignore_ascii_case("application/x-www-form-urlencoded") {
        Ok(Form::UrlEncoded)
    } else {
        Err(bad("neither json nor a form"))
    }
}

/// Reads a name and a password.
pub(super) async fn read(visit: &Visit<'_>, form: Form, body: Incoming) -> Result<Typed, Refused> {
    let bytes = bytes(visit, body).await?;
    let typed = match form {
        Form::Json => from_json(&bytes),
        Form::UrlEncoded => from_form(&bytes),
    };
    typed.filter(|typed| !typed.username.is_empty()).ok_or_else(|| bad("no username and password"))
}

/// Reads a refresh token: from JSON, which no page elsewhere can post.
pub(super) async fn refresh_token(visit: &Visit<'_>, body: Incoming) -> Result<Secret<String>, Refused> {
    #[derive(Deserialize)]
    struct Body {
        refresh_token: String,
    }
    if form(&visit.head.headers)? != Form::Json {
        return Err(bad("a refresh token comes as json or in its cookie"));
    }
    let bytes = bytes(visit, body).await?;
    let Body { refresh_token } = serde_json::from_slice(&bytes).map_err(|_| bad("no refresh_token"))?;
    Ok(Secret::from(refresh_token))
}

/// The whole body, which is short.
async fn bytes(visit: &Visit<'_>, body: Incoming) -> Result<Bytes, Refused> {
    let shared = visit.core.shared();
    let deadline = shared.clock.monotonic().plus(shared.limits.body_read_deadline);
    let read = before(&*shared.clock, deadline, collect(body, shared.limits.login_body_bytes_max)).await;
    read.map_err(|_| Reason::RequestTimeout)?
}

async fn collect(mut body: Incoming, bytes_max: usize) -> Result<Bytes, Refused> {
    let mut bytes = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|_| Reason::BadFraming)?;
        let Ok(data) = frame.into_data() else { continue };
        if bytes.len() + data.len() > bytes_max {
            return Err(Reason::BodyTooLarge.into());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes.freeze())
}

fn from_json(bytes: &[u8]) -> Option<Typed> {
    #[derive(Deserialize)]
    struct Body {
        username: String,
        password: String,
    }
    let Body { username, password } = serde_json::from_slice(bytes).ok()?;
    Some(Typed { username, password: Secret::from(password) })
}

/// Each field once: of two passwords nobody could say which was meant.
fn from_form(bytes: &[u8]) -> Option<Typed> {
    let (mut username, mut password) = (None, None);
    for (name, value) in form_urlencoded::parse(bytes) {
        let field = match &*name {
            "username" => &mut username,
            "password" => &mut password,
            _ => continue,
        };
        if field.replace(value.into_owned()).is_some() {
            return None;
        }
    }
    Some(Typed { username: username?, password: Secret::from(password?) })
}

fn bad(detail: &str) -> Refused {
    Refused::from(Reason::BadLoginRequest).detail(detail)
}
