//! The file is what its schema says, whole, and for its owner only.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use serde_json::{Value, json};

use super::{
    AdminEntry, Carrier, ClientEntry, ClientKind, Expected, FILE, Guard, LoginEntry, Manifest, RouteEntry, UserEntry,
};

const SCHEMA: &str = include_str!("../../../../../docs/demo.schema.json");

pub(crate) fn sample() -> Manifest {
    let route = |guard: Guard, credential: Option<Carrier>| RouteEntry {
        name: guard.name().to_owned(),
        guard,
        method: "GET".to_owned(),
        url: format!("http://127.0.0.1:8000/{}/orders/1", guard.name()),
        credential,
        cookie_name: credential.map(|_| "sekisho-main-opaque".to_owned()),
        expect: Expected { anonymous: 401, alice: 200, carol: 403 },
    };
    let client = |kind, client_secret: Option<&str>| ClientEntry {
        client_id: "web".to_owned(),
        client_secret: client_secret.map(str::to_owned),
        kind,
        redirect_uris: vec!["http://127.0.0.1/callback".to_owned()],
    };
    let user = |name: &str, scopes: &[&str]| UserEntry {
        name: name.to_owned(),
        password: format!("{name}'s <password>"),
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
    };
    Manifest {
        gateway: "http://127.0.0.1:8000".to_owned(),
        issuer: "http://localhost:7000/realms/main".to_owned(),
        operations: "http://127.0.0.1:7001".to_owned(),
        certificate_authority: None,
        admin: AdminEntry {
            url: "http://localhost:7000/admin/v1".to_owned(),
            openapi: "http://localhost:7000/admin/v1/openapi.json".to_owned(),
            token_command: ["sekisho", "token", "admin", "--json", "--data", "/d"].map(str::to_owned).to_vec(),
        },
        users: vec![user("alice", &["orders:read"]), user("carol", &[]), user("admin", &["admin"])],
        clients: vec![client(ClientKind::Web, Some("secret")), client(ClientKind::Public, None)],
        login: vec![
            LoginEntry { prefix: "/auth".to_owned(), realm: "main".to_owned(), issues: Guard::Opaque },
            LoginEntry { prefix: "/jwt/auth".to_owned(), realm: "main".to_owned(), issues: Guard::Jwt },
        ],
        routes: vec![
            route(Guard::Open, None),
            route(Guard::Opaque, Some(Carrier::Cookie)),
            route(Guard::Jwt, Some(Carrier::Bearer)),
        ],
    }
}

/// Every way in which `value` is not what `schema` asks for: the keywords that our schema uses, and no other.
fn complaints(schema: &Value, value: &Value, at: &str) -> Vec<String> {
    let mut out = Vec::new();
    for (keyword, wanted) in schema.as_object().unwrap() {
        match keyword.as_str() {
            "type" => {
                let fits = match wanted.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "integer" => value.is_u64(),
                    other => panic!("the checker does not know type `{other}`"),
                };
                if !fits {
                    out.push(format!("{at}: not of type {wanted}"));
                }
            }
            "enum" if !wanted.as_array().unwrap().contains(value) => out.push(format!("{at}: not one of {wanted}")),
            "minimum" if value.is_u64() && value.as_u64() < wanted.as_u64() => {
                out.push(format!("{at}: below {wanted}"))
            }
            "maximum" if value.as_u64() > wanted.as_u64() => out.push(format!("{at}: above {wanted}")),
            "required" => {
                let missing =
                    wanted.as_array().unwrap().iter().filter(|name| value.get(name.as_str().unwrap()).is_none());
                out.extend(missing.map(|name| format!("{at}: {name} is missing")));
            }
            "properties" => {
                for (name, member) in value.as_object().into_iter().flatten() {
                    match wanted.get(name) {
                        Some(schema) => out.extend(complaints(schema, member, &format!("{at}.{name}"))),
                        None => out.push(format!("{at}.{name}: not in the schema")),
                    }
                }
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    out.extend(complaints(wanted, item, &format!("{at}[{index}]")));
                }
            }
            "pattern" => {
                // Our patterns all begin with literal text; that much of them is checked here.
                let literal: String = wanted.as_str().unwrap()[1..].replace('\\', "");
                let literal = literal.split('[').next().unwrap();
                let begins = |with: &str| value.as_str().unwrap_or_default().starts_with(&literal.replace("s?", with));
                if !begins("") && !begins("s") {
                    out.push(format!("{at}: does not begin with `{literal}`"));
                }
            }
            "enum" | "minimum" | "maximum" | "additionalProperties" | "description" | "title" | "$schema" | "$id" => {}
            other => panic!("the checker does not know keyword `{other}`"),
        }
    }
    out
}

#[test]
fn the_file_is_what_its_schema_says() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let written = serde_json::to_value(sample()).unwrap();
    assert_eq!(complaints(&schema, &written, "demo.json"), Vec::<String>::new());
    let secured = Manifest {
        gateway: "https://127.0.0.1:8000".to_owned(),
        issuer: "https://localhost:7000/realms/main".to_owned(),
        certificate_authority: Some("./.sekisho-demo/ca.pem".to_owned()),
        ..sample()
    };
    assert_eq!(complaints(&schema, &serde_json::to_value(secured).unwrap(), "demo.json"), Vec::<String>::new());
}

#[test]
fn the_schema_refuses_what_is_missing_and_what_it_does_not_know() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let mut written = serde_json::to_value(sample()).unwrap();
    written.as_object_mut().unwrap().remove("issuer");
    written["authz"] = json!("http://127.0.0.1:1");
    written["routes"][0]["expect"]["alice"] = json!("yes");
    written["clients"][0]["kind"] = json!("robot");
    let complaints = complaints(&schema, &written, "demo.json");
    assert_eq!(complaints.len(), 4, "{complaints:?}");
}

#[test]
fn the_file_appears_whole_and_for_its_owner_only_and_a_stale_one_is_removed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(FILE);
    fs::write(&path, "stale").unwrap();
    Manifest::remove(directory.path()).unwrap();
    assert!(!path.exists());
    Manifest::remove(directory.path()).unwrap();

    // What a crash may have left must neither be in the way nor lend its mode.
    fs::write(directory.path().join(format!("{FILE}.new")), "half").unwrap();
    sample().publish(directory.path()).unwrap();
    let read: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(read["gateway"], "http://127.0.0.1:8000");
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
}
