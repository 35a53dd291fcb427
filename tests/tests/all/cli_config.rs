//! The configuration: `npv.yaml`, its discovery, its effects, its errors and its schema.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv, root};
use serde_json::Value;
use tempfile::TempDir;

/// A repository with the demo's manifests in `deploy`, and a configuration.
fn repository(config: &str) -> TempDir {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join(".git")).unwrap();
    let deploy = directory.path().join("deploy");
    fs::create_dir(&deploy).unwrap();
    for file in fs::read_dir(root().join("corpus/demo/manifests")).unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), deploy.join(file.file_name())).unwrap();
    }
    fs::write(directory.path().join("npv.yaml"), config).unwrap();
    directory
}

fn write(directory: &TempDir, name: &str, text: &str) {
    let path = directory.path().join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// The rules with their severities, in the order of the output.
fn found(directory: &Path, arguments: &[&str]) -> Vec<String> {
    let run = npv(directory, ["check", "--format", "json"].iter().chain(arguments));
    let document: Value = serde_json::from_str(&run.stdout).unwrap_or_default();
    let findings =
        document["findings"].as_array().cloned().unwrap_or_else(|| Vec::from([run.to_string().into()]));
    let text = |finding: &Value| match (finding["severity"].as_str(), finding["rule"].as_str()) {
        (Some(severity), Some(rule)) => format!("{severity} {rule}"),
        _ => finding.to_string(),
    };
    findings.iter().map(text).collect()
}

/// A manifest that is none: a file without a sign of Kubernetes is passed over.
const BROKEN: &str = "apiVersion: v1\nkind: Pod\nmetadata: [\n";

const DEMO: [&str; 3] =
    ["warning service-port-confusion", "warning dns-egress-blocked", "warning peer-matches-nothing"];

#[test]
fn everything_wrong_with_a_configuration_is_said_at_once() {
    let directory = repository(
        "path: [deploy]\nexclude: test/\nnamespace: Shop\ncluster:\n  podCidrs: [10.244.0.0/33]\n  dns: {}\n\
         rules:\n  dns-egres-blocked: note\n  no-policy: off\n  invalid-policy: allow\nignore:\n  - rule: no-policy\n\
         output: {failOn: sometimes, format: [jsn]}\n",
    );
    let run = npv(directory.path(), ["check"]);
    assert_snapshot!(run.to_string());
    for verb in [&["reach"][..], &["trace", "shop/web", "shop/db"], &["config", "show"]] {
        assert_eq!(npv(directory.path(), verb).status, 2, "{verb:?}");
    }
    // It is no longer in the way where it is not wanted.
    assert_eq!(found(directory.path(), &["--no-config", "deploy"]), DEMO);
}

#[test]
fn it_is_found_upwards_and_its_paths_are_relative_to_it() {
    let directory = repository("paths: [deploy]\nexclude: [sub/, '*.gen.yaml']\n");
    write(&directory, "deploy/sub/broken.yaml", BROKEN);
    write(&directory, "deploy/broken.gen.yaml", BROKEN);
    assert_eq!(found(directory.path(), &[]), DEMO);
    let deploy = directory.path().join("deploy");
    let run = npv(&deploy, ["check"]);
    assert!(run.stdout.contains("--> policies.yaml:40:17"), "{run}");
    let elsewhere = tempfile::tempdir().unwrap();
    assert_eq!(found(elsewhere.path(), &[deploy.to_str().unwrap()]), DEMO);
    // What is named is read.
    assert_eq!(npv(directory.path(), ["check", "deploy/sub/broken.yaml"]).status, 3);
    assert_eq!(npv(directory.path(), ["check", "--no-config"]).status, 3);
    let missing = npv(directory.path(), ["check", "--config", "nowhere.yaml"]);
    assert_eq!(missing.status, 2);
    assert!(missing.stderr.contains("cannot read `nowhere.yaml`"), "{missing}");
}

#[test]
fn a_configuration_is_no_manifest_but_a_manifest_may_have_its_name() {
    let directory = repository("");
    write(&directory, "deploy/more/npv.yaml", "paths: [nothing]\n");
    assert_eq!(found(directory.path(), &[]), DEMO);
    write(
        &directory,
        "deploy/more/npv.yaml",
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\nspec: {podselector: {}}\n",
    );
    assert!(found(directory.path(), &[]).contains(&"error unknown-field".to_owned()));
}

#[test]
fn levels_of_rules_and_categories() {
    let directory = repository(
        "paths: [deploy]\nrules: {dns-egress-blocked: note, broken-path: error, peer-matches-nothing: allow}\n",
    );
    let levels = |arguments: &[&str]| found(directory.path(), arguments);
    let configured = [
        "error service-port-confusion",
        // The other one is unreachable because of the port above.
        "error unreachable-service",
        "note dns-egress-blocked",
    ];
    assert_eq!(levels(&[]), configured);
    assert_eq!(levels(&["-A", "broken-path"]), [""; 0]);
    assert_eq!(levels(&["-W", "broken-path", "-A", "unreachable-service"])[..2], DEMO[..2]);
    assert_eq!(
        levels(&["--select", "dead,dns-egress-blocked", "-D", "dead"]),
        ["error peer-matches-nothing", "note dns-egress-blocked"]
    );
    assert_eq!(levels(&["--ignore", "broken-path"]), [""; 0]);
    assert_eq!(levels(&["--min-severity", "warning"]), configured[..2]);
    let status = |arguments: &[&str]| npv(directory.path(), ["check"].iter().chain(arguments)).status;
    assert_eq!(status(&[]), 1);
    assert_eq!(status(&["--ignore", "service-port-confusion,unreachable-service"]), 0);
    assert_eq!(status(&["--ignore", "service-port-confusion,unreachable-service", "--fail-on", "note"]), 1);
}

#[test]
fn pedantic_rules_run_on_request() {
    let directory = repository("paths: [deploy]\n");
    let pedantic = |arguments: &[&str]| {
        found(directory.path(), arguments).iter().filter(|found| found.contains("isolation")).count()
    };
    assert_eq!(pedantic(&[]), 0);
    assert!(pedantic(&["--pedantic"]) > 0);
    assert_eq!(pedantic(&["--select", "no-egress-isolation"]), pedantic(&["-W", "no-egress-isolation"]));
    assert!(pedantic(&["-W", "no-egress-isolation"]) > 0);
    assert_eq!(pedantic(&["-W", "exposure"]), 0, "a category does not bring its pedantic rules");
}

#[test]
fn names_that_are_none_are_wrong_usage() {
    let directory = repository("paths: [deploy]\n");
    for (arguments, says) in [
        (&["--select", "no-polcy"][..], "did you mean `no-policy`?"),
        (&["--ignore", "brokenpath"], "did you mean `broken-path`?"),
        (&["-A", "invalid-policy"], "has no other level"),
        (&["--ignore", "validity"], "has no other level"),
        (&["-W", "no-policy", "-D", "no-policy"], "cannot have the levels of both"),
    ] {
        let run: Run = npv(directory.path(), ["check"].iter().chain(arguments));
        assert!(run.status == 2 && run.stderr.contains(says), "{arguments:?}\n{run}");
    }
}

/// What the API server refuses is left out of every answer; nothing may make that look clean.
#[test]
fn validity_is_never_silent() {
    let directory = repository("paths: [deploy]\nrules: {broken-path: allow, dead: allow}\n");
    let policy =
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p, namespace: shop}\n";
    write(&directory, "deploy/wrong.yaml", &format!("{policy}spec: {{podSelector: {{}}, ingres: []}}\n"));
    for arguments in
        [&[][..], &["--select", "hygiene"], &["--allow-incomplete"], &["--min-severity", "error"]]
    {
        assert_eq!(found(directory.path(), arguments), ["error unknown-field"], "{arguments:?}");
        let run = npv(directory.path(), ["check"].iter().chain(arguments));
        assert_eq!(run.status, 1, "{arguments:?}");
    }
    write(&directory, "deploy/wrong.yaml", BROKEN);
    let run = npv(directory.path(), ["check", "--select", "hygiene", "--min-severity", "error"]);
    assert_eq!(run.status, 3, "{run}");
}

