//! `unreachable-service`.

use npv_models::cluster::{GroupId, Service, ServicePort, ServiceType, Target};
use npv_models::diagnostic::Finding;
use npv_models::policy::{Direction, PeerMatch, Peers, Rule, Tier};

use super::service_target_port_mismatch::mismatch;
use crate::lint::rule::lint_rule;
use crate::lint::services::target;
use crate::lint::traffic::toward;
use crate::lint::words::Names;
use crate::lint::{Check, Context};

lint_rule! {
    /// A Service that nobody may use.
    ///
    /// ## What it finds
    ///
    /// A Service none of whose ports leads to a pod that anybody but the node and the pod itself may
    /// reach.
    ///
    /// ## Why it matters
    ///
    /// A Service is there to be used. When the policies admit nobody, either they or the Service are not
    /// meant that way.
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
    /// spec: {selector: {app: api}, ports: [{port: 80}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: default-deny, namespace: shop}
    /// spec: {podSelector: {}, policyTypes: [Ingress]}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Admit its clients on the port of the pods, or remove the Service.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: NetworkPolicy
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   podSelector: {matchLabels: {app: api}}
    ///   ingress:
    ///     - ports:
    ///         - port: 80
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where a rule for one of its ports names pods that may be in a namespace which no manifest defines;
    /// where the Service has no backends, or leads to a port that its backends do not have. Other replicas
    /// of the same workload count as users.
    pub(in crate::lint) static UNREACHABLE_SERVICE = {
        name: "unreachable-service",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for service in cluster.services.iter().filter(|service| service.kind != ServiceType::ExternalName) {
        let targets: Vec<(&ServicePort, GroupId, u16)> = service
            .ports
            .iter()
            .flat_map(|port| {
                ends(context, service, port).into_iter().map(move |(group, end)| (port, group, end))
            })
            .collect();
        // Whoever leads to a port that nobody declares has another problem; used it may be nevertheless (S-27).
        let serves = |(port, group, _): &(&ServicePort, GroupId, u16)| {
            service.headless || context.pods.group(*group).is_some_and(|pods| mismatch(port, pods).is_none())
        };
        if !targets.iter().any(serves) || targets.iter().any(|&target| used(context, target)) {
            continue;
        }
        let name = cluster.service_object(service);
        let isolating = targets.first().and_then(|(_, group, _)| {
            context.selecting(*group).find(|placed| placed.policy.rules(Direction::Ingress).is_some())
        });
        let mut finding = UNREACHABLE_SERVICE
            .finding(
                service.span,
                format!("nobody may use `{name}`: no endpoint reaches a backend on any of its ports"),
            )
            .label("nobody reaches it")
            .object(name)
            .key("");
        if let Some(placed) = isolating {
            let policy = placed.policy;
            finding = finding.related(policy.name_span, format!("`{}` isolates its backends", policy.object));
        }
        // Where the cause is, for whoever puts findings together.
        let selecting = targets.first().map(|(_, group, _)| context.selecting(*group)).into_iter().flatten();
        for placed in selecting.filter(|placed| placed.policy.rules(Direction::Ingress).is_some()) {
            finding = finding.hidden(placed.policy.name_span);
        }
        let backends = targets.iter().filter_map(|(_, group, _)| context.pods.group(*group));
        for workload in backends.filter_map(|pods| cluster.workload(pods.workload)) {
            finding = finding.hidden(workload.span);
        }
        findings.push(finding.help("admit its clients on the port of the pods, or remove the Service"));
    }
}

/// Whether somebody uses, or may use, one of a Service's ports.
pub(super) fn is_used(context: &Context<'_>, service: &Service) -> bool {
    service.ports.iter().any(|port| {
        ends(context, service, port).into_iter().any(|(group, number)| used(context, (port, group, number)))
    })
}

/// The pods behind a port of a Service, and their ports. Whoever asks a headless Service for its endpoints gets the
/// port that `targetPort` resolves to; whoever asks for addresses uses the Service's own (S-82).
pub(super) fn ends(context: &Context<'_>, service: &Service, port: &ServicePort) -> Vec<(GroupId, u16)> {
    let cluster = context.cluster();
    let mut found: Vec<(GroupId, u16)> = cluster
        .targets(service, port)
        .into_iter()
        .filter_map(|end| match end {
            Target::Pods { group, port } => Some((group, port)),
            Target::Unresolved { .. } | Target::Address { .. } => None,
        })
        .collect();
    if service.headless {
        found
            .extend(cluster.backends(service).filter_map(|(group, pods)| Some((group, target(port, pods)?))));
    }
    found
}

/// Whether somebody uses, or may use, a port of some pods.
fn used(context: &Context<'_>, (port, group, number): (&ServicePort, GroupId, u16)) -> bool {
    let Some(pods) = context.pods.group(group) else { return true };
    let engine = context.engine;
    let passes = |id| engine.traffic(id).touches(port.protocol, number);
    let reached = context.endpoints_of(group).iter().any(|&dst| {
        let several = engine.endpoint(dst).is_some_and(|end| end.several);
        context.senders().iter().any(|class| {
            class.iter().find(|&&src| src != dst || several).is_some_and(|&src| {
                passes(engine.possible_side(src, dst, Direction::Ingress))
                    && passes(engine.possibly_between(src, dst).both)
            })
        })
    });
    reached
        || context.selecting(group).any(|placed| {
            let rules = placed.policy.rules(Direction::Ingress).unwrap_or_default();
            rules
                .iter()
                .filter(|rule| toward(&rule.ports, Some(pods)).touches(port.protocol, number))
                .any(|rule| may_be_elsewhere(context, placed.tier, rule))
        })
}

/// Whether a rule may speak of pods in a namespace that no manifest defines.
fn may_be_elsewhere(context: &Context<'_>, tier: &Tier, rule: &Rule) -> bool {
    let Peers::Listed(peers) = &rule.peers else { return true };
    peers.iter().any(|peer| match &peer.matches {
        PeerMatch::Pods(selector) => context.selected(tier, selector).is_none_or(|selected| {
            selected.may_hold_more() || selected.vacant || !selected.scope.maybe.is_empty()
        }),
        _ => true,
    })
}
