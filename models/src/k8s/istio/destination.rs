//! DestinationRule, as far as it says how clients connect and which subsets a host has.

use super::super::meta::Root;
use super::super::read::{Path, Reader, Unknown};
use super::super::registry::Kind;
use super::super::{Meta, Object, Policy, Spanned};
use super::{IstioObject, exact, texts};
use crate::space::Selector;
use crate::yaml::Node;

pub(in crate::k8s) const DESTINATION: Kind = Kind::new("networking.istio.io", "DestinationRule", decode);

/// How a client connects (M-12).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientTls {
    /// In plaintext.
    Disable,
    /// With the mesh's mutual TLS.
    IstioMutual,
    /// With TLS of its own.
    Other,
}

/// How clients connect, by port.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TrafficTls {
    /// To all ports that have no mode of their own.
    pub general: Option<Spanned<ClientTls>>,
    /// To ports of the Service.
    pub ports: Vec<(u16, Spanned<ClientTls>)>,
}

/// A part of the backends of a host (M-62).
#[derive(Clone, Debug, PartialEq)]
pub struct Subset {
    /// Its name.
    pub name: Spanned<Box<str>>,
    /// The labels of its pods.
    pub labels: Spanned<Selector>,
    /// How clients connect to it.
    pub tls: TrafficTls,
}

/// A DestinationRule.
#[derive(Clone, Debug, PartialEq)]
pub struct DestinationRule {
    /// Its name and place.
    pub meta: Meta,
    /// The host, as written.
    pub host: Spanned<Box<str>>,
    /// How clients connect.
    pub tls: TrafficTls,
    /// Its subsets.
    pub subsets: Vec<Subset>,
    /// To which namespaces it is shown; everywhere where there are none.
    pub export_to: Vec<Spanned<Box<str>>>,
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    let path = Path::Root.field("spec");
    let spec = root.spec?;
    let [host, policy, subsets, export] =
        reader.fields(&path, &spec.value, ["host", "trafficPolicy", "subsets", "exportTo"], Unknown::Allowed);
    let entry = host?;
    let host = Spanned::new(reader.text(&path.field("host"), &entry.value)?.into(), entry.value.span);
    let tls = traffic_policy(reader, &path.field("trafficPolicy"), policy.map(|policy| &policy.value));
    let list_path = path.field("subsets");
    let mut all = Vec::new();
    for (index, item) in reader.list(&list_path, subsets).iter().enumerate() {
        let path = list_path.item(index);
        let [name, labels, policy] =
            reader.fields(&path, item, ["name", "labels", "trafficPolicy"], Unknown::Allowed);
        let Some(text) = reader.string(&path.field("name"), name) else { continue };
        let span = name.map_or(item.span, |name| name.value.span);
        let tls = traffic_policy(reader, &path.field("trafficPolicy"), policy.map(|policy| &policy.value));
        let selector = exact(reader, &path.field("labels"), labels);
        let labels = Spanned::new(selector, labels.map_or(item.span, |labels| labels.value.span));
        all.push(Subset { name: Spanned::new(text.into(), span), labels, tls });
    }
    let export_to = texts(reader, &path.field("exportTo"), export);
    let object = DestinationRule { meta: root.meta, host, tls, subsets: all, export_to };
    Some(Object::Policy(Policy::Istio(Box::new(IstioObject::DestinationRule(object)))))
}

fn traffic_policy(reader: &mut Reader<'_>, path: &Path<'_>, node: Option<&Node>) -> TrafficTls {
    let Some(node) = node else { return TrafficTls::default() };
    let [tls, ports] = reader.fields(path, node, ["tls", "portLevelSettings"], Unknown::Allowed);
    let general = tls.and_then(|tls| mode(reader, &path.field("tls"), &tls.value));
    let list_path = path.field("portLevelSettings");
    let mut by_port = Vec::new();
    for (index, item) in reader.list(&list_path, ports).iter().enumerate() {
        let path = list_path.item(index);
        let [port, tls] = reader.fields(&path, item, ["port", "tls"], Unknown::Allowed);
        let port_path = path.field("port");
        let [number] = match port {
            Some(port) => reader.fields(&port_path, &port.value, ["number"], Unknown::Allowed),
            None => [None],
        };
        let number =
            reader.integer(&port_path.field("number"), number).and_then(|number| u16::try_from(number).ok());
        let mode = tls.and_then(|tls| mode(reader, &path.field("tls"), &tls.value));
        by_port.extend(number.zip(mode));
    }
    TrafficTls { general, ports: by_port }
}

fn mode(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<Spanned<ClientTls>> {
    let [mode] = reader.fields(path, node, ["mode"], Unknown::Allowed);
    let text = reader.string(&path.field("mode"), mode)?;
    let tls = match text {
        "DISABLE" => ClientTls::Disable,
        "ISTIO_MUTUAL" => ClientTls::IstioMutual,
        _ => ClientTls::Other,
    };
    Some(Spanned::new(tls, mode?.value.span))
}
