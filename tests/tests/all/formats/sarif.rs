//! SARIF 2.1.0: the published schema, positions, fixes, and names that are data.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use npv_analyzer::report::visible;
use npv_tests::npv::{npv, root};
use npv_tests::place::text_at;
use serde_json::{Value, json};

use super::{assert_harmless, beside, check, fixtures, hostile, inputs};

pub(super) fn schema() -> Validator {
    let text = fs::read_to_string(root().join("tests/fixtures/published/sarif-schema-2.1.0.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    for owner in ["run", "toolComponent"] {
        // Published with a bracket too many, which strict readers refuse; npv writes no `language`.
        let language = &mut schema["definitions"][owner]["properties"]["language"];
        assert!(language.as_object_mut().unwrap().remove("pattern").is_some());
    }
    jsonschema::options().should_validate_formats(true).build(&schema).unwrap()
}

pub(super) fn valid(schema: &Validator, text: &str) -> Value {
    let log: Value = serde_json::from_str(text).unwrap();
    let errors: Vec<String> =
        schema.iter_errors(&log).map(|error| format!("{error} at {}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{}\n{text}", errors.join("\n"));
    log["runs"][0].clone()
}

/// The file that a URI names, as npv's own JSON names it.
fn file_of(artifact: &Value) -> String {
    assert_eq!(artifact["uriBaseId"], "%SRCROOT%");
    let uri = artifact["uri"].as_str().unwrap();
    assert!(
        uri.chars()
            .all(|character| character.is_ascii_alphanumeric() || "-._~/!$&'()*+,;=@%".contains(character))
    );
    let mut bytes = Vec::new();
    let mut rest = uri.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits = [rest.next().unwrap(), rest.next().unwrap()];
            bytes.push(u8::from_str_radix(str::from_utf8(&digits).unwrap(), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The text that a region covers, read from the file.
pub(super) fn covered(directory: &Path, artifact: &Value, region: &Value) -> String {
    let place = json!({
        "file": file_of(artifact), "line": region["startLine"], "column": region["startColumn"],
        "endLine": region["endLine"], "endColumn": region["endColumn"],
    });
    text_at(directory, &place).unwrap()
}

/// What a reader of the standard makes of a message.
pub(super) fn read(message: &Value) -> String {
    let text = message["text"].as_str().unwrap();
    text.replace("\\[", "[").replace("\\]", "]").replace("{{", "{").replace("}}", "}")
}

#[test]
fn every_log_is_valid_and_says_what_the_json_says() {
    let schema = schema();
    let (mut results, mut related, mut flows, mut fixes, mut notifications) = (0, 0, 0, 0, 0);
    for (directory, path) in inputs() {
        let (findings, text, ended) = beside(&directory, &path, "sarif");
        let run = valid(&schema, &text);
        assert_eq!(run["columnKind"], "unicodeCodePoints");
        let invocation = &run["invocations"][0];
        assert_eq!(invocation["exitCode"], ended.status, "{path}");
        assert_eq!(invocation["executionSuccessful"], ended.status != 3, "{path}");
        let listed: Vec<&Value> = run["results"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|result| result["suppressions"].is_null())
            .collect();
        assert_eq!(listed.len(), findings.len(), "{path}");
        for (result, finding) in listed.into_iter().zip(&findings) {
            results += 1;
            assert_eq!((&result["ruleId"], &result["level"]), (&finding["rule"], &finding["severity"]));
            let rule = &run["tool"]["driver"]["rules"][result["ruleIndex"].as_u64().unwrap() as usize];
            assert_eq!(rule["id"], finding["rule"]);
            assert_eq!(result["partialFingerprints"]["npvFinding/v1"], finding["fingerprint"]);
            let message = read(&result["message"]);
            assert_eq!(message.lines().next().unwrap(), visible(finding["message"].as_str().unwrap()));
            let shown: Vec<&Value> = finding["locations"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|location| location["role"] != "hidden")
                .collect();
            let places: Vec<&Value> = [&result["locations"], &result["relatedLocations"]]
                .into_iter()
                .filter_map(Value::as_array)
                .flatten()
                .collect();
            assert_eq!(places.len(), shown.len());
            related += places.len() - 1;
            for (place, location) in places.iter().zip(&shown) {
                let physical = &place["physicalLocation"];
                // A text that is not UTF-8 is not what is on the disk.
                if let Ok(text) = text_at(&directory, location) {
                    assert_eq!(covered(&directory, &physical["artifactLocation"], &physical["region"]), text);
                }
            }
            flows += usize::from(!finding["witness"].is_null());
            assert_eq!(result.get("codeFlows").is_some(), !finding["witness"].is_null());
            fixes += assert_fixes(&directory, result, finding);
        }
        let incomplete = findings.iter().filter(|finding| finding["incomplete"] == true).count();
        let said = invocation["toolExecutionNotifications"].as_array().unwrap();
        assert_eq!(said.len(), incomplete, "{path}");
        notifications += incomplete;
    }
    // What never comes up has not been tested.
    let counts = [results, related, flows, fixes, notifications];
    assert!(counts.iter().zip([100, 50, 5, 3, 5]).all(|(count, least)| *count >= least), "{counts:?}");
}

/// The edits of a fix are those of npv's own JSON. Returns how many there are.
fn assert_fixes(directory: &Path, result: &Value, finding: &Value) -> usize {
    let Some(fix) = result["fixes"].get(0) else { return 0 };
    let edits = finding["fix"]["edits"].as_array().unwrap();
    assert_eq!(fix["properties"]["applicability"], finding["fix"]["applicability"]);
    let mut count = 0;
    for change in fix["artifactChanges"].as_array().unwrap() {
        for replacement in change["replacements"].as_array().unwrap() {
            let region = &replacement["deletedRegion"];
            let text = covered(directory, &change["artifactLocation"], region);
            let same = edits.iter().find(|edit| {
                (&edit["line"], &edit["column"]) == (&region["startLine"], &region["startColumn"])
                    && edit["file"] == file_of(&change["artifactLocation"])
            });
            let edit = same.unwrap();
            assert_eq!(text_at(directory, edit).unwrap(), text);
            assert_eq!(edit["replacement"], replacement["insertedContent"]["text"]);
            count += 1;
        }
    }
    assert_eq!(count, edits.len());
    count
}

#[test]
fn all_rules_are_described() {
    let ([text], _) = check(&fixtures(), "shop", ["sarif"]);
    let run = valid(&schema(), &text);
    let described = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rules: Value = serde_json::from_str(&npv(&fixtures(), ["rule", "--format", "json"]).stdout).unwrap();
    let rules = rules["rules"].as_array().unwrap();
    // What must hold is one more.
    assert_eq!(described.len(), rules.len() + 1);
    assert_eq!(described.last().unwrap()["id"], "assertion");
    for (descriptor, rule) in described.iter().zip(rules) {
        assert_eq!(descriptor["id"], rule["name"]);
        assert_eq!(descriptor["defaultConfiguration"]["level"], rule["severity"]);
        assert_eq!(descriptor["defaultConfiguration"]["enabled"], rule["pedantic"] == false);
        let help = descriptor["help"]["markdown"].as_str().unwrap();
        assert!(help.contains("## How to fix it") && help.contains("```yaml"), "{help}");
        for description in ["shortDescription", "fullDescription"] {
            let text = descriptor[description]["text"].as_str().unwrap();
            assert!((20..=1024).contains(&text.chars().count()), "{text}");
        }
        let tags: BTreeSet<&str> =
            descriptor["properties"]["tags"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
        assert!(tags.contains(rule["category"].as_str().unwrap()), "{tags:?}");
    }
}

#[test]
fn names_are_data() {
    let directory = tempfile::tempdir().unwrap();
    let name = hostile(directory.path());
    let (findings, text, _) = beside(directory.path(), ".", "sarif");
    let run = valid(&schema(), &text);
    assert!(findings.len() >= 10, "{findings:#?}");
    for result in run["results"].as_array().unwrap() {
        let message = result["message"]["text"].as_str().unwrap();
        assert_harmless(message);
        assert!(!message.contains("](") || message.contains("\\]("), "a link: {message}");
        assert!(
            !message.replace("{{", "").replace("}}", "").contains(['{', '}']),
            "a placeholder: {message}"
        );
        assert_eq!(file_of(&result["locations"][0]["physicalLocation"]["artifactLocation"]), name);
    }
}

#[test]
fn paths_start_at_the_directory_that_npv_runs_in() {
    let absolute = fixtures().join("shop").display().to_string();
    let dotted = "../fixtures/shop";
    let ([plain], _) = check(&fixtures(), "shop", ["sarif"]);
    for path in [absolute.as_str(), dotted] {
        let ([text], _) = check(&fixtures(), path, ["sarif"]);
        assert_eq!(text, plain, "{path}");
    }
    let ([outside], _) = check(&fixtures().join("broken"), &absolute, ["sarif"]);
    let run = valid(&schema(), &outside);
    let artifact = &run["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(artifact["uri"], format!("file://{absolute}/policies.yaml"));
    assert!(artifact["uriBaseId"].is_null());
}

#[test]
fn what_is_suppressed_is_marked_where_that_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let text = "apiVersion: v1\nkind: Pod\n# npv: ignore[no-policy] a jump host, watched {otherwise}\n\
                metadata: {name: jump, namespace: shop}\nspec: {containers: [{name: c, image: c}]}\n---\n\
                apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n\
                spec: {containers: [{name: c, image: c}]}\n";
    fs::write(directory.path().join("a.yaml"), text).unwrap();
    let configuration = "ignore:\n  - {rule: no-policy, object: Pod/shop/web, reason: to be retired}\n";
    fs::write(directory.path().join("npv.yaml"), configuration).unwrap();
    let ([whole, open, json], run) = check(directory.path(), ".", ["sarif", "code-scanning", "json"]);
    let document: Value = serde_json::from_str(&json).unwrap();
    let schema = schema();
    let (whole, open) = (valid(&schema, &whole), valid(&schema, &open));
    assert_eq!(open["results"], json!([]), "{run}");
    assert_eq!(whole["tool"], open["tool"]);
    let results = whole["results"].as_array().unwrap();
    let told: Vec<(&Value, &Value)> = results
        .iter()
        .map(|result| (&result["suppressions"][0]["kind"], &result["suppressions"][0]["justification"]))
        .collect();
    let (in_source, external) = (json!("inSource"), json!("external"));
    let (jump, web) = (json!("a jump host, watched {otherwise}"), json!("to be retired"));
    assert_eq!(told, [(&in_source, &jump), (&external, &web)], "{document:#}");
    let at = &results[0]["suppressions"][0]["location"]["physicalLocation"];
    assert_eq!(at["region"]["startLine"], 3);
    assert_eq!(covered(directory.path(), &at["artifactLocation"], &at["region"]), "no-policy");
}

#[test]
fn the_schema_notices_what_is_wrong() {
    let ([text], _) = check(&fixtures(), "shop", ["sarif"]);
    let schema = schema();
    valid(&schema, &text);
    for (right, wrong) in [
        ("\"startLine\":", "\"line\":"),
        ("\"level\":\"warning\"", "\"level\":\"bad\""),
        ("unicodeCodePoints", "bytes"),
        ("\"uri\":\"shop/", "\"uri\":\"sh op/"),
    ] {
        let broken: Value = serde_json::from_str(&text.replace(right, wrong)).unwrap();
        assert!(!schema.is_valid(&broken), "{wrong}");
    }
}
