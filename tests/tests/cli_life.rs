//! The life of a team with npv: init, the first run, a baseline, a change, an exception and its end.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on has failed")]

use std::fs;
use std::path::Path;
use std::process::Command;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv, npv_with, root};
use npv_tests::place::text_at;
use serde_json::Value;
use tempfile::TempDir;

/// 2026-11-21.
const TODAY: &str = "1795219200";
/// 2027-01-01.
const NEW_YEAR: &str = "1798761600";

fn git(directory: &Path, arguments: &[&str]) {
    let identity =
        ["-c", "user.name=team", "-c", "user.email=team@example.com", "-c", "commit.gpgsign=false"];
    let run = Command::new("git").current_dir(directory).args(identity).args(arguments).output().unwrap();
    assert!(run.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&run.stderr));
}

fn commit(directory: &Path, message: &str) {
    git(directory, &["add", "--all"]);
    git(directory, &["commit", "--quiet", "--message", message]);
}

fn repository() -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    git(directory.path(), &["init", "--quiet", "--initial-branch", "main"]);
    let deploy = directory.path().join("deploy");
    fs::create_dir(&deploy).unwrap();
    for file in fs::read_dir(root().join("corpus/demo/manifests")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), deploy.join(file.file_name())).unwrap();
    }
    commit(directory.path(), "a shop");
    directory
}

fn on(day: &str, directory: &Path, arguments: &[&str]) -> Run {
    npv_with(directory, arguments, &[("SOURCE_DATE_EPOCH", day)], None)
}

/// The rules and the texts that their places cover.
fn found(day: &str, directory: &Path) -> Vec<(String, String)> {
    let run = on(day, directory, &["check", "--format", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |finding: &Value| {
        (finding["rule"].as_str().unwrap().to_owned(), text_at(directory, &finding["locations"][0]).unwrap())
    };
    document["findings"].as_array().unwrap().iter().map(text).collect()
}

#[test]
fn the_life_of_a_team() {
    let directory = repository();
    let here = directory.path();

    // The first day: a configuration that fits, and what there is to find.
    let run = npv(here, ["init"]);
    assert_eq!(run.status, 0, "{run}");
    let config = fs::read_to_string(here.join("npv.yaml")).unwrap();
    assert_snapshot!("init", config);
    assert_eq!(npv(here, ["init"]).status, 2, "nothing is overwritten");
    assert_eq!(fs::read_to_string(here.join("npv.yaml")).unwrap(), config);
    let first = on(TODAY, here, &["check"]);
    assert_eq!(first.status, 1, "{first}");
    let many = found(TODAY, here).len();
    assert!(many >= 5, "{many}");

    // The gate is closed for what is new, and for nothing else.
    assert_eq!(on(TODAY, here, &["baseline", "write"]).status, 0);
    let run = on(TODAY, here, &["check"]);
    assert_eq!((run.status, found(TODAY, here).len()), (0, 0), "{run}");
    commit(here, "npv with a baseline");

    // A change opens something: the gate says so, and what it opens.
    let more = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: db-from-web\n  namespace: shop\n  \
                annotations: {description: the web asks the database}\nspec:\n  podSelector: {matchLabels: {app: db}}\n  \
                policyTypes: [Ingress]\n  ingress:\n  - from: [{podSelector: {matchLabels: {app: wbe}}}]\n    ports: [{port: \
                5432}]\n";
    fs::write(here.join("deploy/db-from-web.yaml"), more).unwrap();
    let run = on(TODAY, here, &["check"]);
    assert_eq!(run.status, 1, "{run}");
    let new = found(TODAY, here);
    assert!(new.contains(&("peer-matches-nothing".to_owned(), "app: wbe".to_owned())), "{new:?}");

    // An exception with an end: silent until then, and back after it.
    let entry = "ignore:\n  - rule: peer-matches-nothing\n    object: NetworkPolicy/shop/db-from-web\n    reason: the pods come \
                 with the next release\n    expires: 2026-12-31\n";
    fs::write(here.join("npv.yaml"), config.replace("ignore: []\n", entry)).unwrap();
    let others = new.len() - 1;
    assert_eq!(found(TODAY, here).len(), others);
    let back = found(NEW_YEAR, here);
    assert!(back.contains(&("expired-suppression".to_owned(), "2026-12-31".to_owned())), "{back:?}");
    assert_eq!(back.len(), others + 2);
    commit(here, "with the next release");

    // The release: the exception has nothing left to do, and npv says where it stands.
    fs::write(here.join("deploy/db-from-web.yaml"), more.replace("wbe", "web")).unwrap();
    let after = found(TODAY, here);
    assert!(
        after.contains(&("unused-suppression".to_owned(), "peer-matches-nothing".to_owned())),
        "{after:?}"
    );
    fs::write(here.join("npv.yaml"), &config).unwrap();
    let last = found(TODAY, here);
    assert!(last.iter().all(|(rule, _)| !rule.ends_with("suppression")), "{last:?}");

    // What the change as a whole opens, against the commit before it.
    let diff = npv(here, ["diff", "HEAD~1", "--format", "json"]);
    assert_eq!(diff.status, 0, "{diff}");
    assert!(diff.stdout.contains("shop/db[StatefulSet]"), "{diff}");
}

#[test]
fn init_fits_what_it_finds() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    assert_eq!(npv(here, ["init"]).status, 2, "there is nothing to fit it to");
    fs::create_dir_all(here.join("k8s/base")).unwrap();
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\nspec: {rules: \
                   [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}\n---\n\
                   apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: \
                   [{port: 80}]}\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: shop, labels: {app: web}}\n\
                   spec: {containers: [{name: web}]}\n";
    fs::write(here.join("k8s/base/all.yaml"), ingress).unwrap();
    assert_eq!(npv(here, ["init"]).status, 0);
    let text = fs::read_to_string(here.join("npv.yaml")).unwrap();
    for part in
        ["paths: [k8s]\n", "\nnamespace: shop\n", "come in by {ingress-controller}", "# ingressController:"]
    {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(!text.contains("prometheus"), "{text}");
    // What it writes is a configuration, and every line that is commented out could be one of it.
    assert_eq!(npv(here, ["config", "show"]).status, 0);
    let all = text.replace("# ingressController", "ingressController").replace("# podCidrs", "podCidrs");
    let all = all
        .replace("# serviceCidrs", "serviceCidrs")
        .replace("# dns:", "dns:")
        .replace("# exclude", "exclude");
    fs::write(here.join("npv.yaml"), all).unwrap();
    let run = npv(here, ["config", "show"]);
    assert_eq!(run.status, 0, "{run}");
    fs::write(here.join("npv.yaml"), "wrong\n").unwrap();
    assert_eq!(npv(here, ["init", "--force"]).status, 0);
    assert_eq!(fs::read_to_string(here.join("npv.yaml")).unwrap(), text);
}
