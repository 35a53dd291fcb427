//! Whom `from` and `to` mean.

use std::net::IpAddr;

use npv_models::diagnostic::clip;
use npv_models::k8s::syntax;
use npv_models::policy::{NamespaceSelector, PodSelector};
use npv_models::space::{IpSet, Operator, Requirement, Selector};
use npv_models::yaml::{Entry, Node, Value};

use super::decode::{Mistakes, guess, listing};
use super::{Ends, NAME_LABEL, Part, Who};
use crate::query::name;

const FIELDS: [&str; 4] = ["namespace", "namespaces", "pods", "nodes"];
const OPERATORS: [Operator; 4] = [Operator::In, Operator::NotIn, Operator::Exists, Operator::DoesNotExist];
const ANY_POD: &str = "any-pod";
const ANYBODY: &str = "anybody";

/// Reads `from` or `to`. `None` where nothing of it could be read.
pub(super) fn read(field: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Ends> {
    let items = match &node.value {
        Value::Seq(items) if items.is_empty() => {
            let message = format!("`{field}` lists nobody");
            mistakes.add(node.span, message, format!("write `{field}: any-pod`, or whom you mean"), field);
            return None;
        }
        Value::Seq(items) => items.as_slice(),
        _ => std::slice::from_ref(node),
    };
    let parts: Vec<Part> = items
        .iter()
        .filter_map(|item| Some(Part { who: who(field, item, mistakes)?, span: item.span }))
        .collect();
    (!parts.is_empty()).then_some(Ends { parts, span: node.span })
}

fn who(field: &str, node: &Node, mistakes: &mut Mistakes) -> Option<Who> {
    match &node.value {
        Value::Str(text) => word(field, node, text, mistakes),
        Value::Map(entries) => selectors(field, node, entries, mistakes),
        _ => {
            let message = format!("`{field}` is {}, which means nobody", node.kind());
            let help = "write `any-pod`, `internet`, an address, a block, `namespace/name`, or `{namespace: .., pods: ..}`";
            mistakes.add(node.span, message, help, field);
            None
        }
    }
}

/// A word, an address, a block or a name.
fn word(field: &str, node: &Node, text: &str, mistakes: &mut Mistakes) -> Option<Who> {
    match text {
        ANY_POD => return Some(Who::any_pod()),
        ANYBODY => return Some(Who::Anybody),
        "internet" => return Some(Who::Addresses(name::internet())),
        "*" => {
            let message = format!("`*` is not somebody that `{field}` can mean");
            mistakes.instead(node.span, message, ANY_POD, field);
            return None;
        }
        _ => {}
    }
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(Who::Addresses(IpSet::single(address)));
    }
    if name::looks_like_address(text) {
        let wrong = match syntax::cidr(text) {
            Ok(block) => return Some(Who::Addresses(IpSet::net(block))),
            Err(wrong) => wrong,
        };
        let message = format!("`{}` {}", clip(text), wrong.why);
        if let Some(instead) = wrong.instead {
            mistakes.instead(node.span, message, instead, field);
        } else {
            let help = "write it like `10.0.0.1`, `10.0.0.0/8`, `fd00::1` or `fd00::/8`";
            mistakes.add(node.span, message, help, field);
        }
        return None;
    }
    if !text.contains('/') {
        let message = format!("`{}` is nobody that `{field}` can mean", clip(text));
        if let Some(meant) = guess(&text.replace(['_', ' '], "-"), &[ANY_POD, ANYBODY, "internet"]) {
            mistakes.instead(node.span, message, meant, field);
        } else {
            let help = format!(
                "write `namespace/{0}` for a workload, or `{{namespace: {0}}}` for a namespace",
                clip(text)
            );
            mistakes.add(node.span, message, help, field);
        }
        return None;
    }
    Some(Who::Named(text.into()))
}

