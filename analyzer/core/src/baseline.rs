//! The findings that were there before: `npv check` speaks of what is new.
//!
//! An entry is a fingerprint with the number of findings that have it, and what a reader wants to know of them. It
//! survives moved lines, renamed files and reordered lists, because fingerprints do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use npv_models::diagnostic::Finding;
use npv_models::source::{SourceId, SourceMap, Span, decode};
use npv_models::yaml::{self, Node};
use serde_json::json;

use crate::config::{Invalid, Reader, from_here, whole};
use crate::lint::{self, Rule, STALE_BASELINE};
use crate::report::SCHEMA_VERSION;
use crate::snapshot::Snapshot;

/// The name of the file where none is configured.
pub const FILE: &str = "npv-baseline.json";

/// Findings with one fingerprint.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    rule: String,
    object: Option<String>,
    fingerprint: String,
    /// The file of the first of them, relative to the baseline's directory.
    file: String,
    message: String,
    count: usize,
    /// Where the entry stands in the baseline.
    at: (u32, u32),
}

/// A baseline with the file that it is in.
#[derive(Clone, Debug, Default)]
pub struct Baseline {
    path: PathBuf,
    text: String,
    entries: Vec<Entry>,
}

/// What becomes of findings in front of a baseline.
#[derive(Clone, Debug, Default)]
pub struct Compared {
    /// What is new, and the entries that are no longer true as one finding.
    pub findings: Vec<Finding>,
    /// What was there before.
    pub known: Vec<Finding>,
}

impl Baseline {
    /// Reads a baseline; `None` where there is no file.
    ///
    /// # Errors
    /// The file cannot be read, or is no baseline.
    pub fn read(path: &Path) -> Result<Option<Self>, Invalid> {
        let file = crate::load::display(path);
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Invalid::Unreadable { file, why: crate::load::reason(&error) }),
        };
        let (baseline, findings) = Self::of(path.to_owned(), decode(bytes).text);
        if findings.is_empty() {
            return Ok(Some(baseline));
        }
        let mut snapshot = Snapshot::default();
        baseline.adopt(&mut snapshot);
        Err(Invalid::Wrong { file, sources: snapshot.sources, findings })
    }

    /// The baseline that a file with this text is, and everything that is wrong with it.
    pub fn of(path: PathBuf, text: String) -> (Self, Vec<Finding>) {
        let documents = yaml::read(SourceId(0), &text, 0);
        let mut reader = Reader::default();
        reader.problems(documents.problems);
        let entries = match documents.roots.first() {
            Some(root) => read_root(&mut reader, root),
            None => Vec::new(),
        };
        (Self { path, text, entries }, reader.findings)
    }

    /// The baseline of some findings. What may not be silenced has no place in it.
    pub fn from_findings(path: PathBuf, findings: &[Finding], sources: &SourceMap) -> Self {
        let mut entries: BTreeMap<String, Entry> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| may_be_known(finding)) {
            let fingerprint = finding.fingerprint();
            let entry = entries.entry(fingerprint.clone()).or_insert_with(|| Entry {
                rule: finding.rule.to_owned(),
                object: finding.object.clone(),
                fingerprint,
                file: file_of(finding, sources, &path),
                message: finding.message.clone(),
                count: 0,
                at: (0, 0),
            });
            entry.count += 1;
        }
        let mut entries: Vec<Entry> = entries.into_values().collect();
        entries.sort();
        Self { path, text: String::new(), entries }
    }

    /// Adds the file to the texts of a snapshot, so that findings can be in it.
    pub fn adopt(&self, snapshot: &mut Snapshot) {
        snapshot.baseline = snapshot.adopt(crate::load::display(&self.path), self.text.clone());
    }

    /// Number of findings in it.
    pub fn len(&self) -> usize {
        self.entries.iter().map(|entry| entry.count).sum()
    }

    /// Whether there is no finding in it.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How often a finding was there before.
    pub fn count(&self, finding: &Finding) -> usize {
        if !may_be_known(finding) {
            return 0;
        }
        let fingerprint = finding.fingerprint();
        let entries = self.entries.iter().filter(|entry| entry.fingerprint == fingerprint);
        entries.map(|entry| entry.count).sum()
    }

    /// Takes out what was there before, as often as it was. `told` says whether the findings of a rule in a file
    /// would be among these, so that an entry without one is no longer true.
    pub fn compare(
        &self,
        findings: Vec<Finding>,
        source: Option<SourceId>,
        told: impl Fn(&Rule, &Path) -> bool,
    ) -> Compared {
        let mut left = self.budget();
        let (known, mut findings): (Vec<Finding>, Vec<Finding>) = findings.into_iter().partition(|finding| {
            let budget = may_be_known(finding).then(|| left.get_mut(&finding.fingerprint())).flatten();
            match budget {
                Some(count) if *count > 0 => {
                    *count -= 1;
                    true
                }
                _ => false,
            }
        });
        let stale: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| left.get(&entry.fingerprint).is_some_and(|count| *count > 0))
            .filter(|entry| self.told(entry, &told))
            .collect();
        findings.extend(source.and_then(|source| stale_finding(&stale, source)));
        Compared { findings, known }
    }

    /// The baseline without the entries that are no longer true.
    pub fn pruned(&self, findings: &[Finding], told: impl Fn(&Rule, &Path) -> bool) -> Self {
        let mut there: BTreeMap<String, usize> = BTreeMap::new();
        for finding in findings.iter().filter(|finding| may_be_known(finding)) {
            *there.entry(finding.fingerprint()).or_default() += 1;
        }
        let kept = |entry: &Entry| {
            let count = match there.get(&entry.fingerprint) {
                _ if !self.told(entry, &told) => entry.count,
                Some(count) => entry.count.min(*count),
                None => 0,
            };
            (count > 0).then(|| Entry { count, ..entry.clone() })
        };
        Self { entries: self.entries.iter().filter_map(kept).collect(), ..self.clone() }
    }

    /// The file's text: an entry on a line, so that changes of it can be read and merged.
    pub fn to_text(&self) -> String {
        let lines: Vec<String> = self
            .entries
            .iter()
            .map(|entry| {
                let mut line = serde_json::Map::new();
                line.insert("rule".to_owned(), json!(entry.rule));
                if let Some(object) = &entry.object {
                    line.insert("object".to_owned(), json!(object));
                }
                line.insert("file".to_owned(), json!(entry.file));
                line.insert("message".to_owned(), json!(entry.message));
                line.insert("fingerprint".to_owned(), json!(entry.fingerprint));
                line.insert("count".to_owned(), json!(entry.count));
                format!("  {}", serde_json::Value::Object(line))
            })
            .collect();
        let list = if lines.is_empty() { "[]".to_owned() } else { format!("[\n{}\n]", lines.join(",\n")) };
        format!("{{\"schemaVersion\": {SCHEMA_VERSION}, \"findings\": {list}}}\n")
    }

    fn budget(&self) -> BTreeMap<String, usize> {
        let mut budget: BTreeMap<String, usize> = BTreeMap::new();
        for entry in &self.entries {
            *budget.entry(entry.fingerprint.clone()).or_default() += entry.count;
        }
        budget
    }

    fn told(&self, entry: &Entry, told: impl Fn(&Rule, &Path) -> bool) -> bool {
        let directory = self.path.parent().unwrap_or(Path::new(""));
        // A rule that there is no more finds nothing any more.
        lint::rule(&entry.rule).is_none_or(|rule| told(rule, &directory.join(&entry.file)))
    }
}

