//! What runs npv elsewhere - action, template, hooks, plugin, image - as far as a machine without those services can
//! run it, and the page that describes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use npv_tests::npv::{binary, npv, root};
use serde_json::Value;

fn yaml(path: &str) -> Value {
    let text = fs::read_to_string(root().join(path)).unwrap();
    serde_yaml_ng::from_str(&text).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_else(|| panic!("no `{key}` in {value}"))
}

/// A repository with manifests in a directory whose name a shell would split, and `npv` on its PATH.
struct Workspace(tempfile::TempDir);

impl Workspace {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let deploy = directory.path().join("my deploy");
        fs::create_dir(&deploy).unwrap();
        for file in ["policies.yaml", "workloads.yaml"] {
            fs::copy(root().join("tests/fixtures/shop").join(file), deploy.join(file)).unwrap();
        }
        for folder in ["bin", "temp"] {
            fs::create_dir(directory.path().join(folder)).unwrap();
        }
        fs::copy(binary(), directory.path().join("bin/npv")).unwrap();
        Self(directory)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.path().join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// Runs a script as a CI does: in the repository, with an environment of its own.
    fn bash(&self, script: &str, environment: &BTreeMap<String, String>) -> Output {
        let path = format!("{}:{}", self.path().join("bin").display(), std::env::var("PATH").unwrap());
        Command::new("bash")
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.path())
            .env_clear()
            .env("PATH", path)
            .env("HOME", self.path())
            .envs(environment)
            .output()
            .unwrap()
    }
}

