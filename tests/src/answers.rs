//! The answers that a scenario of the corpus must give, read with npv's own YAML reader.

use std::fs;
use std::path::{Path, PathBuf};

use npv_models::source::SourceId;
use npv_models::yaml::{Node, read};

/// One folder of the corpus.
#[derive(Debug)]
pub struct Scenario {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub path: PathBuf,
    /// The system, and what is planted in it.
    pub about: String,
    /// More arguments for every call of npv.
    pub args: Vec<String>,
    /// Exit status of `npv check`.
    pub status: i32,
    /// Single flows.
    pub flows: Vec<Flow>,
    /// Flows to Services and URLs.
    pub paths: Vec<NamedPath>,
    /// The complete connectivity; `None` where it is too large to list.
    pub reach: Option<Vec<Row>>,
    /// Connections of which some HTTP requests pass only.
    pub partial: Vec<Row>,
    /// What may pass besides, depending on something that no manifest shows.
    pub unknown: Vec<Row>,
    /// All findings at the default level.
    pub findings: Vec<Finding>,
    /// What it opens and closes as against another scenario.
    pub diff: Option<Diff>,
    /// What it would open and close if its staged policies were enforced; its base is the scenario itself.
    pub staged: Option<Diff>,
    /// Assertions, as `npv prove` takes them, and whether they hold.
    pub proofs: Vec<Proof>,
}

/// An assertion with its answer.
#[derive(Debug)]
pub struct Proof {
    /// The assertion.
    pub assertion: String,
    /// Whether it holds.
    pub holds: bool,
    /// Where it fails, the policy that decides the flow on either side, as `Kind/namespace/name`.
    pub by: Option<String>,
}

/// What a scenario opens and closes.
#[derive(Debug)]
pub struct Diff {
    /// The name of the scenario that it is compared with.
    pub base: String,
    /// What only this one allows.
    pub opened: Vec<Row>,
    /// What only the other one allows.
    pub closed: Vec<Row>,
}

/// Source, destination and traffic of a connection.
pub type Row = (String, String, String);

/// A flow with its verdict.
#[derive(Debug)]
pub struct Flow {
    /// The source, as `npv trace` takes it.
    pub from: String,
    /// The destination.
    pub to: String,
    /// `8080/tcp`.
    pub port: String,
    /// `allow` or `deny`.
    pub verdict: String,
    /// The line of the rule, or of the policy, that decided.
    pub decided: Option<Place>,
}

/// A flow to a Service or a URL, with its verdict.
#[derive(Debug)]
pub struct NamedPath {
    /// The source, as `npv trace` takes it.
    pub from: String,
    /// `svc/NAMESPACE/NAME:PORT` or a URL.
    pub to: String,
    /// `allow`, `deny` or `mixed`.
    pub verdict: String,
    /// The pods that it may end at, reached or not; `None` where that does not matter.
    pub backends: Option<Vec<String>>,
}

/// A line of a manifest, by a text that occurs in no other line of its file.
#[derive(Clone, Debug)]
pub struct Place {
    /// The file, relative to the manifests.
    pub file: String,
    /// The text.
    pub line: String,
}

/// A finding that must be there.
#[derive(Debug)]
pub struct Finding {
    /// The lint rule.
    pub rule: String,
    /// `Kind/namespace/name`.
    pub object: Option<String>,
    /// The primary line.
    pub at: Option<Place>,
    /// Parts of the message, a label or the help.
    pub says: Vec<String>,
}

/// All scenarios, by name.
///
/// # Errors
/// A folder cannot be read, or its answers are not of the form that `corpus/README.md` describes.
pub fn scenarios(corpus: &Path) -> Result<Vec<Scenario>, String> {
    let entries = fs::read_dir(corpus).map_err(|error| format!("{}: {error}", corpus.display()))?;
    let mut folders: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect();
    folders.sort();
    folders.iter().map(|path| scenario(path)).collect()
}

