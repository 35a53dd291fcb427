//! What an unknown verdict depends on: the conditions of policies that no manifest settles.

use std::fmt;

use super::matching::View;
use super::{Decision, End, Flow, PodEnd, Profile};
use crate::policy::{
    Action, Direction, Entity, NamespaceSelector, PeerMatch, Peers, PodSelector, PortMatch, Ports, Rule,
    attribute,
};
use crate::source::Span;
use crate::space::{Label, Labels, Selector, Truth};

/// A condition that no manifest settles.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cause {
    /// What is not known.
    pub unknown: Unknown,
    /// Which end of the flow it is about; neither where it is about what a policy does.
    pub end: Option<Which>,
    /// Where a policy asks for it.
    pub span: Span,
}

/// An end of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Which {
    /// The source.
    Src,
    /// The destination.
    Dst,
}

/// What no manifest shows.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Unknown {
    /// Labels and namespace of a pod that is assumed to be there (S-84).
    Pod,
    /// The value of a label of a pod: one that its controller adds (S-88), or a placeholder.
    Label(String),
    /// A label of a namespace, by the names of both (S-42).
    NamespaceLabel(String, String),
    /// A label of the ServiceAccount that a pod runs as.
    AccountLabel(String),
    /// A label of a node.
    NodeLabel(String),
    /// An address (S-16).
    Address,
    /// Which node a pod runs on (K-24).
    Node,
    /// Where the API server is: on a node or outside the cluster (K-24).
    ApiServer,
    /// The addresses of a domain name (S-64).
    Domain(String),
    /// What the ports of an assumed pod are called (S-84).
    PortName(String),
    /// What the policy does, which npv does not model or something outside decides.
    Effect(String),
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pod => f.write_str("the namespace and the labels of the pods, which no manifest shows"),
            Self::Label(key) => write!(f, "the value of the label `{key}`, which no manifest shows"),
            Self::NamespaceLabel(namespace, key) => {
                write!(f, "the label `{key}` of namespace `{namespace}`, which no manifest defines")
            }
            Self::AccountLabel(key) => {
                write!(f, "the label `{key}` of the ServiceAccount, which no manifest defines")
            }
            Self::NodeLabel(key) => write!(f, "the label `{key}` of the node, which no manifest shows"),
            Self::Address => f.write_str("the address, which no manifest shows"),
            Self::Node => f.write_str("the node that the pod runs on, which no manifest shows"),
            Self::ApiServer => f.write_str("whether the API server is on a node or outside the cluster"),
            Self::Domain(name) => write!(f, "the addresses of `{name}`"),
            Self::PortName(name) => write!(f, "which port of the pods is called `{name}`"),
            Self::Effect(object) => write!(f, "what `{object}` does, which npv does not know"),
        }
    }
}

/// What the verdict on one side of a flow depends on, each once; nothing where what passes for certain is all that
/// may pass.
pub fn causes(
    decision: &Decision<'_>,
    direction: Direction,
    profile: Profile,
    flow: &Flow<'_>,
) -> Vec<Cause> {
    let mut causes = Vec::new();
    let side = decision.side(direction);
    if side.certain == side.possible {
        return causes;
    }
    let steps = decision.steps.iter().filter(|step| step.direction == direction && !step.certain);
    for step in steps {
        let view = View {
            profile: step.tier.profile(profile),
            family: decision.family,
            flow,
            request: None,
            direction: step.direction,
            exempt: decision.exemption.is_some(),
        };
        let mut search = Search { view, causes: &mut causes, span: step.policy.subject_span };
        search.subject(step.policy);
        if let Some(rule) = step.rule {
            search.rule(rule);
            if rule.action == Action::Unknown {
                let unknown = Unknown::Effect(step.policy.object.to_string());
                causes.push(Cause { unknown, end: None, span: rule.provenance.span });
            }
        }
    }
    causes.sort();
    causes.dedup();
    causes
}

/// Looks for the terms that are neither met nor not.
struct Search<'s> {
    view: View<'s>,
    causes: &'s mut Vec<Cause>,
    span: Span,
}

