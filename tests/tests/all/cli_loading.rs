//! From a repository as people keep it to what npv reads of it: with stand-ins for the renderers, which print what they
//! are told to.

#![cfg(unix)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv, npv_with};
use serde_json::Value;
use tempfile::TempDir;

/// A repository, and a directory of programs beside it.
struct Repository(TempDir);

impl Repository {
    fn new(files: &[(&str, &str)]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir_all(directory.path().join("repository/.git")).unwrap();
        let repository = Self(directory);
        repository.write(files);
        repository
    }

    fn root(&self) -> std::path::PathBuf {
        self.0.path().join("repository")
    }

    fn write(&self, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = self.root().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    /// A program that is found before any other of its name.
    fn program(&self, name: &str, script: &str) {
        let directory = self.0.path().join("bin");
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join(name), format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(directory.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }

    fn npv(&self, arguments: &[&str]) -> Run {
        let path = format!("{}:{}", self.0.path().join("bin").display(), std::env::var("PATH").unwrap());
        npv_with(&self.root(), arguments, &[("PATH", path.as_str())], None)
    }
}

fn json(run: &Run) -> Value {
    serde_json::from_str(&run.stdout).unwrap_or_else(|error| panic!("{error}\n{run}"))
}

/// `rule file:line` of every finding.
fn places(run: &Run) -> Vec<String> {
    let document = json(run);
    let findings = document["findings"].as_array().unwrap();
    findings
        .iter()
        .map(|finding| {
            let at = &finding["locations"][0];
            format!("{} {}:{}", finding["rule"].as_str().unwrap(), at["file"].as_str().unwrap(), at["line"])
        })
        .collect()
}

const WEB: &str = "apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
        - name: web
          image: web
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: web
spec:
  podSelector: {matchLabels: {app: wbe}}
";

/// Prints a base with a namespace, and mends its policy in production.
const KUBECTL: &str = r#"echo "W0102 15:04:05.1 1 x.go:1] noise" >&2
case "$2" in
*dev) sed -e 's/^  name: /  namespace: dev\n  name: /' base/web.yaml;;
*prod) sed -e 's/^  name: /  namespace: prod\n  name: p-/; s/wbe/web/' base/web.yaml;;
*) echo "Error: no $2" >&2; exit 1;;
esac"#;

fn overlays() -> Repository {
    let repository = Repository::new(&[
        ("base/kustomization.yaml", "resources: [web.yaml]\n"),
        ("base/web.yaml", WEB),
        ("overlays/dev/kustomization.yaml", "resources: [../../base]\n"),
        ("overlays/prod/kustomization.yaml", "resources: [../../base]\nnamePrefix: p-\n"),
    ]);
    repository.program("kubectl", KUBECTL);
    repository
}

#[test]
fn overlays_are_clusters_of_their_own() {
    let repository = overlays();
    assert_snapshot!("overlays_not_rendered", repository.npv(&["check"]).to_string());
    assert_snapshot!("overlays", repository.npv(&["check", "--render"]).to_string());
    let found = places(&repository.npv(&["check", "--render", "--format", "json"]));
    assert_eq!(found, ["no-policy base/web.yaml:4", "selects-no-pods base/web.yaml:19"]);
    let prod = repository.npv(&["check", "--render", "--environment", "prod"]);
    assert_eq!(
        (prod.status, prod.stdout.as_str()),
        (0, "no findings in 1 file: 1 namespace, 1 workload, 1 policy\n")
    );
    let none = repository.npv(&["check", "--render", "--environment", "stage"]);
    assert_eq!(none.status, 2);
    assert!(
        none.stderr.contains("there is no environment `stage`\n  help: there is `dev`, `prod`"),
        "{none}"
    );
}

#[test]
fn other_verbs_answer_for_each_environment_or_for_one() {
    let repository = overlays();
    let reach = repository.npv(&["reach", "--render"]);
    assert!(reach.stdout.starts_with("environment dev:\ndev\n"), "{reach}");
    assert!(reach.stdout.contains("\n\nenvironment prod:\nprod\n"), "{reach}");
    let one = repository.npv(&["reach", "--render", "--format", "json"]);
    assert_eq!(one.status, 2);
    assert!(one.stderr.contains("choose it: `--environment dev`"), "{one}");
    let one = repository.npv(&["reach", "--render", "--format", "json", "--environment", "prod"]);
    assert_eq!(json(&one)["endpoints"][0]["id"], "prod/p-web[Deployment]");
    for arguments in [&["report", "--render", "-o", "x.html"][..], &["check", "--render", "--fix"]] {
        let run = repository.npv(arguments);
        assert!(run.status == 2 && run.stderr.contains("choose it: `--environment dev`"), "{run}");
    }
    let written = repository.npv(&["baseline", "write", "--render"]);
    assert!(written.stdout.starts_with("wrote 2 findings"), "{written}");
    let checked = repository.npv(&["check", "--render"]);
    assert_eq!(checked.status, 0, "{checked}");
    assert!(checked.stdout.contains("; 2 in the baseline"), "{checked}");
}

