//! `networking.k8s.io` Ingress and IngressClass, and OpenShift's Route.

use std::sync::Arc;

use super::meta::Root;
use super::pod::port_number;
use super::read::{Path, Reader, Unknown};
use super::route::{
    Backend, BackendPort, ControllerClass, Hostname, Parent, PathMatch, Route, RouteProtocol, RouteRule,
};
use super::service::TargetPort;
use super::{Object, Place};
use crate::policy::ObjectRef;
use crate::yaml::{Entry, Node};

/// The annotation that named the class before `ingressClassName` did.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
/// Annotations by which cert-manager makes certificates for an Ingress.
const ISSUER_ANNOTATIONS: &[(&str, &str)] =
    &[("cert-manager.io/issuer", "Issuer"), ("cert-manager.io/cluster-issuer", "ClusterIssuer")];
const DEFAULT_CLASS_ANNOTATION: &str = "ingressclass.kubernetes.io/is-default-class";

/// Decodes an IngressClass.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn class(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let controller = root.spec.and_then(|spec| {
        let [controller] = reader.fields(&path, &spec.value, ["controller"], Unknown::Allowed);
        reader.string(&path.field("controller"), controller)
    });
    let default = annotation(&root, DEFAULT_CLASS_ANNOTATION).and_then(Node::as_str) == Some("true");
    Some(Object::ControllerClass(Box::new(ControllerClass {
        object: root.object(),
        meta: root.meta,
        controller: controller.unwrap_or_default().into(),
        default,
    })))
}

fn annotation<'n>(root: &Root<'n>, name: &str) -> Option<&'n Node> {
    root.metadata?.value.get("annotations")?.get(name)
}

/// Decodes an Ingress.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let mut rules = Vec::new();
    let mut parent =
        annotation(&root, CLASS_ANNOTATION).and_then(|node| Some((Box::from(node.as_str()?), node.span)));
    if let Some(spec) = root.spec {
        // `backend` is what `v1beta1` calls it.
        let [class, default, former, listed] = reader.fields(
            &path,
            &spec.value,
            ["ingressClassName", "defaultBackend", "backend", "rules"],
            Unknown::Allowed,
        );
        if let Some(entry) = class
            && let Some(name) = reader.text(&path.field("ingressClassName"), &entry.value)
        {
            parent = Some((name.into(), entry.value.span));
        }
        let listed_path = path.field("rules");
        for (index, item) in reader.list(&listed_path, listed).iter().enumerate() {
            rule(reader, &listed_path.item(index), item, &root.meta.namespace, &mut rules);
        }
        // It takes what no rule takes, so it comes last.
        if let Some(entry) = default.or(former) {
            let found = backend(reader, &path.field(&entry.key), &entry.value, &root.meta.namespace);
            rules.push(RouteRule {
                hosts: Vec::new(),
                paths: Vec::new(),
                backends: found.into_iter().collect(),
                at: Place::new((), entry.value.span),
            });
        }
    }
    let issuer = ISSUER_ANNOTATIONS.iter().find_map(|(name, kind)| {
        annotation(&root, name).and_then(Node::as_str).map(|issuer| (*kind, Box::from(issuer)))
    });
    let span = parent.as_ref().map_or(root.meta.name.span, |(_, span)| *span);
    Some(Object::Route(Box::new(Route {
        object: root.object(),
        meta: root.meta,
        protocol: RouteProtocol::Http,
        parents: vec![Parent::IngressClass {
            class: parent.map(|(class, _)| class),
            at: Place::new((), span),
        }],
        rules,
        issuer,
    })))
}

fn rule(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, namespace: &str, rules: &mut Vec<RouteRule>) {
    let [host, http] = reader.fields(path, node, ["host", "http"], Unknown::Allowed);
    let hosts: Vec<Hostname> = reader
        .string(&path.field("host"), host)
        .filter(|host| !host.is_empty())
        .map(Hostname::new)
        .into_iter()
        .collect();
    let http_path = path.field("http");
    let Some(http) = http else { return };
    let [paths] = reader.fields(&http_path, &http.value, ["paths"], Unknown::Allowed);
    let paths_path = http_path.field("paths");
    for (index, item) in reader.list(&paths_path, paths).iter().enumerate() {
        let here = paths_path.item(index);
        let [path_text, path_type, target] =
            reader.fields(&here, item, ["path", "pathType", "backend"], Unknown::Allowed);
        let text = reader.string(&here.field("path"), path_text).unwrap_or("/");
        let matches = match reader.string(&here.field("pathType"), path_type) {
            Some("Exact") => PathMatch::Exact(text.into()),
            Some("Prefix") => PathMatch::Prefix(text.into()),
            // Controllers read such a path as a prefix unless it looks like an expression.
            _ if text.contains(['*', '(', '[', '+', '?', '$', '^', '|', '\\']) => {
                PathMatch::Regex(text.into())
            }
            _ => PathMatch::Prefix(text.into()),
        };
        let found = target.and_then(|entry| backend(reader, &here.field("backend"), &entry.value, namespace));
        rules.push(RouteRule {
            hosts: hosts.clone(),
            paths: vec![matches],
            backends: found.into_iter().collect(),
            at: Place::new((), item.span),
        });
    }
}

