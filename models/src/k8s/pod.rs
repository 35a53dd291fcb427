//! Pods, and the templates from which controllers make them.

use std::net::IpAddr;
use std::sync::Arc;

use serde::Serialize;

use super::istio::{MeshNotes, notes};
use super::meta::{self, Root};
use super::read::{Path, Reader, Unknown, clip, fault, listing, replace};
use super::{Meta, Needs, Object, Spanned, needs};
use crate::space::{Labels, Protocol};
use crate::yaml::{Entry, Node};

/// A port that a container declares.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct ContainerPort {
    /// Its name, by which policies and Services refer to it.
    pub name: Option<Box<str>>,
    /// Its protocol; TCP where the manifest gives none.
    pub protocol: Protocol,
    /// Its number, 1 to 65535.
    pub number: u16,
}

/// What policies and Services can see of a pod, apart from its namespace, name and addresses.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct PodShape {
    /// Its labels.
    pub labels: Arc<Labels>,
    /// The declared ports of all its containers, init and sidecar containers included (S-40), sorted.
    pub ports: Arc<[ContainerPort]>,
    /// It uses its node's network (S-37).
    pub host_network: bool,
    /// The ServiceAccount that it runs as; `None` is the namespace's `default`.
    pub service_account: Option<Box<str>>,
    /// What a mesh can see of it besides.
    pub mesh: Option<Arc<MeshNotes>>,
    /// One of its containers declares no port, so that it may listen on any (S-27).
    pub undeclared: bool,
    /// Whom it asks for names.
    pub dns: Dns,
}

/// Whom a pod asks for names (S-86).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Dns {
    /// The cluster's DNS: `ClusterFirst`, which is the default, and `ClusterFirstWithHostNet`.
    #[default]
    Cluster,
    /// Whoever its node asks: `Default`.
    Node,
    /// These and nobody else: `None` with `dnsConfig.nameservers`.
    Own(Box<[IpAddr]>),
}

/// A Pod.
#[derive(Clone, Debug, PartialEq)]
pub struct Pod {
    /// Its name, place and controller.
    pub meta: Meta,
    /// What policies see of it. The span is that of the labels, or of the name where there are none.
    pub shape: Spanned<Arc<PodShape>>,
    /// The node that it runs on.
    pub node: Option<Box<str>>,
    /// Its addresses, where `status` gives them.
    pub addresses: Box<[IpAddr]>,
    /// It has succeeded or failed and has no traffic any more (S-38).
    pub finished: bool,
    /// What it says it needs; nothing for a pod that a controller made, whose template says it.
    pub needs: Needs,
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of every decoding function")]
pub(super) fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let spec_path = Path::Root.field("spec");
    let labels = root.labels();
    let mut node = None;
    let shape = if let Some(spec) = root.spec {
        node = reader.string(&spec_path.field("nodeName"), named(&spec.value, "nodeName"));
        let shape = spec_shape(reader, &spec_path, &spec.value, Arc::clone(&labels.value));
        let metadata = root.metadata.map(|metadata| &metadata.value);
        PodShape { mesh: notes(metadata, Some(&spec.value)).map(Arc::new), ..shape }
    } else {
        reader.report(fault("wrong-type", &spec_path, root.meta.name.span, "the pod has no `spec`"));
        PodShape { labels: Arc::clone(&labels.value), ..PodShape::default() }
    };
    let (addresses, finished) = status(reader, root.status, shape.host_network);
    let needs = match root.spec {
        Some(spec) if root.meta.owner.is_none() => needs::of_spec(&spec.value),
        _ => Needs::default(),
    };
    Some(Object::Pod(Box::new(Pod {
        shape: Spanned::new(reader.decoder.share(shape), labels.span),
        node: node.filter(|name| !name.is_empty()).map(Into::into),
        addresses,
        finished,
        needs,
        meta: root.meta,
    })))
}

/// A field that is not null, without a look at its neighbours.
fn named<'n>(node: &'n Node, name: &str) -> Option<&'n Entry> {
    node.entries().iter().rev().find(|entry| &*entry.key == name && !entry.value.is_null())
}

