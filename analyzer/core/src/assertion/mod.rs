//! Assertions: what a configuration says must hold of the policies.
//!
//! - `decode`, `ends` and `values`: from YAML to an [`Assertion`], every mistake a finding at its own place.

mod decode;
mod ends;
mod schema;
#[cfg(test)]
mod tests;
mod values;

use std::fmt;

use npv_models::policy::{NamespaceSelector, PodSelector, PortMatch};
use npv_models::source::Span;
use npv_models::space::{IpSet, Operator, Selector};
use npv_symbolic::spec::{Place, Relation};

pub use decode::{RULE, decode, decode_one};
pub use npv_symbolic::assertion::Expect;
pub use npv_symbolic::lint::World;
pub use schema::schema;

use crate::query::text;

/// The label of every namespace's own name (S-41).
pub(crate) const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Something that must hold.
#[derive(Clone, Debug, PartialEq)]
pub struct Assertion {
    /// What people call it; made from the rest where none is written.
    pub name: String,
    /// The name, or the whole where there is none.
    pub span: Span,
    /// All that is written.
    pub whole: Span,
    /// What is expected.
    pub expect: Expect,
    /// Where flows come from.
    pub from: Ends,
    /// Where they go to.
    pub to: Ends,
    /// Over any of these; over anything where `None`.
    pub ports: Option<Vec<PortMatch>>,
    /// What else holds of the flows.
    pub relations: Vec<Relation>,
    /// Where it must hold: in every cluster unless the assertion says otherwise.
    pub world: World,
}

impl Assertion {
    /// The same with places moved.
    pub fn moved(mut self, to: impl Fn(Span) -> Span) -> Self {
        self.span = to(self.span);
        self.whole = to(self.whole);
        for ends in [&mut self.from, &mut self.to] {
            ends.span = to(ends.span);
            ends.parts.iter_mut().for_each(|part| part.span = to(part.span));
        }
        self
    }
}

/// Whom an assertion is about: whoever any part matches.
#[derive(Clone, Debug, PartialEq)]
pub struct Ends {
    /// The parts, never none.
    pub parts: Vec<Part>,
    /// Where it is written.
    pub span: Span,
}

/// A part of [`Ends`], with where it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// Whom it means.
    pub who: Who,
    /// Where it is written.
    pub span: Span,
}

/// Whom a part means.
#[derive(Clone, Debug, PartialEq)]
pub enum Who {
    /// Pods by namespace and labels.
    Pods(PodSelector),
    /// Nodes by their labels, with the pods on their network.
    Nodes(Selector),
    /// Addresses outside the cluster.
    Addresses(IpSet),
    /// A workload, a pod or a node of the manifests, by the name that `npv trace` knows.
    Named(Box<str>),
    /// Pods, nodes and addresses.
    Anybody,
}

impl Who {
    /// Every pod that selectors see.
    pub(crate) fn any_pod() -> Self {
        let namespaces = NamespaceSelector::Labels(Selector::EVERYTHING);
        Self::Pods(PodSelector { namespaces, pods: Selector::EVERYTHING })
    }
}

/// ` in namespaces tenant=a`, ` in namespaces shop or billing`, ` in namespaces team other than shop`.
fn namespaces(labels: &Selector, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (names, others): (Vec<_>, Vec<_>) =
        labels.requirements().iter().partition(|requirement| &*requirement.key == NAME_LABEL);
    let others = Selector::new(others.into_iter().cloned());
    f.write_str(" in namespaces")?;
    if !others.is_everything() {
        write!(f, " {others}")?;
    }
    for requirement in names {
        let texts: Vec<&str> = requirement.values.iter().map(|name| &**name).collect();
        match requirement.operator {
            Operator::In if others.is_everything() => write!(f, " {}", texts.join(" or "))?,
            Operator::In => write!(f, " named {}", texts.join(" or "))?,
            Operator::NotIn => write!(f, " other than {}", texts.join(" and "))?,
            _ => write!(f, " {requirement}")?,
        }
    }
    Ok(())
}

/// `deny any pod -> 169.254.169.254 on TCP 80`: the name of an assertion that has none.
impl fmt::Display for Assertion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} -> {}", expected(self.expect), self.from, self.to)?;
        let ports = self.ports.iter().flatten().map(|port| match port {
            PortMatch::Numbers(traffic) => traffic.to_string(),
            PortMatch::Named { protocol: Some(protocol), name } => format!("{protocol} {name}"),
            PortMatch::Named { protocol: None, name } => name.to_string(),
        });
        for (index, port) in ports.enumerate() {
            write!(f, "{}{port}", if index == 0 { " on " } else { ", " })?;
        }
        for (index, Relation { place, key, same }) in self.relations.iter().enumerate() {
            let whose = if *place == Place::Namespace { "namespaces" } else { "pods" };
            let (and, sign) = (if index == 0 { "where" } else { "and" }, if *same { "==" } else { "!=" });
            write!(f, " {and} from.{whose}.{key} {sign} to.{whose}.{key}")?;
        }
        Ok(())
    }
}

/// The word for what is expected.
pub const fn expected(expect: Expect) -> &'static str {
    match expect {
        Expect::Allow => "allow",
        Expect::Deny => "deny",
        Expect::Only => "only",
    }
}

impl fmt::Display for Ends {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, part) in self.parts.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { " or " }, part.who)?;
        }
        Ok(())
    }
}

impl fmt::Display for Who {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pods(selector) => {
                match (selector.pods.is_everything(), &selector.namespaces) {
                    (true, NamespaceSelector::Labels(namespaces)) if namespaces.is_everything() => {
                        return f.write_str("any pod");
                    }
                    (true, _) => f.write_str("pods")?,
                    (false, _) => write!(f, "pods {}", selector.pods)?,
                }
                match &selector.namespaces {
                    NamespaceSelector::Named(name) => write!(f, " in namespace {name}"),
                    NamespaceSelector::Labels(labels) if labels.is_everything() => Ok(()),
                    NamespaceSelector::Labels(labels) => namespaces(labels, f),
                }
            }
            Self::Nodes(labels) if labels.is_everything() => f.write_str("nodes"),
            Self::Nodes(labels) => write!(f, "nodes {labels}"),
            Self::Addresses(addresses) => f.write_str(&text::addresses_in_short(addresses)),
            Self::Named(name) => f.write_str(name),
            Self::Anybody => f.write_str("anybody"),
        }
    }
}
