//! Google's `networking.gke.io/v1alpha1` FQDNNetworkPolicy: domains that pods may reach.

use super::meta::Root;
use super::pod::{in_range, transport};
use super::read::{Path, Reader, Unknown, fault};
use super::registry::Kind;
use super::{Meta, Object, Policy, Spanned, selector, syntax};
use crate::source::Span;
use crate::space::{Protocol, Selector};
use crate::yaml::{Entry, Node};

pub(super) const KIND: Kind = Kind {
    policy: true,
    versions: &["v1alpha1"],
    ..Kind::new("networking.gke.io", "FQDNNetworkPolicy", decode)
};

/// A FQDNNetworkPolicy.
#[derive(Clone, Debug, PartialEq)]
pub struct FqdnPolicy {
    /// Its name and place.
    pub meta: Meta,
    /// Whom it applies to; everybody of its namespace where it is left out.
    pub subject: Spanned<Selector>,
    /// The `egress` list.
    pub rules: Vec<FqdnRule>,
}

/// An entry of the `egress` list.
#[derive(Clone, Debug)]
pub struct FqdnRule {
    /// The domains, in lower case and without the final dot; `*.` stands for one label where it is a pattern.
    pub domains: Vec<Spanned<Box<str>>>,
    /// `ports`; empty where it is left out, which is all of them. No protocol is TCP and UDP.
    pub ports: Vec<Spanned<(Option<Protocol>, Option<u16>)>>,
    /// The list entry.
    pub span: Span,
}

impl PartialEq for FqdnRule {
    fn eq(&self, other: &Self) -> bool {
        (&self.domains, &self.ports) == (&other.domains, &other.ports)
    }
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        let message = "the policy has no `spec`";
        reader.report(fault("invalid-policy", &path, root.meta.name.span, message));
        return None;
    };
    let [subject, egress] =
        reader.fields(&path, &spec.value, ["podSelector", "egress"], Unknown::Refused(&[]));
    let name = root.meta.name.span;
    let subject = match subject {
        Some(entry) => {
            Spanned::new(selector::read(reader, &path.field("podSelector"), &entry.value), entry.value.span)
        }
        None => Spanned::new(Selector::EVERYTHING, name),
    };
    let path = path.field("egress");
    let mut rules = Vec::new();
    for (index, item) in reader.list(&path, egress).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty rule, which is invalid");
        } else {
            rules.push(rule(reader, &path, item));
        }
    }
    Some(Object::Policy(Policy::Fqdn(Box::new(FqdnPolicy { meta: root.meta, subject, rules }))))
}

fn rule(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> FqdnRule {
    let [matches, ports] = reader.fields(path, item, ["matches", "ports"], Unknown::Refused(&[]));
    let matches_path = path.field("matches");
    let mut domains = Vec::new();
    for (index, item) in reader.list(&matches_path, matches).iter().enumerate() {
        domains.extend(domain(reader, &matches_path.item(index), item));
    }
    if matches.is_none() {
        let message = "the rule has no `matches`";
        reader.report(fault("invalid-policy", &matches_path, item.span, message));
    }
    let ports_path = path.field("ports");
    let mut list = Vec::new();
    for (index, item) in reader.list(&ports_path, ports).iter().enumerate() {
        list.extend(port(reader, &ports_path.item(index), item));
    }
    FqdnRule { domains, ports: list, span: item.span }
}

/// `name` or `pattern`.
fn domain(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<Spanned<Box<str>>> {
    let fields = reader.fields(path, item, ["name", "pattern"], Unknown::Refused(&[]));
    let there: Vec<&Entry> = fields.iter().flatten().copied().collect();
    let [entry] = there.as_slice() else {
        let message = format!("`{path}` must have one of `name` and `pattern`");
        reader.report(fault("invalid-policy", path, item.span, message));
        return None;
    };
    let path = path.field(&entry.key);
    let text = reader.text(&path, &entry.value)?;
    match syntax::domain_name(text) {
        Ok(name) => Some(Spanned::new(name.into(), entry.value.span)),
        Err(wrong) => {
            reader.malformed(&path, entry.value.span, text, wrong);
            None
        }
    }
}

fn port(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
) -> Option<Spanned<(Option<Protocol>, Option<u16>)>> {
    let [protocol, port] = reader.fields(path, item, ["protocol", "port"], Unknown::Refused(&[]));
    let all = protocol.is_some_and(|entry| entry.value.as_str() == Some("ALL"));
    let protocol = if all { None } else { Some(transport(reader, &path.field("protocol"), protocol)?) };
    let path = path.field("port");
    let number = reader.integer(&path, port);
    let port = match (number, port) {
        (Some(number), Some(entry)) => Some(in_range(reader, &path, &entry.value, number)?),
        (None, Some(_)) => return None,
        _ => None,
    };
    Some(Spanned::new((protocol, port), item.span))
}
