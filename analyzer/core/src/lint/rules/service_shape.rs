//! `service-without-backends`, `service-target-port-mismatch`, `unreachable-service` and
//! `client-address-unreliable`: Services that cannot do what they are for.

use npv_models::cluster::{
    GroupId, PodGroup, Service, ServicePort, ServiceType, Target, TargetPort, TrafficPolicy,
};
use npv_models::diagnostic::Finding;
use npv_models::policy::{Direction, PeerMatch, Peers, Rule};
use npv_models::source::Span;
use npv_models::space::{IpSet, Selector};

use crate::lint::rule::lint_rule;
use crate::lint::traffic::toward;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context, text};

lint_rule! {
    /// A Service whose selector selects no pod.
    ///
    /// ## What it finds
    ///
    /// A Service with a selector that none of the pods in its namespace match.
    ///
    /// ## Why it matters
    ///
    /// Connections to it are refused or time out. It happens when a label of the pods moves on, such as a version,
    /// and the Service stays behind.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api, version: "2.4"}}
    /// spec: {containers: [{name: api}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {app: api, version: "2.3"}
    ///   ports: [{port: 80}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Select by labels that the pods have, and that do not change with every release.
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {app: api}
    ///   ports: [{port: 80}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests define no workload at all in the namespace; for a Service without a selector,
    /// and for an ExternalName.
    pub(in crate::lint) static SERVICE_WITHOUT_BACKENDS = {
        name: "service-without-backends",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_backends),
    };
}

lint_rule! {
    /// A Service leads to a port that the pods behind it do not have.
    ///
    /// ## What it finds
    ///
    /// A `targetPort` by name that a pod behind the Service does not declare with the Service's protocol; a
    /// number that is not among the ports which the pod's containers declare, or that they declare
    /// for another protocol.
    ///
    /// ## Why it matters
    ///
    /// A pod without the named port gets no traffic at all, silently; a wrong number leads where nobody
    /// listens.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Pod
    /// metadata: {name: api, namespace: shop, labels: {app: api}}
    /// spec: {containers: [{name: api, ports: [{name: http, containerPort: 8080}]}]}
    /// ---
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {app: api}
    ///   ports: [{port: 80, targetPort: web}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Name a port that the containers declare.
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: api, namespace: shop}
    /// spec:
    ///   selector: {app: api}
    ///   ports: [{port: 80, targetPort: http}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For a number, where the containers declare no port: they need not. For a headless Service,
    /// which translates nothing.
    pub(in crate::lint) static SERVICE_TARGET_PORT_MISMATCH = {
        name: "service-target-port-mismatch",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_ports),
    };
}

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
        check: Check::Snapshot(check_reachable),
    };
}

lint_rule! {
    /// A policy admits clients by address behind a Service that may hide their addresses.
    ///
    /// ## What it finds
    ///
    /// A NodePort or LoadBalancer Service with `externalTrafficPolicy: Cluster` in front of pods whose
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
    /// Where a rule admits everybody on that port, or a block of all addresses.
    pub(in crate::lint) static CLIENT_ADDRESS_UNRELIABLE = {
        name: "client-address-unreliable",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check_clients),
    };
}

fn check_backends(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for (service, backends) in context.services().iter() {
        let (Some(selector), Some(span)) = (&service.selector, service.selector_span) else { continue };
        if !backends.is_empty()
            || selector.is_everything()
            || service.kind == ServiceType::ExternalName
            || !cluster.workloads.iter().any(|workload| workload.namespace == service.namespace)
        {
            continue;
        }
        let namespace = cluster.namespace_name(service.namespace);
        let name = cluster.service_object(service);
        let key = text::key_before(context.sources(), span, "selector").unwrap_or(span);
        let mut finding = SERVICE_WITHOUT_BACKENDS
            .finding(
                key,
                format!("`{name}` has no backend: no pod of namespace `{namespace}` has `{selector}`"),
            )
            .label("selects no pod")
            .object(name)
            .key("selector");
        if let Some((pods, wanted)) = nearest(context, service, selector) {
            let has = pods.labels.get(&wanted.key).map_or_else(
                || format!("has no label `{}`", wanted.key),
                |value| format!("has `{}={value}`", wanted.key),
            );
            let workload = cluster.endpoint_name(pods.workload);
            finding = finding
                .related(pods.span, format!("{has}, `{wanted}` is wanted"))
                .help(format!("`{workload}` comes nearest: it {has}, and the Service wants `{wanted}`"));
        }
        findings.push(finding.help("select by labels that the pods have"));
    }
}

