//! Endpoints and EndpointSlices: where a Service leads, address by address.

use std::net::IpAddr;
use std::sync::Arc;

use super::meta::Root;
use super::pod::{address, port_number, transport};
use super::read::{Path, Reader, Unknown};
use super::{Meta, Object};
use crate::source::Span;
use crate::space::Protocol;
use crate::yaml::{Entry, Value};

/// What an Endpoints or EndpointSlice object says of its Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Endpoints {
    /// `Endpoints` or `EndpointSlice`.
    pub kind: &'static str,
    /// Its own name and place.
    pub meta: Meta,
    /// The name of its Service, in the same namespace.
    pub service: Box<str>,
    /// The addresses.
    pub endpoints: Vec<ServiceEndpoint>,
}

/// Name, protocol and number of a port that an endpoint serves.
pub type EndpointPort = (Option<Box<str>>, Protocol, u16);

/// One address of an Endpoints or EndpointSlice object.
#[derive(Clone, Debug)]
pub struct ServiceEndpoint {
    /// The address.
    pub address: IpAddr,
    /// The pod that it belongs to, by name in the Service's namespace.
    pub pod: Option<Box<str>>,
    /// The ports that it serves, shared by all addresses of its object.
    pub ports: Arc<[EndpointPort]>,
    /// It takes traffic.
    pub ready: bool,
    /// The address in the manifest.
    pub span: Span,
}

impl PartialEq for ServiceEndpoint {
    fn eq(&self, other: &Self) -> bool {
        (self.address, &self.pod, &self.ports, self.ready)
            == (other.address, &other.pod, &other.ports, other.ready)
    }
}

/// The list at the top of an object, beside `metadata`.
fn top<'n>(root: &Root<'n>, name: &str) -> Option<&'n Entry> {
    root.node.entries().iter().rev().find(|entry| &*entry.key == name && !entry.value.is_null())
}

/// An Endpoints object is named like its Service.
#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn endpoints(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let mut endpoints = Vec::new();
    let path = Path::Root.field("subsets");
    for (index, subset) in reader.list(&path, top(&root, "subsets")).iter().enumerate() {
        let path = path.item(index);
        let [ready, unready, ports] =
            reader.fields(&path, subset, ["addresses", "notReadyAddresses", "ports"], Unknown::Allowed);
        let ports = read_ports(reader, &path.field("ports"), ports);
        for (name, list, ready) in [("addresses", ready, true), ("notReadyAddresses", unready, false)] {
            let path = path.field(name);
            for (index, item) in reader.list(&path, list).iter().enumerate() {
                let path = path.item(index);
                let [ip, target] = reader.fields(&path, item, ["ip", "targetRef"], Unknown::Allowed);
                let pod = pod_of(target);
                if let Some(ip) = ip
                    && let Some(address) = address(reader, &path.field("ip"), &ip.value)
                {
                    let ports = Arc::clone(&ports);
                    endpoints.push(ServiceEndpoint { address, pod, ports, ready, span: ip.value.span });
                }
            }
        }
    }
    let service = root.meta.name.value.clone();
    let kind = root.kind.name;
    Some(Object::Endpoints(Box::new(Endpoints { kind, meta: root.meta, service, endpoints })))
}

/// An EndpointSlice names its Service in a label; without it, it is nobody's.
pub(super) fn slice(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let labels = root.labels().value;
    let service = labels.get("kubernetes.io/service-name")?;
    // Names of hosts are no addresses, and what they resolve to cannot be known.
    let by_name = top(&root, "addressType").and_then(|entry| entry.value.as_str()) == Some("FQDN");
    let ports = read_ports(reader, &Path::Root.field("ports"), top(&root, "ports"));
    let path = Path::Root.field("endpoints");
    let mut endpoints = Vec::new();
    for (index, item) in reader.list(&path, top(&root, "endpoints")).iter().enumerate() {
        let path = path.item(index);
        let [list, conditions, target] =
            reader.fields(&path, item, ["addresses", "conditions", "targetRef"], Unknown::Allowed);
        let conditions_path = path.field("conditions");
        let [ready] = conditions.map_or([None], |conditions| {
            reader.fields(&conditions_path, &conditions.value, ["ready"], Unknown::Allowed)
        });
        // Readiness that nobody states counts as ready.
        let ready = ready.is_none() || reader.flag(&conditions_path.field("ready"), ready);
        let pod = pod_of(target);
        let path = path.field("addresses");
        for (index, text) in reader.list(&path, list).iter().enumerate() {
            if by_name {
                continue;
            }
            if let Some(address) = address(reader, &path.item(index), text) {
                let (pod, ports) = (pod.clone(), Arc::clone(&ports));
                endpoints.push(ServiceEndpoint { address, pod, ports, ready, span: text.span });
            }
        }
    }
    let service = service.into();
    Some(Object::Endpoints(Box::new(Endpoints { kind: root.kind.name, meta: root.meta, service, endpoints })))
}

fn pod_of(target: Option<&Entry>) -> Option<Box<str>> {
    let target = &target?.value;
    let text = |name| match target.get(name).map(|node| &node.value) {
        Some(Value::Str(text)) => Some(text),
        _ => None,
    };
    text("name").filter(|_| text("kind").is_some_and(|kind| &**kind == "Pod")).cloned()
}

fn read_ports(reader: &mut Reader<'_>, path: &Path<'_>, list: Option<&Entry>) -> Arc<[EndpointPort]> {
    let mut ports = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        let [name, protocol, port] =
            reader.fields(&path, item, ["name", "protocol", "port"], Unknown::Allowed);
        let name = reader.string(&path.field("name"), name).filter(|name| !name.is_empty());
        let protocol = transport(reader, &path.field("protocol"), protocol);
        let port = port_number(reader, &path.field("port"), port);
        if let (Some(protocol), Some(port)) = (protocol, port) {
            ports.push((name.map(Into::into), protocol, port));
        }
    }
    ports.into()
}
