//! Finding keys and values in the text of a manifest, for locations and edits that are finer than the
//! spans of the policy IR. Works on block and flow YAML and on JSON; what cannot be found is `None`,
//! never a guess.

use npv_models::diagnostic::Edit;
use npv_models::source::{SourceId, SourceMap, Span};
use npv_models::yaml::{Node, Value};

/// Where a key of a mapping stands, the first one in the container.
pub(super) fn key(sources: &SourceMap, container: Span, key: &str) -> Option<Span> {
    keys(sources, container, key).next()
}

/// Where the key stands whose value begins at or after it and ends with `value`: the nearest one before.
pub(super) fn key_before(sources: &SourceMap, value: Span, key: &str) -> Option<Span> {
    // Far enough for a long list, and bounded, so that one finding never scans a whole dump.
    const WINDOW: u32 = 64 * 1024;
    let text = sources.get(value.source)?.text();
    let mut start = value.start.saturating_sub(WINDOW);
    while start > 0 && !text.is_char_boundary(start as usize) {
        start -= 1;
    }
    keys(sources, Span::new(value.source, start, value.start), key).last()
}

/// Where a selector of a peer asks for a label: the label with its value, or its key in an expression.
pub(super) fn label(sources: &SourceMap, peer: Span, selector: &str, name: &str) -> Option<Span> {
    const SELECTORS: [&str; 2] = ["namespaceSelector", "podSelector"];
    let own = key(sources, peer, selector)?;
    let others = SELECTORS.iter().filter(|other| **other != selector);
    let next = others.filter_map(|other| key(sources, peer, other)).map(|span| span.start);
    let end = next.filter(|&start| start > own.start).min().unwrap_or(peer.end);
    label_within(sources, Span::new(peer.source, own.end, end), name)
}

/// Where a selector asks for a label, the first time.
pub(super) fn label_within(sources: &SourceMap, selector: Span, name: &str) -> Option<Span> {
    let word = words(sources, selector, name).next()?;
    let rest = Span::new(word.source, word.start, selector.end);
    Some(match value(sources, rest, name) {
        Some(value) if key(sources, rest, name) == Some(word) => word.to(value),
        _ => word,
    })
}

/// The key whose value starts here, so that a location is on the line of the key; the value itself where
/// something else stands between the two.
pub(super) fn with_key(sources: &SourceMap, value: Span, name: &str) -> Span {
    let Some(key) = key_before(sources, value, name) else { return value };
    let between = sources.slice(Span::new(key.source, key.end, value.start));
    let mut words = between.lines().map(|line| line.split_once('#').map_or(line, |(before, _)| before));
    let bare =
        |text: &str| text.chars().all(|char| char.is_whitespace() || matches!(char, ':' | '"' | '\'' | '-'));
    if words.all(bare) { key.to(value) } else { value }
}

/// The namespace that stands in the same `metadata` as a name, where it is this one.
pub(super) fn namespace_beside(sources: &SourceMap, name: Span, wanted: &str) -> Option<Span> {
    let rest = rest_of_object(sources, name);
    let after = key_with(sources, rest, "namespace", &[wanted]);
    let key = after.or_else(|| {
        let key = key_before(sources, name, "namespace")?;
        let between = sources.slice(Span::new(key.source, key.start, name.start));
        (!between.contains("---") && !between.contains("kind")).then_some(key)
    })?;
    let value = value(sources, Span::new(key.source, key.start, rest.end), "namespace")?;
    (sources.slice(value).trim_matches(['"', '\'']) == wanted).then(|| key.to(value))
}

/// What follows a place in the same object: up to the next document, or the next object of a list.
pub(super) fn rest_of_object(sources: &SourceMap, from: Span) -> Span {
    // An object of a policy is short; the bound keeps one finding from scanning a whole dump.
    const WINDOW: usize = 256 * 1024;
    let Some(source) = sources.get(from.source) else { return from };
    let text = source.text().get(from.end as usize..).unwrap_or_default();
    let mut end = text.len().min(WINDOW);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let text = text.get(..end).unwrap_or_default();
    let document = text.find("\n---").unwrap_or(end);
    let window = Span::new(from.source, from.end, from.end + document as u32);
    match key(sources, window, "apiVersion") {
        Some(next) => Span::new(from.source, from.end, next.start),
        None => window,
    }
}

