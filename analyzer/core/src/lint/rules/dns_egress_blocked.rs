//! `dns-egress-blocked`.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use npv_models::cluster::{Dns, GroupId, PodGroup};
use npv_models::decide::{End, Flow};
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix, Severity, Witness};
use npv_models::policy::{
    Action, Direction, Mode, NamespaceSelector, PeerMatch, Peers, Policy, PortItem, PortMatch, Ports, Rule,
};
use npv_models::space::{Labels, Protocol, Selector};

use crate::engine::{EndpointId, EndpointKind, TrafficId};
use crate::lint::blame::{Culprit, culprit, isolation};
use crate::lint::callers::end_at;
use crate::lint::context::Placed;
use crate::lint::dns::{self, NODE_LOCAL, OPENSHIFT, OPENSHIFT_PORT, PORT, PROTOCOLS, Server, Unseen};
use crate::lint::pods::NAMESPACE_NAME;
use crate::lint::rule::lint_rule;
use crate::lint::spelling::Spelling;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, example, text};

lint_rule! {
    /// A pod is isolated for egress, may reach something, and cannot ask the cluster's DNS.
    ///
    /// ## What it finds
    ///
    /// A pod whose egress policies admit something, but not the cluster's DNS pods on UDP *and* on TCP,
    /// at the port on which these pods listen; or to which a cluster-wide policy denies them. Where UDP is admitted and
    /// TCP is not, it is a note. A pod with `dnsPolicy: None` asks its own nameservers. The DNS pods of OpenShift listen
    /// on 5353: a rule for port 53 does not lead to them.
    ///
    /// ## Why it matters
    ///
    /// Without names nearly nothing works, and the failure looks like something else: time-outs on a connection that
    /// a rule plainly admits. TCP is needed too: answers that do not fit into a datagram are asked for
    /// again over TCP, so that UDP alone fails now and then.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to:
    ///         - ipBlock: {cidr: 203.0.113.0/24}
    ///       ports:
    ///         - port: 443
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit both protocols to the DNS pods. Namespaces carry their name as
    /// `kubernetes.io/metadata.name`, not as `name`.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to:
    ///         - ipBlock: {cidr: 203.0.113.0/24}
    ///       ports:
    ///         - port: 443
    ///     - to:
    ///         - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}
    ///           podSelector: {matchLabels: {k8s-app: kube-dns}}
    ///       ports:
    ///         - {protocol: UDP, port: 53}
    ///         - {protocol: TCP, port: 53}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For a pod that no rule lets reach anything: it was meant to be alone. For the DNS pods
    /// themselves, and for pods with `dnsPolicy: Default`, which ask whom their node asks. Where no manifest shows the DNS pods: wherever a rule for port 53 may lead to them,
    /// for all that is known of their labels and addresses. Where NodeLocal DNSCache is deployed and
    /// its address is admitted.
    pub(in crate::lint) static DNS_EGRESS_BLOCKED = {
        name: "dns-egress-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// Whom pods are kept from asking, and how far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kept {
    /// From the cluster's DNS.
    From,
    /// From the cluster's DNS over TCP alone: short answers arrive.
    OverTcp,
    /// From the nameserver that the pods name themselves.
    FromOwn(IpAddr),
}

/// Pods that one policy keeps from asking, and over what.
#[derive(Default)]
struct Cut {
    pods: BTreeSet<EndpointId>,
    protocols: BTreeSet<Protocol>,
    first: Option<GroupId>,
    /// It is not the pods' own policy that stops them, but one at the DNS pods.
    at_dns: bool,
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let servers = context.dns();
    let node_local = context.node_local_dns();
    let mut unseen = Unseen::default();
    let mut cuts: BTreeMap<(u32, Kept), (Culprit<'_>, Cut)> = BTreeMap::new();
    for (index, pod) in (0_u32..).zip(&context.cluster().groups) {
        let group = GroupId(index);
        if !context.pods.visible(pod) || servers.iter().any(|server| server.group == group) {
            continue;
        }
        let own = match &pod.dns {
            Dns::Cluster => None,
            Dns::Node => continue,
            // Of several, one that answers is enough; which are Services leads to their pods.
            Dns::Own(servers) if servers.iter().any(|&server| leads_to_the_cluster(context, server)) => None,
            Dns::Own(servers) if servers.is_empty() => continue,
            Dns::Own(servers) => Some(servers),
        };
        for &endpoint in context.endpoints_of(group) {
            if !is_restricted(context, endpoint, group) {
                continue;
            }
            let stops: Vec<(Protocol, Culprit<'_>, bool)> = PROTOCOLS
                .into_iter()
                .filter_map(|protocol| {
                    let (stop, at_dns) = match own {
                        Some(addresses) => own_stop(context, addresses, (endpoint, group), protocol)?,
                        None => stop(context, servers, node_local, &mut unseen, (endpoint, group), protocol)?,
                    };
                    Some((protocol, stop, at_dns))
                })
                .collect();
            let over_tcp = stops.iter().all(|(protocol, ..)| *protocol == Protocol::Tcp);
            for (protocol, stop, at_dns) in stops {
                let kept = match own.and_then(|addresses| addresses.first()) {
                    Some(&address) => Kept::FromOwn(address),
                    None if over_tcp => Kept::OverTcp,
                    None => Kept::From,
                };
                let key = (stop.placed.index, kept);
                let (_, cut) = cuts.entry(key).or_insert_with(|| (stop, Cut::default()));
                cut.pods.insert(endpoint);
                cut.protocols.insert(protocol);
                cut.first.get_or_insert(group);
                cut.at_dns |= at_dns;
            }
        }
    }
    findings.extend(
        cuts.into_iter().filter_map(|((_, kept), (stop, cut))| finding(context, servers, stop, kept, &cut)),
    );
}

/// Whether an address is a Service's, so that who asks there asks pods of the cluster; or that of the cache on
/// every node.
fn leads_to_the_cluster(context: &Context<'_>, address: IpAddr) -> bool {
    address == NODE_LOCAL || context.service_addresses().contains(address)
}

/// What stops a pod from asking any of the nameservers that it names itself.
fn own_stop<'a>(
    context: &Context<'a>,
    addresses: &[IpAddr],
    (endpoint, group): (EndpointId, GroupId),
    protocol: Protocol,
) -> Option<(Culprit<'a>, bool)> {
    let asks = |address: IpAddr| {
        context.engine.ids().zip(context.engine.endpoints()).any(|(id, end)| {
            let there = match &end.kind {
                EndpointKind::External(set) => set.contains(address),
                EndpointKind::Pods { groups, .. } => groups.iter().any(|&other| {
                    let pods = context.pods.group(other);
                    pods.is_some_and(|pods| pods.members.iter().any(|pod| pod.addresses.contains(&address)))
                }),
                EndpointKind::Nodes(nodes) => nodes.iter().any(|&node| {
                    let node = context.cluster().nodes.get(node as usize);
                    node.is_some_and(|node| node.addresses.contains(&address))
                }),
                EndpointKind::Assumed(_) => false,
            };
            there && {
                let egress = context.engine.possible_side(endpoint, id, Direction::Egress);
                context.engine.traffic(egress).touches(protocol, PORT)
            }
        })
    };
    if addresses.iter().any(|&address| asks(address)) {
        return None;
    }
    let dst = End::Address(*addresses.first()?);
    let flow = end_at(context, endpoint, group).map(|src| Flow { src, dst, protocol, port: PORT });
    let speaks =
        |_: Placed<'_>, rule: &Rule| PROTOCOLS.iter().any(|&protocol| dns::names_dns(rule, protocol));
    let culprit = culprit(context, (group, Direction::Egress), flow.as_ref(), speaks)?;
    Some((culprit, false))
}

/// What stops the pod from asking over the protocol, and whether it is one at the DNS pods;
/// `None` where the pod can ask or may be able to.
fn stop<'a>(
    context: &Context<'a>,
    servers: &[Server],
    node_local: Option<EndpointId>,
    unseen: &mut Unseen,
    (endpoint, group): (EndpointId, GroupId),
    protocol: Protocol,
) -> Option<(Culprit<'a>, bool)> {
    let speaks =
        |_: Placed<'_>, rule: &Rule| PROTOCOLS.iter().any(|&protocol| dns::names_dns(rule, protocol));
    // Where every node has a cache, pods ask that.
    if node_local.is_some_and(|cache| {
        let egress = context.engine.possible_side(endpoint, cache, Direction::Egress);
        context.engine.traffic(egress).touches(protocol, PORT)
    }) {
        return None;
    }
    let mut denied_there = None;
    for server in servers {
        let port = server.port(protocol);
        for &there in context.endpoints_of(server.group) {
            let sides = context.engine.possibly_between(endpoint, there);
            if context.engine.traffic(sides.both).touches(protocol, port) {
                return None;
            }
            if context.engine.traffic(sides.egress).touches(protocol, port) {
                denied_there.get_or_insert((server, there));
            }
        }
    }
    let flow = |dst| {
        let port = servers.first().map_or(PORT, |server| server.port(protocol));
        Some(Flow { src: end_at(context, endpoint, group)?, dst, protocol, port })
    };
    if let Some((server, there)) = denied_there {
        let dst = end_at(context, there, server.group);
        let flow = dst.and_then(flow).map(|flow| Flow { port: server.port(protocol), ..flow });
        let culprit = culprit(context, (server.group, Direction::Ingress), flow.as_ref(), speaks);
        return culprit.map(|culprit| (culprit, true));
    }
    // Pods that the manifests show in a namespace of which they show nothing else may have labels that a
    // rule asks for (S-42).
    let certain = !servers.is_empty() && servers.iter().all(|server| of_defined_namespace(context, server));
    if !certain && unseen.may_ask(context, group, protocol) {
        return None;
    }
    let namespace = dns::kube_system(context);
    let labels = Labels::from_iter([("k8s-app", "kube-dns")]);
    let dst = match servers.first() {
        Some(server) => {
            context.endpoints_of(server.group).first().and_then(|id| end_at(context, *id, server.group))
        }
        None => Some(dns::assumed(&namespace, &labels)),
    };
    let flow = dst.and_then(flow);
    let culprit = culprit(context, (group, Direction::Egress), flow.as_ref(), speaks);
    culprit.map(|culprit| (culprit, false))
}

/// Whether policies limit what the pods may reach and leave them something.
fn is_restricted(context: &Context<'_>, endpoint: EndpointId, group: GroupId) -> bool {
    let has_rule = |action: Action, mode: Option<Mode>| {
        context.selecting(group).any(|placed| {
            let mut rules = placed.policy.rules(Direction::Egress).unwrap_or_default().iter();
            mode.is_none_or(|mode| placed.tier.mode == mode) && rules.any(|rule| rule.action == action)
        })
    };
    if context.engine.isolated(endpoint, Direction::Egress) {
        return has_rule(Action::Allow, None);
    }
    // Nothing isolates the pods; a denial of an ordered tier may still be about DNS, or about everything.
    has_rule(Action::Deny, Some(Mode::FirstMatch))
        && context
            .engine
            .ids()
            .any(|id| context.engine.possibly_between(endpoint, id).egress != TrafficId::NONE)
}

fn of_defined_namespace(context: &Context<'_>, server: &Server) -> bool {
    let namespace =
        context.pods.group(server.group).and_then(|pod| context.cluster().namespace(pod.namespace));
    namespace.is_some_and(|namespace| namespace.defined.is_some())
}

fn finding(
    context: &Context<'_>,
    servers: &[Server],
    stop: Culprit<'_>,
    kept: Kept,
    cut: &Cut,
) -> Option<Finding> {
    let meant = if stop.rule.is_none() && !cut.at_dns && kept != Kept::OverTcp {
        openshift(context, stop, cut)
    } else {
        None
    };
    if meant.is_some() {
        return meant;
    }
    let servers = if matches!(kept, Kept::FromOwn(_)) { &[][..] } else { servers };
    let policy = stop.placed.policy;
    let object = &policy.object;
    let name = |id: &EndpointId| context.engine.endpoint(*id).map_or("", |endpoint| endpoint.id.as_str());
    let pods = words::some(cut.pods.iter().map(name), 4);
    let port = |protocol: Protocol| servers.first().map_or(PORT, |server| server.port(protocol));
    let missing: Vec<String> =
        cut.protocols.iter().rev().map(|&protocol| format!("{protocol} {}", port(protocol))).collect();
    let missing = missing.join(" and ");
    let whom = match kept {
        Kept::FromOwn(address) if cut.pods.len() == 1 => format!("its own nameserver `{address}`"),
        Kept::FromOwn(address) => format!("their own nameserver `{address}`"),
        Kept::From | Kept::OverTcp => "the cluster's DNS".to_owned(),
    };
    let assumed = match &context.cluster().assumptions.dns {
        _ if matches!(kept, Kept::FromOwn(_)) => String::new(),
        _ if !servers.is_empty() => String::new(),
        Some(labels) => format!(", configured to be pods `{labels}` that no manifest shows,"),
        None => ", taken to be `k8s-app=kube-dns` in `kube-system` since no manifest shows it,".to_owned(),
    };
    let rules =
        policy.rules(if cut.at_dns { Direction::Ingress } else { Direction::Egress }).unwrap_or_default();
    let by_port = stop.rule.or_else(|| {
        rules.iter().find(|rule| PROTOCOLS.iter().any(|&protocol| dns::names_dns(rule, protocol)))
    });
    let direction = if cut.at_dns { Direction::Ingress } else { Direction::Egress };
    let span = by_port.map_or_else(|| isolation(context, policy, direction), |rule| rule.provenance.span);
    let message = if stop.rule.is_some() {
        format!("{stop} denies {pods} {whom} on {missing}")
    } else if cut.at_dns {
        format!("`{object}` isolates the cluster's DNS for ingress and does not admit {pods} on {missing}")
    } else if kept == Kept::OverTcp {
        format!(
            "{pods} may ask the cluster's DNS{assumed} over UDP but not over TCP: `{object}` isolates for egress, and \
             long answers, which are asked for again over TCP, do not arrive"
        )
    } else {
        format!(
            "`{object}` isolates {pods} for egress, and nothing lets {} ask {whom}{assumed} on {missing}",
            if cut.pods.len() == 1 { "it" } else { "them" }
        )
    };
    let mut finding = DNS_EGRESS_BLOCKED
        .finding(span, message)
        .label(format!("{missing} to DNS is denied"))
        .object(object.to_string())
        .key("dns");
    if let Some(pod) = cut.first.and_then(|group| context.pods.group(group)) {
        let workload = context.cluster().workload(pod.workload).map_or(pod.span, |workload| workload.span);
        let label = if kept == Kept::OverTcp { "gets short answers only" } else { "cannot resolve names" };
        finding = finding.related(workload, label);
    }
    if kept == Kept::OverTcp {
        finding.severity = Severity::Note;
        finding = finding.key("dns tcp");
    } else if cut.protocols.contains(&Protocol::Tcp) && !cut.protocols.contains(&Protocol::Udp) {
        finding = finding.help("answers that do not fit into a datagram are asked for again over TCP");
    }
    if let Kept::FromOwn(address) = kept {
        finding = finding.key(format!("dns {address}"));
    }
    if let Some((src, server)) = cut.pods.first().zip(servers.first()) {
        let dst = context.endpoints_of(server.group).first()?;
        let protocol = *cut.protocols.last()?;
        finding = finding.witness(Witness {
            src: name(src).to_owned(),
            dst: name(dst).to_owned(),
            protocol: protocol.name(),
            port: server.port(protocol),
        });
    }
    if stop.rule.is_some() {
        return Some(
            finding.help("accept the questions in a rule that is asked before the one that denies them"),
        );
    }
    if cut.at_dns {
        return Some(finding.help("admit the clients in the policy of the DNS pods"));
    }
    // Otherwise a rule of its own says it.
    let listed = Spelling::of(&policy.object).listed;
    let (finding, edits) = match by_port {
        Some(rule) if !matches!(kept, Kept::FromOwn(_)) && listed => edits(context, finding, rule, cut),
        _ => (finding, Vec::new()),
    };
    let (mut peers, ports) = allowance(context, servers, policy, &cut.protocols);
    if let Kept::FromOwn(address) = kept {
        peers = vec![format!("{{ipBlock: {{cidr: {}}}}}", ipnet::IpNet::from(address))];
    }
    let all: Vec<String> = if edits.is_empty() {
        PROTOCOLS.iter().map(|&protocol| example::port(protocol, port(protocol), port(protocol))).collect()
    } else {
        ports
    };
    let edits = match rules.last() {
        // A policy that allows something may allow this too; one that only denies is better left alone.
        Some(last) if edits.is_empty() => {
            let (sources, span) = (context.sources(), last.provenance.span);
            let block = |indent| example::rule_of(&policy.object, Direction::Egress, &peers, &all, indent);
            let flow = || example::rule_in_braces(Direction::Egress, &peers, &all);
            text::add_block_item_after(sources, span, block)
                .or_else(|| text::add_flow_item_after(sources, span, &flow()).filter(|_| listed))
                .into_iter()
                .collect()
        }
        _ => edits,
    };
    Some(finding.fix(Fix {
        description: format!("let the pods of `{object}` ask DNS on {missing}"),
        applicability: if edits.is_empty() { Applicability::DisplayOnly } else { Applicability::Unsafe },
        edits,
        example: Some(example::rule_of(&policy.object, Direction::Egress, &peers, &all, 0)),
    }))
}

/// The finding where rules lead to OpenShift's DNS on the port of its Service: its pods listen on another.
fn openshift(context: &Context<'_>, stop: Culprit<'_>, cut: &Cut) -> Option<Finding> {
    let policy = stop.placed.policy;
    let rules = policy.rules(Direction::Egress).unwrap_or_default();
    let leads = |rule: &&Rule| match &rule.peers {
        Peers::Anyone => false,
        Peers::Listed(peers) => peers.iter().any(|peer| match &peer.matches {
            PeerMatch::Pods(selector) => dns::dns_ports(context, &selector.namespaces).eq([OPENSHIFT_PORT]),
            _ => false,
        }),
    };
    let items: Vec<&PortItem> = rules
        .iter()
        .filter(leads)
        .filter_map(|rule| match &rule.ports {
            Ports::Listed(items) => Some(items),
            Ports::All => None,
        })
        .flatten()
        .filter(|item| match &item.matches {
            PortMatch::Numbers(traffic) => PROTOCOLS
                .iter()
                .any(|&protocol| matches!(traffic.ports(protocol).intervals(), [(PORT, PORT)])),
            PortMatch::Named { .. } => false,
        })
        .collect();
    let value = |item: &PortItem| {
        let span = item.provenance.span;
        text::value(context.sources(), span, "port").unwrap_or(span)
    };
    let (first, others) = items.split_first()?;
    let name = |id: &EndpointId| context.engine.endpoint(*id).map_or("", |endpoint| endpoint.id.as_str());
    let pods = words::some(cut.pods.iter().map(name), 4);
    let message = format!(
        "`{}` lets {pods} ask the DNS of `{OPENSHIFT}` on port {PORT}, where nobody listens: its pods listen on \
         {OPENSHIFT_PORT}, and policy sees the port of the pods",
        policy.object
    );
    let mut finding = DNS_EGRESS_BLOCKED
        .finding(value(first), message)
        .label("the port of the Service")
        .object(policy.object.to_string())
        .key("dns");
    for item in others {
        finding = finding.related(value(item), "and here");
    }
    let edits = items
        .iter()
        .map(|item| Edit { span: value(item), replacement: OPENSHIFT_PORT.to_string() })
        .collect();
    Some(finding.fix(Fix {
        description: format!("replace {PORT} by {OPENSHIFT_PORT}, the port of the pods"),
        applicability: Applicability::Unsafe,
        edits,
        example: None,
    }))
}

/// The peers and ports that are missing.
fn allowance(
    context: &Context<'_>,
    servers: &[Server],
    policy: &Policy,
    protocols: &BTreeSet<Protocol>,
) -> (Vec<String>, Vec<String>) {
    let own = policy.object.namespace.as_deref().unwrap_or_default();
    let server = servers.first();
    let port = |protocol: Protocol| server.map_or(PORT, |server| server.port(protocol));
    let ports =
        protocols.iter().map(|&protocol| example::port(protocol, port(protocol), port(protocol))).collect();
    let pod: Option<&PodGroup> = server.and_then(|server| context.pods.group(server.group));
    let peer = match pod {
        Some(pod) => {
            // The label by which DNS pods are known, or all that there are.
            let known = ["k8s-app", "app.kubernetes.io/name", "dns.operator.openshift.io/daemonset-dns"];
            let labels =
                known.iter().find_map(|key| pod.labels.get(key).map(|value| Selector::label(*key, value)));
            let labels = labels.unwrap_or_else(|| selector_of(&pod.labels));
            example::pods(context.cluster().namespace_name(pod.namespace), &labels, own)
        }
        None => match &context.cluster().assumptions.dns {
            Some(labels) => example::pods_anywhere(&selector_of(labels)),
            None => example::pods("kube-system", &Selector::label("k8s-app", "kube-dns"), own),
        },
    };
    (vec![peer], ports)
}

fn selector_of(labels: &Labels) -> Selector {
    Selector::new(labels.iter().map(|(key, value)| {
        npv_models::space::Requirement::new(key, npv_models::space::Operator::In, [value])
    }))
}

/// The edits that mend a rule that was written for DNS: the missing protocol, and a namespace label
/// that `kube-system` does not have.
fn edits(context: &Context<'_>, mut finding: Finding, rule: &Rule, cut: &Cut) -> (Finding, Vec<Edit>) {
    let sources = context.sources();
    let mut edits = Vec::new();
    if let Peers::Listed(peers) = &rule.peers {
        for peer in peers {
            let PeerMatch::Pods(selector) = &peer.matches else { continue };
            let NamespaceSelector::Labels(labels) = &selector.namespaces else { continue };
            if dns::may_be_dns_namespace(context, &selector.namespaces) {
                continue;
            }
            finding = finding
                .related(peer.provenance.span, format!("`kube-system` does not carry `{labels}` by default"))
                .help(format!(
                    "every namespace carries its name as `{NAMESPACE_NAME}`; any other label is there only where \
                     somebody adds it"
                ));
            let names_it = labels
                .requirements()
                .iter()
                .any(|one| &*one.key == "name" && one.values.iter().any(|value| &**value == "kube-system"));
            let key = names_it.then(|| text::key(sources, peer.provenance.span, "name")).flatten();
            edits.extend(key.map(|span| Edit { span, replacement: NAMESPACE_NAME.to_owned() }));
        }
    }
    let Ports::Listed(items) = &rule.ports else { return (finding, edits) };
    for &protocol in &cut.protocols {
        let other = if protocol == Protocol::Tcp { Protocol::Udp } else { Protocol::Tcp };
        if dns::names_dns(rule, protocol) {
            continue;
        }
        let of_other = |item: &&PortItem| match &item.matches {
            PortMatch::Numbers(traffic) => traffic.touches(other, PORT) && !traffic.ports(other).is_full(),
            PortMatch::Named { .. } => false,
        };
        let item = items.iter().find(of_other);
        edits.extend(item.and_then(|item| {
            let port = [("protocol", protocol.name()), ("port", "53")];
            text::add_item_after(sources, item.provenance.span, &port)
        }));
    }
    (finding, edits)
}