#[test]
fn environments_may_be_configured() {
    let policy = |app: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: all, namespace: shop}}\n\
             spec: {{podSelector: {{matchLabels: {{app: {app}}}}}}}\n---\napiVersion: v1\nkind: Pod\n\
             metadata: {{name: web, namespace: shop, labels: {{app: web}}}}\nspec: {{containers: []}}\n"
        )
    };
    let repository = Repository::new(&[
        ("deploy/test/all.yaml", &policy("web")),
        ("deploy/live/all.yaml", &policy("wbe")),
        ("deploy/common.yaml", "apiVersion: v1\nkind: Namespace\nmetadata: {name: shop}\n"),
    ]);
    let both = repository.npv(&["check", "deploy"]);
    assert!(both.stdout.contains("duplicate-object"), "{both}");
    let init = repository.npv(&["init"]);
    assert_eq!(init.status, 0, "{init}");
    let proposed = fs::read_to_string(repository.root().join("npv.yaml")).unwrap();
    let lines =
        "# environments:\n# - {name: live, paths: [deploy/live]}\n# - {name: test, paths: [deploy/test]}\n";
    assert!(proposed.contains(lines), "{proposed}");
    repository.write(&[(
        "npv.yaml",
        "environments:\n- {name: live, paths: [deploy/live, deploy/common.yaml]}\n\
         - {name: test, paths: [deploy/test, deploy/common.yaml]}\n\
         assertions:\n- {expect: deny, from: internet, to: shop/web, world: snapshot}\n",
    )]);
    assert_snapshot!("configured_environments", repository.npv(&["check"]).to_string());
    let test = repository.npv(&["check", "--environment", "test"]);
    assert_eq!(test.status, 0, "{test}");
    // What is named goes before what is configured.
    assert!(repository.npv(&["check", "deploy"]).stdout.contains("duplicate-object"));
}

#[test]
fn charts_are_rendered_as_told_and_point_to_their_templates() {
    let template = "{{- if .Values.on }}
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: {{ .Release.Name }}
  namespace: shop
spec:
  podSelector:
    matchLabels:
      app: {{ .Values.app }}
  policyTypes: [Ingres]
{{- end }}
";
    let repository = Repository::new(&[
        ("chart/Chart.yaml", "apiVersion: v2\nname: web\nversion: 0.1.0\n"),
        ("chart/templates/policy.yaml", template),
        ("chart/values.yaml", "app: web\n"),
    ]);
    repository.program(
        "helm",
        "echo \"$*\" > called\necho 'coalesce.go:1: warning: noise' >&2\n\
         printf -- '---\\n# Source: web/templates/policy.yaml\\napiVersion: networking.k8s.io/v1\\nkind: NetworkPolicy\\n\
         metadata:\\n  name: r\\n  namespace: shop\\nspec:\\n  podSelector:\\n    matchLabels:\\n      app: web\\n\
         \\040\\040policyTypes: [Ingres]\\n'",
    );
    let run = repository.npv(&[
        "check",
        "--render",
        "--set",
        "a.b=c",
        "--values",
        "more.yaml",
        "--kube-version",
        "1.32",
        "--format",
        "json",
    ]);
    assert_eq!(places(&run), ["invalid-policy chart/templates/policy.yaml:11"]);
    let called = fs::read_to_string(repository.root().join("called")).unwrap();
    assert_eq!(called, "template chart --values more.yaml --set a.b=c --kube-version 1.32\n");
    repository.program("helm", "echo 'walk.go:74: noise' >&2; echo 'Error: values do not fit' >&2; exit 1");
    let failed = repository.npv(&["check", "--render"]);
    assert!(failed.stdout.contains("`helm template chart` failed: values do not fit\n"), "{failed}");
    let missing = npv_with(&repository.root(), ["check", "--render"], &[("PATH", "/nowhere")], None);
    assert!(missing.stdout.contains("`helm` cannot be found to render `chart`"), "{missing}");
}

fn policy(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}{rest}}}\n\
         spec: {{podSelector: {{}}, policyTypes: [Ingress]}}\n"
    )
}

