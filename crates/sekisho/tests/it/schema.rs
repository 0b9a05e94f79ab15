//! Whether a value is what a schema of the OpenAPI document says: as much of JSON Schema 2020-12 as the document uses.
//!
//! A keyword that is not known here fails the test instead of passing unread, and a member that the schema does not name is
//! wrong: an answer must not tell more than the document.

use serde_json::{Map, Value};

/// What is wrong with the value, as the document has it.
pub(crate) fn check(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    check_at(document, schema, value, "")
}

fn check_at(document: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let Value::Object(keywords) = schema else {
        return if *schema == Value::Bool(true) { Ok(()) } else { Err(format!("{at}: nothing fits {schema}")) };
    };
    for (keyword, wanted) in keywords {
        let fits = match keyword.as_str() {
            "$ref" => {
                let pointer = wanted.as_str().unwrap().strip_prefix('#').unwrap();
                let target = document.pointer(pointer).unwrap_or_else(|| panic!("{wanted} is not in the document"));
                check_at(document, target, value, at)?;
                true
            }
            "type" => one_or_many(wanted).iter().any(|name| is_a(value, name)),
            "enum" => wanted.as_array().unwrap().contains(value),
            "const" => wanted == value,
            "anyOf" | "oneOf" => {
                let fitting =
                    wanted.as_array().unwrap().iter().filter(|one| check_at(document, one, value, at).is_ok());
                let count = fitting.count();
                count == 1 || (keyword == "anyOf" && count > 1)
            }
            "minimum" => value.as_f64().is_none_or(|number| number >= wanted.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= wanted.as_f64().unwrap()),
            "required" => {
                let names: Vec<&str> = wanted.as_array().unwrap().iter().filter_map(Value::as_str).collect();
                value.as_object().is_none_or(|members| names.iter().all(|name| members.contains_key(*name)))
            }
            "properties" => {
                members(document, wanted.as_object().unwrap(), value, at)?;
                true
            }
            "items" => {
                for (index, item) in value.as_array().into_iter().flatten().enumerate() {
                    check_at(document, wanted, item, &format!("{at}/{index}"))?;
                }
                true
            }
            "title" | "description" | "default" | "format" | "additionalProperties" | "pattern" => true,
            other => panic!("{at}: the keyword `{other}` is not known to this test"),
        };
        if !fits {
            return Err(format!("{at}: {value} is not as `{keyword}: {wanted}` says"));
        }
    }
    Ok(())
}

fn members(document: &Value, schemas: &Map<String, Value>, value: &Value, at: &str) -> Result<(), String> {
    for (name, member) in value.as_object().into_iter().flatten() {
        let schema = schemas.get(name).ok_or_else(|| format!("{at}: `{name}` is not in the document"))?;
        check_at(document, schema, member, &format!("{at}/{name}"))?;
    }
    Ok(())
}

fn one_or_many(names: &Value) -> Vec<&str> {
    names
        .as_array()
        .map_or_else(|| vec![names.as_str().unwrap()], |names| names.iter().filter_map(Value::as_str).collect())
}

fn is_a(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("the type `{other}` is not known to this test"),
    }
}

#[test]
fn a_value_that_is_not_as_the_schema_says_is_found_out() {
    let document = serde_json::json!({ "components": { "schemas": { "Thing": {
        "type": "object",
        "required": ["name"],
        "properties": { "name": { "type": "string" }, "at": { "type": ["integer", "null"], "minimum": 1 } },
    }}}});
    let schema = serde_json::json!({ "$ref": "#/components/schemas/Thing" });
    let fits = |value: Value| check(&document, &schema, &value).is_ok();
    assert!(fits(serde_json::json!({ "name": "x", "at": 3 })) && fits(serde_json::json!({ "name": "x", "at": null })));
    for wrong in [
        serde_json::json!([]),
        serde_json::json!({ "at": 3 }),
        serde_json::json!({ "name": 3 }),
        serde_json::json!({ "name": "x", "at": 0 }),
        serde_json::json!({ "name": "x", "more": 1 }),
    ] {
        assert!(!fits(wrong.clone()), "{wrong}");
    }
}
