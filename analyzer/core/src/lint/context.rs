//! What every lint rule may ask.

use std::sync::OnceLock;

use npv_models::cluster::{Cluster, GroupId};
use npv_models::policy::{
    Direction, Isolation, NoMatch, Peer, PeerMatch, Peers, PodSelector, Policy, Rule, Tier,
};
use npv_models::source::SourceMap;
use npv_models::space::IpSet;
use npv_symbolic::session::BUDGET;
use rustc_hash::FxHashMap;

use super::dns::{self, NODE_LOCAL, Server};
use super::pods::{Pods, Selected};
use super::rules::service_port_confusion::{self, Confusion};
use super::services::Services;
use super::spelling;
use crate::engine::{Endpoint, EndpointId, EndpointKind, Engine};
use crate::snapshot::Snapshot;

/// A policy with its place in the order of evaluation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Placed<'a> {
    /// The tier that it is in.
    pub(super) tier: &'a Tier,
    /// The policy.
    pub(super) policy: &'a Policy,
    /// Its number among all policies, in evaluation order.
    pub(super) index: u32,
}

/// A rule with the policy that it is in.
#[derive(Clone, Copy, Debug)]
pub(super) struct PlacedRule<'a> {
    /// The policy.
    pub(super) at: Placed<'a>,
    /// Which of its lists the rule is in.
    pub(super) direction: Direction,
    /// The rule.
    pub(super) rule: &'a Rule,
}

impl Placed<'_> {
    /// Whether the policy isolates its subject, so that what no rule of the tier allows is denied (S-3).
    pub(super) fn isolates(&self, direction: Direction) -> bool {
        self.tier.no_match == NoMatch::Deny && self.policy.isolates(direction)
    }
}

impl<'a> PlacedRule<'a> {
    /// The entries of the rule's `from` or `to`; none where it names everybody.
    pub(super) fn peers(&self) -> &'a [Peer] {
        match &self.rule.peers {
            Peers::Anyone => &[],
            Peers::Listed(peers) => peers,
        }
    }
}

/// A snapshot with what the lint rules ask of it, each answer computed once.
#[derive(Debug)]
pub struct Context<'a> {
    /// What was read.
    pub snapshot: &'a Snapshot,
    /// The exact answers for its endpoints.
    pub engine: &'a Engine,
    /// Whether the pedantic rules run too.
    pub pedantic: bool,
    /// Steps after which the solver gives up on one question; 0 means never.
    pub budget: u32,
    pub(super) pods: Pods<'a>,
    services: Services<'a>,
    dns: Vec<Server>,
    confusions: OnceLock<Vec<Confusion<'a>>>,
    /// The groups of pods that a policy with one of them selects, and which.
    confused: OnceLock<FxHashMap<GroupId, Vec<u32>>>,
    policies: Vec<Placed<'a>>,
    /// Those of them that are written somewhere.
    written: Vec<Placed<'a>>,
    /// For selectors that do not see pods on the host network, and for those that do.
    selected: [FxHashMap<&'a PodSelector, Selected>; 2],
    /// For each group the policies that select it, ascending.
    selecting: Vec<Vec<u32>>,
    /// For each group the endpoints that hold its pods, ascending.
    endpoints: Vec<Vec<EndpointId>>,
    /// Nodes and addresses.
    outside: Vec<EndpointId>,
    senders: OnceLock<Vec<Vec<EndpointId>>>,
    service_addresses: OnceLock<IpSet>,
}