/// Selectors of namespaces, pods or nodes.
fn selectors(field: &str, node: &Node, entries: &[Entry], mistakes: &mut Mistakes) -> Option<Who> {
    let before = mistakes.findings.len();
    mistakes.entries(field, entries, &format!("`{field}`"), &FIELDS);
    let get = |name: &str| node.get(name).filter(|value| !value.is_null());
    if entries.is_empty() {
        let message = format!("`{field}` says nothing");
        mistakes.add(node.span, message, format!("write `{field}: any-pod` if you mean every pod"), field);
        return None;
    }
    if let Some(nodes) = get("nodes") {
        let labels = selector(&format!("{field}.nodes"), nodes, mistakes);
        if let Some(other) =
            entries.iter().find(|entry| &*entry.key != "nodes" && FIELDS.contains(&&*entry.key))
        {
            let message = format!("`{field}` has `nodes` and `{}`: nodes are in no namespace", other.key);
            mistakes.add(
                other.key_span,
                message,
                "write a list with an item for each: `[{nodes: ..}, {pods: ..}]`",
                field,
            );
        }
        return (mistakes.findings.len() == before).then_some(Who::Nodes(labels));
    }
    let namespaces = match (get("namespace"), node.get("namespaces")) {
        (Some(_), Some(_)) => {
            let at = entries.iter().find(|entry| &*entry.key == "namespaces");
            let message = format!("`{field}` has both `namespace` and `namespaces`");
            let help = "keep `namespace` for one by its name, or `namespaces` for some by their labels";
            mistakes.add(at.map_or(node.span, |entry| entry.key_span), message, help, field);
            NamespaceSelector::Labels(Selector::EVERYTHING)
        }
        (Some(name), None) => NamespaceSelector::Named(namespace(field, name, mistakes).into()),
        (None, Some(labels)) => {
            NamespaceSelector::Labels(selector(&format!("{field}.namespaces"), labels, mistakes))
        }
        (None, None) => NamespaceSelector::Labels(Selector::EVERYTHING),
    };
    let pods =
        get("pods").map_or(Selector::EVERYTHING, |pods| selector(&format!("{field}.pods"), pods, mistakes));
    (mistakes.findings.len() == before).then_some(Who::Pods(PodSelector { namespaces, pods }))
}

fn namespace<'n>(field: &str, node: &'n Node, mistakes: &mut Mistakes) -> &'n str {
    let field = format!("{field}.namespace");
    let Some(text) = mistakes.text(&field, node, "the name of a namespace") else { return "" };
    if text == "*" {
        let message = "`namespace` is one namespace by its name, not `*`";
        mistakes.add(node.span, message, "leave it out: pods of every namespace are meant then", &field);
    } else if let Err(wrong) = syntax::dns_label(text) {
        let message = format!("the name of a namespace {}", wrong.why);
        match wrong.instead {
            Some(instead) => mistakes.instead(node.span, message, instead, &field),
            None => mistakes.add(node.span, message, "write the name of a namespace", &field),
        }
    }
    text
}

/// A label selector: `{app: web, tier: "*"}`, `{app: [web, api]}`, `matchLabels` and `matchExpressions`; of
/// namespaces also a list of names.
fn selector(field: &str, node: &Node, mistakes: &mut Mistakes) -> Selector {
    match &node.value {
        Value::Null => Selector::EVERYTHING,
        Value::Map(entries) => {
            let long = |entry: &Entry| matches!(&*entry.key, "matchLabels" | "matchExpressions");
            let mut requirements = Vec::new();
            if entries.iter().any(long) {
                mistakes.entries(field, entries, &format!("`{field}`"), &["matchLabels", "matchExpressions"]);
                if let Some(labels) = node.get("matchLabels").filter(|labels| !labels.is_null()) {
                    requirements.extend(labels_of(&format!("{field}.matchLabels"), labels, false, mistakes));
                }
                if let Some(list) = node.get("matchExpressions").filter(|list| !list.is_null()) {
                    expressions(&format!("{field}.matchExpressions"), list, &mut requirements, mistakes);
                }
            } else {
                requirements = labels_of(field, node, true, mistakes);
            }
            Selector::new(requirements)
        }
        Value::Seq(items) if field.ends_with(".namespaces") => {
            let names: Vec<&str> = items
                .iter()
                .filter_map(|item| {
                    let text = mistakes.text(field, item, "the name of a namespace")?;
                    if let Err(wrong) = syntax::dns_label(text) {
                        let message = format!("the name of a namespace {}", wrong.why);
                        mistakes.add(item.span, message, "write the name of a namespace", field);
                    }
                    Some(text)
                })
                .collect();
            if items.is_empty() {
                mistakes.add(node.span, format!("`{field}` lists no namespace"), "write their names", field);
            }
            Selector::new([Requirement::new(NAME_LABEL, Operator::In, names)])
        }
        _ => {
            let message = format!("`{field}` is {}, not a label selector", node.kind());
            mistakes.add(
                node.span,
                message,
                "write labels: `{app: web}`, or `{app: \"*\"}` for any value",
                field,
            );
            Selector::EVERYTHING
        }
    }
}

/// Labels with their values; in the short form, `"*"` stands for any value and a list for one of these.
fn labels_of(field: &str, node: &Node, short: bool, mistakes: &mut Mistakes) -> Vec<Requirement> {
    let Value::Map(entries) = &node.value else {
        let message = format!("`{field}` is {}, not a mapping", node.kind());
        mistakes.add(node.span, message, "write labels: `{app: web}`", field);
        return Vec::new();
    };
    mistakes.entries(field, entries, "", &[]);
    let mut requirements = Vec::new();
    for entry in entries {
        let here = format!("{field}.{}", entry.key);
        key(&here, &entry.key, entry.key_span, mistakes);
        match &entry.value.value {
            Value::Str(text) if short && **text == *"*" => {
                requirements.push(Requirement::new(&*entry.key, Operator::Exists, [""; 0]));
            }
            Value::Seq(items) if short && !items.is_empty() => {
                let values: Vec<&str> =
                    items.iter().filter_map(|item| value(&here, item, mistakes)).collect();
                requirements.push(Requirement::new(&*entry.key, Operator::In, values));
            }
            _ => {
                if let Some(value) = value(&here, &entry.value, mistakes) {
                    requirements.push(Requirement::new(&*entry.key, Operator::In, [value]));
                }
            }
        }
    }
    requirements
}

