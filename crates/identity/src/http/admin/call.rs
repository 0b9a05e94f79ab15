//! What a request asks for, read into types, with the place of whatever is at fault.

use std::str::FromStr;

use axum::body::Bytes;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::request::Parts;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use sekisho_token::KeyId;
use sekisho_wire::{ClientId, GrantId, RealmName, SessionId, UserId};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};
use serde_path_to_error::{Path, Segment};

use super::answer::entity_tag;
use super::problem::{Finding, Kind, Problem};
use crate::admin::{Admin, Limit};

/// A request of an administrator, not read yet.
pub(super) struct Asked {
    pub(super) admin: Admin,
    pub(super) places: Vec<(String, String)>,
    pub(super) parts: Parts,
    pub(super) body: Bytes,
}

/// A request of an administrator.
pub(super) struct Call<Q, B> {
    pub(super) admin: Admin,
    pub(super) query: Q,
    pub(super) body: B,
    places: Vec<(String, String)>,
    condition: Option<Condition>,
}

/// What somebody saw before (RFC 9110 §13.1.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    /// Whatever is there.
    Any,
    /// One of these entity tags, with their quotes.
    Tags(Vec<String>),
}

/// The parameters of a query. Each is a text; a type that is more reads itself from one.
pub(super) trait Query: DeserializeOwned + JsonSchema + Send + 'static {}
impl<T: DeserializeOwned + JsonSchema + Send + 'static> Query for T {}

/// A request's body.
pub(super) trait Body: Sized + Send + 'static {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema>;
    fn read(asked: &Asked) -> Result<Self, Problem>;
}

/// No body is looked at.
pub(super) struct Nothing;

/// A body in JSON.
pub(super) struct Json<T>(pub(super) T);

/// No parameters.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NoQuery {}

/// Which part of a list.
#[derive(Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Paging {
    /// How many at most: 1 to 200.
    pub(super) limit: Rows,
    /// Where the list goes on: the `next` of the page before.
    pub(super) after: Option<Cursor>,
}

/// How many rows.
#[derive(Clone, Copy, Default)]
pub(super) struct Rows(pub(super) Limit);

/// Where a list goes on. What it says is this API's own business.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(transparent)]
pub(super) struct Cursor(String);

/// Seconds since 1970 in UTC, in a query.
#[derive(Clone, Copy)]
pub(super) struct Seconds(pub(super) i64);

// === impl Asked ===

impl Asked {
    /// What was asked for, with its query.
    pub(super) fn target(&self) -> String {
        self.parts.uri.path_and_query().map_or_else(String::new, ToString::to_string)
    }

    /// The whole request.
    pub(super) fn read<Q: Query, B: Body>(self) -> Result<Call<Q, B>, Problem> {
        let query = query(self.parts.uri.query().unwrap_or_default())?;
        let condition = condition_of(&self.parts)?;
        let body = B::read(&self)?;
        Ok(Call { admin: self.admin, query, body, places: self.places, condition })
    }

    /// What was seen, which must be said.
    pub(super) fn condition(&self) -> Result<Condition, Problem> {
        condition_of(&self.parts)?.ok_or_else(|| {
            let finding = Finding { header: Some("If-Match"), ..Finding::default() };
            let detail = "expected `If-Match` with the `ETag` of what you saw; `*` is for whatever is there";
            Problem::new(Kind::Unconditional, detail).at(finding)
        })
    }
}

// === impl Call ===

impl<Q, B> Call<Q, B> {
    pub(super) fn realm(&self) -> Result<RealmName, Problem> {
        self.place("realm")
    }

    pub(super) fn user(&self) -> Result<UserId, Problem> {
        self.place("user")
    }

    pub(super) fn client(&self) -> Result<ClientId, Problem> {
        self.place("client")
    }

    pub(super) fn session(&self) -> Result<SessionId, Problem> {
        self.place("session")
    }

    pub(super) fn grant(&self) -> Result<GrantId, Problem> {
        self.place("grant")
    }

    pub(super) fn key(&self) -> Result<KeyId, Problem> {
        self.place("key")
    }

    /// Refuses where this is not what was seen.
    pub(super) fn demand_seen<T: Serialize>(&self, shown: &T) -> Result<(), Problem> {
        match &self.condition {
            None | Some(Condition::Any) => Ok(()),
            Some(Condition::Tags(tags)) if tags.contains(&entity_tag(shown)) => Ok(()),
            Some(Condition::Tags(_)) => {
                let finding = Finding { header: Some("If-Match"), ..Finding::default() };
                let detail = "somebody else changed it since you saw it: look again";
                Err(Problem::new(Kind::Changed, detail).at(finding))
            }
        }
    }

    fn place<T: FromStr<Err: std::fmt::Display>>(&self, name: &str) -> Result<T, Problem> {
        self.text(name)?.parse().map_err(|error| Problem::no_place(name, format!("{error}")))
    }

    fn text(&self, name: &str) -> Result<&str, Problem> {
        let place = self.places.iter().find(|(known, _)| known == name);
        place.map(|(_, value)| value.as_str()).ok_or_else(|| Problem::no_place(name, "missing"))
    }
}

