//! Loading as the command line does it: from paths to objects.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use npv_analyzer::load::{Helm, LoadError, Loaded, Options, load};
use npv_models::source::{Origin, Span};
use npv_models::yaml::Node;
use tempfile::TempDir;

/// What the tests decode: kind, name and the span of the name.
type Name = (String, String, Option<Span>);

fn name(object: &Node) -> Name {
    let text = |node: Option<&Node>| node.and_then(Node::as_str).unwrap_or("?").to_owned();
    let name = object.get("metadata").and_then(|metadata| metadata.get("name"));
    (text(object.get("kind")), text(name), name.map(|name| name.span))
}

fn load_with(inputs: &[&Path], options: &Options<'_>) -> Result<Loaded<Name>, LoadError> {
    let inputs: Vec<PathBuf> = inputs.iter().map(|path| path.to_path_buf()).collect();
    load(&inputs, options, |object| name(&object))
}

fn load_text(text: impl Into<Vec<u8>>) -> Loaded<Name> {
    let options = Options { stdin: Some(text.into()), ..Options::default() };
    load_with(&[Path::new("-")], &options).unwrap()
}

fn names(loaded: &Loaded<Name>) -> Vec<String> {
    loaded.objects.iter().map(|(kind, name, _)| format!("{kind}/{name}")).collect()
}

/// Findings as `file:line:column: message`.
fn findings(loaded: &Loaded<Name>) -> Vec<String> {
    let locate = |span| loaded.sources.locate(span).unwrap().to_string();
    let mut texts = Vec::new();
    for finding in &loaded.findings {
        assert_eq!(finding.rule, "unreadable-document");
        assert!(finding.incomplete && !finding.help.is_empty());
        texts.push(format!("{}: {}", locate(finding.span().unwrap()), finding.message));
    }
    texts
}

fn write(directory: &Path, files: &[(&str, &str)]) {
    for (name, text) in files {
        let path = directory.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

fn pod(name: &str) -> String {
    format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\n  labels: {{a: b}}\n")
}

/// The lines of a text, the first behind `first`, the others behind `others`.
fn indent(text: &str, first: &str, others: &str) -> String {
    let mut result = String::new();
    for (index, line) in text.lines().enumerate() {
        writeln!(result, "{}{line}", if index == 0 { first } else { others }).unwrap();
    }
    result
}

/// Pods with some bulk, so that thousands of them are cut into parts.
fn bulky(index: usize) -> String {
    let filler = "x".repeat(index % 700);
    pod(&format!("pod-{index}"))
        + &format!("  annotations:\n    filler: |\n      --- {filler}\n      items:\n      - ü\n")
}

const COUNT: usize = 6500;

fn json_items(separator: &str, item: impl Fn(serde_json::Value) -> String) -> String {
    let pods = (0..COUNT).map(|index| {
        let filler = "x".repeat(index % 700);
        item(serde_json::json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": format!("pod-{index}"), "note": format!("}},\n\"items\": [{filler}")},
        }))
    });
    pods.collect::<Vec<_>>().join(separator)
}

/// The same pods in every way in which they may be written down, each several megabytes long.
fn large_inputs() -> Vec<(&'static str, String)> {
    let yaml =
        |first: &str, others: &str| (0..COUNT).map(|i| indent(&bulky(i), first, others)).collect::<Vec<_>>();
    let pretty = |value: serde_json::Value| {
        let text = serde_json::to_string_pretty(&value).unwrap();
        indent(&text, "        ", "        ").trim_end().to_owned()
    };
    let list = |items: &str| format!("apiVersion: v1\nitems: # all\n{items}kind: List\nmetadata: {{}}\n");
    let compact = |value: serde_json::Value| value.to_string();
    vec![
        ("documents", yaml("", "").join("---\n")),
        ("windows documents", yaml("", "").join("---\n").replace('\n', "\r\n")),
        ("yaml list", list(&yaml("- ", "  ").concat())),
        (
            "yaml list behind others",
            format!("{}---\n{}", "kind: Empty\n---\n".repeat(60_000), list(&yaml("- ", "  ").concat())),
        ),
        ("indented yaml list", list(&yaml("  - ", "    ").concat())),
        ("windows yaml list", list(&yaml("- ", "  ").concat()).replace('\n', "\r\n")),
        (
            "json list",
            format!(
                "{{\n    \"apiVersion\": \"v1\",\n    \"items\": [\n{}\n    ],\n    \"kind\": \"List\"\n}}\n",
                json_items(",\n", pretty)
            ),
        ),
        ("json list on one line", format!("{{\"kind\":\"List\",\"items\":[{}]}}", json_items(",", compact))),
        ("json objects", json_items("\n", compact)),
        ("json documents", json_items("\n---\n", compact)),
        ("flow yaml list", format!("{{kind: List, items: [{}]}}", json_items(",", compact))),
    ]
}

