//! The JSON Schema of a configuration, for editors: it follows from the same definition as reading.

use serde_json::{Map, Value as Json, json};

use super::Config;
use super::define::Value;

/// The schema, as `docs/schema/config.json` publishes it.
pub fn schema() -> Json {
    let mut schema = Config::schema();
    if let Json::Object(map) = &mut schema {
        map.insert("$schema".to_owned(), json!("https://json-schema.org/draft/2020-12/schema"));
        map.insert("title".to_owned(), json!("npv.yaml"));
    }
    schema
}

/// The schema as text.
pub fn schema_text() -> String {
    serde_json::to_string_pretty(&schema()).unwrap_or_default() + "\n"
}

/// Documentation as one paragraph, with a full stop at its end.
fn paragraph(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The schema of a section.
pub(super) fn object(about: &str, fields: Vec<(&str, &str, Json)>, required: &[&str]) -> Json {
    let mut properties = Map::new();
    for (key, doc, mut schema) in fields {
        if let Json::Object(map) = &mut schema {
            map.insert("description".to_owned(), json!(paragraph(doc)));
        }
        properties.insert(key.to_owned(), nullable(schema, required.contains(&key)));
    }
    let mut object = json!({
        "type": "object",
        "description": paragraph(about),
        "properties": properties,
        "additionalProperties": false,
    });
    if let (Json::Object(map), false) = (&mut object, required.is_empty()) {
        map.insert("required".to_owned(), json!(required));
    }
    object
}

/// A key may be there without a value, which says nothing.
fn nullable(mut schema: Json, required: bool) -> Json {
    if required {
        return schema;
    }
    if let Json::Object(map) = &mut schema {
        if let Some(kind @ Json::String(_)) = map.get("type").cloned() {
            map.insert("type".to_owned(), json!([kind, "null"]));
        }
        if let Some(Json::Array(choices)) = map.get_mut("enum") {
            choices.push(Json::Null);
        }
    }
    schema
}