/// Where a key stands that has one of some values, the first one in the container.
pub(super) fn key_with(sources: &SourceMap, container: Span, name: &str, values: &[&str]) -> Option<Span> {
    keys(sources, container, name).find(|key| {
        let rest = Span::new(container.source, key.start, container.end);
        value(sources, rest, name)
            .is_some_and(|value| values.contains(&sources.slice(value).trim_matches(['"', '\''])))
    })
}

/// The scalar that a key of a mapping has as its value, quotes included, the first one in the container.
pub(super) fn value(sources: &SourceMap, container: Span, name: &str) -> Option<Span> {
    let key = key(sources, container, name)?;
    let rest = sources.slice(Span::new(container.source, key.end, container.end));
    let colon = rest.find(':')? + 1;
    let after = rest.get(colon..)?;
    let start = colon + (after.len() - after.trim_start_matches([' ', '\t']).len());
    let scalar = rest.get(start..)?;
    let len = match scalar.chars().next()? {
        quote @ ('"' | '\'') => scalar.get(1..)?.find(quote)? + 2,
        '\n' | '\r' | '[' | '{' | '#' => return None,
        _ => {
            let line = scalar.split(['\n', '\r', ',', '}', ']']).next()?;
            line.split(" #").next()?.trim_end().len()
        }
    };
    let start = key.end + start as u32;
    Some(Span::new(container.source, start, start + len as u32))
}