fn key(field: &str, text: &str, span: npv_models::source::Span, mistakes: &mut Mistakes) {
    if let Err(wrong) = syntax::label_key(text) {
        let message = format!("the label key `{}` {}", clip(text), wrong.why);
        mistakes.add(span, message, "write the key of a label", field);
    }
}

fn value<'n>(field: &str, node: &'n Node, mistakes: &mut Mistakes) -> Option<&'n str> {
    let text = mistakes.text(field, node, "the value of a label")?;
    if let Err(wrong) = syntax::label_value(text) {
        let message = format!("the label value `{}` {}", clip(text), wrong.why);
        let help = if text == "*" {
            "any value is an expression: `{key: .., operator: Exists}`"
        } else {
            "write the value of a label, or `\"*\"` for any value"
        };
        mistakes.add(node.span, message, help, field);
    }
    Some(text)
}

fn expressions(field: &str, list: &Node, requirements: &mut Vec<Requirement>, mistakes: &mut Mistakes) {
    let Value::Seq(items) = &list.value else {
        let message = format!("`{field}` is {}, not a list", list.kind());
        mistakes.add(list.span, message, "write one expression behind each `-`", field);
        return;
    };
    for (index, item) in items.iter().enumerate() {
        requirements.extend(expression(&format!("{field}[{index}]"), item, mistakes));
    }
}

fn expression(field: &str, item: &Node, mistakes: &mut Mistakes) -> Option<Requirement> {
    let Value::Map(entries) = &item.value else {
        let message = format!("an expression is a mapping, not {}", item.kind());
        mistakes.add(item.span, message, "write `{key: .., operator: In, values: [..]}`", field);
        return None;
    };
    mistakes.entries(field, entries, "an expression", &["key", "operator", "values"]);
    let mut get = |name: &str, help: &str| {
        let found = item.get(name).filter(|value| !value.is_null());
        if found.is_none() {
            mistakes.add(item.span, format!("this expression has no `{name}`"), help, field);
        }
        found
    };
    let key_node = get("key", "write the label's key");
    let names = OPERATORS.map(Operator::name);
    let operator = get("operator", "write `operator: Exists`, or another operator");
    let key_text = key_node.and_then(|node| {
        let text = mistakes.text(field, node, "the key of a label")?;
        key(field, text, node.span, mistakes);
        Some(text)
    });
    let operator = operator.and_then(|node| {
        let text = mistakes.text(field, node, "an operator")?;
        let known = OPERATORS.into_iter().find(|operator| operator.name() == text);
        if known.is_none() {
            let message = format!("`{}` is none of the operators {}", clip(text), listing(&names));
            let meant = names.into_iter().find(|name| name.eq_ignore_ascii_case(text));
            match meant {
                Some(name) => mistakes.instead(node.span, message, name, field),
                None => mistakes.add(node.span, message, format!("write one of {}", listing(&names)), field),
            }
        }
        known
    });
    let values = item.get("values").filter(|values| !values.is_null());
    let texts: Vec<&str> = match values.map(|values| (&values.value, values)) {
        None => Vec::new(),
        Some((Value::Seq(items), _)) => {
            items.iter().filter_map(|item| value(field, item, mistakes)).collect()
        }
        Some((_, node)) => {
            let message = format!("the values are {}, not a list", node.kind());
            mistakes.add(node.span, message, "write a list: `values: [..]`", field);
            return None;
        }
    };
    let takes = |operator| matches!(operator, Operator::In | Operator::NotIn);
    match operator {
        Some(operator) if takes(operator) && texts.is_empty() => {
            let span = values.map_or(item.span, |values| values.span);
            let message = format!("`{}` needs at least one value", operator.name());
            mistakes.add(span, message, "write `values: [..]`", field);
        }
        Some(operator) if !takes(operator) && !texts.is_empty() => {
            let other = if operator == Operator::Exists { "In" } else { "NotIn" };
            let span = values.map_or(item.span, |values| values.span);
            let message = format!("`{}` takes no values", operator.name());
            mistakes.add(span, message, format!("remove them, or use `{other}`"), field);
        }
        _ => {}
    }
    Some(Requirement::new(key_text?, operator?, texts))
}
