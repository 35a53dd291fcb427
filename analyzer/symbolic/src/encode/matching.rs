//! Selectors, peers, ports and ends as conditions on a flow.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::IpNet;
use npv_models::policy::{
    Action, Entity, NamespaceSelector, PeerMatch, Peers, PodSelector, PortItem, PortMatch, Ports, Same,
};
use npv_models::space::{IpSet, Protocol, Selector, Traffic};

use super::Encoder;
use crate::spec::{EndPart, EndSpec, Place, PodSpec, Question};
use crate::term::{Bool, Scalar, ValueSet};
use crate::vocabulary::Domain;
use crate::world::{AddressTerms, EndTerms, FlowTerms, kind, protocol_number};

impl Encoder<'_> {
    /// Selectors and named ports see the end, which is a pod (S-37).
    pub fn seen_pod(&mut self, end: &EndTerms) -> Bool {
        let pod = end.is(self.terms, kind::POD);
        if self.profile.selectors_see_host_network {
            return pod;
        }
        self.terms.and_not(pod, end.host_network)
    }

    /// The labels satisfy the selector (S-43, S-44).
    fn selector(
        &mut self,
        selector: &Selector,
        domains: &BTreeMap<Box<str>, Domain>,
        labels: &BTreeMap<Box<str>, Scalar>,
    ) -> Bool {
        let mut conditions = Vec::with_capacity(selector.requirements().len());
        for requirement in selector.requirements() {
            // A key outside the vocabulary is one that nothing was said about: nothing can be proved of it.
            let (Some(domain), Some(label)) = (domains.get(&requirement.key), labels.get(&requirement.key))
            else {
                return Bool::FALSE;
            };
            conditions.push(self.terms.within(*label, &domain.accepted(requirement)));
        }
        for choice in selector.choices() {
            let alternatives: Vec<_> =
                choice.iter().map(|selector| self.selector(selector, domains, labels)).collect();
            conditions.push(self.terms.or(alternatives));
        }
        self.terms.and(conditions)
    }

    /// Namespace *and* labels (S-13); of an assumed pod only a selector of everything is certain (S-84).
    /// Does not ask whether the end is a pod.
    pub fn pods(&mut self, selector: &PodSelector, end: &EndTerms) -> Bool {
        let vocabulary = self.vocabulary;
        let namespace = match &selector.namespaces {
            NamespaceSelector::Named(name) => {
                self.terms.is(end.namespace, vocabulary.names.number(Some(name)))
            }
            NamespaceSelector::Labels(labels) if labels.is_everything() && selector.pods.is_everything() => {
                return Bool::TRUE;
            }
            NamespaceSelector::Labels(labels) => {
                let known = self.terms.within(end.namespace, &vocabulary.names.present());
                let labels = self.selector(labels, &vocabulary.namespaces, &end.namespace_labels);
                self.terms.and([known, labels])
            }
        };
        let pods = self.selector(&selector.pods, &vocabulary.pods, &end.labels);
        self.terms.and([namespace, pods])
    }

    /// The peer of a rule with this action certainly matches the end, given the rule's subject.
    pub fn peer(&mut self, peer: &PeerMatch, action: Action, end: &EndTerms, subject: &EndTerms) -> Bool {
        // S-67.
        let closes = Bool::from_literal(matches!(action, Action::Deny | Action::Pass));
        match peer {
            PeerMatch::Pods(selector) => {
                let seen = self.seen_pod(end);
                let pods = self.pods(selector, end);
                self.terms.and([seen, pods])
            }
            PeerMatch::Block { cidr, except } => {
                // S-16, S-37.
                let (pod, node) = (end.is(self.terms, kind::POD), end.is(self.terms, kind::NODE));
                let on_host = self.terms.and([pod, end.host_network]);
                let on_node = self.terms.or([node, on_host]);
                let on_pods = self.terms.and_not(pod, end.host_network);
                let unseen =
                    [(self.profile.blocks_match_pods, on_pods), (self.profile.blocks_match_nodes, on_node)];
                let unseen = unseen.into_iter().filter(|(matched, _)| !matched).map(|(_, ends)| ends);
                let unseen = self.terms.or(unseen.collect::<Vec<_>>());
                let eligible = self.terms.not(unseen);
                let within = self.addresses(&block(cidr, except), &end.addresses);
                self.terms.and([eligible, within])
            }
            PeerMatch::Nodes(selector) => self.nodes(selector, end),
            PeerMatch::Domain(_) => {
                let address = end.is(self.terms, kind::ADDRESS);
                self.terms.and([closes, address])
            }
            PeerMatch::Unknown => closes,
            PeerMatch::All(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.peer(part, action, end, subject)).collect();
                self.terms.and(parts)
            }
            PeerMatch::Any(parts) => {
                let parts: Vec<_> = parts.iter().map(|part| self.peer(part, action, end, subject)).collect();
                self.terms.or(parts)
            }
            PeerMatch::Not(part) => {
                let part = self.peer(part, action.closing_otherwise(), end, subject);
                self.terms.not(part)
            }
            PeerMatch::Same(same) => {
                let seen = self.seen_pod(end);
                let same = match same {
                    Same::Namespace => self.terms.same(end.namespace, subject.namespace),
                    Same::NamespaceLabels(keys) => {
                        let mut equal = Vec::with_capacity(keys.len());
                        for key in keys {
                            let domain = self.vocabulary.namespaces.get(key);
                            let labels = (end.namespace_labels.get(key), subject.namespace_labels.get(key));
                            let (Some(domain), (Some(there), Some(own))) = (domain, labels) else {
                                return Bool::FALSE;
                            };
                            let known = self.terms.within(*own, &domain.present());
                            let same = self.terms.same(*there, *own);
                            equal.push(self.terms.and([known, same]));
                        }
                        self.terms.and(equal)
                    }
                };
                self.terms.and([seen, same])
            }
            PeerMatch::Entity(Entity::World) => end.is(self.terms, kind::ADDRESS),
            PeerMatch::Entity(_) => Bool::FALSE,
        }
    }

    /// Nodes and the pods on their network (S-64).
    fn nodes(&mut self, selector: &Selector, end: &EndTerms) -> Bool {
        let vocabulary = self.vocabulary;
        let labels = self.selector(selector, &vocabulary.nodes, &end.node_labels);
        let (node, pod) = (end.is(self.terms, kind::NODE), end.is(self.terms, kind::POD));
        let everything = Bool::from_literal(selector.is_everything());
        let unknown = self.terms.and_not(everything, end.on_node);
        let known = self.terms.and([end.on_node, labels]);
        let on_host = self.terms.or([known, unknown]);
        let on_host = self.terms.and([pod, end.host_network, on_host]);
        let is_node = self.terms.and([node, labels]);
        self.terms.or([is_node, on_host])
    }

    /// Any of the end's addresses is in the set (S-19).
    fn addresses(&mut self, set: &IpSet, addresses: &[AddressTerms]) -> Bool {
        let v4 = ValueSet::from_intervals(
            set.v4().intervals().iter().map(|(first, last)| (u128::from(*first), u128::from(*last))),
        );
        let mut found = Vec::with_capacity(addresses.len());
        for address in addresses {
            let values = if address.v6 { set.v6() } else { &v4 };
            let within = self.terms.within(address.bits, values);
            found.push(self.terms.and([address.present, within]));
        }
        self.terms.or(found)
    }

    /// Any of the peers matches the end; everybody where none are listed (S-7, S-9).
    pub fn peers(&mut self, peers: &Peers, action: Action, end: &EndTerms, subject: &EndTerms) -> Bool {
        match peers {
            Peers::Anyone => Bool::TRUE,
            Peers::Listed(peers) => {
                let matches: Vec<_> =
                    peers.iter().map(|peer| self.peer(&peer.matches, action, end, subject)).collect();
                self.terms.or(matches)
            }
        }
    }

    /// The flow's protocol and destination port are in the set (S-27).
    pub fn traffic(&mut self, traffic: &Traffic, flow: &FlowTerms) -> Bool {
        let mut found = Vec::with_capacity(3);
        for protocol in Protocol::ALL {
            let ports = traffic.ports(protocol).intervals();
            let ports = ValueSet::from_intervals(
                ports.iter().map(|(first, last)| (u128::from(*first), u128::from(*last))),
            );
            let by_protocol = self.terms.is(flow.protocol, protocol_number(protocol));
            let by_number = self.terms.within(flow.port, &ports);
            found.push(self.terms.and([by_protocol, by_number]));
        }
        // Protocols with the same ports fold into one condition; all of everything folds away.
        if traffic.is_all() { Bool::TRUE } else { self.terms.or(found) }
    }

    /// One entry of a rule's ports matches the flow.
    pub fn port(&mut self, port: &PortMatch, flow: &FlowTerms) -> Bool {
        match port {
            PortMatch::Numbers(traffic) => self.traffic(traffic, flow),
            PortMatch::Named { protocol, name } => {
                // S-24, S-25, S-26: what the destination pod declares.
                let seen = self.seen_pod(&flow.dst);
                let declared = flow.dst.ports.get(name).copied().unwrap_or(Bool::FALSE);
                let by_protocol = match protocol {
                    Some(protocol) => self.terms.is(flow.protocol, protocol_number(*protocol)),
                    None => Bool::TRUE,
                };
                self.terms.and([seen, declared, by_protocol])
            }
        }
    }

    /// One entry of the ports of a rule with this action certainly matches the flow: where it is limited to some
    /// requests, it is what denies.
    pub fn port_item(&mut self, item: &PortItem, action: Action, flow: &FlowTerms) -> Bool {
        let port = self.port(&item.matches, flow);
        match &item.requests {
            Some(_) if matches!(action, Action::Deny | Action::Pass) => port,
            Some(_) => Bool::FALSE,
            None => port,
        }
    }

    /// Any of the ports matches the flow (S-8, S-9).
    pub fn ports(&mut self, ports: &Ports, action: Action, flow: &FlowTerms) -> Bool {
        match ports {
            Ports::All => Bool::TRUE,
            Ports::Listed(items) => {
                let matches: Vec<_> = items.iter().map(|item| self.port_item(item, action, flow)).collect();
                self.terms.or(matches)
            }
        }
    }

    /// The question is about the flow.
    pub fn question(&mut self, question: &Question, flow: &FlowTerms) -> Bool {
        let mut conditions =
            vec![self.end(&question.from, &flow.src, flow), self.end(&question.to, &flow.dst, flow)];
        if let Some(not_from) = &question.not_from {
            let excluded = self.end(not_from, &flow.src, flow);
            conditions.push(self.terms.not(excluded));
        }
        if let Some(ports) = &question.ports {
            let ports: Vec<_> = ports.iter().map(|port| self.port(port, flow)).collect();
            conditions.push(self.terms.or(ports));
        }
        for relation in &question.relations {
            let (left, right) = (flow.src.label(relation), flow.dst.label(relation));
            let same = match (left, right) {
                (Some(left), Some(right)) => self.terms.same(left, right),
                // No vocabulary for it: nothing can be proved.
                _ => return Bool::FALSE,
            };
            conditions.push(if relation.same { same } else { self.terms.not(same) });
        }
        self.terms.and(conditions)
    }

    /// The two flows are the same as far as policies can tell. One with several addresses of a family at
    /// one end has no like among the free ones.
    pub fn identical(&mut self, left: &FlowTerms, right: &FlowTerms) -> Bool {
        let mut conditions = vec![
            self.terms.same(left.protocol, right.protocol),
            self.terms.same(left.port, right.port),
            self.alike(left.itself, right.itself),
            self.alike(left.same_node, right.same_node),
        ];
        for (left, right) in [(&left.src, &right.src), (&left.dst, &right.dst)] {
            conditions.push(self.alike_but_address(left, right));
            for v6 in [false, true] {
                conditions.push(self.same_address(v6, left, right));
            }
        }
        self.terms.and(conditions)
    }

    /// The two ends are the same as far as policies can tell, addresses apart.
    pub(crate) fn alike_but_address(&mut self, left: &EndTerms, right: &EndTerms) -> Bool {
        let mut conditions =
            vec![self.terms.same(left.kind, right.kind), self.alike(left.host_network, right.host_network)];
        // Only a pod has a namespace.
        let pod = left.is(self.terms, kind::POD);
        let namespaces = left.namespace_labels.values().zip(right.namespace_labels.values());
        for (left, right) in std::iter::once((&left.namespace, &right.namespace)).chain(namespaces) {
            let same = self.terms.same(*left, *right);
            conditions.push(self.terms.implies(pod, same));
        }
        for (left, right) in left.labels.values().zip(right.labels.values()) {
            conditions.push(self.terms.same(*left, *right));
        }
        // Only of a node, and of a pod on the host network, does the node matter; which no manifest shows can be any.
        let is_node = left.is(self.terms, kind::NODE);
        let on_host = self.terms.and([left.host_network, left.on_node]);
        let matters = self.terms.or([is_node, on_host]);
        let mut node = Vec::with_capacity(left.node_labels.len());
        for (left, right) in left.node_labels.values().zip(right.node_labels.values()) {
            node.push(self.terms.same(*left, *right));
        }
        let node = self.terms.and(node);
        conditions.push(self.terms.implies(matters, node));
        for (left, right) in left.ports.values().zip(right.ports.values()) {
            conditions.push(self.alike(*left, *right));
        }
        self.terms.and(conditions)
    }

    /// The end's address is one of the set; where the set has none of the flow's family, it is unknown.
    pub(crate) fn has_address_of(&mut self, set: &IpSet, end: &EndTerms, flow: &FlowTerms) -> Bool {
        let mut families = Vec::with_capacity(end.addresses.len());
        for address in &end.addresses {
            let of_family = self.terms.is(flow.family, u128::from(address.v6));
            let none = if address.v6 { set.v6().is_empty() } else { set.v4().is_empty() };
            let fits = if none {
                self.terms.not(end.addressed)
            } else {
                self.addresses(set, std::slice::from_ref(address))
            };
            families.push(self.terms.and([of_family, fits]));
        }
        self.terms.or(families)
    }

    fn alike(&mut self, left: Bool, right: Bool) -> Bool {
        let differs = self.terms.differs(left, right);
        self.terms.not(differs)
    }

    fn same_address(&mut self, v6: bool, left: &EndTerms, right: &EndTerms) -> Bool {
        let of = |end: &EndTerms| -> Vec<AddressTerms> {
            end.addresses.iter().filter(|address| address.v6 == v6).copied().collect()
        };
        match (of(left).as_slice(), of(right).as_slice()) {
            ([], []) => Bool::TRUE,
            ([only], []) | ([], [only]) => self.terms.not(only.present),
            ([left], [right]) => {
                let present = self.alike(left.present, right.present);
                let bits = self.terms.same(left.bits, right.bits);
                let bits = self.terms.implies(left.present, bits);
                self.terms.and([present, bits])
            }
            _ => Bool::FALSE,
        }
    }

    /// The question's end is this one.
    pub fn end(&mut self, spec: &EndSpec, end: &EndTerms, flow: &FlowTerms) -> Bool {
        let parts: Vec<_> = spec.any_of.iter().map(|part| self.part(part, end, flow)).collect();
        self.terms.or(parts)
    }

    fn part(&mut self, part: &EndPart, end: &EndTerms, flow: &FlowTerms) -> Bool {
        match part {
            EndPart::Anybody => Bool::TRUE,
            EndPart::Pods(selector) => {
                let seen = self.seen_pod(end);
                let pods = self.pods(selector, end);
                self.terms.and([seen, pods])
            }
            EndPart::Pod(pod) => self.exactly(pod, end, flow),
            EndPart::Nodes(selector) => self.nodes(selector, end),
            EndPart::Addresses(set) => {
                let address = end.is(self.terms, kind::ADDRESS);
                let within = self.addresses(set, &end.addresses);
                self.terms.and([address, within])
            }
        }
    }

    /// The end is a pod with exactly these labels and ports.
    fn exactly(&mut self, pod: &PodSpec, end: &EndTerms, flow: &FlowTerms) -> Bool {
        let vocabulary = self.vocabulary;
        let mut conditions = vec![end.is(self.terms, kind::POD)];
        conditions.push(self.terms.is(end.namespace, vocabulary.names.number(Some(&pod.namespace))));
        for (key, domain) in &vocabulary.pods {
            if let Some(label) = end.labels.get(key) {
                conditions.push(self.terms.is(*label, domain.number(pod.labels.get(key))));
            }
        }
        if let Some(labels) = &pod.namespace_labels {
            for (key, domain) in &vocabulary.namespaces {
                if let Some(label) = end.namespace_labels.get(key) {
                    conditions.push(self.terms.is(*label, domain.number(labels.get(key))));
                }
            }
        }
        for (name, declares) in &end.ports {
            let mut here = Vec::new();
            for declared in pod.ports.iter().filter(|declared| declared.name.as_ref() == Some(name)) {
                let by_protocol = self.terms.is(flow.protocol, protocol_number(declared.protocol));
                let by_number = self.terms.is(flow.port, u128::from(declared.number));
                here.push(self.terms.and([by_protocol, by_number]));
            }
            let here = self.terms.or(here);
            let differs = self.terms.differs(*declares, here);
            conditions.push(self.terms.not(differs));
        }
        let host_network = Bool::from_literal(pod.host_network);
        let differs = self.terms.differs(end.host_network, host_network);
        conditions.push(self.terms.not(differs));
        self.terms.and(conditions)
    }
}

impl EndTerms {
    fn label(&self, relation: &crate::spec::Relation) -> Option<Scalar> {
        let labels = match relation.place {
            Place::Pod => &self.labels,
            Place::Namespace => &self.namespace_labels,
            Place::Node => &self.node_labels,
        };
        labels.get(&relation.key).copied()
    }
}

/// A block without what is taken out of it (S-17, S-18).
pub fn block(cidr: &IpNet, except: &[IpNet]) -> IpSet {
    except.iter().fold(IpSet::net(*cidr), |rest, hole| rest.difference(&IpSet::net(*hole)))
}

/// The address with these bits.
pub fn address(v6: bool, bits: u128) -> IpAddr {
    if v6 { IpAddr::V6(bits.into()) } else { IpAddr::V4(u32::try_from(bits).unwrap_or(u32::MAX).into()) }
}
