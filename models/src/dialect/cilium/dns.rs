//! The DNS proxy: what it lets through of the questions that Cilium sends its way (K-42).
//!
//! A DNS rule makes the proxy look at what goes to its peers over its port, whatever else lets this traffic pass.
//! The proxy knows the rules for that very port and no others: an allow without L7 of the port lifts the
//! restriction, and one of all ports or of a range does not. So the proxy is a layer of its own, in which the allows
//! of a port come before a denial of it. It is there only where a rule lets some questions through and others not.

use std::collections::BTreeSet;

use super::kubernetes;
use super::labels;
use super::{NamedPorts, Scope, is_enforced, lower_peers, object, ports, subject};
use crate::dialect::{Context, Enforcer, Lowered, Stage};
use crate::k8s::{
    self, CiliumEntry, CiliumL7, CiliumPolicy, CiliumPortRef, CiliumPorts, CiliumRule, Section, Spanned,
};
use crate::policy::{
    Action, DNS_PROXY, Isolation, PodSelector, Policy, PortItem, PortMatch, Ports, Priority, Provenance, Rule,
};
use crate::space::{Protocol, Traffic};

/// The tier of the proxy.
fn stage() -> Stage {
    Stage { enforcer: Enforcer::DnsProxy, ..Stage::ordered(DNS_PROXY, Priority::number(0)) }
}

/// What the DNS proxy lets through.
pub(in crate::dialect) fn proxy(policies: &[k8s::Policy], context: &Context<'_>) -> Lowered {
    if !is_enforced(context) {
        return Lowered::new();
    }
    let own = || {
        policies.iter().filter_map(|policy| match policy {
            k8s::Policy::Cilium(policy) => Some(&**policy),
            _ => None,
        })
    };
    let restricted = || own().flat_map(|policy| policy.rules.iter()).flat_map(entries);
    let looked_at: BTreeSet<(Protocol, u16)> = restricted()
        .flat_map(|(_, entry)| entry.ports.iter().flat_map(|ports| &ports.value))
        .filter(|ports| restricts(ports))
        .flat_map(|ports| ports.ports.iter().flat_map(|port| ports::single(&port.value)))
        .collect();
    if !restricted().any(|(_, entry)| entry.ports.iter().flat_map(|ports| &ports.value).any(restricts)) {
        return Lowered::new();
    }
    let mut lowered = Vec::new();
    for policy in own() {
        for rule in &policy.rules {
            lowered.extend(allows(policy, rule, context, &looked_at));
            lowered.extend(denials(policy, rule, policies, context));
        }
    }
    for policy in policies {
        if let k8s::Policy::NetworkPolicy(policy) = policy {
            lowered
                .extend(kubernetes::lower_policy(policy, context).map(|policy| of_ports(policy, &looked_at)));
        }
    }
    let speaks = |policy: &Policy| policy.egress.as_ref().is_some_and(|rules| !rules.is_empty());
    lowered.into_iter().filter(speaks).map(|policy| (stage(), policy)).collect()
}

/// The entries that allow egress, with their places in the list.
fn entries(rule: &CiliumRule) -> impl Iterator<Item = (usize, &CiliumEntry)> {
    rule.section(Section::Egress).into_iter().flat_map(|section| section.value.iter().enumerate())
}

/// Whether the proxy lets only some questions through by these.
fn restricts(ports: &CiliumPorts) -> bool {
    match ports.l7.as_ref().map(|l7| &l7.value) {
        Some(CiliumL7::Dns(names)) => {
            !names.iter().any(|name| super::peers::domain(&name.value).is_everything())
        }
        _ => false,
    }
}

/// A rule of the proxy's for the same peers, over some ports.
fn rule_for(
    entry: &CiliumEntry,
    path: &str,
    action: Action,
    scope: Scope<'_>,
    items: Vec<PortItem>,
) -> Option<Rule> {
    (!items.is_empty()).then(|| Rule {
        peers: lower_peers(entry, path, Section::Egress, scope),
        ports: Ports::Listed(items),
        ..Rule::new(action, Provenance { path: path.into(), span: entry.span })
    })
}

/// What a rule allows of the ports that the proxy looks at: exactly one port, or a DNS rule's own.
fn allows(
    policy: &CiliumPolicy,
    rule: &CiliumRule,
    context: &Context<'_>,
    looked_at: &BTreeSet<(Protocol, u16)>,
) -> Option<Policy> {
    let of = |entry: &CiliumEntry, path: &str, lookup: ports::Lookup<'_>| {
        let list = entry.ports.iter().flat_map(|ports| &ports.value).enumerate();
        list.flat_map(|(index, item)| {
            let path = format!("{path}.toPorts[{index}]");
            let dns = matches!(item.l7, Some(Spanned { value: CiliumL7::Dns(_), .. }));
            let requests = if dns { ports::requests(item) } else { None };
            ports::items(item, &path, lookup, |port| {
                let named = dns && matches!(port.port, CiliumPortRef::Name { .. });
                named || ports::single(port).iter().any(|single| looked_at.contains(single))
            })
            .into_iter()
            .map(move |item| PortItem { requests: requests.clone(), ..item })
            .collect::<Vec<_>>()
        })
        .collect()
    };
    build(policy, rule, context, Action::Allow, &of)
}

