//! Edits that take an item out of a list, with what belongs to it: the dash or the comma, and the comments.
//! Where the text around is not as expected, there is no edit.

use npv_models::diagnostic::{Applicability, Edit, Finding};
use npv_models::source::{SourceMap, Span};

/// The edits that remove the item of a list that stands at `item`; a list that loses its last item becomes
/// `[]`. Comments beside the item, and right above it in its column, go with it.
pub fn item(sources: &SourceMap, item: Span) -> Option<Vec<Edit>> {
    let text = sources.get(item.source)?.text();
    let (start, end) = (item.start as usize, item.start as usize + sources.slice(item).trim_end().len());
    let ranges = match before(text, start)? {
        Before::Dash(dash) => block(text, dash, end)?,
        Before::Bracket(open) => flow(text, (open, true), start, end)?,
        Before::Comma(comma) => flow(text, (comma, false), start, end)?,
    };
    let edit = |(from, to, new): (usize, usize, &str)| Edit {
        span: Span::new(item.source, from as u32, to as u32),
        replacement: new.to_owned(),
    };
    Some(ranges.into_iter().map(edit).collect())
}

/// Makes of fixes that empty the place of a list's item such that remove the item: reading knows where an item
/// stands, but not what is around it.
pub fn widen(sources: &SourceMap, findings: &mut [Finding]) {
    for fix in findings.iter_mut().filter_map(|finding| finding.fix.as_mut()) {
        let [edit] = fix.edits.as_slice() else { continue };
        if edit.replacement.is_empty() && edit.span.start < edit.span.end {
            let edits = item(sources, edit.span);
            if edits.is_none() {
                fix.applicability = Applicability::DisplayOnly;
            }
            fix.edits = edits.unwrap_or_default();
        }
    }
}

/// What a list has right before an item.
enum Before {
    /// The dash of a block list.
    Dash(usize),
    /// The bracket that opens a flow list.
    Bracket(usize),
    /// The comma after the item before.
    Comma(usize),
}

fn before(text: &str, start: usize) -> Option<Before> {
    let mut head = text.get(..start)?.trim_end();
    // A comment may stand between the dash and what follows on the next line.
    let line = line_start(head, head.len());
    if let Some((dash, comment)) = head.get(line..)?.split_once('#')
        && !comment.is_empty()
        && dash.trim() == "-"
    {
        head = head.get(..line + dash.trim_end().len())?;
    }
    let at = head.len().checked_sub(1)?;
    match head.chars().next_back()? {
        '-' => Some(Before::Dash(at)),
        '[' => Some(Before::Bracket(at)),
        ',' => Some(Before::Comma(at)),
        _ => None,
    }
}

