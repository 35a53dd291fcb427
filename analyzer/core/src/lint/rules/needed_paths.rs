//! `statefulset-peers-blocked`, `api-server-egress-blocked` and `nodelocal-dns-blocked`: what pods need of
//! each other and of the cluster.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use npv_models::cluster::{GroupId, Target, Workload};
use npv_models::diagnostic::{Applicability, Finding, Fix, Witness};
use npv_models::policy::{Direction, Rule};
use npv_models::space::Protocol;

use crate::engine::{EndpointId, EndpointKind};
use crate::lint::blame::{blame, isolation};
use crate::lint::blocked::{Blocked, Party};
use crate::lint::callers::{Caller, api_server, stop};
use crate::lint::context::Placed;
use crate::lint::dns::{self, PORT, PROTOCOLS};
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, example};

lint_rule! {
    /// The replicas of a StatefulSet may not reach each other, though a headless Service is there for it.
    ///
    /// ## What it finds
    ///
    /// A StatefulSet of more than one replica behind a headless Service, none of whose ports passes from one
    /// replica to another.
    ///
    /// ## Why it matters
    ///
    /// A headless Service in front of a StatefulSet is how replicas find each other: to elect a leader, to
    /// replicate, to form a cluster. Cut off, each of them waits for the others, or becomes a leader of its own.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: StatefulSet
    /// metadata: {name: db, namespace: data}
    /// spec:
    ///   replicas: 3
    ///   serviceName: db
    ///   selector: {matchLabels: {app: db}}
    ///   template:
    ///     metadata: {labels: {app: db}}
    ///     spec: {containers: [{name: db, ports: [{containerPort: 5432}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: db, namespace: data}
    /// spec: {clusterIP: None, selector: {app: db}, ports: [{port: 5432}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: data}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the replicas to each other, in both directions where both are isolated.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: db-peers, namespace: data}
    /// spec:
    ///   podSelector: {matchLabels: {app: db}}
    ///   ingress:
    ///     - from: [{podSelector: {matchLabels: {app: db}}}]
    ///       ports: [{port: 5432}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For a single replica, without a headless Service, and where at least one of its ports passes.
    pub(in crate::lint) static STATEFULSET_PEERS_BLOCKED = {
        name: "statefulset-peers-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_peers),
    };
}

lint_rule! {
    /// Pods that use the Kubernetes API may not reach the API server.
    ///
    /// ## What it finds
    ///
    /// Pods whose ServiceAccount a RoleBinding or ClusterRoleBinding names, isolated for egress, with no address
    /// admitted on TCP 443 or 6443.
    ///
    /// ## Why it matters
    ///
    /// Who has been given rights in the API is going to use it. Controllers and operators that cannot do nothing
    /// at all, and say so only in their logs.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: operator, namespace: ops, labels: {app: operator}}
    /// spec: {serviceAccountName: operator, containers: [{name: operator}]}
    /// ---
    /// apiVersion: rbac.authorization.k8s.io/v1
    /// kind: ClusterRoleBinding
    /// metadata: {name: operator}
    /// roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: view}
    /// subjects: [{kind: ServiceAccount, name: operator, namespace: ops}]
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: ops}
    /// spec: {podSelector: {}, policyTypes: [Egress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the API server's address and port. It is no pod: no selector matches it, and the address of the
    /// Service `kubernetes` is translated before a policy looks.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: operator-to-api-server, namespace: ops}
    /// spec:
    ///   podSelector: {matchLabels: {app: operator}}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to: [{ipBlock: {cidr: 192.0.2.10/32}}]
    ///       ports: [{port: 6443}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where any address is admitted on one of the two ports, unless the Endpoints of the Service `kubernetes`
    /// give the API server's own.
    pub(in crate::lint) static API_SERVER_EGRESS_BLOCKED = {
        name: "api-server-egress-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_api),
    };
}

lint_rule! {
    /// NodeLocal DNSCache is deployed, and a pod's egress policies do not admit its address.
    ///
    /// ## What it finds
    ///
    /// A pod that may reach something, but not 169.254.20.10 on UDP and TCP 53, where the manifests deploy NodeLocal
    /// DNSCache.
    ///
    /// ## Why it matters
    ///
    /// With NodeLocal DNSCache pods ask an address of their own node. The cache is on the host network, so a
    /// `podSelector` for the DNS pods does not admit it.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: apps/v1
    /// kind: DaemonSet
    /// metadata: {name: node-local-dns, namespace: kube-system}
    /// spec:
    ///   selector: {matchLabels: {k8s-app: node-local-dns}}
    ///   template:
    ///     metadata: {labels: {k8s-app: node-local-dns}}
    ///     spec: {hostNetwork: true, containers: [{name: cache}]}
    /// ---
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: dns, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to: [{namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}]
    ///       ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the address of the cache beside the DNS pods.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: dns, namespace: shop}
    /// spec:
    ///   podSelector: {}
    ///   policyTypes: [Egress]
    ///   egress:
    ///     - to:
    ///         - {namespaceSelector: {}, podSelector: {matchLabels: {k8s-app: kube-dns}}}
    ///         - {ipBlock: {cidr: 169.254.20.10/32}}
    ///       ports: [{protocol: UDP, port: 53}, {protocol: TCP, port: 53}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where no manifest deploys NodeLocal DNSCache; for a pod that no rule lets reach anything; for the DNS
    /// pods themselves.
    pub(in crate::lint) static NODELOCAL_DNS_BLOCKED = {
        name: "nodelocal-dns-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_node_local),
    };
}

