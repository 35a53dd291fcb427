//! The JSON Schema of a list of assertions, for editors.

use serde_json::{Value, json};

/// The schema of `assertions` in a configuration.
pub fn schema() -> Value {
    let selector = json!({
        "description": "Labels: `{app: web}`, `{app: [web, api]}`, `{app: \"*\"}`, or matchLabels and matchExpressions.",
        "type": ["object", "null"],
    });
    let namespaces = json!({
        "description": "Namespaces by their labels, or a list of names.",
        "type": ["object", "array", "null"],
    });
    let end = json!({
        "type": ["string", "object"],
        "properties": {
            "namespace": {"description": "One namespace by its name.", "type": "string"},
            "namespaces": namespaces,
            "pods": selector,
            "nodes": {"description": "Nodes by their labels, with the pods on their network.", "type": ["object", "null"]},
        },
        "additionalProperties": false,
    });
    let ends = |description: &str| {
        json!({
            "description": description,
            "anyOf": [end, {"type": "array", "items": end, "minItems": 1}],
        })
    };
    json!({
        "type": "array",
        "items": {
            "type": "object",
            "properties": {
                "name": {"description": "What to call it.", "type": ["string", "null"]},
                "expect": {
                    "description": "That these flows are allowed, that they are denied, or that no others reach the same destinations.",
                    "enum": ["allow", "deny", "only"],
                },
                "from": ends(
                    "Where flows come from: `any-pod`, `anybody`, `internet`, an address, a block, `namespace/name`, or \
                     selectors; or a list of these.",
                ),
                "to": ends("Where they go to, likewise."),
                "ports": {
                    "description": "Over any of these: `443`, `53/udp`, `8000-8100/tcp`, `udp`, `http`; over anything where it is left out.",
                    "type": ["array", "null"],
                    "items": {"type": ["integer", "string"]},
                    "minItems": 1,
                },
                "where": {
                    "description": "Compares a label of the two ends: `from.tenant != to.tenant`, `from.namespace == to.namespace`.",
                    "type": ["string", "array", "null"],
                    "items": {"type": "string"},
                },
                "world": {
                    "description": "Where it must hold: in every possible cluster, or for the endpoints of the manifests.",
                    "default": "any",
                    "enum": ["any", "snapshot", null],
                },
            },
            "required": ["expect", "from", "to"],
            "additionalProperties": false,
        },
    })
}