#[test]
fn large_inputs_are_cut_and_nothing_is_lost() {
    let expected: Vec<String> = (0..COUNT).map(|index| format!("Pod/pod-{index}")).collect();
    for (what, text) in large_inputs() {
        assert!(text.len() > 5 << 19, "{what} is too short to be cut");
        let one = rayon::ThreadPoolBuilder::new()
            .num_threads(1)
            .build()
            .unwrap()
            .install(|| load_text(text.clone()));
        let four = rayon::ThreadPoolBuilder::new()
            .num_threads(4)
            .build()
            .unwrap()
            .install(|| load_text(text.clone()));
        assert_eq!(one.objects, four.objects, "{what}");
        assert_eq!(findings(&one), Vec::<String>::new(), "{what}");
        let pods: Vec<String> = names(&one).into_iter().filter(|name| name != "Empty/?").collect();
        assert_eq!(pods, expected, "{what}");
        for (_, name, span) in one.objects.iter().filter(|(kind, ..)| kind == "Pod") {
            assert_eq!(one.sources.slice(span.unwrap()).trim_matches('"'), name, "{what}");
        }
    }
}

#[test]
fn large_lists_that_cannot_be_cut_are_read_at_once() {
    let mut items: Vec<String> = (0..COUNT).map(|index| indent(&bulky(index), "- ", "  ")).collect();
    items[1] = "- &one {kind: Pod, metadata: {name: one}}\n".to_owned();
    items[COUNT - 1] = "- *one\n".to_owned();
    let list = format!("kind: List\nitems:\n{}", items.concat());
    let loaded = load_text(list.clone());
    assert_eq!(findings(&loaded), Vec::<String>::new());
    assert_eq!(loaded.objects.len(), COUNT);
    assert_eq!(loaded.objects[COUNT - 1].1, "one");
    // A bad item makes the whole document unreadable, as in a short list; the next document is read.
    let broken = list.replace("*one", "*two");
    let loaded = load_text(format!("{broken}---\n{}", pod("next")));
    assert_eq!(names(&loaded), ["Pod/next"]);
    assert_eq!(loaded.findings.len(), 1);
    assert!(loaded.findings[0].message.contains("`*two`"), "{:?}", loaded.findings);

    // Quotes that hide what looks like items.
    let quoted = format!(
        "kind: List\nitems:\n{}- kind: Pod\n  note: \"\n    a\n\n    b\"\n",
        items[2..COUNT - 1].concat()
    );
    let loaded = load_text(quoted);
    assert_eq!((loaded.objects.len(), loaded.findings.len()), (COUNT - 2, 0));
}

#[test]
fn long_documents_that_are_no_lists() {
    let text =
        format!("kind: ConfigMap\nmetadata: {{name: big}}\ndata: |\n{}", "  some text\n".repeat(400_000));
    assert_eq!(
        names(&load_text(format!("{}---\n{text}---\n{}", pod("a"), pod("b")))),
        ["Pod/a", "ConfigMap/big", "Pod/b"]
    );
    let text = format!("kind: ConfigMap\ndata: |\n{}", "  some text\n".repeat(3_000_000));
    let loaded = load_text(format!("{}---\n{text}---\n{}", pod("a"), pod("b")));
    assert_eq!(names(&loaded), ["Pod/a", "Pod/b"]);
    assert_eq!(findings(&loaded), ["<stdin>:6:1: a document of 36 MB is more than npv reads at once"]);
}

