//! Where the cluster's DNS is, and whether a policy lets a pod ask it.
//!
//! Where the manifests show the DNS pods, the engine answers. Where they do not, which is usual in an
//! application's repository, DNS is taken to be pods `k8s-app: kube-dns` in `kube-system` on port 53,
//! and a rule gets the benefit of the doubt wherever it may lead there.

use std::net::{IpAddr, Ipv4Addr};

use ipnet::IpNet;
use npv_models::cluster::{Cluster, GroupId, PodGroup, Service};
use npv_models::decide::{End, PodEnd};
use npv_models::policy::{
    Action, Direction, Mode, NamespaceSelector, PeerMatch, Peers, PodSelector, PortMatch, Ports, Rule,
};
use npv_models::space::{IpSet, Labels, Operator, Protocol, Selector, Traffic};
use rustc_hash::FxHashMap;

use super::context::Context;
use super::pods::{NAMESPACE_NAME, Pods, may_match};
use super::services::{Services, target};
use super::words::Names;

/// The port of DNS.
pub(super) const PORT: u16 = 53;

/// The protocols of DNS: UDP, and TCP for long answers (S-86).
pub(super) const PROTOCOLS: [Protocol; 2] = [Protocol::Udp, Protocol::Tcp];

/// Where NodeLocal DNSCache listens on every node (S-86).
pub(super) const NODE_LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10));

/// Where OpenShift deploys its DNS.
pub(super) const OPENSHIFT: &str = "openshift-dns";

/// The port on which OpenShift's DNS pods listen; its Service has 53.
pub(super) const OPENSHIFT_PORT: u16 = 5353;

/// Namespaces in which a cluster's DNS is deployed, with the port on which its pods listen.
const NAMESPACES: [(&str, u16); 2] = [("kube-system", PORT), (OPENSHIFT, OPENSHIFT_PORT)];

/// Some pods of the cluster's DNS.
#[derive(Clone, Debug)]
pub(super) struct Server {
    /// The pods.
    pub(super) group: GroupId,
    /// Their own port for UDP and for TCP.
    ports: [u16; 2],
}

impl Server {
    /// Their own port for a protocol.
    pub(super) fn port(&self, protocol: Protocol) -> u16 {
        let [udp, tcp] = self.ports;
        if protocol == Protocol::Tcp { tcp } else { udp }
    }
}

/// The DNS pods that the manifests show and selectors see.
pub(super) fn servers(cluster: &Cluster, pods: &Pods<'_>, services: &Services<'_>) -> Vec<Server> {
    let mut servers: Vec<Server> = Vec::new();
    for (service, backends) in services.iter().filter(|(service, _)| is_dns_service(cluster, service)) {
        for &group in backends {
            let Some(pod) = pods.group(group).filter(|pod| pods.visible(pod)) else { continue };
            let configured = cluster.assumptions.dns.is_some();
            if servers.iter().any(|server| server.group == group) || configured && !is_dns_pod(cluster, pod) {
                continue;
            }
            let port = |protocol| {
                let mut ports = service.ports.iter().filter(|port| port.port == PORT);
                let port = ports.find(|port| port.protocol == protocol);
                port.and_then(|port| target(port, pod)).unwrap_or_else(|| declared(pod, protocol))
            };
            servers.push(Server { group, ports: PROTOCOLS.map(port) });
        }
    }
    for (index, pod) in (0_u32..).zip(&cluster.groups) {
        let group = GroupId(index);
        if is_dns_pod(cluster, pod)
            && pods.visible(pod)
            && !servers.iter().any(|server| server.group == group)
        {
            servers.push(Server { group, ports: PROTOCOLS.map(|protocol| declared(pod, protocol)) });
        }
    }
    servers.sort_by_key(|server| server.group);
    servers
}

/// The port that the pods declare for DNS over this protocol, else 53.
fn declared(pod: &PodGroup, protocol: Protocol) -> u16 {
    let mut of_protocol = pod.ports.iter().filter(|port| port.protocol == protocol);
    let by_name = of_protocol.clone().find(|port| port.name.as_deref().is_some_and(is_dns_name));
    by_name.or_else(|| of_protocol.find(|port| port.number == PORT)).map_or(PORT, |port| port.number)
}

