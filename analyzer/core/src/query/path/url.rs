//! To a URL: host and path, listener, route, Service, pods, policy (S-84, S-85).

use npv_models::cluster::{
    Attachment, EntryPoint, GroupId, NotAttached, ResolvedBackend, Service, ServiceType,
};
use npv_models::k8s::{Parent, PathMatch, Route, RouteProtocol, RouteRule, WildcardLabels};

use npv_models::space::IpSet;

use super::{Walk, Walker, overall};
use crate::engine::EndpointId;
use crate::query::name::Place;
use crate::query::trace::{Overall, Trace};

/// A rule that serves the host and path, and how well it fits.
struct Served<'c> {
    route: &'c Route,
    rule: &'c RouteRule,
    attachment: Attachment<'c>,
    /// Exact hosts before wildcards, then longer ones; then the path's rank.
    rank: (bool, usize, (u8, usize)),
    path: Option<&'c PathMatch>,
}

impl<'a> Walker<'a> {
    pub(super) fn url_path(&self, src: &Place, (host, wanted): (&str, u16), path: &str) -> Trace {
        let mut walk = Walk::default();
        let routes: Vec<&Route> = self
            .names
            .cluster
            .routing
            .routes
            .iter()
            .filter(|route| matches!(route.protocol, RouteProtocol::Http | RouteProtocol::Tls))
            .collect();
        let mut served: Vec<Served<'_>> =
            routes.iter().flat_map(|route| self.serving(route, host, path)).collect();
        served.retain(|one| {
            one.attachment.listeners.is_empty()
                || one.attachment.problem.is_some()
                || one.attachment.listeners.iter().any(|listener| listener.port == wanted)
        });
        if served.iter().any(|one| one.attachment.problem.is_none()) {
            served.retain(|one| one.attachment.problem.is_none());
        }
        let best = served.iter().map(|one| one.rank).max();
        served.retain(|one| Some(one.rank) == best);
        if served.is_empty() {
            walk.stop(nothing_serves(&routes, host, path), None);
            return walk.finish(Overall::Deny);
        }
        let (mut open, mut all) = (0, 0);
        for one in &served {
            let (reached, backends) = self.through(&mut walk, src, one, (host, wanted));
            open += reached;
            all += backends;
        }
        walk.finish(overall(open, all))
    }

    /// Whether some route serves a host by its name.
    pub(super) fn is_served(&self, host: &str) -> bool {
        let rules = self.names.cluster.routing.routes.iter().flat_map(|route| &route.rules);
        rules.flat_map(|rule| &rule.hosts).any(|name| name.matches(host, WildcardLabels::OneOrMore))
    }

