//! The flows that the manifests ask for themselves, and what policy makes of them.
//!
//! Who needs whom is read from what workloads name (`Cluster::intended`), from routes and from monitors. Whether a
//! need is met is asked of the engine where both ends are pods of the manifests, and not decided where they are not.

use npv_models::cluster::{GroupId, Intended, MeantBy, ResolvedBackend, Service, ServicePort, Target};
use npv_models::policy::Direction;
use npv_models::source::Span;
use npv_models::space::Protocol;

use super::blocked::Party;
use super::callers::{Caller, Stop, stop};
use super::context::Context;
use super::rules::{ingress_backend_blocked, scrape_blocked};
use super::text;
use super::words::Names;

/// What policy makes of a flow that is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Met {
    /// It passes.
    Allowed,
    /// It does not pass.
    Denied,
    /// It depends on something that the manifests do not show.
    Unknown,
}

impl Met {
    /// `allow`, `deny` or `unknown`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allowed => "allow",
            Self::Denied => "deny",
            Self::Unknown => "unknown",
        }
    }
}

/// A flow that the manifests ask for.
#[derive(Clone, Debug)]
pub struct Need {
    /// Who asks for it, as `npv reach` calls them: a workload, `{ingress-controller}`, `{prometheus}`.
    pub src: String,
    /// The Service, as `namespace/name`.
    pub service: String,
    /// The protocol.
    pub protocol: Protocol,
    /// The port of the Service.
    pub port: u16,
    /// Where it is asked for.
    pub at: Span,
    /// What asks for it, for people.
    pub by: String,
    /// Whether policy lets it pass.
    pub met: Met,
    /// The policy that does not, as findings name objects.
    pub denied_by: Option<String>,
}

/// Every flow that the manifests ask for: what workloads name, in their order, then routes, then monitors.
pub fn needs(context: &Context<'_>) -> Vec<Need> {
    let cluster = context.cluster();
    let mut needs = Vec::new();
    for intended in cluster.intended() {
        let Some(port) = intended.service.ports.get(intended.port) else { continue };
        let src = cluster.endpoint_name(intended.workload);
        let caller = caller(context, &intended);
        let by = by(&intended);
        needs.push(need(context, src, &caller, (intended.service, port), (place(context, &intended), by)));
    }
    for route in &cluster.routing.routes {
        for attachment in cluster.attachments(route).into_iter().filter(|one| one.problem.is_none()) {
            let party = ingress_backend_blocked::party(context, &attachment.entry);
            let src = src_of(context, &party);
            for backend in route.rules.iter().flat_map(|rule| &rule.backends).filter(|one| one.weight > 0) {
                let ResolvedBackend::Ports(service, ports) = cluster.resolve(route, backend) else {
                    continue;
                };
                for (port, _) in ports {
                    let by = format!("`{}`", route.object);
                    let new =
                        need(context, src.clone(), &party.caller, (service, port), (backend.at.span, by));
                    let known = |one: &Need| {
                        (&one.src, &one.service, one.port, &one.by)
                            == (&new.src, &new.service, new.port, &new.by)
                    };
                    if !needs.iter().any(known) {
                        needs.push(new);
                    }
                }
            }
        }
    }
    if !cluster.demands.monitors.is_empty() {
        let party = scrape_blocked::prometheus(context);
        let src = src_of(context, &party);
        for monitor in &cluster.demands.monitors {
            for (group, number, endpoint) in scrape_blocked::scraped(context, monitor) {
                let services = context.services().in_front_of(group);
                let service = services.into_iter().next();
                let service = service.map_or_else(
                    || {
                        context
                            .pods
                            .group(group)
                            .map_or_else(String::new, |pods| cluster.endpoint_name(pods.workload))
                    },
                    |service| name(context, service),
                );
                let (met, denied_by) = met(context, &party.caller, &[(group, Protocol::Tcp, number)]);
                needs.push(Need {
                    src: src.clone(),
                    service,
                    protocol: Protocol::Tcp,
                    port: number,
                    at: endpoint.at.span,
                    by: format!("`{}`", monitor.object),
                    met,
                    denied_by,
                });
            }
        }
    }
    needs
}