/// Reads a backend; `None` where it is no Service.
fn backend(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, namespace: &str) -> Option<Backend> {
    let [service, former_name, former_port] =
        reader.fields(path, node, ["service", "serviceName", "servicePort"], Unknown::Allowed);
    let Some(service) = service else {
        return former_backend(reader, path, (former_name?, former_port?), namespace);
    };
    let path = path.field("service");
    let [name, port] = reader.fields(&path, &service.value, ["name", "port"], Unknown::Allowed);
    let text = reader.string(&path.field("name"), name)?;
    let name_span = name.map_or(service.value.span, |entry| entry.value.span);
    let port_path = path.field("port");
    let [number, port_name] = match port {
        Some(port) => reader.fields(&port_path, &port.value, ["number", "name"], Unknown::Allowed),
        None => [None, None],
    };
    let (port, port_span) = if let Some(entry) = port_name {
        let name = reader.text(&port_path.field("name"), &entry.value)?;
        (BackendPort::Name(name.into()), entry.value.span)
    } else {
        let number_path = port_path.field("number");
        let port = port_number(reader, &number_path, number)?;
        (BackendPort::Number(port), number.map_or(name_span, |entry| entry.value.span))
    };
    Some(Backend {
        kind: "Service".into(),
        namespace: namespace.into(),
        name: text.into(),
        port,
        weight: 1,
        at: Place::new((), name_span),
        port_at: Place::new((), port_span),
    })
}

/// Reads a backend as `v1beta1` writes it.
fn former_backend(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    (name, port): (&Entry, &Entry),
    namespace: &str,
) -> Option<Backend> {
    let text = reader.text(&path.field("serviceName"), &name.value)?;
    let (port_path, port_span) = (path.field("servicePort"), port.value.span);
    let port = match port.value.as_str() {
        Some(name) => BackendPort::Name(name.into()),
        None => BackendPort::Number(port_number(reader, &port_path, Some(port))?),
    };
    Some(Backend {
        kind: "Service".into(),
        namespace: namespace.into(),
        name: text.into(),
        port,
        weight: 1,
        at: Place::new((), name.value.span),
        port_at: Place::new((), port_span),
    })
}

/// Decodes an OpenShift Route.
pub(super) fn openshift(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec?;
    let [host, prefix, to, others, port, tls] = reader.fields(
        &path,
        &spec.value,
        ["host", "path", "to", "alternateBackends", "port", "tls"],
        Unknown::Allowed,
    );
    let port_path = path.field("port");
    let target = port.and_then(|entry| {
        let [target] = reader.fields(&port_path, &entry.value, ["targetPort"], Unknown::Allowed);
        target
    });
    let target_port = match target {
        None => BackendPort::All,
        // A text is the name of the Service's port; a number is the pods' own.
        Some(entry) => match entry.value.as_str() {
            Some(name) => BackendPort::Name(name.into()),
            None => BackendPort::Target(TargetPort::Number(port_number(
                reader,
                &port_path.field("targetPort"),
                target,
            )?)),
        },
    };
    let mut backends = Vec::new();
    let to_path = path.field("to");
    let others_path = path.field("alternateBackends");
    let others = reader.list(&others_path, others);
    let all = to
        .map(|entry: &Entry| (to_path, &entry.value))
        .into_iter()
        .chain(others.iter().enumerate().map(|(index, item)| (others_path.item(index), item)));
    for (path, node) in all {
        let [kind, name, weight] = reader.fields(&path, node, ["kind", "name", "weight"], Unknown::Allowed);
        let kind = reader.string(&path.field("kind"), kind).unwrap_or("Service");
        let weight = reader.integer(&path.field("weight"), weight);
        let (Some(text), Some(name)) = (reader.string(&path.field("name"), name), name) else { continue };
        backends.push(Backend {
            kind: kind.into(),
            namespace: root.meta.namespace.clone(),
            name: text.into(),
            port: target_port.clone(),
            weight: weight.map_or(1, |weight| u32::try_from(weight).unwrap_or(0)),
            at: Place::new((), name.value.span),
            port_at: Place::new((), target.map_or(name.value.span, |entry| entry.value.span)),
        });
    }
    let host = reader.string(&path.field("host"), host).filter(|host| !host.is_empty());
    let prefix = reader.string(&path.field("path"), prefix).filter(|prefix| !prefix.is_empty());
    let passthrough =
        tls.and_then(|tls| tls.value.get("termination")).and_then(Node::as_str) == Some("passthrough");
    Some(Object::Route(Box::new(Route {
        object: root.object(),
        meta: root.meta,
        protocol: if passthrough { RouteProtocol::Tls } else { RouteProtocol::Http },
        parents: vec![Parent::Router],
        rules: vec![RouteRule {
            hosts: host.map(Hostname::new).into_iter().collect(),
            paths: prefix.map(|prefix| PathMatch::Prefix(prefix.into())).into_iter().collect(),
            backends,
            at: Place::new((), spec.value.span),
        }],
        issuer: None,
    })))
}

impl Root<'_> {
    /// The object, for findings and answers.
    pub(super) fn object(&self) -> Arc<ObjectRef> {
        Arc::new(ObjectRef {
            group: self.kind.group,
            kind: self.kind.name,
            namespace: self.kind.namespaced.then(|| self.meta.namespace.clone()),
            name: self.meta.name.value.clone(),
        })
    }
}