/// Where NodeLocal DNSCache listens unless told otherwise.
const NODE_LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(169, 254, 20, 10));

fn check_peers(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    let mut blocked = Blocked::new(context);
    for service in cluster.services.iter().filter(|service| service.headless) {
        let mut by_workload: BTreeMap<_, Vec<(GroupId, Protocol, u16)>> = BTreeMap::new();
        for port in &service.ports {
            for target in cluster.targets(service, port) {
                let Target::Pods { group, port: number } = target else { continue };
                let Some(pods) = context.pods.group(group) else { continue };
                by_workload.entry(pods.workload).or_default().push((group, port.protocol, number));
            }
        }
        for (id, targets) in by_workload {
            let Some(workload) = cluster.workload(id).filter(|workload| replicated(context, workload)) else {
                continue;
            };
            let name = format!("the replicas of `{}`", cluster.endpoint_name(id));
            let party =
                Party { name, id: cluster.endpoint_name(id), caller: Caller::Pods(workload.groups.clone()) };
            let stopped = |&(group, protocol, port): &(GroupId, Protocol, u16)| {
                stop(context, &party.caller, group, protocol, port).is_some()
            };
            if targets.iter().all(stopped) {
                for (group, protocol, port) in targets {
                    blocked.ask(
                        &party,
                        group,
                        (protocol, port),
                        (service.span, "by which they find each other"),
                    );
                }
            }
        }
    }
    blocked.report(&STATEFULSET_PEERS_BLOCKED, findings);
}

fn replicated(context: &Context<'_>, workload: &Workload) -> bool {
    let pods = workload.groups.iter().filter_map(|&id| context.pods.group(id));
    &*workload.kind == "StatefulSet" && pods.map(|pods| pods.pods).sum::<u32>() > 1
}

