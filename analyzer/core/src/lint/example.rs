//! NetworkPolicies to show as the way out of a finding.

use std::fmt::Write;

use npv_models::policy::{Direction, ObjectRef, PortMatch, Ports};
use npv_models::space::{Operator, Protocol, Requirement, Selector};

use super::calico;
use super::pods::NAMESPACE_NAME;
use super::spelling::is_of_calico;
use super::words;

/// A policy with one rule, as a person would write it.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// Its name.
    pub(super) name: String,
    /// The namespace of the pods that it is for.
    pub(super) namespace: String,
    /// Their labels.
    pub(super) subject: Selector,
    /// Which of its lists the rule is in.
    pub(super) direction: Direction,
    /// The entries of `from` or `to`, each in flow style.
    pub(super) peers: Vec<String>,
    /// The entries of `ports`, each in flow style; none admits every port.
    pub(super) ports: Vec<String>,
}

impl Grant {
    /// The manifest.
    pub(super) fn yaml(&self) -> String {
        let mut out = format!(
            "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {}\n  namespace: {}\nspec:\n  \
             podSelector: {}\n  policyTypes: [{}]\n  {}:\n",
            self.name,
            self.namespace,
            selector(&self.subject),
            words::policy_type(self.direction),
            self.direction
        );
        out.push_str(&rule(self.direction, &self.peers, &self.ports, 4));
        out
    }
}

/// One entry of an `ingress` or `egress` list.
pub(super) fn rule(direction: Direction, peers: &[String], ports: &[String], indent: usize) -> String {
    let pad = " ".repeat(indent);
    let mut out = String::new();
    // Writing to a string cannot fail.
    let _ = writeln!(out, "{pad}- {}:", words::peer_field(direction));
    for peer in peers {
        let _ = writeln!(out, "{pad}    - {peer}");
    }
    if !ports.is_empty() {
        let _ = writeln!(out, "{pad}  ports:");
        for port in ports {
            let _ = writeln!(out, "{pad}    - {port}");
        }
    }
    out
}

/// The same as entries of the list of a policy, in the words of its API.
pub(super) fn rule_of(
    policy: &ObjectRef,
    direction: Direction,
    peers: &[String],
    ports: &[String],
    indent: usize,
) -> String {
    if is_of_calico(policy) {
        calico::rules(direction, peers, ports, indent)
    } else {
        rule(direction, peers, ports, indent)
    }
}

/// The same entry on one line.
pub(super) fn rule_in_braces(direction: Direction, peers: &[String], ports: &[String]) -> String {
    let peers = format!("{}: [{}]", words::peer_field(direction), peers.join(", "));
    if ports.is_empty() {
        return format!("{{{peers}}}");
    }
    format!("{{{peers}, ports: [{}]}}", ports.join(", "))
}

/// The entry of `from` or `to` for some pods, seen from a namespace.
pub(super) fn pods(namespace: &str, labels: &Selector, seen_from: &str) -> String {
    let pods = format!("podSelector: {}", selector(labels));
    if namespace == seen_from {
        return format!("{{{pods}}}");
    }
    let name = Selector::label(NAMESPACE_NAME, namespace);
    format!("{{namespaceSelector: {}, {pods}}}", selector(&name))
}

/// A peer that is pods with these labels in any namespace.
pub(super) fn pods_anywhere(labels: &Selector) -> String {
    format!("{{namespaceSelector: {{}}, podSelector: {}}}", selector(labels))
}

/// The entries of `ports` that say the same as a rule's.
pub(super) fn ports(ports: &Ports) -> Vec<String> {
    let Ports::Listed(items) = ports else { return Vec::new() };
    let mut out = Vec::new();
    for item in items {
        match &item.matches {
            PortMatch::Numbers(traffic) => {
                for protocol in Protocol::ALL {
                    let set = traffic.ports(protocol);
                    if set.is_full() {
                        out.push(format!("{{protocol: {protocol}}}"));
                        continue;
                    }
                    out.extend(set.intervals().iter().map(|&(first, last)| port(protocol, first, last)));
                }
            }
            PortMatch::Named { protocol: Some(protocol), name } => {
                out.push(format!("{{protocol: {protocol}, port: {name}}}"));
            }
            PortMatch::Named { protocol: None, name } => out.push(format!("{{port: {name}}}")),
        }
    }
    out
}

/// One entry of `ports`.
pub(super) fn port(protocol: Protocol, first: u16, last: u16) -> String {
    if first == last {
        format!("{{protocol: {protocol}, port: {first}}}")
    } else {
        format!("{{protocol: {protocol}, port: {first}, endPort: {last}}}")
    }
}

/// A label selector in flow style.
pub(super) fn selector(selector: &Selector) -> String {
    let mut labels = Vec::new();
    let mut expressions = Vec::new();
    let mut seen = None;
    for requirement in selector.requirements() {
        match (requirement.operator, requirement.values.as_slice()) {
            // A mapping holds a key once; requirements are sorted by key.
            (Operator::In, [value]) if seen != Some(&requirement.key) => {
                labels.push(format!("{}: {}", requirement.key, scalar(value)));
                seen = Some(&requirement.key);
            }
            _ => expressions.push(expression(requirement)),
        }
    }
    let mut parts = Vec::new();
    if !labels.is_empty() {
        parts.push(format!("matchLabels: {{{}}}", labels.join(", ")));
    }
    if !expressions.is_empty() {
        parts.push(format!("matchExpressions: [{}]", expressions.join(", ")));
    }
    format!("{{{}}}", parts.join(", "))
}

fn expression(requirement: &Requirement) -> String {
    let (key, operator) = (&requirement.key, requirement.operator.name());
    if requirement.values.is_empty() {
        return format!("{{key: {key}, operator: {operator}}}");
    }
    let values: Vec<String> = requirement.values.iter().map(|value| scalar(value)).collect();
    format!("{{key: {key}, operator: {operator}, values: [{}]}}", values.join(", "))
}

/// A label value as YAML: in quotes where it could be read as something else than text.
fn scalar(value: &str) -> String {
    let starts_as_text = value.starts_with(|char: char| char.is_ascii_alphabetic());
    let is_a_word_of_yaml = matches!(
        value.to_ascii_lowercase().as_str(),
        "true" | "false" | "yes" | "no" | "on" | "off" | "y" | "n" | "null"
    );
    if starts_as_text && !is_a_word_of_yaml { value.to_owned() } else { format!("\"{value}\"") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_yaml_that_means_the_same() {
        let labels = Selector::new([
            Requirement::new("app", Operator::In, ["web"]),
            Requirement::new("on", Operator::In, ["true"]),
            Requirement::new("tier", Operator::NotIn, ["a", "1"]),
            Requirement::new("x", Operator::Exists, [""; 0]),
        ]);
        assert_eq!(
            selector(&labels),
            "{matchLabels: {app: web, on: \"true\"}, matchExpressions: [{key: tier, operator: NotIn, values: [\"1\", a]}, \
             {key: x, operator: Exists}]}"
        );
        assert_eq!(selector(&Selector::EVERYTHING), "{}");
        assert_eq!(
            pods("kube-system", &Selector::label("k8s-app", "kube-dns"), "shop"),
            "{namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: kube-system}}, podSelector: {matchLabels: \
             {k8s-app: kube-dns}}}"
        );
    }
}
