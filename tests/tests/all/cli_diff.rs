//! What `npv diff` prints.

use std::fmt::Write as _;
use std::fs;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv, root};
use npv_tests::place::text_at;
use serde_json::Value;

fn diff(arguments: &[&str]) -> Run {
    npv(&root().join("corpus"), [&["diff"], arguments].concat())
}

/// The answer; it must be one, without a word on standard error.
fn answer(arguments: &[&str]) -> String {
    let run = diff(arguments);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "{arguments:?}\n{run}");
    run.stdout
}

/// A release that opens more than it means to.
const RELEASE: [&str; 2] = ["release-before/manifests", "release-after/manifests"];
const FOUR_STEPS: [&str; 2] =
    ["zero-trust-in-four-steps/manifests", "zero-trust-in-four-steps-mended/manifests"];

/// Without the findings, of which there will be more.
fn changes(text: &str, until: &str) -> String {
    text.split_once(until).map(|(changes, _)| changes.to_owned()).unwrap()
}

#[test]
fn text() {
    let text = answer(&RELEASE);
    assert_snapshot!(changes(&text, "findings introduced\n"));
    assert!(text.contains("  warning[wider-than-intended] "), "{text}");
    assert!(text.contains("\n11 flows opened, 2 closed; "), "{text}");
    assert_snapshot!("text_reversed", changes(&answer(&[RELEASE[1], RELEASE[0]]), "findings resolved\n"));
}

#[test]
fn json() {
    let json = answer(&[&RELEASE[..], &["--format", "json"]].concat());
    assert_snapshot!(changes(&json, "\"findingsIntroduced\""));
    let wanted =
        "\n\"base\": {\"name\": \"release-before/manifests\", \"complete\": true, \"diagnostics\": []},\n";
    assert!(json.contains(wanted), "{json}");
}

#[test]
fn one_side_twice_is_no_difference() {
    let same = ["demo/manifests", "demo/manifests"];
    assert_eq!(answer(&same), "no flow opened or closed\n");
    let json: Value = serde_json::from_str(&answer(&[&same[..], &["--format", "json"]].concat())).unwrap();
    for key in ["opened", "closed", "endpointsAdded", "policiesChanged", "findingsIntroduced"] {
        assert_eq!(json[key], Value::Array(Vec::new()), "{key}");
    }
}

#[test]
fn what_opens_one_way_closes_the_other() {
    let read = |arguments: &[&str]| -> Value {
        serde_json::from_str(&answer(&[arguments, &["--format", "json"]].concat())).unwrap()
    };
    let (there, back) = (read(&FOUR_STEPS), read(&[FOUR_STEPS[1], FOUR_STEPS[0]]));
    let ends = |flows: &Value| -> Vec<[Value; 3]> {
        let flows = flows.as_array().unwrap().iter();
        flows.map(|flow| ["src", "dst", "traffic"].map(|key| flow[key].clone())).collect()
    };
    assert_eq!(ends(&there["opened"]), ends(&back["closed"]));
    assert_eq!(
        there["policiesAdded"].as_array().unwrap().len(),
        back["policiesRemoved"].as_array().unwrap().len()
    );
    assert_eq!(there["findingsResolved"], back["findingsIntroduced"]);
}

#[test]
fn what_a_side_leaves_out_is_said_and_is_the_exit_status() {
    let run = diff(&["demo/manifests", "linkerd-authorization/manifests"]);
    assert_eq!(run.status, 3, "{run}");
    assert!(run.stdout.contains("`linkerd-authorization/manifests` is incomplete: "), "{run}");
    let run = diff(&["demo/manifests", "linkerd-authorization/manifests", "--allow-incomplete"]);
    assert_eq!(run.status, 0, "{run}");
}

#[test]
fn markdown() {
    let text = answer(&[&RELEASE[..], &["--format", "markdown"]].concat());
    assert_snapshot!(changes(&text, "<details><summary>Findings introduced"));
}