/// What a rule's DNS rules keep from passing by, for whomever the rule applies to and, where it isolates nobody,
/// others isolate (K-52).
fn denials(
    policy: &CiliumPolicy,
    rule: &CiliumRule,
    policies: &[k8s::Policy],
    context: &Context<'_>,
) -> Vec<Policy> {
    let of = |entry: &CiliumEntry, path: &str, lookup: ports::Lookup<'_>| {
        let list = entry.ports.iter().flat_map(|ports| &ports.value).enumerate();
        list.filter(|(_, item)| restricts(item))
            .flat_map(|(index, item)| {
                let items = ports::items(item, &format!("{path}.toPorts[{index}]"), lookup, |_| true);
                items.into_iter().map(|item| PortItem { requests: None, ..item })
            })
            .collect()
    };
    let Some(denial) = build(policy, rule, context, Action::Deny, &of) else { return Vec::new() };
    let denial = Policy { priority: Priority::number(1), ..denial };
    if rule.default_deny_egress.is_none_or(|flag| flag.value) {
        return vec![denial];
    }
    let isolated = policies.iter().flat_map(|policy| isolated(policy, context));
    let common = isolated.map(|subject| Policy {
        subject: labels::common(&denial.subject, &subject),
        also: Vec::new(),
        ..denial.clone()
    });
    common.collect()
}

/// Whom a policy isolates for egress.
fn isolated(policy: &k8s::Policy, context: &Context<'_>) -> Vec<PodSelector> {
    match policy {
        k8s::Policy::Cilium(policy) => {
            let isolates = |rule: &&CiliumRule| {
                let lists = [Section::Egress, Section::EgressDeny].map(|section| rule.section(section));
                lists.into_iter().flatten().any(|list| !list.value.is_empty())
                    && rule.default_deny_egress.is_none_or(|flag| flag.value)
            };
            let rules = policy.rules.iter().filter(isolates);
            rules.filter_map(|rule| subject(policy, rule)).map(|(pods, _)| pods).collect()
        }
        k8s::Policy::NetworkPolicy(policy) => kubernetes::lower_policy(policy, context)
            .filter(|policy| policy.egress.is_some())
            .map(|policy| policy.subject)
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

/// The ports of an entry that count.
type Items<'a> = &'a dyn Fn(&CiliumEntry, &str, ports::Lookup<'_>) -> Vec<PortItem>;

fn build(
    policy: &CiliumPolicy,
    rule: &CiliumRule,
    context: &Context<'_>,
    action: Action,
    items: Items<'_>,
) -> Option<Policy> {
    let (subject, also) = subject(policy, rule)?;
    let namespace = (!policy.clusterwide).then_some(&*policy.meta.namespace);
    let scope = Scope { cluster: context.cluster, namespace };
    let names = NamedPorts::of(context);
    let lookup = |name: &str, protocol| names.lookup(Section::Egress, name, protocol);
    let rules: Vec<Rule> = entries(rule)
        .filter_map(|(index, entry)| {
            let path = format!("{}.egress[{index}]", rule.path);
            let items = items(entry, &path, &lookup);
            rule_for(entry, &path, action, scope, items)
        })
        .collect();
    (!rules.is_empty()).then(|| Policy {
        object: object(policy),
        name_span: policy.meta.name.span,
        priority: Priority::number(0),
        subject,
        also,
        subject_span: rule.subject.span,
        ingress: None,
        egress: Some(rules),
        isolation: Isolation::NONE,
        inert: Vec::new(),
    })
}

/// What a NetworkPolicy allows of the ports that the proxy looks at.
fn of_ports(policy: Policy, looked_at: &BTreeSet<(Protocol, u16)>) -> Policy {
    let counts = |item: &PortItem| match &item.matches {
        PortMatch::Numbers(traffic) => looked_at
            .iter()
            .any(|(protocol, port)| *traffic == Traffic::of(*protocol, crate::space::PortSet::single(*port))),
        PortMatch::Named { .. } => false,
    };
    let rules = policy.egress.into_iter().flatten().filter_map(|rule| {
        let Ports::Listed(items) = rule.ports else { return None };
        let items: Vec<PortItem> = items.into_iter().filter(counts).collect();
        (!items.is_empty()).then_some(Rule { ports: Ports::Listed(items), ..rule })
    });
    let egress = Some(rules.collect());
    Policy { ingress: None, egress, isolation: Isolation::NONE, inert: Vec::new(), ..policy }
}