fn pod(name: &str, rest: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: '{name}', labels: {{app: '{name}'}}{rest}}}\n\
         spec: {{containers: [{{name: a}}]}}\n"
    )
}

#[test]
fn what_flux_and_argo_deploy_from_the_repository_is_followed() {
    let repository = Repository::new(&[
        (
            "clusters/home/apps.yaml",
            "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: apps, namespace: flux-system}\n\
             spec:\n  path: ./apps\n  targetNamespace: shop\n  sourceRef: {kind: GitRepository, name: flux-system}\n\
             \x20 postBuild:\n    substitute: {app: web, port: \"8080\"}\n    substituteFrom: [{kind: ConfigMap, name: settings}]\n",
        ),
        (
            "clusters/home/settings.yaml",
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: flux-system}\ndata: {team: blue}\n",
        ),
        ("apps/pod.yaml", &pod("${app}", ", namespace: other")),
        (
            "apps/policy.yaml",
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: '${team}'}\nspec:\n\
             \x20 podSelector: {matchLabels: {app: '${app}'}}\n  ingress: [{ports: [{port: '${port}', endPort: '${last:=9090}'}]}]\n",
        ),
        (
            "argo/app.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {name: api, namespace: argocd}\n\
             spec: {source: {repoURL: here, path: argo/api}, destination: {namespace: apis}}\n",
        ),
        ("argo/api/all.yaml", &format!("{}---\n{}", pod("api", ""), pod("kept", ", namespace: kept"))),
        (
            "argo/api/policy.yaml",
            &format!("{}---\n{}", policy("all", ""), policy("all", ", namespace: kept")),
        ),
        (
            "argo/set.yaml",
            "apiVersion: argoproj.io/v1alpha1\nkind: ApplicationSet\nmetadata: {name: teams, namespace: argocd}\nspec:\n\
             \x20 generators: [{list: {elements: [{team: red}, {team: green}]}}]\n\
             \x20 template: {spec: {source: {repoURL: here, path: 'teams/{{team}}'}, destination: {namespace: 'team-{{team}}'}}}\n",
        ),
        ("teams/red/pod.yaml", &pod("r", "")),
        ("teams/green/pod.yaml", &pod("g", "")),
    ]);
    let run = repository.npv(&["check", "--format", "json"]);
    assert_eq!(places(&run), ["no-policy teams/green/pod.yaml:3", "no-policy teams/red/pod.yaml:3"], "{run}");
    let reach = repository.npv(&["reach", "--format", "json"]);
    let mut ends: Vec<String> = json(&reach)["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|end| Some(format!("{}/{}", end["namespace"].as_str()?, end["name"].as_str()?)))
        .collect();
    ends.sort();
    assert_eq!(ends, ["apis/api", "kept/kept", "shop/web", "team-green/g", "team-red/r"]);
    let allowed = repository.npv(&["trace", "apis/api", "shop/web:9000"]);
    assert!(allowed.stdout.contains("allow"), "{allowed}");
    let denied = repository.npv(&["trace", "apis/api", "shop/web:9091"]);
    assert!(denied.stdout.contains("deny") || denied.stdout.contains("denied"), "{denied}");
}

#[test]
fn what_is_deployed_unseen_is_said_once_a_kind() {
    let release = |name: &str, namespace: &str| {
        format!(
            "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
             spec: {{chart: {{spec: {{chart: {name}}}}}}}\n"
        )
    };
    let repository = Repository::new(&[
        ("a.yaml", &release("redis", "shop")),
        ("b.yaml", &release("kafka", "shop")),
        (
            "c.yaml",
            &format!("{}---\n{}", pod("web", ", namespace: shop"), policy("all", ", namespace: shop")),
        ),
    ]);
    let some = repository.npv(&["check"]);
    assert_snapshot!("deployed_elsewhere", some.to_string());
    fs::remove_file(repository.root().join("c.yaml")).unwrap();
    // Of what is nothing but releases, nothing is known.
    assert_eq!(repository.npv(&["check"]).status, 3);
    assert_eq!(repository.npv(&["reach"]).status, 3);
}

