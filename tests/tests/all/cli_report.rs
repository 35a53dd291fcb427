//! `npv report`, as far as it can be told without a browser.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use npv_tests::answers::scenarios;
use npv_tests::npv::{npv, root};
use npv_tests::page::{document, foreign, inserted};
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

/// The cells of rows: source, destination, and the number of what is between them.
fn cells(rows: &Value) -> BTreeMap<(usize, usize), usize> {
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    let mut cells = BTreeMap::new();
    for (src, row) in rows["rowOf"].as_array().into_iter().flatten().enumerate() {
        for run in rows["rows"][number(row)].as_array().unwrap().chunks(3) {
            let (first, count, of) = (number(&run[0]), number(&run[1]), number(&run[2]));
            cells.extend((first..first + count).map(|dst| ((src, dst), of)));
        }
    }
    cells
}

/// The connections that the rows of a document stand for, as `npv reach` lists them.
fn connections(document: &Value) -> Vec<Value> {
    let id = |endpoint: usize| &document["endpoints"][endpoint]["id"];
    let (certain, conditions) = (cells(document), cells(&document["conditions"]));
    let pairs: BTreeSet<(usize, usize)> = certain.keys().chain(conditions.keys()).copied().collect();
    let connection = |(src, dst)| {
        // The first set of traffic is nothing, the second everything.
        let traffic = certain.get(&(src, dst)).copied().unwrap_or(0);
        let traffic_of = &document["traffic"][traffic];
        let mut all = json!({"src": id(src), "dst": id(dst), "all": traffic == 1, "traffic": traffic_of});
        if let Some(condition) = conditions.get(&(src, dst)) {
            let condition = document["conditions"]["kinds"][*condition].as_object().unwrap().clone();
            all.as_object_mut().unwrap().extend(condition);
        }
        all
    };
    pairs.into_iter().map(connection).collect()
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
    for directory in ["corpus/hostile-names/manifests", "tests/fixtures/hostile"] {
        let (still, data) = inserted(&report(&root().join(directory), &[]));
        assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{directory}");
        assert!(foreign(&still).is_empty(), "{:?} in {directory}", foreign(&still));
        assert!(!still.contains(['\u{202e}', '\u{2028}', '\u{200b}']), "{directory}");
        assert!(still.contains("&lt;script&gt;"), "{directory}");
    }
}

#[test]
fn a_report_is_small_and_loads_nothing() {
    let text = report(&root(), &["corpus/demo/manifests"]);
    assert!(text.len() < 1_500_000, "{} bytes", text.len());
    assert!(text.contains("content=\"default-src 'none'; script-src 'sha256-"));
    // The map is laid out by a module of the page's own, which may run and evaluates no text.
    assert_eq!(text.matches("'wasm-unsafe-eval'").count(), 1);
    let text = text.replace("'wasm-unsafe-eval'", "");
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
    let trace = npv(&root(), ["trace", "shop/web", "shop/api", "corpus/demo/manifests", "--format", "html"]);
    assert_eq!(trace.status, 2, "{trace}");
    let broken = npv(&root(), ["report", "tests/fixtures/broken", "--format", "html"]);
    assert_eq!(broken.status, 3);
    assert!(broken.stdout.contains("This report is incomplete"));
}

/// A copy of the demo with a configuration: assertions that end in every way, an exception, and a baseline.
fn project() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::create_dir(place.path().join("manifests")).unwrap();
    for file in ["policies.yaml", "workloads.yaml"] {
        let from = root().join("corpus/demo/manifests").join(file);
        fs::copy(from, place.path().join("manifests").join(file)).unwrap();
    }
    let configuration = "paths: [manifests]
assertions:
  - {name: <b>closed</b>, expect: deny, from: internet, to: shop/web, world: snapshot}
  - {name: the API talks to the database, expect: allow, from: shop/api, to: shop/db, ports: [5432], world: snapshot}
  - {name: guests stay out, expect: deny, from: {pods: {app: guest}}, to: shop/db, world: snapshot}
  - {name: the database is closed, expect: deny, from: internet, to: shop/db, world: snapshot}
  - {name: only the API, expect: only, from: {pods: {app: api}}, to: shop/db}
ignore:
  - {rule: unreachable-service, object: Service/shop/db, reason: nobody <i>asks</i> for it}
";
    fs::write(place.path().join("npv.yaml"), configuration).unwrap();
    let baseline = npv(place.path(), ["baseline", "write", "--select", "dns-egress-blocked"]);
    assert_eq!(baseline.status, 0, "{baseline}");
    place
}