    /// The rules of a route that serve a host and a path, at each of its parents.
    fn serving(&self, route: &'a Route, host: &str, path: &str) -> Vec<Served<'a>> {
        let labels =
            if route.object.kind == "Ingress" { WildcardLabels::One } else { WildcardLabels::OneOrMore };
        let mut found = Vec::new();
        for rule in &route.rules {
            let by_host = rule.hosts.iter().filter(|name| name.matches(host, labels));
            let host_rank =
                match by_host.map(|name| (!name.as_str().starts_with('*'), name.as_str().len())).max() {
                    Some(rank) => rank,
                    None if rule.hosts.is_empty() => (false, 0),
                    None => continue,
                };
            // An expression may match; only its controller knows, so it counts as matching.
            let by_path = rule.paths.iter().filter(|one| one.matches(path).unwrap_or(true));
            let path_match = by_path.max_by_key(|one| one.rank());
            if path_match.is_none() && !rule.paths.is_empty() {
                continue;
            }
            for attachment in self.names.cluster.attachments(route) {
                let on_host = |listener: &&npv_models::k8s::Listener| {
                    listener
                        .hostname
                        .as_ref()
                        .is_none_or(|name| name.matches(host, WildcardLabels::OneOrMore))
                };
                if attachment.problem.is_none()
                    && !attachment.listeners.is_empty()
                    && !attachment.listeners.iter().any(on_host)
                {
                    continue;
                }
                let rank = (host_rank.0, host_rank.1, path_match.map_or((0, 0), PathMatch::rank));
                found.push(Served { route, rule, attachment, rank, path: path_match });
            }
        }
        found
    }

    /// From the client through the controller to the backends of one rule.
    fn through(
        &self,
        walk: &mut Walk,
        src: &Place,
        one: &Served<'_>,
        (host, port): (&str, u16),
    ) -> (usize, usize) {
        let cluster = self.names.cluster;
        let entry = &one.attachment.entry;
        let parent = match one.attachment.parent {
            Parent::IngressClass { class: Some(class), .. } => {
                format!("the controller of IngressClass `{class}`")
            }
            Parent::IngressClass { class: None, .. } => "the default ingress controller".to_owned(),
            Parent::Router => "OpenShift's router".to_owned(),
            Parent::Gateway { namespace, name, .. } => format!("the Gateway `{namespace}/{name}`"),
        };
        if let Some(problem) = &one.attachment.problem {
            walk.stop(
                format!("`{}` serves nothing at {parent}: {}", one.route.object, why(problem)),
                Some(one.route.meta.name.span),
            );
            return (0, 1);
        }
        for listener in one.attachment.listeners.iter().filter(|listener| listener.port == port) {
            walk.hop(
                format!("{parent} takes `{host}` on its listener `{}`", listener.name),
                Some(listener.at.span),
            );
        }
        let controller = cluster.controller_pods(entry);
        let arrives = self.controller_path(walk, src, entry, &controller, (&parent, port));
        let condition = one.path.map_or_else(String::new, |path| format!(" for {path}"));
        walk.hop(format!("`{}` routes the request{condition}", one.route.object), Some(one.rule.at.span));

        let sources = self.sources(entry, &controller);
        let before = walk.trace.parts.len();
        let (mut open, mut all) = (0, 0);
        for backend in &one.rule.backends {
            if backend.weight == 0 {
                walk.hop(
                    format!("`{}` has weight 0 and gets no request", backend.name),
                    Some(backend.at.span),
                );
                continue;
            }
            match cluster.resolve(one.route, backend) {
                ResolvedBackend::Ports(service, ports) => {
                    for (service_port, _) in ports {
                        for source in &sources {
                            let (reached, backends) =
                                self.backends_of(walk, source, (service, service_port), true);
                            open += reached;
                            all += backends;
                        }
                    }
                }
                problem => {
                    all += 1;
                    let why = match problem {
                        ResolvedBackend::NoPort(_) => "the Service has no such port",
                        ResolvedBackend::NoService => "there is no such Service",
                        ResolvedBackend::NotGranted => "no ReferenceGrant permits the reference",
                        ResolvedBackend::Unknown | ResolvedBackend::Ports(..) => {
                            "the manifests do not define it"
                        }
                    };
                    let name = format!("{}/{}", backend.namespace, backend.name);
                    walk.stop(format!("the backend `{name}` gets nothing: {why}"), Some(backend.at.span));
                }
            }
        }
        // Where the load balancer is, nobody knows; what matters is from where it may be admitted.
        if cluster.is_cloud_balancer(entry) && open > 0 {
            let mut number = 0;
            walk.trace.parts.retain(|part| {
                number += 1;
                number <= before || !part.allowed.is_empty()
            });
        }
        if all == 0 {
            walk.stop("the rule leads to no backend", Some(one.rule.at.span));
            return (0, 1);
        }
        if arrives { (open, all) } else { (0, all) }
    }

    /// Who sends to the backends.
    fn sources(&self, entry: &EntryPoint, controller: &[GroupId]) -> Vec<Place> {
        if self.names.cluster.is_cloud_balancer(entry) {
            let anywhere = "0.0.0.0/0".parse().map(IpSet::net).unwrap_or_default();
            return vec![Place::Addresses(anywhere)];
        }
        if !controller.is_empty() {
            let mut places: Vec<Place> = controller.iter().flat_map(|&group| self.places_of(group)).collect();
            places.dedup();
            return places;
        }
        let id = entry.assumed_id();
        let assumed = self.names.endpoints.iter().position(|endpoint| endpoint.id == id);
        assumed.map(|index| Place::Endpoint(EndpointId(index as u32))).into_iter().collect()
    }

    /// From the client to the controller's pods, by a Service that makes them reachable.
    fn controller_path(
        &self,
        walk: &mut Walk,
        src: &Place,
        entry: &EntryPoint,
        controller: &[GroupId],
        (parent, port): (&str, u16),
    ) -> bool {
        if self.names.cluster.is_cloud_balancer(entry) {
            walk.hop(
                format!("the request reaches the load balancer that {parent} has set up in the cloud"),
                None,
            );
            walk.note(
                "requests come from addresses of the load balancer or of nodes, never from pods: they are taken to come from \
                 where the policies of the pods admit them",
            );
            return true;
        }
        if controller.is_empty() {
            walk.hop(
                format!(
                    "the request reaches {parent}, which is not in the manifests: `{}`",
                    entry.assumed_id()
                ),
                None,
            );
            walk.note(format!(
                "`{}` is assumed: only rules for everybody, and selectors of everything, are sure to admit it",
                entry.assumed_id()
            ));
            return true;
        }
        let cluster = self.names.cluster;
        let outside = matches!(src, Place::Addresses(_));
        let fronts = |service: &&Service| {
            (!outside || service.kind == ServiceType::LoadBalancer || service.kind == ServiceType::NodePort)
                && cluster.backends(service).any(|(group, _)| controller.contains(&group))
        };
        let mut found = false;
        let mut open = false;
        for service in cluster.services.iter().filter(fronts) {
            for service_port in service.ports.iter().filter(|one| one.port == port) {
                found = true;
                let (reached, _) = self.backends_of(walk, src, (service, service_port), false);
                open |= reached > 0;
            }
        }
        if !found {
            let names: Vec<String> =
                controller.iter().map(|&group| format!("`{}`", self.group_name(group))).collect();
            walk.note(format!(
                "no Service leads {} to port {port} of {parent} ({}): the request is taken to arrive there",
                if outside { "from outside" } else { "from inside" },
                names.join(", ")
            ));
            return true;
        }
        open
    }
}

/// Why no rule is left, in terms of what there is.
fn nothing_serves(routes: &[&Route], host: &str, path: &str) -> String {
    let mut hosts: Vec<&str> = routes
        .iter()
        .flat_map(|route| &route.rules)
        .flat_map(|rule| &rule.hosts)
        .map(npv_models::k8s::Hostname::as_str)
        .collect();
    hosts.sort_unstable();
    hosts.dedup();
    if routes.is_empty() {
        return "these manifests define no Ingress and no route".to_owned();
    }
    let known_host = routes.iter().flat_map(|route| &route.rules).any(|rule| {
        rule.hosts.is_empty() || rule.hosts.iter().any(|name| name.matches(host, WildcardLabels::OneOrMore))
    });
    if known_host {
        return format!("no Ingress or route serves the path `{path}` on this port of `{host}`");
    }
    let hosts: Vec<String> = hosts.iter().take(8).map(|host| format!("`{host}`")).collect();
    format!("no Ingress or route serves the host `{host}`; hosts that are served: {}", hosts.join(", "))
}

fn why(problem: &NotAttached<'_>) -> String {
    match problem {
        NotAttached::NoGateway => "there is no such Gateway".to_owned(),
        NotAttached::NoListener => "it has no listener of that name or port".to_owned(),
        NotAttached::Kind(_) => "no listener takes routes of this kind".to_owned(),
        NotAttached::Hostname(_) => "no listener has a host in common with it".to_owned(),
        NotAttached::Namespace(listener) => {
            format!("its listener `{}` takes no routes of this namespace", listener.name)
        }
    }
}
