//! `backend-not-found`.

use std::collections::BTreeSet;

use npv_models::cluster::{ResolvedBackend, Service, TargetPort};
use npv_models::diagnostic::{Applicability, Edit, Finding, Fix};
use npv_models::k8s::{Backend, BackendPort, Route};

use crate::lint::rule::lint_rule;
use crate::lint::similar;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// An Ingress or a route names a Service, or a port of it, that is not there.
    ///
    /// ## What it finds
    ///
    /// A backend of an Ingress, of a Gateway API route or of an OpenShift Route whose Service does not
    /// exist in its namespace, or that names a port which the Service does not have.
    ///
    /// ## Why it matters
    ///
    /// The controller answers requests for that host and path with an error, or drops the
    /// whole route. Nothing refuses the object when it is applied.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: web, namespace: shop}
    /// spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
    /// ---
    /// apiVersion: networking.k8s.io/v1
    /// kind: Ingress
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   rules:
    ///     - http:
    ///         paths:
    ///           - path: /
    ///             pathType: Prefix
    ///             backend:
    ///               service: {name: web, port: {number: 8080}}
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Name a port of the Service. A controller translates it to the port of the pods by itself.
    ///
    /// ```yaml
    /// apiVersion: networking.k8s.io/v1
    /// kind: Ingress
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   rules:
    ///     - http:
    ///         paths:
    ///           - path: /
    ///             pathType: Prefix
    ///             backend:
    ///               service: {name: web, port: {number: 80}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For a Service in a namespace of which the manifests show nothing, and for a backend that is no
    /// Service. Where something that the manifests do not show may make the Service: a release, a custom resource with
    /// whose name it begins, a document that could not be read.
    pub(in crate::lint) static BACKEND_NOT_FOUND = {
        name: "backend-not-found",
        category: BrokenPath,
        severity: Error,
        check: Check::Snapshot(check),
    };
}

fn check(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for route in &context.cluster().routing.routes {
        let mut said: BTreeSet<String> = BTreeSet::new();
        for backend in route.rules.iter().flat_map(|rule| &rule.backends) {
            let finding = match context.cluster().resolve(route, backend) {
                ResolvedBackend::NoService
                    if context.cluster().unseen_service(&backend.namespace, &backend.name).is_some() =>
                {
                    continue;
                }
                ResolvedBackend::NoService => no_service(context, route, backend),
                ResolvedBackend::NoPort(service) => no_port(route, backend, service),
                _ => continue,
            };
            // One wrong name in ten paths is one mistake.
            if said.insert(finding.key.clone()) {
                findings.push(finding);
            }
        }
    }
}

fn no_service(context: &Context<'_>, route: &Route, backend: &Backend) -> Finding {
    let cluster = context.cluster();
    let known: Vec<&str> = cluster
        .services
        .iter()
        .filter(|service| cluster.namespace_name(service.namespace) == &*backend.namespace)
        .map(|service| &*service.name)
        .collect();
    let message = format!(
        "`{}` leads to the Service `{}`, which is not in namespace `{}`",
        route.object, backend.name, backend.namespace
    );
    let finding = BACKEND_NOT_FOUND
        .finding(backend.at.span, message)
        .label("no such Service")
        .object(route.object.to_string())
        .key(format!("{}/{}", backend.namespace, backend.name));
    match known.iter().find(|known| similar::similar(&backend.name, known)) {
        Some(meant) => finding.help(format!("did you mean `{meant}`?")).fix(Fix {
            description: format!("lead to the Service `{meant}`"),
            applicability: Applicability::Unsafe,
            edits: vec![Edit { span: backend.at.span, replacement: (*meant).to_owned() }],
            example: None,
        }),
        None if known.is_empty() => finding.help("the namespace has no Service at all"),
        None => finding.help(format!("its Services are {}", words::some(known, 6))),
    }
}

fn no_port(route: &Route, backend: &Backend, service: &Service) -> Finding {
    let wanted = match &backend.port {
        BackendPort::Number(number) | BackendPort::Target(TargetPort::Number(number)) => number.to_string(),
        BackendPort::Name(name) | BackendPort::Target(TargetPort::Name(name)) => name.to_string(),
        BackendPort::All => "of the route's protocol".to_owned(),
    };
    let port = |port: &npv_models::cluster::ServicePort| match &port.name {
        Some(name) => format!("{} ({name})", port.port),
        None => port.port.to_string(),
    };
    let message = format!(
        "`{}` leads to port `{wanted}` of the Service `{}`, which has no such port",
        route.object, service.name
    );
    let mut finding = BACKEND_NOT_FOUND
        .finding(backend.port_at.span, message)
        .label("no such port")
        .object(route.object.to_string())
        .key(format!("{}/{}:{wanted}", backend.namespace, backend.name))
        .related(service.span, "the Service")
        .help(format!("its ports are {}", words::some(service.ports.iter().map(port), 6)));
    // The pod's port where the Service's belongs (S-30).
    let BackendPort::Number(number) = backend.port else { return finding };
    let meant = service.ports.iter().find(|port| port.target == TargetPort::Number(number));
    if let Some(meant) = meant {
        finding = finding
            .help(format!("{number} is the port of the pods; the Service's port for it is {}", meant.port))
            .fix(Fix {
                description: format!("lead to port {}", meant.port),
                applicability: Applicability::Unsafe,
                edits: vec![Edit { span: backend.port_at.span, replacement: meant.port.to_string() }],
                example: None,
            });
    }
    finding
}