#[test]
fn lists_are_taken_apart() {
    let typed = "apiVersion: v1\nkind: PodList\nitems:\n- metadata: {name: a}\n- kind: Other\n  metadata: {name: b}\n";
    assert_eq!(names(&load_text(typed)), ["Pod/a", "Other/b"]);
    let nested = "kind: List\nitems:\n- kind: List\n  items:\n  - {kind: Pod, metadata: {name: a}}\n- kind: PodList\n  items: []\n";
    assert_eq!(names(&load_text(nested)), ["Pod/a"]);
    // Not everything that is called a list is one.
    assert_eq!(
        names(&load_text("kind: AllowList\nmetadata: {name: a}\nspec: {items: []}\n")),
        ["AllowList/a"]
    );
    let twice = load_text("kind: List\nitems:\n- kind: Pod\nitems:\n- kind: Job\n");
    assert_eq!(names(&twice), ["Job/?"]);
    assert_eq!(
        findings(&twice),
        ["<stdin>:2:1: `items` occurs twice in this list, and only the last one counts"]
    );
    // What stands under another name is not lost without a word.
    for kind in ["List", "AdminNetworkPolicyList"] {
        let misspelt = load_text(format!("kind: {kind}\nItems:\n- kind: Pod\n"));
        assert!(misspelt.objects.is_empty());
        assert_eq!(
            findings(&misspelt),
            ["<stdin>:2:1: `Items` is not `items`: this list is read as one without any"]
        );
    }
}

#[test]
fn comments_for_npv_are_found_everywhere() {
    let items: Vec<String> = (0..COUNT).map(|index| indent(&bulky(index), "- ", "  ")).collect();
    let list = format!("# npv: 1\nkind: List\nitems:\n# npv: 2\n{}metadata: {{}} # npv: 3\n", items.concat());
    for text in [list, format!("# npv: 1\n---\n{}# npv: 2\n# npv: 3\n", pod("a"))] {
        let loaded = load_text(text);
        let comments: Vec<&str> = loaded.comments.iter().map(|&span| loaded.sources.slice(span)).collect();
        assert_eq!(comments, ["# npv: 1", "# npv: 2", "# npv: 3"]);
    }
}

#[test]
fn template_actions_that_are_valid_yaml() {
    let loaded = load_text(
        "kind: Pod\nmetadata:\n  name: \"{{ .Release.Name }}\"\n---\nkind: Pod\nmetadata: {name: a}\nnote: '{{ x }}'\n",
    );
    // Objects can be read all the same; whoever makes sense of them says what is not known.
    assert_eq!(names(&loaded), ["Pod/{{ .Release.Name }}", "Pod/a"]);
    assert_eq!(findings(&loaded), Vec::<String>::new());
}

#[test]
fn a_template_is_one_finding() {
    let text = "kind: Pod\nmetadata:\n  name: {{unit}}\n  namespace: {{ns}}\n---\nkind: Job\nmetadata: {name: {{job}}}\n";
    assert_eq!(
        findings(&load_text(format!("{text}---\n{}", pod("a")))),
        ["<stdin>:3:9: this is a template: `{{unit}}` must be filled in before it is a manifest"]
    );
}

