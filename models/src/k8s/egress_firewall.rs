//! OVN-Kubernetes' `k8s.ovn.org/v1` EgressFirewall: what the pods of a namespace may reach outside of the cluster
//!

use ipnet::IpNet;

use super::meta::Root;
use super::pod::{in_range, transport};
use super::read::{Path, Reader, Unknown, clip, fault, listing};
use super::registry::Kind;
use super::{Meta, Object, Policy, Spanned, selector, syntax};
use crate::source::Span;
use crate::space::{Protocol, Selector, mask};
use crate::yaml::{Entry, Node};

pub(super) const KIND: Kind =
    Kind { policy: true, versions: &["v1"], ..Kind::new("k8s.ovn.org", "EgressFirewall", decode) };

/// More rules than this the API server refuses.
const MOST_RULES: usize = 8_000;

/// An EgressFirewall.
#[derive(Clone, Debug, PartialEq)]
pub struct EgressFirewall {
    /// Its name, which is `default`, and its namespace.
    pub meta: Meta,
    /// The `egress` list: the first rule that matches decides.
    pub rules: Vec<FirewallRule>,
}

/// An entry of the `egress` list.
#[derive(Clone, Debug)]
pub struct FirewallRule {
    /// `type: Allow`; otherwise `Deny`.
    pub allows: bool,
    /// `to`.
    pub to: Spanned<FirewallPeer>,
    /// `ports`; empty where it is left out, which is all of them.
    pub ports: Vec<Spanned<(Protocol, Option<u16>)>>,
    /// The list entry.
    pub span: Span,
}

impl PartialEq for FirewallRule {
    fn eq(&self, other: &Self) -> bool {
        (self.allows, &self.to, &self.ports) == (other.allows, &other.to, &other.ports)
    }
}

/// Whom a rule means; never pods.
#[derive(Clone, Debug, PartialEq)]
pub enum FirewallPeer {
    /// `cidrSelector`.
    Block(IpNet),
    /// `dnsName`.
    Domain(Box<str>),
    /// `nodeSelector`.
    Nodes(Selector),
}

fn decode(reader: &mut Reader<'_>, root: Root<'_>) -> Option<Object> {
    if !root.meta.generated && !root.meta.name.value.is_empty() && &*root.meta.name.value != "default" {
        let path = Path::Root.field("metadata");
        let message = "the only EgressFirewall of a namespace is named `default`";
        let finding = fault("invalid-policy", &path.field("name"), root.meta.name.span, message);
        reader.report(finding.help("name it `default`, with the rules of all of them in their order"));
    }
    let path = Path::Root.field("spec");
    let Some(spec) = root.spec else {
        let message = "the policy has no `spec`";
        reader.report(fault("invalid-policy", &path, root.meta.name.span, message));
        return None;
    };
    let [egress] = reader.fields(&path, &spec.value, ["egress"], Unknown::Refused(&[]));
    let path = path.field("egress");
    let items = reader.list(&path, egress);
    if let Some(item) = items.get(MOST_RULES) {
        let message = format!("`{path}` has {} entries, and may have {MOST_RULES}", items.len());
        reader.report(fault("invalid-policy", &path.item(MOST_RULES), item.span, message));
    }
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty rule, which is invalid");
        } else {
            rules.extend(rule(reader, &path, item));
        }
    }
    Some(Object::Policy(Policy::EgressFirewall(Box::new(EgressFirewall { meta: root.meta, rules }))))
}

fn rule(reader: &mut Reader<'_>, path: &Path<'_>, item: &Node) -> Option<FirewallRule> {
    let [action, to, ports] = reader.fields(path, item, ["type", "to", "ports"], Unknown::Refused(&[]));
    let action_path = path.field("type");
    let allows = match action.and_then(|entry| Some((reader.text(&action_path, &entry.value)?, entry))) {
        Some(("Allow", _)) => Some(true),
        Some(("Deny", _)) => Some(false),
        Some((text, entry)) => {
            let message = format!("`{}` is no type: there are {}", clip(text), listing(&["Allow", "Deny"]));
            reader.report(fault("invalid-policy", &action_path, entry.value.span, message));
            None
        }
        None => {
            if action.is_none() {
                let message = "the rule has no `type`";
                reader.report(fault("invalid-policy", &action_path, item.span, message));
            }
            None
        }
    };
    let to_path = path.field("to");
    let Some(to) = to else {
        reader.report(fault("invalid-policy", &to_path, item.span, "the rule has no `to`"));
        return None;
    };
    let to = peer(reader, &to_path, &to.value).map(|peer| Spanned::new(peer, to.value.span));
    let ports_path = path.field("ports");
    let mut list = Vec::new();
    for (index, item) in reader.list(&ports_path, ports).iter().enumerate() {
        let path = ports_path.item(index);
        let [protocol, port] = reader.fields(&path, item, ["protocol", "port"], Unknown::Refused(&[]));
        let protocol = transport(reader, &path.field("protocol"), protocol);
        let number = reader.integer(&path.field("port"), port);
        let port = match (number, port) {
            // 0 is every port.
            (Some(0), _) | (None, None) => Some(None),
            (Some(number), Some(entry)) => {
                in_range(reader, &path.field("port"), &entry.value, number).map(Some)
            }
            _ => None,
        };
        if let (Some(protocol), Some(port)) = (protocol, port) {
            list.push(Spanned::new((protocol, port), item.span));
        }
    }
    Some(FirewallRule { allows: allows?, to: to?, ports: list, span: item.span })
}

/// Exactly one of three fields.
fn peer(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node) -> Option<FirewallPeer> {
    let fields =
        reader.fields(path, node, ["cidrSelector", "dnsName", "nodeSelector"], Unknown::Refused(&[]));
    let there: Vec<&Entry> = fields.iter().flatten().copied().collect();
    if there.len() != 1 {
        let message = format!("`{path}` must have one of `cidrSelector`, `dnsName` and `nodeSelector`");
        reader.report(fault("invalid-policy", path, node.span, message));
        return None;
    }
    let [block, domain, nodes] = fields;
    if let Some(entry) = block {
        let path = path.field("cidrSelector");
        let text = reader.text(&path, &entry.value)?;
        return match syntax::cidr(text) {
            Ok(net) => Some(FirewallPeer::Block(mask(net))),
            Err(wrong) => {
                reader.malformed(&path, entry.value.span, text, wrong);
                None
            }
        };
    }
    if let Some(entry) = domain {
        let path = path.field("dnsName");
        let text = reader.text(&path, &entry.value)?;
        return match syntax::domain_name(text) {
            Ok(name) => Some(FirewallPeer::Domain(name.into())),
            Err(wrong) => {
                reader.malformed(&path, entry.value.span, text, wrong);
                None
            }
        };
    }
    let entry = nodes?;
    Some(FirewallPeer::Nodes(selector::read(reader, &path.field("nodeSelector"), &entry.value)))
}
