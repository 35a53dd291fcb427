//! `service-target-port-mismatch`.

use npv_models::cluster::{ContainerPort, PodGroup, Service, ServicePort, TargetPort};
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};

use crate::lint::rule::lint_rule;
use crate::lint::similar::similar;
use crate::lint::words::{self, Names};
use crate::lint::{Check, Context};

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
    /// For a number, where one of the containers declares no port: it need not. For a headless Service,
    /// which translates nothing. For pods of a Job that share the labels of the pods that serve.
    pub(in crate::lint) static SERVICE_TARGET_PORT_MISMATCH = {
        name: "service-target-port-mismatch",
        category: BrokenPath,
        severity: Warning,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for (service, backends) in context.services().iter().filter(|(service, _)| !service.headless) {
        for port in &service.ports {
            let pods = || backends.iter().filter_map(|&id| context.pods.group(id));
            let wrong: Vec<(&PodGroup, String)> =
                pods().filter_map(|pods| mismatch(port, pods).map(|why| (pods, why))).collect();
            // Pods of a job that share the labels of a server are no servers.
            let is_job = |pods: &PodGroup| {
                let workload = context.cluster().workload(pods.workload);
                workload.is_some_and(|workload| matches!(&*workload.kind, "Job" | "CronJob"))
            };
            let serves = pods().any(|pods| !is_job(pods) && mismatch(port, pods).is_none());
            if serves && wrong.iter().all(|(pods, _)| is_job(pods)) {
                continue;
            }
            findings.extend(finding(context, service, port, &wrong));
        }
    }
}

fn finding(
    context: &Context<'_>,
    service: &Service,
    port: &ServicePort,
    wrong: &[(&PodGroup, String)],
) -> Option<Finding> {
    let (first, why) = wrong.first()?;
    let name = context.cluster().service_object(service);
    let mut names: Vec<String> =
        wrong.iter().map(|(pods, _)| context.cluster().endpoint_name(pods.workload)).collect();
    names.dedup();
    let (pods, target) = (words::some(names, 3), target_text(&port.target));
    let finding = SERVICE_TARGET_PORT_MISMATCH
        .finding(
            port.target_span,
            format!("`{name}` leads port {} to `{target}`, but {pods}: {why}", port.port),
        )
        .label("no such port behind the Service")
        .object(name)
        .key(format!("{}/{}", port.protocol, port.port))
        .related(first.span, "one of its backends");
    if first.ports.is_empty() {
        return Some(finding.help("the containers declare no port: declare it with that name"));
    }
    let declared = first.ports.iter().map(|port| match &port.name {
        Some(name) => format!("{} ({name}, {})", port.number, port.protocol),
        None => format!("{} ({})", port.number, port.protocol),
    });
    let finding = finding.help(format!("the containers declare {}", words::some(declared, 6)));
    let TargetPort::Name(written) = &port.target else { return Some(finding) };
    let close = |declared: &&ContainerPort| {
        declared.protocol == port.protocol
            && declared.name.as_deref().is_some_and(|name| similar(written, name))
    };
    let mut close = first.ports.iter().filter(close);
    Some(match (close.next().and_then(|port| port.name.as_deref()), close.next()) {
        (Some(meant), None) => finding.fix(Fix {
            description: format!("replace `{written}` by `{meant}`"),
            applicability: Applicability::Unsafe,
            edits: vec![Edit { span: port.target_span, replacement: meant.to_owned() }],
            example: None,
        }),
        _ => finding,
    })
}

fn target_text(target: &TargetPort) -> String {
    match target {
        TargetPort::Number(number) => number.to_string(),
        TargetPort::Name(name) => name.to_string(),
    }
}

/// Why a port of a Service leads nowhere on some pods.
pub(super) fn mismatch(port: &ServicePort, pods: &PodGroup) -> Option<String> {
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
                Some(other) => format!("`{name}` is declared for {other}, not for {protocol}"),
                None => {
                    format!("no container declares a {protocol} port of that name, so it gets no traffic")
                }
            })
        }
        TargetPort::Number(number) => {
            let mut same = pods.ports.iter().filter(|declared| declared.number == *number).peekable();
            let other = same.peek().map(|declared| declared.protocol);
            if pods.undeclared || pods.ports.is_empty() || same.any(|declared| declared.protocol == protocol)
            {
                return None;
            }
            Some(match other {
                Some(other) => format!("{number} is declared for {other}, not for {protocol}"),
                None => format!("no container declares {protocol} {number}"),
            })
        }
    }
}
