//! `cluster-ip-in-block`.

use std::net::IpAddr;

use ipnet::IpNet;
use npv_models::cluster::{Service, Target};
use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::policy::{Action, Direction, Peer, PeerMatch};

use super::api_server_egress_blocked;
use crate::lint::context::PlacedRule;
use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words::Names;
use crate::lint::{Check, Context, dns, example};

lint_rule! {
    /// A block of addresses that holds the virtual address of a Service, which no policy ever sees.
    ///
    /// ## What it finds
    ///
    /// An `ipBlock` of a few addresses that holds a Service's ClusterIP and admits none of the pods behind the Service.
    ///
    /// ## Why it matters
    ///
    /// The address is translated to that of a pod before any policy looks. The rule admits an address that no packet
    /// has, and the pods stay shut. It is a frequent mistake with the API server (`10.96.0.1`) and the cluster's DNS.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: db, namespace: data, labels: {app: db}}
    /// spec: {containers: [{name: db, ports: [{containerPort: 5432}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: db, namespace: data}
    /// spec: {clusterIP: 10.96.14.7, selector: {app: db}, ports: [{port: 5432}]}
    /// ---
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
    ///     - to: [{ipBlock: {cidr: 10.96.14.7/32}}]
    ///       ports: [{port: 5432}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Name the pods behind the Service, and their port.
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
    ///         - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: data}}
    ///           podSelector: {matchLabels: {app: db}}
    ///       ports: [{port: 5432}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where no Service of the manifests has the address, or its pods are admitted anyway. On blocks that hold more than
    /// 256 addresses, unless all of them are configured to be addresses of Services. For ports that the Service does
    /// not have. Where `api-server-egress-blocked` or `dns-egress-blocked` say what is kept from whom.
    pub(in crate::lint) static CLUSTER_IP_IN_BLOCK = {
        name: "cluster-ip-in-block",
        category: Dead,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    if context.cluster().services.iter().all(|service| service.cluster_ips.is_empty()) {
        return;
    }
    let told = api_server_egress_blocked::keeping(context);
    for placed in context.rules().filter(|placed| placed.rule.action == Action::Allow) {
        for peer in placed.peers() {
            let PeerMatch::Block { cidr, except } = &peer.matches else { continue };
            if !is_small(context, *cidr) {
                continue;
            }
            let holds = |address: &&IpAddr| {
                cidr.contains(*address) && !except.iter().any(|hole| hole.contains(*address))
            };
            let found = context.cluster().services.iter().find_map(|service| {
                let address = service.cluster_ips.iter().find(holds)?;
                (speaks_of(context, placed, service) && !reaches(context, placed, service))
                    .then_some((service, *address))
            });
            let Some((service, address)) = found else { continue };
            // What is kept from whom is said by a rule of its own.
            let of_api = is_api_server(context, service) && told.contains(&placed.at.index);
            if of_api
                || dns::is_dns_service(context.cluster(), service) && placed.direction == Direction::Egress
            {
                continue;
            }
            findings.push(finding(context, placed, peer, service, address));
        }
    }
}

/// Whether a block is one of a few addresses, or of Services alone.
fn is_small(context: &Context<'_>, cidr: IpNet) -> bool {
    let configured = &context.cluster().assumptions.service_addresses;
    cidr.max_prefix_len() - cidr.prefix_len() <= 8
        || !configured.is_empty() && npv_models::space::IpSet::net(cidr).difference(configured).is_empty()
}

fn is_api_server(context: &Context<'_>, service: &Service) -> bool {
    &*service.name == "kubernetes" && context.cluster().namespace_name(service.namespace) == "default"
}

/// Whether the rule has one of the Service's ports, or one of its pods'.
fn speaks_of(context: &Context<'_>, placed: PlacedRule<'_>, service: &Service) -> bool {
    if placed.direction == Direction::Ingress {
        // A Service never opens a connection, whatever the port.
        return true;
    }
    let traffic = toward(&placed.rule.ports, None);
    service.ports.iter().any(|port| {
        traffic.touches(port.protocol, port.port)
            || context.cluster().targets(service, port).iter().any(|target| match target {
                Target::Pods { port: number, .. } | Target::Address { port: number, .. } => {
                    traffic.touches(port.protocol, *number)
                }
                Target::Unresolved { .. } => false,
            })
    })
}

/// Whether somebody whom the policy selects reaches the Service's pods anyway, or may for all that is known.
fn reaches(context: &Context<'_>, placed: PlacedRule<'_>, service: &Service) -> bool {
    if placed.direction == Direction::Ingress {
        return false;
    }
    let subjects = context.selected(placed.at.tier, &placed.at.policy.subject);
    let sources =
        || subjects.iter().flat_map(|selected| selected.pods.iter()).flat_map(|id| context.endpoints_of(id));
    service.ports.iter().any(|port| {
        context.cluster().targets(service, port).into_iter().any(|target| match target {
            Target::Pods { group, port: number } => context.endpoints_of(group).iter().any(|&dst| {
                sources().any(|&src| {
                    let egress = context.engine.possible_side(src, dst, Direction::Egress);
                    context.engine.traffic(egress).touches(port.protocol, number)
                })
            }),
            Target::Address { address, port: number } => context.outside().any(|(dst, end)| {
                let there = crate::lint::callers::may_be_at(&end.kind, &[address]);
                there
                    && sources().any(|&src| {
                        let egress = context.engine.possible_side(src, dst, Direction::Egress);
                        context.engine.traffic(egress).touches(port.protocol, number)
                    })
            }),
            Target::Unresolved { .. } => false,
        })
    })
}

fn finding(
    context: &Context<'_>,
    placed: PlacedRule<'_>,
    peer: &Peer,
    service: &Service,
    address: IpAddr,
) -> Finding {
    let cluster = context.cluster();
    let object = placed.at.policy.object.to_string();
    let name = cluster.service_object(service);
    let message = match placed.direction {
        Direction::Egress => format!(
            "`{object}` allows {address}, the address of `{name}`: it is translated to a pod's before policy looks, and no pod \
             behind it is allowed"
        ),
        Direction::Ingress => format!(
            "`{object}` admits {address}, the address of `{name}`: no connection ever comes from the address of a Service"
        ),
    };
    let finding = CLUSTER_IP_IN_BLOCK
        .finding(peer.provenance.span, message)
        .label("an address that no packet has")
        .object(object)
        .key(format!("{} {address}", placed.direction))
        .related(service.span, "the Service");
    let own = placed.at.policy.object.namespace.as_deref().unwrap_or_default();
    let namespace = Names::namespace_name(cluster, service.namespace);
    match &service.selector {
        Some(selector) => {
            let peers = [example::pods(namespace, selector, own)];
            let targets = service.ports.iter().flat_map(|port| {
                cluster.targets(service, port).into_iter().filter_map(|target| match target {
                    Target::Pods { port: number, .. } => Some(example::port(port.protocol, number, number)),
                    Target::Unresolved { .. } | Target::Address { .. } => None,
                })
            });
            let mut ports: Vec<String> = targets.collect();
            ports.dedup();
            let ports = if placed.direction == Direction::Egress { ports } else { Vec::new() };
            finding.fix(Fix {
                description: "name the pods behind the Service, on their own port".to_owned(),
                applicability: Applicability::DisplayOnly,
                edits: Vec::new(),
                example: Some(example::rule_of(
                    &placed.at.policy.object,
                    placed.direction,
                    &peers,
                    &ports,
                    0,
                )),
            })
        }
        None => finding.help(
            "name whoever is behind the Service: by labels if they are pods, by their own addresses if not",
        ),
    }
}
