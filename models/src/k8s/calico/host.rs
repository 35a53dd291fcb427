//! Host endpoints, and the profiles that they may have (C-17, C-72).

use std::net::IpAddr;
use std::sync::Arc;

use super::super::meta::{self, Root};
use super::super::pod::{address, port_number};
use super::super::read::{Path, Reader, Unknown, fault};
use super::super::syntax::{self, Malformed};
use super::super::{Meta, Object, Spanned};
use super::entity::says;
use super::rule::{self, Around};
use super::text::{checked, text};
use super::{CalicoObject, CalicoRule, Form, protocol};
use crate::policy::Direction;
use crate::space::{Labels, Protocol};
use crate::yaml::{Entry, Node, Value};

/// A HostEndpoint: an interface of a node, or all of them.
#[derive(Clone, Debug, PartialEq)]
pub struct HostEndpoint {
    /// Its name.
    pub meta: Meta,
    /// Its labels.
    pub labels: Spanned<Arc<Labels>>,
    /// `node`.
    pub node: Spanned<Box<str>>,
    /// `interfaceName`; `*` is every interface, `None` the one with an expected address.
    pub interface: Option<Spanned<Box<str>>>,
    /// `expectedIPs`, by which rules know it (C-44).
    pub addresses: Vec<Spanned<IpAddr>>,
    /// `profiles`, asked in this order after all policies.
    pub profiles: Vec<Spanned<Box<str>>>,
    /// `ports`: its named ports.
    pub ports: Vec<Spanned<HostPort>>,
}

/// A named port of a host endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Its name.
    pub name: Box<str>,
    /// Its protocol.
    pub protocol: Protocol,
    /// Its number.
    pub number: u16,
}

/// A Profile. Those that users write touch host endpoints only (C-17).
#[derive(Clone, Debug, PartialEq)]
pub struct Profile {
    /// Its name.
    pub meta: Meta,
    /// The `ingress` list.
    pub ingress: Vec<CalicoRule>,
    /// The `egress` list.
    pub egress: Vec<CalicoRule>,
    /// `labelsToApply`: what endpoints with this profile have, unless they have their own.
    pub labels: Arc<Labels>,
}

/// The name of a network interface, or `*`.
fn interface(text: &str) -> Result<(), Malformed> {
    let word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if text == "*" || text.len() <= 15 && text.bytes().all(word) {
        return Ok(());
    }
    let why = "must be `*`, or a name of at most 15 letters, digits, `_`, `.` and `-`";
    Err(Malformed { why: why.into(), instead: None })
}

pub(super) fn endpoint(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    let path = Path::Root.field("spec");
    let names = ["node", "interfaceName", "expectedIPs", "profiles", "ports"];
    let [node, name, addresses, profiles, ports] =
        root.spec.map_or([None; 5], |spec| reader.fields(&path, &spec.value, names, Unknown::Refused(&[])));
    let whole = root.spec.map_or(root.meta.name.span, |spec| spec.key_span);
    let (says_node, says_where) = (says(node).is_some(), says(name).or_else(|| says(addresses)).is_some());
    let node = checked(reader, &path.field("node"), node, syntax::dns_subdomain);
    if !says_node && form == Form::Api {
        let message = "the host endpoint has no `node`";
        reader.report(
            fault("invalid-policy", &path.field("node"), whole, message).help("write the name of the node"),
        );
    }
    let name = checked(reader, &path.field("interfaceName"), name, interface);
    let addresses = each(reader, &path.field("expectedIPs"), addresses, address);
    if !says_where && form == Form::Api {
        let message = "the host endpoint has neither `interfaceName` nor `expectedIPs`";
        reader.report(
            fault("invalid-policy", &path.field("interfaceName"), whole, message)
                .help("for every interface of the node, write `interfaceName: '*'`"),
        );
    }
    let profiles = each(reader, &path.field("profiles"), profiles, |reader, path, item| {
        let text = reader.text(path, item)?;
        if let Err(wrong) = syntax::dns_subdomain(text) {
            reader.malformed(path, item.span, text, wrong);
        }
        Some(text.into())
    });
    let ports =
        each(reader, &path.field("ports"), ports, |reader, path, item| read_port(reader, path, item, form));
    let endpoint = HostEndpoint {
        labels: root.labels(),
        node: node.map_or_else(
            || Spanned::new(Box::default(), whole),
            |node| Spanned::new(node.value.into(), node.span),
        ),
        interface: name.map(|name| Spanned::new(name.value.into(), name.span)),
        addresses,
        profiles,
        ports,
        meta: root.meta,
    };
    Object::Calico(Box::new(CalicoObject::HostEndpoint(endpoint)))
}

