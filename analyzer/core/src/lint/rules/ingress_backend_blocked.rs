//! `ingress-backend-blocked`.

use npv_models::cluster::{EntryPoint, GroupId, ResolvedBackend, Target};
use npv_models::diagnostic::Finding;

use crate::lint::blocked::{Blocked, Party};
use crate::lint::callers::Caller;
use crate::lint::rule::lint_rule;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context};

lint_rule! {
    /// A policy keeps an ingress controller or a Gateway from the pods that its routes lead to.
    ///
    /// ## What it finds
    ///
    /// A backend of an Ingress, a Gateway API route or an OpenShift Route whose pods the controller may
    /// not reach on the port that the Service translates to. A load balancer of the cloud (ALB, GCE, Azure Application
    /// Gateway) sends from addresses of its own or from nodes, never from its controller's pods: no selector admits it.
    ///
    /// ## Why it matters
    ///
    /// Clients connect to the controller, and the controller connects to the pods: the pods' policies
    /// must admit the controller, not the clients. Otherwise every request ends in a time-out.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: web, namespace: shop, labels: {app: web}}
    /// spec: {containers: [{name: web, ports: [{containerPort: 8080}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: web, namespace: shop}
    /// spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: Ingress
    /// metadata: {name: web, namespace: shop}
    /// spec: {defaultBackend: {service: {name: web, port: {number: 80}}}}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit the controller's namespace on the pods' port.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: web-from-ingress, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: web}}
    ///   ingress:
    ///     - from:
    ///         - namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: ingress-nginx}}
    ///       ports:
    ///         - port: 8080
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests do not hold the controller's pods: as soon as a rule for that port names
    /// another namespace or addresses, since the controller may be there. For a route that attaches to
    /// nothing, and for a backend of weight 0.
    pub(in crate::lint) static INGRESS_BACKEND_BLOCKED = {
        name: "ingress-backend-blocked",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

/// Who serves an entry point, for a message.
pub(in crate::lint) fn party(context: &Context<'_>, entry: &EntryPoint) -> Party {
    let what = match entry {
        EntryPoint::Ingress { .. } => "the ingress controller".to_owned(),
        EntryPoint::Gateway { namespace, name } => format!("the Gateway `{namespace}/{name}`"),
    };
    let short = match entry {
        EntryPoint::Ingress { .. } => "ingress",
        EntryPoint::Gateway { .. } => "gateway",
    };
    let id = entry.assumed_id();
    if context.cluster().is_cloud_balancer(entry) {
        let name = match entry {
            EntryPoint::Ingress { class: Some(class) } => {
                format!(
                    "the load balancer of IngressClass `{class}`, which sends from addresses and never from pods,"
                )
            }
            EntryPoint::Ingress { class: None } => "the cloud's load balancer".to_owned(),
            EntryPoint::Gateway { .. } => format!("the load balancer of {what}"),
        };
        return Party { name, id, caller: Caller::Balancer, short: "load-balancer" };
    }
    let pods: Vec<GroupId> = context.cluster().controller_pods(entry);
    if pods.is_empty() {
        return Party { name: what, id, caller: Caller::Unseen, short };
    }
    let names = words::some(context.cluster().endpoint_names(pods.iter().copied()), 2);
    Party { name: format!("{what} {names}"), id, caller: Caller::Pods(pods), short }
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    let mut blocked = Blocked::new(context);
    for route in &cluster.routing.routes {
        for attachment in cluster.attachments(route) {
            if attachment.problem.is_some() {
                continue;
            }
            let party = party(context, &attachment.entry);
            let backends = route.rules.iter().flat_map(|rule| &rule.backends);
            for backend in backends.filter(|backend| backend.weight > 0) {
                let ResolvedBackend::Ports(_, ports) = cluster.resolve(route, backend) else { continue };
                for (port, targets) in ports {
                    for target in targets {
                        if let Target::Pods { group, port: number } = target {
                            blocked.ask(
                                &party,
                                group,
                                (port.protocol, number),
                                (backend.at.span, "leads there"),
                            );
                        }
                    }
                }
            }
        }
    }
    blocked.report(&INGRESS_BACKEND_BLOCKED, findings);
}
