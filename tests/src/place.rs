//! Positions, recomputed from the texts: a snapshot alone would keep a wrong line number for ever.

use std::fs;
use std::path::Path;

use serde_json::Value;

/// The text that a place of npv's JSON covers, read from the file that it names. Lines and columns count
/// from 1, columns in code points; the end is one past the last character.
///
/// # Errors
/// The file cannot be read, or the place is not in it.
pub fn text_at(directory: &Path, place: &Value) -> Result<String, String> {
    let name = place.get("file").and_then(Value::as_str).ok_or("no file")?;
    let text = fs::read_to_string(directory.join(name)).map_err(|error| format!("{name}: {error}"))?;
    let number = |key: &str| {
        let number = place.get(key).and_then(Value::as_u64).filter(|number| *number > 0);
        number.map(|number| number as usize - 1).ok_or_else(|| format!("no {key}"))
    };
    let (line, column) = (number("line")?, number("column")?);
    let (end_line, end_column) = (number("endLine")?, number("endColumn")?);
    let lines: Vec<&str> = text.split('\n').collect();
    let mut covered = String::new();
    for index in line..=end_line {
        let characters: Vec<char> =
            lines.get(index).ok_or_else(|| format!("{name} has no line {}", index + 1))?.chars().collect();
        let from = if index == line { column } else { 0 };
        let to = if index == end_line { end_column } else { characters.len() };
        let part = characters.get(from..to);
        covered.extend(part.ok_or_else(|| format!("{name}:{} has no columns {from} to {to}", index + 1))?);
        if index < end_line {
            covered.push('\n');
        }
    }
    Ok(covered)
}