/// A hundred and fifty applications, each closed by a policy of its own in the base and open in the head.
fn many(closed: bool) -> String {
    let mut text = String::new();
    for index in 0..150 {
        let name = format!("application-with-a-rather-long-name-{index:03}");
        let port = 8000 + index;
        write!(
            text,
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: n{}}}\nspec:\n  selector: \
             {{matchLabels: {{app: {name}}}}}\n  template:\n    metadata: {{labels: {{app: {name}}}}}\n    spec: \
             {{containers: [{{name: a, image: a, ports: [{{containerPort: {port}}}]}}]}}\n---\n",
            index % 7
        )
        .unwrap();
        let from = if closed { "{podSelector: {}}" } else { "{ipBlock: {cidr: 0.0.0.0/0}}" };
        write!(
            text,
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: n{}}}\nspec:\n  \
             podSelector: {{matchLabels: {{app: {name}}}}}\n  ingress:\n    - from: [{from}]\n      ports: [{{port: {port}}}]\n---\n",
            index % 7
        )
        .unwrap();
    }
    text
}

#[test]
fn a_comment_has_a_bounded_length_and_begins_with_the_worst() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("old.yaml"), many(true)).unwrap();
    fs::write(directory.path().join("new.yaml"), many(false)).unwrap();
    let run = npv(directory.path(), ["diff", "old.yaml", "new.yaml", "--format", "markdown"]);
    assert_eq!((run.status, &*run.stderr), (0, ""), "{}", run.stderr);
    let text = run.stdout;
    assert!(text.len() > 20_000 && text.chars().count() < 65_000, "{}", text.len());
    assert!(text.contains(" more: `npv diff` lists them all.\n"), "{text}");
    assert_eq!(text.matches("<details>").count(), text.matches("</details>").count());
    let first = text.lines().find(|line| line.starts_with("| ") && !line.starts_with("| |")).unwrap();
    // Pods whose addresses no manifest shows are in the block (S-16); the internet is named first.
    assert!(first.starts_with("| **from the internet** | `0.0.0.0/0`<br>`n0/*`<br>"), "{first}");
    // Each row is a whole one.
    let rows = text.lines().filter(|line| line.starts_with('|'));
    assert!(rows.clone().all(|row| row.ends_with('|')), "{text}");
    assert!(rows.count() > 100);
}

#[test]
fn names_are_data() {
    let fixtures = root().join("tests/fixtures");
    let acts = |character: char| character != '\n' && (character.is_control() || character == '\u{202e}');
    for format in ["text", "markdown"] {
        let run = npv(&fixtures, ["diff", "shop", "hostile", "--format", format]);
        assert_eq!(run.status, 0, "{run}");
        assert!(!run.stdout.contains(acts), "{format}: {:?}", run.stdout);
    }
    let run = npv(&fixtures, ["diff", "shop", "hostile", "--format", "markdown"]);
    // Whatever looks like HTML in a name stands in a code span.
    let outside: String = run.stdout.split('`').step_by(2).collect();
    assert!(run.stdout.contains("<script>") && !outside.contains("<script>alert"), "{run}");
}

#[test]
fn excepted_findings_are_not_introduced() {
    let directory = tempfile::tempdir().unwrap();
    let policy = |comment: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: p, namespace: shop}}\nspec:\n{comment}  \
             podSelector: {{matchLabels: {{app: nobody}}}}\n---\napiVersion: v1\nkind: Pod\nmetadata: {{name: a, namespace: shop}}\n\
             spec: {{}}\n"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec: {}\n";
    let introduced = |head: &str| -> Vec<String> {
        fs::write(directory.path().join("old.yaml"), pod).unwrap();
        fs::write(directory.path().join("new.yaml"), head).unwrap();
        let run = npv(directory.path(), ["diff", "old.yaml", "new.yaml", "--format", "json"]);
        let json: Value = serde_json::from_str(&run.stdout).unwrap();
        let findings = json["findingsIntroduced"].as_array().unwrap().iter();
        findings.map(|finding| finding["rule"].as_str().unwrap().to_owned()).collect()
    };
    assert!(introduced(&policy("")).contains(&"selects-no-pods".to_owned()));
    let excepted = introduced(&policy("  # npv: ignore[selects-no-pods] the pods come later\n"));
    assert!(!excepted.contains(&"selects-no-pods".to_owned()), "{excepted:?}");
}

