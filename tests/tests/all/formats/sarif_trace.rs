//! `npv trace` in SARIF: one result for each verdict, with the way of the flow as a code flow.

use std::path::{Path, PathBuf};

use npv_analyzer::report::visible;
use npv_tests::npv::{npv, root};
use npv_tests::place::text_at;
use serde_json::Value;

use super::sarif::{covered, read, schema, valid};
use super::{assert_harmless, fixtures, hostile};

/// Directories with a source and a destination each: every sort of end, of answer and of path.
fn questions() -> Vec<(PathBuf, &'static str, &'static str, &'static str)> {
    let corpus = |name: &str| root().join("corpus").join(name);
    let mut questions: Vec<_> = [
        ("shop/web", "shop/api:9000"),
        ("shop/web", "shop/api:9000/udp"),
        ("shop/web", "shop/api"),
        ("shop/api", "data/db:5432"),
        ("shop/api", "data/cache:6379"),
        ("203.0.113.9", "shop/web:8081"),
        ("internet", "shop/web:8080"),
        ("0.0.0.0/0", "shop/web:8080"),
        ("shop/web", "fd00::/7"),
        ("shop/web", "data/cache:6379"),
        ("shop/web", "10.0.0.0/14:6379"),
        ("node/worker-1", "data/cache:80"),
        ("data/db", "data/db"),
    ]
    .map(|(src, dst)| (fixtures(), "shop", src, dst))
    .into();
    questions.push((corpus("demo"), "manifests", "shop/web", "svc/shop/api:80"));
    questions.push((corpus("four-ways-in"), "manifests", "shop/toolbox", "svc/shop/cart:80"));
    questions.push((corpus("four-ways-in"), "manifests", "internet", "https://shop.example.com/cart"));
    questions.push((corpus("four-ways-in"), "manifests", "internet", "https://nowhere.example/"));
    questions
}

fn traced(directory: &Path, path: &str, src: &str, dst: &str, format: &str) -> String {
    let run = npv(directory, ["trace", src, dst, path, "--format", format]);
    assert_eq!(run.status, 0, "{src} {dst}\n{run}");
    run.stdout
}

/// The text that a location of the log covers.
fn text_of(directory: &Path, location: &Value) -> String {
    let physical = &location["physicalLocation"];
    covered(directory, &physical["artifactLocation"], &physical["region"])
}

fn object_of(location: &Value) -> &Value {
    &location["logicalLocations"][0]["fullyQualifiedName"]
}

#[test]
fn every_trace_is_valid_and_goes_past_whoever_has_a_say() {
    let schema = schema();
    let (mut results, mut steps, mut misses, mut hops, mut defaults) = (0, 0, 0, 0, 0);
    for (directory, path, src, dst) in questions() {
        let text = traced(&directory, path, src, dst, "sarif");
        let run = valid(&schema, &text);
        let json: Value = serde_json::from_str(&traced(&directory, path, src, dst, "json")).unwrap();
        let parts = json["parts"].as_array().unwrap();
        let listed = run["results"].as_array().unwrap();
        assert!(listed.len() >= parts.len().max(1), "{src} {dst}\n{text}");
        // What the two formats say of steps and of near misses is the same, wherever it is said.
        let all = |key: &str| -> Vec<&Value> {
            parts.iter().filter_map(|part| part[key].as_array()).flatten().collect()
        };
        let (told, nearest) = (all("steps"), all("nearest"));
        for result in listed {
            results += 1;
            assert_eq!((&result["ruleId"], &result["level"]), (&"trace".into(), &"none".into()));
            let message = read(&result["message"]);
            let allowed = result["properties"]["verdict"] == "allow";
            assert_eq!(message.contains(": allowed"), allowed, "{message}");
            let flow = result["codeFlows"][0]["threadFlows"][0]["locations"].as_array().unwrap();
            let mut essential = Vec::new();
            for place in flow {
                let (location, kinds) = (&place["location"], &place["kinds"]);
                let said = read(&location["message"]);
                if kinds[0] == "path" {
                    hops += 1;
                    let path = json["path"].as_array().unwrap();
                    assert!(path.iter().any(|hop| visible(hop["text"].as_str().unwrap()) == said), "{said}");
                } else if location["physicalLocation"].is_null() {
                    defaults += 1;
                    assert!(said.starts_with("default: "), "{said}");
                } else {
                    steps += 1;
                    let covers = text_of(&directory, location);
                    let same = told.iter().find(|step| {
                        step["side"] == kinds[0]
                            && step["layer"] == kinds[1]
                            && step["object"] == *object_of(location)
                            && text_at(&directory, &step["at"]).unwrap() == covers
                    });
                    let step = same.unwrap_or_else(|| die(&format!("no step says {said}\n{json:#}")));
                    assert!(said.starts_with(step["tier"].as_str().unwrap()), "{said}");
                }
                if place["importance"] == "essential" {
                    essential.push(location);
                }
            }
            // The place of the result is that of the step which decides.
            assert!(essential.len() <= 1, "{text}");
            match (essential.first(), result["locations"].get(0)) {
                (Some(step), Some(place)) => {
                    assert_eq!(step["physicalLocation"], place["physicalLocation"], "{text}");
                }
                (None, place) => assert!(place.is_none() && allowed, "{text}"),
                (Some(step), None) => assert!(step["physicalLocation"].is_null() && !allowed, "{text}"),
            }
            for location in result["relatedLocations"].as_array().into_iter().flatten() {
                let said = read(&location["message"]);
                let covers = text_of(&directory, location);
                if let Some(why) = said.strip_prefix("nearest to allowing it: ") {
                    misses += 1;
                    assert!(!allowed, "{text}");
                    let same = nearest.iter().find(|near| {
                        near["object"] == *object_of(location)
                            && why.starts_with(&format!("`{}`: ", near["rule"].as_str().unwrap()))
                            && text_at(&directory, &near["at"]).unwrap() == covers
                            && why.ends_with(
                                near["unmet"].as_array().unwrap().last().unwrap().as_str().unwrap(),
                            )
                    });
                    assert!(same.is_some(), "{said}\n{json:#}");
                }
            }
        }
        if json["verdict"] == "deny" && !nearest.is_empty() {
            assert!(text.contains("nearest to allowing it"), "{src} {dst}\n{text}");
        }
        let notes = &run["invocations"][0]["toolExecutionNotifications"];
        assert_eq!(notes.as_array().unwrap().len(), json["notes"].as_array().unwrap().len(), "{notes}");
    }
    // What never comes up has not been tested.
    let counts = [results, steps, misses, hops, defaults];
    assert!(counts.iter().zip([20, 25, 5, 5, 5]).all(|(count, least)| *count >= least), "{counts:?}");
}

