//! `external-access-blocked`.

use npv_models::cluster::{Service, ServiceType};
use npv_models::diagnostic::Finding;
use npv_models::policy::Direction;

use super::unreachable_service::{ends, is_used};
use crate::engine::EndpointKind;
use crate::lint::rule::lint_rule;
use crate::lint::words::Names;
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A Service that is made to be reached from outside, and nobody outside may reach it.
    ///
    /// ## What it finds
    ///
    /// A LoadBalancer or NodePort Service, or one with `externalIPs`, whose backends admit no address outside the cluster
    /// and no node on any of the ports that it leads to.
    ///
    /// ## Why it matters
    ///
    /// Connections from outside arrive with the client's address or with a node's, and never with a pod's: selectors do not
    /// match them. The address is there, and every connection to it times out.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: mail, namespace: shop, labels: {app: mail}}
    /// spec: {containers: [{name: mail, ports: [{containerPort: 2525}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: mail, namespace: shop}
    /// spec:
    ///   type: LoadBalancer
    ///   selector: {app: mail}
    ///   ports: [{port: 25, targetPort: 2525}]
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: mail, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: mail}}
    ///   ingress:
    ///     - from: [{namespaceSelector: {}}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the clients by address.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: mail, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: mail}}
    ///   ingress:
    ///     - from: [{namespaceSelector: {}}, {ipBlock: {cidr: 0.0.0.0/0}}]
    ///       ports: [{port: 2525}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where any address or node is admitted on one of the ports. Where nobody at all may use the Service, which
    /// `unreachable-service` says. For backends on the host network, and for a Service that is internal to the cluster.
    pub(in crate::lint) static EXTERNAL_ACCESS_BLOCKED = {
        name: "external-access-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for service in cluster.services.iter().filter(|service| is_for_outside(service)) {
        let ends: Vec<_> = service
            .ports
            .iter()
            .flat_map(|port| {
                ends(context, service, port).into_iter().map(move |(group, end)| (port, group, end))
            })
            .collect();
        let open = ends.iter().any(|(port, group, number)| {
            let hidden = context.pods.group(*group).is_none_or(|pods| !context.pods.visible(pods));
            hidden
                || context.endpoints_of(*group).iter().any(|&dst| {
                    context.outside().any(|(src, end)| {
                        let outside = matches!(end.kind, EndpointKind::External(_) | EndpointKind::Nodes(_));
                        let ingress = context.engine.possibly_between(src, dst).ingress;
                        outside && context.engine.traffic(ingress).touches(port.protocol, *number)
                    })
                })
        });
        if open || ends.is_empty() || !is_used(context, service) {
            continue;
        }
        let rest = text::rest_of_object(context.sources(), service.span);
        let span = text::key_with(context.sources(), rest, "type", &["NodePort", "LoadBalancer"])
            .or_else(|| text::key(context.sources(), rest, "externalIPs"))
            .unwrap_or(service.span);
        let object = cluster.service_object(service);
        let isolating = ends.first().and_then(|(_, group, _)| {
            context.selecting(*group).find(|placed| placed.policy.rules(Direction::Ingress).is_some())
        });
        let mut finding = EXTERNAL_ACCESS_BLOCKED
            .finding(
                span,
                format!("`{object}` is made for clients outside the cluster, and no address outside may reach its pods"),
            )
            .label("opens a way that a policy shuts")
            .object(object)
            .key("outside");
        if let Some(placed) = isolating {
            finding = finding.related(
                placed.policy.name_span,
                format!("`{}` isolates its backends", placed.policy.object),
            );
        }
        let backends = ends.iter().filter_map(|(_, group, _)| context.pods.group(*group));
        for workload in backends.filter_map(|pods| cluster.workload(pods.workload)) {
            finding = finding.hidden(workload.span);
        }
        findings.push(finding.help(
            "admit the clients by `ipBlock` on the port of the pods, or make the Service one of type ClusterIP",
        ));
    }
}

/// Whether clients outside are meant to reach the Service.
fn is_for_outside(service: &Service) -> bool {
    match service.kind {
        ServiceType::NodePort | ServiceType::LoadBalancer => true,
        ServiceType::ClusterIp => !service.external_ips.is_empty(),
        ServiceType::ExternalName => false,
    }
}