#[test]
fn objects_that_nothing_separates() {
    let policy = |name: &str, last: &str| {
        format!("apiVersion: v1\nkind: Pod\nmetadata:\n  name: {name}\nspec:\n  port: 8080{last}\n")
    };
    let glued = load_text(format!("{}{}---\n{}", policy("a", "---"), policy("b", ""), pod("c")));
    assert_eq!(names(&glued), ["Pod/c"]);
    assert_eq!(
        findings(&glued),
        [
            "<stdin>:6:13: this line ends with `---`, which separates nothing there: two objects are read as one"
        ]
    );
    let missing = load_text(format!("{}{}", policy("a", ""), policy("b", "")));
    assert_eq!(
        findings(&missing),
        ["<stdin>:7:1: a second object begins here, and no `---` separates it from the one before"]
    );
    for loaded in [glued, missing] {
        let edit = &loaded.findings[0].fix.as_ref().unwrap().edits[0];
        let (_, source) = loaded.sources.iter().next().unwrap();
        let mut text = source.text().to_owned();
        text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.replacement);
        let mended = load_text(text);
        assert_eq!(names(&mended)[..2], ["Pod/a", "Pod/b"]);
        assert_eq!(findings(&mended), Vec::<String>::new());
    }
    // A key that is there twice is one object with a mistake.
    assert_eq!(findings(&load_text("apiVersion: v1\nkind: Pod\nkind: Pod\n")), Vec::<String>::new());
}

#[test]
fn what_is_something_else_is_skipped() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    write(
        root,
        &[
            ("compose.yaml", "services: {web: {image: x}}\n"),
            ("package.json", "{\"name\": \"shop\", \"kind\": 3}"),
            ("tsconfig.json", "{\n  // comments\n  \"a\": 1,\n}\n"),
            ("list.yaml", "- a\n- b\n"),
            ("words.yml", "just words\n"),
            ("broken.yaml", "a: [\n"),
            ("values.yaml", "kind: daemon\nimage: {tag: x}\n"),
            ("node_modules/x/pod.yaml", &pod("module")),
            ("pod.yaml", &pod("a")),
            // What could be a manifest is not.
            ("broken-pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: [\n"),
            ("broken-list.json", "{\"apiVersion\": \"v1\", \"kind\": \"List\", \"items\": [}"),
            ("headless.yaml", "metadata: {name: b}\nspec: {}\n"),
            ("mixed.yaml", &format!("{}---\njust: words\n", pod("mixed"))),
            ("templates/pod.yaml", "apiVersion: v1\nkind: Pod\nmetadata: {{ toYaml . }}\n"),
        ],
    );
    std::fs::write(root.join("latin.yaml"), b"name: caf\xE9\n").unwrap();
    let loaded = load_with(&[root], &Options::default()).unwrap();
    let skipped: Vec<&str> = loaded
        .skipped
        .iter()
        .map(|&id| loaded.sources.get(id).unwrap().name().rsplit('/').next().unwrap())
        .collect();
    assert_eq!(
        skipped,
        [
            "broken.yaml",
            "compose.yaml",
            "latin.yaml",
            "list.yaml",
            "package.json",
            "tsconfig.json",
            "values.yaml",
            "words.yml"
        ]
    );
    assert_eq!(names(&loaded), ["?/b", "Pod/mixed", "?/?", "Pod/a"]);
    let places: Vec<String> = findings(&loaded)
        .iter()
        .map(|finding| finding.rsplit('/').next().unwrap().split(": ").next().unwrap().to_owned())
        .collect();
    assert_eq!(places, ["broken-list.json:1:48", "broken-pod.yaml:3:11", "pod.yaml:3:11"]);
    // What is named is wanted, and said to be none.
    let loaded =
        load_with(&[&root.join("broken.yaml"), &root.join("list.yaml"), root], &Options::default()).unwrap();
    assert_eq!(loaded.skipped.len(), 6);
    assert_eq!(loaded.findings.len(), 4);
}

