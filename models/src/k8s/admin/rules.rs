//! Rules: a name, an action, peers and ports.

use super::super::Spanned;
use super::super::read::{Path, Reader, Unknown, fault};
use super::{
    AdminAction, AdminKind, AdminPeer, AdminPort, AdminRule, Api, at_most, choice, former, peers, ports,
};
use crate::diagnostic::{Finding, Severity};
use crate::yaml::{Entry, Node, Value};

/// Longest name of a rule, in characters.
const NAME_LENGTH: usize = 100;

/// Reads the rules of one direction; `peers` is what it calls them.
pub(super) fn read(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    list: Option<&Entry>,
    api: &Api,
    peers: &'static str,
) -> Vec<AdminRule> {
    let items = reader.list(path, list);
    at_most(reader, path, items, api.limit);
    let mut rules = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let path = path.item(index);
        if item.is_null() {
            reader.null_item(&path, item, "an empty rule, which is invalid");
        } else if let Value::Map(_) = &item.value {
            rules.extend(read_rule(reader, &path, item, api, peers));
        } else {
            reader.wrong_type(&path, item, "a mapping");
        }
    }
    rules
}

fn read_rule(
    reader: &mut Reader<'_>,
    path: &Path<'_>,
    item: &Node,
    api: &Api,
    peers_name: &'static str,
) -> Option<AdminRule> {
    let before = reader.findings.len();
    let ports_name = api.ports();
    let [name, action, peers, ports] =
        reader.fields(path, item, ["name", "action", peers_name, ports_name], Unknown::Refused(&[]));
    former::explain(reader, before, former::RULE);

    let name = name.and_then(|entry| {
        let path = path.field("name");
        let name = reader.text(&path, &entry.value)?;
        let length = name.chars().count();
        if length > NAME_LENGTH {
            let message = format!("the name has {length} characters, and may have {NAME_LENGTH}");
            reader.report(fault("invalid-policy", &path, entry.value.span, message));
        }
        Some(name.into())
    });
    if action.is_none() {
        let message = "the rule has no `action`";
        reader.report(fault("invalid-policy", &path.field("action"), item.span, message));
    }
    let action = action.and_then(|entry| read_action(reader, &path.field("action"), &entry.value, api));
    if peers.is_none() {
        let everybody = match peers_name {
            "from" => "for the pods of all namespaces, write `from: [{namespaces: {}}]`",
            _ => "for everybody, write `to: [{networks: [0.0.0.0/0, \"::/0\"]}]`",
        };
        let message = format!("the rule has no `{peers_name}`");
        reader.report(fault("invalid-policy", &path.field(peers_name), item.span, message).help(everybody));
    }
    let peers = peers::read(reader, &path.field(peers_name), peers, api, peers_name);
    let ports = match ports {
        Some(entry) if api.named_protocols => {
            ports::protocols(reader, &path.field(ports_name), &entry.value, api)
        }
        Some(entry) => ports::ports(reader, &path.field(ports_name), &entry.value, api),
        None => Vec::new(),
    };
    let rule = AdminRule { name, action: action?, peers, ports, span: item.span };
    check_named_ports(reader, path, ports_name, &rule);
    check_domains(reader, path, &rule);
    Some(rule)
}

fn read_action(reader: &mut Reader<'_>, path: &Path<'_>, node: &Node, api: &Api) -> Option<AdminAction> {
    let before = reader.findings.len();
    let action = choice(reader, path, node, "actions", api.actions);
    if action.is_none() && api.kind == AdminKind::Baseline && node.as_str() == Some("Pass") {
        for finding in reader.findings.iter_mut().skip(before) {
            finding.help.push("nothing comes after the baseline that a rule could pass on to".into());
        }
    }
    action
}

/// Only pods have named ports: a rule with one may name nothing else.
fn check_named_ports(reader: &mut Reader<'_>, path: &Path<'_>, ports_name: &str, rule: &AdminRule) {
    let beyond = |peer: &&Spanned<AdminPeer>| {
        matches!(peer.value, AdminPeer::Nodes(_) | AdminPeer::Networks(_) | AdminPeer::DomainNames(_))
    };
    let Some(peer) = rule.peers.iter().find(beyond) else { return };
    let path = path.field(ports_name);
    for port in rule.ports.iter().filter(|port| matches!(port.value, AdminPort::Name(_))) {
        let message = "nodes, networks and domains have no named ports";
        reader.report(
            fault("invalid-policy", &path, port.span, message)
                .related(peer.span, "a peer that is no pod")
                .help("write the number of the port, or a rule of its own for the pods"),
        );
    }
}

/// A domain name has a meaning only in a rule that accepts: what it resolves to is learnt from the
/// answers that the pods get, so that a denial could never be complete. The API server takes it
/// nevertheless; the rule is kept, so that it denies at least what it would, and the answer is marked.
fn check_domains(reader: &mut Reader<'_>, path: &Path<'_>, rule: &AdminRule) {
    if rule.action == AdminAction::Accept {
        return;
    }
    for peer in rule.peers.iter().filter(|peer| matches!(peer.value, AdminPeer::DomainNames(_))) {
        let message = "the API defines `domainNames` only for rules that accept";
        reader.report(
            Finding::new("unsupported-policy", Severity::Error, peer.span, message)
                .key(path.field("to").to_string())
                .help("npv takes this peer for every address outside the cluster")
                .help("accept the domains that may be reached, and deny all networks after that")
                .incomplete(),
        );
    }
}
