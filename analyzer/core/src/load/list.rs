//! `List` objects: taken apart, so that the decoder sees single objects.

use npv_models::diagnostic::Finding;
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
    let Some(inherited) = Inherited::of(&node) else {
        each(match template_action(&node) {
            Some(span) => Err(unreadable(
                span,
                "this object contains template actions (`{{`): its values are not known",
                "render the chart first: `helm template CHART | npv check -`, or use `--render`",
            )),
            None => Ok(node),
        });
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

/// Where an object contains a template action that happens to be valid YAML, in a place where no other use of
/// `{{` is valid.
fn template_action(object: &Node) -> Option<Span> {
    let metadata = object.get("metadata");
    let names = [object.get("apiVersion"), object.get("kind")].into_iter();
    let names = names.chain(["name", "namespace"].map(|key| metadata?.get(key)));
    let labels = metadata.and_then(|metadata| metadata.get("labels")).map_or(&[][..], Node::entries);
    let values = names.flatten().chain(labels.iter().map(|entry| &entry.value));
    let mut actions = values.filter(|node| node.as_str().is_some_and(|text| text.contains("{{")));
    actions.next().map(|node| node.span)
}