fn scenario(path: &Path) -> Result<Scenario, String> {
    let file = path.join("answers.yaml");
    let text = fs::read_to_string(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let documents = read(SourceId(0), &text, 0);
    let root = documents.roots.first().ok_or_else(|| format!("{}: empty", file.display()))?;
    let wrong = |what: &str| format!("{}: {what}", file.display());
    keys(
        root,
        &[
            "about",
            "situation",
            "args",
            "status",
            "flows",
            "reach",
            "partial",
            "unknown",
            "paths",
            "findings",
            "diff",
            "staged",
            "proofs",
        ],
    )
    .map_err(|key| wrong(&key))?;
    let status = root.get("status").and_then(Node::as_int).ok_or_else(|| wrong("no `status`"))?;
    let list = |key| root.get(key).map(Node::items).unwrap_or_default();
    let rows = |key| list(key).iter().map(row).collect::<Result<_, _>>().map_err(|what| wrong(&what));
    Ok(Scenario {
        name: path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default(),
        path: path.to_path_buf(),
        about: required(root, "about").map_err(|what| wrong(&what))?,
        args: list("args").iter().map(text_of).collect(),
        status: status as i32,
        flows: list("flows").iter().map(flow).collect::<Result<_, _>>().map_err(|what| wrong(&what))?,
        paths: list("paths").iter().map(path_of).collect::<Result<_, _>>().map_err(|what| wrong(&what))?,
        reach: root
            .get("reach")
            .map(|rows| rows.items().iter().map(row).collect::<Result<_, _>>())
            .transpose()
            .map_err(|what| wrong(&what))?,
        partial: rows("partial")?,
        unknown: rows("unknown")?,
        findings: list("findings")
            .iter()
            .map(finding)
            .collect::<Result<_, _>>()
            .map_err(|what| wrong(&what))?,
        diff: root.get("diff").map(diff).transpose().map_err(|what| wrong(&what))?,
        staged: root.get("staged").map(staged).transpose().map_err(|what| wrong(&what))?,
        proofs: list("proofs").iter().map(proof).collect::<Result<_, _>>().map_err(|what| wrong(&what))?,
    })
}

/// A misspelt key must not make an answer vanish.
fn keys(node: &Node, known: &[&str]) -> Result<(), String> {
    match node.entries().iter().find(|entry| !known.contains(&&*entry.key)) {
        Some(entry) => Err(format!("unknown key `{}`", entry.key)),
        None => Ok(()),
    }
}

fn text_of(node: &Node) -> String {
    node.as_str()
        .map_or_else(|| node.as_int().map_or_else(String::new, |number| number.to_string()), str::to_owned)
}

fn required(node: &Node, key: &str) -> Result<String, String> {
    node.get(key).map(text_of).filter(|text| !text.is_empty()).ok_or_else(|| format!("no `{key}`"))
}

fn diff(node: &Node) -> Result<Diff, String> {
    keys(node, &["base", "opened", "closed"])?;
    changes(node, required(node, "base")?)
}

fn staged(node: &Node) -> Result<Diff, String> {
    keys(node, &["opened", "closed"])?;
    changes(node, String::new())
}

fn changes(node: &Node, base: String) -> Result<Diff, String> {
    let rows = |key: &str| {
        let rows = node.get(key).ok_or_else(|| format!("no `{key}`"))?;
        rows.items().iter().map(row).collect::<Result<_, _>>()
    };
    Ok(Diff { base, opened: rows("opened")?, closed: rows("closed")? })
}

fn proof(node: &Node) -> Result<Proof, String> {
    keys(node, &["assertion", "holds", "by"])?;
    Ok(Proof {
        assertion: required(node, "assertion")?,
        holds: node.get("holds").and_then(Node::as_bool).ok_or("no `holds`")?,
        by: node.get("by").map(text_of),
    })
}

fn flow(node: &Node) -> Result<Flow, String> {
    keys(node, &["from", "to", "port", "verdict", "decided"])?;
    Ok(Flow {
        from: required(node, "from")?,
        to: required(node, "to")?,
        port: required(node, "port")?,
        verdict: required(node, "verdict")?,
        decided: node.get("decided").map(place).transpose()?,
    })
}

fn path_of(node: &Node) -> Result<NamedPath, String> {
    keys(node, &["from", "to", "verdict", "backends"])?;
    Ok(NamedPath {
        from: required(node, "from")?,
        to: required(node, "to")?,
        verdict: required(node, "verdict")?,
        backends: node.get("backends").map(|list| list.items().iter().map(text_of).collect()),
    })
}

fn place(node: &Node) -> Result<Place, String> {
    keys(node, &["file", "line", "context"])?;
    Ok(Place { file: required(node, "file")?, line: required(node, "line")? })
}

/// `SRC -> DST: TRAFFIC`, as text or as a mapping of one key.
fn row(node: &Node) -> Result<Row, String> {
    let (ends, traffic) = match (node.as_str(), node.entries()) {
        (Some(text), _) => {
            let (ends, traffic) = text.rsplit_once(": ").ok_or_else(|| format!("no traffic in `{text}`"))?;
            (ends.to_owned(), traffic.to_owned())
        }
        (None, [entry]) => (entry.key.to_string(), text_of(&entry.value)),
        _ => return Err("a row of `reach` is `SRC -> DST: TRAFFIC`".to_owned()),
    };
    let (src, dst) = ends.split_once(" -> ").ok_or_else(|| format!("no `->` in `{ends}`"))?;
    Ok((src.to_owned(), dst.to_owned(), traffic))
}

fn finding(node: &Node) -> Result<Finding, String> {
    keys(node, &["rule", "object", "at", "says", "also"])?;
    Ok(Finding {
        rule: required(node, "rule")?,
        object: node.get("object").map(text_of),
        at: node.get("at").map(place).transpose()?,
        says: node.get("says").map(|says| says.items().iter().map(text_of).collect()).unwrap_or_default(),
    })
}

impl Scenario {
    /// The number of the line that a place means.
    ///
    /// # Errors
    /// The file is not there, or the text is in none of its lines or in several.
    pub fn line(&self, place: &Place) -> Result<u64, String> {
        let path = self.path.join("manifests").join(&place.file);
        let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let lines: Vec<u64> = (1..)
            .zip(text.lines())
            .filter(|(_, line)| line.contains(&place.line))
            .map(|(number, _)| number)
            .collect();
        match lines.as_slice() {
            [line] => Ok(*line),
            lines => Err(format!("`{}` is in {} lines of {}", place.line, lines.len(), place.file)),
        }
    }
}
