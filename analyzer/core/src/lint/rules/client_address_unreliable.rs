//! `client-address-unreliable`.

use ipnet::IpNet;
use npv_models::cluster::{GroupId, Service, ServicePort, ServiceType, TrafficPolicy};
use npv_models::diagnostic::Finding;
use npv_models::policy::{Direction, PeerMatch, Peers};
use npv_models::source::Span;
use npv_models::space::IpSet;

use crate::lint::exposed::is_private;
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words::Names;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A policy admits clients by address behind a Service that may hide their addresses.
    ///
    /// ## What it finds
    ///
    /// A NodePort or LoadBalancer Service, or one with `externalIPs`, with `externalTrafficPolicy: Cluster` in front of pods whose
    /// policies admit an `ipBlock` on the port that the Service leads to.
    ///
    /// ## Why it matters
    ///
    /// With `Cluster`, which is the default, a node that passes a connection on to another node puts its
    /// own address in the place of the client's. The policy then sees a node: it shuts the client out,
    /// or, when somebody admits the nodes, lets everybody in.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api}}
    /// spec: {containers: [{name: api}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   type: LoadBalancer
    ///   selector: {app: api}
    ///   ports: [{port: 443}]
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: partners, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - from: [{ipBlock: {cidr: 198.51.100.0/24}}]
    ///       ports: [{port: 443}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Keep the client's address.
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   type: LoadBalancer
    ///   externalTrafficPolicy: Local
    ///   selector: {app: api}
    ///   ports: [{port: 443}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where a rule admits everybody on that port, or a block of all addresses, or one that holds every
    /// node that the manifests show; where they show none, a block of private addresses, among which nodes are.
    pub(in crate::lint) static CLIENT_ADDRESS_UNRELIABLE = {
        name: "client-address-unreliable",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for (service, backends) in context.services().iter() {
        let from_outside = matches!(service.kind, ServiceType::NodePort | ServiceType::LoadBalancer)
            || service.kind != ServiceType::ExternalName && !service.external_ips.is_empty();
        if !from_outside || service.external_traffic != TrafficPolicy::Cluster {
            continue;
        }
        let found = service
            .ports
            .iter()
            .find_map(|port| backends.iter().find_map(|&group| by_address(context, service, port, group)));
        let Some((policy, block, port)) = found else { continue };
        let rest = text::rest_of_object(context.sources(), service.span);
        let span = text::key(context.sources(), rest, "externalTrafficPolicy")
            .or_else(|| text::key_with(context.sources(), rest, "type", &["NodePort", "LoadBalancer"]))
            .or_else(|| text::key(context.sources(), rest, "externalIPs"))
            .unwrap_or(service.span);
        let name = cluster.service_object(service);
        let message = format!(
            "`{policy}` admits clients of `{name}` by address on port {port}, and with externalTrafficPolicy Cluster the pods may \
             see a node's address instead"
        );
        findings.push(
            CLIENT_ADDRESS_UNRELIABLE
                .finding(span, message)
                .label("may replace the client's address")
                .object(name)
                .key("external-traffic-policy")
                .related(block, "these clients")
                .help("set `externalTrafficPolicy: Local`, which keeps the client's address"),
        );
    }
}

/// The policy and the block that admit clients by address, where nobody else is admitted anyway.
fn by_address(
    context: &Context<'_>,
    service: &Service,
    port: &ServicePort,
    group: GroupId,
) -> Option<(String, Span, u16)> {
    let pods = context.pods.group(group).filter(|pods| context.pods.visible(pods))?;
    let number = npv_models::cluster::target_port(service, port, pods)?;
    let mut found = None;
    for placed in context.selecting(group) {
        let rules = placed.policy.rules(Direction::Ingress).unwrap_or_default();
        for rule in rules.iter().filter(|rule| toward(&rule.ports, Some(pods)).touches(port.protocol, number))
        {
            let Peers::Listed(peers) = &rule.peers else { return None };
            for peer in peers {
                let PeerMatch::Block { cidr, except } = &peer.matches else { continue };
                // Who is seen does not matter where the nodes are admitted too.
                if except.is_empty() && cidr.prefix_len() == 0 || holds_the_nodes(context, *cidr, except) {
                    return None;
                }
                if found.is_none() {
                    found = Some((placed.policy.object.to_string(), peer.provenance.span, number));
                }
            }
        }
    }
    found
}

/// Whether every node that the manifests show is admitted; where they show no address of any, whether the block may
/// hold the nodes for all that is known of them: their addresses are private.
fn holds_the_nodes(context: &Context<'_>, cidr: IpNet, except: &[IpNet]) -> bool {
    let holes = except.iter().fold(IpSet::EMPTY, |holes, hole| holes.union(&IpSet::net(*hole)));
    let block = IpSet::net(cidr).difference(&holes);
    let mut addresses = context.cluster().nodes.iter().flat_map(|node| node.addresses.iter()).peekable();
    if addresses.peek().is_none() {
        return is_private(&block);
    }
    let mut of_family = addresses.filter(|address| address.is_ipv4() == cidr.addr().is_ipv4()).peekable();
    of_family.peek().is_some() && of_family.all(|address| block.contains(*address))
}