fn src_of(context: &Context<'_>, party: &Party) -> String {
    match &party.caller {
        Caller::Pods(groups) => {
            let names = context.cluster().endpoint_names(groups.iter().copied());
            names.into_iter().next().unwrap_or_else(|| party.id.clone())
        }
        Caller::Unseen | Caller::ApiServer(_) | Caller::Balancer => party.id.clone(),
    }
}

fn name(context: &Context<'_>, service: &Service) -> String {
    format!("{}/{}", Names::namespace_name(context.cluster(), service.namespace), service.name)
}

fn need(
    context: &Context<'_>,
    src: String,
    caller: &Caller,
    (service, port): (&Service, &ServicePort),
    (at, by): (Span, String),
) -> Need {
    let (met, denied_by) = match targets(context, service, port) {
        Some(targets) => met(context, caller, &targets),
        None => (Met::Unknown, None),
    };
    let service = name(context, service);
    Need { src, service, protocol: port.protocol, port: port.port, at, by, met, denied_by }
}

/// The pods of a workload that names somebody.
pub(super) fn caller(context: &Context<'_>, intended: &Intended<'_>) -> Caller {
    let workload = context.cluster().workload(intended.workload);
    Caller::Pods(workload.map(|workload| workload.groups.clone()).unwrap_or_default())
}

/// The pods behind a port of a Service and their ports; `None` where there are none, or others than pods.
pub(super) fn targets(
    context: &Context<'_>,
    service: &Service,
    port: &ServicePort,
) -> Option<Vec<(GroupId, Protocol, u16)>> {
    let targets = context.cluster().targets(service, port);
    let pods: Option<Vec<_>> = targets
        .into_iter()
        .map(|target| match target {
            Target::Pods { group, port: number } => Some((group, port.protocol, number)),
            Target::Unresolved { .. } | Target::Address { .. } => None,
        })
        .collect();
    pods.filter(|pods| !pods.is_empty())
}

/// What stops a caller from every one of some pods; `None` where it gets through to some of them, or may.
pub(super) fn stopped<'a>(
    context: &Context<'a>,
    caller: &Caller,
    targets: &[(GroupId, Protocol, u16)],
) -> Option<Stop<'a>> {
    let stops: Option<Vec<Stop<'a>>> =
        targets.iter().map(|&(group, protocol, port)| stop(context, caller, group, protocol, port)).collect();
    stops?.into_iter().next()
}

fn met(
    context: &Context<'_>,
    caller: &Caller,
    targets: &[(GroupId, Protocol, u16)],
) -> (Met, Option<String>) {
    if let Some(stop) = stopped(context, caller, targets) {
        return (Met::Denied, Some(stop.culprit.placed.policy.object.to_string()));
    }
    // Whom the manifests do not show is let in for certain only where nobody is kept out.
    let open = targets.iter().all(|(group, ..)| {
        let ends = context.endpoints_of(*group);
        ends.iter().all(|&dst| !context.engine.isolated(dst, Direction::Ingress))
    });
    match caller {
        Caller::Pods(groups) if !groups.is_empty() => (Met::Allowed, None),
        _ if open => (Met::Allowed, None),
        _ => (Met::Unknown, None),
    }
}

/// What names a Service, for people: ``variable `API_URL` ``.
pub(super) fn by(intended: &Intended<'_>) -> String {
    match &intended.by {
        MeantBy::Variable(name) => format!("variable `{name}`"),
        MeantBy::Argument => "an argument".to_owned(),
        MeantBy::Data(object, key) => format!("`{key}` of `{object}`"),
    }
}

/// Where a Service is named: host and port themselves where they stand there in clear, else the value.
pub(super) fn place(context: &Context<'_>, intended: &Intended<'_>) -> Span {
    let mention = intended.mention;
    let span = mention.span;
    if mention.written.is_empty() {
        return span;
    }
    text::words(context.sources(), span, &mention.written).next().unwrap_or_else(|| {
        let found = context.sources().slice(span).find(&*mention.written);
        found.map_or(span, |at| {
            let start = span.start + at as u32;
            Span::new(span.source, start, start + mention.written.len() as u32)
        })
    })
}