#[test]
fn what_is_known_of_the_cluster_has_an_effect() {
    let directory =
        repository("paths: [deploy]\ncluster: {podCidrs: [10.244.0.0/16], serviceCidrs: [10.96.0.0/12]}\n");
    let run = npv(directory.path(), ["reach"]);
    assert!(run.stdout.contains("10.112.0.0-10.243.255.255, 10.245.0.0-255.255.255.255"), "{run}");

    // DNS that npv would not have known: a policy leads to it, so nothing is blocked.
    let dns = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: resolver, namespace: infra}\nspec: {selector: \
               {matchLabels: {app: resolver}}, template: {metadata: {labels: {app: resolver}}, spec: {containers: \
               [{name: a, ports: [{containerPort: 53, protocol: UDP}, {containerPort: 53, protocol: TCP}]}]}}}\n";
    let web = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: infra, labels: {app: web}}\nspec: {containers: \
               [{name: a}]}\n---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: \
               infra}\nspec: {podSelector: {matchLabels: {app: web}}, policyTypes: [Egress], egress: [{to: [{podSelector: \
               {matchLabels: {app: other}}}], ports: [{port: 53, protocol: UDP}, {port: 53}]}, {to: [{ipBlock: {cidr: \
               192.0.2.0/24}}], ports: [{port: 443}]}]}\n";
    let directory = tempfile::tempdir().unwrap();
    write(&directory, "all.yaml", &format!("{dns}---\n{web}"));
    let blocked = |directory: &TempDir| {
        found(directory.path(), &["--select", "dns-egress-blocked"]) == ["warning dns-egress-blocked"]
    };
    write(&directory, "npv.yaml", "cluster: {dns: {app: resolver}}\n");
    assert!(blocked(&directory));
    let right = web.replace("{app: other}", "{app: resolver}");
    write(&directory, "all.yaml", &format!("{dns}---\n{right}"));
    assert!(!blocked(&directory));
    write(&directory, "npv.yaml", "");
    assert!(blocked(&directory), "by its own lights npv takes DNS to be in kube-system");
    // Where its pods are not shown, the labels decide.
    write(&directory, "all.yaml", web);
    write(&directory, "npv.yaml", "cluster: {dns: {app: resolver}}\n");
    assert!(blocked(&directory));
    write(&directory, "all.yaml", &right);
    assert!(!blocked(&directory));
}