fn status(reader: &mut Reader<'_>, status: Option<&Entry>, host_network: bool) -> (Box<[IpAddr]>, bool) {
    let path = Path::Root.field("status");
    let Some(status) = status else { return (Box::default(), false) };
    let [phase, ip, ips, host_ip, host_ips] = reader.fields(
        &path,
        &status.value,
        ["phase", "podIP", "podIPs", "hostIP", "hostIPs"],
        Unknown::Allowed,
    );
    let finished = matches!(reader.string(&path.field("phase"), phase), Some("Succeeded" | "Failed"));
    let mut addresses = Vec::new();
    add_addresses(reader, &path, ("podIP", ip), ("podIPs", ips), &mut addresses);
    // The network plugin gives a pod on the host network no address of its own.
    if host_network && addresses.is_empty() {
        add_addresses(reader, &path, ("hostIP", host_ip), ("hostIPs", host_ips), &mut addresses);
    }
    (addresses.into(), finished)
}

/// Reads a pair such as `podIP` and `podIPs`, of which the second repeats the first.
fn add_addresses(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    (one_name, one): (&str, Option<&Entry>),
    (all_name, all): (&str, Option<&Entry>),
    addresses: &mut Vec<IpAddr>,
) {
    let path_of_all = path.field(all_name);
    let one = one.and_then(|entry| address(reader, &path.field(one_name), &entry.value));
    addresses.extend(one);
    for (index, item) in reader.list(&path_of_all, all).iter().enumerate() {
        let path = path_of_all.item(index);
        let [ip] = reader.fields(&path, item, ["ip"], Unknown::Allowed);
        let ip = ip.and_then(|entry| address(reader, &path.field("ip"), &entry.value));
        // A pod has one address of each family; a list that goes on is no list of a pod's addresses.
        if addresses.len() < 16 {
            addresses.extend(ip.filter(|ip| !addresses.contains(ip)));
        }
    }
}