/// Every item of a list that can be read.
fn each<T>(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    read: impl Fn(&mut Reader<'_>, &Path<'_>, &Node) -> Option<T>,
) -> Vec<Spanned<T>> {
    let mut values = Vec::new();
    for (index, item) in reader.list(path, list).iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty entry, which is invalid");
        } else {
            values.extend(read(reader, &path, item).map(|value| Spanned::new(value, item.span)));
        }
    }
    values
}

fn read_port(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node, form: Form) -> Option<HostPort> {
    let [name, protocol, port] =
        reader.fields(path, item, ["name", "protocol", "port"], Unknown::Refused(&[]));
    if matches!(item.value, Value::Map(_)) {
        for (field, entry) in [("name", name), ("protocol", protocol), ("port", port)] {
            if entry.is_none() {
                let message = format!("the port has no `{field}`");
                reader.report(fault("invalid-policy", &path.field(field), item.span, message));
            }
        }
    }
    let name = checked(reader, &path.field("name"), name, syntax::port_name);
    let protocol = protocol::read(reader, &path.field("protocol"), protocol, form);
    let number = port_number(reader, &path.field("port"), port);
    if let Some(protocol) = protocol.filter(|protocol| protocol.value.transport().is_none()) {
        let message = format!("`{}` has no ports: write `TCP`, `UDP` or `SCTP`", protocol.value);
        reader.report(fault("invalid-policy", &path.field("protocol"), protocol.span, message));
    }
    Some(HostPort { name: name?.value.into(), protocol: protocol?.value.transport()?, number: number? })
}

pub(super) fn profile(reader: &mut Reader<'_>, root: Root<'_>, form: Form) -> Object {
    let path = Path::Root.field("spec");
    let names = ["ingress", "egress", "labelsToApply"];
    let [ingress, egress, labels] =
        root.spec.map_or([None; 3], |spec| reader.fields(&path, &spec.value, names, Unknown::Refused(&[])));
    let mut rules = |name: &str, entry, direction| {
        let around = Around { form, direction, policy: false, namespaced: false };
        rule::read(reader, &path.field(name), entry, around).map_or_else(Vec::new, |rules| rules.value)
    };
    let ingress = rules("ingress", ingress, Direction::Ingress);
    let egress = rules("egress", egress, Direction::Egress);
    let path = path.field("labelsToApply");
    let written = labels.map(|labels| {
        for entry in labels.value.entries() {
            let path = path.field(&entry.key);
            if let Err(wrong) = syntax::label_key(&entry.key) {
                reader.malformed(&path, entry.key_span, &entry.key, wrong);
            }
            if let Some(value) = text(&mut *reader, &path, Some(entry))
                && let Err(wrong) = syntax::label_value(value.value)
            {
                reader.malformed(&path, value.span, value.value, wrong);
            }
        }
        meta::labels(reader, &path, &labels.value)
    });
    let profile = Profile { meta: root.meta, ingress, egress, labels: Arc::new(written.unwrap_or_default()) };
    Object::Calico(Box::new(CalicoObject::Profile(profile)))
}
