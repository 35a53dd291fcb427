//! `npv report`, as far as it can be told without a browser.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;

use npv_tests::answers::scenarios;
use npv_tests::npv::{npv, root};
use serde_json::{Value, json};

/// The report on a directory.
fn report(directory: &Path, arguments: &[&str]) -> String {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("report.html");
    let file = file.to_str().unwrap();
    let run = npv(directory, ["report", "-o", file, "--allow-incomplete"].iter().chain(arguments));
    assert_eq!((run.status, &*run.stdout), (0, ""), "{run}");
    fs::read_to_string(file).unwrap()
}

/// The document inside of a report.
fn document(report: &str) -> Value {
    let (_, rest) = report.split_once("<script type=\"application/json\" id=\"document\">").unwrap();
    serde_json::from_str(rest.split_once("</script>").unwrap().0).unwrap()
}

/// The connections that the rows of a document stand for, as `npv reach` lists them.
fn connections(document: &Value) -> Vec<Value> {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let id = |endpoint: usize| &document["endpoints"][endpoint]["id"];
    let mut all = Vec::new();
    for (src, row) in document["rowOf"].as_array().unwrap().iter().enumerate() {
        for run in document["rows"][number(row)].as_array().unwrap().chunks(3) {
            let (first, count, traffic) = (number(&run[0]), number(&run[1]), number(&run[2]));
            for dst in first..first + count {
                // The second set of traffic is everything.
                let traffic_of = &document["traffic"][traffic];
                all.push(json!({"src": id(src), "dst": id(dst), "all": traffic == 1, "traffic": traffic_of}));
            }
        }
    }
    all
}

#[test]
fn the_document_holds_the_answers_of_reach_and_check() {
    let mut seen = 0;
    for scenario in scenarios(&root().join("corpus")).unwrap() {
        let document = document(&report(&scenario.path, &["manifests"]));
        let ask = |verb: &str| -> Value {
            serde_json::from_str(&npv(&scenario.path, [verb, "manifests", "--format", "json"]).stdout)
                .unwrap()
        };
        let (reach, check) = (ask("reach"), ask("check"));
        assert_eq!(Value::from(connections(&document)), reach["connections"], "{}", scenario.name);
        for field in ["endpoints", "diagnostics"] {
            assert_eq!(document[field], reach[field], "{} {field}", scenario.name);
        }
        for field in ["findings", "suppressed", "complete"] {
            assert_eq!(document[field], check[field], "{} {field}", scenario.name);
        }
        for (name, count) in document["summary"].as_object().unwrap() {
            assert_eq!(*count, check["summary"][name], "{} {name}", scenario.name);
        }
        seen += reach["connections"].as_array().unwrap().len();
    }
    assert!(seen > 500, "{seen} connections");
}

#[test]
fn names_are_data_and_never_markup() {
    let template = fs::read_to_string(root().join("web-report/dist/template.html")).unwrap();
    for directory in ["corpus/hostile-names/manifests", "tests/fixtures/hostile"] {
        let text = report(&root().join(directory), &[]);
        // Every element of the page is the template's own, or one of these of the page without JavaScript.
        let own = ["li", "p", "b", "pre", "code", "h2", "table", "tbody", "thead", "tr", "th", "td", "ol"];
        let (before, rest) = template.split_once("<p>npv:still</p>").unwrap();
        let (between, after) = rest.split_once("{\"npv\":\"data\"}").unwrap();
        let rest = text.strip_prefix(before).unwrap().strip_suffix(after).unwrap();
        let (still, data) = rest.split_once(between).unwrap();
        assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{directory}");
        for tag in still.split('<').skip(1) {
            let name = tag.trim_start_matches('/').split(['>', ' ']).next().unwrap();
            assert!(own.contains(&name), "`<{tag}` in {directory}");
        }
        assert!(!still.contains(['\u{202e}', '\u{2028}', '\u{200b}']), "{directory}");
        assert!(still.contains("&lt;script&gt;"), "{directory}");
    }
}

#[test]
fn a_report_is_small_and_loads_nothing() {
    let text = report(&root(), &["corpus/demo/manifests"]);
    assert!(text.len() < 1_500_000, "{} bytes", text.len());
    assert!(text.contains("content=\"default-src 'none'; script-src 'sha256-"));
    for loads in ["src=\"", "href=\"http", "url(", "@import", "unsafe-inline", "unsafe-eval"] {
        assert!(!text.contains(loads), "`{loads}`");
    }
}

#[test]
fn where_a_report_goes() {
    let nowhere = npv(&root(), ["report", "corpus/demo/manifests"]);
    assert_eq!(nowhere.status, 2, "{nowhere}");
    assert!(nowhere.stderr.contains("-o report.html"), "{nowhere}");
    let text = npv(&root(), ["report", "corpus/demo/manifests", "--format", "text"]);
    assert_eq!(text.status, 2, "{text}");
    let html = npv(&root(), ["report", "corpus/demo/manifests", "--format", "html"]);
    assert_eq!((html.status, document(&html.stdout)["schemaVersion"].as_u64()), (0, Some(1)));
    let check = npv(&root(), ["check", "corpus/demo/manifests", "--format", "html"]);
    assert_eq!(check.status, 2, "{check}");
    let broken = npv(&root(), ["report", "tests/fixtures/broken", "--format", "html"]);
    assert_eq!(broken.status, 3);
    assert!(broken.stdout.contains("This report is incomplete"));
}

#[test]
fn commands_in_a_report_ask_of_the_same_inputs() {
    let arguments = ["corpus/demo/manifests", "--namespace", "shop", "--blocks-skip-pods"];
    let document = document(&report(&root(), &arguments));
    assert_eq!(document["inputs"], json!(["corpus/demo/manifests"]));
    assert_eq!(document["flags"], json!(["--namespace", "shop", "--blocks-skip-pods"]));
}
