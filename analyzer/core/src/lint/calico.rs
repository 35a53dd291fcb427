//! Examples in the words of Calico's policies: what they say of peers and ports, each combination in a rule of its own.

use std::fmt::Write;

use npv_models::policy::Direction;
use npv_models::source::SourceId;
use npv_models::yaml::{self, Node, Value};

/// The entries of an `ingress` or `egress` list that allow what one entry of Kubernetes' own does with these peers and
/// ports, both in flow style.
pub(super) fn rules(direction: Direction, peers: &[String], ports: &[String], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let ports = by_protocol(ports);
    let mut out = String::new();
    for peer in peers {
        let note = peer.split_once(" # ").map_or(String::new(), |(_, note)| format!(" # {note}"));
        let peer = fields(peer);
        for (protocol, ports) in &ports {
            // Writing to a string cannot fail.
            let _ = writeln!(out, "{pad}- action: Allow");
            if let Some(protocol) = protocol {
                let _ = writeln!(out, "{pad}  protocol: {protocol}");
            }
            let list = (!ports.is_empty()).then(|| format!("ports: [{}]", ports.join(", ")));
            let (source, destination) = match direction {
                Direction::Ingress => (peer.clone(), list.into_iter().collect()),
                Direction::Egress => (Vec::new(), peer.iter().cloned().chain(list).collect()),
            };
            for (name, fields) in [("source", source), ("destination", destination)] {
                if !fields.is_empty() {
                    let note =
                        if (name == "source") == (direction == Direction::Ingress) { &note } else { "" };
                    let _ = writeln!(out, "{pad}  {name}: {{{}}}{note}", fields.join(", "));
                }
            }
        }
    }
    out
}

/// Entries of `ports` as Calico groups them: each protocol with its ports, none for all. Without entries, no protocol.
fn by_protocol(ports: &[String]) -> Vec<(Option<String>, Vec<String>)> {
    let mut groups: Vec<(Option<String>, Vec<String>)> = Vec::new();
    for entry in ports.iter().filter_map(|entry| read(entry)) {
        let text = |name: &str| entry.get(name).and_then(text);
        let protocol = text("protocol").unwrap_or_else(|| "TCP".to_owned());
        let port = text("port").map(|port| match text("endPort") {
            Some(end) => format!("\"{port}:{end}\""),
            None => port,
        });
        match groups.iter_mut().find(|(known, _)| known.as_ref() == Some(&protocol)) {
            // A protocol without ports is all of them.
            Some((_, ports)) => match port {
                Some(port) if !ports.is_empty() => ports.push(port),
                _ => ports.clear(),
            },
            None => groups.push((Some(protocol), port.into_iter().collect())),
        }
    }
    if groups.is_empty() {
        groups.push((None, Vec::new()));
    }
    groups
}

/// The fields of a source or destination that say what an entry of `from` or `to` says.
fn fields(peer: &str) -> Vec<String> {
    let Some(peer) = read(peer) else { return Vec::new() };
    if let Some(block) = peer.get("ipBlock") {
        let cidr = block.get("cidr").and_then(text);
        return cidr.map(|cidr| format!("nets: [{}]", quoted(&cidr))).into_iter().collect();
    }
    let selector = |of: &str, name: &str| {
        let selector = expression(peer.get(of)?);
        // A colon or a brace would be read as a part of the mapping.
        Some(format!("{name}: \"{}\"", selector.replace('"', "'")))
    };
    let all = [selector("podSelector", "selector"), selector("namespaceSelector", "namespaceSelector")];
    all.into_iter().flatten().collect()
}

/// A label selector as an expression.
fn expression(selector: &Node) -> String {
    let mut terms = Vec::new();
    for label in selector.get("matchLabels").map(Node::entries).unwrap_or_default() {
        terms.push(format!("{} == '{}'", label.key, text(&label.value).unwrap_or_default()));
    }
    for wanted in selector.get("matchExpressions").map(Node::items).unwrap_or_default() {
        let field = |name: &str| wanted.get(name).and_then(text).unwrap_or_default();
        let values = wanted.get("values").map(Node::items).unwrap_or_default();
        let values: Vec<String> = values.iter().filter_map(text).map(|value| format!("'{value}'")).collect();
        let (key, values) = (field("key"), values.join(", "));
        terms.push(match field("operator").as_str() {
            "In" => format!("{key} in {{{values}}}"),
            "NotIn" => format!("{key} not in {{{values}}}"),
            "Exists" => format!("has({key})"),
            _ => format!("!has({key})"),
        });
    }
    if terms.is_empty() { "all()".to_owned() } else { terms.join(" && ") }
}

/// A block of addresses: its colons are quoted.
fn quoted(cidr: &str) -> String {
    if cidr.contains(':') { format!("\"{cidr}\"") } else { cidr.to_owned() }
}

/// A scalar as it is meant.
fn text(node: &Node) -> Option<String> {
    match &node.value {
        Value::Str(text) => Some(text.to_string()),
        Value::Int(number) => Some(number.to_string()),
        _ => None,
    }
}

fn read(yaml: &str) -> Option<Node> {
    let documents = yaml::read(SourceId(0), yaml, 0);
    let only = documents.roots.into_iter().next();
    only.filter(|_| documents.problems.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_the_same_in_its_own_words() {
        let peer = "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: \
                    {matchExpressions: [{key: k8s-app, operator: In, values: [kube-dns, coredns]}, {key: old, operator: \
                    DoesNotExist}]}}";
        let ports =
            ["{protocol: UDP, port: 53}".to_owned(), "{protocol: TCP, port: 53, endPort: 54}".to_owned()];
        assert_eq!(
            rules(Direction::Egress, &[peer.to_owned()], &ports, 2),
            "  - action: Allow
    protocol: UDP
    destination: {selector: \"k8s-app in {'kube-dns', 'coredns'} && !has(old)\", namespaceSelector: \
             \"kubernetes.io/metadata.name == 'kube-system'\", ports: [53]}
  - action: Allow
    protocol: TCP
    destination: {selector: \"k8s-app in {'kube-dns', 'coredns'} && !has(old)\", namespaceSelector: \
             \"kubernetes.io/metadata.name == 'kube-system'\", ports: [\"53:54\"]}
"
        );
        let peers = ["{ipBlock: {cidr: \"fd00::/8\"}} # better: the nodes".to_owned()];
        assert_eq!(
            rules(Direction::Ingress, &peers, &[], 0),
            "- action: Allow\n  source: {nets: [\"fd00::/8\"]} # better: the nodes\n"
        );
        let anywhere = ["{namespaceSelector: {}}".to_owned()];
        assert_eq!(
            rules(Direction::Ingress, &anywhere, &["{port: http}".to_owned()], 0),
            "- action: Allow\n  protocol: TCP\n  source: {namespaceSelector: \"all()\"}\n  destination: {ports: [http]}\n"
        );
    }
}
