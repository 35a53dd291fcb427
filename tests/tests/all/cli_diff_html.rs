//! `npv diff --format html`, as far as it can be told without a browser.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jsonschema::Validator;
use npv_tests::answers::scenarios;
use npv_tests::npv::{npv, root};
use npv_tests::page::{document, foreign, inserted};
use serde_json::{Value, json};

/// The page on a comparison, and the answer of the same run as JSON.
fn compare(directory: &Path, arguments: &[&str]) -> (String, Value) {
    let place = tempfile::tempdir().unwrap();
    let [page, answer] = ["page.html", "answer.json"].map(|name| place.path().join(name));
    let formats =
        [format!("--format=html={}", page.display()), format!("--format=json={}", answer.display())];
    let run = npv(
        directory,
        ["diff", "--allow-incomplete", "--quiet"]
            .into_iter()
            .chain(formats.iter().map(|format| &**format))
            .chain(arguments.iter().copied()),
    );
    assert_eq!((run.status, &*run.stdout), (0, ""), "{arguments:?}\n{run}");
    let answer = serde_json::from_str(&fs::read_to_string(answer).unwrap()).unwrap();
    (fs::read_to_string(page).unwrap(), answer)
}

fn number(value: &Value) -> usize {
    usize::try_from(value.as_u64().unwrap()).unwrap()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

/// The numbers that runs stand for.
fn members(runs: &Value) -> Vec<usize> {
    list(runs).chunks(2).flat_map(|run| number(&run[0])..number(&run[0]) + number(&run[1])).collect()
}

/// Ranges of ports by protocol.
type Ports = Vec<(String, u64, u64)>;

fn ports(traffic: &Value) -> Ports {
    let of = |(protocol, ranges): (&String, &Value)| -> Ports {
        let ranges = list(ranges).iter();
        ranges
            .map(|range| (protocol.clone(), range[0].as_u64().unwrap(), range[1].as_u64().unwrap()))
            .collect()
    };
    traffic.as_object().unwrap().iter().flat_map(of).collect()
}

fn overlap(one: &(String, u64, u64), other: &(String, u64, u64)) -> bool {
    one.0 == other.0 && one.1 <= other.2 && other.1 <= one.2
}

/// What the head allows between the endpoints of a document, by their numbers.
fn allowed(document: &Value) -> BTreeMap<(usize, usize), Ports> {
    let mut all = BTreeMap::new();
    for (src, row) in list(&document["rowOf"]).iter().enumerate() {
        for run in list(&document["rows"][number(row)]).chunks(3) {
            for dst in number(&run[0])..number(&run[0]) + number(&run[1]) {
                all.insert((src, dst), ports(&document["traffic"][number(&run[2])]));
            }
        }
    }
    all
}

/// The flows of the bundles, in the order of the answer, without their reasons.
fn flows(document: &Value, which: &str) -> Vec<Value> {
    let diff = &document["diff"];
    let mut flows = Vec::new();
    for bundle in list(&diff[which]) {
        for src in members(&bundle["src"]) {
            for dst in members(&bundle["dst"]) {
                if src == dst && diff["ends"][src]["several"][usize::from(which == "closed")] == json!(false)
                {
                    continue;
                }
                flows.push((src, dst, bundle["traffic"].clone(), bundle["between"].clone()));
            }
        }
    }
    flows.sort_by_key(|(src, dst, ..)| (*src, *dst));
    let id = |end: usize| &diff["answer"]["endpoints"][end]["id"];
    let flow = |(src, dst, traffic, between): &(usize, usize, Value, Value)| json!({"src": id(*src), "dst": id(*dst), "traffic": traffic, "between": between});
    flows.iter().map(flow).collect()
}

fn without_reasons(flows: &Value) -> Vec<Value> {
    let fields = ["src", "dst", "traffic", "between"];
    let flow = |flow: &Value| -> Value {
        fields
            .into_iter()
            .map(|field| (field.to_owned(), flow[field].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    list(flows).iter().map(flow).collect()
}

/// Comparisons of every scenario of the corpus with the next one, and of those that belong together.
fn comparisons() -> Vec<[String; 2]> {
    let names: Vec<String> =
        scenarios(&root().join("corpus")).unwrap().into_iter().map(|scenario| scenario.name).collect();
    let mut pairs: Vec<[String; 2]> =
        names.windows(2).map(|pair| [pair[0].clone(), pair[1].clone()]).collect();
    for [base, head] in [
        ["release-after", "release-before"],
        ["zero-trust-in-four-steps-mended", "zero-trust-in-four-steps"],
        ["demo", "demo"],
        ["clients-by-address", "statefulset-replicas-mended"],
    ] {
        pairs.push([base.to_owned(), head.to_owned()]);
    }
    pairs
}

#[test]
fn the_page_holds_the_answer_and_says_the_same_of_its_own_endpoints() {
    let schema = fs::read_to_string(root().join("docs/schema/report.json")).unwrap();
    let schema: Validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let (mut opened, mut closed, mut gone, mut parts) = (0, 0, 0, 0);
    for [base, head] in comparisons() {
        let sides = [&base, &head].map(|name| format!("{name}/manifests"));
        let (page, answer) = compare(&root().join("corpus"), &[&sides[0], &sides[1]]);
        let document = document(&page);
        let errors: Vec<String> = schema.iter_errors(&document).map(|error| error.to_string()).collect();
        assert!(errors.is_empty(), "{base} {head}: {errors:?}");
        let diff = &document["diff"];
        assert_eq!(diff["answer"], answer, "{base} {head}");
        let allowed = allowed(&document);
        let endpoints = list(&document["endpoints"]).len();
        for which in ["opened", "closed"] {
            assert_eq!(flows(&document, which), without_reasons(&answer[which]), "{base} {head} {which}");
            assert_eq!(number(&diff["count"][which]), list(&answer[which]).len());
            for bundle in list(&diff[which]) {
                for (src, dst) in members(&bundle["src"])
                    .into_iter()
                    .flat_map(|src| members(&bundle["dst"]).into_iter().map(move |dst| (src, dst)))
                {
                    let several = &diff["ends"][src]["several"][usize::from(which == "closed")];
                    if src == dst && *several == json!(false) {
                        continue;
                    }
                    let [from, to] = [src, dst].map(|end| &diff["ends"][end]);
                    // Every end is drawn.
                    assert!(!list(&from["on"]).is_empty() && !list(&to["on"]).is_empty(), "{base} {head}");
                    for (src, dst) in list(&from["on"])
                        .iter()
                        .flat_map(|src| list(&to["on"]).iter().map(move |dst| (src, dst)))
                    {
                        let pair = (number(src), number(dst));
                        let now = allowed.get(&pair).cloned().unwrap_or_default();
                        let said = ports(&bundle["traffic"]);
                        if which == "opened" {
                            let within = |one: &(String, u64, u64)| {
                                now.iter().any(|all| all.0 == one.0 && all.1 <= one.1 && one.2 <= all.2)
                            };
                            assert!(said.iter().all(within), "{base} {head}: {pair:?} {said:?} of {now:?}");
                        } else {
                            let free = |one: &(String, u64, u64)| !now.iter().any(|all| overlap(one, all));
                            assert!(said.iter().all(free), "{base} {head}: {pair:?} {said:?} and {now:?}");
                            gone += usize::from(pair.0 >= endpoints || pair.1 >= endpoints);
                        }
                        parts += usize::from(!list(&from["whole"]).contains(src));
                    }
                }
            }
        }
        opened += list(&answer["opened"]).len();
        closed += list(&answer["closed"]).len();
        let ids =
            list(&document["endpoints"]).iter().chain(list(&diff["gone"])).map(|end| end["id"].to_string());
        let unique: std::collections::BTreeSet<String> = ids.clone().collect();
        assert_eq!(unique.len(), ids.count(), "{base} {head}");
    }
    assert!(opened > 500 && closed > 500 && gone > 100 && parts > 10, "{opened} {closed} {gone} {parts}");
}

#[test]
fn reasons_say_what_the_answer_says() {
    let (page, answer) =
        compare(&root().join("corpus"), &["release-before/manifests", "release-after/manifests"]);
    let document = document(&page);
    let reasons = list(&document["diff"]["reasons"]);
    let whys = ["opened", "closed"]
        .into_iter()
        .flat_map(|which| list(&answer[which]))
        .flat_map(|flow| list(&flow["why"]));
    let mut seen = 0;
    for why in whys {
        let same =
            |reason: &&Value| ["message", "base", "head"].iter().all(|field| reason[*field] == why[*field]);
        let reason = reasons.iter().find(same).unwrap();
        let place = if why["head"].is_null() { &why["base"] } else { &why["head"] };
        assert_eq!(reason["excerpt"]["file"], place["file"]);
        assert_eq!(reason["excerpt"]["marked"][0], place["line"]);
        seen += 1;
    }
    assert!(seen > 3, "{seen}");
    // The most dangerous first, as in the comment on a pull request.
    let dangers: Vec<&Value> =
        list(&document["diff"]["opened"]).iter().map(|bundle| &bundle["danger"]).collect();
    assert_eq!(
        dangers[..3],
        [&json!("from the internet"), &json!("to a data store"), &json!("to the internet")]
    );
}

#[test]
fn without_javascript_there_are_the_flows_and_why() {
    let (page, _) = compare(&root().join("corpus"), &["release-before/manifests", "release-after/manifests"]);
    let (still, _) = inserted(&page);
    for text in [
        "<h2>Opened: 11 flows</h2>",
        "<h2>Closed: 2 flows</h2>",
        "<b>from the internet</b> ",
        "<td>shop/web[Deployment]</td><td>TCP 8080</td>",
        "(release-after/manifests/policies.yaml:20)",
        "one of them is new",
        "<h2>At a glance</h2>",
    ] {
        assert!(still.contains(text), "{text}\n{still}");
    }
}

#[test]
fn names_are_data_and_never_markup() {
    let hostile = "tests/fixtures/hostile";
    for sides in [
        ["tests/fixtures/shop", hostile],
        [hostile, "tests/fixtures/shop"],
        ["corpus/hostile-names/manifests", hostile],
    ] {
        let (page, answer) = compare(&root(), &sides);
        let (still, data) = inserted(&page);
        assert!(!data.contains(['<', '>', '&', '\u{2028}', '\u{2029}']), "{sides:?}");
        assert!(foreign(&still).is_empty(), "{:?} in {sides:?}", foreign(&still));
        assert!(!still.contains(['\u{202e}', '\u{2028}', '\u{200b}']), "{sides:?}");
        assert!(still.contains("&lt;script&gt;"), "{sides:?}");
        assert_eq!(document(&page)["diff"]["answer"], answer);
        // The policy of the template lets its own script and style in, and nothing else.
        assert_eq!(page.matches("Content-Security-Policy").count(), 1);
    }
}

#[test]
fn commands_ask_of_the_head() {
    let (page, _) = compare(
        &root().join("corpus"),
        &["release-before/manifests", "release-after/manifests", "--namespace", "shop"],
    );
    let document = document(&page);
    assert_eq!(document["inputs"], json!(["release-after/manifests"]));
    assert_eq!(document["flags"], json!(["--namespace", "shop"]));
    assert_eq!(document["diff"]["checkout"], Value::Null);
}

#[test]
fn no_difference_is_a_page_too() {
    let (page, answer) = compare(&root().join("corpus"), &["demo/manifests", "demo/manifests"]);
    let diff = &document(&page)["diff"];
    assert_eq!(diff["answer"], answer);
    for field in ["ends", "gone", "added", "opened", "closed", "reasons"] {
        assert_eq!(diff[field], json!([]), "{field}");
    }
    assert!(inserted(&page).0.contains("<h2>Opened: 0 flows</h2>"));
    let report = npv(&root(), ["report", "corpus/demo/manifests", "--format", "json"]);
    let report: Value = serde_json::from_str(&report.stdout).unwrap();
    assert!(report.get("diff").is_none());
}

#[test]
fn a_page_is_of_flows_between_those_who_are_there() {
    let run = npv(
        &root(),
        ["diff", "--world", "any", "corpus/demo/manifests", "corpus/web-shop/manifests", "--format", "html"],
    );
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.contains("has no format `html`"), "{run}");
}

/// The shapes of two schemas are one where the names of definitions are.
#[test]
fn the_answer_in_a_report_has_the_published_shape() {
    let read = |name: &str| -> Value {
        serde_json::from_str(&fs::read_to_string(root().join(format!("docs/schema/{name}.json"))).unwrap())
            .unwrap()
    };
    let (report, diff) = (read("report"), read("diff"));
    let renamed = |shape: &Value| -> Value {
        serde_json::from_str(&shape.to_string().replace("#/$defs/policy\"", "#/$defs/policyChange\""))
            .unwrap()
    };
    for field in ["type", "properties", "required", "additionalProperties"] {
        assert_eq!(report["$defs"]["answer"][field], renamed(&diff[field]), "{field}");
    }
    for (name, shape) in diff["$defs"].as_object().unwrap() {
        let there = if name == "policy" { "policyChange" } else { name };
        let (mut ours, mut theirs) = (report["$defs"][there].clone(), renamed(shape));
        for shape in [&mut ours, &mut theirs] {
            shape.as_object_mut().unwrap().remove("description");
        }
        assert_eq!(ours, theirs, "{name}");
    }
}

#[test]
fn what_must_hold_is_asked_of_the_head() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| fs::write(directory.path().join(name), text).unwrap();
    let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: shop, labels: {app: a}}\nspec: {}\n";
    let deny = "---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: deny, namespace: shop}\nspec:\n  \
                podSelector: {}\n  policyTypes: [Ingress]\n";
    write("old.yaml", &[pod, deny].concat());
    write("new.yaml", pod);
    write(
        "npv.yaml",
        "assertions:\n  - {name: closed, expect: deny, from: internet, to: shop/a, world: snapshot}\n",
    );
    let holds = |base: &str, head: &str| {
        let (page, _) = compare(directory.path(), &[base, head]);
        document(&page)["assertions"][0]["holds"].clone()
    };
    assert_eq!(holds("old.yaml", "new.yaml"), json!(false));
    assert_eq!(holds("new.yaml", "old.yaml"), json!(true));
}