#[test]
fn directories_are_searched() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    write(
        root,
        &[
            ("b.yaml", &pod("b")),
            ("a/z.yml", &pod("z")),
            ("a/y.JSON", "{\"kind\": \"Pod\", \"metadata\": {\"name\": \"y\"}}"),
            ("c.yaml", &pod("c")),
            ("notes.txt", "kind: Nothing"),
            (".hidden/x.yaml", &pod("hidden")),
            ("ignored/x.yaml", &pod("ignored")),
            (".gitignore", "ignored/\n"),
        ],
    );
    let loaded = load_with(&[root], &Options::default()).unwrap();
    assert_eq!(names(&loaded), ["Pod/y", "Pod/z", "Pod/b", "Pod/c"]);
    // Each file once, in the same order; files that are named are read whatever they are called.
    let loaded =
        load_with(&[&root.join("b.yaml"), root, &root.join("notes.txt")], &Options::default()).unwrap();
    assert_eq!(names(&loaded), ["Pod/y", "Pod/z", "Pod/b", "Pod/c", "Nothing/?"]);
    assert!(loaded.sources.iter().all(|(_, source)| *source.origin() == Origin::File));
}

#[test]
fn nothing_to_read() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    let (missing, empty) = (root.join("missing"), root.join("empty"));
    std::fs::create_dir(&empty).unwrap();
    let error = load_with(&[&missing, &empty], &Options::default()).unwrap_err();
    assert_eq!(error, LoadError::Missing(vec![missing.to_string_lossy().into_owned()]));
    let error = load_with(&[&empty], &Options::default()).unwrap_err();
    assert_eq!(error.inputs(), [empty.to_string_lossy().into_owned()]);
    assert!(matches!(error, LoadError::Empty { files: 0, skipped: 0, .. }));
    assert!(error.to_string().starts_with("no manifests in `"), "{error}");
    write(&empty, &[("comment.yaml", "# nothing yet\n---\n")]);
    let nothing = |inputs: &[&Path]| load_with(inputs, &Options::default()).unwrap_err().to_string();
    assert!(
        nothing(&[&empty]).contains("its file is empty or holds nothing but comments"),
        "{}",
        nothing(&[&empty])
    );
    let named = nothing(&[&empty.join("comment.yaml")]);
    assert!(named.contains("comment.yaml`: it is empty or holds nothing but comments; name"), "{named}");
    write(&empty, &[("compose.yaml", "services: {web: {image: x}}\n")]);
    assert!(nothing(&[&empty]).contains("its 2 files are something else"), "{}", nothing(&[&empty]));
    for stdin in ["", "\n", "# nothing\n---\n"] {
        let options = Options { stdin: Some(stdin.into()), ..Options::default() };
        let error = load_with(&[Path::new("-")], &options).unwrap_err().to_string();
        assert!(error.starts_with("there are no objects on standard input"), "{error}");
    }
}

#[test]
fn bad_files_hide_no_others() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    write(root, &[("1.yaml", &pod("first")), ("3.yaml", "kind: A\na: [\n"), ("6.yaml", &pod("last"))]);
    std::fs::write(root.join("2.yaml"), b"kind: Pod\nmetadata:\n  name: caf\xE9\n").unwrap();
    let utf16: Vec<u8> = pod("wide").encode_utf16().flat_map(u16::to_le_bytes).collect();
    std::fs::write(root.join("4.yaml"), [&[0xFF, 0xFE], &*utf16].concat()).unwrap();
    std::fs::write(root.join("5.yaml"), b"k\0i\0n\0d\0:\0 \0A\0\x00\xD8").unwrap();
    let loaded = load_with(&[root], &Options::default()).unwrap();
    assert_eq!(names(&loaded), ["Pod/first", "Pod/caf\u{fffd}", "Pod/wide", "A\u{fffd}/?", "Pod/last"]);
    let prefix = format!("{}/", root.display());
    let findings: Vec<String> =
        findings(&loaded).iter().map(|finding| finding.replace(&prefix, "")).collect();
    assert_eq!(
        findings,
        [
            "2.yaml:3:12: this is not valid UTF-8",
            "3.yaml:2:4: this is not valid YAML: unclosed bracket `[`",
            "5.yaml:1:8: this is not valid UTF-16LE",
        ]
    );
}