fn shown(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// Runs the step `check` of the action with inputs; the rest are its defaults.
fn action(workspace: &Workspace, inputs: &[(&str, &str)]) -> Output {
    let action = yaml("integrations/github/action.yml");
    let given: BTreeMap<&str, &str> = inputs.iter().copied().collect();
    let steps = action["runs"]["steps"].as_array().unwrap();
    let step = steps.iter().find(|step| step["id"] == "check").unwrap();
    let mut environment = BTreeMap::new();
    for (name, value) in step["env"].as_object().unwrap() {
        let value = value.as_str().unwrap();
        let input = value.strip_prefix("${{ inputs.").and_then(|rest| rest.strip_suffix(" }}")).unwrap();
        let default = action["inputs"][input]["default"].as_str().unwrap();
        environment.insert(name.clone(), (*given.get(input).unwrap_or(&default)).to_owned());
    }
    for (name, file) in
        [("RUNNER_TEMP", "temp"), ("GITHUB_OUTPUT", "outputs"), ("GITHUB_STEP_SUMMARY", "summary.md")]
    {
        environment.insert(name.to_owned(), workspace.path().join(file).display().to_string());
    }
    assert_eq!(step["shell"], "bash");
    let script = text(step, "run");
    assert!(!script.contains("${{"), "an input in a script is code: {script}");
    workspace.bash(script, &environment)
}

#[test]
fn the_action_checks_annotates_and_sums_up() {
    let workspace = Workspace::new();
    let npv = workspace.path().join("bin/npv").display().to_string();
    let run = action(&workspace, &[("npv", &npv), ("paths", "my deploy\n")]);
    let said = shown(&run);
    assert_eq!(run.status.code(), Some(1), "{said}");
    assert!(said.contains("::warning file=my deploy/policies.yaml,line="), "{said}");
    assert_eq!(workspace.read("outputs"), "status=1\nsarif=npv.sarif\n");
    assert!(workspace.read("summary.md").starts_with("### npv check: "));
    let sarif: Value = serde_json::from_str(&workspace.read("npv.sarif")).unwrap();
    let at = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    assert_eq!(at["uri"], "my%20deploy/policies.yaml");
    // What is asked for otherwise.
    let arguments = "--namespace\nshop\n--allow-incomplete";
    let inputs = [("npv", npv.as_str()), ("paths", "my deploy"), ("fail-on", "error"), ("sarif", "")];
    let run = action(&workspace, &[&inputs[..], &[("arguments", arguments)]].concat());
    assert_eq!(run.status.code(), Some(0), "{}", shown(&run));
    assert!(workspace.read("outputs").ends_with("status=0\nsarif=\n"));
    // An input is data: nothing in it is run or split.
    let hostile = "my deploy; touch owned\n$(touch owned)\n--format=json";
    let run = action(&workspace, &[("npv", &npv), ("paths", hostile)]);
    assert_eq!(run.status.code(), Some(2), "{}", shown(&run));
    assert!(!workspace.path().join("owned").exists());
}

#[test]
fn the_action_says_what_a_change_opens() {
    let workspace = Workspace::new();
    let npv = workspace.path().join("bin/npv").display().to_string();
    let script = "git init --quiet --initial-branch main; printf 'bin\\ntemp\\n' > .gitignore; git add --all; \
                  git -c user.name=team -c user.email=team@example.com commit --quiet --message 'a shop'";
    let made = workspace.bash(script, &BTreeMap::new());
    assert!(made.status.success(), "{}", shown(&made));
    let open = "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: open, namespace: data}\nspec: \
                {podSelector: {matchLabels: {app: db}}, policyTypes: [Ingress], ingress: [{ports: [{port: 5432}]}]}\n";
    fs::write(workspace.path().join("my deploy/open.yaml"), open).unwrap();
    let inputs = [("npv", npv.as_str()), ("paths", "my deploy"), ("fail-on", "never"), ("base", "main")];
    let run = action(&workspace, &inputs);
    assert_eq!(run.status.code(), Some(0), "{}", shown(&run));
    let summary = workspace.read("summary.md");
    assert!(summary.contains("### npv diff: ") && summary.contains("`NetworkPolicy/data/open`"), "{summary}");
    let gate = [&inputs[..], &[("fail-on-opened", "cross-namespace,to:shop/web\nfrom:internet\n")]].concat();
    let run = action(&workspace, &gate);
    assert_eq!(run.status.code(), Some(1), "{}", shown(&run));
    assert!(
        shown(&run).contains("that `--fail-on-opened=cross-namespace,to:shop/web` or"),
        "{}",
        shown(&run)
    );
    assert!(workspace.read("outputs").ends_with("status=1\nsarif=npv.sarif\n"));
    let run = action(&workspace, &[&inputs[..3], &[("base", "no; touch owned")]].concat());
    assert_eq!(run.status.code(), Some(2), "{}", shown(&run));
    assert!(!workspace.path().join("owned").exists());
}

#[test]
fn the_action_is_one() {
    let action = yaml("integrations/github/action.yml");
    assert_eq!(action["runs"]["using"], "composite");
    let whole = fs::read_to_string(root().join("integrations/github/action.yml")).unwrap();
    for (name, input) in action["inputs"].as_object().unwrap() {
        assert!(text(input, "description").len() > 10, "{name}");
        assert!(whole.contains(&format!("inputs.{name}")), "`{name}` is not used");
    }
    let steps = action["runs"]["steps"].as_array().unwrap();
    let build = steps.iter().find(|step| step["name"] == "Build npv").unwrap();
    let script = text(build, "run");
    // The directory of the action, two up, is the top of the sources.
    assert_eq!(build["env"]["NPV_SOURCES"], "${{ github.action_path }}/../..");
    assert!(root().join("integrations/github/../../Cargo.toml").exists());
    assert!(script.contains("--path analyzer/cli") && root().join("analyzer/cli/Cargo.toml").exists());
    assert!(fs::read_to_string(root().join(".cargo/config.toml")).unwrap().contains("xtask ="));
    for step in steps {
        let script = step["run"].as_str().unwrap_or_default();
        let parsed = Command::new("bash").args(["-n", "-c", script]).output().unwrap();
        assert!(parsed.status.success(), "{}", shown(&parsed));
    }
}

#[test]
fn the_template_writes_the_reports_that_it_names() {
    let job = &yaml("integrations/gitlab/npv.gitlab-ci.yml")["npv"];
    let workspace = Workspace::new();
    fs::rename(workspace.path().join("my deploy"), workspace.path().join("deploy")).unwrap();
    let mut variables: BTreeMap<String, String> = job["variables"]
        .as_object()
        .unwrap()
        .iter()
        .map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned()))
        .collect();
    variables.insert("NPV_PATHS".to_owned(), "deploy".to_owned());
    let script: Vec<&str> = job["script"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    let run = workspace.bash(&script.join("\n"), &variables);
    assert_eq!(run.status.code(), Some(1), "{}", shown(&run));
    assert!(shown(&run).contains("--> deploy/policies.yaml:"), "{}", shown(&run));
    let reports = &job["artifacts"]["reports"];
    let quality: Value = serde_json::from_str(&workspace.read(text(reports, "codequality"))).unwrap();
    assert_eq!(quality[0]["location"]["path"], "deploy/policies.yaml");
    assert!(workspace.read(text(reports, "junit")).contains("<testsuites name=\"npv\""));
    // Reports of a job that failed are what it is for.
    assert_eq!(job["artifacts"]["when"], "always");
    variables.insert("NPV_ARGUMENTS".to_owned(), "--fail-on error".to_owned());
    assert_eq!(workspace.bash(&script.join("\n"), &variables).status.code(), Some(0));
}