// === impl Cursor ===

impl Cursor {
    pub(super) fn of(key: impl std::fmt::Display) -> Self {
        Self(URL_SAFE_NO_PAD.encode(key.to_string()))
    }

    pub(super) fn into_text(self) -> String {
        self.0
    }

    /// The key that it stands for.
    pub(super) fn key<K: FromStr>(&self) -> Result<K, Problem> {
        let bytes = URL_SAFE_NO_PAD.decode(&self.0).ok();
        let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
        text.and_then(|text| text.parse().ok())
            .ok_or_else(|| Problem::parameter("after", "expected the `next` of the page before, as it was"))
    }
}

impl Paging {
    pub(super) fn key<K: FromStr>(&self) -> Result<Option<K>, Problem> {
        self.after.as_ref().map(Cursor::key).transpose()
    }
}

// === impl Rows ===

impl<'de> Deserialize<'de> for Rows {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        let number: u32 = text.parse().map_err(|_| D::Error::custom(crate::admin::page::BadLimit))?;
        Limit::try_from(number).map(Self).map_err(D::Error::custom)
    }
}

impl JsonSchema for Rows {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Rows".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "minimum": 1, "maximum": Limit::MAX.rows(), "default": Limit::default().rows() })
    }
}

impl Serialize for Rows {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0.rows())
    }
}

// === impl Seconds ===

impl<'de> Deserialize<'de> for Seconds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map(Self).map_err(|_| D::Error::custom("expected whole seconds since 1970 in UTC"))
    }
}

impl JsonSchema for Seconds {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Seconds".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "integer", "format": "int64" })
    }
}

// === impl Body ===

impl Body for Nothing {
    fn schema(_: &mut SchemaGenerator) -> Option<Schema> {
        None
    }

    fn read(_: &Asked) -> Result<Self, Problem> {
        Ok(Self)
    }
}

impl<T: DeserializeOwned + JsonSchema + Send + 'static> Body for Json<T> {
    fn schema(generator: &mut SchemaGenerator) -> Option<Schema> {
        Some(generator.subschema_for::<T>())
    }

    fn read(asked: &Asked) -> Result<Self, Problem> {
        let kind = asked.parts.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            let finding = Finding { header: Some("Content-Type"), ..Finding::default() };
            return Err(Problem::new(Kind::MediaType, "expected `Content-Type: application/json`").at(finding));
        }
        let mut reader = serde_json::Deserializer::from_slice(&asked.body);
        let read = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
            let pointer = pointer(error.path());
            in_body(error.inner(), Some(pointer))
        })?;
        reader.end().map_err(|error| in_body(&error, None))?;
        Ok(Self(read))
    }
}

fn in_body(error: &serde_json::Error, pointer: Option<String>) -> Problem {
    let (line, column) = (error.line(), error.column());
    // The place has fields of its own.
    let mut detail = error.to_string();
    if let Some(at) = detail.rfind(" at line ") {
        detail.truncate(at);
    }
    Problem::new(Kind::Malformed, detail).at(Finding {
        pointer,
        line: Some(line),
        column: Some(column),
        ..Finding::default()
    })
}

/// RFC 6901.
fn pointer(path: &Path) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer.push_str(&format!("/{index}")),
            Segment::Map { key } => {
                pointer.push('/');
                pointer.push_str(&key.replace('~', "~0").replace('/', "~1"));
            }
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    pointer
}

/// Parameters are few, so two of the same name are a mistake and never a list.
fn query<Q: DeserializeOwned>(text: &str) -> Result<Q, Problem> {
    let mut members = Map::new();
    for (name, value) in form_urlencoded::parse(text.as_bytes()) {
        if members.insert(name.to_string(), Value::String(value.into_owned())).is_some() {
            return Err(Problem::parameter(&name, "expected once"));
        }
    }
    serde_path_to_error::deserialize(Value::Object(members)).map_err(|error| {
        let name = pointer(error.path());
        Problem::parameter(name.trim_start_matches('/'), error.inner().to_string())
    })
}

fn condition_of(parts: &Parts) -> Result<Option<Condition>, Problem> {
    let mut tags = Vec::new();
    for value in parts.headers.get_all(IF_MATCH) {
        let text = value.to_str().unwrap_or_default();
        if text.trim() == "*" {
            return Ok(Some(Condition::Any));
        }
        // Our tags hold no comma. A weak one matches nothing (RFC 9110 §13.1.1).
        tags.extend(text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()));
    }
    let malformed = |tag: &&String| !tag.trim_start_matches("W/").starts_with('"') || !tag.ends_with('"');
    if let Some(tag) = tags.iter().find(malformed) {
        let finding = Finding { header: Some("If-Match"), ..Finding::default() };
        let detail = format!("`{}` is no entity tag: expected one in double quotes, or `*`", shortened(tag));
        return Err(Problem::new(Kind::Malformed, detail).at(finding));
    }
    Ok((!tags.is_empty()).then_some(Condition::Tags(tags)))
}

fn shortened(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(64).collect()
}