#[test]
fn assertions_and_what_is_left_out_are_those_of_check() {
    let place = project();
    let run = npv(place.path(), ["check", "--format", "json"]);
    let check: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = report(place.path(), &[]);
    let document = document(&text);
    assert_eq!(document["inputs"], json!(["manifests"]));
    for field in ["findings", "suppressed", "assertions", "assumptions", "complete", "summary"] {
        assert_eq!(document[field], check[field], "{field}");
    }
    assert_eq!(document["assertions"].as_array().unwrap().len(), 5);
    let counts = [&document["summary"]["suppressed"], &document["summary"]["baseline"]];
    assert_eq!(counts, [&json!(1), &json!(1)]);
    assert_eq!(document["baseline"][0]["rule"], "dns-egress-blocked");
    // The excerpts of what counts, of what is excepted, and of what is in the baseline, in this order.
    let of_all = ["findings", "suppressed", "baseline"].map(|list| document[list].as_array().unwrap().len());
    let shown = document["shown"].as_array().unwrap();
    assert_eq!(shown.len(), of_all.iter().sum::<usize>());
    let line = |list: &str| document[list][0]["locations"][0]["line"].clone();
    let number = |value: &Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    for (at, wanted) in [(0, line("findings")), (shown.len() - 1, line("baseline"))] {
        assert_eq!(document["excerpts"][number(&shown[at][0])]["marked"][0], wanted);
    }
    // An excerpt for each step and for each rule that is near.
    for (assertion, proof) in
        document["assertions"].as_array().unwrap().iter().zip(document["proofs"].as_array().unwrap())
    {
        assert_eq!(document["excerpts"][number(&proof["whole"])]["line"], assertion["at"]["line"]);
        for list in ["steps", "nearest"] {
            let told = assertion["counterexample"][list].as_array().map_or(&[][..], Vec::as_slice);
            let excerpts = proof[list].as_array().unwrap();
            assert_eq!(told.len(), excerpts.len(), "{assertion}");
            for (told, excerpt) in told.iter().zip(excerpts) {
                let known = excerpt.as_u64().map(|_| &document["excerpts"][number(excerpt)]["marked"][0]);
                assert_eq!(known.unwrap_or(&Value::Null), &told["at"]["line"], "{told}");
            }
        }
    }
    let with = |arguments: &[&str], field: &str| {
        let document = self::document(&report(place.path(), arguments));
        (document["summary"]["baseline"].clone(), document[field].as_array().unwrap().len())
    };
    assert_eq!(with(&["--no-baseline"], "findings"), (json!(0), of_all[0] + 1));
    assert_eq!(with(&["--no-config", "--no-baseline", "manifests"], "assertions"), (json!(0), 0));
    let nowhere = npv(place.path(), ["report", "-o", "x.html", "--baseline", "nowhere.json"]);
    assert_eq!(nowhere.status, 2, "{nowhere}");
}

#[test]
fn the_page_of_check_is_that_of_report() {
    let place = project();
    let run = npv(place.path(), ["check", "--format", "html=check.html", "--format", "concise"]);
    assert!(run.status == 1 && run.stdout.contains("assertion `only the API`"), "{run}");
    let page = fs::read_to_string(place.path().join("check.html")).unwrap();
    assert!(page == report(place.path(), &[]), "the two differ");
    // The page has what the check has selected.
    let run =
        npv(place.path(), ["check", "--format", "html", "--select", "peer-matches-nothing", "--no-baseline"]);
    let findings = document(&run.stdout)["findings"].clone();
    let rules: Vec<&str> =
        findings.as_array().unwrap().iter().map(|one| one["rule"].as_str().unwrap()).collect();
    assert_eq!(rules, ["peer-matches-nothing"]);
}

#[test]
fn without_scripts_a_report_shows_assertions_and_what_is_left_out() {
    let text = report(project().path(), &[]);
    let (_, rest) = text.split_once("<noscript>").unwrap();
    let (still, _) = rest.split_once("</noscript>").unwrap();
    for row in [
        ("Suppressed findings", 1),
        ("Findings of the baseline", 1),
        ("Assertions: holds vacuously", 1),
        ("Assertions: holds", 1),
    ] {
        let row = format!("<tr><th scope=\"row\">{}</th><td>{}</td></tr>", row.0, row.1);
        assert!(still.contains(&row), "{row}");
    }
    for text in [
        "<b>fails</b> &lt;b&gt;closed&lt;/b&gt;",
        "<b>fails</b> the API talks to the database",
        "isolated, and no rule allows this",
        "npv trace shop/Deployment/api shop/StatefulSet/db:5432/tcp manifests",
        "<h2>Suppressed</h2>",
        "reason: nobody &lt;i&gt;asks&lt;/i&gt; for it",
        "<h2>In the baseline</h2>",
    ] {
        assert!(still.contains(text), "`{text}`");
    }
    assert!(!still.contains("<b>closed") && !still.contains("<i>"));
}

/// Without a solver, an assertion about every cluster has no answer, and the report says so.
#[cfg(not(feature = "z3"))]
#[test]
fn without_z3_a_report_says_what_is_undecided() {
    let place = project();
    let run = npv(place.path(), ["report", "-o", "report.html"]);
    assert_eq!(run.status, 3, "{run}");
    let text = fs::read_to_string(place.path().join("report.html")).unwrap();
    assert_eq!(document(&text)["assertions"][4]["unknown"], "npv was built without Z3");
    assert!(text.contains("not decided: npv was built without Z3"));
}

#[test]
fn commands_in_a_report_ask_of_the_same_inputs() {
    let arguments = ["corpus/demo/manifests", "--namespace", "shop", "--blocks-skip-pods"];
    let document = document(&report(&root(), &arguments));
    assert_eq!(document["inputs"], json!(["corpus/demo/manifests"]));
    assert_eq!(document["flags"], json!(["--namespace", "shop", "--blocks-skip-pods"]));
}
