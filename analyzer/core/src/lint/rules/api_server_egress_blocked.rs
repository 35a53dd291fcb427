//! `api-server-egress-blocked`.

use std::collections::BTreeMap;
use std::net::IpAddr;

use npv_models::cluster::Workload;
use npv_models::decide::Flow;
use npv_models::diagnostic::{Applicability, Finding, Fix, Witness};
use npv_models::policy::{Direction, Peer, PeerMatch, Peers, Policy, Rule};
use npv_models::source::Span;
use npv_models::space::Protocol;
use rustc_hash::FxHashSet;

use crate::engine::{EndpointId, EndpointKind};
use crate::lint::blame::{Culprit, culprit};
use crate::lint::callers::{Caller, api_server, end_at, may_be_at, outside_end};
use crate::lint::context::Placed;
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words;
use crate::lint::{Check, Context, example};

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
    /// Where the role only says how pods may be set up (pod security policies, security context
    /// constraints). Where any address is admitted on one of the two ports, unless the Endpoints of the Service `kubernetes`
    /// give the API server's own.
    pub(in crate::lint) static API_SERVER_EGRESS_BLOCKED = {
        name: "api-server-egress-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// The policies, by their number in evaluation order, that keep somebody from the API server which this rule reports.
pub(super) fn keeping(context: &Context<'_>) -> FxHashSet<u32> {
    stops(context).into_keys().collect()
}

/// The port of the Service `kubernetes`, and the one that the API server listens on nearly everywhere.
const API_PORTS: [u16; 2] = [443, 6443];

/// Who is kept from the API server, by policy.
fn stops<'a>(context: &Context<'a>) -> BTreeMap<u32, (Culprit<'a>, Vec<EndpointId>)> {
    let cluster = context.cluster();
    if cluster.demands.bindings.is_empty() {
        return BTreeMap::new();
    }
    let Caller::ApiServer(addresses) = api_server(context) else { return BTreeMap::new() };
    let mut stops: BTreeMap<u32, (Culprit<'_>, Vec<EndpointId>)> = BTreeMap::new();
    let bound = bound(context);
    let account = |workload: &Workload| {
        let name = workload.service_account.as_deref().unwrap_or("default");
        bound.contains(&(cluster.namespace_name(workload.namespace), name))
    };
    for workload in cluster.workloads.iter().filter(|workload| account(workload)) {
        for &group in &workload.groups {
            let Some(pods) = context.pods.group(group).filter(|pods| context.pods.visible(pods)) else {
                continue;
            };
            for &src in context.endpoints_of(group) {
                if admitted(context, src, &addresses) {
                    continue;
                }
                let speaks = |_: Placed<'_>, rule: &Rule| {
                    toward(&rule.ports, Some(pods)).touches(Protocol::Tcp, API_PORTS[1])
                };
                let mut servers = context.outside().filter(|(_, end)| may_be_at(&end.kind, &addresses));
                let server = servers.find_map(|(_, end)| outside_end(context, &end.kind, &addresses));
                let flow = end_at(context, src, group).zip(server).map(|(src, dst)| Flow {
                    src,
                    dst,
                    protocol: Protocol::Tcp,
                    port: API_PORTS[1],
                });
                let culprit = culprit(context, (group, Direction::Egress), flow.as_ref(), speaks);
                if let Some(culprit) = culprit {
                    let index = culprit.placed.index;
                    stops.entry(index).or_insert_with(|| (culprit, Vec::new())).1.push(src);
                }
            }
        }
    }
    stops
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let Caller::ApiServer(addresses) = api_server(context) else { return };
    for (culprit, pods) in stops(context).into_values() {
        let policy = culprit.placed.policy;
        let name = |id: &EndpointId| context.engine.endpoint(*id).map_or("", |end| end.id.as_str());
        let named = words::some(pods.iter().map(name), 4);
        let peers = match addresses.first() {
            Some(address) => vec![format!("{{ipBlock: {{cidr: {}}}}}", ipnet::IpNet::from(*address))],
            None => vec!["{ipBlock: {cidr: 0.0.0.0/0}} # better: the API server's address".to_owned()],
        };
        let ports: Vec<String> =
            API_PORTS.iter().map(|&port| example::port(Protocol::Tcp, port, port)).collect();
        let finding = API_SERVER_EGRESS_BLOCKED
            .finding(
                culprit.span(),
                format!("{culprit} does not let {named} leave for the API server, whose API it has rights in"),
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
            .help("the API server is no pod: admit its address; the Service's own address is translated before policy looks");
        let finding = by_virtual_address(context, policy).into_iter().take(3).fold(finding, |finding, (span, address)| {
            finding.related(
                span,
                format!("`{address}` is the address of `Service/default/kubernetes`, which no packet has when policy looks"),
            )
        });
        findings.push(match culprit.remedy() {
            Some(remedy) => finding.help(remedy),
            None => finding.fix(Fix {
                description: "let them reach the API server".to_owned(),
                applicability: Applicability::DisplayOnly,
                edits: Vec::new(),
                example: Some(example::rule_of(&policy.object, Direction::Egress, &peers, &ports, 0)),
            }),
        });
    }
}

/// The ServiceAccounts, by namespace and name, that have rights in the API. Roles that only say how pods
/// may be set up are none: nobody calls the API for these.
fn bound<'c>(context: &Context<'c>) -> FxHashSet<(&'c str, &'c str)> {
    let about_set_up = |role: &str| {
        ["psp", "podsecuritypolicy", "scc"]
            .iter()
            .any(|part| role.to_ascii_lowercase().split(['-', ':', '.']).any(|word| word == *part))
    };
    let bindings = context.cluster().demands.bindings.iter();
    let calling = bindings.filter(|binding| !about_set_up(&binding.role));
    calling.flat_map(|binding| &binding.accounts).map(|(namespace, name)| (&**namespace, &**name)).collect()
}

/// Whether a pod may reach the API server: at one of its addresses, or at any where they are not known.
fn admitted(context: &Context<'_>, src: EndpointId, addresses: &[IpAddr]) -> bool {
    context.outside().any(|(id, end)| {
        may_be_at(&end.kind, addresses) && !is_of_services(context, &end.kind) && {
            let egress = context.engine.traffic(context.engine.possible_side(src, id, Direction::Egress));
            API_PORTS.iter().any(|&port| egress.touches(Protocol::Tcp, port))
        }
    })
}

/// Whether all of it are virtual addresses of Services, the API server's own among them: they are translated before
/// any policy looks, so that nobody is there (S-31).
fn is_of_services(context: &Context<'_>, kind: &EndpointKind) -> bool {
    match kind {
        EndpointKind::External(set) => set.difference(context.service_addresses()).is_empty(),
        _ => false,
    }
}

/// The blocks of a policy's egress rules that hold the virtual address of the Service `kubernetes`, and little else.
fn by_virtual_address(context: &Context<'_>, policy: &Policy) -> Vec<(Span, IpAddr)> {
    let Some(service) = context.cluster().service("default", "kubernetes") else { return Vec::new() };
    let rules = policy.rules(Direction::Egress).unwrap_or_default();
    let peers = rules.iter().filter_map(|rule| match &rule.peers {
        Peers::Listed(peers) => Some(peers),
        Peers::Anyone => None,
    });
    let holds = |peer: &Peer| match &peer.matches {
        PeerMatch::Block { cidr, .. } => {
            let address = service.cluster_ips.iter().find(|address| cidr.contains(*address))?;
            Some((peer.provenance.span, *address))
        }
        _ => None,
    };
    peers.flatten().filter_map(holds).collect()
}