/// An IP address; `None` where the text is empty.
pub(super) fn address(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<IpAddr> {
    let text = reader.text(path, node).filter(|text| !text.is_empty())?;
    let address = text.parse().ok();
    if address.is_none() {
        reader.report(fault("wrong-type", path, node.span, format!("`{}` is no IP address", clip(text))));
    }
    address
}

/// Reads a pod template: `metadata.labels` and `spec`.
pub(super) fn template(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    template: &Entry,
    extra: &[(&str, &str)],
) -> Spanned<PodShape> {
    let [metadata, spec] = reader.fields(path, &template.value, ["metadata", "spec"], Unknown::Allowed);
    let labels = template_labels(reader, path, metadata, extra);
    let span = labels.as_ref().map_or(template.key_span, |labels| labels.span);
    let labels = labels.map_or_else(|| extra.iter().copied().collect(), |labels| labels.value);
    let labels = Arc::new(labels);
    let path = path.field("spec");
    let shape = if let Some(spec) = spec {
        let shape = spec_shape(reader, &path, &spec.value, labels);
        let metadata = metadata.map(|metadata| &metadata.value);
        PodShape { mesh: notes(metadata, Some(&spec.value)).map(Arc::new), ..shape }
    } else {
        reader.report(fault("wrong-type", &path, template.key_span, "the pod template has no `spec`"));
        PodShape { labels, ..PodShape::default() }
    };
    Spanned::new(shape, span)
}

/// The labels of a template, with those that the controller adds; `None` where none are written.
pub(super) fn template_labels(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    metadata: Option<&Entry>,
    extra: &[(&str, &str)],
) -> Option<Spanned<Labels>> {
    let path = path.field("metadata");
    let [labels] = reader.fields(&path, &metadata?.value, ["labels"], Unknown::Allowed);
    let node = &labels?.value;
    let mut labels = meta::labels(reader, &path.field("labels"), node);
    for (key, value) in extra {
        labels.insert(*key, *value);
    }
    Some(Spanned::new(labels, node.span))
}

/// Reads a pod's `spec`.
pub(super) fn spec_shape(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    spec: &Node,
    labels: Arc<Labels>,
) -> PodShape {
    let [containers, init, ephemeral, host_network, account, old_account, policy, config] = reader.fields(
        path,
        spec,
        [
            "containers",
            "initContainers",
            "ephemeralContainers",
            "hostNetwork",
            "serviceAccountName",
            "serviceAccount",
            "dnsPolicy",
            "dnsConfig",
        ],
        Unknown::Allowed,
    );
    let mut ports = Vec::new();
    for (name, list) in
        [("containers", containers), ("initContainers", init), ("ephemeralContainers", ephemeral)]
    {
        container_ports(reader, &path.field(name), list, &mut ports);
    }
    ports.sort_unstable();
    ports.dedup();
    let account = reader
        .string(&path.field("serviceAccountName"), account)
        .or_else(|| reader.string(&path.field("serviceAccount"), old_account))
        .filter(|account| !account.is_empty());
    PodShape {
        labels,
        ports: ports.into(),
        host_network: reader.flag(&path.field("hostNetwork"), host_network),
        service_account: account.map(Into::into),
        mesh: None,
        undeclared: undeclared(containers, |_| true)
            || undeclared(init, |container| {
                container.get("restartPolicy").and_then(Node::as_str) == Some("Always")
            }),
        dns: dns(reader, path, policy, config),
    }
}

/// Whether one of the containers declares no port. Init containers count where they go on running.
fn undeclared(containers: Option<&Entry>, stays: impl Fn(&Node) -> bool) -> bool {
    containers.is_some_and(|list| {
        let mut staying = list.value.items().iter().filter(|container| stays(container));
        staying.any(|container| container.get("ports").is_none_or(|ports| ports.items().is_empty()))
    })
}

fn dns(reader: &mut Reader<'_>, path: &Path<'_>, policy: Option<&Entry>, config: Option<&Entry>) -> Dns {
    match reader.string(&path.field("dnsPolicy"), policy) {
        Some("Default") => Dns::Node,
        Some("None") => {
            let path = path.field("dnsConfig");
            let [servers] = config.map_or([None], |config| {
                reader.fields(&path, &config.value, ["nameservers"], Unknown::Allowed)
            });
            let path = path.field("nameservers");
            let servers = reader.list(&path, servers).iter().enumerate();
            // What is no address is not this object's fault alone: the API server refuses it.
            let servers: Vec<IpAddr> =
                servers.filter_map(|(index, node)| address(reader, &path.item(index), node)).collect();
            Dns::Own(servers.into())
        }
        _ => Dns::Cluster,
    }
}

fn container_ports(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    containers: Option<&Entry>,
    ports: &mut Vec<ContainerPort>,
) {
    for (index, container) in reader.list(path, containers).iter().enumerate() {
        let path = path.item(index);
        let [list] = reader.fields(&path, container, ["ports"], Unknown::Allowed);
        let path = path.field("ports");
        for (index, item) in reader.list(&path, list).iter().enumerate() {
            let path = path.item(index);
            let [name, number, protocol] =
                reader.fields(&path, item, ["name", "containerPort", "protocol"], Unknown::Allowed);
            let name = reader.string(&path.field("name"), name).filter(|name| !name.is_empty());
            let protocol = transport(reader, &path.field("protocol"), protocol);
            let number = port_number(reader, &path.field("containerPort"), number);
            if let (Some(number), Some(protocol)) = (number, protocol) {
                ports.push(ContainerPort { name: name.map(Into::into), protocol, number });
            }
        }
    }
}

/// A port number from 1 to 65535; `None` where it is left out or wrong.
pub(super) fn port_number(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<u16> {
    let number = reader.integer(path, entry)?;
    in_range(reader, path, &entry?.value, number)
}

/// The number as a port; a finding where it is none.
pub(super) fn in_range(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, number: i64) -> Option<u16> {
    let port = u16::try_from(number).ok().filter(|port| *port != 0);
    if port.is_none() {
        let message = format!("{number} is no port: ports go from 1 to 65535");
        reader.report(fault(reader.invalid(), path, node.span, message));
    }
    port
}

/// A transport protocol: TCP where it is left out (S-20), `None` where it is wrong.
pub(super) fn transport(reader: &mut Reader<'_>, path: &Path<'_>, entry: Option<&Entry>) -> Option<Protocol> {
    let Some(entry) = entry else { return Some(Protocol::Tcp) };
    let text = reader.text(path, &entry.value)?;
    if let Some(protocol) = Protocol::from_name(text) {
        return Some(protocol);
    }
    let names = Protocol::ALL.map(Protocol::name);
    let finding = fault(
        reader.invalid(),
        path,
        entry.value.span,
        format!("`{}` is none of the protocols {}", clip(text), listing(&names)),
    );
    reader.report(match Protocol::from_name(&text.to_ascii_uppercase()) {
        Some(meant) => finding.help(format!("protocols are in upper case: write `{meant}`")).fix(replace(
            entry.value.span,
            text,
            meant.name(),
            "write the protocol in upper case",
        )),
        None => finding,
    });
    None
}
