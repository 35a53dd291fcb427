//! What a network plugin reads in a policy, where that is something else than the policy says.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::deviation::{Deviation, DeviationKind};
use super::{Cni, Ipv6Blocks, NamedPorts};
use crate::cluster::{Cluster, PodGroup};
use crate::k8s::{
    self, NetworkPolicy, NetworkPolicyPeer, NetworkPolicyPort, NetworkPolicyRule, PortRef, Spanned,
};
use crate::policy::{Direction, ObjectRef};
use crate::source::Span;
use crate::space::{IpSet, Protocol, Selector, Truth};

/// A policy as the plugin reads it; `None` where it does not read it at all. What IR alone can say is left to the
/// dialects: what an `except` denies, and what is not known.
pub fn adapt<'p>(policy: &'p k8s::Policy, cluster: &Cluster, cni: &Cni) -> Option<Cow<'p, k8s::Policy>> {
    read(policy, cluster, cni, &mut Vec::new())
}

/// The same, and everything in which the reading differs from what is written.
pub(super) fn read<'p>(
    policy: &'p k8s::Policy,
    cluster: &Cluster,
    cni: &Cni,
    said: &mut Vec<Deviation>,
) -> Option<Cow<'p, k8s::Policy>> {
    let object = object(policy);
    let mut say = |kind, span, what: String, instead: String| {
        said.push(Deviation { kind, object: object.clone(), what, instead, span });
    };
    let name = policy.meta().name.span;
    let kind = policy.kind();
    match cni.enforces(policy) {
        Truth::Yes => {}
        Truth::No => {
            say(DeviationKind::NotEnforced, name, format!("this {kind}"), not_enforced(policy, cni));
            return None;
        }
        Truth::Maybe => {
            let instead = format!("may or may not watch {kind} of {}", policy.group());
            say(DeviationKind::MaybeEnforced, name, format!("this {kind}"), instead);
        }
    }
    let Some(written) = network_policy(policy) else { return Some(Cow::Borrowed(policy)) };
    let mut reader = Reading { written, cluster, cni, say: &mut say, void: false, changed: false };
    let mut read = written.clone();
    for (direction, rules) in [(Direction::Ingress, &mut read.ingress), (Direction::Egress, &mut read.egress)]
    {
        for rule in rules.iter_mut().flat_map(|rules| &mut rules.value) {
            reader.rule(direction, rule);
        }
    }
    if reader.void {
        return None;
    }
    if !reader.changed {
        return Some(Cow::Borrowed(policy));
    }
    let mut changed = policy.clone();
    if let Some(slot) = network_policy_mut(&mut changed) {
        *slot = read;
    }
    Some(Cow::Owned(changed))
}

/// The policy as one of pods, rules and ports as NetworkPolicy has them.
fn network_policy(policy: &k8s::Policy) -> Option<&NetworkPolicy> {
    match policy {
        k8s::Policy::NetworkPolicy(policy) | k8s::Policy::AwsApplication(policy) => Some(policy),
        _ => None,
    }
}

fn network_policy_mut(policy: &mut k8s::Policy) -> Option<&mut NetworkPolicy> {
    match policy {
        k8s::Policy::NetworkPolicy(policy) | k8s::Policy::AwsApplication(policy) => Some(policy),
        _ => None,
    }
}

/// What an object is called.
fn object(policy: &k8s::Policy) -> ObjectRef {
    let meta = policy.meta();
    ObjectRef {
        group: policy.group(),
        kind: policy.kind(),
        namespace: (!meta.namespace.is_empty()).then(|| meta.namespace.clone()),
        name: meta.name.value.clone(),
    }
}

/// Why a policy has no effect.
fn not_enforced(policy: &k8s::Policy, cni: &Cni) -> String {
    if !cni.traits.enforces() {
        return "enforces no policies".to_owned();
    }
    if let (k8s::Policy::Admin(admin), Some(highest)) = (policy, cni.traits.highest_priority)
        && let (Some(priority), true) = (admin.priority, cni.traits.admin.possible())
    {
        return format!("refuses the priority {}: the highest that it takes is {highest}", priority.value);
    }
    format!("does not watch {} of {}", policy.kind(), policy.group())
}

