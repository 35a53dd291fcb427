//! `npv config show`: the settings in force, and where each comes from.

use std::io::{self, Write};

use npv_models::source::SourceMap;
use serde_json::{Value as Json, json};

use super::define::{From, Value};
use super::file::Configured;
use crate::report::{Ink, Page, visible};

/// A setting in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// `cluster.podCidrs`.
    pub path: String,
    /// The value as it would be written.
    pub value: Json,
    /// Who set it.
    pub from: From,
}

/// Every setting, in the order of the documentation.
pub fn rows(configured: &Configured) -> Vec<Row> {
    let mut rows = Vec::new();
    configured.config.rows("", From::Default, &mut rows);
    rows
}

/// `default`, `--pedantic`, `npv.yaml:3:9`.
fn origin(from: From, sources: &SourceMap) -> String {
    match from {
        From::Default => "default".to_owned(),
        From::Switch(name) => name.to_owned(),
        From::File(span) => sources.locate(span).map_or_else(String::new, |place| place.to_string()),
    }
}

/// Writes every setting on a line of its own, as YAML with its origin behind it.
///
/// # Errors
/// What the page's stream returns.
pub fn show(configured: &Configured, page: &mut Page<'_>) -> io::Result<()> {
    let sources = configured.sources();
    let rows = rows(configured);
    let lines: Vec<(String, String)> = rows
        .iter()
        .map(|row| (format!("{}: {}", row.path, flow(&row.value)), origin(row.from, &sources)))
        .collect();
    let width = lines.iter().map(|(line, _)| line.chars().count()).filter(|width| *width <= 60).max();
    let width = width.unwrap_or_default();
    for (line, origin) in lines {
        let origin = page.ink(Ink::Faint, format!("# {}", visible(&origin)));
        writeln!(page, "{:<width$}  {origin}", visible(&line))?;
    }
    Ok(())
}

/// The same for programs.
///
/// # Errors
/// What the page's stream returns.
pub fn show_json(configured: &Configured, page: &mut Page<'_>) -> io::Result<()> {
    let sources = configured.sources();
    let settings: Vec<Json> = rows(configured)
        .iter()
        .map(|row| json!({"key": row.path, "value": row.value, "from": origin(row.from, &sources)}))
        .collect();
    let file = configured.file.as_ref().map(|file| crate::load::display(file));
    let answer = json!({
        "schemaVersion": crate::report::SCHEMA_VERSION,
        "file": file,
        "settings": settings,
    });
    serde_json::to_writer_pretty(&mut *page, &answer).map_err(io::Error::from)?;
    writeln!(page)
}

/// A value in YAML's flow style.
fn flow(value: &Json) -> String {
    match value {
        Json::Null => "null".to_owned(),
        Json::String(text) => scalar(text),
        Json::Array(items) => format!("[{}]", items.iter().map(flow).collect::<Vec<_>>().join(", ")),
        Json::Object(entries) => {
            let entries: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}: {}", scalar(key), flow(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        Json::Bool(_) | Json::Number(_) => value.to_string(),
    }
}

/// A text, in quotes where YAML might take it for something else.
pub(super) fn scalar(text: &str) -> String {
    let plain = |char: char| char.is_ascii_alphanumeric() || matches!(char, '-' | '_' | '.' | '/' | '=');
    let starts = text.starts_with(|char: char| char.is_ascii_alphabetic());
    let word = matches!(
        text.to_ascii_lowercase().as_str(),
        "true" | "false" | "null" | "yes" | "no" | "on" | "off" | "y" | "n"
    );
    if starts && !word && text.chars().all(plain) { text.to_owned() } else { Json::from(text).to_string() }
}
