//! The Gateway API: GatewayClass, Gateway, the routes and ReferenceGrant.

use super::meta::{self, Root};
use super::pod::port_number;
use super::read::{Path, Reader, Unknown};
use super::route::{
    AllowedNamespaces, Backend, BackendPort, ControllerClass, Gateway, Hostname, Listener, Parent, PathMatch,
    ReferenceGrant, Route, RouteProtocol, RouteRule,
};
use super::{Object, Place, selector};
use crate::space::Labels;
use crate::yaml::{Entry, Node};

/// The Gateway API's group.
pub(super) const GROUP: &str = "gateway.networking.k8s.io";

/// Decodes a GatewayClass.
pub(super) fn class(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec?;
    let [controller] = reader.fields(&path, &spec.value, ["controllerName"], Unknown::Allowed);
    let controller = reader.string(&path.field("controllerName"), controller).unwrap_or_default();
    Some(Object::ControllerClass(Box::new(ControllerClass {
        object: root.object(),
        meta: root.meta,
        controller: controller.into(),
        default: false,
    })))
}

/// Decodes a Gateway.
pub(super) fn gateway(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec?;
    let [class, listed, infrastructure] = reader.fields(
        &path,
        &spec.value,
        ["gatewayClassName", "listeners", "infrastructure"],
        Unknown::Allowed,
    );
    let class = reader.string(&path.field("gatewayClassName"), class).unwrap_or_default();
    let listeners_path = path.field("listeners");
    let mut listeners = Vec::new();
    for (index, item) in reader.list(&listeners_path, listed).iter().enumerate() {
        listeners.extend(listener(reader, &listeners_path.item(index), item));
    }
    let infrastructure_path = path.field("infrastructure");
    let labels = infrastructure.and_then(|entry| {
        let [labels] = reader.fields(&infrastructure_path, &entry.value, ["labels"], Unknown::Allowed);
        labels.map(|labels| meta::labels(reader, &infrastructure_path.field("labels"), &labels.value))
    });
    Some(Object::Gateway(Box::new(Gateway {
        object: root.object(),
        meta: root.meta,
        class: class.into(),
        listeners,
        labels: labels.unwrap_or_else(Labels::default),
    })))
}