#[test]
fn the_hooks_run() {
    let hooks = yaml(".pre-commit-hooks.yaml");
    let hooks = hooks.as_array().unwrap();
    assert!(hooks.len() >= 2);
    for hook in hooks {
        let id = text(hook, "id");
        for key in ["name", "description", "entry", "language", "files"] {
            assert!(!text(hook, key).is_empty(), "{id} has no {key}");
        }
        assert_eq!(
            (text(hook, "language"), &hook["pass_filenames"]),
            ("system", &Value::Bool(false)),
            "{id}"
        );
        let workspace = Workspace::new();
        let entry = format!("{} 'my deploy'", text(hook, "entry"));
        let run = workspace.bash(&entry, &BTreeMap::new());
        assert_eq!(run.status.code(), Some(1), "{id}: {}", shown(&run));
    }
}

#[test]
fn the_manifest_of_the_plugin_fits_its_archive() {
    let workspace = Workspace::new();
    fs::copy(root().join("LICENSE"), workspace.path().join("LICENSE")).unwrap();
    let script = root().join("integrations/krew/manifest.sh").display().to_string();
    let pack = "cp bin/npv kubectl-npv && tar -czf npv-linux-amd64.tar.gz kubectl-npv LICENSE \
                && cp npv-linux-amd64.tar.gz npv-darwin-arm64.tar.gz";
    let packed = workspace.bash(pack, &BTreeMap::new());
    assert!(packed.status.success(), "{}", shown(&packed));
    let print = format!(
        "sh '{script}' 0.1.0 https://example.com/v0.1.0 npv-linux-amd64.tar.gz npv-darwin-arm64.tar.gz"
    );
    let printed = workspace.bash(&print, &BTreeMap::new());
    assert!(printed.status.success(), "{}", shown(&printed));
    let manifest: Value = serde_yaml_ng::from_str(&shown(&printed)).unwrap();
    assert_eq!(manifest["apiVersion"], "krew.googlecontainertools.github.com/v1alpha2");
    assert_eq!((text(&manifest, "kind"), text(&manifest["metadata"], "name")), ("Plugin", "npv"));
    let spec = &manifest["spec"];
    assert_eq!(spec["version"], "v0.1.0");
    // krew refuses a longer one.
    assert!(text(spec, "shortDescription").len() <= 50);
    let platforms = spec["platforms"].as_array().unwrap();
    assert_eq!(platforms.len(), 2);
    assert_eq!(platforms[1]["selector"]["matchLabels"], serde_json::json!({"os": "darwin", "arch": "arm64"}));
    let sum = workspace.bash("sha256sum npv-linux-amd64.tar.gz", &BTreeMap::new());
    for platform in platforms {
        assert!(text(platform, "uri").starts_with("https://example.com/v0.1.0/npv-"));
        assert!(shown(&sum).starts_with(&format!("{} ", text(platform, "sha256"))));
        assert_eq!(platform["bin"], "kubectl-npv");
    }
    let wrong = workspace.bash(
        &format!("cp npv-linux-amd64.tar.gz other.tar.gz; sh '{script}' 1 u other.tar.gz"),
        &BTreeMap::new(),
    );
    assert_eq!(wrong.status.code(), Some(1), "{}", shown(&wrong));
}

