//! `route-not-attached` and `route-without-reference-grant`.

use std::collections::BTreeSet;

use npv_models::cluster::{NotAttached, ResolvedBackend};
use npv_models::diagnostic::{Applicability, Finding, Fix};
use npv_models::k8s::{AllowedNamespaces, Gateway, Parent, Route};

use crate::lint::rule::lint_rule;
use crate::lint::words;
use crate::lint::{Check, Context};

lint_rule! {
    /// A route whose Gateway is missing, or none of whose Gateway's listeners takes it.
    ///
    /// ## What it finds
    ///
    /// An entry of a route's `parentRefs` that attaches to nothing: the Gateway is not there, it has no listener
    /// of the name or port that the route asks for, no listener takes routes of that kind or has a host
    /// in common with it, or `allowedRoutes` shuts the route's namespace out.
    ///
    /// ## Why it matters
    ///
    /// The route is accepted by the API server and serves nothing. Only its status tells.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: gateway.networking.k8s.io/v1
    /// kind: Gateway
    /// metadata: {name: edge, namespace: infra}
    /// spec:
    ///   gatewayClassName: istio
    ///   listeners:
    ///     - {name: http, port: 80, protocol: HTTP}
    /// ---
    /// apiVersion: gateway.networking.k8s.io/v1
    /// kind: HTTPRoute
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   parentRefs: [{name: edge, namespace: infra}]
    ///   rules: [{backendRefs: [{name: web, port: 80}]}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Let the listener admit the route's namespace: without `allowedRoutes` it takes routes of its own
    /// namespace only.
    ///
    /// ```yaml
    /// apiVersion: gateway.networking.k8s.io/v1
    /// kind: Gateway
    /// metadata: {name: edge, namespace: infra}
    /// spec:
    ///   gatewayClassName: istio
    ///   listeners:
    ///     - name: http
    ///       port: 80
    ///       protocol: HTTP
    ///       allowedRoutes: {namespaces: {from: All}}
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// For a Gateway in a namespace of which the manifests show no Gateway, workload or Service, or into which something
    /// deploys that they do not show; and for a parent that is no Gateway.
    pub(in crate::lint) static ROUTE_NOT_ATTACHED = {
        name: "route-not-attached",
        category: BrokenPath,
        severity: Error,
        check: Check::Snapshot(check_attachment),
    };
}

lint_rule! {
    /// A route leads to a Service of another namespace, and no ReferenceGrant permits it.
    ///
    /// ## What it finds
    ///
    /// A `backendRef` with another `namespace` than the route's, where no ReferenceGrant in that
    /// namespace admits routes of this kind from the route's namespace.
    ///
    /// ## Why it matters
    ///
    /// The Gateway refuses the reference and answers requests with an error. The grant is what keeps
    /// one team from publishing another team's Service.
    ///
    /// ## Example
    ///
    /// ```yaml
    /// apiVersion: v1
    /// kind: Service
    /// metadata: {name: search, namespace: data}
    /// spec: {selector: {app: search}, ports: [{port: 80}]}
    /// ---
    /// apiVersion: gateway.networking.k8s.io/v1
    /// kind: HTTPRoute
    /// metadata: {name: web, namespace: shop}
    /// spec:
    ///   parentRefs: [{name: edge, namespace: infra}]
    ///   rules:
    ///     - backendRefs: [{name: search, namespace: data, port: 80}]
    /// ```
    ///
    /// ## How to fix it
    ///
    /// Whoever owns the Service adds the grant.
    ///
    /// ```yaml
    /// apiVersion: gateway.networking.k8s.io/v1beta1
    /// kind: ReferenceGrant
    /// metadata: {name: shop, namespace: data}
    /// spec:
    ///   from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: shop}]
    ///   to: [{group: "", kind: Service, name: search}]
    /// ```
    ///
    /// ## When it stays silent
    ///
    /// Where the manifests show nothing of the Service's namespace: the grant may be there.
    pub(in crate::lint) static ROUTE_WITHOUT_REFERENCE_GRANT = {
        name: "route-without-reference-grant",
        category: BrokenPath,
        severity: Error,
        check: Check::Snapshot(check_grants),
    };
}