/// What to replace, by what.
type Ranges = Vec<(usize, usize, &'static str)>;

fn flow(text: &str, (before, first): (usize, bool), start: usize, end: usize) -> Option<Ranges> {
    let rest = text.get(end..)?;
    let close = end + (rest.len() - rest.trim_start().len());
    match (text.get(close..)?.chars().next()?, first) {
        (',', _) => {
            let after = text.get(close + 1..)?;
            Some(vec![(start, close + 1 + (after.len() - after.trim_start().len()), "")])
        }
        (']', true) => Some(vec![(before + 1, close, "")]),
        // The last item takes the comma before it.
        (']', false) => Some(vec![(before, end, "")]),
        _ => None,
    }
}

fn block(text: &str, dash: usize, end: usize) -> Option<Ranges> {
    let dash_line = line_start(text, dash);
    let indent = dash - dash_line;
    if !text.get(dash_line..dash)?.chars().all(|char| char == ' ') {
        // The list begins on the line of another one's dash.
        return None;
    }
    let mut last = line_end(text, end);
    if !is_blank_or_comment(text.get(end..last)?) {
        return None;
    }
    // Comments that are deeper than the dash are about the item; so are those right above it.
    while let Some(line) = line_at(text, last) {
        if comment_column(line).is_none_or(|column| column <= indent) {
            break;
        }
        last += line.len();
    }
    let mut first = dash_line;
    while first > 0 {
        let above = line_start(text, first - 1);
        if comment_column(text.get(above..first)?) != Some(indent) {
            break;
        }
        first = above;
    }
    let before = text.get(..first)?.lines().rev().find(|line| !is_blank_or_comment(line))?;
    let after = text.get(last..)?.lines().find(|line| !is_blank_or_comment(line)).unwrap_or_default();
    if is_sibling(after, indent) || is_sibling(before, indent) || columns(before) > indent {
        if last == text.len() && !text.ends_with('\n') {
            // No line break is left over at the end of the text.
            first = text.get(..first)?.trim_end_matches(['\n', '\r']).len();
        }
        return Some(vec![(first, last, "")]);
    }
    // The key whose list it was.
    let key_line = before.as_ptr() as usize - text.as_ptr() as usize;
    let key = before.split(" #").next()?.trim_end();
    let colon = key_line + key.strip_suffix(':').map(str::len)? + 1;
    Some(vec![(colon, colon, " []"), (first, last, "")])
}

fn line_start(text: &str, at: usize) -> usize {
    text.get(..at).and_then(|before| before.rfind('\n')).map_or(0, |at| at + 1)
}

/// The offset after the line break that ends the line.
fn line_end(text: &str, at: usize) -> usize {
    text.get(at..).and_then(|after| after.find('\n')).map_or(text.len(), |more| at + more + 1)
}

fn line_at(text: &str, at: usize) -> Option<&str> {
    text.get(at..line_end(text, at)).filter(|line| !line.is_empty())
}

fn columns(line: &str) -> usize {
    line.len() - line.trim_start_matches(' ').len()
}

fn is_blank_or_comment(line: &str) -> bool {
    let line = line.trim();
    line.is_empty() || line.starts_with('#')
}

/// The column of a line that is a comment and nothing else.
fn comment_column(line: &str) -> Option<usize> {
    line.trim_start_matches(' ').starts_with('#').then(|| columns(line))
}

/// Whether a line begins an item of the list with its dashes in this column.
fn is_sibling(line: &str, indent: usize) -> bool {
    let rest = line.get(indent..).unwrap_or_default();
    columns(line) == indent && (rest.starts_with("- ") || rest.trim_end() == "-")
}

#[cfg(test)]
mod tests {
    use npv_models::source::{Origin, SourceId};
    use npv_models::yaml::{Node, Value, read};

    use super::*;
    use crate::fix::edit::apply;

    fn applied(text: &str, edits: impl Fn(&SourceMap, SourceId) -> Option<Vec<Edit>>) -> Option<String> {
        let mut sources = SourceMap::default();
        let id = sources.add("a.yaml", text, Origin::File).unwrap();
        let edits = edits(&sources, id)?;
        apply(&sources, edits.iter()).and_then(|mut texts| texts.remove(&id))
    }

    /// The text without the item that begins with some words.
    fn without(text: &str, begins: &str) -> Option<String> {
        applied(text, |sources, id| {
            let roots = read(id, text, 0).roots;
            let mut spans = Vec::new();
            for root in &roots {
                items(root, &mut spans);
            }
            item(sources, *spans.iter().find(|span| sources.slice(**span).starts_with(begins)).unwrap())
        })
    }

    fn items(node: &Node, spans: &mut Vec<Span>) {
        for item in node.items() {
            spans.push(item.span);
            items(item, spans);
        }
        for entry in node.entries() {
            items(&entry.value, spans);
        }
    }

    const BLOCK: &str = "spec:
  ingress:
    # what web asks
    - from:
        - podSelector: {}  # all
      ports: [{port: 80}]
      # - {port: 81}
    # what jobs ask
    - ports:
        - port: 82

    -   # nobody knows
      ports:
      - port: 83
  egress: []
";

    #[test]
    fn block_items_go_with_their_comments() {
        let first = without(BLOCK, "from").unwrap();
        assert_eq!(first.lines().nth(2).unwrap(), "    # what jobs ask");
        assert!(
            first.starts_with("spec:\n  ingress:\n    # what jobs ask\n    - ports:\n        - port: 82\n\n")
        );
        let second = without(BLOCK, "ports:\n        - port: 82").unwrap();
        assert_eq!(second, BLOCK.replace("    # what jobs ask\n    - ports:\n        - port: 82\n", ""));
        let third = without(BLOCK, "ports:\n      - port: 83").unwrap();
        let tail = "    -   # nobody knows\n      ports:\n      - port: 83\n";
        assert_eq!(third, BLOCK.replace(tail, ""));
        let only = without(BLOCK, "podSelector").unwrap();
        assert!(only.contains("    - from: []\n      ports: [{port: 80}]\n"), "{only}");
        assert!(without(BLOCK, "port: 83").unwrap().contains("      ports: []\n  egress"));
    }

    #[test]
    fn flow_items_go_with_their_commas() {
        for (text, gone, wanted) in [
            ("a: [b, c, d]\n", "b", "a: [c, d]\n"),
            ("a: [b, c, d]\n", "c", "a: [b, d]\n"),
            ("a: [b, c, d]\n", "d", "a: [b, c]\n"),
            ("a: [ b ]\n", "b", "a: []\n"),
            ("a: [\n  b,\n  c,\n]\n", "c", "a: [\n  b,\n  ]\n"),
            ("{\"a\": [{\"b\": 1}, {\"c\": 2}]}", "{\"c", "{\"a\": [{\"b\": 1}]}"),
            ("{\"a\": [\n  {\"b\": 1},\n  {\"c\": 2}\n]}", "{\"b", "{\"a\": [\n  {\"c\": 2}\n]}"),
            ("a:\n- b", "b", "a: []\n"),
            ("a:\n- b\n- c", "c", "a:\n- b"),
            ("a: # why\n- b # this\nc: 1\n", "b", "a: [] # why\nc: 1\n"),
        ] {
            assert_eq!(without(text, gone).unwrap(), wanted, "{gone} of {text}");
        }
        assert_eq!(without("a:\n- - b\n", "b"), None);
        assert_eq!(without("a: [b # no\n, c]\n", "b"), None);
    }

    /// Every item of every list, in some styles: what is left is the same tree without it.
    #[test]
    fn nothing_but_the_item_is_gone() {
        fn strip(node: &Node, gone: Span) -> String {
            match &node.value {
                Value::Seq(items) => {
                    let kept = items.iter().filter(|item| item.span != gone).map(|item| strip(item, gone));
                    format!("[{}]", kept.collect::<Vec<_>>().join(","))
                }
                Value::Map(entries) => {
                    let kept =
                        entries.iter().map(|entry| format!("{}:{}", entry.key, strip(&entry.value, gone)));
                    format!("{{{}}}", kept.collect::<Vec<_>>().join(","))
                }
                value => format!("{value:?}"),
            }
        }
        let mut tried = 0;
        for text in [
            BLOCK,
            &BLOCK.replace('\n', "\r\n"),
            "a:\n- b: |\n    - c\n    # d\n- e: >-\n    f\n\n# g\n- h\n---\nx: [[1, 2], [3], {y: [4]}]\n",
            "- a\n- b:\n  - c\n  - d\n",
            "{\"a\": [1, [2, 3], {\"b\": [4, \"5,]\"]}]}",
        ] {
            let roots = read(SourceId(0), text, 0).roots;
            let mut spans = Vec::new();
            for root in &roots {
                items(root, &mut spans);
            }
            for span in spans {
                let Some(left) = applied(text, |sources, _| item(sources, span)) else { continue };
                let after = read(SourceId(0), &left, 0);
                assert!(after.problems.is_empty(), "{left}");
                let all =
                    |roots: &[Node], gone| roots.iter().map(|root| strip(root, gone)).collect::<Vec<_>>();
                let nothing = Span::new(SourceId(9), 0, 0);
                assert_eq!(all(&after.roots, nothing), all(&roots, span), "{left}");
                tried += 1;
            }
        }
        assert!(tried > 30, "only {tried}");
    }
}