/// The edit that appends an item to a list, in the list's own style.
pub(super) fn append(sources: &SourceMap, list: Span, item: &str) -> Option<Edit> {
    let text = sources.slice(list);
    if text.trim_start().starts_with('[') {
        let close = text.rfind(']')?;
        let inner = text.get(..close)?.trim_end();
        let item = if inner.contains('"') { format!("\"{item}\"") } else { item.to_owned() };
        let comma = if inner.ends_with('[') { "" } else { ", " };
        let at = list.start + inner.len() as u32;
        return Some(Edit { span: Span::new(list.source, at, at), replacement: format!("{comma}{item}") });
    }
    let source = sources.get(list.source)?.text();
    let line_start = source.get(..list.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
    let line = source.get(line_start..)?;
    let indent =
        line.find('-').filter(|&dash| line.get(..dash).is_some_and(|before| before.trim().is_empty()))?;
    let last = list.start as usize + text.trim_end().len();
    let end = line_end(source, last)?;
    let replacement = format!("\n{}- {item}", " ".repeat(indent));
    Some(Edit { span: Span::new(list.source, end as u32, end as u32), replacement })
}

/// The edit that adds a mapping to a list right after one of its items, in the item's own style.
pub(super) fn add_item_after(sources: &SourceMap, item: Span, entries: &[(&str, &str)]) -> Option<Edit> {
    let source = sources.get(item.source)?.text();
    let text = sources.slice(item).trim_end();
    let in_braces = text.starts_with('{');
    let quoted = text.strip_prefix('{').is_some_and(|inner| inner.trim_start().starts_with('"'));
    let line_start = source.get(..item.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
    let before = source.get(line_start..item.start as usize)?;
    let join = |quote: &str| {
        let pairs: Vec<String> = entries
            .iter()
            .map(|(key, value)| {
                let number = value.bytes().all(|byte| byte.is_ascii_digit());
                let value = if number { (*value).to_owned() } else { format!("{quote}{value}{quote}") };
                format!("{quote}{key}{quote}: {value}")
            })
            .collect();
        pairs
    };
    let flow = || format!("{{{}}}", join(if quoted { "\"" } else { "" }).join(", "));
    let last = item.start as usize + text.len();
    // A list in block style has the dash of the item alone on its line.
    if let Some(indent) = before.find('-').filter(|_| before.chars().all(|char| matches!(char, ' ' | '-'))) {
        let pad = " ".repeat(indent);
        let entry = if in_braces { flow() } else { join("").join(&format!("\n{pad}  ")) };
        let end = line_end(source, last)?;
        let span = Span::new(item.source, end as u32, end as u32);
        return Some(Edit { span, replacement: format!("\n{pad}- {entry}") });
    }
    in_braces.then(|| after_comma(source, item, last, &flow()))
}

/// The edit that adds a flow mapping to a flow list right after one of its items: on a line of its own where
/// that is, and as JSON where that is.
pub(super) fn add_flow_item_after(sources: &SourceMap, after: Span, item: &str) -> Option<Edit> {
    let source = sources.get(after.source)?.text();
    let text = sources.slice(after).trim_end();
    let inner = text.strip_prefix('{')?.trim_start();
    let before = source.get(..after.start as usize)?.trim_end();
    if !before.ends_with(['[', ',']) {
        return None;
    }
    let item = if inner.starts_with('"') { json(item)? } else { item.to_owned() };
    Some(after_comma(source, after, after.start as usize + text.len(), &item))
}

/// What comes after an item of a flow list that ends at `last`, on a line of its own if the item is.
fn after_comma(source: &str, item: Span, last: usize, text: &str) -> Edit {
    let before = source.get(..item.start as usize).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    let own_line = line.len() < before.len() && line.chars().all(|char| char == ' ');
    let end = line_end(source, last).unwrap_or(last);
    let rest = source.get(last..end).unwrap_or_default();
    let (comma, beside) = rest.strip_prefix(',').map_or(("", rest), |beside| (",", beside));
    // A comment beside the item stays there.
    if own_line && beside.trim_start().starts_with('#') {
        let span = Span::new(item.source, last as u32, end as u32);
        return Edit { span, replacement: format!(",{beside}\n{line}{text}{comma}") };
    }
    let apart = if own_line { format!("\n{line}") } else { " ".to_owned() };
    Edit { span: Span::new(item.source, last as u32, last as u32), replacement: format!(",{apart}{text}") }
}

/// The same as a piece of YAML on one line, as JSON.
fn json(yaml: &str) -> Option<String> {
    let documents = npv_models::yaml::read(SourceId(0), yaml, 0);
    match (documents.problems.as_slice(), documents.roots.as_slice()) {
        ([], [root]) => json_of(root),
        _ => None,
    }
}

fn json_of(node: &Node) -> Option<String> {
    Some(match &node.value {
        Value::Null => "null".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Str(text) => serde_json::to_string(text).ok()?,
        Value::Seq(items) => {
            let items: Option<Vec<String>> = items.iter().map(json_of).collect();
            format!("[{}]", items?.join(", "))
        }
        Value::Map(entries) => {
            let entries: Option<Vec<String>> = entries
                .iter()
                .map(|entry| {
                    Some(format!("{}: {}", serde_json::to_string(&entry.key).ok()?, json_of(&entry.value)?))
                })
                .collect();
            format!("{{{}}}", entries?.join(", "))
        }
    })
}

/// The edit that adds an item to a list right after one of its items, both in block style; `item` makes the
/// new one for dashes in some column.
pub(super) fn add_block_item_after(
    sources: &SourceMap,
    after: Span,
    item: impl FnOnce(usize) -> String,
) -> Option<Edit> {
    let source = sources.get(after.source)?.text();
    let line_start = source.get(..after.start as usize)?.rfind('\n').map_or(0, |at| at + 1);
    let before = source.get(line_start..after.start as usize)?;
    let indent = before.find('-').filter(|_| before.chars().all(|char| matches!(char, ' ' | '-')))?;
    let last = after.start as usize + sources.slice(after).trim_end().len();
    let end = line_end(source, last)?;
    let span = Span::new(after.source, end as u32, end as u32);
    Some(Edit { span, replacement: format!("\n{}", item(indent).trim_end()) })
}

/// The edit that adds an entry to a mapping right after the scalar value of another key.
pub(super) fn insert_after(
    sources: &SourceMap,
    container: Span,
    after: &str,
    name: &str,
    entry: &str,
) -> Option<Edit> {
    let key = key(sources, container, after)?;
    let value = value(sources, container, after)?;
    let mut at = Span::new(value.source, value.end, value.end);
    let replacement = match style(sources, key)? {
        Style::Block { indent } => {
            let end = line_end(sources.get(value.source)?.text(), value.end as usize)? as u32;
            at = Span::new(value.source, end, end);
            format!("\n{}{name}: {entry}", " ".repeat(indent))
        }
        Style::Flow { quoted: false, .. } => format!(", {name}: {entry}"),
        Style::Flow { quoted: true, .. } => format!(", \"{name}\": {}", json(entry)?),
    };
    Some(Edit { span: at, replacement })
}

/// The edit that adds an entry to a mapping right before one of its keys.
pub(super) fn insert_before_key(sources: &SourceMap, key: Span, name: &str, entry: &str) -> Option<Edit> {
    let start = start_of_key(sources.get(key.source)?.text(), key)? as u32;
    let replacement = match style(sources, key)? {
        Style::Block { indent } => format!("{name}: {entry}\n{}", " ".repeat(indent)),
        Style::Flow { quoted, indent } => {
            let entry =
                if quoted { format!("\"{name}\": {}", json(entry)?) } else { format!("{name}: {entry}") };
            let apart = indent.map_or_else(|| " ".to_owned(), |indent| format!("\n{}", " ".repeat(indent)));
            format!("{entry},{apart}")
        }
    };
    Some(Edit { span: Span::new(key.source, start, start), replacement })
}

/// The end of the line of an offset, before its line break: what is inserted there goes after a comment
/// that follows the value, not between the two.
fn line_end(text: &str, at: usize) -> Option<usize> {
    let end = text.get(at..)?.find('\n').map_or(text.len(), |after| at + after);
    Some(if text.get(..end)?.ends_with('\r') { end - 1 } else { end })
}

/// How the mapping is written that a key is in.
enum Style {
    /// One entry per line, this many columns in.
    Block { indent: usize },
    /// In braces: with the keys in quotes, as in JSON, and this many columns in where the key begins its line.
    Flow { quoted: bool, indent: Option<usize> },
}

fn style(sources: &SourceMap, key: Span) -> Option<Style> {
    let text = sources.get(key.source)?.text();
    let start = start_of_key(text, key)?;
    let before = text.get(..start)?;
    let line = before.rsplit('\n').next()?;
    let begins = line.chars().all(|char| matches!(char, ' ' | '-'));
    let quoted = start < key.start as usize;
    // On lines of their own, entries in braces have the brace or a comma before them.
    let above =
        before.lines().rev().map(|line| line.split_once(" #").map_or(line, |(before, _)| before).trim());
    let above = above.into_iter().find(|line| !line.is_empty() && !line.starts_with('#'));
    let in_braces = above.is_some_and(|above| above.ends_with(['{', ',']));
    Some(if begins && !in_braces {
        Style::Block { indent: line.len() }
    } else {
        Style::Flow { quoted, indent: begins.then_some(line.len()) }
    })
}

/// Where a key begins, its quote included.
fn start_of_key(text: &str, key: Span) -> Option<usize> {
    let before = text.get(..key.start as usize)?;
    Some(before.strip_suffix(['"', '\'']).unwrap_or(before).len())
}

/// Every place where the text is a word of its own and no comment, in the container.
pub(super) fn words<'a>(
    sources: &'a SourceMap,
    container: Span,
    word: &'a str,
) -> impl Iterator<Item = Span> + use<'a> {
    let text = sources.slice(container);
    let mut from = 0;
    std::iter::from_fn(move || {
        if word.is_empty() {
            return None;
        }
        loop {
            let at = from + text.get(from..)?.find(word)?;
            from = at + word.len();
            let before = text.get(..at)?.chars().next_back();
            let after = text.get(from..)?.chars().next();
            let apart = |char: Option<char>| {
                char.is_none_or(|char| !(char.is_alphanumeric() || matches!(char, '-' | '_' | '.' | '/')))
            };
            // `f:policyTypes` is how the server notes who wrote a field.
            if apart(before) && before != Some(':') && apart(after) && !in_comment(text, at) {
                let start = container.start + at as u32;
                return Some(Span::new(container.source, start, start + word.len() as u32));
            }
        }
    })
}

