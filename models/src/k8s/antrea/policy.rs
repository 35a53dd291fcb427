//! A policy: tier, priority, whom it applies to, rules.

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::{Meta, Object, Policy, Spanned};
use super::peer::{AntreaApplied, AntreaPeer, applied};
use super::rule::{self, AntreaRule};
use crate::space::Selector;
use crate::yaml::{Entry, Node, Value};

/// A ClusterNetworkPolicy or NetworkPolicy of Antrea's.
#[derive(Clone, Debug, PartialEq)]
pub struct AntreaPolicy {
    /// Its name and place.
    pub meta: Meta,
    /// It is a ClusterNetworkPolicy.
    pub clusterwide: bool,
    /// The name of its tier; `application` where it is left out.
    pub tier: Option<Spanned<Box<str>>>,
    /// 1 to 10000, lower first.
    pub priority: Spanned<f64>,
    /// Whom all rules apply to; empty where each rule says it itself.
    pub applied_to: Vec<Spanned<AntreaApplied>>,
    /// The `ingress` list.
    pub ingress: Vec<AntreaRule>,
    /// The `egress` list.
    pub egress: Vec<AntreaRule>,
}

impl AntreaPolicy {
    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        if self.clusterwide { "ClusterNetworkPolicy" } else { "NetworkPolicy" }
    }

    /// Every selector of pods and namespaces in it.
    pub fn selectors(&self) -> impl Iterator<Item = &Selector> {
        let rules = || self.ingress.iter().chain(&self.egress);
        let applied = self.applied_to.iter().chain(rules().flat_map(|rule| &rule.applied_to));
        let applied = applied.flat_map(|applied| match &applied.value {
            AntreaApplied::Pods { namespaces, pods } => [namespaces.as_ref(), pods.as_ref()],
            _ => [None, None],
        });
        let peers = rules().flat_map(|rule| &rule.peers).flat_map(|peer| match &peer.value {
            AntreaPeer::Pods { namespaces, pods } => [namespaces.as_ref(), pods.as_ref()],
            AntreaPeer::Related { pods, .. } => [pods.as_ref(), None],
            _ => [None, None],
        });
        applied.chain(peers).flatten()
    }
}

/// Decodes a ClusterNetworkPolicy.
pub(super) fn clusterwide(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, true)
}

/// Decodes a NetworkPolicy of Antrea's.
pub(super) fn namespaced(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, false)
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>, clusterwide: bool) -> Option<Object> {
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        let message = "the policy has no `spec`";
        reader.report(fault("invalid-policy", &path, root.meta.name.span, message));
        return None;
    };
    let names = ["tier", "priority", "appliedTo", "ingress", "egress"];
    let [tier, priority, applied_to, ingress, egress] =
        reader.fields(&path, &spec.value, names, Unknown::Refused(&[]));
    let tier = tier.and_then(|entry| {
        let text = reader.text(&path.field("tier"), &entry.value).filter(|text| !text.is_empty())?;
        Some(Spanned::new(Box::<str>::from(text), entry.value.span))
    });
    let priority = match priority {
        Some(entry) => read_priority(reader, &path.field("priority"), entry),
        None => {
            let message = "the policy has no `priority`";
            let finding = fault("invalid-policy", &path.field("priority"), spec.key_span, message);
            reader.report(finding.help("write a number from 1, which comes first, to 10000"));
            None
        }
    };
    let applied_path = path.field("appliedTo");
    let applied_to = applied(reader, &applied_path, applied_to, clusterwide);
    let baseline = tier.as_ref().is_some_and(|tier| tier.value.eq_ignore_ascii_case("baseline"));
    let context = rule::In { clusterwide, baseline, applied: !applied_to.is_empty() };
    let ingress = rule::read(reader, &path.field("ingress"), ingress, "from", context);
    let egress = rule::read(reader, &path.field("egress"), egress, "to", context);
    let rules = || ingress.iter().chain(&egress);
    // on the policy or on every rule.
    if applied_to.is_empty() && rules().all(|rule| rule.applied_to.is_empty()) {
        let message = "the policy has no `appliedTo`, and neither has any of its rules";
        let finding = fault("invalid-policy", &applied_path, spec.key_span, message);
        reader.report(finding.help("for every pod, write `appliedTo: [{podSelector: {}}]`"));
    } else if let (true, Some(rule)) =
        (applied_to.is_empty(), rules().find(|rule| rule.applied_to.is_empty()))
    {
        let message = "this rule has no `appliedTo`, and others have";
        reader.report(fault("invalid-policy", &applied_path, rule.span, message));
    }
    names_differ(reader, &path, rules());
    Some(Object::Policy(Policy::Antrea(Box::new(AntreaPolicy {
        meta: root.meta,
        clusterwide,
        tier,
        priority: priority?,
        applied_to,
        ingress,
        egress,
    }))))
}

/// a number with a fraction or without.
fn read_priority(reader: &mut Reader<'_>, path: &Path<'_>, entry: &Entry) -> Option<Spanned<f64>> {
    let number = number(&entry.value);
    let Some(number) = number else {
        reader.wrong_type(path, &entry.value, "a number");
        return None;
    };
    if !(1.0..=10_000.0).contains(&number) {
        let message = format!("{number} is no priority: priorities go from 1 to 10000");
        reader.report(fault("invalid-policy", path, entry.value.span, message));
        return None;
    }
    Some(Spanned::new(number, entry.value.span))
}

fn number(node: &Node) -> Option<f64> {
    match node.value {
        Value::Float(number) => Some(number),
        _ => node.as_int().and_then(|int| i32::try_from(int).ok()).map(f64::from),
    }
}

/// no two rules of a policy have the same name.
fn names_differ<'r>(reader: &mut Reader<'_>, path: &Path<'_>, rules: impl Iterator<Item = &'r AntreaRule>) {
    let mut seen: Vec<&Spanned<Box<str>>> = Vec::new();
    for name in rules.filter_map(|rule| rule.name.as_ref()) {
        if let Some(first) = seen.iter().find(|first| first.value == name.value) {
            let message = format!("two rules have the name `{}`", name.value);
            let finding = fault("invalid-policy", &path.field("name"), name.span, message);
            reader.report(finding.related(first.span, "the other one"));
        }
        seen.push(name);
    }
}