/// One finding is as the base has it, one is new and in the baseline, one is new; and one is gone.
#[test]
fn what_the_baseline_has_is_not_introduced() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let policy = |name: &str, app: &str| {
        format!(
            "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop, \
             annotations: {{description: d}}}}\nspec: {{podSelector: {{matchLabels: {{app: {app}}}}}, policyTypes: [Ingress]}}\n"
        )
    };
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, labels: {app: a}}\nspec: {}\n";
    let old = format!("{pod}{}{}{}", policy("all", "a"), policy("stays", "b"), policy("goes", "c"));
    let head = format!("{pod}{}{}", policy("all", "a"), policy("stays", "b"));
    write("old.yaml", &old);
    write("new.yaml", &format!("{head}{}", policy("known", "d")));
    let run = npv(directory.path(), ["baseline", "write", "new.yaml"]);
    assert_eq!(run.status, 0, "{run}");
    write("new.yaml", &format!("{head}{}{}", policy("known", "d"), policy("fresh", "e")));
    let asked = |more: &[&str]| -> [Vec<String>; 2] {
        let arguments = [&["diff", "old.yaml", "new.yaml", "--format", "json"], more].concat();
        let run = npv(directory.path(), arguments);
        assert_eq!(run.status, 0, "{run}");
        let json: Value = serde_json::from_str(&run.stdout).unwrap();
        ["findingsIntroduced", "findingsResolved"].map(|key| {
            let findings = json[key].as_array().unwrap().iter();
            findings.map(|finding| format!("{} {}", finding["rule"], finding["object"])).collect()
        })
    };
    let of = |name: &str| format!("\"selects-no-pods\" \"NetworkPolicy/shop/{name}\"");
    assert_eq!(asked(&[]), [vec![of("fresh")], vec![of("goes")]]);
    assert_eq!(asked(&["--no-baseline"]), [vec![of("known"), of("fresh")], vec![of("goes")]]);
    fs::rename(directory.path().join("npv-baseline.json"), directory.path().join("b.json")).unwrap();
    assert_eq!(asked(&["--baseline", "b.json"]), [vec![of("fresh")], vec![of("goes")]]);
    let run = npv(directory.path(), ["diff", "old.yaml", "new.yaml", "--baseline", "none.json"]);
    assert!(run.status == 2 && run.stderr.contains("there is no baseline `none.json`"), "{run}");
    // What is gone is resolved, though the baseline has had it.
    assert_eq!(npv(directory.path(), ["baseline", "write", "old.yaml"]).status, 0);
    assert_eq!(asked(&[]), [vec![of("known"), of("fresh")], vec![of("goes")]]);
}

/// Every place of an answer, with the object that it is a place of.
fn places<'j>(value: &'j Value, object: &'j Value, found: &mut Vec<(&'j Value, &'j Value)>) {
    let object = value.get("object").unwrap_or(object);
    if value.get("file").is_some() {
        found.push((value, object));
    }
    let inside = value.as_array().into_iter().flatten();
    for value in inside.chain(value.as_object().into_iter().flat_map(|fields| fields.values())) {
        places(value, object, found);
    }
}

#[test]
fn places_are_in_the_sources() {
    let (mut names, mut rules, mut others) = (0, 0, 0);
    for sides in [RELEASE, [RELEASE[1], RELEASE[0]], FOUR_STEPS] {
        let json: Value =
            serde_json::from_str(&answer(&[&sides[..], &["--format", "json"]].concat())).unwrap();
        let mut found = Vec::new();
        places(&json, &Value::Null, &mut found);
        for (place, object) in found {
            let text = text_at(&root().join("corpus"), place).unwrap();
            let name = object.as_str().and_then(|object| object.rsplit('/').next());
            // A policy's name, an entry of its rules, or what a finding is about.
            if Some(text.as_str()) == name {
                names += 1;
            } else if ["from:", "to:", "ports:", "- from:", "- to:"].iter().any(|key| text.starts_with(key)) {
                rules += 1;
            } else {
                assert!(
                    place.get("role").is_some() || place.get("replacement").is_some(),
                    "{place:#}\n{text}"
                );
                others += 1;
            }
        }
    }
    assert!(names > 15 && rules >= 5 && others >= 5, "{names} {rules} {others}");
}