fn keys<'a>(sources: &'a SourceMap, container: Span, key: &'a str) -> impl Iterator<Item = Span> + use<'a> {
    words(sources, container, key).filter(move |span| {
        let rest = sources.slice(Span::new(container.source, span.end, container.end));
        let rest = rest.strip_prefix(['"', '\'']).unwrap_or(rest);
        rest.trim_start_matches([' ', '\t']).starts_with(':')
    })
}

/// Whether a `#` that starts a comment stands before the offset on its line.
fn in_comment(text: &str, at: usize) -> bool {
    let before = text.get(..at).unwrap_or_default();
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.starts_with('#') || line.contains(" #") || line.contains("\t#")
}

#[cfg(test)]
mod tests {
    use npv_models::source::Origin;

    use super::*;

    fn with(text: &str) -> (SourceMap, Span) {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", text, Origin::File).unwrap();
        (sources, Span::new(id, 0, text.len() as u32))
    }

    #[test]
    fn finds_values_in_block_flow_and_json() {
        for text in [
            "protocol: TCP\n# port: 1\nport: 80 # the Service's\nendPort: 90\n",
            "{protocol: TCP, endPort: 90, port: 80}",
            r#"{"protocol": "TCP", "port" : 80}"#,
        ] {
            let (sources, all) = with(text);
            let found = value(&sources, all, "port").unwrap();
            assert_eq!(sources.slice(found), "80", "in {text}");
        }
        let (sources, all) = with("port: 'http'\n");
        assert_eq!(sources.slice(value(&sources, all, "port").unwrap()), "'http'");
        let (sources, all) = with("from:\n  - port: 1\n");
        assert_eq!(value(&sources, all, "from"), None);
    }

