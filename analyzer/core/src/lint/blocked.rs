//! Findings about paths that a policy stops: one for each policy, however many pods it keeps apart.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use npv_models::cluster::{GroupId, PodGroup};
use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::policy::Direction;
use npv_models::source::Span;
use npv_models::space::{Operator, PortSet, Protocol, Requirement, Selector, Traffic};

use super::callers::{Caller, Stop, stop};
use super::context::Context;
use super::example;
use super::rule::Rule;
use super::words::{self, Names};

/// Who calls, in the words of a message.
#[derive(Clone, Debug)]
pub(super) struct Party {
    /// What it is: `the ingress controller`, `Prometheus`.
    pub(super) name: String,
    /// What it is called in a witness where it is no endpoint: `{ingress-controller}`.
    pub(super) id: String,
    /// Who it is.
    pub(super) caller: Caller,
    /// What a policy that admits it is called after: `ingress`, `prometheus`.
    pub(super) short: &'static str,
}

/// Paths that policies stop, gathered by policy.
pub(super) struct Blocked<'c, 'a> {
    context: &'c Context<'a>,
    by_policy: BTreeMap<(u32, Direction), Found<'a>>,
}

struct Found<'a> {
    stop: Stop<'a>,
    party: Party,
    first: (Protocol, u16),
    /// Each with what is denied there.
    groups: BTreeMap<GroupId, Traffic>,
    pods: BTreeSet<String>,
    traffic: Traffic,
    related: Vec<(Span, String)>,
}

impl<'c, 'a> Blocked<'c, 'a> {
    /// Nothing yet.
    pub(super) fn new(context: &'c Context<'a>) -> Self {
        Self { context, by_policy: BTreeMap::new() }
    }

    /// Asks whether a party reaches a port of some pods, and notes the policy that stops it; `because` is
    /// the place that says the party must reach them, with what it is.
    pub(super) fn ask(
        &mut self,
        party: &Party,
        group: GroupId,
        (protocol, port): (Protocol, u16),
        because: (Span, &str),
    ) {
        let Some(stop) = stop(self.context, &party.caller, group, protocol, port) else { return };
        let found =
            self.by_policy.entry((stop.culprit.placed.index, stop.direction)).or_insert_with(|| Found {
                stop,
                party: party.clone(),
                first: (protocol, port),
                groups: BTreeMap::new(),
                pods: BTreeSet::new(),
                traffic: Traffic::NONE,
                related: Vec::new(),
            });
        let pods = self.context.engine.endpoint(stop.dst).map(|end| end.id.clone());
        found.pods.extend(pods);
        let traffic = Traffic::of(protocol, PortSet::single(port));
        found.traffic = found.traffic.union(&traffic);
        let of_group = found.groups.entry(group).or_default();
        *of_group = of_group.union(&traffic);
        if !found.related.iter().any(|(span, _)| *span == because.0) {
            found.related.push((because.0, because.1.to_owned()));
        }
    }

    /// One finding of a rule for each policy that stops something.
    pub(super) fn report(self, rule: &Rule, findings: &mut Vec<Finding>) {
        for ((_, direction), found) in &self.by_policy {
            findings.push(self.finding(rule, *direction, found));
        }
    }

    fn finding(&self, rule: &Rule, direction: Direction, found: &Found<'_>) -> Finding {
        let culprit = &found.stop.culprit;
        let policy = culprit.placed.policy;
        let pods = words::some(&found.pods, 4);
        let (protocol, port) = found.first;
        let party = &found.party;
        let message = match direction {
            Direction::Ingress => {
                format!("{culprit} keeps {} from {pods} on {}", party.name, found.traffic)
            }
            Direction::Egress => {
                format!("{culprit} does not let {} leave for {pods} on {}", party.name, found.traffic)
            }
        };
        let mut finding = rule
            .finding(culprit.span(), message)
            .label(format!("{} is denied", found.traffic))
            .object(policy.object.to_string())
            .key(format!("{direction}:{}", party.id))
            .witness(found.stop.witness(self.context, &party.id, protocol, port));
        for (span, label) in found.related.iter().take(3) {
            finding = finding.related(*span, label.clone());
        }
        // Which pods it is about, for whoever puts findings together.
        for workload in found.groups.keys().filter_map(|&group| {
            let pods = self.context.pods.group(group)?;
            self.context.cluster().workload(pods.workload)
        }) {
            finding = finding.hidden(workload.span);
        }
        if let Some(remedy) = culprit.remedy() {
            return finding.help(remedy);
        }
        match self.allowance(direction, found) {
            Some(example) => finding.fix(Fix {
                description: format!("let {} reach {pods} on {}", party.name, found.traffic),
                applicability: Applicability::DisplayOnly,
                edits: Vec::new(),
                example: Some(example),
            }),
            None => finding,
        }
    }

    /// Policies that grant what is missing, one for each sort of pods.
    fn allowance(&self, direction: Direction, found: &Found<'_>) -> Option<String> {
        let mut grants: Vec<example::Grant> = Vec::new();
        for (&group, traffic) in &found.groups {
            let grant = grant(self.context, direction, &found.party, group, traffic)?;
            let same = grants.iter_mut().find(|one| {
                (&one.namespace, &one.subject, &one.peers) == (&grant.namespace, &grant.subject, &grant.peers)
            });
            match same {
                Some(one) => one.ports.extend(
                    grant.ports.into_iter().filter(|port| !one.ports.contains(port)).collect::<Vec<_>>(),
                ),
                None => grants.push(grant),
            }
        }
        written(self.context, grants)
    }
}