/// Pods that miss just one of the labels.
fn nearest<'c>(
    context: &Context<'c>,
    service: &Service,
    selector: &'c Selector,
) -> Option<(&'c PodGroup, &'c npv_models::space::Requirement)> {
    context.pods.of_namespace(service.namespace).find_map(|(_, pods)| {
        let mut unmet = selector
            .requirements()
            .iter()
            .filter(|requirement| !requirement.accepts(pods.labels.get(&requirement.key)));
        let first = unmet.next()?;
        (unmet.next().is_none() && selector.requirements().len() > 1).then_some((pods, first))
    })
}

fn check_ports(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (service, backends) in context.services().iter().filter(|(service, _)| !service.headless) {
        for port in &service.ports {
            let wrong: Vec<(&PodGroup, String)> = backends
                .iter()
                .filter_map(|&id| context.pods.group(id))
                .filter_map(|pods| mismatch(port, pods).map(|why| (pods, why)))
                .collect();
            let Some((first, why)) = wrong.first() else { continue };
            let name = context.cluster().service_object(service);
            let pods =
                words::some(wrong.iter().map(|(pods, _)| context.cluster().endpoint_name(pods.workload)), 3);
            let target = match &port.target {
                TargetPort::Number(number) => number.to_string(),
                TargetPort::Name(name) => name.to_string(),
            };
            let message = format!("`{name}` leads port {} to `{target}`, and {pods} {why}", port.port);
            let declared = first.ports.iter().map(|port| match &port.name {
                Some(name) => format!("{} ({name}, {})", port.number, port.protocol),
                None => format!("{} ({})", port.number, port.protocol),
            });
            findings.push(
                SERVICE_TARGET_PORT_MISMATCH
                    .finding(port.target_span, message)
                    .label("no such port behind the Service")
                    .object(name)
                    .key(format!("{}/{}", port.protocol, port.port))
                    .related(first.span, "one of its backends")
                    .help(if first.ports.is_empty() {
                        "the containers declare no port: declare it with that name".to_owned()
                    } else {
                        format!("the containers declare {}", words::some(declared, 6))
                    }),
            );
        }
    }
}

/// Why a port of a Service leads nowhere on some pods.
fn mismatch(port: &ServicePort, pods: &PodGroup) -> Option<String> {
    let protocol = port.protocol;
    match &port.target {
        TargetPort::Name(name) => {
            let mut named =
                pods.ports.iter().filter(|declared| declared.name.as_ref() == Some(name)).peekable();
            let other = named.peek().map(|declared| declared.protocol);
            if named.any(|declared| declared.protocol == protocol) {
                return None;
            }
            Some(match other {
                Some(other) => format!("declare `{name}` for {other}, not for {protocol}"),
                None => format!("declare no port of that name, and get no traffic for {protocol}"),
            })
        }
        TargetPort::Number(number) => {
            let mut same = pods.ports.iter().filter(|declared| declared.number == *number).peekable();
            let other = same.peek().map(|declared| declared.protocol);
            if pods.ports.is_empty() || same.any(|declared| declared.protocol == protocol) {
                return None;
            }
            Some(match other {
                Some(other) => format!("declare {number} for {other}, not for {protocol}"),
                None => format!("declare no {protocol} port {number}"),
            })
        }
    }
}