fn listener(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<Listener> {
    let [name, port, protocol, hostname, allowed] = reader.fields(
        path,
        node,
        ["name", "port", "protocol", "hostname", "allowedRoutes"],
        Unknown::Allowed,
    );
    let name = reader.string(&path.field("name"), name).unwrap_or_default();
    let port = port_number(reader, &path.field("port"), port)?;
    let protocol = reader.string(&path.field("protocol"), protocol).unwrap_or_default();
    let hostname = reader.string(&path.field("hostname"), hostname).filter(|text| !text.is_empty());
    let (namespaces, kinds) = match allowed {
        Some(entry) => allowed_routes(reader, &path.field("allowedRoutes"), &entry.value),
        None => (AllowedNamespaces::Same, Vec::new()),
    };
    Some(Listener {
        name: name.into(),
        port,
        protocol: protocol.into(),
        hostname: hostname.map(Hostname::new),
        namespaces,
        kinds,
        at: Place::new((), node.span),
    })
}

fn allowed_routes(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    node: &Node,
) -> (AllowedNamespaces, Vec<Box<str>>) {
    let [namespaces, kinds] = reader.fields(path, node, ["namespaces", "kinds"], Unknown::Allowed);
    let namespaces_path = path.field("namespaces");
    let admitted = match namespaces {
        None => AllowedNamespaces::Same,
        Some(entry) => {
            let [from, labels] =
                reader.fields(&namespaces_path, &entry.value, ["from", "selector"], Unknown::Allowed);
            match reader.string(&namespaces_path.field("from"), from) {
                Some("All") => AllowedNamespaces::All,
                Some("None") => AllowedNamespaces::None,
                // A selector that is left out selects nothing here (S-45).
                Some("Selector") => match labels {
                    Some(labels) => AllowedNamespaces::Selector(selector::read(
                        reader,
                        &namespaces_path.field("selector"),
                        &labels.value,
                    )),
                    None => AllowedNamespaces::None,
                },
                _ => AllowedNamespaces::Same,
            }
        }
    };
    let kinds_path = path.field("kinds");
    let mut names = Vec::new();
    for (index, item) in reader.list(&kinds_path, kinds).iter().enumerate() {
        let path = kinds_path.item(index);
        let [kind] = reader.fields(&path, item, ["kind"], Unknown::Allowed);
        names.extend(reader.string(&path.field("kind"), kind).map(Box::from));
    }
    (admitted, names)
}

/// Decodes an HTTPRoute.
pub(super) fn http(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    route(reader, root, RouteProtocol::Http)
}

/// Decodes a TLSRoute.
pub(super) fn tls(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    route(reader, root, RouteProtocol::Tls)
}

/// Decodes a TCPRoute.
pub(super) fn tcp(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    route(reader, root, RouteProtocol::Tcp)
}

/// Decodes a UDPRoute.
pub(super) fn udp(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    route(reader, root, RouteProtocol::Udp)
}

fn route(reader: &mut Reader<'_>, root: Root<'_>, protocol: RouteProtocol) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec?;
    let [parent_refs, hostnames, listed] =
        reader.fields(&path, &spec.value, ["parentRefs", "hostnames", "rules"], Unknown::Allowed);
    let namespace = &root.meta.namespace;
    let parents_path = path.field("parentRefs");
    let mut parents = Vec::new();
    for (index, item) in reader.list(&parents_path, parent_refs).iter().enumerate() {
        parents.extend(parent(reader, &parents_path.item(index), item, namespace));
    }
    let hosts_path = path.field("hostnames");
    let mut hosts = Vec::new();
    for (index, item) in reader.list(&hosts_path, hostnames).iter().enumerate() {
        hosts.extend(reader.text(&hosts_path.item(index), item).map(Hostname::new));
    }
    let rules_path = path.field("rules");
    let mut rules = Vec::new();
    for (index, item) in reader.list(&rules_path, listed).iter().enumerate() {
        rules.push(rule(reader, &rules_path.item(index), item, &hosts, namespace));
    }
    Some(Object::Route(Box::new(Route {
        object: root.object(),
        meta: root.meta,
        protocol,
        parents,
        rules,
        issuer: None,
    })))
}

/// Reads a parent; `None` where it is no Gateway: a Service as the parent is a mesh's business.
fn parent(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, own: &str) -> Option<Parent> {
    let [group, kind, namespace, name, section, port] = reader.fields(
        path,
        node,
        ["group", "kind", "namespace", "name", "sectionName", "port"],
        Unknown::Allowed,
    );
    let group = reader.string(&path.field("group"), group).unwrap_or(GROUP);
    let kind = reader.string(&path.field("kind"), kind).unwrap_or("Gateway");
    let name = reader.string(&path.field("name"), name)?;
    let section = reader.string(&path.field("sectionName"), section);
    let port = port.and_then(|_| port_number(reader, &path.field("port"), port));
    let namespace = reader.string(&path.field("namespace"), namespace).unwrap_or(own);
    (group == GROUP && kind == "Gateway").then(|| Parent::Gateway {
        namespace: namespace.into(),
        name: name.into(),
        section: section.map(Box::from),
        port,
        at: Place::new((), node.span),
    })
}

