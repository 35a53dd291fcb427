//! `npv diff` of revisions, on small repositories.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use npv_tests::npv::{Run, npv};
use serde_json::Value;
use tempfile::TempDir;

const WORKLOADS: &str = "\
apiVersion: v1
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
    spec: {containers: [{name: web, image: web, ports: [{containerPort: 8080}]}]}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db, namespace: shop}
spec:
  selector: {matchLabels: {app: db}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: db, ports: [{containerPort: 5432}]}]}
";

const DENY: &str = "\
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: default-deny, namespace: shop}
spec:
  podSelector: {}
  policyTypes: [Ingress]
";

/// A policy that admits one peer to `db`.
fn admit(name: &str, peer: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec:\n  \
         podSelector: {{matchLabels: {{app: db}}}}\n  ingress:\n    - from: [{peer}]\n      ports: [{{port: 5432}}]\n"
    )
}

const WEB: &str = "{podSelector: {matchLabels: {app: web}}}";
const OFFICE: &str = "{ipBlock: {cidr: 198.51.100.0/24}}";

struct Repository {
    directory: TempDir,
}

impl Repository {
    fn empty() -> Self {
        let repository = Self { directory: tempfile::tempdir().unwrap() };
        repository.git(&["init", "--quiet", "--initial-branch=main"]);
        repository
    }

    /// `main` denies all; `feature` lets `web` into `db`.
    fn with_feature() -> Self {
        let repository = Self::empty();
        repository.write("deploy/workloads.yaml", WORKLOADS);
        repository.write("deploy/policies/deny.yaml", DENY);
        repository.commit("deny all");
        repository.git(&["checkout", "--quiet", "-b", "feature"]);
        repository.write("deploy/policies/db.yaml", &admit("db", WEB));
        repository.commit("let web into db");
        repository
    }