#[test]
fn the_image_is_made_of_what_there_is() {
    let file = fs::read_to_string(root().join("integrations/docker/Dockerfile")).unwrap();
    let manifest = fs::read_to_string(root().join("analyzer/cli/Cargo.toml")).unwrap();
    let mut instructions: Vec<String> = Vec::new();
    for line in file.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        match instructions.last_mut() {
            Some(last) if last.ends_with('\\') => {
                last.pop();
                last.push_str(line.trim());
            }
            _ => instructions.push(line.to_owned()),
        }
    }
    let known = ["FROM", "ARG", "RUN", "WORKDIR", "COPY", "USER", "ENTRYPOINT"];
    for instruction in &instructions {
        let (word, rest) = instruction.split_once(' ').unwrap();
        assert!(known.contains(&word), "{instruction}");
        if word == "RUN" {
            let parsed = Command::new("sh").args(["-n", "-c", rest]).output().unwrap();
            assert!(parsed.status.success(), "{instruction}: {}", shown(&parsed));
        }
    }
    // The binary needs the C library that it was linked with.
    let bases = instructions.iter().filter_map(|line| line.strip_prefix("FROM ")?.split(' ').next());
    let releases: BTreeSet<&str> =
        bases.filter_map(|base| base.rsplit(['-', ':']).find(|word| *word != "slim")).collect();
    assert_eq!(releases.len(), 1, "{releases:?}");
    let feature = file.split("ARG FEATURES=").nth(1).and_then(|rest| rest.lines().next()).unwrap();
    assert!(manifest.contains(&format!("\n{feature} = [")), "no feature `{feature}`");
    let copied = instructions.iter().filter_map(|line| line.strip_prefix("COPY --from=build /npv/"));
    let copied: BTreeSet<&str> = copied.filter_map(|rest| rest.split_whitespace().next()).collect();
    assert_eq!(copied, BTreeSet::from(["target/release/npv", "man/", "LICENSE"]));
    assert_eq!(instructions.last().unwrap(), "ENTRYPOINT [\"npv\"]");
    // The command that fills `man/` is one.
    let directory = tempfile::tempdir().unwrap();
    assert_eq!(npv(directory.path(), ["man", "man"]).status, 0);
    assert!(directory.path().join("man/npv.1").exists());
}

/// The fenced blocks of a page in one language.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{language}") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

#[test]
fn the_examples_of_the_page_fit_what_they_use() {
    let page = fs::read_to_string(root().join("docs/ci.md")).unwrap();
    let examples: Vec<Value> =
        blocks(&page, "yaml").iter().map(|block| serde_yaml_ng::from_str(block).unwrap()).collect();
    let [workflow, include, hooks] = examples.as_slice() else { panic!("{} examples", examples.len()) };
    let action = yaml("integrations/github/action.yml");
    let steps = workflow["jobs"]["npv"]["steps"].as_array().unwrap();
    let own = steps.iter().find(|step| text(step, "uses").contains("/npv/integrations/github@")).unwrap();
    for input in own["with"].as_object().unwrap().keys() {
        assert!(action["inputs"].get(input).is_some(), "the action has no input `{input}`");
    }
    let upload = steps.iter().find(|step| text(step, "uses").contains("upload-sarif")).unwrap();
    assert_eq!(upload["with"]["sarif_file"], action["inputs"]["sarif"]["default"]);
    assert_eq!(upload["if"], "always()");
    assert!(root().join(text(&include["include"][0], "file")).exists());
    let template = yaml("integrations/gitlab/npv.gitlab-ci.yml");
    for variable in include["npv"]["variables"].as_object().unwrap().keys() {
        assert!(template["npv"]["variables"].get(variable).is_some(), "the template has no `{variable}`");
    }
    let known = yaml(".pre-commit-hooks.yaml");
    for hook in hooks["repos"][0]["hooks"].as_array().unwrap() {
        assert!(known.as_array().unwrap().iter().any(|other| other["id"] == hook["id"]), "{hook}");
    }
    // Every format of `npv check` has a row, and every row is one.
    let wrong = npv(&root(), ["check", "--format", "csv", "."]).stderr;
    let formats = wrong.split("use one of ").nth(1).unwrap().trim();
    let formats: BTreeSet<String> = formats.split(", ").map(|format| format!("`{format}`")).collect();
    let table = page.lines().skip_while(|line| !line.starts_with("| format |")).skip(2);
    let rows = table.take_while(|line| line.starts_with('|')).filter_map(|row| row.split(" | ").next());
    let rows: BTreeSet<String> = rows.map(|row| row.trim_start_matches("| ").to_owned()).collect();
    assert_eq!(rows, formats);
}