impl Search<'_> {
    fn add(&mut self, unknown: Unknown, end: Which) {
        self.causes.push(Cause { unknown, end: Some(end), span: self.span });
    }

    /// The end that policies of the direction apply to, and the other.
    fn ends(&self) -> [Which; 2] {
        match self.view.direction {
            Direction::Egress => [Which::Src, Which::Dst],
            Direction::Ingress => [Which::Dst, Which::Src],
        }
    }

    fn subject(&mut self, policy: &crate::policy::Policy) {
        let [own, _] = self.ends();
        let end = *self.view.flow.subject(self.view.direction);
        if let End::Pod(pod) = &end
            && self.view.profile.sees(pod)
            && policy.subject.truth(pod) == Truth::Maybe
        {
            self.pod(&policy.subject, pod, own);
        }
        for also in &policy.also {
            self.peer(also, &end, own, Action::Allow);
        }
    }

    fn rule(&mut self, rule: &Rule) {
        let [own, other] = self.ends();
        let flow = self.view.flow;
        let ends = [
            (&rule.own, *flow.subject(self.view.direction), own),
            (&rule.peers, *flow.peer(self.view.direction), other),
        ];
        for (peers, end, which) in ends {
            let Peers::Listed(peers) = peers else { continue };
            for peer in peers {
                self.span = peer.provenance.span;
                self.peer(&peer.matches, &end, which, rule.action);
            }
        }
        let listed = match &rule.ports {
            Ports::All => &[][..],
            Ports::Listed(items) => items,
        };
        for item in listed.iter().chain(&rule.not_ports) {
            self.span = item.provenance.span;
            if let (PortMatch::Named { name, .. }, Truth::Maybe) =
                (&item.matches, item.matches.matches(&self.view))
            {
                self.add(Unknown::PortName(name.to_string()), Which::Dst);
            }
        }
    }

    fn peer(&mut self, peer: &PeerMatch, end: &End<'_>, which: Which, action: Action) {
        if peer.matches(&self.view, end, action) != Truth::Maybe {
            return;
        }
        match (peer, end) {
            (PeerMatch::All(parts) | PeerMatch::Any(parts), _) => {
                for part in parts {
                    self.peer(part, end, which, action);
                }
            }
            (PeerMatch::Not(part), _) => self.peer(part, end, which, action),
            (PeerMatch::Pods(selector), End::Pod(pod)) => self.pod(selector, pod, which),
            (PeerMatch::Block { .. }, End::Domain(name)) => {
                self.add(Unknown::Domain(name.to_string()), which);
            }
            (PeerMatch::Block { .. }, _) => self.add(Unknown::Address, which),
            (PeerMatch::Domain(name), _) => self.add(Unknown::Domain(name.to_string()), which),
            (PeerMatch::Nodes(selector), _) => {
                let labels = match end {
                    End::Node(node) => node.labels.clone(),
                    End::Pod(PodEnd { node: Some(node), .. }) => node.labels.clone(),
                    _ => Labels::OPEN,
                };
                for key in keys(selector, &labels) {
                    self.add(Unknown::NodeLabel(key), which);
                }
            }
            (PeerMatch::Entity(Entity::ApiServer), _) | (_, End::Entity(Entity::ApiServer)) => {
                self.add(Unknown::ApiServer, which);
            }
            (PeerMatch::Entity(_), _) => {
                let [own, _] = self.ends();
                self.add(Unknown::Node, own);
            }
            _ => self.add(Unknown::Pod, which),
        }
    }

    fn pod(&mut self, selector: &PodSelector, pod: &PodEnd<'_>, which: Which) {
        if pod.labels.is_open() {
            return self.add(Unknown::Pod, which);
        }
        if let (NamespaceSelector::Labels(labels), Some(namespace)) = (&selector.namespaces, pod.namespace) {
            for key in keys(labels, pod.namespace_labels) {
                self.add(Unknown::NamespaceLabel(namespace.to_owned(), key), which);
            }
        }
        for requirement in selector.pods.mentioned() {
            let key = &*requirement.key;
            let label = if attribute::is(key) { pod.attributes.at(key) } else { pod.labels.at(key) };
            if !matches!(label, Label::Unknown | Label::Open) {
                continue;
            }
            self.add(
                match key.strip_prefix(attribute::ACCOUNT) {
                    Some(rest) => Unknown::AccountLabel(rest.trim_start_matches('/').to_owned()),
                    None => Unknown::Label(key.to_owned()),
                },
                which,
            );
        }
    }
}

/// The keys that a selector asks for and of which something is not known.
fn keys(selector: &Selector, labels: &Labels) -> Vec<String> {
    let asked = selector.mentioned().into_iter().map(|requirement| &*requirement.key);
    let vague = asked.filter(|key| matches!(labels.at(key), Label::Unknown | Label::Open));
    vague.map(str::to_owned).collect()
}