fn check_api(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    if cluster.demands.bindings.is_empty() {
        return;
    }
    let Caller::ApiServer(addresses) = api_server(context) else { return };
    let mut stops: BTreeMap<u32, (Placed<'_>, Vec<EndpointId>)> = BTreeMap::new();
    for workload in cluster.workloads.iter().filter(|workload| bound(context, workload)) {
        for &group in &workload.groups {
            let Some(pods) = context.pods.group(group).filter(|pods| context.pods.visible(pods)) else {
                continue;
            };
            for &src in context.endpoints_of(group) {
                if admitted(context, src, &addresses) {
                    continue;
                }
                let speaks =
                    |rule: &Rule| toward(&rule.ports, Some(pods)).contains(Protocol::Tcp, API_PORTS[1]);
                if let Some(placed) = blame(context, group, Direction::Egress, speaks) {
                    stops.entry(placed.index).or_insert_with(|| (placed, Vec::new())).1.push(src);
                }
            }
        }
    }
    for (placed, pods) in stops.into_values() {
        let policy = placed.policy;
        let name = |id: &EndpointId| context.engine.endpoint(*id).map_or("", |end| end.id.as_str());
        let named = words::some(pods.iter().map(name), 4);
        let peers = match addresses.first() {
            Some(address) => vec![format!("{{ipBlock: {{cidr: {}}}}}", ipnet::IpNet::from(*address))],
            None => vec!["{ipBlock: {cidr: 0.0.0.0/0}} # better: the API server's address".to_owned()],
        };
        let ports: Vec<String> =
            API_PORTS.iter().map(|&port| example::port(Protocol::Tcp, port, port)).collect();
        findings.push(
            API_SERVER_EGRESS_BLOCKED
                .finding(
                    policy.name_span,
                    format!("`{}` does not let {named} leave for the API server, whose API it has rights in", policy.object),
                )
                .label("TCP 443 and 6443 are denied")
                .object(policy.object.to_string())
                .key("api-server")
                .witness(Witness {
                    src: pods.first().map_or_else(String::new, |id| name(id).to_owned()),
                    dst: "{api-server}".to_owned(),
                    protocol: Protocol::Tcp.name(),
                    port: API_PORTS[0],
                })
                .help("the API server is no pod: admit its address; the Service's own address is translated before policy looks")
                .fix(Fix {
                    description: "let them reach the API server".to_owned(),
                    applicability: Applicability::DisplayOnly,
                    edits: Vec::new(),
                    example: Some(example::rule(Direction::Egress, &peers, &ports, 0)),
                }),
        );
    }
}

/// The port of the Service `kubernetes`, and the one that the API server listens on nearly everywhere.
const API_PORTS: [u16; 2] = [443, 6443];

/// Whether a binding names the ServiceAccount of a workload.
fn bound(context: &Context<'_>, workload: &Workload) -> bool {
    let cluster = context.cluster();
    let namespace = cluster.namespace_name(workload.namespace);
    let account = workload.service_account.as_deref().unwrap_or("default");
    cluster
        .demands
        .bindings
        .iter()
        .flat_map(|binding| &binding.accounts)
        .any(|(of, name)| **of == *namespace && **name == *account)
}

/// Whether a pod may reach the API server: at one of its addresses, or at any where they are not known.
fn admitted(context: &Context<'_>, src: EndpointId, addresses: &[IpAddr]) -> bool {
    context.engine.ids().zip(context.engine.endpoints()).any(|(id, end)| {
        let there = match &end.kind {
            EndpointKind::External(set) => {
                addresses.is_empty() || addresses.iter().any(|&address| set.contains(address))
            }
            EndpointKind::Nodes(_) => true,
            EndpointKind::Pods { .. } | EndpointKind::Assumed => false,
        };
        let egress = context.engine.traffic(context.engine.between(src, id).egress);
        there && API_PORTS.iter().any(|&port| egress.contains(Protocol::Tcp, port))
    })
}

fn check_node_local(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    let deployed = cluster.groups.iter().any(|group| {
        group.labels.get("k8s-app") == Some("node-local-dns")
            || group.labels.get("app.kubernetes.io/name") == Some("node-local-dns")
    });
    let cache = context.engine.ids().zip(context.engine.endpoints()).find(|(_, end)| match &end.kind {
        EndpointKind::External(set) => set.contains(NODE_LOCAL),
        _ => false,
    });
    let (true, Some((cache, _))) = (deployed, cache) else { return };
    let mut stops: BTreeMap<u32, (Placed<'_>, Vec<EndpointId>)> = BTreeMap::new();
    for (index, pods) in (0_u32..).zip(&cluster.groups) {
        let group = GroupId(index);
        let meant_to_reach = context
            .selecting(group)
            .any(|placed| placed.policy.rules(Direction::Egress).is_some_and(|rules| !rules.is_empty()));
        if !context.pods.visible(pods)
            || !meant_to_reach
            || context.dns().iter().any(|server| server.group == group)
        {
            continue;
        }
        for &src in context.endpoints_of(group) {
            let egress = context.engine.traffic(context.engine.between(src, cache).egress);
            if PROTOCOLS.iter().all(|&protocol| egress.contains(protocol, PORT)) {
                continue;
            }
            let speaks = |rule: &Rule| PROTOCOLS.iter().any(|&protocol| dns::names_dns(rule, protocol));
            if let Some(placed) = blame(context, group, Direction::Egress, speaks) {
                stops.entry(placed.index).or_insert_with(|| (placed, Vec::new())).1.push(src);
            }
        }
    }
    for (placed, pods) in stops.into_values() {
        let policy = placed.policy;
        let rules = policy.rules(Direction::Egress).unwrap_or_default();
        let by_port =
            rules.iter().find(|rule| PROTOCOLS.iter().any(|&protocol| dns::names_dns(rule, protocol)));
        let span = by_port
            .map_or_else(|| isolation(context, policy, Direction::Egress), |rule| rule.provenance.span);
        let name = |id: &EndpointId| context.engine.endpoint(*id).map_or("", |end| end.id.as_str());
        let named = words::some(pods.iter().map(name), 4);
        let ports: Vec<String> =
            PROTOCOLS.iter().map(|&protocol| example::port(protocol, PORT, PORT)).collect();
        let peers = vec![format!("{{ipBlock: {{cidr: {NODE_LOCAL}/32}}}}")];
        findings.push(
            NODELOCAL_DNS_BLOCKED
                .finding(
                    span,
                    format!(
                        "`{}` keeps {named} from NodeLocal DNSCache at {NODE_LOCAL} on UDP 53 and TCP 53",
                        policy.object
                    ),
                )
                .label("does not admit the cache")
                .object(policy.object.to_string())
                .key("node-local-dns")
                .witness(Witness {
                    src: pods.first().map_or_else(String::new, |id| name(id).to_owned()),
                    dst: NODE_LOCAL.to_string(),
                    protocol: Protocol::Udp.name(),
                    port: PORT,
                })
                .help("the cache is on the host network: a podSelector for the DNS pods does not admit it")
                .fix(Fix {
                    description: format!("admit {NODE_LOCAL}"),
                    applicability: Applicability::DisplayOnly,
                    edits: Vec::new(),
                    example: Some(example::rule(Direction::Egress, &peers, &ports, 0)),
                }),
        );
    }
}
