//! GitLab's Code Quality report: the documented fields, and nothing else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{assert_harmless, beside, check, fixtures, hostile, inputs};

/// The fields that GitLab documents, with their types.
fn schema() -> jsonschema::Validator {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "array",
        "items": {
            "type": "object",
            "required": ["description", "check_name", "fingerprint", "severity", "location"],
            "additionalProperties": false,
            "properties": {
                "description": {"type": "string", "minLength": 10},
                "check_name": {"type": "string", "pattern": "^[a-z][a-z-]+$"},
                "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{16}(-[0-9]+)?$"},
                "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
                "location": {
                    "type": "object",
                    "required": ["path", "lines"],
                    "additionalProperties": false,
                    "properties": {
                        // Relative to the repository, without a leading `./`.
                        "path": {"type": "string", "minLength": 1, "not": {"pattern": "^(/|\\./)"}},
                        "lines": {
                            "type": "object",
                            "required": ["begin"],
                            "additionalProperties": false,
                            "properties": {
                                "begin": {"type": "integer", "minimum": 1},
                                "end": {"type": "integer", "minimum": 1}
                            }
                        }
                    }
                }
            }
        }
    });
    jsonschema::validator_for(&schema).unwrap()
}

fn valid(schema: &jsonschema::Validator, text: &str) -> Vec<Value> {
    let report: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> =
        schema.iter_errors(&report).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}\n{text}", errors.join("\n"));
    report.as_array().unwrap().clone()
}

#[test]
fn every_report_has_the_documented_fields() {
    let schema = schema();
    let mut seen = 0;
    for (directory, path) in inputs() {
        let (findings, text, _) = beside(&directory, &path, "gitlab");
        let report = valid(&schema, &text);
        assert_eq!(report.len(), findings.len(), "{path}");
        for (violation, finding) in report.iter().zip(&findings) {
            let at = &finding["locations"][0];
            assert_eq!(violation["check_name"], finding["rule"]);
            assert_eq!(violation["location"]["path"], at["file"]);
            assert_eq!(violation["location"]["lines"]["begin"], at["line"]);
            assert_eq!(violation["location"]["lines"]["end"], at["endLine"]);
            let fingerprint = violation["fingerprint"].as_str().unwrap();
            assert!(fingerprint.starts_with(finding["fingerprint"].as_str().unwrap()));
            seen += 1;
        }
        let fingerprints: BTreeSet<&str> =
            report.iter().filter_map(|violation| violation["fingerprint"].as_str()).collect();
        // GitLab drops all but one violation of a fingerprint.
        assert_eq!(fingerprints.len(), report.len(), "{path}");
    }
    assert!(seen > 100, "{seen}");
}

#[test]
fn names_are_data_and_paths_are_relative() {
    let directory = tempfile::tempdir().unwrap();
    let name = hostile(directory.path());
    let absolute = directory.path().canonicalize().unwrap().display().to_string();
    let ([text], _) = check(directory.path(), &absolute, ["gitlab"]);
    let report = valid(&schema(), &text);
    assert!(report.len() >= 10, "{text}");
    for violation in &report {
        assert_harmless(violation["description"].as_str().unwrap());
        assert_eq!(violation["location"]["path"], name);
    }
    let ([empty], _) = check(&fixtures(), "shop/workloads.yaml", ["gitlab"]);
    assert!(valid(&schema(), &empty).iter().all(|violation| violation["severity"] == "major"), "{empty}");
}