impl<'a> Context<'a> {
    /// Prepares a snapshot; the engine is that of the same snapshot.
    pub fn new(snapshot: &'a Snapshot, engine: &'a Engine) -> Self {
        let kinds = snapshot.kinds.keys().map(String::as_str);
        let pods = Pods::new(&snapshot.cluster, snapshot.profile, kinds);
        let policies: Vec<_> = (0_u32..)
            .zip(snapshot.policies.policies().filter(|(_, _, policy)| spelling::is_policy(&policy.object)))
            .map(|(index, (_, tier, policy))| Placed { tier, policy, index })
            .collect();
        let mut by_view: [FxHashMap<&PodSelector, Selected>; 2] = Default::default();
        let mut selecting = vec![Vec::new(); snapshot.cluster.groups.len()];
        for placed in &policies {
            let subject = &placed.policy.subject;
            let sees_hosts = placed.tier.profile(snapshot.profile).selectors_see_host_network;
            let [hidden, seen] = &mut by_view;
            let selected = if sees_hosts { seen } else { hidden };
            let selection = selected.entry(subject).or_insert_with(|| pods.select(subject, sees_hosts));
            // What a plugin opens by itself guards nobody.
            if placed.policy.is_implied() && placed.policy.isolation == Isolation::NONE {
                continue;
            }
            for group in selection.pods.iter() {
                if let Some(policies) = selecting.get_mut(group.0 as usize) {
                    policies.push(placed.index);
                }
            }
            for rule in
                Direction::ALL.into_iter().filter_map(|direction| placed.policy.rules(direction)).flatten()
            {
                let Peers::Listed(peers) = &rule.peers else { continue };
                for peer in peers {
                    if let PeerMatch::Pods(selector) = &peer.matches {
                        selected.entry(selector).or_insert_with(|| pods.select(selector, sees_hosts));
                    }
                }
            }
        }
        let mut outside = Vec::new();
        let mut endpoints = vec![Vec::new(); snapshot.cluster.groups.len()];
        for (id, endpoint) in engine.ids().zip(engine.endpoints()) {
            let groups = match &endpoint.kind {
                EndpointKind::Pods { groups, .. } => groups,
                EndpointKind::Nodes(_) | EndpointKind::External(_) => {
                    outside.push(id);
                    continue;
                }
                EndpointKind::Assumed(_) => continue,
            };
            for group in groups {
                if let Some(endpoints) = endpoints.get_mut(group.0 as usize) {
                    endpoints.push(id);
                }
            }
        }
        let services = Services::new(&snapshot.cluster, &pods);
        let dns = dns::servers(&snapshot.cluster, &pods, &services);
        Self {
            snapshot,
            engine,
            pedantic: false,
            budget: BUDGET,
            pods,
            services,
            dns,
            confusions: OnceLock::new(),
            confused: OnceLock::new(),
            written: policies.iter().filter(|placed| !placed.policy.is_implied()).copied().collect(),
            policies,
            selected: by_view,
            selecting,
            endpoints,
            outside,
            senders: OnceLock::new(),
            service_addresses: OnceLock::new(),
        }
    }

    /// Whether the pedantic rules run too.
    pub fn pedantic(mut self, pedantic: bool) -> Self {
        self.pedantic = pedantic;
        self
    }

    /// Steps after which the solver gives up on one question; 0 means never.
    pub fn budget(mut self, budget: u32) -> Self {
        self.budget = budget;
        self
    }