#[test]
fn pods_that_others_make() {
    let web = format!(
        "{}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: web, namespace: shop}}\nspec:\n\
         \x20 podSelector: {{matchLabels: {{app: web}}}}\n  policyTypes: [Egress]\n\
         \x20 egress: [{{to: [{{podSelector: {{matchLabels: {{db: orders}}}}}}], ports: [{{port: sql}}]}}, {{ports: [{{port: 53, protocol: UDP}}, {{port: 53}}]}}]\n",
        pod("web", ", namespace: shop")
    );
    let repository = Repository::new(&[("deploy/web.yaml", &web)]);
    assert!(repository.npv(&["check"]).stdout.contains("peer-matches-nothing"));
    assert_eq!(repository.npv(&["init"]).status, 0);
    let proposed = fs::read_to_string(repository.root().join("npv.yaml")).unwrap();
    let lines = "# externalPods:\n# - {namespace: shop, labels: {db: orders}, ports: []}\n";
    assert!(proposed.contains(lines), "{proposed}");
    repository.write(&[(
        "npv.yaml",
        "externalPods:\n- {namespace: shop, name: orders, labels: {db: orders}, ports: ['sql:5432', 9187/tcp]}\n",
    )]);
    let checked = repository.npv(&["check"]);
    assert!(
        !checked.stdout.contains("peer-matches-nothing") && !checked.stdout.contains("npv.yaml"),
        "{checked}"
    );
    let trace = repository.npv(&["trace", "shop/web", "shop/orders:5432"]);
    assert!(trace.stdout.contains("allow") && trace.stdout.contains("orders[ExternalPods]"), "{trace}");
    repository
        .write(&[("npv.yaml", "externalPods:\n- {namespace: shop, labels: {db: orders}, ports: [70000]}\n")]);
    let wrong = repository.npv(&["check"]);
    assert!(wrong.status == 2 && wrong.stderr.contains("`70000` is no port of a pod"), "{wrong}");
}

#[test]
fn a_file_that_cannot_be_mended_stops_no_other() {
    let text = |namespace: &str| {
        format!(
            "{}---\napiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: web, namespace: {namespace}}}\n\
             spec:\n  podSelector:\n    matchLabels:\n      app: wbe\n  policyTypes: [Ingress]\n",
            pod("web", &format!(", namespace: {namespace}"))
        )
    };
    let repository =
        Repository::new(&[("b.yaml", &text("b")), ("c.yaml", &format!("\u{feff}{}", text("c")))]);
    let wide: Vec<u8> = text("a").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let file = repository.root().join("a.yaml");
    fs::write(&file, [&[0xFF, 0xFE], &*wide].concat()).unwrap();
    repository.write(&[("d.yaml", &text("d"))]);
    fs::set_permissions(repository.root().join("d.yaml"), fs::Permissions::from_mode(0o444)).unwrap();
    let run = repository.npv(&["check", "--fix", "--unsafe"]);
    let mended = fs::read(&file).unwrap();
    assert_eq!(mended[..2], [0xFF, 0xFE]);
    let units: Vec<u16> = mended[2..].chunks(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    assert!(!String::from_utf16(&units).unwrap().contains("wbe"), "{run}");
    let read = |name: &str| fs::read_to_string(repository.root().join(name)).unwrap();
    assert!(!read("b.yaml").contains("wbe"));
    assert!(!read("c.yaml").contains("wbe") && read("c.yaml").starts_with('\u{feff}'));
    assert!(read("d.yaml").contains("wbe"));
    assert!(run.stderr.contains("`d.yaml` is left alone: it is write-protected"), "{run}");
    assert!(run.stderr.contains("3 fixes in 3 files; 1 file left alone"), "{run}");
}

/// The first screen of whoever runs npv in a repository.
#[test]
fn the_root_of_a_repository() {
    let root = npv_tests::npv::root().join("corpus/root-of-a-repository/manifests");
    assert_snapshot!("root_of_a_repository", npv(&root, ["check"]).to_string());
    let listed = npv(&root, ["check", "--verbose", "--format", "json"]).stderr;
    assert!(
        listed.contains(
            "skipped 5 files that hold no Kubernetes objects:\n  compose.yaml\n  openapi.yaml\n  package.json\n  \
             settings/test.yaml\n  tsconfig.json\n"
        ),
        "{listed}"
    );
}

#[test]
fn nothing_to_read_is_said_helpfully() {
    let repository = Repository::new(&[("comments.yaml", "# later\n"), ("compose.yaml", "services: {}\n")]);
    for (arguments, sentence) in [
        (&["check", "comments.yaml"][..], "it is empty or holds nothing but comments"),
        (&["check", "."], "its 2 files are something else"),
    ] {
        let run = npv(&repository.root(), arguments);
        assert!(run.status == 2 && run.stderr.contains(sentence), "{run}");
    }
    let empty = npv_with(&repository.root(), ["check", "-"], &[], Some(b""));
    assert!(empty.status == 2 && empty.stderr.contains("no objects on standard input"), "{empty}");
    let named = npv(&repository.root(), ["check", "compose.yaml"]);
    assert_eq!(named.status, 3, "{named}");
}