#[test]
fn the_number_of_bytes_is_limited() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    write(root, &[("a.yaml", &pod("a")), ("b.yaml", &"# x\n".repeat(2000)), ("c.yaml", &pod("c"))]);
    let options = Options { max_bytes: 2000, ..Options::default() };
    let loaded = load_with(&[root], &options).unwrap();
    assert_eq!(names(&loaded), ["Pod/a", "Pod/c"]);
    assert_eq!(loaded.findings.len(), 1);
    assert!(findings(&loaded)[0].ends_with("b.yaml:1:1: left out: npv reads at most 0 MB in all"));
}

#[test]
fn progress_is_told() {
    let most = std::sync::atomic::AtomicU64::new(0);
    let report = |done, total| {
        assert!(done <= total);
        most.fetch_max(done, std::sync::atomic::Ordering::Relaxed);
    };
    let (_, text) = large_inputs().swap_remove(2);
    let length = text.len() as u64;
    let options = Options { stdin: Some(text.into()), progress: Some(&report), ..Options::default() };
    load_with(&[Path::new("-")], &options).unwrap();
    let most = most.into_inner();
    assert!(most <= length && most > length / 2, "{most} of {length}");
}

#[cfg(unix)]
#[test]
fn links_that_lead_nowhere_or_in_circles() {
    use std::os::unix::fs::symlink;
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    write(root, &[("a/a.yaml", &pod("a"))]);
    symlink("..", root.join("a/up")).unwrap();
    symlink("nowhere", root.join("gone.yaml")).unwrap();
    symlink("nowhere", root.join("unrelated")).unwrap();
    symlink("a/a.yaml", root.join("same.yaml")).unwrap();
    let loaded = load_with(&[root], &Options::default()).unwrap();
    assert_eq!(names(&loaded), ["Pod/a"]);
    let prefix = format!("{}/", root.display());
    let findings: Vec<String> =
        findings(&loaded).iter().map(|finding| finding.replace(&prefix, "")).collect();
    assert_eq!(
        findings,
        [
            format!(
                "a/up:1:1: cannot be read: it is a symbolic link to `{}`, in which it stands itself",
                root.display()
            ),
            "gone.yaml:1:1: cannot be read: no such file or directory".to_owned(),
        ]
    );
}

/// A chart, a base with two overlays, and a plain file.
fn write_rendered(root: &Path) {
    write(
        root,
        &[
            ("plain.yaml", &pod("plain")),
            ("chart/Chart.yaml", "name: web\n"),
            ("chart/templates/pod.yaml", "kind: Pod\nmetadata: {name: {{ .Release.Name }}}\n"),
            ("chart/charts/db/Chart.yaml", "name: db\n"),
            ("kustom/base/kustomization.yaml", "resources: [pod.yaml]\n"),
            ("kustom/base/pod.yaml", &pod("base")),
            ("kustom/one/kustomization.yml", "resources:\n- ../base\n"),
            ("kustom/two/Kustomization", "bases: [../base]\n"),
            ("values.txt", ""),
        ],
    );
}

#[test]
fn directories_to_render_are_not_read_as_they_are() {
    let directory = TempDir::new().unwrap();
    let root = directory.path();
    write_rendered(root);
    let loaded = load_with(&[root], &Options::default()).unwrap();
    assert_eq!(names(&loaded), ["Pod/plain"]);
    let prefix = format!("{}/", root.display());
    let clean = |text: &str| text.replace(&prefix, "");
    let findings: Vec<String> = findings(&loaded).iter().map(|finding| clean(finding)).collect();
    assert_eq!(
        findings,
        [
            "kustom/one/kustomization.yml:1:1: 2 kustomizations do not say themselves what will be deployed: `kustom/one` and `kustom/two`",
            "chart/Chart.yaml:1:1: `chart` is a Helm chart, whose templates are no manifests",
        ]
    );
    assert_eq!(
        clean(&loaded.findings[1].help[0]),
        "run npv with `--render`, or `helm template chart | npv check -`"
    );
    // The file itself stands for its directory; a template on its own does not.
    let loaded = load_with(&[&root.join("kustom/base/kustomization.yaml")], &Options::default()).unwrap();
    assert_eq!((loaded.objects.len(), loaded.findings.len()), (0, 1));
    let loaded = load_with(&[&root.join("chart/templates/pod.yaml")], &Options::default()).unwrap();
    assert!(loaded.findings[0].help[0].contains("helm template"));
}

