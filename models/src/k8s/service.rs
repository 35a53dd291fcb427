//! Services.

use std::collections::HashSet;
use std::net::IpAddr;
use std::sync::Arc;

use super::meta::{self, Root};
use super::pod::{address, in_range, port_number, transport};
use super::read::{Path, Reader, Unknown, fault, unquote};
use super::{Meta, Object, Spanned, syntax};
use crate::source::Span;
use crate::space::{Labels, Operator, Protocol, Requirement, Selector};
use crate::yaml::{Entry, Value};

/// What kind of address a Service gives to its clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServiceType {
    /// A virtual address inside the cluster.
    ClusterIp,
    /// The same, and a port on every node.
    NodePort,
    /// The same, and an address of the cloud's.
    LoadBalancer,
    /// A DNS alias; nothing is translated (S-83).
    ExternalName,
}

/// How far traffic to a Service may travel before it meets a backend (S-81).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TrafficPolicy {
    /// Any node's backends; the client's address may be replaced by a node's.
    Cluster,
    /// Backends on the node where the traffic arrives; the client's address is kept.
    Local,
}

/// One port of a Service.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// Its name.
    pub name: Option<Box<str>>,
    /// Its protocol; TCP where the manifest gives none.
    pub protocol: Protocol,
    /// The port that clients use.
    pub port: u16,
    /// The port of the backend.
    pub target: TargetPort,
    /// The protocol on it, where the manifest says so.
    pub app_protocol: Option<Box<str>>,
    /// The port on every node, where it is written.
    pub node_port: Option<u16>,
    /// The list entry.
    pub span: Span,
    /// The value of `targetPort`; that of `port` where it is left out.
    pub target_span: Span,
}

impl PartialEq for ServicePort {
    fn eq(&self, other: &Self) -> bool {
        (&self.name, self.protocol, self.port, &self.target, self.node_port)
            == (&other.name, other.protocol, other.port, &other.target, other.node_port)
    }
}

/// Which port of a backend a Service's port leads to (S-80).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum TargetPort {
    /// This one; also where `targetPort` is left out and the Service's own number is used.
    Number(u16),
    /// The one that each backend pod declares under this name.
    Name(Box<str>),
}

/// A Service.
#[derive(Clone, Debug, PartialEq)]
pub struct Service {
    /// Its name and place.
    pub meta: Meta,
    /// Its own labels, by which monitors find it.
    pub labels: Arc<Labels>,
    /// The labels of its backends; `None` where Endpoints name them instead (S-83).
    pub selector: Option<Spanned<Selector>>,
    /// What kind of address it has.
    pub kind: ServiceType,
    /// `clusterIP: None`: clients get pod addresses, nothing is translated (S-82).
    pub headless: bool,
    /// Its virtual addresses, where they are known.
    pub cluster_ips: Vec<IpAddr>,
    /// Addresses under which it is reached from outside: `externalIPs` and the load balancer's.
    pub external_ips: Vec<IpAddr>,
    /// The name it is an alias of.
    pub external_name: Option<Box<str>>,
    /// `externalTrafficPolicy`.
    pub external_traffic: TrafficPolicy,
    /// `internalTrafficPolicy`.
    pub internal_traffic: TrafficPolicy,
    /// Backends that are not ready are reached too.
    pub publish_not_ready: bool,
    /// Its ports.
    pub ports: Vec<ServicePort>,
}

pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        reader.report(fault("wrong-type", &path, root.meta.name.span, "the Service has no `spec`"));
        return None;
    };
    let [selector, kind, ip, ips, outside, lb_ip, alias, external, internal, not_ready, ports] = reader
        .fields(
            &path,
            &spec.value,
            [
                "selector",
                "type",
                "clusterIP",
                "clusterIPs",
                "externalIPs",
                "loadBalancerIP",
                "externalName",
                "externalTrafficPolicy",
                "internalTrafficPolicy",
                "publishNotReadyAddresses",
                "ports",
            ],
            Unknown::Allowed,
        );
    let kind = match choice(
        reader,
        &path.field("type"),
        kind,
        &["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"],
    ) {
        1 => ServiceType::NodePort,
        2 => ServiceType::LoadBalancer,
        3 => ServiceType::ExternalName,
        _ => ServiceType::ClusterIp,
    };
    let (headless, cluster_ips) = cluster_ips(reader, &path, ip, ips);
    let mut external_ips = Vec::new();
    let outside_path = path.field("externalIPs");
    for (index, item) in reader.list(&outside_path, outside).iter().enumerate() {
        external_ips.extend(address(reader, &outside_path.item(index), item));
    }
    external_ips.extend(lb_ip.and_then(|ip| address(reader, &path.field("loadBalancerIP"), &ip.value)));
    load_balancer(reader, root.status, &mut external_ips);
    external_ips.sort_unstable();
    external_ips.dedup();
    let mut traffic = |name, entry| match choice(reader, &path.field(name), entry, &["Cluster", "Local"]) {
        1 => TrafficPolicy::Local,
        _ => TrafficPolicy::Cluster,
    };
    let external_traffic = traffic("externalTrafficPolicy", external);
    let internal_traffic = traffic("internalTrafficPolicy", internal);
    let selector = read_selector(reader, &path.field("selector"), selector);
    Some(Object::Service(Box::new(Service {
        labels: root.labels().value,
        // An alias has no backends, whatever its selector says.
        selector: selector.filter(|_| kind != ServiceType::ExternalName),
        kind,
        headless,
        cluster_ips,
        external_ips,
        external_name: reader
            .string(&path.field("externalName"), alias)
            .filter(|_| kind == ServiceType::ExternalName)
            .map(Into::into),
        external_traffic,
        internal_traffic,
        publish_not_ready: reader.flag(&path.field("publishNotReadyAddresses"), not_ready),
        ports: read_ports(reader, &path.field("ports"), ports),
        meta: root.meta,
    })))
}

