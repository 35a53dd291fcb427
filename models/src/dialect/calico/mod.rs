//! Calico: tiers of ordered policies, those of Kubernetes among them, the first match decides (C-10 to C-80).

mod host;
mod remarks;
mod rule;
mod select;
mod service;
mod side;
mod staged;
mod tier;
mod world;

use std::sync::Arc;

use super::{Context, Lowered, Stage};
use crate::cluster::Cluster;
use crate::cni::{Cni, Plugin};
use crate::diagnostic::Finding;
use crate::k8s::{self, CalicoPolicy, Expression, StoredName};
use crate::policy::{Direction, Inert, Isolation, ObjectRef, PeerMatch, Policy, Priority, Provenance, Rule};
use crate::space::{Labels, Selector, Truth};

use select::Scope;
pub(super) use world::World;

/// Lowers a policy of Calico's. Staged ones do nothing (C-80); those before connection tracking and translation never
/// meet pods (C-73).
pub(super) fn lower(policy: &k8s::Policy, context: &Context<'_>) -> Lowered {
    let k8s::Policy::Calico(policy) = policy else { return Lowered::new() };
    if context.cni.plugin != Plugin::Calico || policy.staged.is_some() {
        return Lowered::new();
    }
    let world = &context.calico;
    let mut lowered = lower_policy(world, policy);
    let hosts = host::subjects(world, policy);
    if !policy.is_for_hosts_only() {
        lowered.also.extend(hosts);
        return vec![(world.tiers.stage(&policy.tier.value), lowered)];
    }
    lowered.subject.pods = Selector::nothing();
    lowered.also = hosts;
    vec![(host::early(world, policy), lowered)]
}

/// What is to be said of policies that do something else than they look like.
pub(super) fn remarks(policies: &[k8s::Policy], cluster: &Cluster, cni: &Cni) -> Vec<Finding> {
    remarks::remarks(policies, cluster, cni)
}

/// Policies as if those that are staged were enforced.
pub(super) fn with_staged(policies: Vec<k8s::Policy>) -> Vec<k8s::Policy> {
    staged::enforced(policies)
}

/// What host endpoints do beside policies (C-72).
pub(super) fn hosts(context: &Context<'_>) -> Lowered {
    if context.cni.plugin == Plugin::Calico { host::lower(&context.calico) } else { Lowered::new() }
}

/// The tier of Kubernetes' NetworkPolicies among Calico's, and the place in it of one of them (C-60).
pub(super) fn kubernetes(context: &Context<'_>, namespace: &str, name: &str) -> (Stage, Priority) {
    let stored = StoredName::of_kubernetes(name);
    let order = Some(tier::KUBERNETES_ORDER);
    let priority = tier::priority(context.cni, order, "NetworkPolicy", namespace, stored.as_str());
    (context.calico.tiers.stage(tier::DEFAULT), priority)
}

/// The tier of a cluster-wide policy of Kubernetes, and its place in it: by its own priority, or that of a baseline
/// (C-62, C-63).
pub(super) fn admin(context: &Context<'_>, priority: Option<u16>, name: &str) -> (Stage, Priority) {
    let (of, order, stored) = match priority {
        Some(priority) => (tier::ADMIN, f64::from(priority), format!("kanp.{}.{name}", tier::ADMIN)),
        None => (tier::BASELINE, tier::KUBERNETES_ORDER, format!("kbanp.{}.{name}", tier::BASELINE)),
    };
    let priority = tier::priority(context.cni, Some(order), "GlobalNetworkPolicy", "", &stored);
    (context.calico.tiers.stage(of), priority)
}

/// The addresses that Calico takes for members of namespaces where a policy of Kubernetes means their pods: those of
/// NetworkSets, and of what is in no namespace where a selector does not ask for any label (C-62).
pub(super) fn in_namespaces(
    context: &Context<'_>,
    namespaces: &Selector,
    safe: bool,
) -> impl Iterator<Item = PeerMatch> {
    let nets = context.calico.nets_of(safe, |thing| match thing.namespace {
        Some(namespace) => namespaces.truth(&namespace.labels),
        None if namespaces.is_everything() => Truth::No,
        None => namespaces.truth(&Labels::NONE),
    });
    nets.into_iter().map(|cidr| PeerMatch::Block { cidr, except: Vec::new() })
}

fn lower_policy(world: &World<'_>, policy: &CalicoPolicy) -> Policy {
    let namespace = &*policy.meta.namespace;
    let name = &policy.meta.name;
    let mut inert = Vec::new();
    let mut rules = |direction: Direction| -> Option<Vec<Rule>> {
        let list = policy.rules(direction);
        if policy.speaks_of(direction) {
            let rules = list.map_or(&[][..], |list| &list.value).iter().enumerate();
            return Some(rules.flat_map(|rule| rule::lower(world, namespace, direction, rule)).collect());
        }
        inert.extend(list.map(|list| Inert {
            direction,
            provenance: Provenance { path: format!("spec.{direction}").into(), span: list.span },
            rules: list.value.len(),
            types_span: policy.types.as_ref().map(|types| types.span),
        }));
        None
    };
    let (ingress, egress) = (rules(Direction::Ingress), rules(Direction::Egress));
    let (subject, also) = subject(policy).pods().subject();
    let order = policy.order.map(|order| order.value);
    let kind = policy.kind.name();
    Policy {
        object: Arc::new(ObjectRef {
            group: "projectcalico.org",
            kind,
            namespace: (!namespace.is_empty()).then(|| namespace.into()),
            name: name.value.clone(),
        }),
        name_span: name.span,
        priority: tier::priority(world.cni, order, kind, namespace, policy.stored.as_str()),
        subject,
        also,
        subject_span: policy.selector.as_ref().map_or(name.span, |selector| selector.span),
        ingress,
        egress,
        // C-12
        isolation: Isolation::BOTH,
        inert,
    }
}

/// Whom a policy applies to (C-21 to C-23).
fn subject(policy: &CalicoPolicy) -> Subject<'_> {
    let expression = |selector: &'_ Option<k8s::Spanned<Expression>>| {
        selector.as_ref().map(|selector| selector.value.clone())
    };
    Subject {
        namespace: Some(&*policy.meta.namespace).filter(|namespace| !namespace.is_empty()),
        namespaces: expression(&policy.namespace_selector),
        accounts: policy
            .service_account_selector
            .as_ref()
            .map(|selector| k8s::ServiceAccountMatch { names: Vec::new(), selector: Some(selector.clone()) }),
        endpoints: expression(&policy.selector),
    }
}

struct Subject<'p> {
    namespace: Option<&'p str>,
    namespaces: Option<Expression>,
    accounts: Option<k8s::ServiceAccountMatch>,
    endpoints: Option<Expression>,
}

impl Subject<'_> {
    fn pods(&self) -> select::Tree {
        let scope = Scope {
            own: self.namespace,
            namespaces: self.namespaces.as_ref(),
            accounts: self.accounts.as_ref(),
            endpoints: self.endpoints.as_ref(),
            without: None,
        };
        scope.pods()
    }
}