/// Renders in a process of its own, which finds only these programs.
#[cfg(unix)]
fn render_with(programs: &[(&str, &str)], case: &str) {
    use std::os::unix::fs::PermissionsExt;
    let directory = TempDir::new().unwrap();
    let (path, root) = (directory.path().join("bin"), directory.path().join("root"));
    std::fs::create_dir_all(&path).unwrap();
    for (name, script) in programs {
        let file = path.join(name);
        std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    write_rendered(&root);
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "load::renderers_case", "--ignored", "--nocapture"])
        .env("PATH", &path)
        .env("NPV_TEST_CASE", case)
        .current_dir(&root)
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{case}: {text}");
}

#[cfg(unix)]
#[test]
fn renderers_are_run() {
    // `echo` is a builtin of the shell, so that nothing else need be on the path.
    let print = r#"echo "{kind: Pod, metadata: {name: \"$(echo "$0" | while IFS= read -r p; do echo "${p##*/}"; done) $*\"}}""#;
    render_with(&[("kubectl", print), ("kustomize", "exit 1"), ("helm", print)], "all");
    render_with(&[("kustomize", print)], "only kustomize");
    render_with(&[("kubectl", "echo first >&2; echo second >&2; exit 3"), ("helm", "exit 4")], "failures");
    render_with(&[("kubectl", "while :; do echo '# for ever and ever'; done"), ("helm", print)], "endless");
}

#[cfg(unix)]
#[test]
#[ignore = "run by `renderers_are_run`, with programs of its own"]
fn renderers_case() {
    let case = std::env::var("NPV_TEST_CASE").unwrap_or_default();
    let options = Options {
        render: true,
        helm: Helm { values: vec!["values.txt".into(), "more.txt".into()], ..Helm::default() },
        max_bytes: 100_000,
        ..Options::default()
    };
    let loaded = load_with(&[Path::new(".")], &options).unwrap();
    let (names, findings) = (names(&loaded), findings(&loaded));
    let kubectl = ["Pod/kubectl kustomize kustom/one", "Pod/kubectl kustomize kustom/two", "Pod/plain"];
    let helm = "Pod/helm template chart --values values.txt --values more.txt";
    match case.as_str() {
        "all" => {
            assert_eq!(names, [&[helm], &kubectl[..]].concat());
            assert_eq!(findings, Vec::<String>::new());
            let (_, chart) = loaded.sources.iter().next().unwrap();
            assert_eq!(chart.name(), "chart");
            let command = "helm template chart --values values.txt --values more.txt".to_owned();
            assert_eq!(*chart.origin(), Origin::Rendered { command });
        }
        "only kustomize" => {
            assert_eq!(
                names,
                ["Pod/kustomize build kustom/one", "Pod/kustomize build kustom/two", "Pod/plain"]
            );
            assert_eq!(findings, ["chart/Chart.yaml:1:1: `helm` cannot be found to render `chart`"]);
        }
        "failures" => {
            assert_eq!(names, ["Pod/plain"]);
            assert_eq!(
                findings,
                [
                    "chart/Chart.yaml:1:1: `helm template chart --values values.txt --values more.txt` failed: exit status: 4",
                    "kustom/one/kustomization.yml:1:1: `kubectl kustomize kustom/one` failed: first\nsecond",
                    "kustom/two/Kustomization:1:1: `kubectl kustomize kustom/two` failed: first\nsecond",
                ]
            );
        }
        "endless" => {
            assert_eq!(names, [helm, "Pod/plain"]);
            assert_eq!(findings[0], "kustom/one:1:1: left out: npv reads at most 0 MB in all");
        }
        other => panic!("no case `{other}`"),
    }
}
