//! The way back: what a service answered becomes what the client gets.
//!
//! On an opaque route no JWT may leave: whoever holds one could use it inside. A JWT of our issuer in a header that the
//! route lists (or in `Set-Cookie`) is wrapped into an opaque token of the same grant by identity; any other JWT, wherever
//! in the headers it stands, is dropped with its header and audited. Bodies are not searched: they stream.
//!
//! Not here: what the client sent (`headers::enter`, `forward`).

use std::borrow::Cow;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use http::{Response, Version};
use sekisho_token::Secret;
use sekisho_wire::audit::Event;
use sekisho_wire::exchange::Wrap;
use sekisho_wire::{AuditEvent, GrantId, Monotonic};
use serde::Deserialize;

use crate::body::Outgoing;
use crate::core::Core;
use crate::cors;
use crate::guards::{Guard, Opaque};
use crate::headers;
use crate::refusal::ROOM;
use crate::routes::Route;
use crate::trail::Trail;
use crate::upstream::{Answer, Download};

/// What happens to a JWT that a service sent.
enum Fate {
    /// The header now holds this.
    Wrapped(HeaderValue),
    /// The header goes; this is why.
    Dropped(Cow<'static, str>),
}

/// Makes the client's answer of an upstream's, whose body may take until `until`.
pub(crate) async fn hand_back(
    core: &Core,
    route: &Route,
    trail: &Trail,
    answer: Answer,
    until: Monotonic,
) -> Response<Outgoing> {
    let shared = core.shared();
    let (mut head, body) = answer.response.into_parts();
    let cookies_dropped = headers::leave(&mut head.headers);
    if cookies_dropped > 0 {
        tracing::warn!(route = %route.name, "a service tried to set a cookie of the house");
    }
    match &route.guard {
        Guard::Opaque(opaque) => {
            wrap_tokens(core, (route, opaque), trail, &mut head.headers).await;
            cors::silence(&mut head.headers);
        }
        Guard::Jwt(_) => cors::silence(&mut head.headers),
        Guard::Open => {}
    }
    cors::allow_reading(&shared.table(), trail, &mut head.headers);
    let download = Download::new(body, answer.lease, (shared.limits.upstream_read_deadline, until));
    let mut response = Response::new(Outgoing::from(download));
    *response.status_mut() = head.status;
    *response.version_mut() = Version::HTTP_11;
    *response.headers_mut() = head.headers;
    response
}

/// Lets no JWT pass.
async fn wrap_tokens(core: &Core, (route, opaque): (&Route, &Opaque), trail: &Trail, headers: &mut HeaderMap) {
    if !headers.values().any(|value| find_jwt(value).is_some()) {
        return;
    }
    let names: Vec<HeaderName> = headers.keys().cloned().collect();
    let mut wraps_left = core.shared().limits.response_tokens_max;
    for name in names {
        let values: Vec<HeaderValue> = headers.get_all(&name).iter().cloned().collect();
        if !values.iter().any(|value| find_jwt(value).is_some()) {
            continue;
        }
        headers.remove(&name);
        let listed = name == SET_COOKIE || route.response_tokens.contains(&name);
        for value in values {
            let Some(jwt) = find_jwt(&value) else {
                headers.append(name.clone(), value);
                continue;
            };
            let fate = if !listed {
                Fate::Dropped(Cow::Borrowed("the route does not list this header"))
            } else if let Some(left) = wraps_left.checked_sub(1) {
                wraps_left = left;
                wrap(core, opaque, trail, (&value, jwt)).await
            } else {
                Fate::Dropped(Cow::Borrowed("the answer holds too many tokens"))
            };
            match fate {
                Fate::Wrapped(value) => {
                    headers.append(name.clone(), value);
                }
                Fate::Dropped(why) => record_dropped(core, trail, &name, &why),
            }
        }
    }
}

async fn wrap(core: &Core, opaque: &Opaque, trail: &Trail, (value, jwt): (&HeaderValue, &str)) -> Fate {
    let realm = opaque.realm();
    let said = said_by(jwt);
    if said.as_ref().is_none_or(|said| said.iss != realm.ports.issuer.as_str()) {
        return Fate::Dropped(Cow::Borrowed("another issuer's token"));
    }
    // Else a service that is made to answer with one caller's token would hand it to another.
    let callers = trail.access.as_ref().and_then(|access| access.caller().grant);
    if callers.is_none() || said.and_then(|said| said.grant) != callers {
        return Fate::Dropped(Cow::Borrowed("somebody else's token"));
    }
    let exchange = Arc::clone(&realm.ports.exchange);
    let wrap = Wrap { realm: realm.name.clone(), jwt: Secret::from(jwt), request: trail.id };
    let deadline = realm.deadline(core.shared().limits.identity_deadline);
    let wrapped = match realm.calls.run(deadline, async move { exchange.wrap(wrap).await }).await {
        Ok(Ok(wrapped)) => wrapped,
        Ok(Err(error)) => return Fate::Dropped(Cow::Owned(format!("identity did not wrap it: {error}"))),
        Err(refused) => return Fate::Dropped(Cow::Owned(format!("identity did not wrap it: {}", refused.reason()))),
    };
    let text = value.to_str().unwrap_or_default().replace(jwt, wrapped.expose());
    // A second one beside it would still be there.
    match HeaderValue::try_from(text) {
        Ok(mut value) if find_jwt(&value).is_none() => {
            value.set_sensitive(true);
            Fate::Wrapped(value)
        }
        Ok(_) | Err(_) => Fate::Dropped(Cow::Borrowed("the header holds more than one token")),
    }
}

fn record_dropped(core: &Core, trail: &Trail, name: &HeaderName, why: &str) {
    let shared = core.shared();
    let mut line = AuditEvent::new(shared.clock.wall(), ROOM, Event::ResponseTokenDropped);
    trail.describe(&mut line);
    line.detail = Some(format!("{name}: {why}"));
    shared.audit.record(line);
}

/// The JWT in a header's value, if there is one: three parts in base64url, the first of which begins a JSON object.
fn find_jwt(value: &HeaderValue) -> Option<&str> {
    // Nearly no header has one, and few have this letter.
    memchr::memchr(b'J', value.as_bytes())?;
    let text = std::str::from_utf8(value.as_bytes()).ok()?;
    text.match_indices("eyJ").find_map(|(at, _)| {
        let tail = text.get(at..)?;
        let is_part = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        let end = tail.bytes().position(|byte| !is_part(byte) && byte != b'.').unwrap_or(tail.len());
        let token = tail.get(..end)?;
        // Two dots make a JWS, four a JWE; an unsigned token ends with its second dot.
        (token.bytes().filter(|byte| *byte == b'.').count() >= 2).then_some(token)
    })
}

/// Whose a JWT says it is.
#[derive(Deserialize)]
struct Said {
    iss: String,
    grant: Option<GrantId>,
}

/// What a JWT says. Identity looks whether that is true.
fn said_by(jwt: &str) -> Option<Said> {
    let claims = URL_SAFE_NO_PAD.decode(jwt.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}
