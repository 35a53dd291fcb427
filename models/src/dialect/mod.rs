//! From decoded policies to the policy IR: one file or folder for each dialect, one line each in [`DIALECTS`].

mod admin;
mod antrea;
mod aws;
mod calico;
mod cilium;
mod egress_firewall;
mod fqdn;
mod istio;
mod network_policy;
mod plugin;

#[cfg(test)]
mod tests;
use std::borrow::Cow;
use std::sync::Arc;

use crate::cluster::Cluster;
use crate::cni::{self, Cni};
use crate::diagnostic::Finding;
use crate::k8s;
use crate::policy::{Action, Layer, Mode, NoMatch, Policy, PolicySet, Priority, Profile, Tier};
use crate::space::Truth;

/// Which enforcement point. The order of the variants is that of evaluation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Enforcer {
    /// The network plugin.
    Cni,
    /// OVN-Kubernetes' firewall for what leaves the cluster.
    EgressFirewall,
    /// Its proxy for DNS (K-42).
    DnsProxy,
    /// The proxies of a service mesh.
    Mesh,
}

impl Enforcer {
    const fn name(self) -> &'static str {
        match self {
            Self::Cni => "CNI",
            Self::EgressFirewall => "EgressFirewall",
            Self::Mesh => "mesh",
            Self::DnsProxy => crate::policy::DNS_PROXY,
        }
    }
}

/// A tier that a dialect puts policies into, and its place among the tiers of its layer.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Stage {
    pub(super) enforcer: Enforcer,
    /// Lower comes first; of equal ones the name decides.
    pub(super) order: Priority,
    pub(super) name: Arc<str>,
    pub(super) mode: Mode,
    pub(super) no_match: NoMatch,
    /// The place that a pass leads to, the first tier there or behind it; the next tier where `None`.
    pub(super) pass: Option<Priority>,
    pub(super) fixed: Option<Profile>,
}

impl Stage {
    /// An ordered tier whose policies isolate nobody (S-61, S-66).
    pub(super) fn ordered(name: &str, order: Priority) -> Self {
        Self {
            enforcer: Enforcer::Cni,
            order,
            name: name.into(),
            mode: Mode::FirstMatch,
            no_match: NoMatch::NextTier,
            pass: None,
            fixed: None,
        }
    }

    /// A tier of what is allowed to those that its policies select (S-4).
    pub(super) fn union(name: &str, order: Priority) -> Self {
        Self { mode: Mode::Union, no_match: NoMatch::Deny, ..Self::ordered(name, order) }
    }
}

/// What a dialect lowers in.
pub(super) struct Context<'a> {
    /// Who is there: what policies refer to by name.
    pub(super) cluster: &'a Cluster,
    /// Who enforces.
    pub(super) cni: &'a Cni,
    /// What is taken out of a block is denied by it, so that blocks go by their lengths (P-16).
    pub(super) by_length: bool,
    /// What Calico's policies refer to by name and by label.
    calico: calico::World<'a>,
}

/// Policies with the tiers that they are of.
pub(super) type Lowered = Vec<(Stage, Policy)>;