#[test]
fn prometheus_may_have_other_labels() {
    let directory = tempfile::tempdir().unwrap();
    let pod = |name: &str| {
        format!(
            "apiVersion: v1\nkind: Pod\nmetadata: {{name: {name}, namespace: m, labels: {{app: {name}}}}}\nspec: {{containers: \
             [{{name: a, ports: [{{name: metrics, containerPort: 9090}}]}}]}}\n---\n"
        )
    };
    let rest = "apiVersion: monitoring.coreos.com/v1\nkind: PodMonitor\nmetadata: {name: web, namespace: m}\nspec: {selector: \
                {matchLabels: {app: web}}, podMetricsEndpoints: [{port: metrics}]}\n---\napiVersion: \
                networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: web, namespace: m}\nspec: {podSelector: \
                {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: agent}}}], ports: [{port: \
                9090}]}]}\n";
    write(&directory, "all.yaml", &format!("{}{}{}{rest}", pod("web"), pod("agent"), pod("scraper")));
    let scraped = |labels: &str| {
        write(&directory, "npv.yaml", &format!("cluster: {{prometheus: {labels}}}\n"));
        found(directory.path(), &["--select", "scrape-blocked"]).is_empty()
    };
    assert!(scraped("{app: agent}"));
    assert!(!scraped("{app: scraper}"));
}

#[test]
fn output_is_as_configured() {
    let directory = repository(
        "paths: [deploy]\noutput: {format: [text, json=findings.json], failOn: error, minSeverity: error}\n",
    );
    let run = npv(&directory.path().join("deploy"), ["check"]);
    assert_eq!(run.status, 0, "{run}");
    assert!(run.stdout.starts_with("no findings"), "{run}");
    let written = fs::read_to_string(directory.path().join("findings.json")).unwrap();
    assert!(written.contains("\"findings\": []"), "{written}");
    let run = npv(
        directory.path(),
        ["check", "--format", "text", "--fail-on", "warning", "--min-severity", "note"],
    );
    assert_eq!(run.status, 1, "{run}");
    write(&directory, "deploy/broken.yaml", BROKEN);
    assert_eq!(npv(directory.path(), ["reach"]).status, 3);
    write(&directory, "npv.yaml", "paths: [deploy]\noutput: {allowIncomplete: true}\n");
    assert_eq!(npv(directory.path(), ["reach"]).status, 0);
}

