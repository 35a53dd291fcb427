//! Exposure: everybody who could connect to a workload, or whom it could connect to, as far as the
//! policies of its own side decide - also peers that no manifest defines.
//!
//! The policies are reduced to what they ask of the peer, separately for stretches of ports and of
//! addresses that no rule tells apart; what is left speaks of labels, and becomes a list of selectors.

mod cover;

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use npv_models::decide::{End, PodEnd};
use npv_models::policy::{Direction, NamespaceSelector, PeerMatch, Peers, PodSelector};
use npv_models::space::{IntervalSet, IpSet, Labels, PortSet, Protocol, Selector, Traffic};

use crate::session::Session;
use crate::spec::PodSpec;
use crate::term::{Bool, Context, Node, Scalar, ValueSet};
use crate::world::{EndTerms, kind, protocol_number};
use cover::{Asked, Selected};

/// Some of the possible peers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum PeerSet {
    /// Pods, nodes and addresses.
    Everybody,
    /// Pods that selectors see.
    Pods {
        /// Which ones.
        selector: PodSelector,
        /// Only on a port that they declare under each of these names (S-25).
        ports: Vec<Box<str>>,
        /// Not on the ports that they declare under these names.
        not_ports: Vec<Box<str>>,
        /// Only those with one of these addresses.
        addresses: Option<IpSet>,
    },
    /// Nodes and the pods on their network.
    Nodes {
        /// Which ones, by the nodes' labels.
        selector: Selector,
        /// Only those with one of these addresses.
        addresses: Option<IpSet>,
    },
    /// Addresses outside the cluster.
    Addresses(IpSet),
}

/// Peers with the traffic that they may use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exposed {
    /// Over what.
    pub traffic: Traffic,
    /// Who: none of them can be left out.
    pub peers: Vec<PeerSet>,
}

/// The peers of one workload in one direction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Exposure {
    /// By traffic, the widest first; empty where nobody is a peer.
    pub open: Vec<Exposed>,
    /// Something could not be worked out, for this reason: there may be more peers.
    pub unknown: Option<String>,
}

