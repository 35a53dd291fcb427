//! Every scenario of the corpus gives the answers that it must give.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use npv_models::space::Protocol;
use npv_tests::answers::{Diff, Finding, Flow, NamedPath, Place, Proof, Scenario, scenarios};
use npv_tests::matrix::Matrix;
use npv_tests::npv::{Run, npv, root};
use serde_json::Value;

#[test]
fn scenarios_give_the_answers_that_they_must_give() {
    let scenarios = scenarios(&root().join("corpus")).unwrap();
    assert!(!scenarios.is_empty());
    let known = known_rules();
    assert!(!known.is_empty());
    let only = std::env::var("NPV_SCENARIO").unwrap_or_default();
    let mut wrong = String::new();
    for scenario in scenarios.iter().filter(|scenario| scenario.name.contains(&only)) {
        let mut differences = Vec::new();
        check(scenario, &known, &mut differences);
        let matrix = reach(scenario, &mut differences);
        for flow in &scenario.flows {
            trace(scenario, flow, matrix.as_ref(), &mut differences);
        }
        for path in &scenario.paths {
            walk(scenario, path, &mut differences);
        }
        if let Some(wanted) = &scenario.diff {
            let base = format!("../{}/manifests", wanted.base);
            diff(scenario, &base, wanted, &mut differences);
        }
        if let Some(wanted) = &scenario.staged {
            diff(scenario, "--staged", wanted, &mut differences);
        }
        for proof in &scenario.proofs {
            prove(scenario, proof, &mut differences);
        }
        if !differences.is_empty() {
            writeln!(wrong, "\n{}:", scenario.name).unwrap();
            for difference in differences {
                writeln!(wrong, "  {}", difference.replace('\n', "\n    ")).unwrap();
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Whether an assertion holds, and who decides the flow that contradicts it.
fn prove(scenario: &Scenario, wanted: &Proof, differences: &mut Vec<String>) {
    let (run, document) = run(scenario, &["prove", &wanted.assertion]);
    let answer = document.as_ref().map(|document| &document["assertions"][0]);
    let Some(answer) = answer.filter(|answer| answer["holds"] == wanted.holds) else {
        differences.push(format!("`{}`: holds: {} is wanted\n{run}", wanted.assertion, wanted.holds));
        return;
    };
    let steps = answer["counterexample"]["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    if let Some(by) = &wanted.by
        && !steps.iter().any(|step| step["object"] == by.as_str())
    {
        differences.push(format!("`{}`: decided by `{by}` is wanted\n{steps:#?}", wanted.assertion));
    }
}

/// The rules that the binary has: a scenario lists those to come as well.
fn known_rules() -> BTreeSet<String> {
    let run = npv(&root(), ["rule", "--format", "json"]);
    assert_eq!(run.status, 0, "{run}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let rules = document["rules"].as_array().unwrap();
    rules.iter().map(|rule| rule["name"].as_str().unwrap().to_owned()).collect()
}

fn run(scenario: &Scenario, arguments: &[&str]) -> (Run, Option<Value>) {
    let mut all: Vec<&str> = arguments.to_vec();
    all.extend(scenario.args.iter().map(String::as_str));
    all.extend(["--format", "json", "manifests"]);
    let run = npv(&scenario.path, all);
    let document = serde_json::from_str(&run.stdout).ok();
    (run, document)
}

fn check(scenario: &Scenario, known: &BTreeSet<String>, differences: &mut Vec<String>) {
    let (run, document) = run(scenario, &["check"]);
    let Some(document) = document else {
        differences.push(format!("check printed no JSON\n{run}"));
        return;
    };
    let mut found: Vec<&Value> =
        document["findings"].as_array().map(Vec::as_slice).unwrap_or_default().iter().collect();
    let wanted: Vec<&Finding> =
        scenario.findings.iter().filter(|finding| known.contains(&finding.rule)).collect();
    // With rules that are to come the status may still be another.
    let complete = wanted.len() == scenario.findings.len();
    if complete && run.status != scenario.status {
        differences.push(format!("check: exit status {} is wanted, not {}", scenario.status, run.status));
    }
    for finding in wanted {
        let line = match finding.at.as_ref().map(|place| scenario.line(place)).transpose() {
            Ok(line) => line,
            Err(what) => {
                differences.push(format!("the scenario is wrong: {what}"));
                continue;
            }
        };
        let same = found.iter().position(|other| is_same(finding, line, other));
        match same {
            Some(index) => drop(found.remove(index)),
            None => differences.push(format!("missing: {}", show_wanted(finding, line))),
        }
    }
    differences.extend(found.iter().map(|finding| format!("not wanted: {}", show_found(finding))));
}

fn is_same(wanted: &Finding, line: Option<u64>, found: &Value) -> bool {
    let primary = &found["locations"][0];
    let at = match (&wanted.at, line) {
        (Some(place), Some(line)) => is_at(place, line, primary),
        _ => true,
    };
    let said = said(found);
    found["rule"] == wanted.rule
        && found["object"].as_str() == wanted.object.as_deref()
        && at
        && wanted.says.iter().all(|part| said.contains(part))
}

fn is_at(place: &Place, line: u64, at: &Value) -> bool {
    at["line"] == line && at["file"] == format!("manifests/{}", place.file)
}

/// Everything that a finding says: message, labels, help and fix.
fn said(found: &Value) -> String {
    let mut said = vec![found["message"].as_str().unwrap_or_default()];
    let texts = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let labels: Vec<Value> = texts(&found["locations"]).iter().map(|at| at["label"].clone()).collect();
    let help = texts(&found["help"]);
    said.extend(labels.iter().chain(&help).filter_map(Value::as_str));
    said.extend(
        [&found["fix"]["description"], &found["fix"]["example"]].into_iter().filter_map(Value::as_str),
    );
    said.join("\n")
}

fn show_wanted(finding: &Finding, line: Option<u64>) -> String {
    let at = finding.at.as_ref().zip(line);
    let at = at.map_or_else(String::new, |(place, line)| format!(" at {}:{line}", place.file));
    let says = if finding.says.is_empty() { String::new() } else { format!(" saying {:?}", finding.says) };
    format!(
        "{} about {}{at}{says}",
        finding.rule,
        finding.object.as_deref().unwrap_or("nothing in particular")
    )
}

fn show_found(finding: &Value) -> String {
    let at = &finding["locations"][0];
    format!(
        "{} about {} at {}:{}\n{}",
        finding["rule"].as_str().unwrap_or_default(),
        finding["object"].as_str().unwrap_or("nothing in particular"),
        at["file"].as_str().unwrap_or_default().trim_start_matches("manifests/"),
        at["line"],
        said(finding)
    )
}

/// Compares the whole connectivity, and returns it.
fn reach(scenario: &Scenario, differences: &mut Vec<String>) -> Option<Matrix> {
    let (run, document) = run(scenario, &["reach"]);
    let got = match document.as_ref().map(Matrix::of_json) {
        Some(Ok(matrix)) => matrix,
        Some(Err(what)) => {
            differences.push(format!("reach: {what}"));
            return None;
        }
        None => {
            differences.push(format!("reach printed no JSON\n{run}"));
            return None;
        }
    };
    let Some(rows) = scenario.reach.as_deref() else { return Some(got) };
    let document = document.unwrap_or_default();
    for (field, rows) in [("traffic", rows), ("partial", &scenario.partial), ("unknown", &scenario.unknown)] {
        match (Matrix::of_field(&document, "connections", field), Matrix::of_texts(rows)) {
            (Ok(found), Ok(wanted)) => {
                let lines = found.differences(&wanted).into_iter();
                differences.extend(lines.map(|line| format!("reach, {field}: {line}")));
            }
            (Err(what), _) => differences.push(format!("reach: {what}")),
            (_, Err(what)) => differences.push(format!("the scenario is wrong: {what}")),
        }
    }
    Some(got)
}

/// A path to a Service or a URL: its verdict, and where it may end.
fn diff(scenario: &Scenario, base: &str, wanted: &Diff, differences: &mut Vec<String>) {
    let (run, document) = run(scenario, &["diff", base]);
    let Some(document) = document.filter(|_| run.status == 0) else {
        differences.push(format!("diff: no answer\n{run}"));
        return;
    };
    for (key, rows) in [("opened", &wanted.opened), ("closed", &wanted.closed)] {
        match (Matrix::of_list(&document, key), Matrix::of_texts(rows)) {
            (Ok(found), Ok(wanted)) => {
                differences.extend(
                    found.differences(&wanted).into_iter().map(|line| format!("diff, {key}: {line}")),
                );
            }
            (Err(what), _) | (_, Err(what)) => differences.push(format!("diff, {key}: {what}")),
        }
    }
}

fn walk(scenario: &Scenario, path: &NamedPath, differences: &mut Vec<String>) {
    let name = format!("{} -> {}: {}", path.from, path.to, path.verdict);
    let (run, document) = run(scenario, &["trace", &path.from, &path.to]);
    let Some(document) = document else {
        differences.push(format!("{name}: trace printed no JSON\n{run}"));
        return;
    };
    if document["verdict"] != path.verdict {
        differences.push(format!("{name}: trace says {}", document["verdict"]));
    }
    let Some(wanted) = &path.backends else { return };
    let none = Vec::new();
    let found = document["backends"].as_array().unwrap_or(&none).iter();
    let found: BTreeSet<&str> = found.filter_map(|backend| backend["id"].as_str()).collect();
    let wanted: BTreeSet<&str> = wanted.iter().map(String::as_str).collect();
    if found != wanted {
        differences.push(format!("{name}: backends {wanted:?} are wanted, not {found:?}"));
    }
}

fn trace(scenario: &Scenario, flow: &Flow, matrix: Option<&Matrix>, differences: &mut Vec<String>) {
    let name = format!("{} -> {} on {}: {}", flow.from, flow.to, flow.port, flow.verdict);
    let to = if flow.to.contains(':') {
        format!("[{}]:{}", flow.to, flow.port)
    } else {
        format!("{}:{}", flow.to, flow.port)
    };
    let (run, document) = run(scenario, &["trace", &flow.from, &to]);
    let Some(document) = document else {
        differences.push(format!("{name}: trace printed no JSON\n{run}"));
        return;
    };
    if document["verdict"] != flow.verdict {
        differences.push(format!("{name}: trace says {}", document["verdict"]));
    }
    if let Some(place) = &flow.decided {
        match scenario.line(place) {
            Ok(line) if decided_at(&document, &flow.verdict, place, line) => {}
            Ok(line) => differences
                .push(format!("{name}: not decided at {}:{line}\n{}", place.file, document["steps"])),
            Err(what) => differences.push(format!("the scenario is wrong: {what}")),
        }
    }
    // A pod that stands under its controller has no row of its own.
    let known = |name: &str| {
        name.parse::<std::net::IpAddr>().is_ok()
            || document["parts"].as_array().is_some_and(|parts| {
                parts.iter().any(|part| {
                    [&part["src"]["id"], &part["dst"]["id"]].into_iter().any(|id| {
                        id.as_str().and_then(|id| id.split('[').next()) == Some(name)
                            && !id.as_str().unwrap_or_default().ends_with("[Pod]")
                    })
                })
            })
    };
    if let (Some(matrix), Some((port, protocol)), true) =
        (matrix, flow.port.split_once('/'), known(&flow.from) && known(&flow.to))
    {
        let protocol = Protocol::from_name(&protocol.to_uppercase()).unwrap();
        let admits = matrix.admits(&flow.from, &flow.to, protocol, port.parse().unwrap());
        if admits != (flow.verdict == "allow") {
            differences.push(format!("{name}: reach says {}", if admits { "allow" } else { "deny" }));
        }
    }
}

/// Whether a step with the verdict's action names the line: that of the rule, or of one of the policies that
/// isolate the endpoint.
fn decided_at(document: &Value, verdict: &str, place: &Place, line: u64) -> bool {
    let steps = document["steps"].as_array().map(Vec::as_slice).unwrap_or_default();
    steps.iter().filter(|step| step["action"] == verdict).any(|step| {
        let also = step["also"].as_array().map(Vec::as_slice).unwrap_or_default();
        is_at(place, line, &step["at"]) || also.iter().any(|other| is_at(place, line, &other["at"]))
    })
}