    fn path(&self) -> &Path {
        self.directory.path()
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(self.path(), arguments)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn commit(&self, message: &str) {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--message", message]);
    }

    fn diff(&self, arguments: &[&str]) -> Run {
        npv(self.path(), [&["diff"], arguments].concat())
    }

    /// `SRC -> DST` of what opens and of what closes; the run must end well.
    fn flows(&self, arguments: &[&str]) -> [Vec<String>; 2] {
        let run = self.diff(&[&["--format=json"], arguments].concat());
        assert_eq!(run.status, 0, "{arguments:?}\n{run}");
        let document: Value = serde_json::from_str(&run.stdout).unwrap();
        ["opened", "closed"].map(|which| {
            let text = |flow: &Value| {
                format!("{} -> {}", flow["src"].as_str().unwrap(), flow["dst"].as_str().unwrap())
            };
            document[which].as_array().unwrap().iter().map(text).collect()
        })
    }
}

fn git(directory: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(directory)
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_AUTHOR_DATE", "2026-01-01T00:00:00Z")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_DATE", "2026-01-01T00:00:00Z")
        .output()
        .unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

const TO_DB: &str = "shop/web[Deployment] -> shop/db[StatefulSet]";
const FROM_OFFICE: &str = "external-1 -> shop/db[StatefulSet]";

#[test]
fn two_revisions() {
    let repository = Repository::with_feature();
    let before =
        (repository.git(&["rev-parse", "HEAD"]), repository.git(&["status", "--porcelain", "--ignored"]));
    assert_snapshot!(repository.diff(&["main..feature", "--", "deploy/"]).to_string());
    for same in [
        &["main..", "--", "deploy"][..],
        &["main", "feature"],
        &["main...feature"],
        &["main", "HEAD", "--", "deploy/policies", "deploy/workloads.yaml"],
    ] {
        assert_eq!(repository.flows(same), [vec![TO_DB.to_owned()], vec![]], "{same:?}");
    }
    assert_eq!(repository.flows(&["feature..main"]), [vec![], vec![TO_DB.to_owned()]]);
    let after =
        (repository.git(&["rev-parse", "HEAD"]), repository.git(&["status", "--porcelain", "--ignored"]));
    assert_eq!(before, after, "the repository is as it was");
    assert_eq!(repository.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn the_working_tree_counts_with_what_is_not_committed() {
    let repository = Repository::with_feature();
    assert_eq!(repository.flows(&[]), [vec![], vec![]] as [Vec<String>; 2]);
    // Untracked, changed, ignored.
    repository.write("deploy/office.yaml", &admit("office", OFFICE));
    assert_eq!(repository.flows(&["HEAD"]), [vec![FROM_OFFICE.to_owned()], vec![]]);
    assert_eq!(repository.flows(&["--", "deploy"]), [vec![FROM_OFFICE.to_owned()], vec![]]);
    repository.write("deploy/policies/db.yaml", &admit("db", "{podSelector: {matchLabels: {app: none}}}"));
    assert_eq!(repository.flows(&["HEAD"]), [vec![FROM_OFFICE.to_owned()], vec![TO_DB.to_owned()]]);
    assert_eq!(repository.flows(&["main"]), [vec![FROM_OFFICE.to_owned()], vec![]]);
    repository.write(".gitignore", "office.yaml\n");
    assert_eq!(repository.flows(&["HEAD"]), [vec![], vec![TO_DB.to_owned()]]);
}

#[test]
fn three_dots_leave_out_what_the_base_has_done_since() {
    let repository = Repository::with_feature();
    repository.git(&["checkout", "--quiet", "main"]);
    repository.write("deploy/office.yaml", &admit("office", OFFICE));
    repository.commit("let the office in");
    let web = vec![TO_DB.to_owned()];
    assert_eq!(repository.flows(&["main...feature"]), [web.clone(), vec![]]);
    assert_eq!(repository.flows(&["main..feature"]), [web, vec![FROM_OFFICE.to_owned()]]);
}

#[test]
fn positions_name_files_as_the_working_tree_does() {
    let repository = Repository::with_feature();
    repository.write("deploy/policies/db.yaml", &admit("db", OFFICE));
    let below = repository.path().join("deploy/policies");
    let run = npv(&below, ["diff", "feature", "--format=json", "--", "../workloads.yaml", "."]);
    assert_eq!((run.status, &*run.stderr), (0, ""), "{run}");
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    let change = &document["policiesChanged"][0];
    assert_eq!(
        (change["base"]["file"].as_str(), change["base"]["line"].as_u64()),
        (Some("db.yaml"), Some(3))
    );
    assert_eq!(change["head"], change["base"]);
    assert!(!run.stdout.contains("npv-"), "the temporary directory shows: {run}");
    // Without a path it is the directory in which npv runs.
    let run = npv(&below, ["diff", "feature", "--format=json"]);
    let document: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(document["policiesChanged"][0]["head"]["file"], "db.yaml", "{run}");
}

#[test]
fn what_is_no_revision_is_refused() {
    let repository = Repository::with_feature();
    let elsewhere = tempfile::tempdir().unwrap();
    let evidence: PathBuf = elsewhere.path().join("evidence");
    let upload = format!("--upload-pack=touch {}", evidence.display());
    let output = format!("--output={}", evidence.display());
    let mut said = String::new();
    for arguments in [
        &["nope", "--", "deploy"][..],
        &["main..--upload-pack=x"],
        &["main", "--", "/etc"],
        &["main", "--", "../elsewhere"],
        &["main", "--", "nowhere"],
        &["deploy"],
        &["deploy", "main"],
        &["main:deploy"],
        &["HEAD~99"],
    ] {
        let run = repository.diff(arguments);
        assert_eq!((run.status, &*run.stdout), (2, ""), "{run}");
        write!(said, "$ npv diff {}\n{}", arguments.join(" "), run.stderr).unwrap();
    }
    assert_snapshot!(said);
    for hostile in [&*upload, &*output, "-c core.pager=x", "--help", ""] {
        for range in [format!("{hostile}..HEAD"), format!("HEAD..{hostile}"), format!("HEAD...{hostile}")] {
            // A range that begins with dashes never gets past the arguments; an end that is left out is HEAD.
            let run = repository.diff(&[&range]);
            let wanted = if hostile.is_empty() { 0 } else { 2 };
            assert!(range.starts_with('-') || run.status == wanted, "{range}\n{run}");
        }
    }
    assert!(!evidence.exists());
    let run = npv(elsewhere.path(), ["diff", "main..HEAD"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(run.stderr.starts_with("error: this directory is in no git repository"), "{run}");
}

#[test]
fn a_shallow_clone_is_told_what_to_fetch() {
    let repository = Repository::with_feature();
    let clone = tempfile::tempdir().unwrap();
    let url = format!("file://{}", repository.path().display());
    git(clone.path(), &["clone", "--quiet", "--depth=1", "--branch=feature", &url, "shop"]);
    let shop = clone.path().join("shop");
    let run = npv(&shop, ["diff", "main"]);
    assert_eq!(run.status, 2, "{run}");
    assert!(
        run.stderr.contains(
            "this clone is shallow: fetch the revision with `git fetch --depth=1 origin main:main`"
        ),
        "{run}"
    );
    git(&shop, &["fetch", "--quiet", "--depth=1", "origin", "main:main"]);
    let run = npv(&shop, ["diff", "main...HEAD"]);
    assert!(run.status == 2 && run.stderr.contains("`git fetch --unshallow`"), "{run}");
    assert!(npv(&shop, ["diff", "main..HEAD"]).stdout.contains("TCP 5432"));
    // A branch that only the remote has.
    git(&shop, &["branch", "--quiet", "-D", "main"]);
    git(&shop, &["fetch", "--quiet", "--depth=1", "origin", "main:refs/remotes/origin/main"]);
    let run = npv(&shop, ["diff", "main"]);
    assert!(run.stderr.contains("did you mean `origin/main`?"), "{run}");
}

#[test]
fn a_directory_that_only_one_side_has() {
    let repository = Repository::with_feature();
    repository.write(
        "more/cache.yaml",
        &WORKLOADS.replace("name: db", "name: cache").replace("app: db", "app: cache"),
    );
    repository.commit("a cache");
    let run = repository.diff(&["main..HEAD", "--", "more"]);
    assert_eq!(run.status, 0, "{run}");
    assert_eq!(run.stderr, "note: `main` has no manifests in `more`: everything is new\n");
    assert!(run.stdout.starts_with("opened with new endpoints\n"), "{run}");
    let run = repository.diff(&["main..HEAD", "--", "deploy", "more"]);
    assert_eq!((run.status, &*run.stderr), (0, "note: `main` has no `more`\n"), "{run}");
    let run = repository.diff(&["HEAD..main", "--", "more"]);
    assert_eq!(run.stderr, "note: `main` has no manifests in `more`: everything is gone\n");
}

#[test]
fn all_that_a_revision_can_hold() {
    let repository = Repository::with_feature();
    repository.write("deploy/odd names/ü *?[a] \"q\".yaml", &admit("odd", OFFICE));
    // What an archive would leave out is a part of the revision.
    repository.write(".gitattributes", "deploy export-ignore\n");
    repository.write("shared/more.yaml", &admit("more", "{ipBlock: {cidr: 203.0.113.0/24}}"));
    std::os::unix::fs::symlink("../shared/more.yaml", repository.path().join("deploy/more.yaml")).unwrap();
    repository.commit("odd names and links");
    let [opened, _] = repository.flows(&["main..HEAD", "--", "deploy"]);
    assert_eq!(opened, [TO_DB, FROM_OFFICE]);
    // The working tree of the same commit reads the same.
    assert_eq!(repository.flows(&["HEAD", "--", "deploy"]), [vec![], vec![]] as [Vec<String>; 2]);

    std::os::unix::fs::symlink("/etc/hostname", repository.path().join("deploy/outside")).unwrap();
    repository.commit("a link out of the repository");
    let head = repository.git(&["rev-parse", "HEAD"]);
    let module = format!("160000,{},deploy/module", head.trim());
    repository.git(&["update-index", "--add", "--cacheinfo", &module]);
    repository.git(&["commit", "--quiet", "--message", "a submodule"]);
    let run = repository.diff(&["main..HEAD", "--", "deploy"]);
    assert_eq!(run.status, 3, "{run}");
    let document = repository.diff(&["main..HEAD", "--format=json", "--", "deploy"]).stdout;
    let document: Value = serde_json::from_str(&document).unwrap();
    let messages: Vec<&str> = document["head"]["diagnostics"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["message"].as_str().unwrap())
        .collect();
    assert_eq!(
        messages,
        [
            "cannot be read: it is a submodule, whose files are in another repository",
            "cannot be read: it is a link out of the repository, to `/etc/hostname`",
        ]
    );
    assert_eq!(document["head"]["diagnostics"][1]["locations"][0]["file"], "deploy/outside");
}

#[test]
fn the_gate_fails_on_what_the_filter_describes() {
    let repository = Repository::with_feature();
    repository.write("deploy/office.yaml", &admit("office", OFFICE));
    let status = |filter: &str| repository.diff(&["main", "--quiet", filter]).status;
    for (filter, wanted) in [
        ("--fail-on-opened", 1),
        ("--fail-on-opened=any", 1),
        ("--fail-on-opened=existing", 1),
        ("--fail-on-opened=internet", 1),
        ("--fail-on-opened=from:internet", 1),
        ("--fail-on-opened=to:internet", 0),
        ("--fail-on-opened=cross-namespace", 0),
        ("--fail-on-opened=data-store", 1),
        ("--fail-on-opened=shop/db", 1),
        ("--fail-on-opened=from:shop/db", 0),
        ("--fail-on-opened=to:shop/db", 1),
        ("--fail-on-opened=from:shop/web,to:db", 1),
        ("--fail-on-opened=from:shop/web,internet", 0),
        ("--fail-on-opened=198.51.100.7", 1),
        ("--fail-on-opened=192.0.2.0/24", 0),
        ("--fail-on-opened=shop/nobody", 2),
        ("--fail-on-opened=", 2),
    ] {
        assert_eq!(status(filter), wanted, "{filter}");
    }
    let twice = ["main", "--fail-on-opened=to:internet", "--fail-on-opened=data-store"];
    let run = repository.diff(&twice);
    assert_eq!(run.status, 1, "{run}");
    assert_snapshot!(run.stderr);
    // The other way round everything closes, which fails nothing.
    assert_eq!(repository.diff(&["feature..main", "--fail-on-opened"]).status, 0);
}

#[test]
fn a_page_names_the_revision_that_its_commands_ask_of() {
    let repository = Repository::with_feature();
    let page = repository.diff(&["main..feature", "--format=html", "--", "deploy"]);
    assert_eq!(page.status, 0, "{}", page.stderr);
    let document = npv_tests::page::document(&page.stdout);
    assert_eq!(document["diff"]["checkout"], "feature");
    assert_eq!(document["inputs"], serde_json::json!(["deploy"]));
    assert_eq!(document["diff"]["answer"]["opened"][0]["why"][0]["head"]["file"], "deploy/policies/db.yaml");
    let page = repository.diff(&["main", "--format=html", "--", "deploy"]);
    assert!(npv_tests::page::document(&page.stdout)["diff"].get("checkout").is_none());
}
