//! Cilium: its own policies, and NetworkPolicies as it understands them, in one tier in which a denial wins
//! (K-50, K-55).

mod dns;
mod kubernetes;
mod labels;
mod peers;
mod ports;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::admin::NETWORK_POLICY;
use super::{Context, Lowered, Stage};
use crate::cluster::Cluster;
use crate::cni::Plugin;
use crate::k8s::{
    self, CiliumEntry, CiliumPeers, CiliumPolicy, CiliumRule, CiliumSubject, LabelSource, Section, Spanned,
};
use crate::policy::{
    Action, Entity, Isolation, Mode, ObjectRef, Peer, PeerMatch, Peers, PodSelector, Policy, Priority,
    Provenance, Rule,
};
use crate::space::{Operator, Protocol};
use labels::NAMESPACE;
use peers::Scope;

pub(super) use dns::proxy;
pub(super) use kubernetes::lower as lower_kubernetes;

/// The only tier.
pub(super) fn stage() -> Stage {
    Stage { mode: Mode::DenyWins, ..Stage::union("Cilium", Priority::number(NETWORK_POLICY)) }
}

/// Lowers a policy of Cilium's own kinds.
pub(super) fn lower(policy: &k8s::Policy, context: &Context<'_>) -> Lowered {
    let k8s::Policy::Cilium(policy) = policy else { return Lowered::new() };
    if !is_enforced(context) {
        return Lowered::new();
    }
    let rules = policy.rules.iter().filter_map(|rule| lower_rule(policy, rule, context));
    rules.map(|policy| (stage(), policy)).collect()
}

/// Whether somebody enforces Cilium's own policies: nobody does where another plugin is known to be there.
fn is_enforced(context: &Context<'_>) -> bool {
    matches!(context.cni.plugin, Plugin::Cilium | Plugin::Upstream)
}

/// Whether Cilium is known to be older than 1.20.
fn before_1_20(context: &Context<'_>) -> bool {
    context.cni.plugin == Plugin::Cilium && !context.cni.since(1, 20)
}

/// One of the rules of an object; nothing where it is about nobody that npv knows.
fn lower_rule(policy: &CiliumPolicy, rule: &CiliumRule, context: &Context<'_>) -> Option<Policy> {
    let (subject, also) = subject(policy, rule)?;
    let namespace = (!policy.clusterwide).then_some(&*policy.meta.namespace);
    let scope = Scope { cluster: context.cluster, namespace };
    let names = NamedPorts::of(context);
    let rules = |allow: Section, deny: Section| {
        let mut rules = Vec::new();
        for section in [allow, deny] {
            let Some(list) = rule.section(section) else { continue };
            let entries = list.value.iter().enumerate();
            rules.extend(entries.map(|(index, entry)| {
                let path = format!("{}.{}[{index}]", rule.path, section.name());
                lower_entry(entry, &path, section, scope, &names)
            }));
        }
        // K-16: lists without entries say nothing.
        (!rules.is_empty()).then_some(rules)
    };
    let flag = |flag: &Option<Spanned<bool>>| flag.is_none_or(|flag| flag.value);
    Some(Policy {
        object: object(policy),
        name_span: policy.meta.name.span,
        priority: Priority::default(),
        subject,
        also,
        subject_span: rule.subject.span,
        ingress: rules(Section::Ingress, Section::IngressDeny),
        egress: rules(Section::Egress, Section::EgressDeny),
        // K-51, K-52.
        isolation: Isolation {
            ingress: flag(&rule.default_deny_ingress),
            egress: flag(&rule.default_deny_egress),
        },
        inert: Vec::new(),
    })
}

fn object(policy: &CiliumPolicy) -> Arc<ObjectRef> {
    Arc::new(ObjectRef {
        group: "cilium.io",
        kind: policy.kind(),
        namespace: (!policy.clusterwide).then(|| policy.meta.namespace.clone()),
        name: policy.meta.name.value.clone(),
    })
}