fn check_reachable(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for service in cluster.services.iter().filter(|service| service.kind != ServiceType::ExternalName) {
        let targets: Vec<(&ServicePort, GroupId, u16)> = service
            .ports
            .iter()
            .flat_map(|port| cluster.targets(service, port).into_iter().map(move |target| (port, target)))
            .filter_map(|(port, target)| match target {
                Target::Pods { group, port: number } => Some((port, group, number)),
                Target::Unresolved { .. } | Target::Address { .. } => None,
            })
            .filter(|(port, group, _)| {
                service.headless
                    || context.pods.group(*group).is_some_and(|pods| mismatch(port, pods).is_none())
            })
            .collect();
        if targets.is_empty() || targets.iter().any(|&target| used(context, target)) {
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
        findings.push(finding.help("admit its clients on the port of the pods, or remove the Service"));
    }
}

/// Whether somebody uses, or may use, a port of some pods.
fn used(context: &Context<'_>, (port, group, number): (&ServicePort, GroupId, u16)) -> bool {
    let Some(pods) = context.pods.group(group) else { return true };
    let engine = context.engine;
    let reached = context.endpoints_of(group).iter().any(|&dst| {
        let several = engine.endpoint(dst).is_some_and(|end| end.several);
        engine.ids().any(|src| {
            (src != dst || several)
                && engine.traffic(engine.between(src, dst).both).contains(port.protocol, number)
        })
    });
    reached
        || context
            .selecting(group)
            .filter_map(|placed| placed.policy.rules(Direction::Ingress))
            .flatten()
            .filter(|rule| toward(&rule.ports, Some(pods)).contains(port.protocol, number))
            .any(|rule| may_be_elsewhere(context, rule))
}

/// Whether a rule may speak of pods in a namespace that no manifest defines.
fn may_be_elsewhere(context: &Context<'_>, rule: &Rule) -> bool {
    let Peers::Listed(peers) = &rule.peers else { return true };
    peers.iter().any(|peer| match &peer.matches {
        PeerMatch::Pods(selector) => context.selected(selector).is_none_or(|selected| {
            selected.open || selected.scope.beyond || !selected.scope.maybe.is_empty()
        }),
        _ => true,
    })
}

fn check_clients(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for (service, backends) in context.services().iter() {
        let from_outside = matches!(service.kind, ServiceType::NodePort | ServiceType::LoadBalancer);
        if !from_outside || service.external_traffic != TrafficPolicy::Cluster {
            continue;
        }
        let found = service
            .ports
            .iter()
            .find_map(|port| backends.iter().find_map(|&group| by_address(context, service, port, group)));
        let Some((policy, block, port)) = found else { continue };
        let rest = text::rest_of_object(context.sources(), service.span);
        let span = ["externalTrafficPolicy", "type"]
            .iter()
            .find_map(|key| text::key(context.sources(), rest, key))
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
        for rule in
            rules.iter().filter(|rule| toward(&rule.ports, Some(pods)).contains(port.protocol, number))
        {
            let Peers::Listed(peers) = &rule.peers else { return None };
            for peer in peers {
                let PeerMatch::Block { cidr, except } = &peer.matches else { continue };
                if except.is_empty() && cidr.prefix_len() == 0 {
                    return None;
                }
                // A block of private addresses names machines inside, which use no load balancer.
                if found.is_none() && !is_private(*cidr) {
                    found = Some((placed.policy.object.to_string(), peer.provenance.span, number));
                }
            }
        }
    }
    found
}

fn is_private(cidr: ipnet::IpNet) -> bool {
    const PRIVATE: [&str; 4] = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];
    let block = IpSet::net(cidr);
    PRIVATE.iter().filter_map(|text| text.parse().ok()).any(|private| block.is_subset(&IpSet::net(private)))
}