    fn applied(text: &str, edit: &Edit) -> String {
        let mut text = text.to_owned();
        text.replace_range(edit.span.start as usize..edit.span.end as usize, &edit.replacement);
        text
    }

    #[test]
    fn edits_keep_the_style() {
        let text = "spec:\n  policyTypes:\n  - Ingress # only\n  egress: []\n";
        let (sources, all) = with(text);
        let at = text.find("- Ingress").unwrap() as u32;
        let list = Span::new(all.source, at, at + 9);
        let edit = append(&sources, list, "Egress").unwrap();
        let wanted = "spec:\n  policyTypes:\n  - Ingress # only\n  - Egress\n  egress: []\n";
        assert_eq!(applied(text, &edit), wanted);
        let egress = key(&sources, all, "egress").unwrap();
        let edit = insert_before_key(&sources, egress, "x", "[y]").unwrap();
        assert!(applied(text, &edit).ends_with("# only\n  x: [y]\n  egress: []\n"));

        for (text, wanted) in [
            ("[Ingress]", "[Ingress, Egress]"),
            ("[ ]", "[Egress ]"),
            (r#"["Ingress" ]"#, r#"["Ingress", "Egress" ]"#),
        ] {
            let (sources, all) = with(text);
            assert_eq!(applied(text, &append(&sources, all, "Egress").unwrap()), wanted);
        }
        for (text, wanted) in [
            ("{port: dns}", "{port: dns, protocol: UDP}"),
            ("  - port: dns\n", "  - port: dns\n    protocol: UDP\n"),
            (r#"{"port":"dns"}"#, r#"{"port":"dns", "protocol": "UDP"}"#),
        ] {
            let (sources, all) = with(text);
            let edit = insert_after(&sources, all, "port", "protocol", "UDP").unwrap();
            assert_eq!(applied(text, &edit), wanted);
        }
    }

    #[test]
    fn items_are_added_in_the_style_of_their_list() {
        let port = [("protocol", "TCP"), ("port", "53")];
        for (text, wanted) in [
            (
                "ports:\n  - protocol: UDP\n    port: 53 # DNS\n",
                "ports:\n  - protocol: UDP\n    port: 53 # DNS\n  - protocol: TCP\n    port: 53\n",
            ),
            (
                "ports:\n- {protocol: UDP, port: 53}\n",
                "ports:\n- {protocol: UDP, port: 53}\n- {protocol: TCP, port: 53}\n",
            ),
            (
                "ports: [{protocol: UDP, port: 53}]",
                "ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]",
            ),
            (
                r#"{"ports": [{"protocol": "UDP", "port": 53}]}"#,
                r#"{"ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}]}"#,
            ),
            (
                "{\"ports\": [\n  {\n    \"protocol\": \"UDP\",\n    \"port\": 53}\n]}",
                "{\"ports\": [\n  {\n    \"protocol\": \"UDP\",\n    \"port\": 53},\n  \
                 {\"protocol\": \"TCP\", \"port\": 53}\n]}",
            ),
        ] {
            let (sources, all) = with(text);
            let start = text
                .find("{p")
                .or(text.find("{\"protocol"))
                .or(text.find("{\n"))
                .or(text.find("protocol"))
                .unwrap();
            let end = text.find("53").unwrap() + 2;
            let end = if text[end..].starts_with('}') { end + 1 } else { end };
            let item = Span::new(all.source, start as u32, end as u32);
            let edit = add_item_after(&sources, item, &port).unwrap();
            assert_eq!(applied(text, &edit), wanted);
        }
    }

    #[test]
    fn entries_are_added_in_the_style_of_their_mapping() {
        for (text, wanted) in [
            ("a: 1\negress: []\n", "a: 1\nx: [z]\negress: []\n"),
            ("a:\n- egress: []\n", "a:\n- x: [z]\n  egress: []\n"),
            ("# b,\nc: 1  # d,\n\"egress\": []\n", "# b,\nc: 1  # d,\nx: [z]\n\"egress\": []\n"),
            ("{a: 1, egress: []}", "{a: 1, x: [z], egress: []}"),
            (
                "{\n  a: 1,  # one\n  # two\n  egress: []\n}",
                "{\n  a: 1,  # one\n  # two\n  x: [z],\n  egress: []\n}",
            ),
            ("{\"a\": 1, \"egress\": []}", "{\"a\": 1, \"x\": [\"z\"], \"egress\": []}"),
            ("{\n    \"egress\": []\n}", "{\n    \"x\": [\"z\"],\n    \"egress\": []\n}"),
        ] {
            let (sources, all) = with(text);
            let egress = key(&sources, all, "egress").unwrap();
            let edit = insert_before_key(&sources, egress, "x", "[z]").unwrap();
            assert_eq!(applied(text, &edit), wanted);
        }
    }

    #[test]
    fn mappings_are_added_to_lists_in_brackets() {
        let added = "{to: [{podSelector: {}}], ports: [{port: 53}]}";
        let as_json = r#"{"to": [{"podSelector": {}}], "ports": [{"port": 53}]}"#;
        for (text, wanted) in [
            ("[{to: []}]", format!("[{{to: []}}, {added}]")),
            ("[\n  {to: []}\n]", format!("[\n  {{to: []}},\n  {added}\n]")),
            ("[\n  {to: []},  # a\n]", format!("[\n  {{to: []}},  # a\n  {added},\n]")),
            ("[\n  {to: []}  # a\n]", format!("[\n  {{to: []}},  # a\n  {added}\n]")),
            ("[{\"to\": []}]", format!("[{{\"to\": []}}, {as_json}]")),
            ("[\n  {\n    \"to\": []\n  }\n]", format!("[\n  {{\n    \"to\": []\n  }},\n  {as_json}\n]")),
        ] {
            let (sources, all) = with(text);
            let (start, end) = (text.find('{').unwrap(), text.rfind('}').unwrap() + 1);
            let item = Span::new(all.source, start as u32, end as u32);
            assert_eq!(applied(text, &add_flow_item_after(&sources, item, added).unwrap()), wanted);
        }
        let (sources, all) = with("to: {a: {b: 1}}");
        assert!(add_flow_item_after(&sources, Span::new(all.source, 8, 14), added).is_none());
    }

    #[test]
    fn finds_the_nearest_key_before() {
        let (sources, _) = with("egress: []\nspec:\n  egress:\n    - to: []\n");
        let id = sources.iter().next().unwrap().0;
        let rule = sources.get(id).unwrap().text().find("to:").unwrap() as u32;
        let span = key_before(&sources, Span::new(id, rule, rule + 2), "egress").unwrap();
        assert_eq!(sources.get(id).unwrap().position(span.start).line, 3);
    }
}