/// The pods that a rule applies to, and what else (K-4, K-5); nothing where it is about nodes, which the host
/// firewall guards if somebody turns it on (K-6), or about nobody.
fn subject(policy: &CiliumPolicy, rule: &CiliumRule) -> Option<(PodSelector, Vec<PeerMatch>)> {
    let CiliumSubject::Endpoints(selector) = &rule.subject.value else { return None };
    let own = (!policy.clusterwide).then(|| {
        labels::requirement(LabelSource::Kubernetes, NAMESPACE, Operator::In, &[&policy.meta.namespace])
    });
    let pods = labels::pods(selector.requirements().iter().chain(&own));
    let also: Vec<PeerMatch> = [(Entity::Health, "health"), (Entity::Ingress, "ingress")]
        .into_iter()
        .filter(|(_, label)| policy.clusterwide && labels::is_reserved_as(selector, &[label]))
        .map(|(entity, _)| PeerMatch::Entity(entity))
        .collect();
    match pods {
        Some(pods) => Some((pods, also)),
        // What is no pod needs a subject that is none.
        None if !also.is_empty() => Some((labels::no_pod(), also)),
        None => None,
    }
}

/// An entry of a section as a rule.
fn lower_entry(
    entry: &CiliumEntry,
    path: &str,
    section: Section,
    scope: Scope<'_>,
    names: &NamedPorts,
) -> Rule {
    let lookup = |name: &str, protocol| names.lookup(section, name, protocol);
    Rule {
        peers: lower_peers(entry, path, section, scope),
        ports: ports::lower(entry, path, &lookup),
        ..Rule::new(
            if section.denies() { Action::Deny } else { Action::Allow },
            Provenance { path: path.into(), span: entry.span },
        )
    }
}

/// Who may be at the other end of an entry (K-12 to K-15).
fn lower_peers(entry: &CiliumEntry, path: &str, section: Section, scope: Scope<'_>) -> Peers {
    let limited = entry.ports.is_some() || entry.icmps.is_some();
    let (field, listed) = match &entry.peers {
        CiliumPeers::Everyone if limited => return Peers::Anyone,
        CiliumPeers::Everyone | CiliumPeers::Nobody(_) => return Peers::Listed(Vec::new()),
        CiliumPeers::Listed { field, peers } => (field.value, peers),
    };
    let services = listed.iter().filter_map(|peer| match &peer.value {
        k8s::CiliumPeer::Service(service) => Some(service),
        _ => None,
    });
    let services: Vec<_> = services.collect();
    if !services.is_empty() {
        // K-40: where Services lead to nobody, it is as if they were not there; in a denial they always are not.
        let found = services.iter().flat_map(|service| peers::services(service, scope.cluster));
        let leads = found.into_iter().any(|service| !peers::behind(service, scope.cluster).is_empty());
        if section.denies() || !leads {
            return if limited { Peers::Anyone } else { Peers::Listed(Vec::new()) };
        }
    }
    let peers: Vec<Peer> = listed
        .iter()
        .enumerate()
        .map(|(index, peer)| Peer {
            matches: peers::lower(&peer.value, scope),
            provenance: Provenance { path: format!("{path}.{field}[{index}]").into(), span: peer.span },
        })
        .collect();
    if peers.iter().any(|peer| peer.matches == peers::EVERYBODY) {
        Peers::Anyone
    } else {
        Peers::Listed(peers)
    }
}

/// What a name of a port stands for.
#[derive(Clone, Copy)]
enum Named {
    /// What each destination calls so.
    PerPod,
    /// This number, whoever the destination is; none where there is no such port or several numbers.
    Everywhere(Option<u16>),
}

/// The numbers that pods declare under a name.
type Numbers = BTreeMap<(Box<str>, Protocol), BTreeSet<u16>>;

/// How named ports are looked up: up to 1.19 for egress once for the whole cluster (K-33).
struct NamedPorts(Option<Numbers>);

impl NamedPorts {
    fn of(context: &Context<'_>) -> Self {
        Self(before_1_20(context).then(|| Self::in_cluster(context.cluster)))
    }

    fn in_cluster(cluster: &Cluster) -> Numbers {
        let mut numbers = Numbers::new();
        for port in cluster.groups.iter().filter(|group| !group.host_network).flat_map(|group| &*group.ports)
        {
            if let Some(name) = &port.name {
                numbers.entry((name.clone(), port.protocol)).or_default().insert(port.number);
            }
        }
        numbers
    }

    fn lookup(&self, section: Section, name: &str, protocol: Protocol) -> Named {
        let Some(numbers) = self.0.as_ref().filter(|_| !section.is_ingress()) else { return Named::PerPod };
        let numbers = numbers.get(&(name.into(), protocol)).filter(|numbers| numbers.len() == 1);
        Named::Everywhere(numbers.and_then(|numbers| numbers.first().copied()))
    }
}