    /// The inventory.
    pub(super) fn cluster(&self) -> &'a Cluster {
        &self.snapshot.cluster
    }

    /// The texts.
    pub(super) fn sources(&self) -> &'a SourceMap {
        &self.snapshot.sources
    }

    /// The Services and their backends.
    pub(super) fn services(&self) -> &Services<'a> {
        &self.services
    }

    /// The DNS pods that the manifests show.
    pub(super) fn dns(&self) -> &[Server] {
        &self.dns
    }

    /// Where rules take a Service's port for its pods' port.
    pub(super) fn confusions(&self) -> &[Confusion<'a>] {
        self.confusions.get_or_init(|| service_port_confusion::confusions(self))
    }

    /// Those of one policy.
    pub(super) fn confusions_in(&self, policy: Placed<'_>) -> &[Confusion<'a>] {
        let all = self.confusions();
        // Found in the order of the policies.
        let from = all.partition_point(|confusion| confusion.policy() < policy.index);
        let to = all.partition_point(|confusion| confusion.policy() <= policy.index);
        all.get(from..to).unwrap_or_default()
    }

    /// Those of the policies that select a group.
    pub(super) fn confusions_of(&self, group: GroupId) -> impl Iterator<Item = &Confusion<'a>> {
        let by_group = self.confused.get_or_init(|| {
            let mut by_group: FxHashMap<GroupId, Vec<u32>> = FxHashMap::default();
            for (number, confusion) in (0_u32..).zip(self.confusions()) {
                let Some(placed) = self.policies.get(confusion.policy() as usize) else { continue };
                for group in self
                    .selected(placed.tier, &placed.policy.subject)
                    .into_iter()
                    .flat_map(|one| one.pods.iter())
                {
                    by_group.entry(group).or_default().push(number);
                }
            }
            by_group
        });
        let numbers = by_group.get(&group).map(Vec::as_slice).unwrap_or_default();
        numbers.iter().filter_map(|&number| self.confusions().get(number as usize))
    }

    /// Every policy that is written somewhere, in evaluation order.
    pub(super) fn policies(&self) -> &[Placed<'a>] {
        &self.written
    }

    /// Every rule of every policy, in evaluation order, egress first.
    pub(super) fn rules(&self) -> impl Iterator<Item = PlacedRule<'a>> + '_ {
        self.written.iter().flat_map(|&at| {
            Direction::ALL.into_iter().flat_map(move |direction| {
                let rules = at.policy.rules(direction).unwrap_or_default();
                rules.iter().map(move |rule| PlacedRule { at, direction, rule })
            })
        })
    }

    /// What a subject or a peer of one of the tier's policies selects.
    pub(super) fn selected(&self, tier: &Tier, selector: &PodSelector) -> Option<&Selected> {
        let sees_hosts = tier.profile(self.snapshot.profile).selectors_see_host_network;
        let [hidden, seen] = &self.selected;
        if sees_hosts { seen } else { hidden }.get(selector)
    }

    /// The policies that select a group, in evaluation order.
    pub(super) fn selecting(&self, group: GroupId) -> impl Iterator<Item = Placed<'a>> + '_ {
        let policies = self.selecting.get(group.0 as usize).map(Vec::as_slice).unwrap_or_default();
        policies.iter().filter_map(|&index| self.policies.get(index as usize).copied())
    }

    /// Nodes and addresses.
    pub(super) fn outside(&self) -> impl Iterator<Item = (EndpointId, &'a Endpoint)> + '_ {
        self.outside.iter().filter_map(|&id| Some((id, self.engine.endpoint(id)?)))
    }

    /// Whoever may send something, nodes apart: of those that policies cannot tell apart the first two,
    /// since one of them may be the destination itself.
    pub(super) fn senders(&self) -> &[Vec<EndpointId>] {
        self.senders.get_or_init(|| {
            let mut numbers = FxHashMap::default();
            let mut classes: Vec<Vec<EndpointId>> = Vec::new();
            for (id, endpoint) in self.engine.ids().zip(self.engine.endpoints()) {
                if matches!(endpoint.kind, EndpointKind::Nodes(_)) {
                    continue;
                }
                let number = *numbers.entry(self.engine.source_class(id)).or_insert_with(|| {
                    classes.push(Vec::new());
                    classes.len() - 1
                });
                classes
                    .get_mut(number)
                    .into_iter()
                    .filter(|class| class.len() < 2)
                    .for_each(|class| class.push(id));
            }
            classes
        })
    }

    /// The virtual addresses of Services, as far as they are known: no policy ever sees one (S-31).
    pub(super) fn service_addresses(&self) -> &IpSet {
        self.service_addresses.get_or_init(|| self.cluster().service_addresses())
    }

    /// A name for a NetworkPolicy of a namespace that none there has: this one, or it with a number.
    pub(super) fn free_name(&self, namespace: &str, wanted: &str) -> String {
        let taken = |name: &str| {
            self.policies.iter().any(|placed| {
                let object = &placed.policy.object;
                object.namespace.as_deref() == Some(namespace) && *object.name == *name
            })
        };
        let mut name = wanted.to_owned();
        for number in 2..u32::MAX {
            if !taken(&name) {
                break;
            }
            name = format!("{wanted}-{number}");
        }
        name
    }

    /// The address of NodeLocal DNSCache, where the manifests deploy it (S-86).
    pub(super) fn node_local_dns(&self) -> Option<EndpointId> {
        let deployed = self.cluster().groups.iter().any(|group| {
            let is = |key| {
                group.labels.get(key).is_some_and(|name| matches!(name, "node-local-dns" | "nodelocaldns"))
            };
            is("k8s-app") || is("app.kubernetes.io/name")
        });
        let holds = |endpoint: &Endpoint| match &endpoint.kind {
            EndpointKind::External(set) => set.contains(NODE_LOCAL),
            _ => false,
        };
        self.outside().find(|(_, endpoint)| deployed && holds(endpoint)).map(|(id, _)| id)
    }

    /// The endpoints that the pods of a group are, ascending.
    pub(super) fn endpoints_of(&self, group: GroupId) -> &[EndpointId] {
        self.endpoints.get(group.0 as usize).map(Vec::as_slice).unwrap_or_default()
    }
}