#[expect(clippy::panic, reason = "a test that cannot go on has failed")]
fn die(message: &str) -> ! {
    panic!("{message}")
}

#[test]
fn each_case_of_a_trace_has_one_verdict() {
    let text = traced(&fixtures(), "shop", "shop/web", "shop/api", "sarif");
    let run = valid(&schema(), &text);
    let said: Vec<String> =
        run["results"].as_array().unwrap().iter().map(|result| read(&result["message"])).collect();
    let (web, api) = ("shop/web[Deployment]", "shop/api[Deployment]");
    assert_eq!(
        said,
        [
            format!("{web} -> {api} on TCP 9000: allowed by `NetworkPolicy/shop/api`"),
            // The address of the API may be in the block that web may send this to (S-16).
            format!("{web} -> {api} on TCP 6379: denied by `NetworkPolicy/shop/api`"),
            format!("{web} -> {api} on UDP 9100-9200: denied by `NetworkPolicy/shop/web`"),
            format!(
                "{web} -> {api} on TCP 1-6378,6380-8999,9001-65535; UDP 1-9099,9201-65535; SCTP all: denied by \
                 `NetworkPolicy/shop/web`"
            ),
        ]
    );
}

#[test]
fn names_in_a_trace_are_data() {
    let directory = tempfile::tempdir().unwrap();
    hostile(directory.path());
    let manifests = "apiVersion: v1\nkind: Namespace\nmetadata: {name: a}\n---\napiVersion: v1\nkind: Pod\n\
                     metadata: {name: b, namespace: a, labels: {app: b}}\nspec: {containers: [{name: c, image: c}]}\n";
    std::fs::write(directory.path().join("b.yaml"), manifests).unwrap();
    let run = npv(directory.path(), ["trace", "a/b", "203.0.113.9", ".", "--format", "sarif"]);
    let log = valid(&schema(), &run.stdout);
    let invocation = &log["invocations"][0];
    assert_eq!((run.status, &invocation["executionSuccessful"]), (0, &true.into()));
    let told = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert!(told.len() >= 10, "{log:#}");
    for notification in told {
        assert_harmless(notification["message"]["text"].as_str().unwrap());
        assert!(notification["locations"][0]["physicalLocation"]["region"]["startLine"].as_u64() >= Some(1));
    }
}

#[test]
fn what_a_trace_leaves_out_is_said() {
    let run = npv(&fixtures(), ["trace", "203.0.113.9", "203.0.113.10", "broken", "--format", "sarif"]);
    let log = valid(&schema(), &run.stdout);
    let invocation = &log["invocations"][0];
    assert_eq!((run.status, &invocation["executionSuccessful"]), (3, &false.into()), "{run}");
    let told = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert!(
        told.iter().any(|said| read(&said["message"]).starts_with("left out of the analysis: ")),
        "{run}"
    );
}

#[test]
fn an_assertion_that_does_not_hold_shows_its_flow() {
    let directory = tempfile::tempdir().unwrap();
    for file in ["policies.yaml", "workloads.yaml"] {
        std::fs::copy(fixtures().join("shop").join(file), directory.path().join(file)).unwrap();
    }
    let configuration = "assertions:\n\
                         - {name: the cache is ours, expect: deny, from: shop/api, to: data/cache, world: snapshot}\n\
                         - {name: the database is reached, expect: allow, from: shop/api, to: data/db, ports: [5432], world: snapshot}\n";
    std::fs::write(directory.path().join("npv.yaml"), configuration).unwrap();
    let run = npv(directory.path(), ["check", "--format", "sarif"]);
    let log = valid(&schema(), &run.stdout);
    let results = log["results"].as_array().unwrap();
    let of = |name: &str| {
        let starts = format!("assertion `{name}` does not hold");
        let found = results.iter().find(|result| read(&result["message"]).starts_with(&starts));
        found.unwrap_or_else(|| die(&format!("no result for {name}\n{log:#}")))["codeFlows"][0].clone()
    };
    let steps = |flow: &Value| -> Vec<String> {
        let locations = flow["threadFlows"][0]["locations"].as_array().unwrap();
        locations.iter().map(|place| read(&place["location"]["message"])).collect()
    };
    // Nobody decides on the first, so that the way of the flow is in no file.
    assert_eq!(
        steps(&of("the cache is ours")),
        [
            "default: no policy selects shop/api[Deployment] for egress",
            "default: no policy selects data/cache[StatefulSet] for ingress",
        ]
    );
    let reached = of("the database is reached");
    assert_eq!(steps(&reached).last().unwrap(), "NetworkPolicy: isolated, and no rule allows this");
    let last = reached["threadFlows"][0]["locations"].as_array().unwrap().last().unwrap();
    assert_eq!(text_of(directory.path(), &last["location"]), "db");
}
