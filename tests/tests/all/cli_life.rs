//! The life of a team with npv: init, the first run, a baseline, a change, an exception and its end.

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

/// The rules and the texts that their places cover, read from the files.
fn found(day: &str, directory: &Path) -> Vec<(String, String)> {
    let run = on(day, directory, &["check", "--format", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let text = |finding: &Value| {
        (finding["rule"].as_str().unwrap().to_owned(), text_at(directory, &finding["locations"][0]).unwrap())
    };
    document["findings"].as_array().unwrap().iter().map(text).collect()
}

fn pair(rule: &str, text: &str) -> (String, String) {
    (rule.to_owned(), text.to_owned())
}

/// What a change adds: the API may ask the database, and so may pods that are still to come - under another name
/// than the one that is written here.
const CHANGE: &str = "# Who else may ask the database.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db-from-others
  namespace: shop
  annotations: {description: the API and the reports ask the database}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress:
    - from: [{podSelector: {matchLabels: {app: api}}}]
      ports: [{port: 5432}]
    - from:
        - podSelector:
            matchLabels:
              app: reprots  # from the next release on
      ports: [{port: 5432}]
";
const EXCEPTION: &str = "ignore:
  - rule: peer-matches-nothing
    object: NetworkPolicy/shop/db-from-others
    reason: the pods come with the next release
    expires: 2026-12-31
";
const RELEASE: &str = "apiVersion: apps/v1
kind: Deployment
metadata: {name: reports, namespace: shop}
spec:
  selector: {matchLabels: {app: reports}}
  template:
    metadata: {labels: {app: reports}}
    spec: {containers: [{name: reports}]}
";

#[test]
fn the_life_of_a_team() {
    let directory = repository();
    let here = directory.path();
    let write = |name: &str, text: &str| fs::write(here.join(name), text).unwrap();
    let read = |name: &str| fs::read_to_string(here.join(name)).unwrap();

    // The first day: a configuration that fits, and what there is to find.
    let run = npv(here, ["init"]);
    assert_eq!(run.status, 0, "{run}");
    let config = read("npv.yaml");
    assert_snapshot!("init", config);
    assert_eq!(npv(here, ["init"]).status, 2, "nothing is overwritten");
    assert_eq!(read("npv.yaml"), config);
    let first = on(TODAY, here, &["check"]);
    assert_snapshot!("first_run", first.to_string());
    assert!(first.status == 1 && found(TODAY, here).len() >= 3, "{first}");

    // The gate is closed for what is new, and for nothing else.
    let run = on(TODAY, here, &["baseline", "write"]);
    assert_snapshot!("baseline", format!("{run}\n--- npv-baseline.json ---\n{}", read("npv-baseline.json")));
    let run = on(TODAY, here, &["check"]);
    assert_eq!((run.status, found(TODAY, here)), (0, Vec::new()), "{run}");
    assert_snapshot!("with_the_baseline", run.to_string());
    commit(here, "npv with a baseline");

    // A change opens something: the gate says so, and what it opens.
    git(here, &["checkout", "--quiet", "-b", "reports"]);
    write("deploy/db-from-others.yaml", CHANGE);
    let run = on(TODAY, here, &["check"]);
    assert_snapshot!("change_check", run.to_string());
    assert!(run.status == 1 && run.stdout.contains("note[stale-baseline]"), "{run}");
    // It mends something, too: that leaves the baseline, which nothing enters.
    let run = on(TODAY, here, &["baseline", "prune"]);
    assert_eq!((run.status, run.stdout.lines().count()), (0, 1), "{run}");
    let nobody = pair("peer-matches-nothing", "app: reprots");
    assert_eq!(found(TODAY, here), std::slice::from_ref(&nobody));
    commit(here, "the API asks the database");
    let gate = ["diff", "main...reports", "--fail-on-opened=existing,data-store"];
    let run = on(TODAY, here, &gate);
    assert_snapshot!("change_diff", run.to_string());
    assert_eq!(run.status, 1, "{run}");
    let comment = on(TODAY, here, &["diff", "main...reports", "--format", "markdown"]);
    assert_snapshot!("change_comment", comment.to_string());

    // An exception with an end: silent until then. The reviewers want the flow, and the gate lets it in.
    write("npv.yaml", &config.replace("ignore: []\n", EXCEPTION));
    let run = on(TODAY, here, &["check", "-v", "--format", "concise"]);
    assert_eq!((run.status, found(TODAY, here)), (0, Vec::new()), "{run}");
    assert!(run.stderr.contains("the pods come with the next release"), "{run}");
    let run = on(TODAY, here, &["diff", "main", "--format", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["findingsIntroduced"], Value::Array(Vec::new()), "{run}");
    // The base has no use for the exception, which is nothing that the change has mended.
    assert!(!run.stdout.contains("unused-suppression"), "{run}");
    assert_eq!(document["opened"].as_array().unwrap().len(), 1, "{run}");
    // Where the change is taken back, the exception has nothing to do any more.
    let run = on(TODAY, here, &["diff", "reports", "main", "--format", "json"]);
    assert!(run.stdout.contains("\"rule\":\"unused-suppression\""), "{run}");
    commit(here, "an exception until the next release");
    git(here, &["checkout", "--quiet", "main"]);
    git(here, &["merge", "--quiet", "reports"]);

    // The release is there, the day is over: the exception is not in force any more, and what it was for is back.
    write("deploy/reports.yaml", RELEASE);
    commit(here, "the reports");
    let run = on(NEW_YEAR, here, &["check"]);
    assert_snapshot!("expired", run.to_string());
    assert_eq!(
        found(NEW_YEAR, here),
        [nobody, pair("expired-suppression", "2026-12-31")],
        "the files first, then the configuration"
    );

    // npv knows what was meant: it shows the edit, makes it, and has nothing left to say.
    write("npv.yaml", &config);
    let before = read("deploy/db-from-others.yaml");
    let run = on(NEW_YEAR, here, &["check", "--fix", "--unsafe", "--diff"]);
    assert_snapshot!("fix_diff", run.to_string());
    assert_eq!(read("deploy/db-from-others.yaml"), before, "nothing is written yet");
    let run = on(NEW_YEAR, here, &["check", "--fix", "--unsafe"]);
    assert_snapshot!("fix", run.to_string());
    assert_eq!(read("deploy/db-from-others.yaml"), before.replace("reprots", "reports"));
    let run = on(NEW_YEAR, here, &["check"]);
    assert_eq!((run.status, found(NEW_YEAR, here)), (0, Vec::new()), "{run}");
    let run = on(NEW_YEAR, here, &["diff", "--fail-on-opened=from:internet"]);
    assert_snapshot!("fix_opens", run.to_string());
    assert_eq!(run.status, 0, "{run}");
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
    assert!(!text.contains("prometheus") && !text.contains("They may be"), "{text}");
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

#[test]
fn init_proposes_the_labels_of_whom_it_may_have_found() {
    let directory = tempfile::tempdir().unwrap();
    let here = directory.path();
    let pod = |namespace: &str, name: &str, labels: &str| {
        format!(
            "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {{name: {name}, namespace: {namespace}}}\nspec:\n  selector: \
             {{matchLabels: {{{labels}}}}}\n  template: {{metadata: {{labels: {{{labels}}}}}, spec: {{containers: [{{name: c}}]}}}}\n"
        )
    };
    let mut text = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {name: web, namespace: shop}\nspec: {rules: \
         [{http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: web, port: {number: 80}}}}]}}]}\n---\n\
         apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {selector: {app: web}, ports: \
         [{port: 80}]}\n---\napiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: web, namespace: \
         shop}\nspec: {selector: {matchLabels: {app: web}}, podMetricsEndpoints: [{port: http}]}\n",
    );
    for (namespace, name, labels) in [
        ("shop", "web", "app: web"),
        ("edge", "public-ingress", "tier: edge, app: front-door"),
        ("edge", "public-ingress-backend", "app: nothing-here"),
        ("metrics", "prometheus-node-exporter", "app: exporter"),
        ("metrics", "vmagent-main", "app.kubernetes.io/name: vmagent, app: metrics"),
        ("infra", "external-dns", "app: names"),
        ("infra", "cluster-dns", "role: \"1.5\""),
    ] {
        text.push_str(&pod(namespace, name, labels));
    }
    fs::write(here.join("all.yaml"), text).unwrap();
    assert_eq!(npv(here, ["init"]).status, 0);
    let written = fs::read_to_string(here.join("npv.yaml")).unwrap();
    assert_snapshot!("init_proposals", written);
    // Whoever takes the proposals has them understood, and is proposed nothing any more.
    let taken = ["ingressController:", "prometheus:", "dns:"]
        .iter()
        .fold(written, |text, key| text.replace(&format!("  # {key}"), &format!("  {key}")));
    fs::write(here.join("npv.yaml"), taken).unwrap();
    let taken = fs::read_to_string(here.join("npv.yaml")).unwrap();
    fs::write(here.join("npv.yaml"), taken.replace("# assertions:\n# - {", "assertions:\n- {")).unwrap();
    let run = npv(here, ["prove", "no pod asks for the cloud's credentials"]);
    assert!(run.status == 1 && run.stdout.contains("169.254.169.254"), "{run}");
    let run = npv(here, ["reach", "--format", "json"]);
    assert!(run.status == 0 && !run.stdout.contains("{ingress-controller}"), "{run}");
    let run = npv(here, ["config", "show"]);
    for labels in ["app: front-door", "app.kubernetes.io/name: vmagent", "role: \"1.5\""] {
        assert!(run.stdout.contains(labels), "no {labels} in\n{run}");
    }
}