/// A policy that lets a party reach some pods, on one side of the connection.
pub(super) fn grant(
    context: &Context<'_>,
    direction: Direction,
    party: &Party,
    group: GroupId,
    traffic: &Traffic,
) -> Option<example::Grant> {
    let cluster = context.cluster();
    let target = context.pods.group(group)?;
    let callers: &[GroupId] = match &party.caller {
        Caller::Pods(groups) => groups,
        Caller::Unseen | Caller::ApiServer(_) | Caller::Balancer => &[],
    };
    // Pods that a selector sees before those on the host network.
    let caller = callers
        .iter()
        .filter_map(|&id| context.pods.group(id))
        .min_by_key(|pods| !context.pods.visible(pods));
    let (subject, peer) = match direction {
        Direction::Ingress => (target, caller),
        Direction::Egress => (caller?, Some(target)),
    };
    let namespace = cluster.namespace_name(subject.namespace).to_owned();
    let peers = match (peer, &party.caller) {
        (Some(peer), _) if !context.pods.visible(peer) => at_nodes(context, peer),
        (Some(peer), _) => {
            vec![example::pods(cluster.namespace_name(peer.namespace), &selector(&peer.labels), &namespace)]
        }
        // The API server is known by its addresses; its network is the reader's to fill in.
        (None, Caller::ApiServer(addresses)) if !addresses.is_empty() => addresses
            .iter()
            .map(|address| format!("{{ipBlock: {{cidr: {}}}}}", ipnet::IpNet::from(*address)))
            .collect(),
        (None, Caller::ApiServer(_)) => {
            vec!["{ipBlock: {cidr: 0.0.0.0/0}} # the API server's network".to_owned()]
        }
        (None, Caller::Balancer) => {
            vec!["{ipBlock: {cidr: 10.0.0.0/8}} # the subnets of the load balancer".to_owned()]
        }
        (None, _) => vec!["{namespaceSelector: {}} # better: the namespace of the caller".to_owned()],
    };
    let mut ports = Vec::new();
    for protocol in Protocol::ALL {
        let set = traffic.ports(protocol);
        ports.extend(set.intervals().iter().map(|&(first, last)| example::port(protocol, first, last)));
    }
    let workload = cluster.workload(subject.workload)?;
    let name = match direction {
        Direction::Ingress => format!("allow-{}-to-{}", party.short, workload.name),
        Direction::Egress => {
            let to = cluster.workload(target.workload)?;
            format!("allow-{}-to-{}", workload.name, to.name)
        }
    };
    Some(example::Grant { name, namespace, subject: selector(&subject.labels), direction, peers, ports })
}

/// More policies than this in one remedy are not shown.
const MOST_GRANTS: usize = 6;

/// The policies as manifests, each under a name of its own.
pub(super) fn written(context: &Context<'_>, mut grants: Vec<example::Grant>) -> Option<String> {
    let mut taken = BTreeSet::new();
    for grant in &mut grants {
        let mut name = context.free_name(&grant.namespace, &grant.name);
        let mut number = 2;
        while !taken.insert((grant.namespace.clone(), name.clone())) {
            name = context.free_name(&grant.namespace, &format!("{}-{number}", grant.name));
            number += 1;
        }
        grant.name = name;
    }
    // A page of policies is read by nobody.
    let shown: Vec<String> = grants.iter().take(MOST_GRANTS).map(example::Grant::yaml).collect();
    (!shown.is_empty()).then(|| shown.join("---\n"))
}

/// Pods on the host network as a peer: no selector sees them, their traffic has the address of their node (S-37).
pub(super) fn at_nodes(context: &Context<'_>, pods: &PodGroup) -> Vec<String> {
    let of_pods = pods.members.iter().flat_map(|pod| pod.addresses.iter());
    let of_nodes = context.cluster().nodes.iter().flat_map(|node| node.addresses.iter());
    let mut known: BTreeSet<IpAddr> = of_pods.copied().collect();
    if known.is_empty() {
        known.extend(of_nodes);
    }
    if known.is_empty() {
        return vec![
            "{ipBlock: {cidr: 0.0.0.0/0}} # the nodes' addresses: no selector sees the host network"
                .to_owned(),
        ];
    }
    known
        .into_iter()
        .map(|address| format!("{{ipBlock: {{cidr: {}}}}}", ipnet::IpNet::from(address)))
        .collect()
}

/// The labels by which people select pods, without those that a controller adds to each of its own.
pub(super) fn selector(labels: &npv_models::space::Labels) -> Selector {
    const GENERATED: [&str; 6] = [
        "controller-revision-hash",
        "pod-template-generation",
        "pod-template-hash",
        "statefulset.kubernetes.io/pod-name",
        "apps.kubernetes.io/pod-index",
        "helm.sh/chart",
    ];
    let kept = labels.iter().filter(|(key, _)| !GENERATED.contains(key));
    Selector::new(kept.map(|(key, value)| Requirement::new(key, Operator::In, [value])))
}
