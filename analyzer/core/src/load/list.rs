//! `List` objects: taken apart, so that the decoder sees single objects.

use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::source::Span;
use npv_models::yaml::{Entry, Node, Value};

use super::unreadable;

/// What the items of a typed list such as `PodList` take from it where they do not say it themselves, as in the
/// answers of the API server.
#[derive(Clone, Debug)]
pub(super) struct Inherited {
    api_version: Option<Node>,
    kind: Option<Node>,
}

impl Inherited {
    /// What a list's items inherit; `None` where the object is no list. A list is what has a kind that ends in
    /// `List`, and items.
    pub(super) fn of(list: &Node) -> Option<Self> {
        let kind = list.get("kind")?;
        let of = kind.as_str()?.strip_suffix("List")?;
        match list.get("items").map(|items| &items.value) {
            Some(Value::Seq(_) | Value::Null) => {}
            None if of.is_empty() => {}
            _ => return None,
        }
        if of.is_empty() {
            return Some(Self { api_version: None, kind: None });
        }
        let item_kind = Node { value: Value::Str(of.into()), span: kind.span };
        Some(Self { api_version: list.get("apiVersion").cloned(), kind: Some(item_kind) })
    }

    /// Hands over the objects in an item of the list.
    pub(super) fn item(&self, mut item: Node, each: &mut dyn FnMut(Result<Node, Finding>)) {
        if let Value::Map(entries) = &mut item.value {
            for (key, value) in [("apiVersion", &self.api_version), ("kind", &self.kind)] {
                if let Some(value) = value
                    && !entries.iter().any(|entry| &*entry.key == key)
                {
                    entries.push(Entry { key: key.into(), key_span: value.span, value: value.clone() });
                }
            }
        }
        flatten(item, each);
    }
}

/// Hands over the objects in a document: itself, or the items of a list.
pub(super) fn flatten(node: Node, each: &mut dyn FnMut(Result<Node, Finding>)) {
    if let Some(misspelt) = misspelt_items(&node) {
        each(Err(unreadable(
            misspelt.key_span,
            format!("`{}` is not `items`: this list is read as one without any", misspelt.key),
            "write `items`",
        )));
        return;
    }
    if let Some(glued) = glued(&node) {
        each(Err(glued));
        return;
    }
    let Some(inherited) = Inherited::of(&node) else {
        each(Ok(node));
        return;
    };
    let Value::Map(entries) = node.value else {
        return;
    };
    let mut lists: Vec<Entry> = entries.into_iter().filter(|entry| &*entry.key == "items").collect();
    let last = lists.pop();
    for hidden in lists {
        each(Err(unreadable(
            hidden.key_span,
            "`items` occurs twice in this list, and only the last one counts",
            "move all items into one list",
        )));
    }
    if let Some(Entry { value: Node { value: Value::Seq(items), .. }, .. }) = last {
        for item in items {
            inherited.item(item, each);
        }
    }
}

/// The `Items` of a list: keys are read as they are written, so that what stands there reaches nobody.
fn misspelt_items(list: &Node) -> Option<&Entry> {
    let kind = list.get("kind")?.as_str()?;
    let entries = || list.entries().iter();
    if !kind.ends_with("List") || entries().any(|entry| &*entry.key == "items") {
        return None;
    }
    entries()
        .find(|entry| entry.key.eq_ignore_ascii_case("items") && matches!(entry.value.value, Value::Seq(_)))
}

/// What is wrong with a document that is two objects, because nothing separates them: their `apiVersion`, `kind` and
/// `metadata` are there twice.
fn glued(node: &Node) -> Option<Finding> {
    let entries = node.entries();
    let again = |key: &str| {
        let mut found = entries.iter().enumerate().filter(|(_, entry)| &*entry.key == key).map(|(at, _)| at);
        found.next()?;
        found.next()
    };
    let (second, _) = (again("apiVersion")?, again("kind")?);
    again("metadata")?;
    let first = entries.get(second.checked_sub(1)?)?;
    let next = entries.get(second)?;
    let start = next.key_span.start;
    let here = Span::new(next.key_span.source, start, start);
    let fix = |span, replacement: &str| Fix {
        description: "put `---` between the two objects".to_owned(),
        applicability: Applicability::Unsafe,
        edits: vec![Edit { span, replacement: replacement.to_owned() }],
        example: None,
    };
    let last = last_scalar(&first.value);
    if last.as_str().is_some_and(|text| text.ends_with("---")) {
        let end = last.span.end;
        let dashes = Span::new(last.span.source, end.saturating_sub(3), end);
        let finding = unreadable(
            dashes,
            "this line ends with `---`, which separates nothing there: two objects are read as one",
            "put the `---` on a line of its own",
        );
        return Some(finding.related(next.key_span, "the second object").fix(fix(dashes, "\n---")));
    }
    let finding = unreadable(
        next.key_span,
        "a second object begins here, and no `---` separates it from the one before",
        "put `---` on a line of its own between the two",
    );
    Some(finding.related(entries.first()?.key_span, "the first object").fix(fix(here, "---\n")))
}

/// The scalar that a value ends with.
fn last_scalar(node: &Node) -> &Node {
    let mut node = node;
    loop {
        let last = match &node.value {
            Value::Seq(items) => items.last(),
            Value::Map(entries) => entries.last().map(|entry| &entry.value),
            _ => None,
        };
        match last {
            Some(last) => node = last,
            None => return node,
        }
    }
}
