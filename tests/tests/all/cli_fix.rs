//! What `npv check --fix` and `--diff` do to files, and what they refuse.

use std::fs;
use std::path::Path;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv, npv_with};

const WORKLOADS: &str = "apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, ports: [{containerPort: 8080}]}]}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop}
spec:
  selector: {app: db}
  ports: [{port: 80, targetPort: 5432}]
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, ports: [{containerPort: 5432}]}]}
";

/// Four mistakes that can be mended: a label, a Service's port, a type that is missing, and DNS over TCP.
const POLICIES: &str = "# The shop's policies.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: db
  namespace: shop
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes:
    - Ingress   # only what web asks
  ingress:
    - from:
        - podSelector: {matchLabels: {app: wbe}}   # the front
      ports:
        - port: 80
  egress:
    - to:
        - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
      ports:
        - port: 53
          protocol: UDP
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress: [{}]
";

fn shop() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("workloads.yaml"), WORKLOADS).unwrap();
    fs::write(folder.path().join("policies.yaml"), POLICIES).unwrap();
    folder
}

fn text(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn unsafe_fixes_mend_the_files_and_say_what_that_opens() {
    let folder = shop();
    let run = npv(folder.path(), ["check", "--fix", "--unsafe", "."]);
    assert_snapshot!("unsafe_run", run.to_string());
    assert_snapshot!("unsafe_policies", text(folder.path(), "policies.yaml"));
    assert_eq!(text(folder.path(), "workloads.yaml"), WORKLOADS);
    // The second time there is nothing left to do.
    let mended = text(folder.path(), "policies.yaml");
    let again = npv(folder.path(), ["check", "--fix", "--unsafe", "."]);
    assert_eq!((again.status, again.stderr.as_str()), (0, "nothing fixed\n"), "{again}");
    assert_eq!(text(folder.path(), "policies.yaml"), mended);
}

#[test]
fn a_diff_shows_what_would_change_and_writes_nothing() {
    let folder = shop();
    let run = npv(folder.path(), ["check", "--diff", "--unsafe", "."]);
    assert_snapshot!("diff", run.to_string());
    assert_eq!(text(folder.path(), "policies.yaml"), POLICIES);
}

#[test]
fn places_are_those_of_the_files_as_they_are() {
    let folder = shop();
    // A safe fix comes first, and takes lines out above what the others mend.
    let twice = "# Twice.
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web-again, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  ingress:
    - {}
    - from: [{podSelector: {}}]
---
";
    fs::write(folder.path().join("policies.yaml"), format!("{twice}{POLICIES}")).unwrap();
    let found = npv(folder.path(), ["check", "--format", "concise", "."]);
    let run = npv(folder.path(), ["check", "--diff", "--unsafe", "."]);
    let mut mended = Vec::new();
    for line in run.stderr.lines().filter_map(|line| line.strip_prefix("would fix ")) {
        let (place, what) = line.split_once(": ").unwrap();
        let rule = what.rsplit_once('[').unwrap().1.trim_end_matches(']');
        mended.push(rule);
        // Only the type that is added makes the policy cut off DNS.
        let is_found = found.stdout.contains(&format!("{place}: warning[{rule}]"));
        assert!(is_found || rule == "dns-egress-blocked", "no {rule} at {place}\n{found}\n{run}");
    }
    assert!(mended.contains(&"redundant-rule") && mended.contains(&"peer-matches-nothing"), "{run}");
}

#[test]
fn a_diff_is_what_patch_takes() {
    let folder = shop();
    let run = npv(folder.path(), ["check", "--diff", "--unsafe", "."]);
    let applied = std::process::Command::new("git")
        .current_dir(folder.path())
        .args(["apply", "-p0", "-"])
        .stdin(std::process::Stdio::piped())
        .spawn()
        .and_then(|mut child| {
            use std::io::Write;
            child.stdin.take().map(|mut pipe| pipe.write_all(run.stdout.as_bytes())).transpose()?;
            child.wait()
        });
    assert!(applied.unwrap().success(), "{run}");
    let other = shop();
    npv(other.path(), ["check", "--fix", "--unsafe", "."]);
    assert_eq!(text(folder.path(), "policies.yaml"), text(other.path(), "policies.yaml"));
}

#[test]
fn without_unsafe_nothing_changes_what_is_allowed() {
    let folder = shop();
    let run = npv(folder.path(), ["check", "--fix", "."]);
    assert_eq!(run.status, 1, "{run}");
    assert_eq!(
        run.stderr,
        "nothing fixed\n3 fixes that change what is allowed: see `npv check --diff --unsafe`\n"
    );
    assert_eq!(text(folder.path(), "policies.yaml"), POLICIES);
}

#[test]
fn every_way_to_write_a_text_is_kept() {
    let windows = shop();
    fs::write(windows.path().join("policies.yaml"), POLICIES.replace('\n', "\r\n")).unwrap();
    npv(windows.path(), ["check", "--fix", "--unsafe", "."]);
    let unix = shop();
    npv(unix.path(), ["check", "--fix", "--unsafe", "."]);
    let wanted = text(unix.path(), "policies.yaml").replace('\n', "\r\n");
    assert_eq!(text(windows.path(), "policies.yaml"), wanted);
    // What `kubectl get -o json` prints, and the same as a list in YAML.
    for (file, list) in [
        (
            "dump.json",
            r#"{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "db", "namespace": "shop"}, "spec": {"podSelector": {"matchLabels": {"app": "db"}}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": "wbe"}}}], "ports": [{"port": 80}]}]}}]}"#,
        ),
        (
            "dump.yaml",
            "apiVersion: v1\nkind: List\nitems:\n- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  metadata: {name: db, namespace: shop}\n  spec:\n    podSelector: {matchLabels: {app: db}}\n    ingress:\n    - from: [{podSelector: {matchLabels: {app: wbe}}}]\n      ports: [{port: 80}]\n",
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("workloads.yaml"), WORKLOADS).unwrap();
        fs::write(folder.path().join(file), list).unwrap();
        let run = npv(folder.path(), ["check", "--fix", "--unsafe", "."]);
        let wanted = list
            .replace("wbe", "web")
            .replace("port\": 80", "port\": 5432")
            .replace("port: 80", "port: 5432");
        assert_eq!(text(folder.path(), file), wanted, "{run}");
    }
}

/// A rule that another one covers, the type of a policy that is gone, and a policy that says nothing new.
const SAFE: &str = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
    # everybody in the shop
    - from: [{podSelector: {}}]
    # the database calls back
    - from:
        - podSelector: {matchLabels: {app: db}}
      ports:
        - port: 8080   # never any other
      # - port: 8081
---
# Nothing but web may ask the database.
apiVersion: extensions/v1beta1
kind: NetworkPolicy
metadata: {name: db, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: db-again, namespace: shop}
spec:
  podSelector: {matchLabels: {app: db}}
  policyTypes: [Ingress]
  ingress: [{from: [{podSelector: {matchLabels: {app: web}}}], ports: [{port: 5432}]}]
";

#[test]
fn safe_fixes_remove_what_changes_nothing() {
    let folder = shop();
    fs::write(folder.path().join("policies.yaml"), SAFE).unwrap();
    let before = npv(folder.path(), ["reach", "--format", "json", "."]);
    let run = npv(folder.path(), ["check", "--fix", "."]);
    assert_snapshot!("safe_run", run.to_string());
    assert_snapshot!("safe_policies", text(folder.path(), "policies.yaml"));
    let after = npv(folder.path(), ["reach", "--format", "json", "."]);
    let connections = |run: &Run| {
        let document: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
        (document["endpoints"].clone(), document["connections"].clone())
    };
    assert_eq!(connections(&before), connections(&after));
    let again = npv(folder.path(), ["check", "--fix", "."]);
    assert_eq!(again.stderr, "nothing fixed\n");
}

#[test]
fn without_the_whole_picture_nothing_is_called_redundant_for_sure() {
    let folder = shop();
    let unmodelled =
        "apiVersion: kuma.io/v1alpha1\nkind: MeshTrafficPermission\nmetadata: {name: c, namespace: shop}\n";
    fs::write(folder.path().join("policies.yaml"), format!("{SAFE}---\n{unmodelled}")).unwrap();
    let run = npv(folder.path(), ["check", "--fix", "."]);
    refused(
        &run,
        3,
        &["write `networking.k8s.io/v1`", "because what npv cannot read or does not model may depend on it"],
    );
    let wanted = SAFE.replace("extensions/v1beta1", "networking.k8s.io/v1");
    assert_eq!(text(folder.path(), "policies.yaml"), format!("{wanted}---\n{unmodelled}"));
}

/// A policy in braces.
fn in_braces(name: &str, spec: &str) -> String {
    format!(
        "{{\"apiVersion\": \"networking.k8s.io/v1\", \"kind\": \"NetworkPolicy\", \"metadata\": {{\"name\": \"{name}\", \
         \"namespace\": \"shop\"}}, \"spec\": {spec}}}"
    )
}

/// A policy that changes nothing goes out of whatever holds it, and takes nothing with it but what is its own.
#[test]
fn a_redundant_policy_goes_out_of_a_list_and_out_of_a_dump() {
    let spec = "{\"podSelector\": {\"matchLabels\": {\"app\": \"db\"}}, \"policyTypes\": [\"Ingress\"], \"ingress\": [{\"from\": \
                [{\"podSelector\": {\"matchLabels\": {\"app\": \"web\"}}}], \"ports\": [{\"port\": 5432}]}]}";
    let (one, two) = (in_braces("db", spec), in_braces("db-again", spec));
    let block = |name: &str| {
        format!(
            "- apiVersion: networking.k8s.io/v1\n  kind: NetworkPolicy\n  metadata: {{name: {name}, namespace: shop}}\n  spec: {spec}  \
             # of {name}\n"
        )
    };
    let yaml =
        |items: &str| format!("apiVersion: v1\nkind: List  # two of them\nitems:\n{items}metadata: {{}}\n");
    let json = |items: &str| {
        format!("{{\n  \"apiVersion\": \"v1\",\n  \"items\": [\n{items}\n  ],\n  \"kind\": \"List\"\n}}\n")
    };
    let node: serde_json::Value = serde_json::from_str(&one).unwrap();
    let pretty = serde_json::to_string_pretty(&node).unwrap().replace('\n', "\n    ");
    let again = pretty.replace("\"name\": \"db\"", "\"name\": \"db-again\"");
    let before_web = format!("# what the web asks\n{}", block("db"));
    for (file, text, wanted) in [
        (
            "list.yaml",
            yaml(&format!("{before_web}# the same once more\n{}", block("db-again"))),
            yaml(&before_web),
        ),
        ("dump.json", json(&format!("    {pretty},\n    {again}")), json(&format!("    {pretty}"))),
        ("line.json", json(&format!("{one}, {two}")), json(&one)),
        ("stream.json", format!("{one}\n{two}\n"), format!("{one}\n")),
        ("braces.yaml", format!("{one}\n---\n{two}\n"), format!("{one}\n")),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("workloads.yaml"), WORKLOADS).unwrap();
        fs::write(folder.path().join(file), &text).unwrap();
        let run = npv(folder.path(), ["check", "--fix", "."]);
        assert!(run.stderr.contains("remove the policy [redundant-policy]"), "{file}\n{run}");
        assert_eq!(self::text(folder.path(), file), wanted, "{file}\n{run}");
        let again = npv(folder.path(), ["check", "--fix", "."]);
        assert_eq!(again.stderr, "nothing fixed\n", "{file}");
    }
}

