//! Every refusal of this room has an id. It stands in the answer, in a program's JSON or at the foot of a person's page, and
//! in one line of the audit, where `sekisho explain` finds it.
//!
//! An endpoint says what it has to say in `Told`; the layer around all of them gives it an id, writes it down and
//! answers it. What no endpoint has spoken of (no such path, a method that is not taken, a body that is too large) passes
//! here as well and is treated alike.
//!
//! Not here: a refusal that goes back to a client's redirect URI as `error`, which names its reason itself.

use std::net::IpAddr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderValue, Method, StatusCode, Uri};
use sekisho_wire::audit::Event;
use sekisho_wire::{AuditEvent, RealmName, Reason, RefusalId, Subject};
use serde_json::{Map, Value};

use super::observe::Said;
use super::request;
use crate::room::Room;

/// The room's name in audit lines.
const ROOM: &str = "identity";
/// How much of a path a line holds.
const PATH_CHARS_MAX: usize = 512;

/// What an endpoint says when it says no.
#[derive(Clone, Debug)]
pub(super) enum Told {
    /// To a program: the members of a JSON object, which gets the id as one more.
    Program { reason: Reason, members: Map<String, Value> },
    /// To a person, on a page that shows the id already.
    Person { id: RefusalId, says: Option<String> },
    /// To an administrator's program, in a problem that has the id already; `by` is who asked, where that is known.
    Problem { id: RefusalId, reason: Option<Reason>, says: String, by: Option<Subject> },
}

/// What is known of a request before it is handled.
struct Asking {
    method: Method,
    uri: Uri,
    address: Option<IpAddr>,
    said: Option<Said>,
}

/// The layer around every route.
pub(super) async fn recorded(State(room): State<Arc<Room>>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    let address = request::origin(&parts, &room).address;
    let said = parts.extensions.get::<Said>().cloned();
    let asking = Asking { method: parts.method.clone(), uri: parts.uri.clone(), address, said };
    let mut response = next.run(Request::from_parts(parts, body)).await;
    let status = response.status();
    if !status.is_client_error() && !status.is_server_error() {
        return response;
    }
    let told = response.extensions_mut().remove::<Told>();
    let id = match &told {
        Some(Told::Person { id, .. } | Told::Problem { id, .. }) => *id,
        Some(Told::Program { .. }) | None => RefusalId::generate(room.now(), &*room.entropy),
    };
    let reason = told.as_ref().map_or_else(|| of_status(status), |told| told.reason(status));
    room.meter.refused(reason);
    room.record(asking.line(&room, (id, reason), told.as_ref()));
    match told {
        Some(Told::Program { members, .. }) => with_id(response, members, id),
        Some(Told::Person { .. } | Told::Problem { .. }) | None => response,
    }
}

// === impl Told ===

impl Told {
    fn reason(&self, status: StatusCode) -> Reason {
        match self {
            Self::Program { reason, .. } => *reason,
            Self::Problem { reason: Some(reason), .. } => *reason,
            Self::Person { .. } | Self::Problem { reason: None, .. } => of_status(status),
        }
    }

    /// The words of the answer, which are ours: nothing in them is taken from the request.
    fn detail(&self) -> Option<String> {
        match self {
            Self::Program { members, .. } => {
                let said: Vec<&str> =
                    ["error", "error_description"].iter().filter_map(|name| members.get(*name)?.as_str()).collect();
                Some(said.join(": "))
            }
            Self::Person { says, .. } => says.clone(),
            Self::Problem { says, .. } => Some(says.clone()),
        }
    }

    fn by(&self) -> Option<Subject> {
        match self {
            Self::Problem { by, .. } => by.clone(),
            Self::Program { .. } | Self::Person { .. } => None,
        }
    }
}

// === impl Asking ===

impl Asking {
    fn line(&self, room: &Room, (id, reason): (RefusalId, Reason), told: Option<&Told>) -> AuditEvent {
        let mut line = AuditEvent::new(room.now(), ROOM, Event::Refused);
        line.refusal = Some(id);
        line.reason = Some(reason);
        line.detail = told.and_then(Told::detail);
        line.subject = told.and_then(Told::by);
        line.method = Some(self.method.as_str().chars().take(32).collect());
        line.path = Some(self.uri.path().chars().take(PATH_CHARS_MAX).collect());
        line.realm = self.realm(room);
        line.address = self.address;
        line.request = self.said.as_ref().map(Said::id);
        line
    }

    /// The realm that the path names, if there is one of that name.
    fn realm(&self, room: &Room) -> Option<RealmName> {
        let mut segments = self.uri.path().split('/').skip_while(|segment| *segment != "realms");
        room.realms.get(segments.nth(1)?).map(|realm| realm.name.clone())
    }
}

fn with_id(response: Response, mut members: Map<String, Value>, id: RefusalId) -> Response {
    members.insert("id".to_owned(), id.to_string().into());
    let (mut parts, _) = response.into_parts();
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(Value::Object(members).to_string()))
}

/// What a status means where nobody said more.
fn of_status(status: StatusCode) -> Reason {
    match status {
        StatusCode::UNAUTHORIZED => Reason::WrongCredentials,
        StatusCode::FORBIDDEN => Reason::CrossSite,
        StatusCode::NOT_FOUND => Reason::NoRoute,
        StatusCode::METHOD_NOT_ALLOWED => Reason::MethodNotAllowed,
        StatusCode::PAYLOAD_TOO_LARGE => Reason::BodyTooLarge,
        StatusCode::TOO_MANY_REQUESTS => Reason::Throttled,
        _ if status.is_server_error() => Reason::PartUnavailable,
        _ => Reason::BadRequest,
    }
}
