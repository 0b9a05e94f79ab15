//! The OpenAPI document, made from the table that the router is made from.
//!
//! Spec: OpenAPI 3.1.1, whose schemas are JSON Schema 2020-12.

use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use sekisho_wire::RealmName;
use serde_json::{Map, Value, json};

use super::ROOT;
use super::problem::{Kind, Told};
use super::table::Route;
use crate::admin::{AUDIENCE, READ, WRITE};

const ABOUT: &str = "Everything that an administrator does. Each request carries a bearer access token of the realm \
`sekisho`, for the audience `sekisho-admin`, with the scope that the operation names. Lists come in pages: as long as \
`next` is there, there is more. What two administrators could change at once wants `If-Match` with the `ETag` that was \
seen. Errors are `application/problem+json` (RFC 9457) and name the place that is at fault.";

/// Schemas of what is read and of what is written: what may be left out by a caller is always there in an answer.
struct Schemas {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

/// The whole document.
pub(super) fn document(table: &[Route], base: &str) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: Map<String, Value> = Map::new();
    for route in table {
        let operation = operation(route, &mut schemas);
        let path = paths.entry(format!("{ROOT}{}", route.path)).or_insert_with(|| json!({}));
        if let Value::Object(methods) = path {
            methods.insert(route.method.as_str().to_ascii_lowercase(), operation);
        }
    }
    schemas.given.subschema_for::<Told>();
    json!({
        "openapi": "3.1.1",
        "info": { "title": "Sekisho admin API", "version": env!("CARGO_PKG_VERSION"), "description": ABOUT },
        "servers": [{ "url": base }],
        "paths": paths,
        "components": {
            "schemas": schemas.into_definitions(),
            "securitySchemes": { "administrator": administrator(base) },
        },
    })
}

fn administrator(base: &str) -> Value {
    let token_url = format!("{base}/realms/{}/oauth2/token", RealmName::SYSTEM);
    json!({
        "type": "oauth2",
        "description": format!("An access token of the realm `{}` for the audience `{AUDIENCE}`.", RealmName::SYSTEM),
        "flows": { "clientCredentials": {
            "tokenUrl": token_url,
            "scopes": { READ: "Look at everything but secrets.", WRITE: "Change anything." },
        }},
    })
}

fn operation(route: &Route, schemas: &mut Schemas) -> Value {
    let mut parameters: Vec<Value> = route.places().map(place).collect();
    let query = (route.query)(&mut schemas.taken).map(schemars::Schema::to_value);
    parameters.extend(query.iter().flat_map(in_query));
    if route.guarded {
        parameters.push(json!({
            "name": "If-Match", "in": "header", "required": true, "schema": { "type": "string" },
            "description": "The `ETag` of what was seen, or `*` for whatever is there.",
        }));
    }
    let body = (route.body)(&mut schemas.taken).map(schemars::Schema::to_value);
    let mut operation = json!({
        "operationId": route.id,
        "summary": route.summary,
        "security": [{ "administrator": [route.needs().scope()] }],
        "parameters": parameters,
        "responses": responses(route, &mut schemas.given, body.is_some()),
    });
    if let (Some(body), Value::Object(members)) = (body, &mut operation) {
        let content = json!({ "required": true, "content": { "application/json": { "schema": body } } });
        members.insert("requestBody".to_owned(), content);
    }
    operation
}

fn place(name: &str) -> Value {
    json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
}

/// The members of the type that the query is read into.
fn in_query(query: &Value) -> Vec<Value> {
    let Some(members) = query.get("properties").and_then(Value::as_object) else { return Vec::new() };
    let parameter = |(name, schema): (&String, &Value)| {
        let mut schema = schema.clone();
        let description = schema.as_object_mut().and_then(|members| members.remove("description"));
        json!({ "name": name, "in": "query", "required": false, "description": description, "schema": schema })
    };
    members.iter().map(parameter).collect()
}

fn responses(route: &Route, generator: &mut SchemaGenerator, takes_body: bool) -> Value {
    let headers: Map<String, Value> = route
        .headers
        .iter()
        .map(|(name, words)| ((*name).to_owned(), json!({ "description": words, "schema": { "type": "string" } })))
        .collect();
    let mut success = json!({ "description": "Done.", "headers": headers });
    let answer = (route.answer)(generator).map(schemars::Schema::to_value);
    if let (Some(answer), Value::Object(members)) = (answer, &mut success) {
        members.insert("content".to_owned(), json!({ "application/json": { "schema": answer } }));
    }
    let mut responses = Map::new();
    responses.insert(route.status.as_str().to_owned(), success);
    for kind in problems(route, takes_body) {
        responses.insert(kind.status().as_str().to_owned(), problem(kind));
    }
    Value::Object(responses)
}

/// What can go wrong with a route of this kind.
fn problems(route: &Route, takes_body: bool) -> Vec<Kind> {
    let mut kinds = vec![Kind::Malformed, Kind::Unauthenticated, Kind::Forbidden, Kind::Unavailable];
    if route.places().next().is_some() {
        kinds.push(Kind::NotFound);
    }
    if route.needs() == super::gate::Needs::Write {
        kinds.push(Kind::Conflict);
    }
    if takes_body {
        kinds.extend([Kind::TooLarge, Kind::MediaType, Kind::Unacceptable]);
    }
    if route.guarded {
        kinds.extend([Kind::Changed, Kind::Unconditional]);
    }
    kinds
}

fn problem(kind: Kind) -> Value {
    json!({
        "description": format!("{}.", kind.title()),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

// === impl Schemas ===

impl Schemas {
    fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.meta_schema = None;
            settings.definitions_path = "/components/schemas".into();
        });
        Self { taken: settings.clone().into_generator(), given: settings.for_serialize().into_generator() }
    }

    /// What is both read and written is described as it is read, which is the stricter of the two.
    fn into_definitions(mut self) -> Map<String, Value> {
        let mut definitions = self.given.take_definitions(false);
        definitions.extend(self.taken.take_definitions(false));
        definitions
    }
}