/// What is missing for DNS, or of the types, is written as the rest of the file is.
#[test]
fn what_is_added_is_in_the_style_of_its_file() {
    let fixed = |file: &str, spec: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("workloads.yaml"), WORKLOADS).unwrap();
        fs::write(folder.path().join(file), in_braces("web", spec)).unwrap();
        let arguments = ["check", "--fix", "--unsafe", "--pedantic", "--select"];
        let rules = ["dns-egress-blocked,rules-without-policy-type,implicit-policy-types", "."];
        let run = npv(folder.path(), [&arguments[..], &rules[..]].concat());
        let text = text(folder.path(), file);
        let json = serde_json::from_str::<serde_json::Value>(&text);
        assert!(json.is_ok() || !spec.contains("\"podSelector\""), "{text}");
        assert!(!run.stderr.contains("nothing fixed") && !run.stderr.contains("not fixed"), "{run}");
        text
    };
    // DNS, where a rule is for something else.
    let https = r#"{"podSelector": {}, "policyTypes": ["Egress"], "egress": [{"ports": [{"port": 443}]}]}"#;
    let dns = r#"{"ports": [{"port": 443}]}, {"to": [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}}, "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}"#;
    let wanted = in_braces("web", &https.replace(r#"{"ports": [{"port": 443}]}"#, dns));
    assert_eq!(fixed("web.json", https), wanted);
    let plain = |text: &str| text.replace('"', "");
    assert_eq!(
        fixed("web.yaml", &plain(https)),
        in_braces("web", &plain(&https.replace(r#"{"ports": [{"port": 443}]}"#, dns)))
    );
    // DNS over TCP, beside what is there, in kubectl's style.
    let udp = "{\n    \"egress\": [\n      {\n        \"ports\": [\n          {\n            \"port\": 53,\n            \"protocol\": \
               \"UDP\"\n          }\n        ]\n      }\n    ],\n    \"podSelector\": {},\n    \"policyTypes\": [\n      \"Egress\"\n    ]\n  }";
    let wanted = in_braces(
        "web",
        &udp.replace(
            "\"UDP\"\n          }",
            "\"UDP\"\n          },\n          {\"protocol\": \"TCP\", \"port\": 53}",
        ),
    );
    assert_eq!(fixed("web.json", udp), wanted);
    // The types, which are left out.
    let none = "{\n    \"podSelector\": {},\n    \"ingress\": []\n  }";
    let wanted = "{\n    \"policyTypes\": [\"Ingress\"],\n    \"podSelector\": {},\n    \"ingress\": []\n  }";
    assert_eq!(fixed("web.json", none), in_braces("web", wanted));
    // A type that is missing.
    let egress = r#"{"podSelector": {}, "policyTypes": ["Ingress"], "egress": [{"ports": [{"port": 443}, {"port": 53}, {"port": 53, "protocol": "UDP"}]}]}"#;
    assert_eq!(
        fixed("web.json", egress),
        in_braces("web", &egress.replace("[\"Ingress\"]", "[\"Ingress\", \"Egress\"]"))
    );
}

/// An exception outside of its block: the API server refuses the policy, and without the exception does not.
#[test]
fn an_exception_outside_of_its_block_is_removed() {
    let policy = "apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  podSelector: {matchLabels: {app: web}}
  policyTypes: [Ingress]
  ingress:
    - from:
        - ipBlock:
            cidr: 10.0.0.0/8
            except:
              - 10.1.0.0/16
              - 192.168.0.0/16   # the office
        - ipBlock: {cidr: 172.16.0.0/12, except: [10.0.0.0/8, 10.1.0.0/16]}
";
    let folder = shop();
    fs::write(folder.path().join("policies.yaml"), policy).unwrap();
    let run = npv(folder.path(), ["check", "--fix", "--unsafe", "."]);
    let wanted = policy
        .replace("              - 192.168.0.0/16   # the office\n", "")
        .replace("except: [10.0.0.0/8, 10.1.0.0/16]", "except: []");
    assert_eq!(text(folder.path(), "policies.yaml"), wanted, "{run}");
    // One that holds the whole block takes it out, which may be meant.
    fs::write(folder.path().join("policies.yaml"), policy.replace("192.168.0.0/16", "10.0.0.0/7")).unwrap();
    let run = npv(folder.path(), ["check", "--diff", "--unsafe", "."]);
    assert!(!run.stdout.contains("\n-              - 10.0.0.0/7"), "{run}");
}

fn refused(run: &Run, status: i32, parts: &[&str]) {
    assert_eq!(run.status, status, "{run}");
    for part in parts {
        assert!(run.stderr.contains(part), "no `{part}` in\n{run}");
    }
}

#[test]
fn what_cannot_be_written_is_refused() {
    let folder = shop();
    let input = format!("{WORKLOADS}---\n{POLICIES}");
    let stdin = |arguments: &[&str]| npv_with(folder.path(), arguments, &[], Some(input.as_bytes()));
    refused(&stdin(&["check", "--fix", "-"]), 2, &["cannot write to standard input", "--diff"]);
    let diff = stdin(&["check", "--diff", "--unsafe", "-"]);
    refused(&diff, 1, &["3 fixes are for text that is in no file"]);
    assert!(!diff.stdout.contains("@@") && !diff.stderr.contains("would fix"), "{diff}");
    refused(&npv(folder.path(), ["check", "--unsafe", "."]), 2, &["--unsafe", "--diff"]);
    refused(&npv(folder.path(), ["check", "--diff", "--format", "json", "."]), 2, &["cannot be used with"]);
    let path = folder.path().join("policies.yaml");
    let mut permissions = fs::metadata(&path).unwrap().permissions();
    permissions.set_readonly(true);
    fs::set_permissions(&path, permissions).unwrap();
    refused(
        &npv(folder.path(), ["check", "--fix", "--unsafe", "."]),
        1,
        &["`policies.yaml` is left alone: it is write-protected", "nothing fixed"],
    );
    assert_eq!(text(folder.path(), "policies.yaml"), POLICIES);
}