fn in_dns_namespace(cluster: &Cluster, namespace: npv_models::cluster::NamespaceId) -> bool {
    NAMESPACES.iter().any(|(name, _)| *name == cluster.namespace_name(namespace))
}

pub(super) fn is_dns_service(cluster: &Cluster, service: &Service) -> bool {
    // Whoever has said which pods it is knows better than names do.
    if cluster.assumptions.dns.is_some() {
        return service.ports.iter().any(|port| port.port == PORT);
    }
    let named = matches!(&*service.name, "kube-dns" | "coredns" | "dns-default")
        || is_dns_app(&service.labels)
        || service.name.ends_with("-coredns");
    named
        && in_dns_namespace(cluster, service.namespace)
        && service.ports.iter().any(|port| port.port == PORT)
}

/// Whether a group is of the cluster's DNS: as somebody has said, else by its labels.
pub(crate) fn is_dns_pod(cluster: &Cluster, pod: &PodGroup) -> bool {
    match &cluster.assumptions.dns {
        Some(labels) => labels.iter().all(|(key, value)| pod.labels.get(key) == Some(value)),
        None => is_dns_app(&pod.labels) && in_dns_namespace(cluster, pod.namespace),
    }
}

fn is_dns_app(labels: &Labels) -> bool {
    let is = |key, values: &[&str]| labels.get(key).is_some_and(|value| values.contains(&value));
    is("k8s-app", &["kube-dns", "coredns", "core-dns"])
        || is("app.kubernetes.io/name", &["coredns", "kube-dns"])
        || is("dns.operator.openshift.io/daemonset-dns", &["default"])
}

fn is_dns_name(name: &str) -> bool {
    name.contains("dns") || name.contains("domain")
}

/// Whether the entries list the port of DNS over the protocol by number or by name.
pub(super) fn names_dns(rule: &Rule, protocol: Protocol) -> bool {
    match &rule.ports {
        Ports::All => false,
        Ports::Listed(items) => items.iter().any(|item| match &item.matches {
            PortMatch::Numbers(traffic) => !traffic.ports(protocol).is_full() && asks(traffic, protocol),
            PortMatch::Named { protocol: of, name } => {
                of.is_none_or(|of| of == protocol) && is_dns_name(name)
            }
        }),
    }
}

/// OpenShift's DNS pods listen on 5353.
fn asks(traffic: &Traffic, protocol: Protocol) -> bool {
    NAMESPACES.iter().any(|(_, port)| traffic.touches(protocol, *port))
}

/// Whether the ports hold one of these, or any that is named after DNS.
pub(super) fn admits(ports: &Ports, protocol: Protocol, numbers: &[u16]) -> bool {
    match ports {
        Ports::All => true,
        Ports::Listed(items) => items.iter().any(|item| match &item.matches {
            PortMatch::Numbers(traffic) => numbers.iter().any(|port| traffic.touches(protocol, *port)),
            PortMatch::Named { protocol: of, name } => {
                of.is_none_or(|of| of == protocol) && is_dns_name(name)
            }
        }),
    }
}

/// Whether DNS pods that no manifest shows may be among those that the rule leads to.
fn may_lead_to_dns(context: &Context<'_>, rule: &Rule, protocol: Protocol) -> bool {
    if !admits(&rule.ports, protocol, &[PORT, OPENSHIFT_PORT]) {
        return false;
    }
    // A port says who is meant only where labels do not.
    let by_port = context.cluster().assumptions.dns.is_none() && names_dns(rule, protocol);
    match &rule.peers {
        Peers::Anyone => true,
        Peers::Listed(peers) => peers.iter().any(|peer| match &peer.matches {
            PeerMatch::Pods(selector) => {
                // Policy sees the port of the pods, and that depends on whose they are.
                let numbers: Vec<u16> = dns_ports(context, &selector.namespaces).collect();
                admits(&rule.ports, protocol, &numbers)
                    && !numbers.is_empty()
                    && (by_port || may_be_dns_pod(context, &selector.pods))
            }
            PeerMatch::Block { cidr, except } => {
                !is_of_services(context, *cidr) && (by_port || may_hold_pods(*cidr, except))
            }
            PeerMatch::Nodes(_) | PeerMatch::Domain(_) => by_port,
            // S-67: a peer that npv does not know is reported as such; nothing is built on it, nor on one that
            // is more than a selector or a block.
            _ => true,
        }),
    }
}