#[test]
fn the_effective_configuration_and_where_it_comes_from() {
    let directory = repository(
        "paths: [deploy]\nnamespace: shop\ncluster:\n  dns: {k8s-app: kube-dns}\nrules: {dead: error}\n",
    );
    let run = npv(&directory.path().join("deploy"), ["config", "show", "--namespace", "web", "--render"]);
    assert_snapshot!(run.to_string());
    let run = npv(directory.path(), ["config", "show", "--format", "json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let of = |key: &str| {
        let settings = document["settings"].as_array().unwrap();
        settings.iter().find(|setting| setting["key"] == key).unwrap().clone()
    };
    assert_eq!(document["file"], "npv.yaml");
    assert_eq!(of("namespace")["from"], "npv.yaml:2:12");
    assert_eq!(of("rules.dead")["value"], "error");
    assert_eq!(of("output.failOn")["from"], "default");
}

/// Set by `cargo xtask docs`: write the schema in place of comparing it.
const UPDATE: &str = "NPV_UPDATE_DOCS";

#[test]
fn the_published_schema_is_up_to_date() {
    let path = root().join("docs/schema/config.json");
    let schema = npv(&root(), ["config", "schema"]).stdout;
    if std::env::var_os(UPDATE).is_some() {
        fs::write(path, schema).unwrap();
        return;
    }
    assert!(fs::read_to_string(path).unwrap_or_default() == schema, "out of date: run `cargo xtask docs`");
}

#[test]
fn the_example_of_the_documentation_is_right() {
    let page = fs::read_to_string(root().join("docs/configuration.md")).unwrap();
    let (_, rest) = page.split_once("```yaml\n").unwrap();
    let (example, _) = rest.split_once("```").unwrap();
    let directory = repository(example);
    let run = npv(directory.path(), ["config", "show"]);
    assert_eq!(run.status, 0, "{run}");
}

/// Reading and the schema follow from one definition; what they make of a text shows that they do.
#[test]
fn the_schema_and_the_reader_agree() {
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(root().join("docs/schema/config.json")).unwrap()).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("npv.json");
    for (text, right) in [
        ("{}", true),
        (r#"{"paths": ["a"], "exclude": ["b/"], "namespace": "c", "pedantic": true, "render": false}"#, true),
        (r#"{"cluster": {"podCidrs": ["10.0.0.0/8"], "dns": {"a": "b"}, "blocksSkipPods": true}}"#, true),
        (r#"{"rules": {"no-policy": "allow", "dead": "error", "no-egress-isolation": null}}"#, true),
        (
            r#"{"ignore": [{"rule": "no-policy", "reason": "r", "expires": "2026-12-31", "object": "a/b/c"}]}"#,
            true,
        ),
        (
            r#"{"output": {"failOn": "never", "minSeverity": "note", "format": ["text"]}, "paths": null}"#,
            true,
        ),
        (r#"{"path": ["a"]}"#, false),
        (r#"{"paths": "a"}"#, false),
        (r#"{"paths": [1]}"#, false),
        (r#"{"namespace": "A"}"#, false),
        (r#"{"pedantic": "yes"}"#, false),
        (r#"{"cluster": {"podCidrs": ["10.0.0.0"]}}"#, false),
        (r#"{"cluster": {"dns": {}}}"#, false),
        (r#"{"cluster": {"dns": {"a": 1}}}"#, false),
        (r#"{"rules": {"invalid-policy": "allow"}}"#, false),
        (r#"{"rules": {"no-policy": false}}"#, false),
        (r#"{"ignore": [{"rule": "no-policy"}]}"#, false),
        (r#"{"ignore": [{"reason": "r"}]}"#, false),
        (r#"{"ignore": [{"rule": "unknown-field", "reason": "r"}]}"#, false),
        (r#"{"output": {"failOn": "sometimes"}}"#, false),
        (r#"{"output": {"minSeverity": "never"}}"#, false),
        ("[]", false),
    ] {
        fs::write(&file, text).unwrap();
        let run = npv(directory.path(), ["config", "show", "--config", "npv.json"]);
        assert_eq!(run.status == 0, right, "{text}\n{run}");
        assert_eq!(schema.is_valid(&serde_json::from_str(text).unwrap()), right, "{text}");
    }
}