fn check_attachment(context: &Context<'_>, findings: &mut Vec<Finding>) {
    for route in &context.cluster().routing.routes {
        for attachment in context.cluster().attachments(route) {
            let (Some(problem), Parent::Gateway { namespace, name, section, port, at }) =
                (attachment.problem, attachment.parent)
            else {
                continue;
            };
            let gateway = format!("{namespace}/{name}");
            let asked = match (section, port) {
                (Some(section), _) => format!("named `{section}`"),
                (None, Some(port)) => format!("on port {port}"),
                (None, None) => "at all".to_owned(),
            };
            let (message, related) = match &problem {
                NotAttached::NoGateway => (
                    format!("`{}` attaches to the Gateway `{gateway}`, which is not there", route.object),
                    None,
                ),
                NotAttached::NoListener => {
                    let found = context.cluster().gateway(namespace, name);
                    (
                        format!(
                            "the Gateway `{gateway}` has no listener {asked}, so `{}` does not attach",
                            route.object
                        ),
                        found.map(|gateway| (gateway.meta.name.span, "the Gateway")),
                    )
                }
                NotAttached::Kind(found) => (
                    format!(
                        "no listener of the Gateway `{gateway}` takes routes of kind `{}`",
                        route.object.kind
                    ),
                    first_listener(found),
                ),
                NotAttached::Hostname(found) => (
                    format!(
                        "no listener of the Gateway `{gateway}` has a host in common with `{}`",
                        route.object
                    ),
                    first_listener(found),
                ),
                NotAttached::Namespace(listener) => (
                    format!(
                        "the listener `{}` of the Gateway `{gateway}` takes no routes of namespace `{}`",
                        listener.name,
                        own(route)
                    ),
                    Some((listener.at.span, "this listener")),
                ),
            };
            let mut finding = ROUTE_NOT_ATTACHED
                .finding(at.span, message)
                .label("attaches to nothing")
                .object(route.object.to_string())
                .key(format!("{gateway}/{}", section.as_deref().unwrap_or_default()));
            if let Some((span, label)) = related {
                finding = finding.related(span, label);
            }
            findings.push(finding.help(next_step(context, &problem)));
        }
    }
}

fn own(route: &Route) -> &str {
    route.object.namespace.as_deref().unwrap_or_default()
}

fn first_listener(gateway: &Gateway) -> Option<(npv_models::source::Span, &'static str)> {
    gateway.listeners.first().map(|listener| (listener.at.span, "its first listener"))
}

/// What to do, by what is wrong.
fn next_step(context: &Context<'_>, problem: &NotAttached<'_>) -> String {
    let gateways = &context.cluster().routing.gateways;
    match problem {
        NotAttached::NoGateway if gateways.is_empty() => {
            "define the Gateway, or check it together with the route".to_owned()
        }
        NotAttached::NoGateway => {
            let names = gateways.iter().map(|gateway| gateway.object.to_string());
            format!("the Gateways are {}", words::some(names, 4))
        }
        NotAttached::NoListener => "name one of its listeners, or none to attach to all".to_owned(),
        NotAttached::Kind(_) => {
            "add a listener of that protocol, or list the kind in its `allowedRoutes.kinds`".to_owned()
        }
        NotAttached::Hostname(gateway) => {
            let hosts = gateway.listeners.iter().filter_map(|listener| listener.hostname.as_ref());
            format!("the listeners serve {}", words::some(hosts, 4))
        }
        NotAttached::Namespace(listener) => match &listener.namespaces {
            AllowedNamespaces::Selector(labels) => {
                format!(
                    "the listener takes routes of namespaces with `{labels}`: give this one the labels, or widen it"
                )
            }
            AllowedNamespaces::None => {
                "`allowedRoutes.namespaces.from: None` shuts every route out".to_owned()
            }
            AllowedNamespaces::Same | AllowedNamespaces::All => {
                "without `allowedRoutes.namespaces.from` a listener takes routes of its own namespace only"
                    .to_owned()
            }
        },
    }
}

fn check_grants(context: &Context<'_>, findings: &mut Vec<Finding>) {
    let cluster = context.cluster();
    for route in &cluster.routing.routes {
        let mut said = BTreeSet::new();
        for backend in route.rules.iter().flat_map(|rule| &rule.backends) {
            if !matches!(cluster.resolve(route, backend), ResolvedBackend::NotGranted)
                || cluster.namespace_id(&backend.namespace).is_none()
                || !said.insert((&backend.namespace, &backend.name))
            {
                continue;
            }
            let message = format!(
                "`{}` leads to the Service `{}` of namespace `{}`, and no ReferenceGrant there permits it",
                route.object, backend.name, backend.namespace
            );
            let example = format!(
                "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata:\n  name: {own}\n  namespace: {}\n\
                 spec:\n  from:\n    - {{group: gateway.networking.k8s.io, kind: {}, namespace: {own}}}\n  to:\n    - {{group: \"\", \
                 kind: Service, name: {}}}\n",
                backend.namespace,
                route.object.kind,
                backend.name,
                own = own(route)
            );
            findings.push(
                ROUTE_WITHOUT_REFERENCE_GRANT
                    .finding(backend.at.span, message)
                    .label("needs a grant")
                    .object(route.object.to_string())
                    .key(format!("{}/{}", backend.namespace, backend.name))
                    .help(format!("whoever owns namespace `{}` adds the ReferenceGrant", backend.namespace))
                    .fix(Fix {
                        description: format!("permit the reference in namespace `{}`", backend.namespace),
                        applicability: Applicability::DisplayOnly,
                        edits: Vec::new(),
                        example: Some(example),
                    }),
            );
        }
    }
}
