//! As much of JSON Schema (draft 2020-12) as ours uses. A keyword that is not known here is an error, so that nothing is passed
//! over in silence.

use serde_json::{Map, Value};

/// Whether the value is as the schema says; if not, where and why.
pub(super) fn check(value: &Value) -> Result<(), String> {
    let root = super::super::schema();
    conforms(value, &root, &root, "")
}

fn conforms(value: &Value, schema: &Value, root: &Value, path: &str) -> Result<(), String> {
    let Some(schema) = schema.as_object() else { return Ok(()) };
    schema.iter().try_for_each(|(keyword, demand)| {
        let met = match keyword.as_str() {
            "$ref" => {
                let pointer = demand.as_str().unwrap().strip_prefix('#').unwrap();
                return conforms(value, root.pointer(pointer).unwrap(), root, path);
            }
            "properties" => return properties(value, demand, root, path),
            "additionalProperties" => return additional(value, schema, root, path),
            "items" => {
                let mut items = value.as_array().into_iter().flatten();
                return items.try_for_each(|item| conforms(item, demand, root, &format!("{path}[]")));
            }
            "anyOf" => demand.as_array().unwrap().iter().any(|one| conforms(value, one, root, path).is_ok()),
            "oneOf" => {
                demand.as_array().unwrap().iter().filter(|one| conforms(value, one, root, path).is_ok()).count() == 1
            }
            "type" => types(demand).iter().any(|name| is(value, name)),
            "const" => value == demand,
            "enum" => demand.as_array().unwrap().contains(value),
            "required" => {
                let names = demand.as_array().unwrap();
                value
                    .as_object()
                    .is_none_or(|object| names.iter().all(|name| object.contains_key(name.as_str().unwrap())))
            }
            "minimum" => value.as_i64().is_none_or(|number| number >= demand.as_i64().unwrap()),
            // Texts are checked by what reads them; their patterns are for editors.
            "pattern" | "format" | "$schema" | "$defs" | "title" | "description" | "default" => true,
            unknown => panic!("`{unknown}` at `{path}` is not checked here"),
        };
        if met { Ok(()) } else { Err(format!("{path}: {keyword}: {demand}")) }
    })
}

fn properties(value: &Value, demand: &Value, root: &Value, path: &str) -> Result<(), String> {
    let demand = demand.as_object().unwrap();
    let mut given = value.as_object().into_iter().flatten();
    given.try_for_each(|(key, value)| match demand.get(key) {
        Some(schema) => conforms(value, schema, root, &format!("{path}.{key}")),
        None => Ok(()),
    })
}

fn additional(value: &Value, schema: &Map<String, Value>, root: &Value, path: &str) -> Result<(), String> {
    let (known, others) = (schema.get("properties"), &schema["additionalProperties"]);
    let given = value.as_object().into_iter().flatten();
    let mut unknown = given.filter(|(key, _)| known.is_none_or(|known| known.get(key.as_str()).is_none()));
    unknown.try_for_each(|(key, value)| {
        if *others == Value::Bool(false) {
            return Err(format!("{path}.{key}: not a key"));
        }
        conforms(value, others, root, &format!("{path}.{key}"))
    })
}

fn types(demand: &Value) -> Vec<&str> {
    demand
        .as_array()
        .map_or_else(|| vec![demand], |names| names.iter().collect())
        .into_iter()
        .filter_map(Value::as_str)
        .collect()
}

fn is(value: &Value, name: &str) -> bool {
    match name {
        "string" => value.is_string(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "object" => value.is_object(),
        "array" => value.is_array(),
        "null" => value.is_null(),
        unknown => panic!("`{unknown}` is not a type"),
    }
}
