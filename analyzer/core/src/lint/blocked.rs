//! Findings about paths that a policy stops: one for each policy, however many pods it keeps apart.

use std::collections::{BTreeMap, BTreeSet};

use npv_models::cluster::GroupId;
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
}

/// Paths that policies stop, gathered by policy.
pub(super) struct Blocked<'c, 'a> {
    context: &'c Context<'a>,
    by_policy: BTreeMap<(u32, Direction), Found<'a>>,
}

struct Found<'a> {
    stop: Stop<'a>,
    party: Party,
    first: (GroupId, Protocol, u16),
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
                first: (group, protocol, port),
                pods: BTreeSet::new(),
                traffic: Traffic::NONE,
                related: Vec::new(),
            });
        let pods = self.context.engine.endpoint(stop.dst).map(|end| end.id.clone());
        found.pods.extend(pods);
        found.traffic = found.traffic.union(&Traffic::of(protocol, PortSet::single(port)));
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
        let (group, protocol, port) = found.first;
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
        if let Some(remedy) = culprit.remedy() {
            return finding.help(remedy);
        }
        match self.allowance(direction, found, group) {
            Some(example) => finding.fix(Fix {
                description: format!("let {} reach {pods} on {}", party.name, found.traffic),
                applicability: Applicability::DisplayOnly,
                edits: Vec::new(),
                example: Some(example),
            }),
            None => finding,
        }
    }

    /// A policy that grants what is missing.
    fn allowance(&self, direction: Direction, found: &Found<'_>, group: GroupId) -> Option<String> {
        let cluster = self.context.cluster();
        let target = self.context.pods.group(group)?;
        let caller = match &found.party.caller {
            Caller::Pods(groups) => groups.first().and_then(|&id| self.context.pods.group(id)),
            Caller::Unseen | Caller::ApiServer(_) => None,
        };
        let (subject, peer) = match direction {
            Direction::Ingress => (target, caller),
            Direction::Egress => (caller?, Some(target)),
        };
        let namespace = cluster.namespace_name(subject.namespace).to_owned();
        let peers = match (peer, &found.party.caller) {
            (Some(peer), _) => vec![example::pods(
                cluster.namespace_name(peer.namespace),
                &selector(&peer.labels),
                &namespace,
            )],
            // The API server is known by its addresses; its network is the reader's to fill in.
            (None, Caller::ApiServer(addresses)) if !addresses.is_empty() => addresses
                .iter()
                .map(|address| format!("{{ipBlock: {{cidr: {}}}}}", ipnet::IpNet::from(*address)))
                .collect(),
            (None, Caller::ApiServer(_)) => {
                vec!["{ipBlock: {cidr: 0.0.0.0/0}} # the API server's network".to_owned()]
            }
            (None, _) => vec!["{namespaceSelector: {}} # better: the namespace of the caller".to_owned()],
        };
        let mut ports = Vec::new();
        for protocol in Protocol::ALL {
            let set = found.traffic.ports(protocol);
            ports.extend(set.intervals().iter().map(|&(first, last)| example::port(protocol, first, last)));
        }
        let workload = cluster.workload(subject.workload)?;
        let grant = example::Grant {
            name: format!("allow-{}", workload.name),
            namespace,
            subject: selector(&subject.labels),
            direction,
            peers,
            ports,
        };
        Some(grant.yaml())
    }
}

/// The labels by which people select pods, without those that a controller adds to each of its own.
fn selector(labels: &npv_models::space::Labels) -> Selector {
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