/// Whether the rule certainly matches a question to the pods that DNS is taken to be.
fn leads_to_dns(context: &Context<'_>, rule: &Rule, protocol: Protocol) -> bool {
    let here = match &rule.ports {
        Ports::All => true,
        Ports::Listed(items) => items.iter().any(|item| match &item.matches {
            PortMatch::Numbers(traffic) => traffic.touches(protocol, PORT),
            PortMatch::Named { .. } => false,
        }),
    };
    let configured = context.cluster().assumptions.dns.as_ref();
    let labels = configured.cloned().unwrap_or_else(|| Labels::from_iter([("k8s-app", "kube-dns")]));
    here && match &rule.peers {
        Peers::Anyone => true,
        Peers::Listed(peers) => peers.iter().any(|peer| match &peer.matches {
            PeerMatch::Pods(PodSelector { namespaces, pods }) => {
                let there = match namespaces {
                    // Its labels are known then, its namespace is not.
                    NamespaceSelector::Labels(selector) if configured.is_some() => selector.is_everything(),
                    NamespaceSelector::Named(_) if configured.is_some() => false,
                    NamespaceSelector::Named(name) => &**name == "kube-system",
                    NamespaceSelector::Labels(selector) => selector.matches(&kube_system(context)),
                };
                there && pods.matches(&labels)
            }
            _ => false,
        }),
    }
}

/// The pods that DNS is taken to be where no manifest shows any, by the labels of `kube-system` and their own.
pub(super) fn assumed<'a>(namespace: &'a Labels, labels: &'a Labels) -> End<'a> {
    End::Pod(PodEnd {
        namespace: Some("kube-system"),
        namespace_labels: namespace,
        labels,
        ..PodEnd::default()
    })
}

/// What is known of the labels of `kube-system`.
pub(super) fn kube_system(context: &Context<'_>) -> Labels {
    let id = context.pods.namespace("kube-system");
    match id.and_then(|id| context.cluster().namespace(id)) {
        Some(namespace) => (*namespace.labels).clone(),
        None => Labels::from_iter([(NAMESPACE_NAME, "kube-system")]),
    }
}

/// Whether a block holds nothing but virtual addresses of Services, which no policy sees (S-31).
fn is_of_services(context: &Context<'_>, cidr: IpNet) -> bool {
    IpSet::net(cidr).difference(context.service_addresses()).is_empty()
}

/// Whether DNS may be in one of the namespaces, for all that the manifests tell (S-42).
pub(super) fn may_be_dns_namespace(context: &Context<'_>, selector: &NamespaceSelector) -> bool {
    dns_ports(context, selector).next().is_some()
}

/// The ports of the DNS pods that may be in one of the namespaces; where somebody has said which pods DNS is, but not
/// where, all.
pub(super) fn dns_ports(context: &Context<'_>, selector: &NamespaceSelector) -> impl Iterator<Item = u16> {
    let anywhere = context.cluster().assumptions.dns.is_some();
    let may_be = |name: &str| match selector {
        NamespaceSelector::Named(own) => **own == *name,
        NamespaceSelector::Labels(selector) => {
            let known = context.pods.namespace(name).and_then(|id| context.cluster().namespace(id));
            match known {
                Some(namespace) if namespace.defined.is_some() => selector.matches(&namespace.labels),
                _ => may_match(selector, name, &Labels::from_iter([(NAMESPACE_NAME, name)])),
            }
        }
    };
    let found: Vec<u16> =
        NAMESPACES.iter().filter(|(name, _)| anywhere || may_be(name)).map(|(_, port)| *port).collect();
    found.into_iter()
}