fn rule(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, hosts: &[Hostname], own: &str) -> RouteRule {
    let [matches, backend_refs, filters] =
        reader.fields(path, node, ["matches", "backendRefs", "filters"], Unknown::Allowed);
    let mut paths = Vec::new();
    let mut every_path = false;
    let matches_path = path.field("matches");
    for (index, item) in reader.list(&matches_path, matches).iter().enumerate() {
        let here = matches_path.item(index);
        let [path_match] = reader.fields(&here, item, ["path"], Unknown::Allowed);
        // Only HTTPRoutes match by path; what matches by method, header or nothing serves every path.
        match path_match {
            Some(entry) => paths.push(path_condition(reader, &here.field("path"), &entry.value)),
            None => every_path = true,
        }
    }
    if every_path {
        paths.clear();
    }
    let mut backends = Vec::new();
    let refs_path = path.field("backendRefs");
    for (index, item) in reader.list(&refs_path, backend_refs).iter().enumerate() {
        backends.extend(backend(reader, &refs_path.item(index), item, own));
    }
    // A mirrored request reaches its backend too.
    let filters_path = path.field("filters");
    for (index, item) in reader.list(&filters_path, filters).iter().enumerate() {
        let here = filters_path.item(index);
        let [mirror] = reader.fields(&here, item, ["requestMirror"], Unknown::Allowed);
        if let Some(mirror) = mirror {
            let here = here.field("requestMirror");
            let [target] = reader.fields(&here, &mirror.value, ["backendRef"], Unknown::Allowed);
            backends.extend(
                target.and_then(|entry| backend(reader, &here.field("backendRef"), &entry.value, own)),
            );
        }
    }
    RouteRule { hosts: hosts.to_vec(), paths, backends, at: Place::new((), node.span) }
}

fn path_condition(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> PathMatch {
    let [kind, value] = reader.fields(path, node, ["type", "value"], Unknown::Allowed);
    let kind = reader.string(&path.field("type"), kind).unwrap_or("PathPrefix");
    let value = reader.string(&path.field("value"), value).unwrap_or("/");
    match kind {
        "Exact" => PathMatch::Exact(value.into()),
        "PathPrefix" => PathMatch::Prefix(value.into()),
        _ => PathMatch::Regex(value.into()),
    }
}

fn backend(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, own: &str) -> Option<Backend> {
    let [kind, namespace, name, port, weight] =
        reader.fields(path, node, ["kind", "namespace", "name", "port", "weight"], Unknown::Allowed);
    let kind = reader.string(&path.field("kind"), kind).unwrap_or("Service");
    let text = reader.string(&path.field("name"), name)?;
    let name_span = name.map_or(node.span, |entry: &Entry| entry.value.span);
    let number = port.and_then(|_| port_number(reader, &path.field("port"), port));
    let weight = reader.integer(&path.field("weight"), weight);
    let namespace = reader.string(&path.field("namespace"), namespace).unwrap_or(own);
    Some(Backend {
        kind: kind.into(),
        namespace: namespace.into(),
        name: text.into(),
        port: number.map_or(BackendPort::All, BackendPort::Number),
        weight: weight.map_or(1, |weight| u32::try_from(weight).unwrap_or(0)),
        at: Place::new((), name_span),
        port_at: Place::new((), port.map_or(name_span, |entry| entry.value.span)),
    })
}

/// Decodes a ReferenceGrant.
pub(super) fn grant(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec?;
    let [from, to] = reader.fields(&path, &spec.value, ["from", "to"], Unknown::Allowed);
    let from_path = path.field("from");
    let mut referrers = Vec::new();
    for (index, item) in reader.list(&from_path, from).iter().enumerate() {
        let path = from_path.item(index);
        let [kind, namespace] = reader.fields(&path, item, ["kind", "namespace"], Unknown::Allowed);
        let kind = reader.string(&path.field("kind"), kind);
        let namespace = reader.string(&path.field("namespace"), namespace);
        referrers.extend(kind.zip(namespace).map(|(kind, namespace)| (kind.into(), namespace.into())));
    }
    let to_path = path.field("to");
    let mut targets = Vec::new();
    for (index, item) in reader.list(&to_path, to).iter().enumerate() {
        let path = to_path.item(index);
        let [kind, name] = reader.fields(&path, item, ["kind", "name"], Unknown::Allowed);
        let kind = reader.string(&path.field("kind"), kind);
        let name = reader.string(&path.field("name"), name).filter(|name| !name.is_empty());
        targets.extend(kind.map(|kind| (kind.into(), name.map(Box::from))));
    }
    Some(Object::ReferenceGrant(Box::new(ReferenceGrant { meta: root.meta, from: referrers, to: targets })))
}
