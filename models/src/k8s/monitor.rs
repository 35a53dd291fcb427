//! Prometheus Operator: ServiceMonitor and PodMonitor, which say what Prometheus scrapes (S-87).

use std::sync::Arc;

use super::meta::Root;
use super::pod::port_number;
use super::read::{Path, Reader, Unknown};
use super::service::TargetPort;
use super::{Meta, Object, Place, selector};
use crate::policy::ObjectRef;
use crate::space::Selector;
use crate::yaml::{Entry, Node};

/// A ServiceMonitor or PodMonitor.
#[derive(Clone, Debug, PartialEq)]
pub struct Monitor {
    /// The object.
    pub object: Arc<ObjectRef>,
    /// Its name and place.
    pub meta: Meta,
    /// What it selects.
    pub selects: MonitorTarget,
    /// The labels of the Services or pods.
    pub selector: Selector,
    /// In which namespaces it looks for them.
    pub namespaces: MonitorNamespaces,
    /// The ports to scrape.
    pub endpoints: Vec<MonitorEndpoint>,
}

/// What a monitor selects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonitorTarget {
    /// Services, and by them their backends.
    Services,
    /// Pods.
    Pods,
}

/// Where a monitor looks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitorNamespaces {
    /// In its own namespace.
    Own,
    /// In all.
    Any,
    /// In these.
    Named(Vec<Box<str>>),
}

/// A port to scrape.
#[derive(Clone, Debug, PartialEq)]
pub struct MonitorEndpoint {
    /// The name of the Service's port, or of the pod's for a PodMonitor.
    pub port: Option<Box<str>>,
    /// The pod's port instead.
    pub target: Option<TargetPort>,
    /// The list entry.
    pub at: Place,
}

/// Decodes a ServiceMonitor.
pub(super) fn service_monitor(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, MonitorTarget::Services, "endpoints")
}

/// Decodes a PodMonitor.
pub(super) fn pod_monitor(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    decode(reader, root, MonitorTarget::Pods, "podMetricsEndpoints")
}

fn decode(
    reader: &mut Reader<'_>,
    root: Root<'_>,
    selects: MonitorTarget,
    list: &'static str,
) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec?;
    let [labels, namespaces, listed] =
        reader.fields(&path, &spec.value, ["selector", "namespaceSelector", list], Unknown::Allowed);
    let selector = labels.map_or(Selector::EVERYTHING, |labels| {
        selector::read(reader, &path.field("selector"), &labels.value)
    });
    let namespaces = match namespaces {
        Some(entry) => read_namespaces(reader, &path.field("namespaceSelector"), &entry.value),
        None => MonitorNamespaces::Own,
    };
    let list_path = path.field(list);
    let mut endpoints = Vec::new();
    for (index, item) in reader.list(&list_path, listed).iter().enumerate() {
        endpoints.push(endpoint(reader, &list_path.item(index), item));
    }
    Some(Object::Monitor(Box::new(Monitor {
        object: root.object(),
        meta: root.meta,
        selects,
        selector,
        namespaces,
        endpoints,
    })))
}

fn read_namespaces(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> MonitorNamespaces {
    let [any, names] = reader.fields(path, node, ["any", "matchNames"], Unknown::Allowed);
    if reader.flag(&path.field("any"), any) {
        return MonitorNamespaces::Any;
    }
    let names_path = path.field("matchNames");
    let mut named = Vec::new();
    for (index, item) in reader.list(&names_path, names).iter().enumerate() {
        named.extend(reader.text(&names_path.item(index), item).map(Box::from));
    }
    if named.is_empty() { MonitorNamespaces::Own } else { MonitorNamespaces::Named(named) }
}

fn endpoint(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> MonitorEndpoint {
    let [port, target, number] =
        reader.fields(path, node, ["port", "targetPort", "portNumber"], Unknown::Allowed);
    let port = reader.string(&path.field("port"), port).map(Box::from);
    let by_number = port_of(reader, &path.field("portNumber"), number);
    let target = port_of(reader, &path.field("targetPort"), target).or(by_number);
    MonitorEndpoint { port, target, at: Place::new((), node.span) }
}

fn port_of(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<TargetPort> {
    match entry?.value.as_str() {
        Some(name) => Some(TargetPort::Name(name.into())),
        None => port_number(reader, path, entry).map(TargetPort::Number),
    }
}