/// Whether pods of a DNS server may carry such labels: every label that is asked for speaks of DNS.
fn may_be_dns_pod(context: &Context<'_>, selector: &Selector) -> bool {
    if let Some(labels) = &context.cluster().assumptions.dns {
        return selector.requirements().iter().all(|requirement| {
            let known = labels.get(&requirement.key);
            known.is_none() || requirement.accepts(known)
        });
    }
    selector.matches(&Labels::from_iter([("k8s-app", "kube-dns")]))
        || selector.requirements().iter().all(|requirement| match requirement.operator {
            Operator::In => {
                is_dns_name(&requirement.key) || requirement.values.iter().any(|value| is_dns_name(value))
            }
            Operator::Exists => is_dns_name(&requirement.key) || &*requirement.key == "k8s-app",
            // What looks into values may find those of a DNS server.
            _ => true,
        })
}

/// Whether pods of a cluster may have addresses in the block: private ones. Of a block as wide as the
/// internet only what is private by every convention counts.
fn may_hold_pods(cidr: IpNet, except: &[IpNet]) -> bool {
    const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
    const SHARED: &str = "100.64.0.0/10";
    let holes = except.iter().fold(IpSet::EMPTY, |holes, hole| holes.union(&IpSet::net(*hole)));
    let block = IpSet::net(cidr).difference(&holes);
    let wide = cidr.prefix_len() < 8;
    let ranges = PRIVATE.iter().chain((!wide).then_some(&SHARED));
    ranges.filter_map(|range| range.parse().ok()).any(|range: IpNet| IpSet::net(range).intersects(&block))
        || (!wide && block.contains(NODE_LOCAL))
}

/// Per group of pods whether its policies may let it ask DNS pods that no manifest shows.
#[derive(Debug, Default)]
pub(super) struct Unseen {
    /// By the number of a policy, in evaluation order.
    by_policy: FxHashMap<u32, [bool; 2]>,
}

impl Unseen {
    /// Whether the pods may ask over the protocol: no only where every rule is certain not to lead there.
    pub(super) fn may_ask(&mut self, context: &Context<'_>, group: GroupId, protocol: Protocol) -> bool {
        let placed: Vec<_> = context.selecting(group).collect();
        for policies in placed.chunk_by(|a, b| std::ptr::eq(a.tier, b.tier)) {
            let Some(tier) = policies.first().map(|placed| placed.tier) else { continue };
            let of_direction = policies
                .iter()
                .filter_map(|placed| Some((placed.index, placed.policy.rules(Direction::Egress)?)));
            if tier.mode == Mode::Union {
                let mut takes_part = false;
                let isolating = |index: u32| {
                    let mut those = policies.iter().filter(|placed| placed.index == index);
                    those.any(|placed| placed.isolates(Direction::Egress))
                };
                for (index, rules) in of_direction {
                    takes_part |= isolating(index);
                    if self.policy(context, index, rules, protocol) {
                        return true;
                    }
                }
                if takes_part {
                    return false;
                }
                continue;
            }
            for rule in of_direction.flat_map(|(_, rules)| rules) {
                match rule.action {
                    Action::Allow if may_lead_to_dns(context, rule, protocol) => return true,
                    Action::Deny if leads_to_dns(context, rule, protocol) => return false,
                    Action::Pass if leads_to_dns(context, rule, protocol) => break,
                    _ => {}
                }
            }
        }
        true
    }

    fn policy(&mut self, context: &Context<'_>, index: u32, rules: &[Rule], protocol: Protocol) -> bool {
        let answers = self.by_policy.entry(index).or_insert_with(|| {
            PROTOCOLS.map(|protocol| rules.iter().any(|rule| may_lead_to_dns(context, rule, protocol)))
        });
        let [udp, tcp] = *answers;
        if protocol == Protocol::Tcp { tcp } else { udp }
    }
}