/// Whether a baseline may have it: what is refused or not read is never old news.
fn may_be_known(finding: &Finding) -> bool {
    !finding.incomplete && lint::rule(finding.rule).is_some_and(Rule::may_be_silenced)
}

fn file_of(finding: &Finding, sources: &SourceMap, baseline: &Path) -> String {
    let source = finding.span().and_then(|span| sources.get(span.source));
    let name = source.map_or("", |source| source.name());
    let directory = whole(baseline.parent().unwrap_or(Path::new("")));
    crate::load::display(&from_here(&whole(Path::new(name)), &directory))
}

/// So many entries are named before the rest is only counted.
const NAMED: usize = 3;

fn stale_finding(stale: &[&Entry], source: SourceId) -> Option<Finding> {
    let (start, end) = stale.first()?.at;
    let named: Vec<String> = stale
        .iter()
        .take(NAMED)
        .map(|entry| match &entry.object {
            Some(object) => format!("`{}` of `{object}`", entry.rule),
            None => format!("`{}` in `{}`", entry.rule, entry.file),
        })
        .collect();
    let more = match stale.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let message = format!("the baseline has what is no longer found: {}{more}", named.join(", "));
    Some(
        STALE_BASELINE
            .finding(Span::new(source, start, end), message)
            .label("no longer there")
            .help("`npv baseline prune` removes such entries")
            .key("stale"),
    )
}

const KEYS: [&str; 6] = ["rule", "object", "file", "message", "fingerprint", "count"];

fn read_root(reader: &mut Reader, root: &Node) -> Vec<Entry> {
    let Some(fields) = reader.fields("", root, &["schemaVersion", "findings"], &["findings"]) else {
        return Vec::new();
    };
    let mut entries = Vec::new();
    for field in fields {
        if &*field.key == "schemaVersion" {
            if field.value.as_int() != Some(i64::from(SCHEMA_VERSION)) {
                let message = format!("this npv reads baselines of version {SCHEMA_VERSION}");
                reader.wrong("schemaVersion", field.value.span, message, "run `npv baseline write` again");
            }
            continue;
        }
        for (index, item) in reader.items("findings", &field.value).unwrap_or_default().iter().enumerate() {
            entries.extend(read_entry(reader, &format!("findings[{index}]"), item));
        }
    }
    entries
}

fn read_entry(reader: &mut Reader, path: &str, node: &Node) -> Option<Entry> {
    let fields = reader.fields(path, node, &KEYS, &["rule", "fingerprint", "file"])?;
    let mut entry = Entry {
        rule: String::new(),
        object: None,
        fingerprint: String::new(),
        file: String::new(),
        message: String::new(),
        count: 1,
        at: (node.span.start, node.span.end),
    };
    for field in fields {
        let path = format!("{path}.{}", field.key);
        if &*field.key == "count" {
            match field
                .value
                .as_int()
                .and_then(|count| usize::try_from(count).ok())
                .filter(|count| *count > 0)
            {
                Some(count) => entry.count = count,
                None => {
                    reader.wrong_type(&path, &field.value, "a number above 0", "write how many there are");
                }
            }
            continue;
        }
        let text = reader.text(&path, &field.value)?.to_owned();
        match &*field.key {
            "rule" => entry.rule = text,
            "object" => entry.object = Some(text),
            "file" => entry.file = text,
            "message" => entry.message = text,
            _ => entry.fingerprint = text,
        }
    }
    Some(entry)
}