/// The index of a word among those that its field takes; 0, the default, where it is left out or wrong.
fn choice(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>, words: &[&str]) -> usize {
    let text = reader.string(path, entry).filter(|text| !text.is_empty());
    let (Some(text), Some(entry)) = (text, entry) else { return 0 };
    words.iter().position(|word| *word == text).unwrap_or_else(|| {
        let words = super::read::listing(words);
        let message = format!("`{}` is none of {words}", super::read::clip(text));
        reader.report(fault("wrong-type", path, entry.value.span, message));
        0
    })
}

fn cluster_ips(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    one: Option<&Entry>,
    all: Option<&Entry>,
) -> (bool, Vec<IpAddr>) {
    let mut headless = false;
    let mut addresses = Vec::new();
    let all_path = path.field("clusterIPs");
    let one_path = path.field("clusterIP");
    let all = reader.list(&all_path, all).iter().enumerate();
    let one = one.map(|entry| (&one_path, None, &entry.value));
    for (path, index, node) in one.into_iter().chain(all.map(|(index, node)| (&all_path, Some(index), node)))
    {
        if node.as_str() == Some("None") {
            headless = true;
            continue;
        }
        let item = index.map_or(*path, |index| path.item(index));
        addresses.extend(address(reader, &item, node));
    }
    let mut seen = HashSet::new();
    addresses.retain(|address| seen.insert(*address));
    (headless, addresses)
}

fn load_balancer(reader: &mut Reader<'_>, status: Option<&Entry>, addresses: &mut Vec<IpAddr>) {
    let path = Path::Root.field("status");
    let [balancer] = status
        .map_or([None], |status| reader.fields(&path, &status.value, ["loadBalancer"], Unknown::Allowed));
    let path = path.field("loadBalancer");
    let [list] = balancer
        .map_or([None], |balancer| reader.fields(&path, &balancer.value, ["ingress"], Unknown::Allowed));
    let path = path.field("ingress");
    for (index, item) in reader.list(&path, list).iter().enumerate() {
        let path = path.item(index);
        let [ip] = reader.fields(&path, item, ["ip"], Unknown::Allowed);
        addresses.extend(ip.and_then(|ip| address(reader, &path.field("ip"), &ip.value)));
    }
}

fn read_selector(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: Option<&Entry>,
) -> Option<Spanned<Selector>> {
    let entry = entry?;
    let labels = meta::labels(reader, path, &entry.value);
    if labels.is_empty() {
        return None;
    }
    let selector =
        Selector::new(labels.iter().map(|(key, value)| Requirement::new(key, Operator::In, [value])));
    Some(Spanned::new(selector, entry.value.span))
}

fn read_ports(reader: &mut Reader<'_>, path: &Path<'_>, list: Option<&Entry>) -> Vec<ServicePort> {
    let mut ports = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        let [name, protocol, port, target, node_port, app_protocol] = reader.fields(
            &path,
            item,
            ["name", "protocol", "port", "targetPort", "nodePort", "appProtocol"],
            Unknown::Allowed,
        );
        let name = reader.string(&path.field("name"), name).filter(|name| !name.is_empty());
        let protocol = transport(reader, &path.field("protocol"), protocol);
        // The API server writes 0 where no port on the nodes is wanted yet.
        let node_port = node_port.filter(|entry| entry.value.as_int() != Some(0));
        let node_port = port_number(reader, &path.field("nodePort"), node_port);
        let app_protocol = reader.string(&path.field("appProtocol"), app_protocol);
        let number = port_number(reader, &path.field("port"), port);
        if number.is_none() && port.is_none() {
            reader.report(fault("wrong-type", &path, item.span, format!("`{path}` has no `port`")));
        }
        let target_span = target.or(port).map_or(item.span, |entry| entry.value.span);
        let target = match target {
            Some(target) => target_port(reader, &path.field("targetPort"), target, number),
            None => number.map(TargetPort::Number),
        };
        if let (Some(protocol), Some(port), Some(target)) = (protocol, number, target) {
            let name = name.map(Into::into);
            let span = item.span;
            let app_protocol = app_protocol.map(Into::into);
            ports.push(ServicePort {
                name,
                protocol,
                port,
                target,
                app_protocol,
                node_port,
                span,
                target_span,
            });
        }
    }
    ports
}

fn target_port(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    entry: &Entry,
    port: Option<u16>,
) -> Option<TargetPort> {
    let node = &entry.value;
    if let Some(number) = node.as_int() {
        // 0 and the empty name are what is left out.
        return match number {
            0 => port.map(TargetPort::Number),
            _ => in_range(reader, path, node, number).map(TargetPort::Number),
        };
    }
    match &node.value {
        Value::Str(name) if name.is_empty() => port.map(TargetPort::Number),
        Value::Str(name) => {
            if let Err(wrong) = syntax::port_name(name) {
                let number = unquote(node).and(name.parse().ok());
                reader.malformed(path, node.span, name, wrong);
                return number.map(TargetPort::Number);
            }
            Some(TargetPort::Name(name.clone()))
        }
        _ => {
            reader.wrong_type(path, node, "a port number or the name of a port");
            None
        }
    }
}