/// A policy on the way from what is written to what is read.
struct Reading<'r> {
    written: &'r NetworkPolicy,
    cluster: &'r Cluster,
    cni: &'r Cni,
    say: &'r mut dyn FnMut(DeviationKind, Span, String, String),
    /// It is not installed.
    void: bool,
    changed: bool,
}

impl Reading<'_> {
    fn rule(&mut self, direction: Direction, rule: &mut NetworkPolicyRule) {
        self.ports(direction, rule);
        let mut peers = Vec::with_capacity(rule.peers.len());
        for peer in std::mem::take(&mut rule.peers) {
            match &peer.value {
                NetworkPolicyPeer::Block { cidr, except } => {
                    self.block(peer.span, *cidr, except);
                    match self.routed(&peer) {
                        Some(blocks) => peers.extend(blocks),
                        None => peers.push(peer),
                    }
                }
                NetworkPolicyPeer::Pods { namespaces, pods } => {
                    let nodes = self.host_peers(namespaces.as_ref(), pods.as_ref(), peer.span);
                    peers.push(peer);
                    peers.extend(nodes);
                }
                NetworkPolicyPeer::Domains(_) => peers.push(peer),
            }
        }
        rule.peers = peers;
    }

    fn ports(&mut self, direction: Direction, rule: &mut NetworkPolicyRule) {
        let everybody = rule.peers.is_empty();
        let restricted = !rule.ports.is_empty();
        let mut ports = Vec::with_capacity(rule.ports.len());
        for mut port in std::mem::take(&mut rule.ports) {
            let NetworkPolicyPort { protocol, port: which } = &port.value;
            let (protocol, span) = (*protocol, port.span);
            if protocol == Protocol::Sctp && !self.cni.traits.sctp.certain() {
                let instead = "drops all SCTP unless it is switched on";
                (self.say)(DeviationKind::Sctp, span, "SCTP".to_owned(), instead.to_owned());
            }
            match which {
                Some(PortRef::Numbers(range)) if range.start() < range.end() => {
                    if let Some(read) = self.range(range, span) {
                        port.value.port = Some(PortRef::Numbers(read));
                    }
                    ports.push(port);
                }
                Some(PortRef::Name(name)) => match self.named(direction, everybody, protocol, name, span) {
                    None => ports.push(port),
                    Some(numbers) => {
                        self.changed = true;
                        let number = |number| NetworkPolicyPort {
                            protocol,
                            port: Some(PortRef::Numbers(number..=number)),
                        };
                        ports.extend(numbers.into_iter().map(|of| Spanned::new(number(of), span)));
                    }
                },
                _ => ports.push(port),
            }
        }
        // A list that has become empty must not open everything.
        if restricted && ports.is_empty() {
            let nothing = PortRef::Numbers(RangeInclusive::new(1, 0));
            let port = NetworkPolicyPort { protocol: Protocol::Tcp, port: Some(nothing) };
            ports.push(Spanned::new(port, rule.span));
        }
        rule.ports = ports;
    }

    /// What is read in place of a range (P-12).
    fn range(&mut self, range: &RangeInclusive<u16>, span: Span) -> Option<RangeInclusive<u16>> {
        let what = format!("the range {}-{}", range.start(), range.end());
        match self.cni.traits.end_port {
            Truth::Yes => None,
            Truth::No => {
                let instead = format!("ignores `endPort`: only port {} opens", range.start());
                (self.say)(DeviationKind::EndPort, span, what, instead);
                self.changed = true;
                Some(*range.start()..=*range.start())
            }
            Truth::Maybe => {
                let instead =
                    format!("may ignore `endPort`: what is behind port {} is unknown", range.start());
                (self.say)(DeviationKind::EndPort, span, what, instead);
                None
            }
        }
    }

    /// What is read in place of a name; `None` where it is looked up as the API says.
    fn named(
        &mut self,
        direction: Direction,
        everybody: bool,
        protocol: Protocol,
        name: &str,
        span: Span,
    ) -> Option<Vec<u16>> {
        match (self.cni.traits.named_ports, direction) {
            (NamedPorts::VoidPolicy, _) => {
                self.say_of(
                    name,
                    span,
                    "refuses the whole policy because of it: its pods are not even isolated".to_owned(),
                );
                self.void = true;
                None
            }
            (NamedPorts::OfSubjects, Direction::Ingress) => {
                let pods = self.written.pod_selector.as_ref().map(|selector| &selector.value);
                let numbers = self.numbers(name, protocol, pods);
                if numbers.len() < 2 {
                    return None;
                }
                self.say_of(name, span, format!("opens {} on each pod of the policy", listed(&numbers)));
                Some(numbers)
            }
            (NamedPorts::OfSubjects, Direction::Egress) if everybody => {
                self.say_of(name, span, "opens nothing by it: the rule has no `to`".to_owned());
                Some(Vec::new())
            }
            (NamedPorts::OfNamespace, Direction::Egress) if everybody => {
                let numbers = self.numbers(name, protocol, None);
                let instead = match numbers.as_slice() {
                    [] => {
                        "opens nothing by it: no pod of the policy's own namespace calls a port so".to_owned()
                    }
                    some => format!("opens {} to everybody", listed(some)),
                };
                self.say_of(name, span, instead);
                Some(numbers)
            }
            (NamedPorts::OneNumber, Direction::Egress) => {
                let numbers = self.everywhere(name, protocol);
                if numbers.len() > 1 {
                    self.say_of(name, span, format!("skips it: it is {} in the cluster", listed(&numbers)));
                }
                None
            }
            (NamedPorts::Unknown, _) => {
                self.say_of(name, span, "does with it what nobody has shown".to_owned());
                None
            }
            _ => None,
        }
    }

    fn say_of(&mut self, name: &str, span: Span, instead: String) {
        (self.say)(DeviationKind::NamedPort, span, format!("the port name `{name}`"), instead);
    }

    /// What pods of the policy's namespace call so, those with labels that a selector may match.
    fn numbers(&self, name: &str, protocol: Protocol, pods: Option<&Selector>) -> Vec<u16> {
        let namespace = &*self.written.meta.namespace;
        let selected = |group: &&PodGroup| pods.is_none_or(|pods| pods.truth(&group.labels).possible());
        let own = |group: &&PodGroup| self.cluster.namespace_name(group.namespace) == namespace;
        declared(self.cluster.groups.iter().filter(own).filter(selected), name, protocol)
    }

    fn everywhere(&self, name: &str, protocol: Protocol) -> Vec<u16> {
        declared(self.cluster.groups.iter(), name, protocol)
    }

    /// What is said of a block.
    fn block(&mut self, span: Span, cidr: IpNet, except: &[IpNet]) {
        if self.cni.traits.except_denies
            && let Some(first) = except.iter().min()
        {
            let instead = "denies it, whatever a wider block of another rule admits";
            (self.say)(DeviationKind::Except, span, format!("the exception `{first}`"), instead.to_owned());
        }
        if matches!(cidr, IpNet::V6(_)) && self.cni.traits.ipv6_blocks == Ipv6Blocks::VoidPolicy {
            let instead = "does not install the policy because of it";
            (self.say)(DeviationKind::Ipv6Block, span, format!("the block `{cidr}`"), instead.to_owned());
            self.void = true;
        }
        if !self.cni.profile.blocks_match_pods {
            let holes = except.iter().map(|hole| IpSet::net(*hole));
            let block = holes.fold(IpSet::net(cidr), |rest, hole| rest.difference(&hole));
            let mut members = self.cluster.groups.iter().filter(|group| !group.host_network);
            let known = members.any(|group| {
                let mut addresses = group.members.iter().flat_map(|pod| &*pod.addresses);
                addresses.any(|address| block.contains(*address))
            });
            if known || block.intersects(&self.cluster.pod_space()) {
                let instead = "never matches a pod by a block";
                (self.say)(
                    DeviationKind::BlockOnPods,
                    span,
                    format!("the block `{cidr}`"),
                    instead.to_owned(),
                );
            }
        }
    }

    /// What is read in place of `::/0` (P-19).
    fn routed(&mut self, peer: &Spanned<NetworkPolicyPeer>) -> Option<Vec<Spanned<NetworkPolicyPeer>>> {
        let NetworkPolicyPeer::Block { cidr, except } = &peer.value else { return None };
        let whole = matches!(cidr, IpNet::V6(net) if net.prefix_len() == 0);
        if self.cni.traits.ipv6_blocks != Ipv6Blocks::Routed || !whole {
            return None;
        }
        let instead = "covers 2000::/3 and fd00::/8 only";
        (self.say)(DeviationKind::Ipv6Block, peer.span, "the block `::/0`".to_owned(), instead.to_owned());
        self.changed = true;
        let blocks = ["2000::/3", "fd00::/8"].into_iter().filter_map(|block| block.parse::<IpNet>().ok());
        let part = |cidr: IpNet| NetworkPolicyPeer::Block {
            cidr,
            except: except.iter().copied().filter(|hole| cidr.contains(hole)).collect(),
        };
        Some(blocks.map(|block| Spanned::new(part(block), peer.span)).collect())
    }

    /// The addresses of the nodes of pods on the host network that a peer selects (P-21).
    fn host_peers(
        &mut self,
        namespaces: Option<&Selector>,
        pods: Option<&Selector>,
        span: Span,
    ) -> Vec<Spanned<NetworkPolicyPeer>> {
        if !self.cni.traits.host_peers_are_nodes {
            return Vec::new();
        }
        let within = |group: &PodGroup| {
            let there = self.cluster.namespaces.get(group.namespace.0 as usize);
            match namespaces {
                None => there.is_some_and(|there| there.name == self.written.meta.namespace),
                Some(selector) => there.is_some_and(|there| selector.matches(&there.labels)),
            }
        };
        let selected = self.cluster.groups.iter().filter(|group| {
            group.host_network && within(group) && pods.is_none_or(|pods| pods.matches(&group.labels))
        });
        let addresses = selected.flat_map(|group| &group.members).flat_map(|pod| &*pod.addresses);
        let addresses: BTreeSet<IpNet> = addresses.map(|address| IpNet::from(*address)).collect();
        if addresses.is_empty() {
            return Vec::new();
        }
        let instead =
            "takes a peer on the host network for its node, and so for everybody on that node's network";
        (self.say)(DeviationKind::HostPeer, span, "this peer".to_owned(), instead.to_owned());
        self.changed = true;
        let block = |cidr| Spanned::new(NetworkPolicyPeer::Block { cidr, except: Vec::new() }, span);
        addresses.into_iter().map(block).collect()
    }
}

fn declared<'g>(groups: impl Iterator<Item = &'g PodGroup>, name: &str, protocol: Protocol) -> Vec<u16> {
    let ports = groups.filter(|group| !group.host_network).flat_map(|group| &*group.ports);
    let named = ports.filter(|port| port.name.as_deref() == Some(name) && port.protocol == protocol);
    let numbers: BTreeSet<u16> = named.map(|port| port.number).collect();
    numbers.into_iter().collect()
}

/// `port 80`, `ports 80 and 8080`.
fn listed(numbers: &[u16]) -> String {
    let texts: Vec<String> = numbers.iter().map(u16::to_string).collect();
    match texts.as_slice() {
        [one] => format!("port {one}"),
        [all @ .., last] => format!("ports {} and {last}", all.join(", ")),
        [] => "no port".to_owned(),
    }
}
