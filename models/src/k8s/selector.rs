//! Label selectors: `matchLabels` and `matchExpressions`.

use super::read::{Path, Reader, Unknown, clip, closest, fault, listing, replace};
use super::syntax;
use crate::space::{Operator, Requirement, Selector};
use crate::yaml::{Entry, Node, Value};

const OPERATORS: [Operator; 4] = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist];

/// Reads a selector. What is wrong with it is reported and left out of the result (S-44).
pub(super) fn read(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Selector {
    read_with(reader, path, node, syntax::label_key)
}

/// Reads a selector whose keys have a syntax of their own.
pub(super) fn read_with(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
    key: fn(&str) -> syntax::Checked,
) -> Selector {
    let [labels, expressions] =
        reader.fields(path, node, ["matchLabels", "matchExpressions"], Unknown::Refused(&[]));
    let mut requirements = Vec::new();
    let labels_path = path.field("matchLabels");
    for entry in labels.map_or(&[][..], |labels| reader.entries(&labels_path, &labels.value)) {
        let path = labels_path.field(&entry.key);
        if let Err(wrong) = key(&entry.key) {
            reader.malformed(&path, entry.key_span, &entry.key, wrong);
        }
        if let Some(value) = label_value(reader, &path, &entry.value) {
            requirements.push(Requirement::new(&*entry.key, Operator::In, [value]));
        }
    }
    let path = path.field("matchExpressions");
    for (index, item) in reader.list(&path, expressions).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "a requirement with neither key nor operator, which is invalid");
        } else {
            requirements.extend(requirement(reader, &path, item, key));
        }
    }
    Selector::new(requirements)
}

fn requirement(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
    check_key: fn(&str) -> syntax::Checked,
) -> Option<Requirement> {
    let before = reader.count();
    let [key, operator, values] =
        reader.fields(path, item, ["key", "operator", "values"], Unknown::Refused(&[]));
    if reader.count() > before && item.entries().is_empty() {
        return None;
    }
    let key = required(reader, path, item, "key", key).and_then(|entry| {
        let text = reader.text(&path.field("key"), &entry.value)?;
        if let Err(wrong) = check_key(text) {
            reader.malformed(&path.field("key"), entry.value.span, text, wrong);
        }
        Some(text)
    });
    let operator = required(reader, path, item, "operator", operator)
        .and_then(|entry| read_operator(reader, &path.field("operator"), &entry.value));
    let texts = read_values(reader, &path.field("values"), values);
    let path = path.field("values");
    let given = values.filter(|values| !matches!(&values.value.value, Value::Seq(items) if items.is_empty()));
    match (operator, given) {
        (Some(operator @ (Operator::In | Operator::NotIn)), None) => {
            let span = values.map_or(item.span, |values| values.value.span);
            let message = format!("`{}` needs at least one value", operator.name());
            reader.report(fault(reader.invalid(), &path, span, message));
        }
        (Some(operator @ (Operator::Exists | Operator::DoesNotExist)), Some(values)) => {
            let message = format!("`{}` takes no values", operator.name());
            let other = if operator == Operator::Exists { "In" } else { "NotIn" };
            let finding = fault(reader.invalid(), &path, values.value.span, message);
            reader.report(finding.help(format!("remove them, or use `{other}`")));
        }
        _ => {}
    }
    Some(Requirement::new(key?, operator?, texts))
}

fn required<'n>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
    name: &str,
    entry: Option<&'n Entry>,
) -> Option<&'n Entry> {
    if entry.is_none() {
        let message = format!("this requirement has no `{name}`");
        reader.report(fault(reader.invalid(), &path.field(name), item.span, message));
    }
    entry
}

fn read_operator(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<Operator> {
    let text = reader.text(path, node)?;
    let known = OPERATORS.into_iter().find(|operator| operator.name() == text);
    if known.is_none() {
        let names = OPERATORS.map(Operator::name);
        let message = format!("`{}` is none of the operators {}", clip(text), listing(&names));
        let finding = fault(reader.invalid(), path, node.span, message);
        reader.report(match closest(text, &names) {
            Some(name) => finding.help(format!("did you mean `{name}`?")).fix(replace(
                node.span,
                text,
                name,
                format!("write `{name}`"),
            )),
            None => finding,
        });
    }
    known
}

fn read_values(reader: &mut Reader<'_>, path: &Path<'_>, values: Option<&Entry>) -> Vec<Box<str>> {
    let mut texts = Vec::new();
    for (index, value) in reader.list(path, values).iter().enumerate() {
        let path = path.item(index);
        if value.is_null() {
            reader.null_item(&path, value, "the empty value");
        } else if let Some(text) = label_value(reader, &path, value) {
            texts.push(text.into());
        }
    }
    texts
}

fn label_value<'n>(reader: &mut Reader<'_>, path: &Path<'_>, node: &'n Node) -> Option<&'n str> {
    let text = reader.text(path, node)?;
    if let Err(wrong) = syntax::label_value(text)
        && !reader.placeholder(text, node.span)
    {
        reader.malformed(path, node.span, text, wrong);
    }
    Some(text)
}