/// Lowers a policy of one dialect; nothing for those of another.
type Dialect = fn(&k8s::Policy, &Context<'_>) -> Lowered;

/// One line for each dialect.
const DIALECTS: &[Dialect] = &[
    network_policy::lower,
    admin::lower,
    cilium::lower,
    calico::lower,
    antrea::lower,
    egress_firewall::lower,
    fqdn::lower,
];

/// Lowers what policies mean together and none of them alone.
type Together = fn(&[k8s::Policy], &Context<'_>) -> Lowered;

/// One line for each.
const TOGETHER: &[Together] = &[cilium::proxy, |_, context| calico::hosts(context), plugin::implied];

/// Gives pods what dialects see of them that no object of their own says. To be called before [`lower`].
pub fn prepare(policies: &[k8s::Policy], cluster: &mut Cluster) {
    istio::annotate(cluster, policies);
}

/// Lowers policies of all dialects, as a network plugin understands them. Tiers without policies are left out: a
/// flow that meets nothing is allowed.
pub fn lower(policies: &[k8s::Policy], cluster: &Cluster, cni: &Cni) -> PolicySet {
    let by_length = cni.traits.except_denies && policies.iter().any(aws::has_exceptions);
    let context = Context { cluster, cni, by_length, calico: calico::World::new(cluster, cni) };
    // Who does not watch a kind reads none of it (P-4).
    let read: Vec<k8s::Policy> =
        policies.iter().filter_map(|policy| cni::adapt(policy, cluster, cni)).map(Cow::into_owned).collect();
    let mut lowered = Lowered::new();
    for policy in &read {
        let all = DIALECTS.iter().flat_map(|dialect| dialect(policy, &context));
        match cni.enforces(policy) {
            Truth::Maybe => lowered.extend(all.map(|(stage, policy)| (stage, doubtful(policy)))),
            _ => lowered.extend(all),
        }
    }
    if cni.traits.enforces() {
        lowered.extend(TOGETHER.iter().flat_map(|lower| lower(&read, &context)));
    }
    let (mesh, tunnels) = istio::lower(policies, &context);
    lowered.extend(mesh);
    let mut set = assemble(lowered);
    // What a mesh tunnels is the network plugin's to see.
    if let Some(layer) = set.layers.iter_mut().find(|layer| &*layer.name == Enforcer::Cni.name()) {
        layer.tunnels = tunnels;
    }
    set
}

/// A policy of which nobody knows whether it has any effect.
fn doubtful(mut policy: Policy) -> Policy {
    for rule in policy.ingress.iter_mut().chain(&mut policy.egress).flatten() {
        if rule.action != Action::Log {
            rule.action = Action::Unknown;
        }
    }
    policy
}

/// What is to be said of policies that are as their APIs demand, and do something else than they look like.
pub fn remarks(policies: &[k8s::Policy], cluster: &Cluster, cni: &Cni) -> Vec<Finding> {
    calico::remarks(policies, cluster, cni)
}

/// Policies as if those that are staged were enforced: each takes the place of the policy of its name, or deletes it
/// (C-80).
pub fn with_staged(policies: Vec<k8s::Policy>) -> Vec<k8s::Policy> {
    calico::with_staged(policies)
}

/// Puts policies into tiers, and tiers into layers, in evaluation order.
fn assemble(lowered: Lowered) -> PolicySet {
    let mut stages: Vec<(Stage, Vec<Policy>)> = Vec::new();
    for (stage, policy) in lowered {
        // Policies of a tier come one behind the other.
        let known = stages.iter().rposition(|(known, _)| *known == stage);
        match known.and_then(|at| stages.get_mut(at)) {
            Some((_, policies)) => policies.push(policy),
            None => stages.push((stage, vec![policy])),
        }
    }
    stages.sort_by(|(a, _), (b, _)| (a.enforcer, &a.order, &a.name).cmp(&(b.enforcer, &b.order, &b.name)));
    let mut set = PolicySet::default();
    for of_layer in stages.chunk_by(|(a, _), (b, _)| a.enforcer == b.enforcer) {
        let position = |place: &Priority| of_layer.iter().position(|(stage, _)| stage.order >= *place);
        let tiers = of_layer.iter().map(|(stage, policies)| {
            let mut policies = policies.clone();
            policies.sort_by(|a, b| (&a.priority, &a.object).cmp(&(&b.priority, &b.object)));
            Tier {
                name: stage.name.clone(),
                mode: stage.mode,
                no_match: stage.no_match,
                // A tier without policies decides nothing: who passes to it passes on to the one behind it.
                pass: stage.pass.as_ref().map(|place| position(place).unwrap_or(of_layer.len())),
                fixed: stage.fixed,
                policies,
            }
        });
        let Some((first, _)) = of_layer.first() else { continue };
        let (name, tunnels) = (first.enforcer.name().into(), Vec::new());
        set.layers.push(Layer { name, tunnels, tiers: tiers.collect() });
    }
    set
}