impl Session<'_> {
    /// Who may connect to the pod (ingress), or whom it may connect to (egress), by the policies of its
    /// own side.
    pub fn exposure(&mut self, set: usize, pod: &PodSpec, direction: Direction) -> Exposure {
        self.scratch(|session| session.expose(set, pod, direction))
    }

    fn expose(&mut self, set: usize, pod: &PodSpec, direction: Direction) -> Exposure {
        let Some(allow) = self.sets.get(set).map(|set| set.side(direction).allow) else {
            return Exposure::default();
        };
        let (subject, peer) = match direction {
            Direction::Ingress => (self.flow.dst.clone(), self.flow.src.clone()),
            Direction::Egress => (self.flow.src.clone(), self.flow.dst.clone()),
        };
        let literal = self.literal_pod(pod);
        let (known, given) = self.knowledge(&subject, &literal);
        let allow = self.terms.restrict(allow, &known);
        let hints = self.hints(set, pod, direction);
        let asked = Asked { peer, given, hints };
        let mut found: BTreeMap<PeerSet, Traffic> = BTreeMap::new();
        let mut unknown = None;
        for (condition, traffic) in self.by_traffic(allow, &subject, &literal, direction) {
            match self.peers_of(condition, &asked) {
                Ok(peers) => {
                    for set in peers {
                        let known = found.entry(set).or_default();
                        *known = known.union(&traffic);
                    }
                }
                Err(why) => unknown = Some(why),
            }
        }
        let mut open: Vec<Exposed> = Vec::new();
        for (peer, traffic) in found {
            match open.iter_mut().find(|exposed| exposed.traffic == traffic) {
                Some(exposed) => exposed.peers.push(peer),
                None => open.push(Exposed { traffic, peers: vec![peer] }),
            }
        }
        open.sort_by_key(|exposed| Reverse(size(&exposed.traffic)));
        Exposure { open, unknown }
    }

    fn literal_pod(&mut self, pod: &PodSpec) -> EndTerms {
        let unknown = Labels::default();
        let end = End::Pod(PodEnd {
            namespace: Some(&pod.namespace),
            namespace_labels: pod.namespace_labels.as_ref().unwrap_or(&unknown),
            labels: &pod.labels,
            ports: &pod.ports,
            host_network: pod.host_network,
            ..PodEnd::default()
        });
        let (protocol, port) = (self.flow.protocol, self.flow.port);
        EndTerms::literal(&mut self.terms, &self.vocabulary, &end, protocol, port)
    }

    /// What is known of the workload's own end, for folding and for the solver.
    fn knowledge(&mut self, subject: &EndTerms, literal: &EndTerms) -> (Context, Bool) {
        let mut context = Context::new();
        let maps =
            [(&subject.namespace_labels, &literal.namespace_labels), (&subject.labels, &literal.labels)];
        let labels = maps.into_iter().flat_map(|(ours, known)| ours.values().zip(known.values()));
        let rest = [(&subject.kind, &literal.kind), (&subject.namespace, &literal.namespace)];
        let mut conditions = Vec::new();
        for (ours, known) in labels.chain(rest) {
            if let Scalar::Known(number) = known {
                context.learn(*ours, &ValueSet::single(*number));
                conditions.push(self.terms.is(*ours, *number));
            }
        }
        self.learn(&mut context, subject.host_network, literal.host_network == Bool::TRUE);
        (context, self.terms.and(conditions))
    }

    /// Adds to a context that a variable is true or false.
    fn learn(&self, context: &mut Context, variable: Bool, value: bool) {
        if let Node::Within(var, _) = self.terms.node(variable) {
            context.learn(Scalar::Free(*var), &ValueSet::single(u128::from(value)));
        }
    }

    /// The conditions on the peer, each with all the traffic for which it is the condition.
    fn by_traffic(
        &mut self,
        allow: Bool,
        subject: &EndTerms,
        literal: &EndTerms,
        direction: Direction,
    ) -> Vec<(Bool, Traffic)> {
        let (protocol_term, port_term) = (self.flow.protocol, self.flow.port);
        let mut roots: Vec<_> = literal.ports.values().copied().collect();
        roots.push(allow);
        let mut conditions: BTreeMap<Bool, Traffic> = BTreeMap::new();
        for protocol in Protocol::ALL {
            let mut of_protocol = Context::new();
            of_protocol.learn(protocol_term, &ValueSet::single(protocol_number(protocol)));
            for (first, last) in self.stretches(&roots, port_term) {
                let mut here = of_protocol.clone();
                here.learn(port_term, &ValueSet::single(first));
                if direction == Direction::Ingress {
                    // The workload's own named ports are known, once the port is.
                    for (ours, declares) in subject.ports.values().zip(literal.ports.values()) {
                        let declares = self.terms.restrict(*declares, &here);
                        self.learn(&mut here, *ours, declares == Bool::TRUE);
                    }
                }
                let condition = self.terms.restrict(allow, &here);
                if condition != Bool::FALSE {
                    let ports = PortSet::range(first as u16, last as u16);
                    let known = conditions.entry(condition).or_default();
                    *known = known.union(&Traffic::of(protocol, ports));
                }
            }
        }
        conditions.into_iter().collect()
    }

    /// The domain of a variable, cut wherever a set begins or ends that the terms compare it with.
    fn stretches(&self, roots: &[Bool], value: Scalar) -> Vec<(u128, u128)> {
        let Scalar::Free(wanted) = value else { return Vec::new() };
        let Some(variable) = self.terms.variable(wanted) else { return Vec::new() };
        let mut cuts: BTreeSet<u128> = variable.domain.first().into_iter().collect();
        for part in self.terms.parts(roots) {
            if let Node::Within(var, set) = self.terms.node(part)
                && *var == wanted
            {
                for (first, last) in set.intervals() {
                    cuts.insert(*first);
                    cuts.extend(last.checked_add(1));
                }
            }
        }
        cuts.retain(|cut| variable.domain.contains(*cut));
        let starts: Vec<_> = cuts.into_iter().collect();
        let end = variable.domain.intervals().last().map_or(0, |(_, last)| *last);
        let ends = starts.iter().skip(1).map(|next| next - 1).chain([end]);
        starts.iter().copied().zip(ends).collect()
    }

    /// The peers that meet the condition.
    fn peers_of(&mut self, condition: Bool, asked: &Asked) -> Result<Vec<PeerSet>, String> {
        let not = self.terms.and_not(asked.given, condition);
        if self.possible(not) == Some(false) {
            return Ok(vec![PeerSet::Everybody]);
        }
        let mut peers = Vec::new();
        for (selected, addresses) in self.labelled(condition, asked, kind::POD)? {
            let Selected { selector, ports, not_ports } = selected;
            peers.push(PeerSet::Pods { selector, ports, not_ports, addresses });
        }
        for (selected, addresses) in self.labelled(condition, asked, kind::NODE)? {
            peers.push(PeerSet::Nodes { selector: selected.selector.pods, addresses });
        }
        let outside = self.by_address(condition, &asked.peer, kind::ADDRESS);
        if let Some(set) = outside.get(&Bool::TRUE) {
            peers.push(PeerSet::Addresses(set.clone()));
        }
        Ok(peers)
    }

    /// Pods or nodes: those that may whatever their address, and what is to be added for some addresses.
    fn labelled(
        &mut self,
        condition: Bool,
        asked: &Asked,
        of: u128,
    ) -> Result<Vec<(Selected, Option<IpSet>)>, String> {
        let by_address = self.by_address(condition, &asked.peer, of);
        let always = self.terms.and(by_address.keys().copied().collect::<Vec<_>>());
        let mut found = Vec::new();
        for selected in self.cover(always, Bool::FALSE, asked, of)? {
            found.push((selected, None));
        }
        for (condition, addresses) in by_address {
            for selected in self.cover(condition, always, asked, of)? {
                found.push((selected, Some(addresses.clone())));
            }
        }
        Ok(found)
    }

    /// The condition on a kind of end, by its address.
    fn by_address(&mut self, condition: Bool, peer: &EndTerms, of: u128) -> BTreeMap<Bool, IpSet> {
        let mut found: BTreeMap<Bool, IpSet> = BTreeMap::new();
        for address in &peer.addresses {
            let mut context = Context::new();
            context.learn(peer.kind, &ValueSet::single(of));
            context.learn(self.flow.family, &ValueSet::single(u128::from(address.v6)));
            self.learn(&mut context, peer.host_network, false);
            self.learn(&mut context, peer.addressed, true);
            let condition = self.terms.restrict(condition, &context);
            for (first, last) in self.stretches(&[condition], address.bits) {
                let mut here = Context::new();
                here.learn(address.bits, &ValueSet::single(first));
                let condition = self.terms.restrict(condition, &here);
                let known = found.entry(condition).or_default();
                *known = known.union(&range(address.v6, first, last));
            }
        }
        found
    }

    /// Selectors of rules about pods of the namespace: they read better than anything that is made up.
    fn hints(&self, set: usize, pod: &PodSpec, direction: Direction) -> Vec<PodSelector> {
        let policies = self.policies.get(set).copied();
        let mut hints = Vec::new();
        for (_, _, policy) in policies.iter().flat_map(|set| set.policies()) {
            let here = match &policy.subject.namespaces {
                NamespaceSelector::Named(name) => **name == *pod.namespace,
                NamespaceSelector::Labels(_) => true,
            };
            for rule in policy.rules(direction).unwrap_or_default().iter().filter(|_| here) {
                let Peers::Listed(peers) = &rule.peers else { continue };
                hints.extend(peers.iter().filter_map(|peer| match &peer.matches {
                    PeerMatch::Pods(selector) => Some(selector.clone()),
                    _ => None,
                }));
            }
        }
        // The widest first: it may make the others unnecessary.
        hints.sort_by_cached_key(|hint| {
            let of_namespaces = match &hint.namespaces {
                NamespaceSelector::Named(_) => 1,
                NamespaceSelector::Labels(labels) => labels.requirements().len(),
            };
            (of_namespaces + hint.pods.requirements().len(), hint.clone())
        });
        hints.dedup();
        hints
    }
}

fn range(v6: bool, first: u128, last: u128) -> IpSet {
    if v6 {
        IpSet::from_parts(IntervalSet::EMPTY, IntervalSet::range(first, last))
    } else {
        IpSet::from_parts(IntervalSet::range(first as u32, last as u32), IntervalSet::EMPTY)
    }
}

/// Number of pairs of a protocol and a port.
fn size(traffic: &Traffic) -> u64 {
    let ports = Protocol::ALL.into_iter().flat_map(|protocol| traffic.ports(protocol).intervals());
    ports.map(|(first, last)| u64::from(*last) - u64::from(*first) + 1).sum()
}
